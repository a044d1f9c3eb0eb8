use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest, Sha256};

use super::{super::pin::sha256_of, fault::Fault, listing::RemoteFile, store::Store, web::Web};

/// Tries without a byte in between.
const TRIES: u32 = 3;
/// Longest pause between two tries, whatever the hub asks for.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Called with the bytes of a file that are here; an error ends the download.
pub(super) type Report<'a> = &'a mut dyn FnMut(u64) -> Result<(), Fault>;

/// A file of a repository on its way into a store.
pub(super) struct Download<'a> {
    pub(super) web: &'a Web<'a>,
    pub(super) store: &'a Store,
    pub(super) file: &'a RemoteFile,
}

/// A file whose bytes are all here and are what the hub promised.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) sha256: String,
    /// The file that still has a name for the time being; none: it was here before.
    partial: Option<(PathBuf, File)>,
}

impl Verified {
    /// Gives the file its name.
    pub(super) fn keep(self, store: &Store, file: &RemoteFile) -> Result<String, Fault> {
        if let Some((path, handle)) = self.partial {
            let disk = |error: std::io::Error| Fault::disk(&error, &path);
            handle.sync_all().map_err(disk)?;
            fs::rename(&path, store.kept(file)).map_err(disk)?;
        }
        store.publish(file)?;
        Ok(self.sha256)
    }

    /// Removes what was fetched of it.
    pub(super) fn discard(self) {
        if let Some((path, _)) = self.partial {
            remove(&path);
        }
    }
}

impl Download<'_> {
    /// Brings the file's bytes here, if they are not, and holds them to the hub's promise.
    pub(super) fn run(&self, report: Report<'_>) -> Result<Verified, Fault> {
        if let Some(sha256) = self.kept(report)? {
            return Ok(Verified { sha256, partial: None });
        }
        let path = self.store.partial(self.file);
        let disk = |error: std::io::Error| Fault::disk(&error, &path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(disk)?;
        }
        let handle = File::options().create(true).truncate(false).read(true).write(true).open(&path);
        let mut partial = Partial { file: handle.map_err(disk)?, path: &path, hash: Sha256::new(), bytes: 0 };
        // Another process that fetches the same file has it until it is done.
        partial.file.lock().map_err(disk)?;
        if let Some(sha256) = self.kept(report)? {
            remove(&path);
            return Ok(Verified { sha256, partial: None });
        }
        partial.resume(self.file.bytes)?;
        let is_resumed = partial.bytes > 0;
        self.fill(&mut partial, report)?;
        let mut sha256 = base16ct::lower::encode_string(&partial.hash.finalize_reset());
        if is_resumed && !self.is_promised(&sha256) {
            // The beginning may be another hub's, which was not honest.
            tracing::warn!(
                file = self.file.path,
                "what an earlier fetch left is not the file's beginning; fetching it whole"
            );
            partial.restart()?;
            self.fill(&mut partial, report)?;
            sha256 = base16ct::lower::encode_string(&partial.hash.finalize_reset());
        }
        if !self.is_promised(&sha256) {
            remove(&path);
            let (name, promised) = (&self.file.path, self.file.id.as_str());
            return Err(Fault::hostile(format!("{name} has the SHA-256 {sha256}, not {promised}")));
        }
        let handle = partial.file;
        Ok(Verified { sha256, partial: Some((path, handle)) })
    }

    /// The SHA-256 of the file, if it is here already. A file that is another one, or may be,
    /// is fetched again.
    fn kept(&self, report: Report<'_>) -> Result<Option<String>, Fault> {
        let path = self.store.kept(self.file);
        if !fs::metadata(&path).is_ok_and(|found| found.is_file() && found.len() == self.file.bytes) {
            return Ok(None);
        }
        let mut stopped = Ok(());
        let found = File::open(&path).and_then(|mut kept| {
            sha256_of(&mut kept, &mut |bytes| {
                if stopped.is_ok() {
                    stopped = report(bytes);
                }
            })
        });
        stopped?;
        let found = found.map_err(|error| Fault::disk(&error, &path))?;
        let is_the_one = match self.file.id.sha256() {
            Some(promised) => promised == found,
            None => self.store.is_named_by_id(),
        };
        Ok(is_the_one.then_some(found))
    }

    /// Whether `sha256` is the one that names the file, if one does.
    fn is_promised(&self, sha256: &str) -> bool {
        self.file.id.sha256().is_none_or(|promised| promised == sha256)
    }

    fn fill(&self, partial: &mut Partial<'_>, report: Report<'_>) -> Result<(), Fault> {
        report(partial.bytes)?;
        let mut tries = 0;
        while partial.bytes < self.file.bytes {
            let before = partial.bytes;
            match self.stream(partial, report) {
                Ok(()) => break,
                Err(fault) => {
                    tries = if partial.bytes > before { 0 } else { tries + 1 };
                    pause(fault, tries)?;
                }
            }
        }
        Ok(())
    }

    /// Appends what comes until all of it is there.
    fn stream(&self, partial: &mut Partial<'_>, report: Report<'_>) -> Result<(), Fault> {
        let (name, total) = (&self.file.path, self.file.bytes);
        let (mut body, start) = self.web.open(self.file, partial.bytes)?;
        if start != partial.bytes {
            partial.restart()?;
        }
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = body.read(&mut buffer).map_err(|error| {
                Fault::passing(format!("{name} broke off after {} bytes: {error}", partial.bytes))
            })?;
            if read == 0 {
                break;
            }
            if partial.bytes + read as u64 > total {
                remove(partial.path);
                return Err(Fault::hostile(format!("{name} is longer than its {total} bytes")));
            }
            partial.append(&buffer[..read])?;
            report(partial.bytes)?;
        }
        if partial.bytes == total {
            Ok(())
        } else {
            Err(Fault::passing(format!("{name} broke off after {} of {total} bytes", partial.bytes)))
        }
    }
}

