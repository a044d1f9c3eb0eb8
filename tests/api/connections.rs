//! Connections live only while they make progress, and nobody who does is refused for those who do not.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use serde_json::json;
use socket2::{Domain, Socket, Type};

use crate::{client::eventually, server::TestServer};

/// Silent connections of each kind: more than there may be.
const HELD: usize = 1100;
/// Longest wait for anything. No claim about speed: on a busy machine everything takes longer.
const PATIENCE: Duration = Duration::from_secs(600);
const GET: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
const PROBER: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// What a client sends before it falls silent: requests whose answers it reads, and then the rest.
struct Silence {
    name: &'static str,
    asked: &'static [u8],
    rest: &'static [u8],
}

/// Those that are to be gone soon. Resting connections are not among them.
const SILENCES: [Silence; 8] = [
    Silence { name: "nothing", asked: b"", rest: b"" },
    Silence { name: "half a head", asked: b"", rest: b"GET /healthz HTTP/1.1\r\nX: y" },
    Silence {
        name: "chunks without a key",
        asked: b"POST /v1/images/generations HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        rest: b"",
    },
    Silence {
        name: "chunks to a page that reads none",
        asked: b"GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        rest: b"",
    },
    Silence { name: "a byte after an answer", asked: GET, rest: b"G" },
    Silence { name: "a blank line after an answer", asked: GET, rest: b"\r\n" },
    Silence { name: "half a head after an answer", asked: GET, rest: b"GET /healthz HTTP/1.1\r\nX: y" },
    Silence {
        name: "a byte with the request",
        asked: b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nG",
        rest: b"",
    },
];
const RESTING: Silence = Silence { name: "rest", asked: GET, rest: b"" };

fn address_of(server: &TestServer) -> SocketAddr {
    server.url.trim_start_matches("http://").parse().expect("an address")
}

/// A connection from `source`, an address of this machine.
fn connect(server: &TestServer, source: Ipv4Addr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from((source, 0)).into()).expect("an address of this machine");
    socket.connect_timeout(&address_of(server).into(), PATIENCE).expect("a connection");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream.set_write_timeout(Some(PATIENCE)).expect("a time-out");
    stream
}

/// A client that sends a part of something and falls silent. It may be cut off at any point.
fn hold(server: &TestServer, source: Ipv4Addr, silence: &Silence) -> TcpStream {
    let mut stream = connect(server, source);
    let mut hold = || -> std::io::Result<()> {
        if !silence.asked.is_empty() {
            stream.write_all(silence.asked)?;
            let _read = stream.read(&mut [0; 4096])?;
        }
        stream.write_all(silence.rest)
    };
    hold().ok();
    stream
}

/// Whether the server has not ended the connection yet.
fn is_open(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a socket");
    let mut buffer = [0; 4096];
    loop {
        match (&*stream).read(&mut buffer) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}

fn drop_closed(held: &mut Vec<TcpStream>) {
    held.retain(is_open);
}

/// A whole answer, for a request that ends its connection.
fn ask(server: &TestServer, source: Ipv4Addr, request: &str) -> String {
    let mut stream = connect(server, source);
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn list_models(key: &str) -> String {
    format!("GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n")
}

/// Asks good requests, each on a connection of its own, from before `siege` until after it. None may fail.
fn probe_during(server: &TestServer, siege: impl FnOnce()) {
    let (is_over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let probe = || {
            while !is_over.load(Ordering::Relaxed) {
                let answer = ask(server, PROBER, &list_models(&server.key));
                assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
                answered.fetch_add(1, Ordering::Relaxed);
            }
        };
        let prober = scope.spawn(probe);
        eventually("the first good answer", || answered.load(Ordering::Relaxed) > 0 || prober.is_finished());
        siege();
        let before = answered.load(Ordering::Relaxed);
        eventually("a good answer after it all", || {
            answered.load(Ordering::Relaxed) > before + 1 || prober.is_finished()
        });
        is_over.store(true, Ordering::Relaxed);
        prober.join().expect("every good request was answered");
    });
}

/// Room for the sockets of both sides in this one process.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).expect("raised");
}

