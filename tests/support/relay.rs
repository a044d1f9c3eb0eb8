//! Hands requests on to a server of S3; if a test says so, as one whose disk is full, or not at all.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// As MinIO answers.
const FULL: &str =
    "<?xml version=\"1.0\"?><Error><Code>XMinioStorageFull</Code><Message>full</Message></Error>";

/// A relay on a free port.
pub struct Relay {
    pub address: SocketAddr,
    is_full: Arc<AtomicBool>,
    is_cut: Arc<AtomicBool>,
}

impl Relay {
    /// To the server at `address`.
    pub fn to(address: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let relay = Self {
            address: listener.local_addr().expect("an address"),
            is_full: Arc::default(),
            is_cut: Arc::default(),
        };
        let (to, is_full, is_cut) =
            (address.to_owned(), Arc::clone(&relay.is_full), Arc::clone(&relay.is_cut));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let (to, is_full) = (to.clone(), Arc::clone(&is_full));
                thread::spawn(move || hand_on(&client, &to, &is_full).ok());
            }
        });
        relay
    }

    /// From now on nobody reaches the server, or everybody does again.
    pub fn set_cut(&self, is_cut: bool) {
        self.is_cut.store(is_cut, Ordering::SeqCst);
    }

    /// From now on nothing more is kept, or all is again.
    pub fn set_full(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::SeqCst);
    }
}

/// One request and its answer; each has a connection of its own.
fn hand_on(client: &TcpStream, to: &str, is_full: &AtomicBool) -> std::io::Result<()> {
    let mut reader = BufReader::new(client);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let from = head.len();
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
        let line = head[from..].trim().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(("content-length", value)) = line.split_once(": ") {
            length = value.parse().expect("a length");
        }
        if line.starts_with("connection:") {
            head.truncate(from);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut client = client;
    if is_full.load(Ordering::SeqCst) && head.starts_with("PUT ") {
        let length = FULL.len();
        return write!(
            client,
            "HTTP/1.1 507 Insufficient Storage\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{FULL}"
        );
    }
    let mut server = TcpStream::connect(to)?;
    let head = head.trim_end();
    write!(server, "{head}\r\nConnection: close\r\n\r\n")?;
    server.write_all(&body)?;
    std::io::copy(&mut server, &mut client)?;
    Ok(())
}
