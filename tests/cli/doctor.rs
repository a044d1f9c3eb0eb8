//! `tintype doctor`: each line in the states that can be made, and that nothing is written.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    false_hub::files_of,
    mail_receiver::{MailReceiver, MailTls},
    order,
    program::{Program, tintype},
    run, tiny_models,
    tls::{certificate, encryption},
};

/// What the doctor said: the exit code, and each line's state with its words.
struct Said {
    code: i32,
    lines: BTreeMap<String, (String, String)>,
}

impl Said {
    fn state(&self, check: &str) -> &str {
        &self.lines[check].0
    }

    #[track_caller]
    fn expect(&self, check: &str, state: &str, words: &str) {
        let line = &self.lines[check];
        assert!(line.0 == state && line.1.contains(words), "{check}: {line:?}");
        assert_eq!(
            self.code,
            i32::from(self.lines.values().any(|(state, _)| state == "failure")),
            "{:?}",
            self.lines
        );
    }
}

/// Runs it in `place` with flags and variables.
fn doctor(place: &Path, flags: &[&str], variables: &[(&str, &str)]) -> Said {
    let mut command = tintype();
    command.current_dir(place).args(["doctor", "--json"]).args(flags);
    if !flags.contains(&"--listen") {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    command
        .env("HF_HOME", place.join("hf"))
        .env("HOME", place.join("home"))
        .env("TINTYPE_MODEL__DEVICE", "cpu");
    for (name, value) in variables {
        match *value {
            "" => command.env_remove(name),
            value => command.env(name, value),
        };
    }
    let output = command.output().expect("the program runs");
    let said: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let lines = said["checks"].as_array().expect("checks").iter().map(|line| {
        let remedy = text(&line["remedy"]);
        assert_eq!(line["state"] != "ok", !remedy.is_empty(), "what is not well has a remedy: {line}");
        (text(&line["check"]), (text(&line["state"]), format!("{} → {remedy}", text(&line["found"]))))
    });
    Said { code: output.status.code().expect("a code"), lines: lines.collect() }
}

fn serve(place: &Path) -> Program {
    let mut command = tintype();
    command.current_dir(place).args(["serve", "--listen", "127.0.0.1:0", "--device", "cpu"]);
    Program::spawn(&mut command)
}

/// Every file below `place` with its length and the time of its last change.
fn everything_in(place: &Path) -> Vec<(String, u64, SystemTime)> {
    let mut files = files_of(place);
    files.sort();
    let seen = |file: String| {
        let found = fs::metadata(place.join(&file)).expect("a file");
        (file, found.len(), found.modified().expect("a time"))
    };
    files.into_iter().map(seen).collect()
}

fn copied_model(place: &Path) -> PathBuf {
    let (from, to) = (tiny_models::directory("sharded"), place.join("model"));
    for file in files_of(&from) {
        fs::create_dir_all(to.join(&file).parent().expect("a parent")).expect("made");
        fs::copy(from.join(&file), to.join(&file)).expect("copied");
    }
    to
}

#[test]
fn on_a_new_machine_nothing_fails_and_nothing_is_written() {
    let place = TempDir::new().expect("a directory");
    let said = doctor(place.path(), &[], &[]);
    assert_eq!(said.code, 0, "{:?}", said.lines);
    for check in
        ["configuration", "model", "hashes", "memory", "ledger", "clock", "zone", "permissions", "port"]
    {
        assert_eq!(said.state(check), "ok", "{check}: {:?}", said.lines);
    }
    said.expect("costs", "warning", "costs.hardware.price");
    said.expect("energy", "warning", "device_watts");
    assert_eq!(everything_in(place.path()), []);
    let text =
        String::from_utf8(run(place.path(), &["doctor", "--listen", "127.0.0.1:0"]).stdout).expect("UTF-8");
    for complaint in
        ["black or blurry", "first request is slow", "Out of memory", "Chinese text", "the same face"]
    {
        assert!(text.contains(complaint), "{text}");
    }
}

#[test]
fn beside_a_server_it_reads_and_does_not_write() {
    let place = TempDir::new().expect("a directory");
    let mut program = serve(place.path());
    let key = program.key.clone().expect("a key");
    assert_eq!(order(&program, &key, json!({ "prompt": "a red apple", "size": "128x128" })).0, 200);
    let address = program.url.trim_start_matches("http://").to_owned();
    let before = everything_in(&place.path().join("data"));
    let said = doctor(place.path(), &["--listen", &address], &[]);
    said.expect("ledger", "ok", "sound");
    said.expect("port", "ok", "a server runs");
    said.expect("permissions", "ok", "its owner's alone");
    doctor(place.path(), &[], &[]).expect("port", "warning", "another address");
    let names =
        |files: Vec<(String, u64, SystemTime)>| -> Vec<_> { files.into_iter().map(|file| file.0).collect() };
    assert_eq!(names(everything_in(&place.path().join("data"))), names(before));
    program.kill();

    // The zone is the ledger's, and its entries are not from the future.
    let zone = ("TINTYPE_TIME_ZONE", "Asia/Shanghai");
    doctor(place.path(), &[], &[zone]).expect("zone", "warning", "time_zone = \"UTC\"");
    let ledger = place.path().join("data/ledger.sqlite3");
    let connection = Connection::open(&ledger).expect("a ledger");
    let triggers: Vec<String> = {
        let mut named = connection
            .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'entries'")
            .expect("SQL");
        let names = named.query_map([], |row| row.get(0)).expect("rows");
        names.map(|name| name.expect("a name")).collect()
    };
    for trigger in triggers {
        connection.execute_batch(&format!("DROP TRIGGER {trigger}")).expect("dropped");
    }
    connection.execute("UPDATE entries SET entered_at_ms = entered_at_ms + 86400000", []).expect("moved");
    drop(connection);
    let before = everything_in(&place.path().join("data"));
    doctor(place.path(), &[], &[]).expect("clock", "failure", "timedatectl");
    assert_eq!(everything_in(&place.path().join("data")), before, "nobody else has it open now");
}

#[test]
fn what_is_wrong_with_the_place_is_said() {
    let place = TempDir::new().expect("a directory");
    let data = place.path().join("data");
    fs::create_dir(&data).expect("made");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).expect("opened");
    doctor(place.path(), &[], &[]).expect("permissions", "warning", "chmod");
    fs::write(data.join("ledger.sqlite3"), "not a ledger at all").expect("written");
    doctor(place.path(), &[], &[]).expect("ledger", "failure", "tintype restore");
    fs::remove_file(data.join("ledger.sqlite3")).expect("removed");
    fs::write(place.path().join("file"), "").expect("written");
    doctor(place.path(), &["--data-dir", "file"], &[]).expect("permissions", "failure", "cannot write");

    let free_mib = fs4::available_space(place.path()).expect("a disk") >> 20;
    let least =
        |mib: u64| doctor(place.path(), &[], &[("TINTYPE_PICTURES__FREE_DISK_MIN_MIB", &mib.to_string())]);
    least(free_mib / 2).expect("disk", "warning", "free space");
    least(free_mib.saturating_mul(4)).expect("disk", "failure", "free_disk_min_mib");
    least(1).expect("disk", "ok", "free for data");

    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    doctor(place.path(), &["--listen", &address], &[]).expect("port", "failure", "--listen");
    doctor(place.path(), &["--listen", "0.0.0.0:0"], &[]).expect("metrics", "warning", "/metrics");
    doctor(place.path(), &[], &[]).expect("metrics", "ok", "this machine");

    let url = ("TINTYPE_PUBLIC_URL", "https://images.example");
    doctor(place.path(), &[], &[url]).expect("proxy", "warning", "trusted_proxies");
    let trusted = ("TINTYPE_TRUSTED_PROXIES", "[\"127.0.0.1/32\"]");
    doctor(place.path(), &[], &[url, trusted]).expect("proxy", "ok", "127.0.0.1/32");
    doctor(place.path(), &[], &[]).expect("proxy", "ok", "no request with a proxy's headers");
    let seen =
        r#"{"at": "2026-11-05T11:23:04Z", "peer": "10.0.0.2", "headers": {"x-forwarded-proto": "https"}}"#;
    fs::create_dir_all(place.path().join("data")).expect("a directory");
    fs::write(place.path().join("data/proxy-headers.json"), seen).expect("written");
    doctor(place.path(), &[], &[]).expect("proxy", "ok", "from 10.0.0.2: x-forwarded-proto https");
    doctor(place.path(), &[], &[("TINTYPE_TIME_ZONE", "")]).expect("zone", "warning", "time_zone");
    doctor(place.path(), &[], &[("TINTYPE_TIME_ZONE", "Mars/Base")]).expect("zone", "failure", "Mars/Base");
    doctor(place.path(), &[], &[("TINTYPE_LISTENN", "x")]).expect(
        "configuration",
        "failure",
        "TINTYPE_LISTEN",
    );
}

