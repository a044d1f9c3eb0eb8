//! A file in memory, for readers that take a path.

use std::{fs, path::PathBuf, sync::LazyLock};

use tempfile::TempDir;

static PLACE: LazyLock<TempDir> = LazyLock::new(|| TempDir::new_in("/dev/shm").expect("a directory in memory"));

/// The file `name` with `content`.
pub fn file(name: &str, content: &[u8]) -> PathBuf {
    let file = PLACE.path().join(name);
    fs::write(&file, content).expect("room in memory");
    file
}
