use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::{AppError, LEDGER_FILE};
use crate::os::{self, Closed};

/// Files of the data directory that hold secrets or costs, and directories of images and files. Not all of them are there.
const PRIVATE: [&str; 9] = [
    LEDGER_FILE,
    "ledger.sqlite3-wal",
    "ledger.sqlite3-shm",
    SESSION_KEY,
    LINKS_KEY,
    super::PROFILES_FILE,
    super::IMAGES_DIRECTORY,
    super::FILES_DIRECTORY,
    LOCK_FILE,
];
/// What signs the sessions of the operator's pages.
pub(super) const SESSION_KEY: &str = "session.key";
/// What signs links to images.
pub(super) const LINKS_KEY: &str = "links.key";
/// Locked by the server that has the directory.
pub(crate) const LOCK_FILE: &str = "server.lock";

/// The data directory, held by one server or restore at a time.
#[derive(Debug)]
pub(crate) struct DataDir {
    root: PathBuf,
    lock: File,
}

/// Makes the data directory as needed, and closes it and what is in it to everybody but its owner: keys, receipts and
/// images are nobody else's.
///
/// # Errors
/// [`AppError::DataDir`] if it cannot be made, or is open to everybody and cannot be closed.
pub(crate) fn prepare_data_dir(root: &Path) -> Result<(), AppError> {
    let error = |path: &Path, cause: io::Error, remedy: &str| AppError::DataDir {
        path: path.to_owned(),
        reason: format!("{cause}; {remedy}"),
    };
    check_place(root).map_err(|reason| AppError::DataDir { path: root.to_owned(), reason })?;
    os::create_private_directory(root).map_err(|cause| {
        error(root, cause, "let the server's user write there, or pass another --data-dir")
    })?;
    // The directory itself may be a link to another disk.
    for path in std::iter::once(root.join(".")).chain(PRIVATE.map(|name| root.join(name))) {
        let shown = path.components().as_path().display();
        match os::close_to_others(&path) {
            Ok(Closed::AsItWas) => {}
            Ok(Closed::Now(mode)) => {
                tracing::warn!("{shown} was open to others (mode {mode:o}); it is closed to them now");
            }
            Ok(Closed::StaysOpen(mode)) => {
                tracing::warn!("{shown} is open to others (mode {mode:o}), and cannot be closed");
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => {
                return Err(error(
                    &path,
                    cause,
                    "everybody may read or write it: take that away with chmod go=",
                ));
            }
        }
    }
    Ok(())
}

/// Refuses what cannot be the data directory, or what nobody would want to be closed.
fn check_place(root: &Path) -> Result<(), String> {
    let is_in_use = [LEDGER_FILE, LOCK_FILE].iter().any(|file| root.join(file).exists());
    // A disk in memory that was mounted for it begins like that, and empty.
    let is_empty = || fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_none());
    if os::is_everybodys(root) && !is_in_use && !is_empty() {
        let own = root.join("tintype");
        return Err(format!(
            "others use this directory too, and it would be closed to them; pass one of its own, such as {}",
            own.display()
        ));
    }
    if root.symlink_metadata().is_ok() && !root.is_dir() {
        return Err("it is not a directory; pass another --data-dir".into());
    }
    Ok(())
}

impl DataDir {
    pub(crate) fn open(root: &Path) -> Result<Self, AppError> {
        prepare_data_dir(root)?;
        let error = |reason: String| AppError::DataDir { path: root.to_owned(), reason };
        let lock = os::open_lock(&root.join(LOCK_FILE)).map_err(|cause| {
            error(format!("{LOCK_FILE}: {cause}; let the server's user write to its files, and remove links"))
        })?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root: root.to_owned(), lock }),
            Err(TryLockError::WouldBlock) => Err(error(
                "another Tintype server is using it; stop that one or pass another --data-dir".into(),
            )),
            Err(TryLockError::Error(cause)) => Err(error(cause.to_string())),
        }
    }

    /// Notes in the lock's file where this server listens, for [`noted_address`].
    pub(super) fn note_address(&self, address: SocketAddr) -> Result<(), AppError> {
        let line = format!("{address}\n");
        let written = self.lock.set_len(0).and_then(|()| (&self.lock).write_all(line.as_bytes()));
        written.map_err(|cause| AppError::DataDir {
            path: self.path(LOCK_FILE),
            reason: format!("{cause}; let the server's user write to its files, and make room on the disk"),
        })
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// The secret in `file`: made at the first start, readable by its owner only.
    pub(super) fn secret(&self, file: &str) -> Result<[u8; 32], AppError> {
        let path = self.path(file);
        let read_or_make = || -> io::Result<[u8; 32]> {
            match os::open_to_read(&path) {
                Ok(file) => read_secret(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let secret: [u8; 32] = rand::random();
                    let mut file = os::create_new(&path)?;
                    file.write_all(&secret)?;
                    file.sync_all()?;
                    Ok(secret)
                }
                Err(error) => Err(error),
            }
        };
        read_or_make().map_err(|cause| AppError::DataDir {
            reason: format!("{cause}; remove the file to have a new one made"),
            path,
        })
    }
}

