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
