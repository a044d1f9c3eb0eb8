//! Signals, pipes whose reader has gone, disks that are full, and who may read what the program writes.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::Write,
    net::TcpStream,
    os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink},
    path::Path,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

use crate::{
    complaint,
    eventually::eventually,
    order, out,
    program::{Program, tintype},
    run,
    signal::send,
    tiny_models::directory,
};

/// `tintype` with `arguments`, its standard output a pipe that nobody reads.
fn into_closed_pipe(place: &Path, arguments: &[&str]) -> Output {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = tintype();
    command.current_dir(place).args(arguments).stdout(writer).stderr(Stdio::piped());
    command.spawn().expect("the program runs").wait_with_output().expect("it ends")
}

fn onto_full_disk(place: &Path, arguments: &[&str]) -> Output {
    let full = OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    tintype().current_dir(place).args(arguments).stdout(full).output().expect("the program runs")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode()
        & 0o777
}

/// Keys in the ledger, by name.
fn keys(place: &Path) -> Vec<String> {
    let ledger = rusqlite::Connection::open(place.join("data/ledger.sqlite3")).expect("the ledger");
    let mut statement = ledger.prepare("SELECT name FROM keys ORDER BY id").expect("SQL");
    let names = statement.query_map([], |row| row.get(0)).expect("keys");
    names.collect::<Result<_, _>>().expect("names")
}

#[test]
fn a_reader_that_has_gone_ends_every_command_quietly() {
    let place = TempDir::new().expect("a directory");
    let made = out(&run(place.path(), &["key", "create", "studio", "--admin"]));
    let public_id = made.split('-').nth(1).expect("a public id");
    let model = directory("base").display().to_string();
    for arguments in [
        &["generate", "x", "--seed", "1", "--size", "32x32", "--steps", "1", "--model", &model][..],
        &["key", "list"],
        &["key", "log"],
        &["key", "disable", public_id],
        &["key", "enable", public_id],
        &["admin", "sessions"],
        &["admin", "sessions", "revoke", "--all"],
        &["admin", "password", "--remove"],
        &["costs"],
        &["costs", "--json"],
        &["prices", "check"],
        &["asset", "list"],
        &["month", "verify"],
        &["backup", "copy.sqlite3"],
        &["--help"],
        &["--version"],
    ] {
        let ended = into_closed_pipe(place.path(), arguments);
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(
            ended.status.success() && !said.contains("panicked"),
            "{arguments:?}: {} {said}",
            ended.status
        );
        assert!(!said.contains("tintype: "), "{arguments:?}: {said}");
    }
}

#[test]
fn a_secret_that_could_not_be_shown_is_not_stored() {
    let place = TempDir::new().expect("a directory");
    let made = out(&run(place.path(), &["key", "create", "kept", "--admin"]));
    let public_id = made.split('-').nth(1).expect("a public id").to_owned();
    let hashes = || {
        let ledger =
            rusqlite::Connection::open(place.path().join("data/ledger.sqlite3")).expect("the ledger");
        let links = "SELECT count(*) FROM sign_in_links";
        let links: i64 = ledger.query_row(links, [], |row| row.get(0)).expect("links");
        let hash = ledger.query_row("SELECT hex(secret_sha256) FROM keys", [], |row| row.get::<_, String>(0));
        (hash.expect("a hash"), links)
    };
    let before = hashes();
    let rotate = ["key", "rotate", &public_id];
    for arguments in [&["key", "create", "lost"][..], &rotate, &["admin", "link"]] {
        for ended in [into_closed_pipe(place.path(), arguments), onto_full_disk(place.path(), arguments)] {
            assert!(complaint(&ended, 1).contains("standard output cannot be written"), "{arguments:?}");
        }
    }
    assert_eq!((keys(place.path()), hashes()), (vec!["kept".into()], before));
    // A report that could not be written says so.
    assert!(complaint(&onto_full_disk(place.path(), &["costs"]), 1).contains("standard output"));
}