/// Where the server that has the data directory `root`, or had it last, listens; none if none ever did.
pub(crate) fn noted_address(root: &Path) -> Option<SocketAddr> {
    let mut line = String::new();
    os::open_to_read(&root.join(LOCK_FILE)).ok()?.take(128).read_to_string(&mut line).ok()?;
    line.trim().parse().ok()
}

/// Exactly 32 bytes that somebody drew. A file that is all one byte is a disk's hole or a placeholder, which anybody
/// guesses.
fn read_secret(file: File) -> io::Result<[u8; 32]> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut bytes = Vec::new();
    file.take(33).read_to_end(&mut bytes)?;
    let secret: [u8; 32] = bytes.try_into().map_err(|_| invalid("it does not have 32 bytes"))?;
    if secret.iter().all(|byte| *byte == secret[0]) {
        Err(invalid("its 32 bytes are all alike, so it is not secret"))
    } else {
        Ok(secret)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, symlink},
    };

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("a file").permissions().mode() & 0o777
    }

    #[test]
    fn a_directory_that_was_open_is_closed_with_all_that_is_in_it() {
        let place = tempfile::tempdir().expect("a directory");
        let root = place.path().join("data");
        fs::create_dir_all(root.join("pictures")).expect("made");
        for file in [LEDGER_FILE, "ledger.sqlite3-wal", SESSION_KEY, "shapes.json"] {
            fs::write(root.join(file), "secret").expect("written");
            fs::set_permissions(root.join(file), fs::Permissions::from_mode(0o644)).expect("opened");
        }
        for directory in [&root, &root.join("pictures")] {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).expect("opened");
        }
        DataDir::open(&root).expect("taken");
        assert_eq!((mode(&root), mode(&root.join("pictures"))), (0o700, 0o700));
        for file in [LEDGER_FILE, "ledger.sqlite3-wal", SESSION_KEY, "shapes.json", LOCK_FILE] {
            assert_eq!(mode(&root.join(file)), 0o600, "{file}");
        }
    }

    #[test]
    fn a_directory_that_everybody_uses_is_refused_and_left_as_it_is() {
        let place = tempfile::tempdir().expect("a directory");
        let [shared, link, file, dangling] =
            ["shared", "link", "file", "dangling"].map(|name| place.path().join(name));
        fs::create_dir(&shared).expect("made");
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).expect("opened");
        fs::write(shared.join("theirs"), "precious").expect("written");
        symlink(&shared, &link).expect("a link");
        fs::write(&file, "precious").expect("written");
        symlink(place.path().join("nothing"), &dangling).expect("a link");
        for (root, said) in [
            (shared.as_path(), "shared/tintype"),
            (link.as_path(), "link/tintype"),
            (Path::new("/"), "/tintype"),
            (file.as_path(), "not a directory"),
            (dangling.as_path(), "not a directory"),
        ] {
            let error = prepare_data_dir(root).expect_err("refused").to_string();
            assert!(error.contains(said), "{error}");
        }
        assert_eq!(mode(&shared), 0o777);
        prepare_data_dir(&shared.join("tintype")).expect("one of its own");
        assert_eq!((mode(&shared), mode(&shared.join("tintype"))), (0o777, 0o700));
        let mounted = place.path().join("mounted");
        fs::create_dir(&mounted).expect("made");
        fs::set_permissions(&mounted, fs::Permissions::from_mode(0o1777)).expect("opened");
        prepare_data_dir(&mounted).expect("nobody uses it yet");
        assert_eq!(mode(&mounted), 0o700);
        fs::write(shared.join(LEDGER_FILE), "").expect("written");
        prepare_data_dir(&shared).expect("it has been the data directory before");
        assert_eq!(mode(&shared), 0o700);
    }

    #[test]
    fn a_secret_that_anybody_could_guess_is_refused() {
        let place = tempfile::tempdir().expect("a directory");
        let data_dir = DataDir::open(place.path()).expect("taken");
        let made = data_dir.secret(SESSION_KEY).expect("made");
        assert_eq!(data_dir.secret(SESSION_KEY).expect("kept"), made);
        for bytes in [&[0; 32][..], &[7; 32], &[], &made[..31], &[made, made].concat()] {
            fs::write(place.path().join(SESSION_KEY), bytes).expect("written");
            let error = data_dir.secret(SESSION_KEY).expect_err("refused").to_string();
            assert!(error.contains(SESSION_KEY) && error.contains("remove the file"), "{error}");
        }
    }

    #[test]
    fn planted_links_are_refused_and_their_targets_left_alone() {
        let place = tempfile::tempdir().expect("a directory");
        let (root, precious) = (place.path().join("data"), place.path().join("precious"));
        fs::create_dir(&root).expect("made");
        fs::write(&precious, "precious").expect("written");
        let data_dir = DataDir::open(&root).expect("taken");
        symlink(&precious, root.join(SESSION_KEY)).expect("planted");
        assert!(data_dir.secret(SESSION_KEY).is_err(), "a secret that somebody else can read");
        drop(data_dir);
        fs::remove_file(root.join(LOCK_FILE)).expect("removed");
        symlink(&precious, root.join(LOCK_FILE)).expect("planted");
        let error = DataDir::open(&root).expect_err("refused").to_string();
        assert!(error.contains(LOCK_FILE), "{error}");
        assert_eq!(fs::read_to_string(&precious).expect("read"), "precious");
    }
}
