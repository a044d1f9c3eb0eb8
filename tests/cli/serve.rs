use tempfile::TempDir;

use crate::{
    complaint, order, out,
    program::{Program, tintype},
    run, serve, signal,
    tiny_models::directory,
};

fn generate(program: &Program, key: &str) -> serde_json::Value {
    let (status, answer) = ask_for(program, key, "64x64");
    assert_eq!(status, 200, "{answer}");
    answer
}

/// The status and the body of the answer to an order of this size.
fn ask_for(program: &Program, key: &str, size: &str) -> (u16, serde_json::Value) {
    order(program, key, serde_json::json!({ "prompt": "a lighthouse at dawn", "size": size }))
}

#[test]
fn with_nothing_configured_it_serves_prints_a_key_and_counts() {
    let place = TempDir::new().expect("a directory");
    let euros = "exchange_rate = [{ from = \"USD\", to = \"EUR\", rate = \"0.86\", effective_from = \"2026-01-01\" }]\n\
                 [costs]\ncurrency = \"EUR\"\nprice_per_kwh = \"0.35\"\nupkeep_per_image = \"0.004\"\n\
                 [costs.hardware]\nprice = \"2100\"\nresidual = \"800\"";
    std::fs::write(place.path().join("euros.toml"), euros).expect("written");
    let mut program = Program::spawn(tintype().current_dir(place.path()).args(["--listen", "127.0.0.1:0"]));
    let key = program.key.take().expect("a first key");
    let answer = generate(&program, &key);
    assert!(answer["data"][0]["b64_json"].as_str().is_some_and(|image| image.starts_with("iVBOR")));

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
    let euros = tintype()
        .current_dir(place.path())
        .args(["serve", "--listen", "127.0.0.1:0", "--config", "euros.toml"])
        .output();
    assert!(complaint(&euros.expect("the program runs"), 2).contains("kept in CNY"));
    let again = Program::spawn(tintype().current_dir(place.path()).args(["--listen", "127.0.0.1:0"]));
    assert_eq!(again.key, None, "the first key is shown once");
    generate(&again, &key);
}

/// In a process of its own: what is measured is the process' peak, which other tests' servers would raise.
#[test]
fn an_image_that_does_not_fit_is_told_what_does_and_the_next_one_is_generated() {
    let place = TempDir::new().expect("a directory");
    // The warm-up image of 64x64 is measured; 128x128 is foreseen to take four times as much, which is not there.
    let mut command = tintype();
    command.current_dir(place.path()).args(["--listen", "127.0.0.1:0", "--model"]).arg(directory("base"));
    command.env("TINTYPE_MODEL__DEFAULT_SIZE", "64x64").env("TINTYPE_MODEL__MEMORY_MIB", "1");
    let mut program = Program::spawn(&mut command);
    let key = program.key.take().expect("a first key");
    let (status, _) = ask_for(&program, &key, "16x16");
    assert_eq!(status, 200);
    let (status, large) = ask_for(&program, &key, "128x128");
    assert_eq!((status, &large["error"]["param"]), (400, &"size".into()), "{large}");
    assert!(large["error"]["message"].as_str().is_some_and(|text| text.contains("memory")), "{large}");
    assert_eq!(ask_for(&program, &key, "16x16").0, 200);
}

#[test]
fn ctrl_c_finishes_the_image_in_hand() {
    let place = TempDir::new().expect("a directory");
    let mut program = serve(place.path());
    let key = program.key.take().expect("a first key");
    let url = format!("{}/v1/images/generations", program.url);
    let client = std::thread::spawn(move || {
        let answer = ureq::post(url)
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json")
            .send(r#"{"prompt": "x", "size": "128x128", "steps": 100}"#);
        answer.expect("an answer").status().as_u16()
    });
    let ledger = rusqlite::Connection::open(place.path().join("data/ledger.sqlite3")).expect("the ledger");
    let state = || ledger.query_row("SELECT state FROM requests", [], |row| row.get::<_, String>(0));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(600);
    while state().as_deref() != Ok("running") {
        assert!(std::time::Instant::now() < deadline, "it is generated");
        std::thread::yield_now();
    }
    signal::send(&program.child, "-INT");
    assert_eq!(client.join().expect("an answer"), 200);
    assert_eq!(program.child.wait().expect("it ends").code(), Some(0));
    assert_eq!(state().as_deref(), Ok("settled"));
}

#[test]
fn a_default_size_that_the_model_cannot_generate_is_refused_at_the_start() {
    let place = TempDir::new().expect("a directory");
    let mut command = tintype();
    command
        .current_dir(place.path())
        .args(["serve", "--listen", "127.0.0.1:0", "--model"])
        .arg(directory("base"));
    let refused = command.env("TINTYPE_MODEL__DEFAULT_SIZE", "31x32").output().expect("the program runs");
    let said = complaint(&refused, 2);
    assert!(said.contains("default_size") && said.contains("multiples of 4"), "{said}");
}

#[test]
fn the_log_is_json_where_that_is_configured_and_never_holds_a_prompt_or_a_secret() {
    let place = TempDir::new().expect("a directory");
    let log = place.path().join("log");
    let mut command = tintype();
    command.current_dir(place.path()).args(["--listen", "127.0.0.1:0", "--model"]).arg(directory("base"));
    command.env("TINTYPE_LOG__FORMAT", "json").env("TINTYPE_LOG", "debug");
    let mut program = Program::spawn(command.stderr(std::fs::File::create(&log).expect("a file")));
    let key = program.key.take().expect("a first key");
    generate(&program, &key);
    program.kill();
    let log = std::fs::read_to_string(log).expect("the log");
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let answered = lines.iter().find(|line| line["message"] == "answered").expect("a line for the request");
    assert_eq!((&answered["status"], &answered["path"]), (&200.into(), &"/v1/images/generations".into()));
    assert!(answered["span"]["id"].as_str().is_some_and(|id| id.starts_with("req_")), "{answered}");
    assert!(!log.contains("lighthouse") && !log.contains(&key));
}
