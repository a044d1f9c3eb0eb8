//! Waiting for what works at its own pace.

use std::time::{Duration, Instant};

/// Waits until `done` says so, a minute at most.
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}
