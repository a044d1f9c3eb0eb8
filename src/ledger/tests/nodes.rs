//! Nodes of a cluster: what they must agree on, what they keep, and beside whom they may run.

use jiff::tz::TimeZone;

use super::{
    queue::{LEASE, with_book},
    *,
};
use crate::domain::NodeId;

#[test]
fn nothing_goes_that_another_gateway_keeps_or_kept_within_a_day() {
    with_book(|book, _| {
        let little = Keeping { days: 7, favourites: false, prompts: false };
        assert_eq!(book.ledger.keeping(little).expect("asked"), little, "nobody says more");
        let much = Keeping { days: 30, favourites: true, prompts: true };
        let role = (NodeRole::Gateway, LEASE);
        let gateway = book.node_of(1, role, None, Some(much));
        book.node_of(2, role, None, Some(Keeping { days: 90, ..little }));
        let most = Keeping { days: 90, ..much };
        assert_eq!(book.ledger.keeping(little).expect("asked"), most);
        book.ledger.leave(gateway).expect("it leaves");
        assert_eq!(book.ledger.keeping(little).expect("asked"), most, "it may be started again");
        book.ledger.sql("UPDATE nodes SET lease_until = lease_until - interval '2 days'").expect("changed");
        assert_eq!(book.ledger.keeping(little).expect("asked"), little, "it is gone for good");
    });
}

#[test]
fn a_newer_programs_column_keeps_no_gateway_from_reading_the_nodes() {
    with_book(|book, _| {
        let before = book.ledger.nodes().expect("nodes");
        book.ledger.sql("ALTER TABLE nodes ADD COLUMN of_later BIGINT").expect("added");
        assert_eq!(book.ledger.nodes().expect("nodes"), before);
    });
}

#[test]
fn nodes_agree_on_their_secret_images_and_model() {
    with_book(|book, gateway| {
        let join_with = |number: u8, (secret, images): (u8, &str), model: &str, computation: Option<&str>| {
            let agreement = Agreement { secret_check: [secret; 32], images, model, computation };
            let id = NodeId::new(NOON, [number; 10]);
            let (role, machine, version) = (NodeRole::Worker, "m", "1");
            let node =
                NewNode { id, role, machine, version, agreement, lease: LEASE, before: None, keeping: None };
            book.ledger.join(&node, NOON)
        };
        let join =
            |number, secret, model, computation| join_with(number, (secret, "these"), model, computation);
        assert!(matches!(join(1, 2, "tiny", None), Err(JoinError::OtherSecret)));
        assert!(matches!(join_with(1, (1, "others"), "tiny", None), Err(JoinError::OtherImages)));
        assert!(
            matches!(join_with(1, (2, "others"), "tiny", None), Err(JoinError::OtherImages)),
            "that is why"
        );
        assert!(matches!(join(1, 1, "large", None), Err(JoinError::OtherModel { .. })));
        join(1, 1, "tiny", Some("f32")).expect("the first worker decides");
        assert!(matches!(join(2, 1, "tiny", Some("f16")), Err(JoinError::OtherComputation { .. })));
        join(2, 1, "tiny", Some("f32")).expect("the same");
        let nodes = book.ledger.nodes().expect("nodes");
        assert_eq!((nodes.len(), nodes.iter().all(|node| node.is_alive)), (3, true));
        assert!(book.ledger.fence_node(nodes[1].id).expect("fenced"));
        assert!(!book.ledger.fence_node(nodes[1].id).expect("fenced already"));
        assert!(book.ledger.drain_node(nodes[2].id).expect("drained"));
        assert!(book.claim(nodes[2].id, 1, 1).is_empty());
        // Taken for dead before it has heard of that, it joins again as what it is.
        book.ledger.fence_node(nodes[2].id).expect("fenced");
        let again = book.node_of(5, (NodeRole::Worker, LEASE), Some(nodes[2].id), None);
        let is_drained = |row: &NodeRow| row.id == again && row.is_draining;
        assert!(book.ledger.nodes().expect("nodes").iter().any(is_drained), "it is still drained");
        // While nobody else is alive, the images may have moved.
        for id in [gateway, again] {
            book.ledger.fence_node(id).expect("fenced");
        }
        join_with(3, (1, "others"), "tiny", Some("f32")).expect("the only one");
        assert!(matches!(join(4, 1, "tiny", Some("f32")), Err(JoinError::OtherImages)));
    });
}

#[test]
fn beside_living_nodes_the_zone_is_theirs() {
    with_book(|book, gateway| {
        let keep = |name: &str| book.ledger.keep_zone(&TimeZone::get(name).expect("a zone"), NOON);
        keep("Asia/Shanghai").and_then(|()| keep("PRC")).expect("the same days by another name");
        let refused = keep("Etc/UTC").expect_err("they count in another");
        let says = refused.to_string().contains("in Asia/Shanghai, and time_zone is Etc/UTC");
        assert!(says && refused.needs_the_operator(), "{refused}");
        book.ledger.fence_node(gateway).expect("fenced");
        keep("Etc/UTC").expect("nobody counts in another");
    });
}

#[test]
fn nodes_share_a_ledger_and_a_server_has_it_alone() {
    with_book(|book, _| {
        let open = || Ledger::open_at(&LedgerPlace::Postgres(book.url())).expect("a ledger");
        let (node, other, server) = (open(), open(), open());
        node.share().expect("the first node");
        other.share().expect("another");
        assert!(server.inspect().expect_err("nodes have it").to_string().contains("another server"));
        drop((node, other));
        store::postgres_testing::eventually(|| server.inspect().is_ok());
        let error = open().share().expect_err("a server has it").to_string();
        assert!(error.contains("--role"), "{error}");
    });
    let error = Book::new(None).ledger.share().expect_err("a file").to_string();
    assert!(error.contains("--ledger"), "{error}");
}
