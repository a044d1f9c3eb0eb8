//! Waiting for what works at its own pace.

use std::time::{Duration, Instant};

/// Longer than anything takes on a machine with ten times the work it has room for. Only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(600);
/// Between two looks, so that looking does not take the time from what is waited for.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until `done` says so.
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(PAUSE);
    }
}
