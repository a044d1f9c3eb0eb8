use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::names::{Hub, Repository};

/// To connect.
pub(super) const CONNECT_MAX: Duration = Duration::from_secs(10);
/// From a request to the head of its answer.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// Longest silence in the middle of a file.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// What the hubs' own tools are configured by: the same variables of the environment, with the same defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    /// HF_ENDPOINT; for ModelScope MODELSCOPE_ENDPOINT or MODELSCOPE_DOMAIN. Without a slash at its end.
    pub(super) endpoint: String,
    /// HF_HUB_CACHE or HUGGINGFACE_HUB_CACHE, else `hub` in HF_HOME, else in the user's cache.
    pub(super) cache: PathBuf,
    /// Where ModelScope's tools keep models, of several versions: MODELSCOPE_CACHE, or in the user's cache. New ones come
    /// into the first.
    pub(super) modelscope_caches: Vec<PathBuf>,
    /// The variable that forbids the network, if one does: HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE.
    pub(super) offline: Option<&'static str>,
    /// The header that shows who asks: HF_TOKEN or what `hf auth login` has kept; MODELSCOPE_API_TOKEN. It is sent to the
    /// endpoint and to no other host.
    pub(super) credential: Option<(&'static str, String)>,
    /// HF_HUB_ETAG_TIMEOUT, for both hubs.
    pub(super) answer_max: Duration,
    /// HF_HUB_DOWNLOAD_TIMEOUT, for both hubs.
    pub(super) silence_max: Duration,
}

impl Settings {
    pub(super) fn from_env(hub: Hub) -> Self {
        Self::read(hub, |name| std::env::var(name).ok())
    }

    /// The same with another endpoint, which gets no credential unless it is the configured one.
    pub(super) fn at(self, endpoint: &str) -> Self {
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        let credential = self.credential.filter(|_| endpoint == self.endpoint);
        Self { endpoint, credential, ..self }
    }

