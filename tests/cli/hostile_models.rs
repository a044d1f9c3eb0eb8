//! Model directories of strangers: each is refused with one line that names the file, in bounded memory and time.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::symlink,
    path::Path,
    process::Output,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{complaint, program::tintype_by, tiny_models};

const WEIGHTS: &str = "transformer/diffusion_pytorch_model.safetensors";
const INDEX: &str = "transformer/diffusion_pytorch_model.safetensors.index.json";
const TOKENIZER: &str = "tokenizer/tokenizer.json";

/// An image by the tiny model, changed by `spoil`. The limits are far above what a good model takes: 8 GiB of address space, and
/// five minutes on a busy machine.
fn generate(spoil: impl FnOnce(&Path)) -> Output {
    let place = TempDir::new().expect("a directory");
    let model = place.path().join("model");
    tiny_models::write("base", &model);
    spoil(&model);
    tintype_by(&["prlimit", "--as=8589934592", "timeout", "300"])
        .current_dir(place.path())
        .args([
            "generate",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "--seed",
            "1",
            "--size",
            "32x32",
            "--steps",
            "1",
        ])
        .args(["--model", "model", "-o", "image.png"])
        .output()
        .expect("the program runs")
}

/// The transformer's weights in the files that `named` says, and nothing where they were.
fn index(model: &Path, named: &[&str]) {
    fs::remove_file(model.join(WEIGHTS)).expect("removed");
    let weight_map: serde_json::Map<String, Value> =
        named.iter().enumerate().map(|(place, file)| (format!("tensor.{place}"), json!(file))).collect();
    fs::write(model.join(INDEX), json!({ "weight_map": weight_map }).to_string()).expect("written");
}

#[test]
fn an_index_names_no_file_outside_the_model() {
    for outside in [
        "../../../../../../etc/passwd",
        "/etc/passwd",
        "../../outside.safetensors",
        "..",
        ".",
        "",
        "a/../b",
        "..\\outside.safetensors",
        "a\0b",
        "../../../../../../dev/zero",
    ] {
        let refused = generate(|model| index(model, &[outside]));
        let line = complaint(&refused, 2);
        assert!(
            line.contains("is not a file beside it") && line.contains("index.json"),
            "{outside:?}: {line}"
        );
    }
}

#[test]
fn what_an_index_names_must_be_a_file_of_weights() {
    let fifo = generate(|model| {
        index(model, &["weights"]);
        rustix::fs::mknodat(
            rustix::fs::CWD,
            model.join("transformer/weights"),
            rustix::fs::FileType::Fifo,
            0o600.into(),
            0,
        )
        .expect("a fifo");
    });
    assert!(complaint(&fifo, 2).contains("transformer/weights"), "{fifo:?}");
    let linked = generate(|model| {
        index(model, &["weights"]);
        symlink("/etc/passwd", model.join("transformer/weights")).expect("a link");
    });
    let line = complaint(&linked, 2);
    assert!(line.contains("transformer/weights") && !line.contains("root:"), "{line}");
    let many: Vec<String> = (0..100_000).map(|place| format!("{place}.safetensors")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(complaint(&generate(|model| index(model, &many)), 2).contains("transformer/"));
}

#[test]
fn a_file_of_a_tebibyte_of_nothing_is_not_read() {
    let refused = generate(|model| {
        let mut weights = File::create(model.join(WEIGHTS)).expect("created");
        weights.write_all(&50_u64.to_le_bytes()).expect("written");
        weights.set_len(1 << 40).expect("a sparse file");
    });
    assert!(complaint(&refused, 2).contains(WEIGHTS), "{refused:?}");
}

/// The tiny model's tokenizer, changed.
fn tokenizer(change: impl FnOnce(&mut Value)) -> Output {
    generate(|model| {
        let file = model.join(TOKENIZER);
        let mut tokenizer: Value = serde_json::from_slice(&fs::read(&file).expect("read")).expect("JSON");
        change(&mut tokenizer);
        fs::write(file, tokenizer.to_string()).expect("written");
    })
}

#[test]
fn a_tokenizer_that_cannot_be_is_refused_by_name() {
    for text in ["{}", "[]", "null", "", &"[".repeat(1_000_000), "\u{0}"] {
        let refused = generate(|model| fs::write(model.join(TOKENIZER), text).expect("written"));
        assert!(complaint(&refused, 2).contains("tokenizer"), "{refused:?}");
    }
    let split = |regex: &str| {
        let regex = regex.to_owned();
        tokenizer(move |tokenizer| {
            tokenizer["pre_tokenizer"] = json!({
                "type": "Split", "pattern": { "Regex": regex }, "behavior": "Isolated", "invert": false,
            });
        })
    };
    assert!(complaint(&split("("), 2).contains("tokenizer"));
    // A pattern that would be tried for ever, and one of references back: an image or a line, and an end.
    for regex in ["(a+)+(?=b)", "(?:a|a)+(?=b)\\1?c"] {
        let ended = split(regex);
        if !ended.status.success() {
            complaint(&ended, 2);
        }
    }
    let huge = tokenizer(|tokenizer| tokenizer["model"]["vocab"]["evil"] = json!(u32::MAX));
    if !huge.status.success() {
        complaint(&huge, 2);
    }
    assert!(
        complaint(&tokenizer(|tokenizer| tokenizer["added_tokens"] = json!([])), 2).contains("tokenizer")
    );
}
