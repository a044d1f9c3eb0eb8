use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use hashlink::LinkedHashMap;

use crate::pipeline::FileIdentity;

/// What was read from files, the one that was asked for last at the end, as much as fits.
pub(super) struct Kept<T> {
    entries: LinkedHashMap<PathBuf, KeptValue<T>>,
    size: u64,
    size_max: u64,
}

struct KeptValue<T> {
    identity: Option<FileIdentity>,
    value: Arc<T>,
    size: u64,
}

impl<T> Kept<T> {
    pub(super) fn new(size_max: u64) -> Self {
        Self { entries: LinkedHashMap::new(), size: 0, size_max }
    }

    /// What `file` holds, by `read` unless the file is as it was when it was read last.
    ///
    /// # Errors
    /// That of `read`; then nothing is kept.
    pub(super) fn get_or_read<E>(
        &mut self,
        file: &Path,
        size_of: impl FnOnce(&T) -> u64,
        read: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        // Before it is read: if it changes meanwhile, it is read again the next time.
        let identity = FileIdentity::of(file).ok();
        if let Some(entry) = self.entries.remove(file) {
            if identity.is_some() && entry.identity == identity {
                let value = Arc::clone(&entry.value);
                self.entries.insert(file.to_owned(), entry);
                return Ok(value);
            }
            self.size -= entry.size;
        }
        let value = Arc::new(read()?);
        let size = size_of(&value);
        self.size += size;
        self.entries.insert(file.to_owned(), KeptValue { identity, value: Arc::clone(&value), size });
        while self.size > self.size_max
            && let Some((_, oldest)) = self.entries.pop_front()
        {
            self.size -= oldest.size;
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, fs};

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_file_is_read_again_when_it_has_changed_or_had_to_leave() {
        let place = TempDir::new().expect("a directory");
        let file = |name: &str, text: &str| {
            let file = place.path().join(name);
            fs::write(&file, text).expect("written");
            file
        };
        let mut kept = Kept::new(8);
        let mut is_read = |file: &Path| {
            let mut is_read = false;
            let read = || {
                is_read = true;
                Ok::<_, Infallible>(fs::read_to_string(file).expect("read"))
            };
            let value = kept.get_or_read(file, |text| text.len() as u64, read).expect("read");
            assert_eq!(*value, fs::read_to_string(file).expect("read"));
            is_read
        };
        let (a, b) = (file("a", "1234"), file("b", "1234"));
        assert_eq!((is_read(&a), is_read(&b), is_read(&a), is_read(&b)), (true, true, false, false));
        let a = file("a", "12345");
        assert!(is_read(&a), "another file");
        assert!(is_read(&b), "it had to leave for the longer one");
        let large = file("large", "123456789");
        assert!(is_read(&large) && is_read(&large), "larger than all that may be kept");
        assert!(is_read(&a) && !is_read(&a));
    }
}