/// What has come of a file, and its hash so far.
struct Partial<'a> {
    file: File,
    path: &'a Path,
    hash: Sha256,
    bytes: u64,
}

impl Partial<'_> {
    /// Goes on with what an earlier fetch left, if it can be the beginning of `total` bytes.
    fn resume(&mut self, total: u64) -> Result<(), Fault> {
        let disk = |error: std::io::Error| Fault::disk(&error, self.path);
        let kept = self.file.metadata().map_err(disk)?.len();
        if kept > total {
            return self.restart();
        }
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = self.file.read(&mut buffer).map_err(disk)?;
            if read == 0 {
                return Ok(());
            }
            self.hash.update(&buffer[..read]);
            self.bytes += read as u64;
        }
    }

    fn restart(&mut self) -> Result<(), Fault> {
        let disk = |error: std::io::Error| Fault::disk(&error, self.path);
        self.file.set_len(0).map_err(disk)?;
        self.file.seek(SeekFrom::Start(0)).map_err(disk)?;
        (self.hash, self.bytes) = (Sha256::new(), 0);
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.file.write_all(bytes).map_err(|error| Fault::disk(&error, self.path))?;
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

fn remove(partial: &Path) {
    if let Err(error) = fs::remove_file(partial) {
        tracing::warn!(%error, file = %partial.display(), "cannot remove a partial download");
    }
}

/// What `ask` gives, tried again while its fault may pass.
pub(super) fn retried<T>(mut ask: impl FnMut() -> Result<T, Fault>) -> Result<T, Fault> {
    let mut tries = 0;
    loop {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(fault) => {
                tries += 1;
                pause(fault, tries)?;
            }
        }
    }
}

/// Waits before the next try, or gives up with the fault.
fn pause(fault: Fault, tries: u32) -> Result<(), Fault> {
    let retry_after = match &fault {
        Fault::Passing { retry_after, .. } if tries < TRIES => *retry_after,
        _ => return Err(fault),
    };
    let pause = retry_after.unwrap_or(Duration::from_millis(500 << tries)).min(PAUSE_MAX);
    tracing::warn!(seconds = pause.as_secs_f32(), "{fault}; trying again");
    std::thread::sleep(pause);
    Ok(())
}
