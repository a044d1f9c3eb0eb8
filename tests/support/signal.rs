//! Signals to a child process.

use std::process::{Child, Command};

/// Sends `signal`, such as `-TERM`.
pub fn send(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().expect("sent").success());
}
