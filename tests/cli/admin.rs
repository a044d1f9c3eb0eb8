use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Output, Stdio},
};

use tempfile::TempDir;
use tintype::{domain::SignInSecret, ledger::Ledger};

use crate::{complaint, out, program::tintype, run};

/// `tintype admin password` with `line` on standard input.
fn password(directory: &Path, line: &str) -> Output {
    let mut command = tintype();
    command.current_dir(directory).args(["admin", "password"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program runs");
    child.stdin.take().expect("a pipe").write_all(line.as_bytes()).expect("written");
    child.wait_with_output().expect("it ends")
}

#[test]
fn a_link_is_printed_with_the_servers_address_and_kept_as_a_hash() {
    let place = TempDir::new().expect("a directory");
    let link = out(&run(place.path(), &["admin", "link"]));
    let secret = link.trim().strip_prefix("http://127.0.0.1:8080/admin/sign-in?link=").expect("a link");
    assert_eq!(secret.len(), 43);
    let elsewhere = out(&run(place.path(), &["admin", "link", "--url", "https://paint.example/"]));
    assert!(elsewhere.starts_with("https://paint.example/admin/sign-in?link="), "{elsewhere}");
    for file in ["data/ledger.sqlite3", "data/ledger.sqlite3-wal"] {
        let bytes = std::fs::read(place.path().join(file)).unwrap_or_default();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{file}");
    }
}

#[test]
fn a_link_leads_to_the_running_server() {
    let place = TempDir::new().expect("a directory");
    let server = crate::serve(place.path());
    let link = out(&run(place.path(), &["admin", "link"]));
    assert!(link.starts_with(&format!("{}/admin/sign-in?link=", server.url)), "{link}");
}

#[test]
fn a_password_is_set_from_standard_input_and_taken_away() {
    let place = TempDir::new().expect("a directory");
    assert!(complaint(&password(place.path(), "too short\n"), 2).contains("15 or more"));
    assert!(out(&password(place.path(), "silver on black iron\n")).contains("is set"));
    assert!(out(&run(place.path(), &["admin", "password", "--remove"])).contains("no password"));
}

#[test]
fn a_session_that_is_not_there_cannot_be_revoked() {
    let place = TempDir::new().expect("a directory");
    out(&run(place.path(), &["admin", "link"]));
    assert!(out(&run(place.path(), &["admin", "sessions"])).starts_with("ID"));
    assert!(complaint(&run(place.path(), &["admin", "sessions", "revoke", "nobody"]), 2).contains("nobody"));
    assert_eq!(out(&run(place.path(), &["admin", "sessions", "revoke", "--all"])), "signed out: 0\n");
    let unsaid = run(place.path(), &["admin", "sessions", "revoke"]);
    assert_eq!(unsaid.status.code(), Some(2));
}

/// The secret of the link that a start in `directory` prints, if it prints one before it speaks of keys.
fn printed_link(directory: &Path) -> Option<String> {
    let mut command = tintype();
    command.current_dir(directory).args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let said: Vec<_> = lines.take_while(|line| !line.starts_with("Key")).collect();
    // What is printed is stored before the first request is answered.
    let url = said.iter().find_map(|line| line.split_once(" at ")).expect("where it listens").1;
    ureq::get(format!("{url}/healthz")).call().expect("an answer");
    child.kill().expect("killed");
    child.wait().expect("reaped");
    let line = said.iter().find(|line| line.starts_with("Sign in http://127.0.0.1:"))?;
    Some(line.split_once("/admin/sign-in?link=").expect("a link").1.to_owned())
}

#[test]
fn a_start_prints_a_link_that_signs_in_once_until_there_is_a_password() {
    let place = TempDir::new().expect("a directory");
    let secret = SignInSecret::from_link(printed_link(place.path()).expect("a link"));
    let ledger = Ledger::open(&place.path().join("data/ledger.sqlite3")).expect("the ledger");
    let use_it = || ledger.use_sign_in_link(secret.hash(), jiff::Timestamp::now()).expect("an answer");
    assert_eq!([use_it(), use_it()], [true, false]);
    out(&password(place.path(), "silver on black iron\n"));
    assert_eq!(printed_link(place.path()), None);
}