#[test]
fn what_is_wrong_with_the_model_is_said() {
    let place = TempDir::new().expect("a directory");
    let said =
        doctor(place.path(), &["--model", "studio/tiny-z-image"], &[("HF_ENDPOINT", "http://127.0.0.1:9")]);
    said.expect("model", "warning", "tintype pull studio/tiny-z-image");
    doctor(place.path(), &["--model", "nowhere"], &[]).expect("model", "failure", "nowhere");

    let model = copied_model(place.path());
    let flags = ["--model", "model"];
    let said = doctor(place.path(), &flags, &[]);
    said.expect("model", "ok", "complete");
    said.expect("hashes", "warning", "tintype pull");
    let wrong = "0".repeat(64);
    let said = doctor(place.path(), &flags, &[("TINTYPE_MODEL__SHA256", &wrong)]);
    said.expect("hashes", "failure", &wrong);
    let right = said.lines["hashes"].1.split("has the SHA-256 ").nth(1).expect("a digest")[..64].to_owned();
    doctor(place.path(), &flags, &[("TINTYPE_MODEL__SHA256", &right)]).expect("hashes", "ok", "model.sha256");

    let weights = model.join("vae/diffusion_pytorch_model.safetensors");
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{wrong}\nsize 563892\n");
    fs::write(&weights, pointer).expect("written");
    doctor(place.path(), &flags, &[]).expect("model", "failure", "git lfs pull");
    fs::remove_file(&weights).expect("removed");
    doctor(place.path(), &flags, &[]).expect("model", "failure", "vae");
    if !cfg!(feature = "cuda") {
        let said = doctor(place.path(), &["--device", "cuda"], &[]);
        said.expect("cuda", "failure", "--features cuda");
        said.expect("model", "failure", "cuda");
    }
}

