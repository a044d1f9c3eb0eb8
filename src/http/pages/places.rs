/// The page that a browser is sent to if no other is named.
pub(super) const HOME: &str = "/admin/costs";

/// Where a key sees the images that it made.
pub(super) const OWN_GALLERY: &str = "/gallery";

/// Where the playground asks for images: as /v1 does, and by the browser's session too.
pub(super) const ASKED_BY_PAGE: &str = "/playground/v1";

/// A section of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Costs,
    Roi,
    Keys,
    Jobs,
    Gallery,
    OwnGallery,
    Batches,
    Webhooks,
    Settings,
    Playground,
    Reference,
    /// None of them.
    Elsewhere,
}

/// The navigation: a section, its address, the key of its name.
pub(super) const NAVIGATION: [(Section, &str, &str); 11] = [
    (Section::Costs, HOME, "nav-costs"),
    (Section::Roi, "/admin/roi", "nav-roi"),
    (Section::Keys, "/admin/keys", "nav-keys"),
    (Section::Jobs, "/admin/jobs", "nav-jobs"),
    (Section::Gallery, "/admin/gallery", "nav-gallery"),
    (Section::Batches, "/admin/batches", "nav-batches"),
    (Section::Webhooks, "/admin/webhooks", "nav-webhooks"),
    (Section::Settings, "/admin/settings", "nav-settings"),
    (Section::Playground, "/playground", "nav-playground"),
    (Section::OwnGallery, OWN_GALLERY, "nav-own-gallery"),
    (Section::Reference, "/docs", "nav-reference"),
];

/// Returns the entry of the navigation that `path` lies in; elsewhere, the address and name of the first entry.
pub(super) fn section_of(path: &str) -> (Section, &'static str, &'static str) {
    let (_, href, name) = NAVIGATION[0];
    let inside = NAVIGATION.into_iter().find(|(_, href, _)| path.starts_with(href));
    inside.unwrap_or((Section::Elsewhere, href, name))
}

/// Whether `place` is a path of this server: what a form may send a browser back to.
pub(super) fn is_local(place: &str) -> bool {
    let is_plain = place.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    place.starts_with('/') && !place.starts_with("//") && is_plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_of_this_server_is_gone_back_to() {
        for place in ["/admin/costs", "/admin/costs?month=2026-11&by=key", "/"] {
            assert!(is_local(place), "{place}");
        }
        for place in
            ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nb", "/a b", "/é"]
        {
            assert!(!is_local(place), "{place}");
        }
    }
}
