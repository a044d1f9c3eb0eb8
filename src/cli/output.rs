//! Standard output and standard error, whose readers may have gone and whose disks may be full.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write},
};

use clap::Args;
use serde::Serialize;

use super::{CliError, DataArgs};

/// How a command prints what it found or did.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct OutputArgs {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// A list of what the data directory has.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    pub(super) place: DataArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

impl OutputArgs {
    /// Prints `value` as JSON where that was asked for, else in words.
    pub(super) fn print<T: Serialize>(
        self,
        value: &T,
        in_words: impl FnOnce(&T) -> String,
    ) -> Result<(), CliError> {
        if self.json { print_json(value) } else { print(&in_words(value)) }
    }
}

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
pub(super) fn print_json(value: &impl Serialize) -> Result<(), CliError> {
    print(&(to_json(value)? + "\n"))
}

/// The same as a text.
pub(super) fn to_json(value: &impl Serialize) -> Result<String, CliError> {
    serde_json::to_string_pretty(value).map_err(|error| CliError::Failed(error.to_string()))
}

/// Writes a line to standard error, for people. If nobody reads there, nothing can be said about that either.
pub(super) fn note(line: &impl Display) {
    writeln!(io::stderr(), "{line}").ok();
}

/// Asks on the terminal; only a yes is one.
pub(super) fn is_confirmed(question: &str) -> Result<bool, CliError> {
    write!(io::stderr(), "{question} [y/N] ").ok();
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| CliError::Failed(error.to_string()))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

fn unwritten(error: &io::Error) -> CliError {
    CliError::Failed(format!("standard output cannot be written: {error}"))
}
