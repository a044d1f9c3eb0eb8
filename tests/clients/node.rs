//! A Node with the pinned OpenAI SDK.

use std::{path::PathBuf, process::Command, sync::LazyLock};

use crate::{
    clients_dir, examples_dir,
    script::{made_once, run},
};

/// The scripts too: Node looks for packages from where a script lies.
const FILES: [&str; 10] = [
    "package.json",
    "package-lock.json",
    "harness.mjs",
    "openai_batches.mjs",
    "openai_edits.mjs",
    "openai_sdk.mjs",
    "openai_streaming.mjs",
    "photo.mjs",
    "playground.mjs",
    "vercel_ai.mjs",
];

static FOLDER: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    made_once("clients-node", &clients_dir(), &FILES, |folder| {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder);
        run(&mut npm).map(|_| ())
    })
});

/// The command that runs a copy of `script` of tests/clients.
pub fn node(script: &str) -> Result<Command, String> {
    let mut command = Command::new("node");
    command.arg(FOLDER.clone()?.join(script));
    Ok(command)
}

/// The command that runs a copy of `script` of examples/.
pub fn example(script: &str) -> Result<Command, String> {
    let copy = FOLDER.clone()?.join(script);
    std::fs::copy(examples_dir().join(script), &copy)
        .map_err(|error| format!("{}: {error}", copy.display()))?;
    let mut command = Command::new("node");
    command.arg(copy);
    Ok(command)
}
