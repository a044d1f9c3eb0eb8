//! The outbox: what is written with what happens, who gets it, and what becomes of it.

use super::{months::two_months, *};
use crate::domain::{EndpointId, EventKind};

const ALL: [EventKind; 12] = [
    EventKind::ImageCompleted,
    EventKind::ImageFailed,
    EventKind::BatchCompleted,
    EventKind::BatchFailed,
    EventKind::BatchExpired,
    EventKind::BatchCancelled,
    EventKind::BudgetPassed,
    EventKind::BudgetRefused,
    EventKind::DeviceLost,
    EventKind::MonthClosed,
    EventKind::DiskFull,
    EventKind::PriceEnds,
];

impl Book {
    fn endpoint(&self, number: u8, key: Option<KeyId>, kinds: &[EventKind]) -> EndpointId {
        let id = EndpointId::new(NOON, [number; 10]);
        let url = format!("https://hooks.test/{number}");
        let (secret, kinds) = ("whsec_x".to_owned(), kinds.to_vec());
        let endpoint = WebhookEndpoint { id, key, url, secret, kinds, created_at: NOON };
        self.ledger.add_webhook(&endpoint).expect("added");
        id
    }

    /// The kinds of what is due at `now`, with the numbers of their endpoints.
    fn due(&self, now: Timestamp) -> Vec<(String, EndpointId)> {
        let due = self.ledger.due_webhooks(now).expect("read");
        let kind = |due: &DueDelivery| {
            let body: serde_json::Value = serde_json::from_str(&due.body).expect("JSON");
            body["type"].as_str().expect("a type").to_owned()
        };
        due.iter().map(|one| (kind(one), one.endpoint)).collect()
    }
}

fn events_are_written_for_the_endpoints_that_get_them_and_for_nobody_else() {
    let mut book = Book::new(Some(100));
    let reservation = book.reserve(20, None, 0).expect("reserved");
    book.settle(reservation, &[&receipt()]).expect("settled");
    assert!(book.due(NOON).is_empty());
    let count = "SELECT count(*) FROM webhook_events";
    assert_eq!(
        book.ledger
            .store
            .read(|conn| conn.query_one(count, params![], |row| row.get::<i64>(0)))
            .expect("read"),
        0
    );

    let other = ApiKey::generate(&mut StdRng::seed_from_u64(2));
    let rules = KeyRules { scopes: Scopes::IMAGES, ..KeyRules::default() };
    book.ledger.create_key(&NewKey { key: &other, name: "other", rules }, "test", NOON).expect("a key");
    let other = book.ledger.authenticate(&other, NOON).expect("no error").expect("known").key;
    let everything = book.endpoint(1, None, &ALL);
    let own = book.endpoint(2, Some(book.key), &[EventKind::ImageCompleted]);
    book.endpoint(3, Some(other), &ALL);

    let reservation = book.reserve(20, None, 0).expect("reserved");
    book.settle(reservation, &[&receipt()]).expect("settled");
    let line = book
        .reserve(20, Some(&format!("{}/a", crate::domain::BatchId::new(NOON, [9; 10]))), 0)
        .expect("reserved");
    book.settle(line, &[&receipt()]).expect("settled");
    let refused = book.reserve(1_000_000_000_000, None, 0).expect_err("over budget");
    assert!(matches!(refused, ReserveError::OverBudget(_)), "{refused:?}");
    book.reserve(1_000_000_000_000, None, 0).expect_err("over budget");
    drop(book.reserve(20, None, 0).expect("reserved"));
    book.ledger.abandon_open(NOON).expect("abandoned");
    let mut due = book.due(NOON);
    due.sort();
    assert_eq!(
        due,
        [
            ("budget.refused".to_owned(), everything),
            ("image.completed".to_owned(), everything),
            ("image.completed".to_owned(), own),
            ("image.failed".to_owned(), everything),
        ],
        "a line of a batch is not announced, and a budget only once in its period"
    );
}

