//! What travels between nodes through the store of images, by its path: `sources/019ab…_0`, `partials/019ab…_0_2.png`. No folder a
//! request: one that is empty would stay.

use crate::domain::{ImageFormat, RequestId};

/// What is edited, sealed, until its request has ended.
pub const SOURCES: &str = "sources";
/// Images on their way, until their request has ended.
pub const PARTIALS: &str = "partials";

/// Where part `part` of what `request` edits is.
pub(super) fn source(request: RequestId, part: usize) -> String {
    format!("{SOURCES}/{}_{part}", request.to_digits())
}

/// Where look `index` at image `image` of `request` is.
pub fn partial(request: RequestId, image: u32, index: u32, format: ImageFormat) -> String {
    format!("{PARTIALS}/{}_{image}_{index}.{}", request.to_digits(), format.extension())
}

/// Whose the object at `path` is; none if it is no request's.
pub fn request_of(path: &str) -> Option<RequestId> {
    let name = path.rsplit('/').next()?;
    RequestId::from_digits(name.split('_').next()?)
}

/// Which look at image 0 the object at `path` is; none if it is another object.
pub fn look_of(path: &str) -> Option<u32> {
    let (name, _) = path.strip_prefix(PARTIALS)?.rsplit_once('.')?;
    let mut parts = name.rsplit('_');
    let index = parts.next()?.parse().ok()?;
    (parts.next()? == "0").then_some(index)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_path_says_whose_it_is() {
        let id = RequestId::new(Timestamp::UNIX_EPOCH, [1; 10]);
        let path = partial(id, 0, 2, ImageFormat::Jpeg);
        assert_eq!((request_of(&path), look_of(&path)), (Some(id), Some(2)));
        assert_eq!((request_of(&source(id, 1)), look_of(&source(id, 1))), (Some(id), None));
        assert_eq!(look_of(&partial(id, 1, 2, ImageFormat::Png)), None);
        assert_eq!(request_of("sources/notes.txt"), None);
    }
}
