use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::service::ImageFile;

/// What stands in JSON for a file until the answer is sent. No other text of an answer has a NUL.
const MARK: &str = "\0";
/// The same as JSON writes it.
const WRITTEN_MARK: &str = "\\u0000";

/// A part of an answer's body.
#[derive(Debug, Clone)]
pub(in crate::http) enum Part {
    /// Text, as it is.
    Text(String),
    /// A file, to be sent in base64.
    Base64(ImageFile),
}

/// The place of a file in JSON.
#[derive(Debug, Clone, Copy)]
pub(super) struct FilePlace;

impl Serialize for FilePlace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MARK)
    }
}

/// `value` as JSON between `before` and `after`, with `files` in their places. A large answer is never one text in memory.
pub(super) fn with_files(
    before: &str,
    value: &impl Serialize,
    after: &str,
    files: Vec<ImageFile>,
) -> serde_json::Result<Vec<Part>> {
    let json = serde_json::to_string(value)?;
    let mut texts = json.split(WRITTEN_MARK).map(str::to_owned);
    let mut parts = vec![Part::Text(format!("{before}{}", texts.next().unwrap_or_default()))];
    for (file, text) in files.into_iter().zip(texts) {
        parts.extend([Part::Base64(file), Part::Text(text)]);
    }
    parts.push(Part::Text(after.to_owned()));
    Ok(parts)
}

impl Part {
    /// Bytes of the body that it makes.
    pub(in crate::http) fn len(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Base64(file) => file.length().div_ceil(3) * 4,
        }
    }

    /// Bytes of memory that it holds until it is sent.
    pub(in crate::http) fn held(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Base64(ImageFile::InMemory(bytes)) => bytes.len(),
            Self::Base64(ImageFile::Kept { .. }) => 0,
        }
    }
}

impl From<Arc<[u8]>> for Part {
    fn from(bytes: Arc<[u8]>) -> Self {
        Self::Base64(ImageFile::InMemory(bytes))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_take_their_places_in_the_json() {
        let file = |byte: u8| ImageFile::InMemory([byte; 4].into());
        let value = json!([FilePlace, "x", FilePlace]);
        let parts = with_files("<", &value, ">", vec![file(1), file(2)]).expect("JSON");
        let shown: Vec<_> = parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Base64(ImageFile::InMemory(bytes)) => format!("{bytes:?}"),
                Part::Base64(ImageFile::Kept { .. }) => "kept".into(),
            })
            .collect();
        assert_eq!(shown, ["<[\"", "[1, 1, 1, 1]", "\",\"x\",\"", "[2, 2, 2, 2]", "\"]", ">"]);
        assert_eq!(parts.iter().map(Part::len).sum::<u64>(), 3 + 8 + 7 + 8 + 2 + 1);
    }
}