#[test]
fn what_is_wrong_with_the_figures_is_said() {
    let place = TempDir::new().expect("a directory");
    let watts = ("TINTYPE_ENERGY__DEVICE_WATTS", "320");
    doctor(place.path(), &[], &[watts]).expect("energy", "ok", "estimated");
    let own = [
        watts,
        ("TINTYPE_COSTS__PRICE_PER_KWH", "0.71"),
        ("TINTYPE_COSTS__UPKEEP_PER_IMAGE", "0.011"),
        ("TINTYPE_COSTS__HARDWARE__PRICE", "9001"),
    ];
    doctor(place.path(), &[], &own).expect("costs", "ok", "are yours");
    doctor(place.path(), &[], &[("TINTYPE_COSTS__CURRENCY", "EUR")]).expect("costs", "failure", "EUR");

    doctor(place.path(), &[], &[("TINTYPE_PRICE_BOOK", "none.toml")]).expect(
        "prices",
        "failure",
        "none.toml",
    );
    let today = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date();
    let entry = |read_on: jiff::civil::Date, end: &str| {
        let text = format!(
            "[[price]]\nsku = \"a/b\"\nunit = \"image\"\namount = \"0.5\"\ncurrency = \"CNY\"\n\
             effective_from = \"2020-01-01\"\n{end}source = \"a page\"\nread_on = \"{read_on}\"\n"
        );
        fs::write(place.path().join("prices.toml"), text).expect("written");
        let variables = [
            ("TINTYPE_PRICE_BOOK", "prices.toml"),
            ("TINTYPE_COSTS__COMPARE_WITH", "a/b"),
            ("TINTYPE_COSTS__ALSO_COMPARE_WITH", "[]"),
        ];
        doctor(place.path(), &[], &variables)
    };
    entry(today, "").expect("prices", "ok", &today.to_string());
    entry(today.saturating_sub(jiff::Span::new().days(200)), "").expect(
        "prices",
        "warning",
        "tintype prices check",
    );
    let soon = today.saturating_add(jiff::Span::new().days(20));
    entry(today, &format!("effective_to = \"{soon}\"\n")).expect("prices", "warning", &soon.to_string());
}