/// Floods the server with each kind of silence from `sources`, in turn.
fn besiege(sources: &[Ipv4Addr]) {
    raise_open_files();
    let server = TestServer::start();
    let most = 1024.min(256 * sources.len());
    probe_during(&server, || {
        let mut held = Vec::new();
        for silence in &SILENCES {
            for source in sources.iter().cycle().take(HELD) {
                held.push(hold(&server, *source, silence));
            }
            eventually(silence.name, || {
                drop_closed(&mut held);
                held.len() <= most
            });
        }
        eventually("the silent ones are gone", || {
            drop_closed(&mut held);
            held.is_empty()
        });
        for source in sources.iter().cycle().take(HELD) {
            held.push(hold(&server, *source, &RESTING));
        }
        drop_closed(&mut held);
        assert!(held.len() >= most / 2, "{} may rest", held.len());
    });
}

#[test]
fn silent_connections_from_one_address_shut_nobody_out() {
    besiege(&[Ipv4Addr::new(127, 0, 0, 2)]);
}

#[test]
fn silent_connections_from_eight_addresses_shut_nobody_out() {
    besiege(&[2, 3, 4, 5, 6, 7, 8, 9].map(|last| Ipv4Addr::new(127, 0, 0, last)));
}

#[test]
fn silent_connections_from_a_clients_own_address_do_not_shut_it_out() {
    besiege(&[PROBER]);
}

#[test]
fn ten_minutes_of_siege_change_nothing() {
    if std::env::var_os("TINTYPE_SOAK").is_none_or(|value| value != "1") {
        writeln!(std::io::stderr(), "skipped: set TINTYPE_SOAK=1 for ten minutes of siege").ok();
        return;
    }
    raise_open_files();
    let server = TestServer::start();
    let end = Instant::now() + Duration::from_secs(600);
    probe_during(&server, || {
        let (mut held, mut rounds) = (Vec::new(), 0);
        while Instant::now() < end {
            for (index, silence) in SILENCES.iter().chain([&RESTING]).enumerate() {
                for connection in 0..HELD {
                    let last = u8::try_from(1 + (connection + index) % 9).expect("an address");
                    held.push(hold(&server, Ipv4Addr::new(127, 0, 0, last), silence));
                }
                eventually("as many are open as may be", || {
                    drop_closed(&mut held);
                    held.len() <= 1024
                });
            }
            assert_eq!(server.generate(&json!({ "prompt": "x", "size": "16x16" })).status, 200);
            rounds += 1;
        }
        println!("{rounds} rounds, {} connections", rounds * HELD * (SILENCES.len() + 1));
    });
}

#[test]
fn a_trusted_proxy_has_no_cap_of_its_own() {
    raise_open_files();
    let server = TestServer::start_with(|config| {
        config.trusted_proxies = vec!["127.0.0.2/32".parse().expect("a network")];
        config.limits.connections_max = 64;
        config.limits.connections_per_address_max = 8;
    });
    let open_from = |last: u8| -> Vec<_> {
        (0..32).map(|_| hold(&server, Ipv4Addr::new(127, 0, 0, last), &RESTING)).collect()
    };
    let (mut of_proxy, mut of_client) = (open_from(2), open_from(3));
    eventually("an address has its cap", || {
        drop_closed(&mut of_client);
        of_client.len() <= 8
    });
    drop_closed(&mut of_proxy);
    assert_eq!((of_proxy.len(), of_client.len()), (32, 8));
}

#[test]
fn a_resting_connection_is_closed_when_its_time_is_up() {
    let server = TestServer::start_with(|config| config.limits.keep_alive_seconds = 1);
    let stream = hold(&server, PROBER, &RESTING);
    eventually("it is closed", || !is_open(&stream));
    let long = TestServer::start();
    let mut stream = hold(&long, PROBER, &RESTING);
    let half_a_head = hold(&long, PROBER, &SILENCES[1]);
    eventually("longer passes than a head may take", || !is_open(&half_a_head));
    stream.set_nonblocking(false).expect("a socket");
    stream.write_all(GET).expect("sent");
    assert!(stream.read(&mut [0; 4096]).expect("an answer") > 0, "it rested, and goes on");
}

