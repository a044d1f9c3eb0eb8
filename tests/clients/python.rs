//! A Python with the pinned OpenAI SDK and LangChain.

use std::{path::PathBuf, process::Command, sync::LazyLock};

use crate::{clients_dir, examples_dir, script::python_programs};

/// Made once for all tests: without a registry each of them would wait for it in vain.
static PROGRAMS: LazyLock<Result<PathBuf, String>> =
    LazyLock::new(|| python_programs("clients-venv", &clients_dir()));

/// The interpreter that has them.
pub fn interpreter() -> Result<PathBuf, String> {
    Ok(PROGRAMS.clone()?.join("python"))
}

/// The command that runs `script` of tests/clients.
pub fn python(script: &str) -> Result<Command, String> {
    command(clients_dir().join(script))
}

/// The command that runs `script` of examples/.
pub fn example(script: &str) -> Result<Command, String> {
    command(examples_dir().join(script))
}

fn command(script: PathBuf) -> Result<Command, String> {
    let mut command = Command::new(interpreter()?);
    // Byte code would be left beside the sources.
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(script);
    Ok(command)
}
