use std::{fmt, str::FromStr};

use super::check_label;

/// Most characters of a tag.
const CHARS_MAX: usize = 128;

/// What a client files a request under, such as a project: 1 to 128 characters, none of which controls how text is shown.
///
/// ```
/// use tintype::domain::CostTag;
///
/// assert_eq!(" spring campaign ".parse::<CostTag>().expect("a tag").as_str(), "spring campaign");
/// assert!("two\nlines".parse::<CostTag>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CostTag(String);

/// A text that is not a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a tag is 1 to {CHARS_MAX} characters, none of which controls how text is shown")]
pub struct CostTagError;

impl CostTag {
    /// The tag's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Spaces around a tag are dropped.
impl FromStr for CostTag {
    type Err = CostTagError;

    fn from_str(text: &str) -> Result<Self, CostTagError> {
        let text = text.trim();
        check_label(text, CHARS_MAX).map_err(|_| CostTagError)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for CostTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_short_and_without_control_characters() {
        let longest = "项".repeat(128);
        for text in ["a", "spring campaign", "=2+3", longest.as_str()] {
            assert_eq!(text.parse::<CostTag>().expect("a tag").as_str(), text);
        }
        assert_eq!(" a ".parse::<CostTag>().expect("a tag").as_str(), "a");
        for text in ["", " ", "a\tb", "a\u{7f}", "a\u{85}b", "a\u{202e}b", "a\u{2066}b", &"x".repeat(129)] {
            assert_eq!(text.parse::<CostTag>(), Err(CostTagError), "{text:?}");
        }
    }
}
