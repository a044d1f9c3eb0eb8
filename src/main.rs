//! The `tintype` program. Everything is in the library; this is its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    tintype::cli::run()
}
