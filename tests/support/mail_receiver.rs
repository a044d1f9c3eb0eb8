//! A mail server that keeps what it gets: RFC 5321, as far as a client needs it, RFC 3207's STARTTLS and RFC 4954's sign-in.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How a mail server encrypts.
#[derive(Clone)]
pub enum MailTls {
    None,
    /// From the first byte.
    Implicit(Arc<ServerConfig>),
    /// After STARTTLS, which is offered.
    StartTls(Arc<ServerConfig>),
}

/// A connection, encrypted or not.
trait Wire: Read + Write {}

impl<T: Read + Write> Wire for T {}

type Reader = BufReader<Box<dyn Wire>>;

/// A mail as it arrived.
#[derive(Debug, Clone, Default)]
pub struct ReceivedMail {
    pub from: String,
    pub to: Vec<String>,
    /// Headers and text.
    pub data: String,
}

/// A mail server on a free port.
pub struct MailReceiver {
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<ReceivedMail>>>,
    to_refuse: Arc<AtomicU32>,
}

impl MailReceiver {
    pub fn start() -> Self {
        Self::start_with(MailTls::None)
    }

    /// The same, encrypted.
    pub fn start_with(tls: MailTls) -> Self {
        Self::start_for(tls, None)
    }

    /// The same, for one user with a password, if there is one.
    pub fn start_for(tls: MailTls, user: Option<(&str, &str)>) -> Self {
        // RFC 4616.
        let credentials =
            user.map(|(user, password)| BASE64_STANDARD.encode(format!("\0{user}\0{password}")));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (received, to_refuse) = (Arc::<Mutex<Vec<_>>>::default(), Arc::new(AtomicU32::new(0)));
        let (all, refusals) = (Arc::clone(&received), Arc::clone(&to_refuse));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let talk =
                    |stream, start_tls| talk(stream, start_tls, credentials.as_deref(), &all, &refusals);
                // Clients that do not trust the certificate break off.
                match tls.clone() {
                    MailTls::None => talk(Box::new(stream), None),
                    MailTls::Implicit(config) => {
                        encrypted(config, Box::new(stream)).and_then(|stream| talk(stream, None))
                    }
                    MailTls::StartTls(config) => talk(Box::new(stream), Some(config)),
                };
            }
        });
        Self { address, received, to_refuse }
    }

    /// Has it refuse the next `count` mails for the moment.
    pub fn will_refuse(&self, count: u32) {
        self.to_refuse.store(count, Ordering::SeqCst);
    }

    /// Mails that it still is to refuse.
    pub fn still_refuses(&self) -> u32 {
        self.to_refuse.load(Ordering::SeqCst)
    }

    pub fn received(&self) -> Vec<ReceivedMail> {
        self.received.lock().expect("no panic").clone()
    }

    /// Those whose subject has `words`.
    pub fn about(&self, words: &str) -> Vec<ReceivedMail> {
        let is_about = |mail: &ReceivedMail| {
            mail.data.lines().any(|line| line.starts_with("Subject: ") && line.contains(words))
        };
        self.received().into_iter().filter(is_about).collect()
    }
}

fn encrypted(config: Arc<ServerConfig>, stream: Box<dyn Wire>) -> Option<Box<dyn Wire>> {
    let connection = ServerConnection::new(config).ok()?;
    Some(Box::new(StreamOwned::new(connection, stream)))
}

fn say(reader: &mut Reader, line: &str) -> Option<()> {
    let stream = reader.get_mut();
    stream.write_all(format!("{line}\r\n").as_bytes()).ok()?;
    stream.flush().ok()
}

/// One connection, until the client says that it is done. None if it breaks off.
fn talk(
    stream: Box<dyn Wire>,
    mut start_tls: Option<Arc<ServerConfig>>,
    credentials: Option<&str>,
    all: &Mutex<Vec<ReceivedMail>>,
    to_refuse: &AtomicU32,
) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut mail = ReceivedMail::default();
    say(&mut reader, "220 mail.test ready")?;
    loop {
        let line = line(&mut reader)?;
        let address = || line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let verb: String = line.chars().take(4).collect::<String>().to_uppercase();
        match verb.as_str() {
            "QUIT" => return say(&mut reader, "221 bye"),
            "EHLO" if start_tls.is_some() => {
                say(&mut reader, "250-mail.test")?;
                say(&mut reader, "250 STARTTLS")?;
                continue;
            }
            "EHLO" if credentials.is_some() => {
                say(&mut reader, "250-mail.test")?;
                say(&mut reader, "250 AUTH PLAIN")?;
                continue;
            }
            "AUTH" => {
                let is_theirs = line.split(' ').nth(2) == credentials;
                say(&mut reader, if is_theirs { "235 come in" } else { "535 wrong user or password" })?;
                continue;
            }
            "STAR" => {
                let config = start_tls.take()?;
                say(&mut reader, "220 go on")?;
                reader = BufReader::new(encrypted(config, reader.into_inner())?);
                continue;
            }
            "MAIL" if to_refuse.load(Ordering::SeqCst) > 0 => {
                to_refuse.fetch_sub(1, Ordering::SeqCst);
                say(&mut reader, "451 later")?;
                continue;
            }
            "MAIL" => mail = ReceivedMail { from: address(), ..ReceivedMail::default() },
            "RCPT" => mail.to.push(address()),
            "DATA" => {
                say(&mut reader, "354 go on")?;
                loop {
                    match self::line(&mut reader)?.as_str() {
                        "." => break,
                        text => mail.data += &format!("{text}\n"),
                    }
                }
                all.lock().expect("no panic").push(mail.clone());
            }
            _ => {}
        }
        say(&mut reader, "250 mail.test")?;
    }
}

fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    Some(line.trim_end().to_owned())
}
