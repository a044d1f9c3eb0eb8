//! Alerts by e-mail: what an operator is sent, and again until the mail server takes it.

use std::sync::Arc;

use jiff::Timestamp;
use tintype::{clock::ManualClock, notify::MailServer, units::Millis};

use crate::{client::eventually, mail_receiver::MailReceiver, server::TestServer};

const FORM: &str = "application/x-www-form-urlencoded";

fn add(server: &TestServer, url: &str, events: &str) -> (u16, String) {
    let form = format!("url={}&key=&events={events}", url.replace(':', "%3A").replace('@', "%40"));
    let added = server.post("/admin/webhooks").bearer(&server.key).header("content-type", FORM).send(form);
    (added.status, added.text)
}

#[test]
fn an_operator_gets_mail_of_a_full_disk_and_of_a_price_that_has_ended_once_each_until_it_is_taken() {
    let mail = MailReceiver::start();
    let clock = Arc::new(ManualClock::at(Timestamp::constant(1_795_000_000, 0)));
    let smtp = format!("smtp://{}", mail.address);
    let server = TestServer::start_at(clock.clone(), |config| {
        config.mail.server = Some(MailServer::new(&smtp));
        config.mail.from = "Tintype <tintype@studio.example>".into();
        // More than any disk has.
        config.pictures.free_disk_min_mib = 1 << 40;
        config.costs.compare_with = "openai/dall-e-3".into();
    });
    mail.will_refuse(2);
    let (status, text) =
        add(&server, "mailto:ops@studio.example,owner@studio.example", "disk.full%20price.ends");
    assert_eq!(status, 200, "{text}");
    let arrived = |disk: usize, price: usize| {
        move |mail: &MailReceiver| {
            mail.about("no room for images").len() == disk && mail.about("list price ends").len() == price
        }
    };
    let wait_for = |condition: &dyn Fn(&MailReceiver) -> bool| {
        eventually("the mail arrives", || {
            clock.advance(Millis::new(10_000));
            condition(&mail)
        });
    };
    wait_for(&arrived(1, 1));
    assert_eq!(mail.still_refuses(), 0, "refused mail was sent again");
    let price = &mail.about("list price ends")[0];
    assert_eq!(price.from, "tintype@studio.example");
    assert_eq!(price.to, ["ops@studio.example", "owner@studio.example"]);
    for said in
        ["sku: openai/dall-e-3", "until: 2026-05-12", "Message-ID: <evt_price_openai_dall-e-3_2026-05-12@"]
    {
        assert!(price.data.contains(said), "{said} in {}", price.data);
    }
    // The next day the disk is full again, and the price has ended once.
    clock.advance(Millis::new(24 * 3_600_000));
    wait_for(&arrived(2, 1));
}

#[test]
fn a_mail_address_is_an_endpoint_only_where_a_mail_server_is_configured() {
    let server = TestServer::start();
    let (status, text) = add(&server, "mailto:ops@studio.example", "");
    assert!(status == 400 && text.contains("mail.server"), "{text}");
}
