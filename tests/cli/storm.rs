//! Repeats of a large answer that nobody reads: `cargo test --test cli storm -- --nocapture` prints the memory that they take.
//! `LD_PRELOAD` of another allocator before it compares allocators.

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr, TcpStream},
};

use tempfile::TempDir;

use crate::{agent, process_memory::memory_kib, program::Program, serve, slow_client::slow_connection};

/// Answers that are not read. The images' noise does not compress: each answer is some megabytes.
const UNREAD: usize = 150;
const BODY: &str = r#"{"prompt": "x", "size": "256x256", "steps": 1, "n": 10, "seed": 1}"#;

fn resident_kib(program: &Program) -> u64 {
    memory_kib(program.child.id(), "VmRSS")
}

/// The bytes of a whole answer.
fn ask(program: &Program, key: &str) -> usize {
    let request = agent()
        .post(format!("{}/v1/images/generations", program.url))
        .header("authorization", format!("Bearer {key}"))
        .header("idempotency-key", "storm")
        .header("content-type", "application/json");
    let mut answer = request.send(BODY).expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    answer.body_mut().with_config().limit(1 << 30).read_to_vec().expect("a body").len()
}

/// A client that asks for the same, through a small buffer, and reads nothing.
fn ask_and_do_not_read(address: SocketAddr, key: &str) -> TcpStream {
    let mut stream = slow_connection(address, Ipv4Addr::LOCALHOST);
    write!(
        stream,
        "POST /v1/images/generations HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nIdempotency-Key: storm\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    )
    .expect("sent");
    stream
}

#[test]
fn a_storm_of_unread_answers_takes_little_memory() {
    let place = TempDir::new().expect("a directory");
    let mut program = serve(place.path());
    let key = program.key.take().expect("a first key");
    let bytes = ask(&program, &key);
    assert_eq!(ask(&program, &key), bytes);
    let before = resident_kib(&program);
    let address: SocketAddr = program.url.trim_start_matches("http://").parse().expect("an address");
    let mut most = before;
    let unread: Vec<_> = (0..UNREAD)
        .map(|_| {
            let stream = ask_and_do_not_read(address, &key);
            most = most.max(resident_kib(&program));
            stream
        })
        .collect();
    // Those who read are served meanwhile.
    for _ in 0..3 {
        assert_eq!(ask(&program, &key), bytes);
        most = most.max(resident_kib(&program));
    }
    drop(unread);
    let whole = UNREAD * bytes / 1024;
    println!("{UNREAD} unread answers of {} KiB: resident {before} KiB before, {most} at most", bytes / 1024);
    assert!(most - before < whole as u64 / 4, "{most} KiB at most, {before} before, {whole} of answers");
    println!("{} KiB after", resident_kib(&program));
}
