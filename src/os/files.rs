use std::{
    fs::{self, File, OpenOptions},
    io,
    path::Path,
};

/// From now on, files that this process makes are readable by their owner only, unless [`share`] says otherwise.
pub fn keep_files_private() {
    #[cfg(unix)]
    unix::keep_files_private();
}

/// Gives a file or directory that people asked for, such as an image, the mode that their umask allows.
///
/// # Errors
/// Whatever the system says.
pub fn share(file: &Path) -> io::Result<()> {
    #[cfg(unix)]
    unix::share(file)?;
    Ok(())
}

/// Makes a directory that only its owner may enter, and the directories above it as needed.
///
/// # Errors
/// Whatever the system says.
pub fn create_private_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// Opens a file whose content is of no matter, to lock it. It is made as needed and never emptied, and a symbolic link is
/// refused: whoever planted it would choose which file is touched.
///
/// # Errors
/// Whatever the system says.
pub fn open_lock(path: &Path) -> io::Result<File> {
    open_to_continue(path)
}

/// Opens a file to write it from its beginning. It is made as needed, and a symbolic link is refused.
///
/// # Errors
/// Whatever the system says.
pub fn open_to_write(path: &Path) -> io::Result<File> {
    without_links(OpenOptions::new().write(true).create(true).truncate(true)).open(path)
}

/// Opens a file to write into it as it is. It is made as needed, and a symbolic link is refused.
///
/// # Errors
/// Whatever the system says.
pub fn open_to_continue(path: &Path) -> io::Result<File> {
    without_links(OpenOptions::new().write(true).create(true).truncate(false)).open(path)
}

/// Makes a file that is not there yet.
///
/// # Errors
/// Whatever the system says.
pub fn create_new(path: &Path) -> io::Result<File> {
    without_links(OpenOptions::new().write(true).create_new(true)).open(path)
}

/// Opens a file to read it. A symbolic link is refused.
///
/// # Errors
/// Whatever the system says.
pub fn open_to_read(path: &Path) -> io::Result<File> {
    without_links(OpenOptions::new().read(true)).open(path)
}

/// Makes a named pipe, which whoever reads it would wait for.
#[cfg(all(test, unix))]
pub fn make_pipe(path: &Path) {
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).expect("a pipe");
}

fn without_links(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    unix::without_links(options);
    options
}

/// What was done about a file or directory that others could read or write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// It was its owner's alone.
    AsItWas,
    /// Others had the rights of this mode; they have none any more.
    Now(u32),
    /// Others have the rights of this mode, which cannot be taken: it belongs to somebody else and is open to its group
    /// alone, or its file system is read-only.
    StaysOpen(u32),
}

/// Takes from everybody but the owner every right to a file or directory. A group's rights to what belongs to somebody else
/// stay, since volumes of containers are given to a process by its group, and so do all rights on a read-only file system,
/// such as a mounted backup.
///
/// # Errors
/// Whatever the system says, if everybody has rights to it and they cannot be taken.
pub fn close_to_others(path: &Path) -> io::Result<Closed> {
    #[cfg(unix)]
    return unix::close_to_others(path);
    #[cfg(not(unix))]
    Ok(Closed::AsItWas)
}

/// Whether `path` is a directory that others use too, so that no program may close it: the root of all, or one in which
/// everybody may make files (the sticky bit), such as /tmp. False if there is none.
pub fn is_everybodys(path: &Path) -> bool {
    #[cfg(unix)]
    let is_everybodys = unix::is_everybodys(path);
    #[cfg(not(unix))]
    let is_everybodys = path.canonicalize().is_ok_and(|path| path.parent().is_none());
    is_everybodys
}

#[cfg(unix)]
mod unix {
    use std::{
        fs::{self, OpenOptions, Permissions},
        io,
        os::unix::fs::{OpenOptionsExt, PermissionsExt},
        path::Path,
        sync::OnceLock,
    };

    use rustix::{
        fs::{Mode, OFlags},
        process::umask,
    };

    use super::Closed;

    const OTHERS: u32 = 0o077;
    const EVERYBODY: u32 = 0o007;

    /// The umask that this process was started with.
    static STARTED_WITH: OnceLock<Mode> = OnceLock::new();

    pub(super) fn keep_files_private() {
        let before = umask(Mode::RWXG | Mode::RWXO);
        STARTED_WITH.get_or_init(|| before);
    }

