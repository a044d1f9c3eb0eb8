use super::nodes::Cluster;
use crate::{
    batches::{LINES, begin, finish},
    eventually::eventually,
    image_client::Answered,
};

#[test]
fn a_batch_goes_on_at_another_gateway_when_the_one_that_drives_it_is_killed() {
    let Some(cluster) = Cluster::new() else { return };
    let driving = cluster.gateway();
    cluster.drives();
    let (other, _worker) = (cluster.gateway(), cluster.worker());
    // Uploaded and begun at a gateway that does not drive it.
    let client = cluster.caller(&other);
    let id = begin(&client);
    let done = || cluster.count("SELECT count(*) FROM batch_lines");
    eventually("some lines are done", || done() >= 10);
    driving.kill();
    let before = done();
    let mut answered = Answered::new();
    finish(&client, &id, &mut answered);
    let lines = i64::try_from(LINES).expect("a count");
    assert!(before < lines, "the other one had something left to do");
    cluster.settles();
    let audited = cluster.audit(&answered);
    assert_eq!((audited.settled, audited.images), (lines, lines + lines / 5), "each line is paid for once");
}
