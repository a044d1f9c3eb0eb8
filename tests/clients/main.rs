//! The real OpenAI SDK for Python, from a virtual environment of its own, against the real server.
//!
//! Without python3 or the registry this says so and skips; with TINTYPE_REQUIRE_CLIENTS=1 that is a failure.

#[path = "../support/server.rs"]
mod server;
#[path = "../support/skip.rs"]
mod skip;
#[path = "../support/tiny_models.rs"]
mod tiny_models;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use rand::{SeedableRng, rngs::StdRng};
use tintype::{
    domain::{ApiKey, Scopes},
    units::Money,
};

use crate::{server::TestServer, skip::skip_or_fail};

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(format!("{command:?}\n{}{}", text(&output.stdout), text(&output.stderr))),
    }
}

/// A Python with the pinned SDK, made once under target/ and made again when the pins change.
fn python(clients: &Path) -> Result<PathBuf, String> {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients-venv");
    let python = venv.join("bin/python");
    let (requirements, installed) = (clients.join("requirements.txt"), venv.join("requirements.txt"));
    let pins = fs::read(&requirements).map_err(|error| error.to_string())?;
    if fs::read(&installed).is_ok_and(|done| done == pins) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(&requirements))?;
    fs::write(&installed, pins).map_err(|error| error.to_string())?;
    Ok(python)
}

#[test]
fn the_python_sdk_paints_and_reads_every_answer() {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let python = match python(&clients) {
        Ok(python) => python,
        Err(reason) => return skip_or_fail("the OpenAI SDK", &reason),
    };
    let server = TestServer::start();
    let painter = ApiKey::generate(&mut StdRng::seed_from_u64(1));
    let scopes = Scopes { images: true, admin: false };
    server
        .ledger()
        .create_key(&painter, "no money", scopes, Some(Money::ZERO), jiff::Timestamp::now())
        .expect("a key");
    let output = run(Command::new(python)
        .arg(clients.join("openai_sdk.py"))
        .env("TINTYPE_URL", &server.url)
        .env("TINTYPE_KEY", &server.key)
        .env("TINTYPE_PAINTER_KEY", painter.reveal()));
    match output {
        Ok(output) => {
            println!("{output}");
            assert_eq!(output.lines().filter(|line| line.starts_with("ok ")).count(), 8);
        }
        Err(error) => panic!("{error}"),
    }
    // 1 + 2 + 3 + 1 + 8 pictures: what was refused was not painted.
    assert_eq!(server.totals().images, 15);
}
