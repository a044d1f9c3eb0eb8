//! A client that hangs up, and a server that is asked to stop.

use std::{io::Write, net::TcpStream, sync::mpsc};

use serde_json::json;
use tintype::service::OnDisconnect;

use crate::{client::eventually, server::TestServer};

/// Sends a slow request and hangs up once the device is at it.
fn hang_up_midway(server: &TestServer) {
    let body = json!({ "prompt": "x", "size": "128x128", "steps": 100 }).to_string();
    let mut socket = TcpStream::connect(server.url.trim_start_matches("http://")).expect("connected");
    write!(
        socket,
        "POST /v1/images/generations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        server.key,
        body.len()
    )
    .expect("sent");
    eventually("the device is at it", || server.count("running") == 1);
}

#[test]
fn a_client_that_hangs_up_stops_its_image_and_the_energy_is_booked() {
    let server = TestServer::start();
    hang_up_midway(&server);
    eventually("the request has failed", || server.count("failed") == 1);
    let totals = server.totals();
    assert_eq!(totals.images, 0);
    assert!(totals.failed_electricity > tintype::units::Money::ZERO);
    assert_eq!(server.generate(&json!({ "prompt": "x" })).status, 200, "the next one is served");
}

#[test]
fn a_client_that_hangs_up_changes_nothing_but_the_delivery_where_that_is_configured() {
    let server = TestServer::start_with(|config| config.limits.on_disconnect = OnDisconnect::Finish);
    hang_up_midway(&server);
    eventually("the image is noted as undelivered", || server.totals().undelivered == 1);
    let totals = server.totals();
    assert_eq!(totals.images, 1);
    assert!(totals.standard > tintype::units::Money::ZERO);
}

#[test]
fn a_waiting_request_whose_client_hangs_up_leaves_the_queue() {
    let server = TestServer::start();
    std::thread::scope(|scope| {
        let slow =
            scope.spawn(|| server.generate(&json!({ "prompt": "x", "size": "128x128", "steps": 100 })));
        eventually("the device is busy", || server.count("running") == 1);
        let mut socket = TcpStream::connect(server.url.trim_start_matches("http://")).expect("connected");
        let (key, body) = (&server.key, r#"{"prompt": "never"}"#);
        write!(
            socket,
            "POST /v1/images/generations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("sent");
        eventually("it waits", || server.count("reserved") == 1);
        drop(socket);
        eventually("it has left", || server.count("failed") == 1);
        assert_eq!(slow.join().expect("an answer").status, 200);
    });
    assert_eq!(server.totals().images, 1);
    assert_eq!(server.totals().failed_electricity, tintype::units::Money::ZERO, "the device never began");
}

/// Asks for `count` images at once, each on its own thread, and sends the answers' statuses as they come.
pub fn ask_for_slow_images(server: &TestServer, count: usize) -> mpsc::Receiver<u16> {
    let (answered, answers) = mpsc::channel();
    for _ in 0..count {
        let (url, key, answered) = (server.url.clone(), server.key.clone(), answered.clone());
        std::thread::spawn(move || {
            let body = json!({ "prompt": "x", "size": "128x128", "steps": 100 }).to_string();
            let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
            let answer = agent
                .post(format!("{url}/v1/images/generations"))
                .header("authorization", format!("Bearer {key}"))
                .header("content-type", "application/json")
                .send(body);
            answered.send(answer.expect("an answer").status().as_u16()).expect("the test waits");
        });
    }
    answers
}

#[test]
fn a_stop_finishes_the_image_in_hand_and_refuses_the_ones_that_wait() {
    let mut server = TestServer::start();
    let answers = ask_for_slow_images(&server, 3);
    eventually("one is generated, two wait", || {
        server.count("running") == 1 && server.count("reserved") == 2
    });
    server.end();
    let mut statuses: Vec<u16> = answers.iter().take(3).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 503, 503]);
    assert_eq!(server.totals().images, 1);
    assert_eq!((server.count("settled"), server.count("failed")), (1, 2));
}
