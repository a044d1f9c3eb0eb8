use tempfile::TempDir;

use crate::{
    complaint, out,
    program::{Program, tintype},
    run,
};

fn paint(program: &Program, key: &str) -> serde_json::Value {
    ureq::post(format!("{}/v1/images/generations", program.url))
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .send(r#"{"prompt": "a lighthouse at dawn", "size": "64x64"}"#)
        .expect("an answer")
        .body_mut()
        .read_json()
        .expect("JSON")
}

#[test]
fn with_nothing_configured_it_serves_prints_a_key_and_counts() {
    let place = TempDir::new().expect("a directory");
    let mut program = Program::spawn(tintype().current_dir(place.path()).args(["--listen", "127.0.0.1:0"]));
    let key = program.key.take().expect("a first key");
    let answer = paint(&program, &key);
    assert!(answer["data"][0]["b64_json"].as_str().is_some_and(|picture| picture.starts_with("iVBOR")));

    // Beside the running server, on the same ledger.
    let json = out(&run(place.path(), &["costs", "--json"]));
    let month: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(month["images"], 1);
    assert_eq!(month["total"], answer["data"][0]["receipt"]["total"]);

    let second = run(place.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert!(complaint(&second, 2).contains("another Tintype server"));
    let port = program.url.trim_start_matches("http://");
    let taken = run(place.path(), &["serve", "--listen", port, "--data-dir", "other"]);
    assert!(complaint(&taken, 2).contains(port));

    program.kill();
    let again = Program::spawn(tintype().current_dir(place.path()).args(["--listen", "127.0.0.1:0"]));
    assert_eq!(again.key, None, "the first key is shown once");
    paint(&again, &key);
}