fn a_message_is_due_until_it_arrives_and_a_dead_letter_may_be_sent_again() {
    let book = Book::new(None);
    let id = book.endpoint(1, None, &ALL);
    assert!(book.ledger.test_webhook(id, "a", NOON).expect("written"));
    assert!(!book.ledger.test_webhook(EndpointId::new(NOON, [8; 10]), "b", NOON).expect("no such endpoint"));
    let hour = |hours| NOON + SignedDuration::from_hours(hours);
    let event = book.ledger.due_webhooks(NOON).expect("read")[0].event.clone();
    book.ledger.note_webhook_failed(&event, id, "it is away", (NOON, Some(hour(1)))).expect("noted");
    assert!(book.due(NOON).is_empty());
    assert_eq!(book.ledger.due_webhooks(hour(1)).expect("read")[0].attempts, 1);
    let standing = book.ledger.webhooks().expect("read")[0].clone();
    assert!(standing.is_failing() && standing.waiting == 1, "{standing:?}");
    assert_eq!(standing.error.as_deref(), Some("it is away"));

    book.ledger.note_webhook_failed(&event, id, &"x".repeat(5000), (hour(1), None)).expect("noted");
    assert!(book.due(hour(100)).is_empty());
    let dead = book.ledger.dead_letters(5).expect("read");
    assert_eq!((dead.len(), dead[0].kind.as_str(), dead[0].attempts), (1, "webhook.test", 2));
    assert_eq!(dead[0].error.as_ref().map(String::len), Some(300));
    assert_eq!(book.ledger.retry_dead_letters(id, hour(2)).expect("noted"), 1);
    assert_eq!(book.due(hour(2)).len(), 1);
    assert_eq!(book.ledger.sweep_webhooks(hour(3)).expect("swept"), 0, "it is on its way");
    book.ledger.note_webhook_delivered(&event, id, hour(3)).expect("noted");
    assert!(book.due(hour(100)).is_empty() && book.ledger.dead_letters(5).expect("read").is_empty());
    assert!(!book.ledger.webhooks().expect("read")[0].is_failing());
    assert_eq!(book.ledger.sweep_webhooks(hour(3)).expect("swept"), 1);
}

fn one_endpoint_does_not_keep_the_others_waiting() {
    let book = Book::new(None);
    let [first, second] = [1, 2].map(|number| book.endpoint(number, None, &ALL));
    for occasion in 0..9 {
        book.ledger.test_webhook(first, &format!("a{occasion}"), NOON).expect("written");
    }
    book.ledger.test_webhook(second, "b", NOON).expect("written");
    let due = book.due(NOON);
    assert_eq!(due.iter().filter(|(_, endpoint)| *endpoint == second).count(), 1);
    assert_eq!(due.len(), 5);
    assert!(book.ledger.remove_webhook(first, NOON).expect("removed"));
    assert!(!book.ledger.remove_webhook(first, NOON).expect("it is gone"));
    assert_eq!(book.due(NOON).len(), 1);
}

fn a_closed_month_is_announced_with_its_seal() {
    let book = two_months();
    book.endpoint(1, None, &[EventKind::MonthClosed]);
    let closing = book.close("2026-10").expect("closed");
    book.close("2026-10").expect_err("closed already");
    let due = book.ledger.due_webhooks(closing.closed_at).expect("read");
    let bodies: Vec<serde_json::Value> =
        due.iter().map(|due| serde_json::from_str(&due.body).expect("JSON")).collect();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let expected =
        serde_json::json!({ "month": "2026-10", "sha256": closing.sha256.to_string(), "rows": closing.rows });
    assert_eq!((&bodies[0]["type"], &bodies[0]["data"]), (&"month.closed".into(), &expected));
}

