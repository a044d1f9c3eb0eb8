use std::path::{Path, PathBuf};

/// The hub if HF_ENDPOINT names no other.
const ENDPOINT: &str = "https://huggingface.co";

/// What Hugging Face's own tools are configured by: the same variables of the environment, with the same defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    /// HF_ENDPOINT, without a slash at its end.
    pub(super) endpoint: String,
    /// HF_HUB_CACHE or HUGGINGFACE_HUB_CACHE, else `hub` in HF_HOME, else in the user's cache.
    pub(super) cache: PathBuf,
    /// The variable that forbids the network, if one does: HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE.
    pub(super) offline: Option<&'static str>,
    /// HF_TOKEN, or what `hf auth login` has kept. It is sent to the endpoint and to no other host.
    pub(super) token: Option<String>,
}

impl Settings {
    pub(super) fn from_env() -> Self {
        Self::read(|name| std::env::var(name).ok())
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let first = |names: &[&str]| names.iter().find_map(|name| set(name));
        let user = PathBuf::from(set("HOME").unwrap_or_default());
        let path = |text: String| match text.strip_prefix("~/") {
            Some(rest) => user.join(rest),
            None => PathBuf::from(text),
        };
        let home = set("HF_HOME").map_or_else(
            || set("XDG_CACHE_HOME").map_or_else(|| user.join(".cache"), path).join("huggingface"),
            path,
        );
        let is_on = |name: &str| {
            set(name).is_some_and(|value| {
                matches!(value.to_ascii_lowercase().as_str(), "1" | "on" | "yes" | "true")
            })
        };
        let token_file = set("HF_TOKEN_PATH").map_or_else(|| home.join("token"), path);
        Self {
            endpoint: set("HF_ENDPOINT").unwrap_or(ENDPOINT.to_owned()).trim_end_matches('/').to_owned(),
            cache: first(&["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"]).map_or_else(|| home.join("hub"), path),
            offline: ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"].into_iter().find(|name| is_on(name)),
            token: first(&["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"])
                .or_else(|| kept_token(&token_file))
                .map(|token| token.trim().to_owned()),
        }
    }
}

fn kept_token(file: &Path) -> Option<String> {
    std::fs::read_to_string(file).ok().filter(|token| !token.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Settings {
        Settings::read(|name| {
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
        assert_eq!(read(&[("HF_TOKEN", " hf_abc\n")]).token.as_deref(), Some("hf_abc"));
    }
}