    pub(super) fn share(file: &Path) -> io::Result<()> {
        let Some(umask) = STARTED_WITH.get() else { return Ok(()) };
        let everybody_may = match fs::metadata(file)?.file_type() {
            kind if kind.is_file() => 0o666,
            kind if kind.is_dir() => 0o777,
            // A device such as /dev/stdout, whose mode is not ours.
            _ => return Ok(()),
        };
        Ok(rustix::fs::chmod(file, Mode::from_bits_truncate(everybody_may).difference(*umask))?)
    }

    pub(super) fn without_links(options: &mut OpenOptions) {
        // Without NONBLOCK a pipe that somebody planted would be waited for without end.
        options.mode(0o600).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    }

    pub(super) fn is_everybodys(path: &Path) -> bool {
        const STICKY: u32 = 0o1000;
        let is_root = path.canonicalize().is_ok_and(|path| path.parent().is_none());
        is_root
            || fs::metadata(path)
                .is_ok_and(|found| found.is_dir() && found.permissions().mode() & STICKY != 0)
    }

    pub(super) fn close_to_others(path: &Path) -> io::Result<Closed> {
        let found = fs::symlink_metadata(path)?;
        let mode = found.permissions().mode() & 0o7777;
        // What a symbolic link points to is not ours to change.
        if found.is_symlink() || mode & OTHERS == 0 {
            return Ok(Closed::AsItWas);
        }
        match fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS)) {
            Ok(()) => Ok(Closed::Now(mode)),
            Err(error) if mode & EVERYBODY == 0 || error.kind() == io::ErrorKind::ReadOnlyFilesystem => {
                Ok(Closed::StaysOpen(mode))
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{
        fs::Permissions,
        os::unix::fs::{PermissionsExt, symlink},
    };

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("a file").permissions().mode() & 0o777
    }

    #[test]
    fn what_others_may_read_is_closed_and_said() {
        let place = tempfile::tempdir().expect("a directory");
        let file = place.path().join("ledger.sqlite3");
        fs::write(&file, "receipts").expect("written");
        fs::set_permissions(&file, Permissions::from_mode(0o664)).expect("opened");
        assert_eq!(close_to_others(&file).expect("closed"), Closed::Now(0o664));
        assert_eq!(mode(&file), 0o600);
        assert_eq!(close_to_others(&file).expect("closed"), Closed::AsItWas);
        fs::set_permissions(place.path(), Permissions::from_mode(0o755)).expect("opened");
        assert_eq!(close_to_others(place.path()).expect("closed"), Closed::Now(0o755));
        assert_eq!(mode(place.path()), 0o700);
        assert!(close_to_others(&place.path().join("none")).is_err());
    }

    #[test]
    fn a_planted_pipe_is_not_waited_for() {
        let place = tempfile::tempdir().expect("a directory");
        let pipe = place.path().join("session.key");
        make_pipe(&pipe);
        assert!(open_lock(&pipe).is_err() && open_to_write(&pipe).is_err() && create_new(&pipe).is_err());
        let mut read = String::new();
        let mut opened = open_to_read(&pipe).expect("opened");
        std::io::Read::read_to_string(&mut opened, &mut read).expect("it ends");
        assert_eq!(read, "");
    }

    #[test]
    fn a_planted_link_is_refused_and_its_target_left_alone() {
        let place = tempfile::tempdir().expect("a directory");
        let [target, link, fresh] = ["precious", "server.lock", "new"].map(|name| place.path().join(name));
        fs::write(&target, "precious").expect("written");
        symlink(&target, &link).expect("planted");
        fs::set_permissions(&target, Permissions::from_mode(0o644)).expect("opened");
        assert_eq!(close_to_others(&link).expect("passed over"), Closed::AsItWas);
        assert_eq!(mode(&target), 0o644);
        assert!(open_lock(&link).is_err() && open_to_write(&link).is_err());
        // A link to nothing would make a file somewhere else.
        symlink(place.path().join("elsewhere"), place.path().join("dangling")).expect("planted");
        assert!(open_to_write(&place.path().join("dangling")).is_err());
        assert!(!place.path().join("elsewhere").exists());
        assert_eq!(fs::read_to_string(&target).expect("read"), "precious");
        open_lock(&target).expect("a file of our own");
        assert_eq!(fs::read_to_string(&target).expect("read"), "precious", "a lock empties nothing");
        open_to_write(&fresh).expect("made");
        assert_eq!(mode(&fresh), 0o600);
        open_to_write(&target).expect("opened");
        assert_eq!(fs::read_to_string(&target).expect("read"), "");
    }
}
