//! A server that plays a commercial API: it sells images of one colour, and fails as a test says.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tintype::{
    domain::{Encoding, ImageFormat, ImageSize, Pixels},
    encode::encode,
};

/// What a request is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// The images that were asked for.
    Images,
    /// A status without images.
    Status(u16),
    /// The first half of an answer.
    Cut,
    /// Images of another size.
    WrongSize,
    /// One image more than was asked for.
    OneMore,
    /// No image, and a 200.
    NoImage,
    /// The images that were asked for, as URLs of this host.
    Urls,
    /// URLs of another host.
    UrlsElsewhere,
    /// Nothing, while the connection stays open.
    Silence,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Order {
    pub body: Value,
    pub authorization: String,
    pub idempotency_key: String,
}

/// The API on a free port. It sells unless another reply is next.
pub struct CommercialApi {
    pub address: SocketAddr,
    orders: Arc<Mutex<Vec<Order>>>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
}

impl CommercialApi {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (orders, replies) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<Mutex<VecDeque<_>>>::default());
        let (all, next) = (Arc::clone(&orders), Arc::clone(&replies));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (all, next) = (Arc::clone(&all), Arc::clone(&next));
                std::thread::spawn(move || {
                    let Some(order) = read(&stream) else { return };
                    let reply = next.lock().expect("no panic").pop_front().unwrap_or(Reply::Images);
                    all.lock().expect("no panic").push(order.clone());
                    answer(stream, reply, &order.body);
                });
            }
        });
        Self { address, orders, replies }
    }

    /// What the next requests are answered with.
    pub fn will_answer(&self, replies: &[Reply]) {
        self.replies.lock().expect("no panic").extend(replies);
    }

    /// Everything that was asked for.
    pub fn orders(&self) -> Vec<Order> {
        self.orders.lock().expect("no panic").clone()
    }

    /// An `[[overflow]]` that buys here whatever the wait: an image of 32 pixels a side costs 0.04 dollars. `changes` are made to it.
    pub fn overflow(&self, key_file: &Path, changes: &Value) -> Value {
        std::fs::write(key_file, "sk-commercial\n").expect("a key");
        let mut overflow = json!({
            "name": "acme",
            "base_url": format!("http://{}/v1", self.address),
            "private_hosts": [self.address.to_string()],
            "key_file": key_file,
            "model": "flux",
            "sku": "bfl/flux-pro-1.1",
            "sizes": ["32x32"],
            "qualities": { "medium": "medium" },
            "images_max": 4,
            "max_an_image": 1,
            "max_a_day": 100,
            "wait_over_seconds": 0,
        });
        for (name, value) in changes.as_object().expect("an object") {
            overflow[name] = value.clone();
        }
        overflow
    }
}

fn read(stream: &TcpStream) -> Option<Order> {
    let mut reader = BufReader::new(stream);
    let (mut authorization, mut idempotency_key, mut length) = (String::new(), String::new(), 0);
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if line.trim().is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").unwrap_or_default();
        match name.to_lowercase().as_str() {
            "authorization" => value.trim().clone_into(&mut authorization),
            "idempotency-key" => value.trim().clone_into(&mut idempotency_key),
            "content-length" => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
    if let Some(path) = first.strip_prefix("GET /files/") {
        serve_file(stream, path);
        return None;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Order { body: serde_json::from_slice(&body).ok()?, authorization, idempotency_key })
}

/// `32x32.png HTTP/1.1`: an image of that size.
fn serve_file(mut stream: &TcpStream, path: &str) {
    let size = path.split('.').next().and_then(|size| size.parse().ok()).expect("a size");
    let file = BASE64_STANDARD.decode(png(size)).expect("a file");
    let head = format!("HTTP/1.1 200 x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", file.len());
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&file)).ok();
}

fn answer(mut stream: TcpStream, reply: Reply, body: &Value) {
    let size: ImageSize = body["size"].as_str().expect("a size").parse().expect("a size");
    let n = body["n"].as_u64().expect("a number");
    let (status, images) = match reply {
        Reply::Status(status) => (status, Vec::new()),
        Reply::WrongSize => (200, vec![png(ImageSize::square(16)); usize::try_from(n).expect("few")]),
        Reply::OneMore => (200, vec![png(size); usize::try_from(n + 1).expect("few")]),
        Reply::NoImage | Reply::Urls | Reply::UrlsElsewhere => (200, Vec::new()),
        Reply::Silence => {
            // Until the client gives up.
            std::io::copy(&mut stream, &mut std::io::sink()).ok();
            return;
        }
        Reply::Images | Reply::Cut => (200, vec![png(size); usize::try_from(n).expect("few")]),
    };
    let answer = if status == 200 {
        let address = match reply {
            Reply::Urls => stream.local_addr().expect("an address").to_string(),
            _ => "elsewhere.test".to_owned(),
        };
        let url = json!({ "url": format!("http://{address}/files/{size}.png") });
        let urls = if matches!(reply, Reply::Urls | Reply::UrlsElsewhere) { n } else { 0 };
        let images = images.into_iter().map(|image| json!({ "b64_json": image }));
        let data: Vec<_> = images.chain((0..urls).map(|_| url.clone())).collect();
        json!({ "created": 1, "data": data }).to_string()
    } else {
        json!({ "error": { "message": "as asked", "type": "test" } }).to_string()
    };
    let head = format!(
        "HTTP/1.1 {status} As asked\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        answer.len()
    );
    let sent = if reply == Reply::Cut { &answer[..answer.len() / 2] } else { &answer };
    stream.write_all(format!("{head}{sent}").as_bytes()).ok();
}

fn png(size: ImageSize) -> String {
    let rgb = vec![9; usize::try_from(size.pixels()).expect("small") * 3];
    let encoding = Encoding { format: ImageFormat::Png, quality: 100 };
    BASE64_STANDARD.encode(encode(&Pixels { size, rgb }, encoding, None).expect("a file"))
}