#[test]
fn a_first_key_that_could_not_be_shown_is_not_the_only_one() {
    let place = TempDir::new().expect("a directory");
    let model = directory("base").display().to_string();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--model", &model];
    assert!(complaint(&onto_full_disk(place.path(), &serve), 1).contains("standard output"));
    assert_eq!(keys(place.path()), [""; 0]);
    let mut program = Program::spawn(tintype().current_dir(place.path()).args(serve));
    let key = program.key.take().expect("the first key, at the next start");
    assert_eq!(order(&program, &key, serde_json::json!({ "prompt": "x", "size": "32x32" })).0, 200);
}

#[test]
fn what_a_command_writes_is_its_owners() {
    let place = TempDir::new().expect("a directory");
    let umasked = |arguments: &[&str]| {
        let mut command = Command::new("sh");
        command.args(["-c", "umask 022 && exec \"$@\"", "sh"]).arg(tintype().get_program()).args(arguments);
        let ended = command.current_dir(place.path()).output().expect("it runs");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    };
    umasked(&["key", "create", "operator", "--admin"]);
    let data = place.path().join("data");
    assert_eq!((mode(&data), mode(&data.join("ledger.sqlite3"))), (0o700, 0o600));
    umasked(&["backup", "copy.sqlite3"]);
    assert_eq!(mode(&place.path().join("copy.sqlite3")), 0o600);
    let model = directory("base").display().to_string();
    umasked(&["generate", "x", "--size", "32x32", "--steps", "1", "--model", &model, "-o", "image.png"]);
    assert_eq!(
        mode(&place.path().join("image.png")),
        0o644,
        "an image is for whoever the umask lets read it"
    );
}

#[test]
fn a_data_directory_that_was_open_is_closed_with_a_line() {
    let place = TempDir::new().expect("a directory");
    out(&run(place.path(), &["key", "create", "operator"]));
    let data = place.path().join("data");
    let open = || {
        fs::set_permissions(&data, Permissions::from_mode(0o755)).expect("opened");
        fs::set_permissions(data.join("ledger.sqlite3"), Permissions::from_mode(0o644)).expect("opened");
    };
    for arguments in
        [&["key", "list"][..], &["costs"], &["key", "create", "another"], &["backup", "b.sqlite3"]]
    {
        open();
        let ended = run(place.path(), arguments);
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(
            ended.status.success() && said.contains("was open to others (mode 755)"),
            "{arguments:?}: {said}"
        );
        assert!(said.contains("ledger.sqlite3 was open to others (mode 644)"), "{arguments:?}: {said}");
        assert_eq!((mode(&data), mode(&data.join("ledger.sqlite3"))), (0o700, 0o600));
    }
    let ended = run(place.path(), &["key", "list"]);
    assert!(!String::from_utf8_lossy(&ended.stderr).contains("open to others"), "said once");
}

#[test]
fn a_link_that_somebody_planted_is_not_followed() {
    let place = TempDir::new().expect("a directory");
    out(&run(place.path(), &["key", "create", "operator"]));
    let precious = place.path().join("precious");
    fs::write(&precious, "precious").expect("written");
    for (link, arguments) in [
        ("data/ledger.lock", &["key", "list"][..]),
        ("data/server.lock", &["serve", "--listen", "127.0.0.1:0"]),
        ("data/session.key", &["serve", "--listen", "127.0.0.1:0"]),
        ("copy.sqlite3.partial", &["backup", "copy.sqlite3"]),
    ] {
        let link = place.path().join(link);
        fs::remove_file(&link).ok();
        symlink(&precious, &link).expect("planted");
        let refused = run(place.path(), arguments);
        assert!(!refused.status.success(), "{arguments:?}");
        assert_eq!(fs::read_to_string(&precious).expect("read"), "precious", "{arguments:?}");
        fs::remove_file(&link).expect("removed");
    }
}

