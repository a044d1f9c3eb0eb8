//! Spans of requests reach an OpenTelemetry collector. Built with `--features otel`.

#[path = "../support/program.rs"]
mod program;
#[path = "../support/tiny_models.rs"]
mod tiny_models;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
};

use crate::program::{Program, tintype};

/// Reads one HTTP request and answers 200. Returns its first line and its body.
fn take(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut first = String::new();
    reader.read_line(&mut first).expect("a line");
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        let line = line.trim().to_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("answered");
    (first, body)
}

#[test]
fn a_requests_span_is_sent_to_the_collector_without_its_prompt() {
    let collector = TcpListener::bind("127.0.0.1:0").expect("a port");
    let data = tempfile::TempDir::new().expect("a data directory");
    let mut command = tintype();
    command.args(["serve", "--listen", "127.0.0.1:0", "--model"]).arg(tiny_models::directory("base"));
    command.arg("--data-dir").arg(data.path()).env("TINTYPE_MODEL__DEFAULT_SIZE", "32x32");
    let endpoint = format!("http://{}", collector.local_addr().expect("an address"));
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).env("OTEL_BSP_SCHEDULE_DELAY", "100");
    let mut program = Program::spawn(&mut command);
    let key = program.key.take().expect("a first key");
    let generated = ureq::post(format!("{}/v1/images/generations", program.url))
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .send(r#"{"prompt": "a lighthouse at dawn"}"#);
    assert!(generated.is_ok());
    let (mut stream, _) = collector.accept().expect("the server connects");
    let (first, body) = take(&mut stream);
    assert!(first.starts_with("POST /v1/traces"), "{first}");
    let text = String::from_utf8_lossy(&body);
    assert!(text.contains("tintype") && text.contains("request") && text.contains("req_"), "{text}");
    assert!(!text.contains("lighthouse"));
    program.kill();
}
