//! Standard output and standard error, whose readers may have gone and whose disks may be full.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write},
};

use super::CliError;

/// Writes to standard output. A reader that has gone, such as `head`, has all that it wants: that is not an error.
pub(super) fn print(text: &str) -> Result<(), CliError> {
    match write(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(unwritten(&error)),
        _ => Ok(()),
    }
}

/// Writes a line that is seen now or never, such as a new secret. Whatever keeps it from being written is an error, so that
/// nothing is stored that nobody was shown.
pub(super) fn show_once(line: &str) -> Result<(), CliError> {
    write(&format!("{line}\n")).map_err(|error| unwritten(&error))
}

/// Writes JSON, for people to read too.
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<(), CliError> {
    let json = serde_json::to_string_pretty(value);
    print(&(json.map_err(|error| CliError::Failed(error.to_string()))? + "\n"))
}

/// Writes a line to standard error, for people. If nobody reads there, nothing can be said about that either.
pub(super) fn note(line: &impl Display) {
    writeln!(io::stderr(), "{line}").ok();
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

fn unwritten(error: &io::Error) -> CliError {
    CliError::Failed(format!("standard output cannot be written: {error}"))
}
