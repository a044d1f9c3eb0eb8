//! Repeats of a large answer that nobody reads: they end in refusals, and take little memory.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::json;

use crate::{
    eventually::eventually,
    process_memory::memory_kib,
    served::{Place, Served},
    slow_client::slow_connection,
};

/// What answers on their way may hold.
const ANSWERS_MIB: u64 = 16;
/// Each answer has about 7 MB; all of them together would be some GB.
const REPEATS: usize = 600;

/// Sends `request` from an address of its own, and takes of the answer what a small buffer holds.
fn send(served: &Served, source: Ipv4Addr, request: &str) -> TcpStream {
    let address: SocketAddr = served.program.url.trim_start_matches("http://").parse().expect("an address");
    let mut stream = slow_connection(address, source);
    stream.set_read_timeout(Some(Duration::from_secs(600))).expect("a time-out");
    stream.write_all(request.as_bytes()).expect("sent");
    stream
}

fn status(stream: &mut TcpStream) -> String {
    let mut line = [0; 12];
    stream.read_exact(&mut line).expect("an answer");
    String::from_utf8_lossy(&line).into_owned()
}

#[test]
fn a_storm_of_unread_repeats_ends_in_refusals() {
    let mut place = Place::new();
    let served = place.serve_embedded_by(&["env", &format!("TINTYPE_LIMITS__ANSWERS_MIB_MAX={ANSWERS_MIB}")]);
    let body = json!({ "prompt": "x", "size": "2048x2048", "n": 8, "steps": 1 });
    let client = place.client(&served);
    let (first, _) = client.ask(Some("storm"), &body).expect("an answer");
    let before = memory_kib(served.program.child.id(), "VmRSS");
    let text = body.to_string();
    let request = format!(
        "POST /v1/images/generations HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nIdempotency-Key: storm\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{text}",
        place.key(),
        text.len()
    );
    let sources = (2..=5).cycle().map(|last| Ipv4Addr::new(127, 0, 0, last));
    let mut unread: Vec<_> = sources.take(REPEATS).map(|source| send(&served, source, &request)).collect();
    let statuses: Vec<_> = unread.iter_mut().map(status).collect();
    let answered = statuses.iter().filter(|status| *status == "HTTP/1.1 200").count();
    let refused = statuses.iter().filter(|status| *status == "HTTP/1.1 503").count();
    assert_eq!(answered + refused, REPEATS, "{statuses:?}");
    assert!(answered > 0 && refused > REPEATS / 2, "{answered} answered, {refused} refused");
    let peak = memory_kib(served.program.child.id(), "VmHWM");
    assert!(peak < 1 << 20, "a peak of {peak} KiB, after {before} KiB");
    assert_eq!(client.get("/healthz"), 200);
    drop(unread);
    eventually("there is room again", || client.ask(Some("storm"), &body).is_ok_and(|(id, _)| id == first));
    println!("{answered} answered, {refused} refused; {before} KiB before, a peak of {peak} KiB");
    served.stop();
}
