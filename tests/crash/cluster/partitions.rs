//! A worker that is cut off from the database after its files are kept, and before its settlement is written: settled once, whether
//! it comes back before another one takes over or after. No file is left that nobody names.

use std::thread;

use super::{
    nodes::{Cluster, Node},
    orders::until_answered,
    rounds,
};
use crate::{
    database_proxy::{DatabaseProxy, Road, Trap},
    eventually::eventually,
    image_client::Answered,
};

/// Images of each order.
const IMAGES: u32 = 2;

/// A worker's settlement finds the road so; it is healed before, or after, another worker has taken over.
fn is_settled_once(road: Road, is_taken_over: bool) {
    let Some(cluster) = Cluster::new() else { return };
    let proxy = DatabaseProxy::start(cluster.database.socket());
    let (gateway, cut_off) = (cluster.gateway(), cluster.worker_at(&proxy.url()));
    let client = cluster.client(&gateway);
    let mut answered = Answered::new();
    let mut ask = |order: &str| {
        let (id, totals) = until_answered(&client, order, IMAGES);
        assert!(answered.insert(id, totals).is_none(), "{order} is a request of its own");
    };
    for round in 0..rounds() {
        let sprung = proxy.sprung();
        proxy.set_trap(Trap::Settling(road));
        let other = thread::scope(|scope| {
            let asked = scope.spawn(|| ask(&format!("order-{round}")));
            eventually("its settlement is cut off", || proxy.sprung() > sprung);
            let other = is_taken_over.then(|| cluster.worker());
            if is_taken_over {
                eventually("another worker has settled it", || asked.is_finished());
            }
            proxy.heal();
            asked.join().expect("no panic");
            other
        });
        if is_taken_over {
            let late = "came too late";
            eventually("the late result is given up", || cut_off.said().matches(late).count() > round);
        }
        // It goes on, alone.
        other.into_iter().for_each(Node::stop);
        ask(&format!("order-{round}-later"));
    }
    cluster.settles();
    let kept = answered.len() * IMAGES as usize;
    eventually("only files that count are left", || cluster.files() == kept);
    let said = cut_off.said();
    assert!(!said.contains("panicked"), "{said}");
    drop((gateway, cut_off));
    let audited = cluster.audit(&answered);
    assert_eq!(audited.settled, i64::try_from(answered.len()).expect("a count"), "{said}");
    assert_eq!(audited.images, i64::try_from(kept).expect("a count"));
}

#[test]
fn a_worker_that_is_cut_off_for_a_moment_settles_its_request_itself() {
    is_settled_once(Road::Cut, false);
}

#[test]
fn a_worker_that_is_cut_off_for_long_comes_too_late() {
    is_settled_once(Road::Cut, true);
}

#[test]
fn a_worker_that_falls_silent_in_the_middle_of_its_settlement_holds_nobody_up() {
    is_settled_once(Road::Held, true);
}
