//! The directory of a batch's images: the manifest, and beside it what an interrupted command left to go on with.

use std::{
    fs::{self, File, TryLockError},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{cli::CliError, os, units::Money};

/// A line for every image.
const MANIFEST: &str = "manifest.jsonl";
/// The run that is not collected yet.
const RUN: &str = ".tintype-batch.json";
/// Locked by the command that has the directory.
const LOCK: &str = ".tintype-batch.lock";
/// Ends the name of a file that is not written in full yet.
const PART: &str = ".tintype-part";

/// A directory, held by one command at a time.
#[derive(Debug)]
pub(super) struct Place {
    directory: PathBuf,
    manifest: PathBuf,
    /// The server; none for one of this process.
    server: Option<String>,
    _lock: File,
}

/// A batch that is created, or about to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Run {
    /// What its batch is called, by which it is found if its id was never noted.
    pub(super) name: String,
    /// The id of its batch.
    pub(super) batch: Option<String>,
    /// What it was expected to cost.
    pub(super) expected: Option<Money>,
}

/// A run as it stands on the disk.
#[derive(Serialize, Deserialize)]
struct Noted {
    server: Option<String>,
    #[serde(flatten)]
    run: Run,
}

impl Place {
    /// Takes `directory`, made as needed, for a batch on `server`. One with files of something else is refused.
    pub(super) fn open(directory: PathBuf, server: Option<&str>) -> Result<Self, CliError> {
        let unusable = |error: io::Error| {
            CliError::Usage(format!("{}: {error}; pass another --out", directory.display()))
        };
        let is_new = make(&directory).map_err(unusable)?;
        let manifest = directory.join(MANIFEST);
        let is_ours = [MANIFEST, RUN, LOCK].iter().any(|file| directory.join(file).exists());
        if !is_new && !is_ours && fs::read_dir(&directory).map_err(unusable)?.next().is_some() {
            let message = format!("{}: it has other files; pass another --out", directory.display());
            return Err(CliError::Usage(message));
        }
        let lock = os::open_lock(&directory.join(LOCK)).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {
                remove_parts(&directory).map_err(unusable)?;
                Ok(Self { directory, manifest, server: server.map(str::to_owned), _lock: lock })
            }
            Err(TryLockError::WouldBlock) => {
                let message = format!("{}: another tintype batch is at work here", directory.display());
                Err(CliError::Usage(message))
            }
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn manifest(&self) -> &Path {
        &self.manifest
    }

    /// The run that an earlier command did not bring to its end.
    pub(super) fn run(&self) -> Result<Option<Run>, CliError> {
        let file = self.directory.join(RUN);
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&file, &error)),
        };
        let Noted { server, run } = serde_json::from_str(&text).map_err(|error| {
            CliError::Usage(format!("{}: {error}; remove it to begin a new batch", file.display()))
        })?;
        if server == self.server {
            return Ok(Some(run));
        }
        let remedy =
            server.map_or_else(|| "leave --server out".into(), |server| format!("pass --server {server}"));
        let message =
            format!("{}: its batch is elsewhere; {remedy}, or another --out", self.directory.display());
        Err(CliError::Usage(message))
    }

    pub(super) fn note_run(&self, run: &Run) -> Result<(), CliError> {
        let noted = Noted { server: self.server.clone(), run: run.clone() };
        let text =
            serde_json::to_string_pretty(&noted).map_err(|error| CliError::Failed(error.to_string()))?;
        self.write(RUN, text.as_bytes())
    }

    pub(super) fn forget_run(&self) -> Result<(), CliError> {
        let file = self.directory.join(RUN);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(&file, &error)),
            _ => Ok(()),
        }
    }

    /// Writes the file `name`: it is on the disk in full when this returns, or as it was.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), CliError> {
        let file = self.directory.join(name);
        let part = self.directory.join(format!(".{name}{PART}"));
        let write = || -> io::Result<()> {
            // What this command could not write in full earlier.
            fs::remove_file(&part).ok();
            let mut written = os::create_new(&part)?;
            written.write_all(bytes)?;
            written.sync_all()?;
            os::share(&part)?;
            fs::rename(&part, &file)?;
            File::open(&self.directory)?.sync_all()
        };
        write().map_err(|error| failed(&file, &error))
    }

    /// Removes an image that the manifest has no longer. One that is gone already is no loss.
    pub(super) fn remove(&self, name: &str) {
        fs::remove_file(self.directory.join(name)).ok();
    }

    /// Writes the manifest.
    pub(super) fn write_manifest(&self, text: &str) -> Result<(), CliError> {
        self.write(MANIFEST, text.as_bytes())
    }
}

/// Makes `directory` as needed, with the mode that people's directories have. True if it was not there.
fn make(directory: &Path) -> io::Result<bool> {
    if directory.is_dir() {
        return Ok(false);
    }
    fs::create_dir_all(directory)?;
    os::share(directory)?;
    Ok(true)
}

/// Removes what a command that was killed left half written.
fn remove_parts(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().ends_with(PART.as_bytes()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn failed(file: &Path, error: &io::Error) -> CliError {
    CliError::Failed(format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_run_is_found_again_on_its_server_only() {
        let root = TempDir::new().expect("a directory");
        let directory = root.path().join("mugs");
        let run = Run { name: "a".into(), batch: None, expected: Some(Money::from_nano(7)) };
        let open = |server: Option<&str>| Place::open(directory.clone(), server);
        let place = open(None).expect("taken");
        assert_eq!(place.run().expect("read"), None);
        place.note_run(&run).expect("noted");
        let other = open(None).expect_err("taken twice").to_string();
        assert!(other.contains("at work"), "{other}");
        drop(place);
        let elsewhere = open(Some("http://a:1")).expect("taken").run().expect_err("refused").to_string();
        assert!(elsewhere.contains("leave --server out"), "{elsewhere}");
        let place = open(None).expect("taken");
        assert_eq!(place.run().expect("read"), Some(run));
        place.forget_run().expect("forgotten");
        assert_eq!(place.run().expect("read"), None);
    }

    #[test]
    fn what_a_killed_command_left_half_written_is_removed() {
        let root = TempDir::new().expect("a directory");
        let directory = root.path().join("mugs");
        let open = || Place::open(directory.clone(), None).expect("taken");
        let names = || -> Vec<_> {
            let names =
                fs::read_dir(&directory).expect("listed").map(|entry| entry.expect("an entry").file_name());
            let mut names: Vec<_> = names.collect();
            names.sort();
            names
        };
        let place = open();
        place.write("mug-1.png", b"an image").expect("written");
        drop(place);
        let whole = names();
        assert_eq!(whole, [LOCK, "mug-1.png"]);
        // Of whatever file, also of one that the next command does not write.
        for name in [RUN, MANIFEST, "mug-2.png"] {
            fs::write(directory.join(format!(".{name}{PART}")), "half").expect("written");
        }
        open();
        assert_eq!(names(), whole);
    }

    #[test]
    fn a_directory_of_other_files_is_left_alone() {
        let root = TempDir::new().expect("a directory");
        fs::write(root.path().join("holiday.png"), "precious").expect("written");
        let refused = Place::open(root.path().to_owned(), None).expect_err("refused").to_string();
        assert!(refused.contains("other files"), "{refused}");
        assert_eq!(fs::read_dir(root.path()).expect("listed").count(), 1, "nothing is added");
    }
}