    fn read(hub: Hub, variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let first = |names: &[&str]| names.iter().find_map(|name| set(name));
        let user = PathBuf::from(set("HOME").unwrap_or_default());
        let path = |text: String| match text.strip_prefix("~/") {
            Some(rest) => user.join(rest),
            None => PathBuf::from(text),
        };
        let caches = set("XDG_CACHE_HOME").map_or_else(|| user.join(".cache"), path);
        let home = set("HF_HOME").map_or_else(|| caches.join("huggingface"), path);
        let is_on = |name: &str| {
            set(name).is_some_and(|value| {
                matches!(value.to_ascii_lowercase().as_str(), "1" | "on" | "yes" | "true")
            })
        };
        let seconds = |name: &str, usual: Duration| {
            set(name).and_then(|text| text.trim().parse().ok()).map_or(usual, Duration::from_secs)
        };
        let (endpoint, credential) = match hub {
            Hub::HuggingFace => {
                let token_file = set("HF_TOKEN_PATH").map_or_else(|| home.join("token"), path);
                let token =
                    first(&["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]).or_else(|| kept_token(&token_file));
                let credential = token.map(|token| ("Authorization", format!("Bearer {}", token.trim())));
                (set("HF_ENDPOINT").unwrap_or("https://huggingface.co".to_owned()), credential)
            }
            Hub::ModelScope => {
                let endpoint = first(&["MODELSCOPE_ENDPOINT", "MODELSCOPE_DOMAIN"]);
                let token = set("MODELSCOPE_API_TOKEN");
                let credential = token.map(|token| ("Cookie", format!("m_session_id={}", token.trim())));
                (with_scheme(endpoint.unwrap_or("www.modelscope.cn".to_owned())), credential)
            }
        };
        // MODELSCOPE_CACHE is the place itself in modelscope 1.2x, and holds `hub` in older versions.
        let modelscope = set("MODELSCOPE_CACHE").map_or_else(|| user.join(".cache/modelscope/hub"), path);
        let modelscope_caches =
            ["models", "", "hub/models", "hub"].map(|folder| modelscope.join(folder)).to_vec();
        Self {
            endpoint: endpoint.trim().trim_end_matches('/').to_owned(),
            cache: first(&["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"]).map_or_else(|| home.join("hub"), path),
            modelscope_caches,
            offline: ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"].into_iter().find(|name| is_on(name)),
            credential,
            answer_max: seconds("HF_HUB_ETAG_TIMEOUT", ANSWER_MAX),
            silence_max: seconds("HF_HUB_DOWNLOAD_TIMEOUT", SILENCE_MAX),
        }
    }

    /// Where ModelScope's tools would have `repository`. They write no dot into a directory's name.
    pub(super) fn modelscope_directories(&self, repository: &Repository) -> Vec<PathBuf> {
        let (owner, model) = repository.name.split_once('/').unwrap_or_default();
        self.modelscope_caches.iter().map(|cache| cache.join(owner).join(model.replace('.', "___"))).collect()
    }
}

/// MODELSCOPE_DOMAIN is a host's name.
fn with_scheme(address: String) -> String {
    if address.contains("://") { address } else { format!("https://{address}") }
}

fn kept_token(file: &Path) -> Option<String> {
    std::fs::read_to_string(file).ok().filter(|token| !token.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Settings {
        read_for(Hub::HuggingFace, variables)
    }

    fn read_for(hub: Hub, variables: &[(&str, &str)]) -> Settings {
        Settings::read(hub, |name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_cache_is_where_hugging_faces_tools_have_it() {
        let cache = |variables: &[(&str, &str)]| read(variables).cache.display().to_string();
        let home = ("HOME", "/home/a");
        assert_eq!(cache(&[home]), "/home/a/.cache/huggingface/hub");
        assert_eq!(cache(&[home, ("XDG_CACHE_HOME", "/c")]), "/c/huggingface/hub");
        assert_eq!(cache(&[home, ("XDG_CACHE_HOME", "/c"), ("HF_HOME", "/m")]), "/m/hub");
        assert_eq!(cache(&[home, ("HF_HOME", "~/m")]), "/home/a/m/hub");
        let (old, new) = (("HUGGINGFACE_HUB_CACHE", "/old"), ("HF_HUB_CACHE", "/new"));
        assert_eq!(cache(&[home, ("HF_HOME", "/m"), old]), "/old");
        assert_eq!(cache(&[home, old, new]), "/new");
        assert_eq!(cache(&[home, ("HF_HUB_CACHE", " "), ("HF_HOME", "")]), "/home/a/.cache/huggingface/hub");
    }

    #[test]
    fn an_endpoint_ends_without_a_slash_and_the_network_can_be_forbidden() {
        assert_eq!(read(&[]).endpoint, "https://huggingface.co");
        assert_eq!(read(&[("HF_ENDPOINT", "https://hf-mirror.com/")]).endpoint, "https://hf-mirror.com");
        for (value, is_off) in [("1", true), ("True", true), ("ON", true), ("0", false), ("", false)] {
            assert_eq!(read(&[("HF_HUB_OFFLINE", value)]).offline.is_some(), is_off, "{value}");
        }
        assert_eq!(read(&[("TRANSFORMERS_OFFLINE", "yes")]).offline, Some("TRANSFORMERS_OFFLINE"));
        let credential = Some(("Authorization", "Bearer hf_abc".to_owned()));
        assert_eq!(read(&[("HF_TOKEN", " hf_abc\n")]).credential, credential);
        assert_eq!(read(&[("HF_HUB_DOWNLOAD_TIMEOUT", "3")]).silence_max, Duration::from_secs(3));
        assert_eq!(read(&[("HF_HUB_DOWNLOAD_TIMEOUT", "soon")]).silence_max, SILENCE_MAX);
    }

    #[test]
    fn a_credential_is_shown_to_the_configured_hub_alone() {
        let settings = read(&[("HF_TOKEN", "hf_abc")]);
        assert_eq!(settings.clone().at("https://mirror.example/").credential, None);
        assert!(settings.at("https://huggingface.co/").credential.is_some());
    }

    #[test]
    fn modelscope_is_configured_as_its_client_is() {
        let read = |variables: &[(&str, &str)]| read_for(Hub::ModelScope, variables);
        assert_eq!(read(&[]).endpoint, "https://www.modelscope.cn");
        assert_eq!(read(&[("MODELSCOPE_DOMAIN", "www.modelscope.ai")]).endpoint, "https://www.modelscope.ai");
        assert_eq!(read(&[("MODELSCOPE_ENDPOINT", "http://127.0.0.1:9/")]).endpoint, "http://127.0.0.1:9");
        let credential = Some(("Cookie", "m_session_id=ms-1".to_owned()));
        assert_eq!(read(&[("MODELSCOPE_API_TOKEN", "ms-1"), ("HF_TOKEN", "hf_abc")]).credential, credential);
        let repository = Repository::parse("modelscope:Tongyi-MAI/Z-Image-1.5").expect("a repository");
        let places = |settings: Settings| {
            let places = settings.modelscope_directories(&repository);
            places.iter().map(|place| place.display().to_string()).collect::<Vec<_>>()
        };
        let usual = places(read(&[("HOME", "/home/a")]));
        assert_eq!(usual[0], "/home/a/.cache/modelscope/hub/models/Tongyi-MAI/Z-Image-1___5");
        let set = places(read(&[("MODELSCOPE_CACHE", "/m")]));
        assert_eq!(set[0], "/m/models/Tongyi-MAI/Z-Image-1___5");
        assert!(set.contains(&"/m/hub/Tongyi-MAI/Z-Image-1___5".to_owned()), "{set:?}");
    }
}
