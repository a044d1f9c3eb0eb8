//! A script in another language: its surroundings, made once, and its run.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

/// Runs `command` to its end: what it printed, or why it failed.
pub fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(format!("{command:?}\n{}{}", text(&output.stdout), text(&output.stderr)))
    }
}

/// The folder `name` under target/ with copies of `files` of `sources`, made by `make`; made again when one of them has
/// changed.
pub fn made_once(
    name: &str,
    sources: &Path,
    files: &[&str],
    make: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = target.join(name);
    let stamp = folder.join("made");
    let said = |error: std::io::Error| format!("{}: {error}", folder.display());
    // Two test runs may share target/: one makes the folder, the other waits.
    let lock = File::create(target.join(format!("{name}.lock"))).map_err(said)?;
    lock.lock().map_err(said)?;
    let is_copied = |file: &&str| {
        let copy = fs::read(folder.join(file));
        fs::read(sources.join(file)).is_ok_and(|source| copy.is_ok_and(|copy| copy == source))
    };
    if stamp.exists() && files.iter().all(is_copied) {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(said)?;
    }
    fs::create_dir_all(&folder).map_err(said)?;
    for file in files {
        fs::copy(sources.join(file), folder.join(file)).map_err(said)?;
    }
    make(&folder)?;
    File::create(stamp).map_err(said)?;
    Ok(folder)
}

/// The programs of the Python environment `name` under target/, with what requirements.txt of `sources` pins.
pub fn python_programs(name: &str, sources: &Path) -> Result<PathBuf, String> {
    let venv = made_once(name, sources, &["requirements.txt"], |venv| {
        run(Command::new("python3").args(["-m", "venv"]).arg(venv))?;
        let mut pip = Command::new(venv.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "-r", "requirements.txt"]).current_dir(venv);
        run(&mut pip).map(|_| ())
    })?;
    Ok(venv.join("bin"))
}
