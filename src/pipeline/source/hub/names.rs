//! Text from the network that may become a part of a path. Nothing else may.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    super::{layout::is_part, pin::is_hex},
    fault::Fault,
};

/// The commit of a revision: 40 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Commit(String);

/// What the cache calls a file's bytes: the SHA-256 of a large file, git's id of a small one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BlobId(String);

impl Commit {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        if is_hex(text, 40) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Fault::hostile(format!("the commit {} is not 40 hexadecimal digits", shown(text))))
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
        if is_hex(text, 40) || is_hex(text, 64) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Fault::hostile(format!("the ETag {} is not 40 or 64 hexadecimal digits", shown(text))))
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

/// Whether `path` names a file inside a directory, on any system: it has no `..`, no hidden part, nothing that a terminal acts on.
pub(super) fn is_inside(path: &str) -> bool {
    let is_odd = |c: char| c.is_control() || "\\:*?\"<>|".contains(c);
    !path.contains(is_odd) && path.split('/').all(|part| !part.is_empty() && !part.starts_with('.'))
}

/// `path` as it stands in a URL's path.
pub(super) fn in_url(path: &str) -> String {
    path.split('/').map(encoded).collect::<Vec<_>>().join("/")
}

/// `text` as it stands in a URL's query.
pub(super) fn encoded(text: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, KEPT).to_string()
}

/// The beginning of a text from the network, quoted so that nothing in it reaches a terminal as it is.
pub(super) fn shown(text: &str) -> String {
    const SHOWN_MAX: usize = 60;
    let short: String = text.chars().take(SHOWN_MAX).collect();
    let rest = if short.len() < text.len() { "…" } else { "" };
    format!("{short:?}{rest}")
}

/// Whose protocol a repository is fetched by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hub {
    /// Hugging Face, or a mirror of it.
    HuggingFace,
    /// ModelScope.
    ModelScope,
}

impl Hub {
    /// The revision that is fetched if none is named.
    pub(super) const fn usual_revision(self) -> &'static str {
        match self {
            Self::HuggingFace => "main",
            Self::ModelScope => "master",
        }
    }

    /// As it is written before a repository, `huggingface` or `modelscope`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HuggingFace => "huggingface",
            Self::ModelScope => "modelscope",
        }
    }
}

/// A repository of a hub, `[huggingface:|modelscope:]owner/name[@revision]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its hub.
    pub hub: Hub,
    /// `owner/name`.
    pub name: String,
    /// A branch, a tag or a commit; none: the hub's usual branch.
    pub revision: Option<String>,
}

impl Repository {
    /// Reads the name of a repository; none if `text` is a path, or nothing of the kind.
    pub fn parse(text: &str) -> Option<Self> {
        let (hub, rest) = match text.split_once(':') {
            Some(("huggingface", rest)) => (Hub::HuggingFace, rest),
            Some(("modelscope", rest)) => (Hub::ModelScope, rest),
            Some(_) => return None,
            None => (Hub::HuggingFace, text),
        };
        let (name, revision) = match rest.split_once('@') {
            Some((name, revision)) => (name, Some(revision)),
            None => (rest, None),
        };
        let (owner, model) = name.split_once('/')?;
        let is_named = is_part(owner) && is_part(model) && revision.is_none_or(is_part);
        is_named.then(|| Self { hub, name: name.to_owned(), revision: revision.map(str::to_owned) })
    }

    /// The same at `revision`.
    ///
    /// # Errors
    /// A line that says how a revision is written.
    pub fn at(self, revision: &str) -> Result<Self, String> {
        if is_part(revision) {
            Ok(Self { revision: Some(revision.to_owned()), ..self })
        } else {
            Err(format!("{} is not a revision; write a branch, a tag or a commit", shown(revision)))
        }
    }

    /// The revision to ask the hub for.
    pub(super) fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or(self.hub.usual_revision())
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.hub == Hub::ModelScope {
            write!(f, "{}:", self.hub.as_str())?;
        }
        f.write_str(&self.name)?;
        self.revision.iter().try_for_each(|revision| write!(f, "@{revision}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_distinguished_from_paths() {
        let plain = Repository::parse("Tongyi-MAI/Z-Image-Turbo").expect("a repository");
        assert_eq!((plain.hub, plain.revision()), (Hub::HuggingFace, "main"));
        assert_eq!(Repository::parse("huggingface:Tongyi-MAI/Z-Image-Turbo"), Some(plain));
        let other = Repository::parse("modelscope:Tongyi-MAI/Z-Image@v1.0").expect("a repository");
        assert_eq!(
            (other.hub, &*other.name, other.revision()),
            (Hub::ModelScope, "Tongyi-MAI/Z-Image", "v1.0")
        );
        assert_eq!(other.to_string(), "modelscope:Tongyi-MAI/Z-Image@v1.0");
        assert_eq!(Repository::parse("modelscope:a/b").expect("a repository").revision(), "master");
        for path in [
            "./model",
            "../model",
            "/models/z",
            "models/z/turbo",
            "model",
            "~/model",
            "a/",
            "C:/z",
            "https://a/b",
            "modelscope:a",
            "modelscope:../b",
            "a/b@",
            "a/b@../c",
            "a/b@c/d",
            "elsewhere:a/b",
            "a/b@c@d",
        ] {
            assert_eq!(Repository::parse(path), None, "{path}");
        }
        assert!(Repository::parse("a/b").expect("a repository").at("refs/pr/1").is_err());
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
    fn names_of_files_are_written_in_urls() {
        assert_eq!(in_url("a b/画风_v1.0-x.safetensors"), "a%20b/%E7%94%BB%E9%A3%8E_v1.0-x.safetensors");
        assert_eq!(encoded("a/b?&=#"), "a%2Fb%3F%26%3D%23");
    }

    #[test]
    fn hostile_text_is_shown_short_and_escaped() {
        assert_eq!(shown("a\u{1b}[2J"), "\"a\\u{1b}[2J\"");
        assert!(shown(&"x".repeat(1_000_000)).len() < 80);
    }
}
