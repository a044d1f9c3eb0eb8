use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::Path,
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{super::error::LoadError, layout::is_read};

/// The SHA-256 by which a model's files are pinned. For a file it is the file's own. For a directory it is that of a list, a
/// line `SHA256  PATH` for each file that Tintype reads, sorted by path: what
/// `sha256sum FILES | LC_ALL=C sort -k2 | sha256sum` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelDigest(String);

impl ModelDigest {
    /// The digest of a directory whose files have these paths and digests.
    pub(super) fn of_list<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut lines: Vec<_> = files.map(|(path, sha256)| (path, format!("{sha256}  {path}\n"))).collect();
        lines.sort();
        let mut hash = Sha256::new();
        lines.iter().for_each(|(_, line)| hash.update(line));
        Self(base16ct::lower::encode_string(&hash.finalize()))
    }

    /// The digest of the only file of `files`, which has no path in it.
    pub(super) fn of_file(files: &[(&str, &str)]) -> Self {
        Self(files.first().map(|(_, sha256)| (*sha256).to_owned()).unwrap_or_default())
    }

    /// Reads a model's files and returns their digest. `path` is a file or a directory in the diffusers layout.
    ///
    /// # Errors
    /// Whatever the system says of a file that cannot be read.
    pub fn of_path(path: &Path) -> io::Result<Self> {
        if !path.is_dir() {
            return Ok(Self(sha256_of(&mut File::open(path)?, &mut |_| {})?));
        }
        let mut files = Vec::new();
        for entry in std::fs::read_dir(path)? {
            let entry = entry?.path();
            let inside = if entry.is_dir() { std::fs::read_dir(&entry)?.collect() } else { Vec::new() };
            for file in inside.into_iter().map(|file| file.map(|file| file.path())).chain([Ok(entry)]) {
                let file = file?;
                let name = file.strip_prefix(path).ok().and_then(Path::to_str).map(str::to_owned);
                files.extend(name.filter(|name| is_read(name) && file.is_file()));
            }
        }
        let hashed: Vec<(String, String)> = files
            .into_iter()
            .map(|name| Ok((sha256_of(&mut File::open(path.join(&name))?, &mut |_| {})?, name)))
            .map(|pair: io::Result<_>| pair.map(|(sha256, name)| (name, sha256)))
            .collect::<Result<_, _>>()?;
        Ok(Self::of_list(hashed.iter().map(|(name, sha256)| (&**name, &**sha256))))
    }

    /// Reads the model at `path` and compares its digest with this one.
    ///
    /// # Errors
    /// [`LoadError`] if the model has another digest, or cannot be read.
    pub(super) fn check(&self, path: &Path) -> Result<(), LoadError> {
        let shown = path.display().to_string();
        tracing::info!(model = shown, "comparing the model's SHA-256 with model.sha256");
        let found =
            Self::of_path(path).map_err(|source| LoadError::Unreadable { path: shown.clone(), source })?;
        if &found == self {
            Ok(())
        } else {
            Err(LoadError::Pinned { path: shown, pinned: self.to_string(), found: found.to_string() })
        }
    }
}

/// The SHA-256 of what `source` still has, in hexadecimal digits. `on_bytes` is called with the bytes read so far.
pub(super) fn sha256_of(source: &mut impl Read, on_bytes: &mut dyn FnMut(u64)) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(base16ct::lower::encode_string(&hash.finalize())),
            read => {
                hash.update(&buffer[..read]);
                bytes += read as u64;
                on_bytes(bytes);
            }
        }
    }
}

/// The SHA-256 of `bytes`, in hexadecimal digits.
pub(in crate::pipeline) fn sha256(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}

/// Lower case, as git and the hubs write it: two spellings of one id would be two files.
pub(super) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl FromStr for ModelDigest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if is_hex(text, 64) {
            Ok(Self(text.to_owned()))
        } else {
            Err("a SHA-256 has 64 hexadecimal digits in lower case; `tintype pull` prints it".into())
        }
    }
}

impl TryFrom<String> for ModelDigest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ModelDigest> for String {
    fn from(digest: ModelDigest) -> Self {
        digest.0
    }
}

impl fmt::Display for ModelDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_pinned_by_the_files_that_are_read_and_a_file_by_its_own() {
        let place = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(place.path().join("vae")).expect("made");
        for (file, text) in [("model_index.json", "{}"), ("vae/config.json", "abc"), ("README.md", "any")] {
            std::fs::write(place.path().join(file), text).expect("written");
        }
        // printf of the two lines into sha256sum.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let empty = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        let of_file = ModelDigest::of_path(&place.path().join("vae/config.json")).expect("read");
        assert_eq!(of_file.to_string(), abc);
        let of_directory = ModelDigest::of_path(place.path()).expect("read");
        let list = format!("{empty}  model_index.json\n{abc}  vae/config.json\n");
        assert_eq!(of_directory.to_string(), base16ct::lower::encode_string(&Sha256::digest(list)));

        std::fs::write(place.path().join("README.md"), "other").expect("written");
        assert!(of_directory.check(place.path()).is_ok(), "a file that is not read");
        std::fs::write(place.path().join("vae/config.json"), "abd").expect("written");
        let error = of_directory.check(place.path()).expect_err("another file").to_string();
        assert!(error.contains("model.sha256") && error.contains(&of_directory.to_string()), "{error}");
        assert!("ABC".parse::<ModelDigest>().is_err() && abc.to_uppercase().parse::<ModelDigest>().is_err());
    }
}
