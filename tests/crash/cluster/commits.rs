//! A settlement whose commit breaks off: before it arrives, or after any byte of its answer. The worker asks what became of it, and
//! the request is booked once.

use super::{nodes::Cluster, orders::until_answered};
use crate::{
    database_proxy::{COMMIT_ANSWER_BYTES, DatabaseProxy, Trap},
    eventually::eventually,
    image_client::Answered,
};

#[test]
fn a_commit_that_breaks_off_at_any_byte_of_its_answer_is_booked_once() {
    let Some(cluster) = Cluster::new() else { return };
    let proxy = DatabaseProxy::start(cluster.database.socket());
    let (gateway, worker) = (cluster.gateway(), cluster.worker_at(&proxy.url()));
    let client = cluster.client(&gateway);
    let mut answered = Answered::new();
    let traps: Vec<_> =
        [Trap::Commit].into_iter().chain((0..=COMMIT_ANSWER_BYTES).map(Trap::Answer)).collect();
    for (before, trap) in traps.iter().enumerate() {
        proxy.set_trap(*trap);
        let (id, totals) = until_answered(&client, &format!("order-{before}"), 1);
        assert!(answered.insert(id, totals).is_none(), "an order is a request of its own");
        eventually("its commit has broken off", || proxy.sprung() == before + 1);
    }
    cluster.settles();
    assert_eq!(cluster.files(), traps.len(), "one file an order");
    let said = worker.said();
    assert!(!said.contains("panicked") && !said.contains("came too late"), "{said}");
    drop((gateway, worker));
    let audited = cluster.audit(&answered);
    let orders = i64::try_from(traps.len()).expect("a count");
    assert_eq!((audited.settled, audited.images, audited.failed), (orders, orders, 0), "{said}");
}
