use super::nodes::Cluster;
use crate::{
    batches::{LINES, begin, finish},
    eventually::eventually,
    image_client::Answered,
};

#[test]
fn a_batch_goes_on_at_another_gateway_when_the_one_that_drives_it_is_killed() {
    let Some(cluster) = Cluster::new() else { return };
    let first = cluster.gateway();
    cluster.drives();
    let (second, third) = (cluster.gateway(), cluster.gateway());
    // Uploaded and begun at a gateway that does not drive it. The one that does dies with lines in the queue, and none done;
    let client = cluster.caller(&third);
    let id = begin(&client);
    eventually("lines wait", || cluster.count("SELECT count(*) FROM queue") > 0);
    first.kill();
    let worker = cluster.worker();
    // the next one with some of them done.
    let done = "SELECT count(*) FROM batch_lines";
    eventually("some lines are done", || cluster.count(done) >= 10);
    let drives = "SELECT count(*) FROM duties JOIN nodes ON nodes.id = node WHERE fenced = 0";
    assert_eq!(cluster.count(drives), 1);
    let driver = cluster.database.query("SELECT node FROM duties");
    let (driving, third) = if second.said().contains(&driver) { (second, third) } else { (third, second) };
    driving.kill();
    let mut answered = Answered::new();
    finish(&cluster.caller(&third), &id, &mut answered);
    cluster.settles();
    drop((third, worker));
    let lines = i64::try_from(LINES).expect("a count");
    let audited = cluster.audit(&answered);
    assert_eq!((audited.settled, audited.images), (lines, lines + lines / 5), "each line is paid for once");
}
