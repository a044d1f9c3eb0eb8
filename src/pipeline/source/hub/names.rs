//! Text from the network that may become a part of a path. Nothing else may.

use super::fault::Fault;

/// The commit of a revision: 40 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Commit(String);

/// What the cache calls a file's bytes: the SHA-256 of a large file, git's id of a small one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BlobId(String);

impl Commit {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        match is_hex(text, 40) {
            true => Ok(Self(text.to_owned())),
            false => Err(Fault::hostile(format!("the commit {} is not 40 hexadecimal digits", shown(text)))),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl BlobId {
    /// From an ETag, quoted or not, weak or not.
    pub(super) fn parse(etag: &str) -> Result<Self, Fault> {
        let text = etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"');
        match is_hex(text, 40) || is_hex(text, 64) {
            true => Ok(Self(text.to_owned())),
            false => {
                Err(Fault::hostile(format!("the ETag {} is not 40 or 64 hexadecimal digits", shown(text))))
            }
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The SHA-256 that the file's bytes must have, if this is one.
    pub(super) fn sha256(&self) -> Option<&str> {
        (self.0.len() == 64).then_some(&*self.0)
    }
}

/// Lower case, as git and the hub write it: two spellings of one id would be two files.
fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The beginning of a text from the network, quoted so that nothing in it reaches a terminal as it is.
pub(super) fn shown(text: &str) -> String {
    const SHOWN_MAX: usize = 60;
    let short: String = text.chars().take(SHOWN_MAX).collect();
    let rest = if short.len() < text.len() { "…" } else { "" };
    format!("{short:?}{rest}")
}

/// Whether `model` names a repository on the hub (`owner/name`) and not a directory.
pub fn is_repository(model: &str) -> bool {
    matches!(model.split_once('/'), Some((owner, name)) if is_part(owner) && is_part(name))
}

fn is_part(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && !text.starts_with('.') && text.chars().all(allowed)
}

/// The files of the diffusers layout that Tintype reads: no .bin, .gguf or .onnx twins, no example images.
pub(super) fn is_read(file: &str) -> bool {
    let Some((component, name)) = file.split_once('/') else { return false };
    is_part(name)
        && match component {
            "tokenizer" => matches!(name, "tokenizer.json" | "tokenizer_config.json"),
            "scheduler" => name == "scheduler_config.json",
            "text_encoder" | "transformer" | "vae" => {
                name == "config.json"
                    || name.ends_with(".safetensors")
                    || name.ends_with(".safetensors.index.json")
            }
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_told_from_directories() {
        assert!(is_repository("Tongyi-MAI/Z-Image-Turbo"));
        for path in ["./model", "../model", "/models/z", "models/z/turbo", "model", "~/model", "a/"] {
            assert!(!is_repository(path), "{path}");
        }
    }

    #[test]
    fn only_what_is_read_is_fetched() {
        assert!(is_read("transformer/diffusion_pytorch_model-00001-of-00003.safetensors"));
        assert!(is_read("transformer/diffusion_pytorch_model.safetensors.index.json"));
        assert!(is_read("tokenizer/tokenizer.json"));
        for file in [
            "tokenizer/merges.txt",
            "tokenizer/x.json",
            "assets/example.png",
            "README.md",
            "transformer/../../evil.json",
            "transformer/..\\evil.safetensors",
            "transformer/.safetensors",
            "transformer/a\0.safetensors",
            "../transformer/config.json",
        ] {
            assert!(!is_read(file), "{file:?}");
        }
    }

    #[test]
    fn what_becomes_a_path_is_hexadecimal_digits() {
        let (git, sha256) = ("0123456789abcdef0123456789abcdef01234567", "a".repeat(64));
        assert_eq!(Commit::parse(git).expect("a commit").as_str(), git);
        for etag in [format!("\"{git}\""), format!("W/\"{git}\""), git.to_owned()] {
            assert_eq!(BlobId::parse(&etag).expect("an id").as_str(), git);
        }
        let large = BlobId::parse(&format!("\"{sha256}\"")).expect("an id");
        assert_eq!(large.sha256(), Some(&*sha256));
        assert_eq!(BlobId::parse(git).expect("an id").sha256(), None);
        let upper = git.to_uppercase();
        for text in ["", "e1", "../../../x", "/root/.profile", &git[1..], &format!("{git}/"), &upper] {
            assert!(Commit::parse(text).is_err() && BlobId::parse(text).is_err(), "{text:?}");
        }
        assert!(Commit::parse(&sha256).is_err(), "a commit has 40");
    }

    #[test]
    fn hostile_text_is_shown_short_and_escaped() {
        assert_eq!(shown("a\u{1b}[2J"), "\"a\\u{1b}[2J\"");
        assert!(shown(&"x".repeat(1_000_000)).len() < 80);
    }
}
