//! Budgets count what was seen: whoever hangs up has used up what was made for it.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};

use jiff::Timestamp;
use serde_json::json;
use tintype::{
    costs::{BudgetPeriod, Spending},
    domain::{Calendar, KeyId},
    ledger::{BudgetPeriods, KeyChange, KeyRules},
    units::Money,
};

use crate::{
    client::{IMAGES, eventually},
    server::TestServer,
};

const STEPS: u32 = 40;

/// Asks for a stream with three partial images, and hangs up once `partials` of them have come. Returns how many images
/// were seen: partial images of one that never ended, or the image itself.
fn hang_up_after(server: &TestServer, key: &str, partials: usize) -> u32 {
    let body =
        json!({ "prompt": "x", "size": "128x128", "steps": STEPS, "stream": true, "partial_images": 3 });
    let body = body.to_string();
    let address = server.url.trim_start_matches("http://");
    let mut client = TcpStream::connect(address).expect("a connection");
    let head = format!(
        "POST /v1/images/generations HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write_all(head.as_bytes()).expect("sent");
    let mut lines = BufReader::new(client).lines().map(|line| line.expect("a line"));
    assert!(lines.next().expect("a status").contains(" 200 "));
    let mut seen = 0;
    for line in lines {
        if line.starts_with("event: ") {
            seen += 1;
        }
        if seen >= partials {
            break;
        }
    }
    u32::from(seen > 0)
}

/// What the key has used up this month, once none of its requests is open.
fn spent(server: &TestServer, key: KeyId) -> Spending {
    eventually("all requests have ended", || server.count("reserved") + server.count("running") == 0);
    let periods = BudgetPeriods::of(Timestamp::now(), &Calendar::UTC);
    let spent = server.ledger().spent(&periods).expect("sums");
    spent[&BudgetPeriod::Month].get(&key).copied().unwrap_or_default()
}

#[test]
fn an_image_of_which_a_part_was_seen_is_used_up() {
    let server = TestServer::start();
    let budgets = "1 image a day".parse().expect("a budget");
    let key = server.make_key(1, KeyRules { scopes: IMAGES, budgets, ..KeyRules::default() });
    assert_eq!(hang_up_after(&server, &key.reveal(), 1), 1);
    eventually("it has ended", || server.count("reserved") + server.count("running") == 0);
    let again = server.post("/v1/images/generations").bearer(&key.reveal());
    let again = again.json(&json!({ "prompt": "x", "stream": true, "partial_images": 3 }));
    assert_eq!((again.status, &again.json()["error"]["code"]), (429, &"insufficient_quota".into()));
}

#[test]
fn no_moment_of_hanging_up_gets_more_than_the_budget_was_charged_for() {
    let server = TestServer::start();
    let key = server.make_key(2, KeyRules { scopes: IMAGES, ..KeyRules::default() });
    let id = server.ledger().authenticate(&key, Timestamp::now()).expect("asked").expect("known").key;
    // What any image is charged whatever its time: the built-in example's part wears by images, and so does its upkeep.
    let of_image: Money = "0.373333334".parse().expect("an amount");
    let mut seen = 0;
    for partials in [0, 1, 2, 3, 4, 1, 0, 3] {
        seen += hang_up_after(&server, &key.reveal(), partials);
        let spent = spent(&server, id);
        assert!(spent.images >= seen, "{seen} seen, {} charged", spent.images);
        let least = of_image.times(i64::from(seen)).expect("in range");
        assert!(spent.money >= least, "{} charged for {seen} seen", spent.money);
    }
    assert!(seen >= 6);
}

#[test]
fn a_request_that_is_refused_for_its_budget_uses_up_no_rate() {
    let server = TestServer::start();
    let mut rules =
        KeyRules { scopes: IMAGES, budgets: "0 images".parse().expect("a budget"), ..KeyRules::default() };
    rules.limits.images_per_minute = 5.try_into().ok();
    let key = server.make_key(3, rules);
    let ask = |n: u32| {
        let request = server.post("/v1/images/generations").bearer(&key.reveal());
        request.json(&json!({ "prompt": "x", "n": n })).status
    };
    for _ in 0..4 {
        assert_eq!(ask(5), 429, "no budget");
    }
    let free = [KeyChange::Budgets(Default::default())];
    let now = Timestamp::now();
    assert!(server.ledger().change_key(key.public_id(), &free, "command line", now).expect("changed"));
    assert_eq!(ask(5), 200, "the five of this minute are still there");
    assert_eq!(ask(5), 429, "and now they are used up");
}
