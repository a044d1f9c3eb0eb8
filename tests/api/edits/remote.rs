//! Images that JSON bodies name by URLs, fetched from a host on loopback that the configuration lists.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::{Form, columns, data_url, first_image, photo, png};
use crate::{
    server::TestServer,
    tls::{certificate, encryption},
};

/// An https host on loopback.
struct Host {
    port: u16,
    /// The requests' heads, in small letters.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Host {
    fn start() -> Self {
        let config = encryption(&certificate());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
                // Clients that do not trust the certificate break off.
                answer(StreamOwned::new(connection, stream), &received);
            }
        });
        Self { port, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn answer(stream: StreamOwned<ServerConnection, TcpStream>, asked: &Mutex<Vec<String>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let path = head.split(' ').nth(1)?.to_owned();
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(head.to_lowercase());
    let redirect = |to: &str| (format!("302 Found\r\nlocation: {to}"), Vec::new());
    let (status, body) = match path.as_str() {
        "/image.png?size=32" => ("200 OK".into(), png(photo(32, 32))),
        "/mask.png" => ("200 OK".into(), png(columns(32, 32, 8, 12))),
        "/text" => ("200 OK".into(), b"no image".to_vec()),
        "/same" => redirect("/mask.png"),
        "/elsewhere" => redirect("https://elsewhere.test/a.png"),
        "/plain" => redirect("http://127.0.0.1/a.png"),
        "/credentials" => redirect("https://a:b@127.0.0.1/a.png"),
        "/nowhere" => ("302 Found".into(), Vec::new()),
        "/large" => ("200 OK\r\ncontent-length: 50000001".into(), Vec::new()),
        _ => ("404 Not Found".into(), Vec::new()),
    };
    let length = match path.as_str() {
        "/large" => String::new(),
        _ => format!("content-length: {}\r\n", body.len()),
    };
    let stream = stream.get_mut();
    write!(stream, "HTTP/1.1 {status}\r\n{length}connection: close\r\n\r\n").ok()?;
    stream.write_all(&body).ok()?;
    stream.conn.send_close_notify();
    stream.flush().ok()
}

fn server(hosts: &[String]) -> TestServer {
    TestServer::start_with(|config| {
        config.edits.image_hosts = hosts.iter().map(|host| host.parse().expect("a host")).collect();
        config.edits.image_authorities = Some(certificate());
    })
}

fn error(server: &TestServer, body: &Value) -> (u16, Value, Value, String) {
    let answer = server.edit_json(body);
    let error = answer.json()["error"].clone();
    let message = error["message"].as_str().unwrap_or_default().to_owned();
    (answer.status, error["param"].clone(), error["code"].clone(), message)
}

#[test]
fn images_are_fetched_from_listed_hosts_without_credentials() {
    let host = Host::start();
    let server = server(&[format!("127.0.0.1:{}", host.port)]);
    let url = |path: &str| format!("https://127.0.0.1:{}{path}", host.port);
    let form = Form::of(png(photo(32, 32))).file("mask", png(columns(32, 32, 8, 12))).text("seed", "9");
    let of_form = first_image(&server.edit(&form));
    let body = json!({
        "prompt": "tea",
        "seed": 9,
        "images": [{ "image_url": url("/image.png?size=32#fragment") }],
        "mask": { "image_url": url("/mask.png") },
    });
    assert_eq!(first_image(&server.edit_json(&body)), of_form, "the same as in parts");
    let mixed = json!({
        "prompt": "tea",
        "seed": 9,
        "image": data_url(&png(photo(32, 32))),
        "mask": url("/mask.png"),
    });
    assert_eq!(first_image(&server.edit_json(&mixed)), of_form, "one of them sent, the other one fetched");
    let asked = host.asked();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked[0].starts_with("get /image.png?size=32 http/1.1"), "{asked:?}");
    for head in &asked {
        for secret in ["authorization", "cookie", "referer", &server.key.to_lowercase()] {
            assert!(!head.contains(secret), "{head}");
        }
    }
    let left = std::fs::read_dir(server.data.path()).expect("the data directory").filter(|entry| {
        let name = entry.as_ref().expect("an entry").file_name();
        name.to_string_lossy().starts_with(".tmp")
    });
    assert_eq!(left.count(), 0, "nothing is left on the disk");
}

#[test]
fn what_is_not_an_image_of_a_listed_host_is_refused_by_name() {
    let host = Host::start();
    let (address, name) = (format!("127.0.0.1:{}", host.port), format!("localhost:{}", host.port));
    let server = server(&[address.clone(), name.clone()]);
    let url = |path: &str| format!("https://{address}{path}");
    for (url, code, said) in [
        (url("/absent"), "invalid_image_url", "404"),
        (url("/nowhere"), "invalid_image_url", "302"),
        (url("/text"), "invalid_image_file", "PNG, JPEG or WebP"),
        (url("/large"), "invalid_image_file", "50000000 bytes"),
        // A redirect leads to no address that is not public, though the configuration lists it.
        (url("/same"), "invalid_image_url", "no public address"),
        (url("/elsewhere"), "unsupported_value", "elsewhere.test"),
        (url("/plain"), "invalid_value", "https://"),
        (url("/credentials"), "invalid_value", "user name"),
        // A name is listed, and leads to this machine.
        (format!("https://{name}/mask.png"), "invalid_image_url", "no public address"),
        (format!("https://[::ffff:127.0.0.1]:{}/mask.png", host.port), "unsupported_value", "fetches no"),
        (format!("https://127.0.0.1:{}/mask.png", host.port ^ 1), "unsupported_value", "fetches no"),
        (format!("http://{address}/mask.png"), "invalid_value", "https://"),
        (format!("https://a:b@{address}/mask.png"), "invalid_value", "user name"),
        ("file:///etc/passwd".into(), "invalid_value", "https://"),
    ] {
        let before = host.asked().len();
        let body = json!({ "prompt": "tea", "images": [{ "image_url": url }] });
        let (status, param, found, message) = error(&server, &body);
        let param_is_right = param == "images" || (param == "image" && code == "invalid_image_file");
        assert!(param_is_right, "{url}: {param}");
        assert_eq!((status, &found), (400, &json!(code)), "{url}: {message}");
        assert!(message.contains(said), "{url}: {message}");
        assert!(host.asked().len() <= before + 1, "{url}: nothing behind it was asked");
    }
    let before = host.asked().len();
    let two =
        json!({ "prompt": "tea", "images": [{ "image_url": url("/mask.png") }, { "image_url": url("/a") }] });
    let (status, param, code, _) = error(&server, &two);
    assert_eq!((status, param, code), (400, json!("image"), json!("unsupported_value")));
    assert_eq!(host.asked().len(), before, "of too many images none is fetched");
    assert_eq!(server.totals().images, 0);
}

#[test]
fn a_host_whose_certificate_is_not_trusted_is_not_asked() {
    let host = Host::start();
    let address = format!("127.0.0.1:{}", host.port);
    let server = TestServer::start_with(|config| {
        config.edits.image_hosts = vec![address.parse().expect("a host")];
    });
    let body = json!({ "prompt": "tea", "images": [{ "image_url": format!("https://{address}/mask.png") }] });
    let (status, _, code, message) = error(&server, &body);
    assert_eq!((status, code), (400, json!("invalid_image_url")), "{message}");
    assert!(message.to_lowercase().contains("certificate"), "{message}");
    assert_eq!(host.asked(), [""; 0]);
}
