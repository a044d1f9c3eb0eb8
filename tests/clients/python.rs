//! A Python with the pinned OpenAI SDK and LangChain.

use std::{path::PathBuf, process::Command, sync::LazyLock};

use crate::script::{clients_dir, made_once, run};

/// Made once for all tests: without a registry each of them would wait for it in vain.
static VENV: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    made_once("clients-venv", &["requirements.txt"], |venv| {
        run(Command::new("python3").args(["-m", "venv"]).arg(venv))?;
        let mut pip = Command::new(venv.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "-r", "requirements.txt"]).current_dir(venv);
        run(&mut pip).map(|_| ())
    })
});

/// The command that runs `script` of tests/clients.
pub fn python(script: &str) -> Result<Command, String> {
    let mut command = Command::new(VENV.clone()?.join("bin/python"));
    // Byte code would be left beside the sources.
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(clients_dir().join(script));
    Ok(command)
}
