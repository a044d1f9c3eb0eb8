//! A server whose device breaks, by weights that turn into no numbers under it: layers that come and go are read from the
//! model's files.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    path::Path,
    process::Stdio,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    agent, order,
    program::{Program, tintype},
    tiny_models,
};

const TRANSFORMER: &str = "transformer/diffusion_pytorch_model.safetensors";

fn start(place: &Path) -> Program {
    let mut command = tintype();
    command.current_dir(place).args(["--listen", "127.0.0.1:0", "--model", "model", "--memory", "low"]);
    command.env("TINTYPE_MODEL__DEFAULT_SIZE", "16x16").stderr(Stdio::piped());
    Program::spawn(&mut command)
}

/// Every weight of the transformer becomes NaN, in its place.
fn spoil(model: &Path) {
    let path = model.join(TRANSFORMER);
    let length = fs::metadata(&path).expect("weights").len();
    let file = OpenOptions::new().read(true).write(true).open(path).expect("weights");
    let mut header = [0; 8];
    file.read_exact_at(&mut header, 0).expect("a header");
    let first = 8 + u64::from_le_bytes(header);
    let nan = vec![0xff; usize::try_from(length - first).expect("a small file")];
    file.write_all_at(&nan, first).expect("written");
}

fn ask(server: &Program, key: &str) -> (u16, Value) {
    order(server, key, json!({ "prompt": "a lighthouse" }))
}

fn status(server: &Program, path: &str) -> u16 {
    agent().get(format!("{}{path}", server.url)).call().expect("an answer").status().as_u16()
}

#[test]
fn a_server_whose_device_breaks_ends_for_a_new_start_which_stays_up_to_say_so() {
    let place = TempDir::new().expect("a directory");
    let model = place.path().join("model");
    tiny_models::write("base", &model);
    let mut server = start(place.path());
    let key = server.key.take().expect("a first key");
    assert_eq!(ask(&server, &key).0, 200);

    spoil(&model);
    let (failed, body) = ask(&server, &key);
    assert!(failed >= 500 && body["error"]["message"].is_string(), "{failed} {body}");
    let ended = server.child.wait().expect("it ends");
    let mut said = String::new();
    std::io::Read::read_to_string(&mut server.child.stderr.take().expect("a pipe"), &mut said)
        .expect("UTF-8");
    assert_eq!(ended.code(), Some(1), "{said}");
    assert!(said.contains("tintype: no device is left; a new start tries them again"), "{said}");

    // What the next one finds is no better, and would be none the third time.
    let mut next = start(place.path());
    let (refused, body) = ask(&next, &key);
    assert_eq!((refused, &body["error"]["code"]), (503, &"not_ready".into()), "{body}");
    assert_eq!((status(&next, "/healthz"), status(&next, "/readyz")), (200, 503));
    assert!(next.child.try_wait().expect("a child").is_none(), "it stays up");
}
