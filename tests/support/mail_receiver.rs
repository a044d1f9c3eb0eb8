//! A mail server that keeps what it gets: RFC 5321, as far as a client without TLS needs it.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

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
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (received, to_refuse) = (Arc::<Mutex<Vec<_>>>::default(), Arc::new(AtomicU32::new(0)));
        let (all, refusals) = (Arc::clone(&received), Arc::clone(&to_refuse));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                talk(stream, &all, &refusals);
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

/// One connection, until the client says that it is done. None if it breaks off.
fn talk(stream: TcpStream, all: &Mutex<Vec<ReceivedMail>>, to_refuse: &AtomicU32) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let say = |reader: &mut BufReader<TcpStream>, line: &str| {
        reader.get_mut().write_all(format!("{line}\r\n").as_bytes()).ok()
    };
    let mut mail = ReceivedMail::default();
    say(&mut reader, "220 mail.test ready")?;
    loop {
        let line = line(&mut reader)?;
        let address = || line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let verb: String = line.chars().take(4).collect::<String>().to_uppercase();
        match verb.as_str() {
            "QUIT" => return say(&mut reader, "221 bye"),
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