/// A server of the tiny model, and a client that waits for an image that takes a while.
fn serve_at_work(place: &Path, wrapper: &[&str]) -> (Program, std::thread::JoinHandle<u16>) {
    let mut command = crate::program::tintype_by(wrapper);
    let log = File::options().create(true).append(true).mode(0o600).open(place.join("log")).expect("a log");
    command
        .current_dir(place)
        .args(["--listen", "127.0.0.1:0", "--model"])
        .arg(directory("base"))
        .stderr(log);
    let mut program = Program::spawn(&mut command);
    let key = program.key.take().expect("a first key");
    let url = format!("{}/v1/images/generations", program.url);
    let client = std::thread::spawn(move || {
        let body = r#"{"prompt": "x", "size": "128x128", "steps": 100}"#;
        let request = ureq::post(url).header("authorization", format!("Bearer {key}"));
        request.header("content-type", "application/json").send(body).expect("an answer").status().as_u16()
    });
    eventually("the image is in hand", || state(place).as_deref() == Some("running"));
    (program, client)
}

fn state(place: &Path) -> Option<String> {
    let ledger = rusqlite::Connection::open(place.join("data/ledger.sqlite3")).expect("the ledger");
    ledger.query_row("SELECT state FROM requests", [], |row| row.get(0)).ok()
}

#[test]
fn every_signal_that_asks_to_stop_lets_the_image_in_hand_be_finished() {
    for signal in ["-HUP", "-TERM", "-QUIT"] {
        let place = TempDir::new().expect("a directory");
        // Whoever runs the tests may have ignored the hangup, and a child would too.
        let (mut program, client) = serve_at_work(place.path(), &["env", "--default-signal=HUP"]);
        send(&program.child, signal);
        assert_eq!(client.join().expect("an answer"), 200, "{signal}");
        assert_eq!(program.child.wait().expect("it ends").code(), Some(0), "{signal}");
        assert_eq!(state(place.path()).as_deref(), Some("settled"), "{signal}");
    }
}

#[test]
fn signals_without_a_meaning_are_passed_over_and_so_is_the_hangup_that_nohup_ignores() {
    let place = TempDir::new().expect("a directory");
    let (mut program, client) = serve_at_work(place.path(), &["nohup"]);
    for signal in ["-USR1", "-USR2", "-HUP"] {
        send(&program.child, signal);
    }
    assert_eq!(client.join().expect("an answer"), 200);
    let log = || fs::read_to_string(place.path().join("log")).expect("the log");
    eventually("a line says so", || log().contains("is ignored"));
    assert!(program.child.try_wait().expect("asked").is_none(), "it goes on: {}", log());
    send(&program.child, "-TERM");
    assert_eq!(program.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn with_few_open_files_the_connections_are_fewer_and_images_are_still_made_and_stored() {
    // More than there are connections, by fewer than there are files beside them: those that are being closed need one too.
    const HELD: usize = 500;
    let limit = rustix::process::Resource::Nofile;
    let open_files = rustix::process::getrlimit(limit);
    let raised = rustix::process::Rlimit { current: open_files.maximum, maximum: open_files.maximum };
    rustix::process::setrlimit(limit, raised).expect("room for the connections of this test");
    let place = TempDir::new().expect("a directory");
    let log =
        File::options().create(true).append(true).mode(0o600).open(place.path().join("log")).expect("a log");
    let mut command = crate::program::tintype_by(&["prlimit", "--nofile=600:600"]);
    command.current_dir(place.path()).args(["--listen", "127.0.0.1:0", "--model"]).arg(directory("base"));
    let mut program = Program::spawn(command.stderr(log));
    let key = program.key.take().expect("a first key");
    let address = program.url.trim_start_matches("http://").to_owned();
    let image = |format: &str| {
        let body = serde_json::json!({
            "prompt": "x", "size": "32x32", "steps": 1, "response_format": format,
        });
        let (status, answer) = order(&program, &key, body);
        assert_eq!(status, 200, "{answer}");
    };
    image("url");
    // A server that is full may close any of them: what counts is that the next image is made.
    let held: Vec<_> = (0..HELD)
        .filter_map(|_| {
            let mut connection = TcpStream::connect(&address).ok()?;
            let head =
                b"POST /v1/images/generations HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
            connection.write_all(head).ok()?;
            Some(connection)
        })
        .collect();
    for format in ["url", "b64_json"] {
        image(format);
    }
    drop(held);
    let log = fs::read_to_string(place.path().join("log")).expect("the log");
    assert!(log.contains("at most 344 connections, not 1024"), "{log}");
    assert!(!log.contains("Too many open files") && !log.contains(" ERROR "), "{log}");
}
