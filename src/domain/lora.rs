use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The strongest that a request may apply a LoRA, either way.
pub const LORA_WEIGHT_MAX: f64 = 10.0;
/// Most characters of a LoRA's name.
pub const LORA_NAME_MAX: usize = 100;

/// A LoRA of a request, and how strongly it is applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoraUse {
    /// Its name in the library.
    pub name: String,
    /// 1 is as it was trained.
    pub weight: f64,
    /// SHA-256 of its file in hexadecimal digits; none until the file has been read.
    pub sha256: Option<String>,
}

impl fmt::Display for LoraUse {
    /// `style at 0.8, sha256 …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.name, self.weight)?;
        self.sha256.iter().try_for_each(|sha256| write!(f, ", sha256 {sha256}"))
    }
}

impl FromStr for LoraUse {
    type Err = String;

    /// Reads `NAME[:WEIGHT]`. Splits at the last colon if a number follows it: names of files may have colons.
    fn from_str(text: &str) -> Result<Self, String> {
        let weighted = text.rsplit_once(':').and_then(|(name, weight)| {
            let weight: f64 = weight.trim().parse().ok()?;
            Some((name, weight))
        });
        let (name, weight) = weighted.unwrap_or((text, 1.0));
        if name.is_empty() || !weight.is_finite() {
            return Err("write a LoRA's name or file, and :WEIGHT if it is not 1".into());
        }
        Ok(Self { name: name.to_owned(), weight, sha256: None })
    }
}

/// Whether a LoRA can be called `name`: letters, digits, spaces and a few signs, so that it is not a path and needs no
/// escapes.
pub fn is_lora_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_alphanumeric() || " ._-+()".contains(c);
    (1..=LORA_NAME_MAX).contains(&name.chars().count())
        && !name.starts_with('.')
        && name.trim() == name
        && name.chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_is_what_follows_the_last_colon_if_it_is_a_number() {
        let read = |text: &str| text.parse::<LoraUse>().map(|lora| (lora.name, lora.weight));
        assert_eq!(read("style"), Ok(("style".into(), 1.0)));
        assert_eq!(read("style:0.8"), Ok(("style".into(), 0.8)));
        assert_eq!(read("style:-0.5"), Ok(("style".into(), -0.5)));
        assert_eq!(read("style:+1e-1"), Ok(("style".into(), 0.1)));
        assert_eq!(read("style: 2"), Ok(("style".into(), 2.0)));
        assert_eq!(read("C:\\loras\\a.safetensors"), Ok(("C:\\loras\\a.safetensors".into(), 1.0)));
        assert_eq!(read("a:b:2"), Ok(("a:b".into(), 2.0)));
        assert_eq!(read("a:1:2"), Ok(("a:1".into(), 2.0)));
        assert_eq!(read("a:"), Ok(("a:".into(), 1.0)));
        for text in ["", ":1", "a:inf", "a:NaN"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_is_no_path() {
        for name in ["style", "Anime-Z v1.2 (final)", "画风", "a+b"] {
            assert!(is_lora_name(name), "{name}");
        }
        let long = "a".repeat(LORA_NAME_MAX + 1);
        for name in ["", ".hidden", "../up", "a/b", "a\\b", "a:b", "a,b", " a", "a ", "a\nb", "<a>", &long] {
            assert!(!is_lora_name(name), "{name}");
        }
    }
}
