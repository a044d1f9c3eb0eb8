use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
    time::Duration,
};

use sha2::{Digest, Sha256};

use super::{
    Fetched, OnFetch,
    cache::RepositoryCache,
    client::{Client, FileHead},
    fault::Fault,
    names::Commit,
};

/// Tries without a byte in between.
const TRIES: u32 = 3;
/// Longest pause between two tries, whatever the hub asks for.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// A file of a repository on its way into the cache.
pub(super) struct Download<'a> {
    pub(super) client: &'a Client,
    pub(super) cache: &'a RepositoryCache,
    pub(super) repository: &'a str,
    pub(super) commit: &'a Commit,
    pub(super) file: &'a str,
}

impl Download<'_> {
    /// Brings the file into the cache, if it is not there.
    pub(super) fn run(&self, on_fetch: OnFetch<'_>) -> Result<(), Fault> {
        if self.cache.snapshot(self.commit).join(self.file).exists() {
            return Ok(());
        }
        let head = retried(|| self.client.head(self.repository, self.commit, self.file))?;
        let blob = self.cache.blob(&head.id);
        if !blob.is_file() {
            self.fill(&head, &blob, on_fetch)?;
        }
        self.cache.link(self.commit, self.file, &head.id)
    }

    fn fill(&self, head: &FileHead, blob: &Path, on_fetch: OnFetch<'_>) -> Result<(), Fault> {
        let path = self.cache.partial(&head.id);
        let disk = |error: std::io::Error| Fault::disk(&error, &path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(disk)?;
        }
        let file = File::options().create(true).truncate(false).read(true).write(true).open(&path);
        let mut partial = Partial { file: file.map_err(disk)?, path: &path, hash: Sha256::new(), bytes: 0 };
        // Another process that fetches the same file has it until it is done.
        partial.file.lock().map_err(disk)?;
        if blob.is_file() {
            return Ok(());
        }
        partial.resume(head.bytes)?;
        let mut report = |bytes| on_fetch(Fetched { file: self.file, bytes, total: head.bytes });
        report(partial.bytes);
        let mut tries = 0;
        while partial.bytes < head.bytes {
            let before = partial.bytes;
            match self.stream(head, &mut partial, &mut report) {
                Ok(()) => break,
                Err(fault) => {
                    tries = if partial.bytes > before { 0 } else { tries + 1 };
                    pause(fault, tries)?;
                }
            }
        }
        partial.check(head, self.file)?;
        partial.file.sync_all().map_err(disk)?;
        fs::rename(&path, blob).map_err(disk)
    }

    /// Appends what comes until all of it is there.
    fn stream(
        &self,
        head: &FileHead,
        partial: &mut Partial<'_>,
        report: &mut dyn FnMut(u64),
    ) -> Result<(), Fault> {
        let (mut body, start) = self.client.open(self.repository, self.commit, self.file, partial.bytes)?;
        if start != partial.bytes {
            partial.restart()?;
        }
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = body.read(&mut buffer).map_err(|error| {
                Fault::passing(format!("{} broke off after {} bytes: {error}", self.file, partial.bytes))
            })?;
            if read == 0 {
                break;
            }
            if partial.bytes + read as u64 > head.bytes {
                partial.discard();
                return Err(Fault::hostile(format!("{} is longer than its {} bytes", self.file, head.bytes)));
            }
            partial.append(&buffer[..read])?;
            report(partial.bytes);
        }
        match partial.bytes == head.bytes {
            true => Ok(()),
            false => Err(Fault::passing(format!(
                "{} broke off after {} of {} bytes",
                self.file, partial.bytes, head.bytes
            ))),
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

    /// Holds a large file to the SHA-256 that names it. A file that is another one is removed.
    fn check(&mut self, head: &FileHead, file: &str) -> Result<(), Fault> {
        let Some(promised) = head.id.sha256() else { return Ok(()) };
        let found: String = self.hash.finalize_reset().iter().map(|byte| format!("{byte:02x}")).collect();
        if found == promised {
            return Ok(());
        }
        self.discard();
        Err(Fault::hostile(format!("{file} has the SHA-256 {found}, not {promised}")))
    }

    fn discard(&self) {
        if let Err(error) = fs::remove_file(self.path) {
            tracing::warn!(%error, file = %self.path.display(), "cannot remove a partial download");
        }
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
