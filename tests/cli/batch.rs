//! `tintype batch`: a file of requests into a directory, without a server and with one.

use std::{fs, io::Write, path::Path, process::Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::{complaint, out, program::tintype, run, serve, tiny_models};

/// The arguments of a run without a server, on the tiny model.
fn local<'a>(model: &'a str, extra: &[&'a str]) -> Vec<&'a str> {
    [&["batch", "--model", model], extra].concat()
}

/// A directory with a configuration: images that are soon made, the first of a start too.
fn place() -> TempDir {
    let place = TempDir::new().expect("a directory");
    let configuration = "[model]\ndefault_size = \"32x32\"\nsteps.medium = 2\n";
    fs::write(place.path().join("tintype.toml"), configuration).expect("written");
    place
}

fn rows(directory: &Path) -> Vec<Value> {
    let manifest = fs::read_to_string(directory.join("manifest.jsonl")).expect("a manifest");
    manifest.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn a_table_becomes_images_and_a_manifest_and_only_what_is_new_is_made_again() {
    let place = place();
    let model = tiny_models::directory("base").display().to_string();
    let table = place.path().join("mugs.csv");
    fs::write(&table, "prompt,size,seed,n,tag\n\"a mug, red\",32x16,7,2,spring\na cup,16x32,,,\n")
        .expect("written");
    let batch =
        |extra: &[&str]| run(place.path(), &local(&model, &[&["mugs.csv", "--at", "now"], extra].concat()));
    let said = out(&batch(&[]));
    assert!(said.starts_with("3 images in mugs, ") && said.trim_end().ends_with("CNY"), "{said}");

    let mugs = place.path().join("mugs");
    let made = rows(&mugs);
    let of = |row: &Value, name: &str| row[name].as_str().expect(name).to_owned();
    let files: Vec<_> = made.iter().map(|row| of(row, "file")).collect();
    assert_eq!(files, ["line-2.png", "line-2-2.png", "line-3.png"]);
    assert_eq!(
        (&made[0]["seed"], &made[1]["seed"], &made[0]["prompt"]),
        (&7.into(), &8.into(), &"a mug, red".into())
    );
    let image = image::open(mugs.join("line-2-2.png")).expect("an image");
    assert_eq!((image.width(), image.height()), (32, 16));
    let receipt = tintype().current_dir(place.path()).args(["costs", "--by", "tag"]).output();
    assert!(out(&receipt.expect("the program runs")).contains("spring"), "the line's tag is booked");

    let again = out(&batch(&["--json"]));
    let again: Value = serde_json::from_str(&again).expect("JSON");
    assert_eq!((&again["images"], &again["failed"]), (&3.into(), &0.into()));
    assert_eq!(rows(&mugs), made, "nothing is made twice");
    fs::write(&table, "prompt,size\na cup,16x32\na jug,16x16\n").expect("written");
    out(&batch(&[]));
    assert_eq!(rows(&mugs).len(), 2, "both lines ask for something else now");
    assert!(!mugs.join("line-2-2.png").exists(), "the first line asked for two images before");
    assert_eq!(image::open(mugs.join("line-3.png")).expect("an image").height(), 16);

    fs::write(&table, "prompt,size\na jug,16x17\na cup,7x7\n").expect("written");
    let refused = String::from_utf8(batch(&["--out", "new"]).stderr).expect("UTF-8");
    assert!(refused.contains("mugs.csv:2: ") && refused.contains("mugs.csv:3: "), "{refused}");
    assert!(!place.path().join("new/manifest.jsonl").exists());
    let foreign = complaint(&run(place.path(), &local(&model, &["mugs.csv", "--out", "."])), 2);
    assert!(foreign.contains("other files"), "{foreign}");

    // What another command made is nobody's first key.
    let mut serving = serve(place.path());
    assert!(serving.key.take().is_some(), "a server's first start still shows a key");
}

#[test]
fn a_server_does_the_work_of_lines_from_standard_input() {
    let place = place();
    let mut serving = serve(place.path());
    let key = serving.key.take().expect("the first key");
    let batch = |key: &str, input: &str| {
        let mut child = tintype()
            .current_dir(place.path())
            .args(["batch", "-", "--at", "now", "--server", &serving.url])
            .env("TINTYPE_KEY", key)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("written");
        child.wait_with_output().expect("it ends")
    };
    let lines = concat!(
        r#"{"prompt": "a link", "size": "16x16", "response_format": "url", "output_format": "jpeg"}"#,
        "\n",
        r#"{"custom_id": "Straße/1", "prompt": "a street", "size": "16x16", "output_format": "webp"}"#,
    );
    assert!(complaint(&batch("tt-wrong", lines), 2).contains("key"));
    let said = out(&batch(&key, lines));
    assert!(said.starts_with("2 images in batch, "), "{said}");
    let made = rows(&place.path().join("batch"));
    assert_eq!(made[0]["file"], "line-1.jpg");
    assert!(made[1]["file"].as_str().is_some_and(|file| file.ends_with(".webp")), "{}", made[1]);
    for row in &made {
        let bytes =
            fs::read(place.path().join("batch").join(row["file"].as_str().expect("a file"))).expect("read");
        image::load_from_memory(&bytes).expect("an image");
    }
    let elsewhere = run(place.path(), &["batch", "-", "--server", "ftp://x"]);
    assert!(complaint(&elsewhere, 2).contains("no requests"));
    // The server has the data directory.
    fs::write(place.path().join("a.txt"), "a mug\n").expect("written");
    let model = tiny_models::directory("base").display().to_string();
    let held = run(place.path(), &local(&model, &["a.txt"]));
    assert!(complaint(&held, 2).contains("another Tintype server"));
    assert!(String::from_utf8_lossy(&held.stderr).contains("--server http://127.0.0.1:"));
}
