//! What a server measured is known to the next one in the same data directory.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    order,
    program::{Program, tintype},
    signal,
    tiny_models::directory,
};

struct Server {
    program: Program,
    key: String,
}

impl Server {
    /// `memory_mib` is what work may take.
    fn start(place: &Path, key: Option<String>, memory_mib: &str) -> Self {
        let mut command = tintype();
        command.current_dir(place).args(["--listen", "127.0.0.1:0", "--model"]).arg(directory("base"));
        command.env("TINTYPE_MODEL__DEFAULT_SIZE", "16x16").env("TINTYPE_MODEL__MEMORY_MIB", memory_mib);
        let mut program = Program::spawn(&mut command);
        let key = key.or_else(|| program.key.take()).expect("a first key");
        Self { program, key }
    }

    fn ask(&self, size: &str, is_quote: bool) -> (u16, Value) {
        let body = json!({ "prompt": "a lighthouse", "size": size, "dry_run": is_quote });
        order(&self.program, &self.key, body)
    }

    fn quoted_source(&self, size: &str) -> Value {
        self.ask(size, true).1["duration_source"].clone()
    }

    /// Asks it to stop, and waits until it has.
    fn stop(mut self) -> String {
        signal::send(&self.program.child, "-INT");
        assert_eq!(self.program.child.wait().expect("it ends").code(), Some(0));
        self.key.clone()
    }
}

#[test]
fn a_server_that_starts_again_knows_what_images_take() {
    let place = TempDir::new().expect("a directory");
    let server = Server::start(place.path(), None, "64");
    assert_eq!(server.quoted_source("256x256"), "estimated");
    assert_eq!(server.ask("256x256", false).0, 200);
    assert_eq!(server.quoted_source("256x256"), "measured");
    let key = server.stop();

    let again = Server::start(place.path(), Some(key), "16");
    assert_eq!(again.quoted_source("256x256"), "measured", "before its first image");
    assert_eq!(again.quoted_source("64x64"), "estimated");
    // The warm-up image of 16x16 alone says nothing of one that is 256 times as large.
    let (status, refused) = again.ask("256x256", false);
    assert_eq!((status, &refused["error"]["param"]), (400, &"size".into()), "{refused}");
    assert_eq!(again.ask("16x16", false).0, 200);
    let key = again.stop();

    std::fs::write(place.path().join("data/shapes.json"), "{").expect("written");
    let damaged = Server::start(place.path(), Some(key), "64");
    assert_eq!(damaged.quoted_source("256x256"), "estimated", "a damaged file is measured again");
    damaged.stop();
    let kept = std::fs::read(place.path().join("data/shapes.json")).expect("a file");
    let kept: Value = serde_json::from_slice(&kept).expect("JSON");
    assert_eq!(kept["profiles"][0]["peaks"][0]["pixels"], 256, "{kept}");
}
