use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::nodes::Cluster;
use crate::{
    batches::Client, eventually::eventually, image_client::Answered, webhook_receiver::WebhookReceiver,
};

const REQUESTS: usize = 6;

fn ask(client: &Client, number: usize) -> String {
    let body = json!({ "prompt": format!("tile {number}"), "steps": 8, "response_format": "url" });
    let accepted = client.json("POST", "/v1/async/images/generations", &body.to_string());
    accepted["id"].as_str().unwrap_or_else(|| panic!("an id: {accepted}")).to_owned()
}

#[test]
fn what_is_answered_later_is_answered_and_announced_though_its_gateway_is_killed() {
    let receiver = WebhookReceiver::start();
    let Some(mut cluster) = Cluster::new() else { return };
    let hosts = format!("[\"{}\"]", receiver.address);
    cluster.environment.push(("TINTYPE_WEBHOOKS__PRIVATE_HOSTS".into(), hosts));
    let first = cluster.gateway();
    cluster.drives();
    let second = cluster.gateway();
    let admin = cluster.create_key("admin", &["--admin"]);
    let url = receiver.url().replace('?', "%3F").replace('=', "%3D");
    let form = format!("url={url}&events=image.completed");
    let admin = Client::at(&second.url, &admin);
    admin.send("POST", "/admin/webhooks", "application/x-www-form-urlencoded", &form);
    // Accepted by both; the one that is killed looks after all of them.
    let (at_first, at_second) = (cluster.caller(&first), cluster.caller(&second));
    let ids: BTreeSet<String> =
        (0..REQUESTS).map(|number| ask([&at_first, &at_second][number % 2], number)).collect();
    let waiting = "SELECT count(*) FROM queue";
    eventually("they are in the queue", || cluster.count(waiting) > 0);
    first.kill();
    let worker = cluster.worker();
    for id in &ids {
        let mut answer = Value::Null;
        eventually("an answer", || {
            answer = at_second.json("GET", &format!("/v1/async/{id}"), "");
            answer["data"].is_array()
        });
        assert!(answer["data"][0]["url"].is_string(), "{answer}");
    }
    let announced = || receiver.of_kind("image.completed");
    eventually("all are announced", || announced().len() >= REQUESTS);
    let about: BTreeSet<_> = announced()
        .iter()
        .map(|message| message.json()["data"]["id"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!((about, announced().len()), (ids, REQUESTS), "each once");
    cluster.settles();
    drop((second, worker));
    let settled = i64::try_from(REQUESTS).expect("a count");
    let audited = cluster.audit(&Answered::new());
    assert_eq!((audited.settled, audited.images), (settled, settled));
}
