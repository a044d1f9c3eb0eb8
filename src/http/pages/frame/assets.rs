use std::sync::LazyLock;

use actix_web::{HttpResponse, http::header, web};
use sha2::{Digest, Sha256};

use crate::http::api::error::ApiError;

/// A file that pages ask for.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! assets {
    ($($content_type:ident: $($path:literal),*;)*) => {
        /// Every file, compiled in.
        const ASSETS: &[Asset] = &[$($(
            Asset {
                name: name_of($path),
                content_type: $content_type,
                bytes: include_bytes!(concat!("../", $path)),
            },
        )*)*];
    };
}

// Each stands beside its page; its address has the last part of its path.
assets! {
    CSS: "frame/style.css", "batches/batches.css", "charts/charts.css", "costs/costs.css", "gallery/gallery.css", "jobs/jobs.css", "keys/keys.css",
        "playground/playground.css", "reference/reference.css", "roi/roi.css", "settings/settings.css", "webhooks/webhooks.css";
    SVG: "frame/icon.svg";
    JS: "costs/costs.js", "frame/ask.js", "frame/copy.js", "frame/keep-forms.js", "frame/live.js", "gallery/gallery.js", "roi/roi.js", "settings/settings.js", "playground/playground.js", "playground/playground-again.js", "playground/playground-api.js",
        "playground/playground-blank.js", "playground/playground-card.js", "playground/playground-code.js", "playground/playground-compare.js",
        "playground/playground-edit.js", "playground/playground-form.js", "playground/playground-gallery.js",
        "playground/playground-key.js", "playground/playground-known.js", "playground/playground-known-words.js",
        "playground/playground-loras.js", "playground/playground-mask.js", "playground/playground-painter.js",
        "playground/playground-price.js", "playground/playground-source.js", "playground/playground-store.js", "playground/playground-words.js", "playground/playground-work.js";
}

/// The part of `path` behind its slash.
const fn name_of(path: &'static str) -> &'static str {
    let mut slash = 0;
    while path.as_bytes()[slash] != b'/' {
        slash += 1;
    }
    path.split_at(slash + 1).1
}

/// How long a file may be kept: its address changes with any file's content.
const FOR_A_YEAR: &str = "public, max-age=31536000, immutable";
/// Characters of the version.
const VERSION_LEN: usize = 12;

/// What the addresses begin with: the same for all files, so that a script may import another by its bare name.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for asset in ASSETS {
        hash.update(asset.name);
        hash.update(asset.bytes.len().to_be_bytes());
        hash.update(asset.bytes);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>()[..VERSION_LEN].to_owned()
});

/// Returns the address of the file `name`.
pub(in crate::http) fn asset(name: &str) -> String {
    debug_assert!(ASSETS.iter().any(|asset| asset.name == name), "no file {name}");
    format!("/assets/{}/{name}", *VERSION)
}

/// GET /assets/{version}/{name}. An address of another version is unknown: its content is gone.
pub(in crate::http) async fn serve(place: web::Path<(String, String)>) -> Result<HttpResponse, ApiError> {
    let (version, name) = place.into_inner();
    let found = ASSETS.iter().find(|asset| asset.name == name && version == *VERSION);
    let asset = found.ok_or_else(|| ApiError::unknown_url("Invalid URL: no such file.".into()))?;
    Ok(HttpResponse::Ok()
        .content_type(asset.content_type)
        .insert_header((header::CACHE_CONTROL, FOR_A_YEAR))
        .body(asset.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_files_have_one_name_and_none_names_another_server() {
        for (index, asset) in ASSETS.iter().enumerate() {
            assert!(ASSETS[..index].iter().all(|other| other.name != asset.name), "{}", asset.name);
            let text = String::from_utf8_lossy(asset.bytes);
            let foreign = text.replace("http://www.w3.org/", "");
            assert!(!foreign.contains("url(http") && !foreign.contains("@import"), "{}", asset.name);
        }
    }

    #[test]
    fn an_address_has_the_version_of_all_files() {
        assert_eq!(asset("style.css"), format!("/assets/{}/style.css", *VERSION));
        assert!(VERSION.len() == VERSION_LEN && VERSION.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    /// The style sheets, by name and text.
    fn sheets() -> impl Iterator<Item = (&'static str, &'static str)> {
        let sheets = ASSETS.iter().filter(|asset| asset.content_type == CSS);
        sheets.map(|asset| (asset.name, std::str::from_utf8(asset.bytes).expect("text")))
    }

    #[test]
    fn what_is_for_paper_comes_last_in_a_sheet() {
        for (name, text) in sheets() {
            // Its rules are indented; its end is the first line that is a brace alone.
            let Some((_, paper)) = text.split_once("\n@media print") else { continue };
            let behind = match paper.split_once('\n') {
                Some((first, rest)) if first.ends_with('}') => rest,
                _ => paper.split_once("\n}").expect("its end").1,
            };
            assert_eq!(behind.trim(), "", "{name} has rules behind those for paper");
        }
    }

    #[test]
    fn no_rule_stands_in_two_sheets() {
        let mut seen = std::collections::BTreeMap::new();
        for (name, text) in sheets() {
            for rule in text.lines().map(str::trim).filter(|line| line.contains('{') && line.ends_with('}')) {
                // Within one sheet a rule may come again for another width.
                let other = seen.insert(rule, name).filter(|other| *other != name);
                assert_eq!(other, None, "{name} has the same: {rule}");
            }
        }
    }
}
