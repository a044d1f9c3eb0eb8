use std::sync::LazyLock;

use actix_web::{HttpResponse, http::header, web};
use sha2::{Digest, Sha256};

use crate::http::error::ApiError;

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
    ($($content_type:ident: $($name:literal),*;)*) => {
        /// Every file, compiled in.
        const ASSETS: &[Asset] = &[$($(
            Asset { name: $name, content_type: $content_type, bytes: include_bytes!(concat!("../", $name)) },
        )*)*];
    };
}

assets! {
    CSS: "style.css", "charts.css", "costs.css", "jobs.css", "keys.css", "playground.css", "roi.css";
    SVG: "icon.svg";
    JS: "copy.js", "jobs.js", "roi.js", "playground.js", "playground-api.js", "playground-code.js", "playground-form.js",
        "playground-gallery.js", "playground-key.js", "playground-price.js", "playground-words.js";
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

/// Where a page finds the file `name`.
pub(in crate::http) fn asset(name: &str) -> String {
    debug_assert!(ASSETS.iter().any(|asset| asset.name == name), "no file {name}");
    format!("/assets/{}/{name}", *VERSION)
}

/// GET /assets/{version}/{name}. Another version's address finds nothing: its content is not known any more.
pub(in crate::http) async fn serve(place: web::Path<(String, String)>) -> Result<HttpResponse, ApiError> {
    let (version, name) = place.into_inner();
    let found = ASSETS.iter().find(|asset| asset.name == name && version == *VERSION);
    let asset = found.ok_or_else(|| ApiError::unknown_url("GET", &format!("/assets/{version}/{name}")))?;
    Ok(HttpResponse::Ok()
        .content_type(asset.content_type)
        .insert_header((header::CACHE_CONTROL, FOR_A_YEAR))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
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
}