#[test]
fn those_who_wait_for_an_answer_keep_their_connection() {
    let server = TestServer::start_with(|config| {
        config.limits.connections_max = 16;
        config.limits.connections_per_address_max = 8;
    });
    let server = &server;
    let body = |stream: bool| json!({ "prompt": "x", "size": "128x128", "steps": 100, "stream": stream });
    std::thread::scope(|scope| {
        let ask = |stream: bool| scope.spawn(move || server.generate(&body(stream)));
        let clients = [ask(true), ask(false)];
        eventually("both are in work", || server.count("running") + server.count("reserved") == 2);
        for silence in SILENCES.iter().chain([&RESTING]) {
            for _ in 0..32 {
                drop(hold(server, PROBER, silence));
            }
            let _held: Vec<_> = (0..32).map(|_| hold(server, PROBER, silence)).collect();
        }
        for client in clients {
            assert_eq!(client.join().expect("an answer").status, 200);
        }
    });
}

#[test]
fn a_body_that_comes_slowly_is_read_and_one_that_stands_still_is_not() {
    let server = TestServer::start();
    let body = r#"{"prompt":"x","size":"16x16"}"#;
    let head = |length: &str| {
        format!(
            "POST /v1/images/generations HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Type: \
             application/json\r\n{length}\r\n\r\n",
            server.key
        )
    };
    let read_status = |stream: &mut TcpStream| {
        let mut status = [0; 12];
        stream.read_exact(&mut status).expect("an answer");
        String::from_utf8_lossy(&status).into_owned()
    };
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| {
            let mut stream = connect(&server, PROBER);
            stream.write_all(head(&format!("Content-Length: {}", body.len())).as_bytes()).expect("sent");
            for piece in body.as_bytes().chunks(2) {
                std::thread::sleep(Duration::from_secs(1));
                stream.write_all(piece).expect("sent");
            }
            read_status(&mut stream)
        });
        for length in ["Content-Length: 99", "Transfer-Encoding: chunked"] {
            let mut stream = connect(&server, PROBER);
            stream.write_all(head(length).as_bytes()).expect("sent");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("an answer, and its end");
            assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
            assert!(answer.contains(r#""code":"request_timeout""#), "{answer}");
        }
        assert_eq!(slow.join().expect("an answer"), "HTTP/1.1 200");
    });
}

#[test]
fn nothing_more_is_read_after_a_refusal() {
    let server = TestServer::start();
    for (path, authorization) in [
        ("POST /v1/images/generations", String::new()),
        ("POST /v1/images/generations", format!("Authorization: Bearer {}\r\n", server.key)),
        ("POST /nothing/here", String::new()),
        ("GET /healthz", String::new()),
    ] {
        let mut stream = connect(&server, PROBER);
        let head = format!("{path} HTTP/1.1\r\nHost: a\r\n{authorization}Transfer-Encoding: chunked\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("sent");
        let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
        // Until the server is gone. What the system's buffers hold is no more than some MiB.
        let mut sent = 0;
        while sent < 500 << 20 && stream.write_all(&chunk).is_ok() {
            sent += chunk.len();
        }
        assert!(sent < 64 << 20, "{path}: {sent} bytes were taken");
    }
}

#[test]
fn a_head_that_cannot_be_is_refused_in_json() {
    let server = TestServer::start();
    let many: String = (0..120).map(|number| format!("X-H{number}: 1\r\n")).collect();
    let long = "x".repeat(200_000);
    for (request, status, code) in [
        ("GET /healthz HTTP/1.1\r\n\r\n".to_owned(), 400, "invalid_http"),
        ("\u{16}\u{3}\u{1} hello\r\n\r\n".to_owned(), 400, "invalid_http"),
        (format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{many}\r\n"), 431, "headers_too_large"),
        (format!("GET /healthz HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), 431, "headers_too_large"),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\nX: y".to_owned(), 408, "request_timeout"),
    ] {
        let answer = ask(&server, PROBER, &request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains("x-request-id: req_"), "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["error"]["code"], code);
    }
}
