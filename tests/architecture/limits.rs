//! How large a file may grow.

use std::fs;

use super::files;

/// Lines of a source file. Longer ones hold more than one room.
const LINES_MAX: usize = 700;

#[test]
fn no_file_grows_too_long() {
    for file in files(&["rs", "js", "css", "cu", "cuh", "cpp"]) {
        let lines = fs::read_to_string(&file).expect("a source").lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines; split it", file.display());
    }
}
