//! Requests that are answered later, and the webhooks about them: servers are killed over both, and nothing is forgotten.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    audit::audit,
    batches::Client,
    eventually::eventually,
    served::{Place, Served},
    webhook_receiver::{HELD, WebhookReceiver},
};

const REQUESTS: usize = 12;
const KILLS: usize = 3;

fn serve(place: &mut Place, receiver: &WebhookReceiver) -> Served {
    let hosts = format!("TINTYPE_WEBHOOKS__PRIVATE_HOSTS=[\"{}\"]", receiver.address);
    place.serve_by(&["env", &hosts])
}

/// The ids that messages were about, each with the ids of its messages.
fn announced(receiver: &WebhookReceiver) -> BTreeMap<String, BTreeSet<String>> {
    let mut announced = BTreeMap::<_, BTreeSet<_>>::new();
    for message in receiver.of_kind("image.completed") {
        let about = message.json()["data"]["id"].as_str().expect("an id").to_owned();
        announced.entry(about).or_default().insert(message.header("webhook-id").to_owned());
    }
    announced
}

#[test]
fn what_is_answered_later_is_answered_and_announced_by_whichever_server_lives() {
    let receiver = WebhookReceiver::start();
    let mut place = Place::new();
    let mut served = serve(&mut place, &receiver);
    let client = Client::of(&place, &served);
    let url = receiver.url().replace('?', "%3F").replace('=', "%3D");
    let form = format!("url={url}&events=image.completed");
    client.send("POST", "/admin/webhooks", "application/x-www-form-urlencoded", &form);
    // The first message is on its way when its server is killed.
    receiver.will_answer(&[HELD]);
    let ask = |number: usize| {
        let body = json!({ "prompt": format!("tile {number}"), "response_format": "url" });
        let accepted = client.json("POST", "/v1/async/images/generations", &body.to_string());
        accepted["id"].as_str().unwrap_or_else(|| panic!("an id: {accepted}")).to_owned()
    };
    let ids: BTreeSet<String> = (0..REQUESTS).map(ask).collect();
    for kill in 0..KILLS {
        eventually("messages arrive", || announced(&receiver).len() > kill * REQUESTS / (KILLS + 1));
        served.kill();
        served = serve(&mut place, &receiver);
    }
    let client = Client::of(&place, &served);
    for id in &ids {
        let mut answer = Value::Null;
        eventually("an answer", || {
            answer = client.json("GET", &format!("/v1/async/{id}"), "");
            answer["data"].is_array()
        });
        assert!(answer["data"][0]["url"].is_string(), "{answer}");
    }
    eventually("all are announced", || announced(&receiver).len() == REQUESTS);
    let announced = announced(&receiver);
    assert_eq!(announced.keys().cloned().collect::<BTreeSet<_>>(), ids);
    assert!(announced.values().all(|messages| messages.len() == 1), "each by one message: {announced:?}");
    let first = receiver.received().remove(0);
    let again = receiver
        .received()
        .into_iter()
        .skip(1)
        .filter(|message| message.header("webhook-id") == first.header("webhook-id"));
    assert!(again.count() >= 1, "the message that nobody answered is sent again");
    served.stop();
    let audited = audit(&place.ledger(), &place.answered);
    let settled = i64::try_from(REQUESTS).expect("a count");
    assert_eq!((audited.settled, audited.images, audited.open), (settled, settled, 0));
}