#[test]
fn the_mail_server_is_tried_and_nothing_is_sent() {
    let place = TempDir::new().expect("a directory");
    let ask = |server: &str, authorities: &str| {
        let authorities = ("TINTYPE_MAIL__AUTHORITIES", authorities);
        doctor(place.path(), &[], &[("TINTYPE_MAIL__SERVER", server), authorities])
    };
    assert!(!doctor(place.path(), &[], &[]).lines.contains_key("mail"), "none is configured");

    let open = MailReceiver::start();
    let url = format!("smtp://{}", open.address);
    ask(&url, "").expect("mail", "ok", &format!("{url} answers without a sign-in; no mail was sent"));
    ask(&format!("{url}?tls=required"), "").expect("mail", "failure", "STARTTLS");
    ask(&format!("smtp://ops:secret@{}", open.address), "").expect("mail", "failure", "the kind of TLS");

    let own = MailReceiver::start_for(MailTls::None, Some(("ops", "correct horse")));
    let signed_in = |password: &str| ask(&format!("smtp://ops:{password}@{}", own.address), "");
    signed_in("correct%20horse").expect(
        "mail",
        "ok",
        &format!("smtp://ops@{} answers with a sign-in", own.address),
    );
    let refused = signed_in("battery");
    refused.expect("mail", "failure", "refused the sign-in");
    refused.expect("mail", "failure", "TINTYPE_MAIL__SERVER");
    assert!(!refused.lines["mail"].1.contains("battery"), "{:?}", refused.lines["mail"]);

    let authority = certificate();
    let authority = authority.to_str().expect("UTF-8");
    for (tls, scheme, query) in [
        (MailTls::Implicit(encryption(&certificate())), "smtps", ""),
        (MailTls::StartTls(encryption(&certificate())), "smtp", "?tls=required"),
    ] {
        let encrypted = MailReceiver::start_for(tls, Some(("ops", "secret")));
        let url = format!("{scheme}://ops:secret@{}{query}", encrypted.address);
        ask(&url, authority).expect("mail", "ok", "answers with a sign-in");
        ask(&url, "").expect("mail", "failure", "mail.authorities");
        assert!(encrypted.received().is_empty());
    }
    assert!(open.received().is_empty() && own.received().is_empty());

    // A port that was somebody's a moment ago.
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|gone| gone.local_addr()).expect("an address");
    ask(&format!("smtp://{gone}"), "").expect("mail", "failure", "the host, the port");
    ask("http://mail.example", "").expect("mail", "failure", "[mail]");
    let text = tintype()
        .current_dir(place.path())
        .args(["doctor", "--listen", "127.0.0.1:0"])
        .env("TINTYPE_MAIL__SERVER", &url)
        .output()
        .expect("the program runs");
    let text = String::from_utf8(text.stdout).expect("UTF-8");
    assert!(text.lines().any(|line| line.starts_with("ok       mail ") && line.contains(&url)), "{text}");
}

#[test]
fn completions_and_man_pages_are_of_every_command() {
    let place = TempDir::new().expect("a directory");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(place.path(), &["completions", shell]);
        let script = String::from_utf8(script.stdout).expect("UTF-8");
        assert!(script.contains("doctor") && script.contains("pull"), "{shell}: {script}");
    }
    assert!(run(place.path(), &["man", "--out", "man"]).status.success());
    let pages = files_of(&place.path().join("man"));
    for page in ["tintype.1", "tintype-pull.1", "tintype-doctor.1", "tintype-key-create.1"] {
        assert!(pages.iter().any(|name| name == page), "{pages:?}");
    }
}