fn a_forgotten_keys_endpoints_are_gone_with_their_urls() {
    let book = Book::new(None);
    book.endpoint(1, Some(book.key), &ALL);
    book.endpoint(2, None, &ALL);
    let public_id = book.ledger.keys().expect("keys")[0].public_id.clone();
    book.ledger.forget_key(&public_id, "command line", NOON).expect("forgotten");
    let left: Vec<_> =
        book.ledger.webhooks().expect("read").into_iter().map(|one| one.endpoint.url).collect();
    assert_eq!(left, ["https://hooks.test/2"]);
    let sql = "SELECT count(*) FROM webhook_endpoints WHERE url LIKE '%/1'";
    assert_eq!(
        book.ledger.store.read(|conn| conn.query_one(sql, params![], |row| row.get::<i64>(0))).expect("read"),
        0
    );
}

#[test]
fn a_ledger_from_before_webhooks_takes_one() {
    let (_directory, ledger) = ledger_from_before("CREATE TABLE webhook_endpoints");
    let id = EndpointId::new(NOON, [1; 10]);
    let endpoint = WebhookEndpoint {
        id,
        key: Some(KeyId::new(1)),
        url: "https://hooks.test/".into(),
        secret: "whsec_x".into(),
        kinds: ALL.to_vec(),
        created_at: NOON,
    };
    ledger.add_webhook(&endpoint).expect("added");
    assert_eq!(ledger.webhooks().expect("read")[0].endpoint, endpoint);
}

fn conditions_are_announced_once() {
    let book = Book::new(None);
    let endpoint = book.endpoint(1, None, &[EventKind::DiskFull, EventKind::PriceEnds]);
    let day = jiff::civil::date(2026, 11, 18);
    for free_mib in [7, 5] {
        book.ledger.announce_full_disk(free_mib, day, NOON).expect("announced");
        book.ledger.announce_price_end("a/b-1.5", day, NOON).expect("announced");
    }
    let expected = [("disk.full".to_owned(), endpoint), ("price.ends".to_owned(), endpoint)];
    assert_eq!(book.due(NOON), expected);
    book.ledger.announce_full_disk(5, day.tomorrow().expect("a day"), NOON).expect("announced");
    assert_eq!(book.due(NOON).len(), 3, "another day");
    let ids = book.ledger.due_webhooks(NOON).expect("read");
    assert!(ids.iter().all(|due| !due.event.contains(['.', '/'])), "{ids:?}");
}

fn a_lost_device_is_named_with_its_reason_and_announced_once() {
    let book = Book::new(None);
    book.endpoint(1, None, &[EventKind::DeviceLost]);
    let loss = DeviceLoss {
        lost: 1,
        devices: 2,
        index: 1,
        device: "cuda:1".into(),
        reason: "an illegal memory access".into(),
        node: Some("node_1".into()),
        machine: Some("studio-3".into()),
    };
    for _ in 0..2 {
        book.ledger.announce_lost_device(&loss, "node_1", NOON).expect("announced");
    }
    let due = book.ledger.due_webhooks(NOON).expect("read");
    assert_eq!(due.len(), 1, "once: {due:?}");
    let body: serde_json::Value = serde_json::from_str(&due[0].body).expect("JSON");
    let expected = serde_json::json!({
        "lost": 1, "devices": 2, "index": 1, "device": "cuda:1", "reason": "an illegal memory access",
        "node": "node_1", "machine": "studio-3",
    });
    assert_eq!(body["data"], expected);
    let alone = DeviceLoss { node: None, machine: None, index: 0, ..loss };
    book.ledger.announce_lost_device(&alone, "5", NOON).expect("announced");
    let due = book.ledger.due_webhooks(NOON).expect("read");
    assert!(due.iter().any(|due| due.event == "evt_device_5_0" && !due.body.contains("node")), "{due:?}");
}

on_both!(
    conditions_are_announced_once,
    a_lost_device_is_named_with_its_reason_and_announced_once,
    events_are_written_for_the_endpoints_that_get_them_and_for_nobody_else,
    a_message_is_due_until_it_arrives_and_a_dead_letter_may_be_sent_again,
    one_endpoint_does_not_keep_the_others_waiting,
    a_closed_month_is_announced_with_its_seal,
    a_forgotten_keys_endpoints_are_gone_with_their_urls,
);
