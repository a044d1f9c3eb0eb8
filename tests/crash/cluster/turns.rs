//! Turns between keys: a flood of one key's requests holds no other key up, though a worker is killed, news are lost and the
//! database is being dumped.

use std::{sync::Mutex, thread};

use super::{
    nodes::{Cluster, Node},
    orders::until_answered,
    rounds,
};
use crate::{
    database_proxy::DatabaseProxy,
    eventually::eventually,
    image_client::{Answered, ImageClient},
    postgres::Postgres,
};

/// Requests of one key, and keys with one request each. As many more in a long run.
const FLOOD: usize = 60;
const OTHERS: usize = 8;
/// Requests that a worker may have in hand or take at once.
const IN_HAND: usize = 8;

/// The place of each settled request among all of them.
fn places(database: &Postgres) -> Vec<String> {
    let settled = "SELECT request_id FROM entries WHERE kind = 'image' GROUP BY request_id ORDER BY min(id)";
    database.query(settled).lines().map(str::to_owned).collect()
}

/// Those that a worker has tried again, by its log.
fn tried_again(workers: &[&Node]) -> String {
    let logs: String = workers.iter().map(|worker| worker.said()).collect();
    logs.lines().filter(|line| line.contains("is tried again")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_flood_of_one_key_holds_no_other_up() {
    let Some(cluster) = Cluster::new() else { return };
    let road = DatabaseProxy::start(cluster.database.socket());
    let gateway = cluster.gateway_at(&road.url());
    let flood = FLOOD * rounds();
    let keys: Vec<_> = (0..OTHERS).map(|other| cluster.create_key(&format!("other-{other}"), &[])).collect();
    let clients = keys.iter().map(|key| Cluster::client_with(key, &gateway));
    let (answered, of_others) = (Mutex::new(Answered::new()), Mutex::new(Vec::new()));
    let waiting = |count: usize| {
        let waiting = i64::try_from(count).expect("a count");
        eventually("they wait", || cluster.count("SELECT count(*) FROM queue WHERE state = 0") == waiting);
    };
    let ask = |client: &ImageClient, order: &str| {
        let (id, totals) = until_answered(client, order, 1);
        assert!(answered.lock().expect("no panic").insert(id.clone(), totals).is_none(), "a request each");
        id
    };
    let dump = cluster.aside().join("dump").display().to_string();
    let (first, second) = thread::scope(|scope| {
        for order in 0..flood {
            let (client, ask) = (cluster.client(&gateway), &ask);
            scope.spawn(move || ask(&client, &format!("flood-{order}")));
        }
        waiting(flood);
        for client in clients {
            let (ask, of_others) = (&ask, &of_others);
            scope.spawn(move || {
                let id = ask(&client, "other");
                of_others.lock().expect("no panic").push(id);
            });
        }
        waiting(flood + OTHERS);
        // From now on nobody hears news: workers and gateways look by themselves.
        road.deafen();
        let (doomed, first) = (cluster.worker_at(&road.url()), cluster.worker_at(&road.url()));
        eventually("work has begun", || !places(&cluster.database).is_empty());
        doomed.kill();
        cluster.database.run_tool("pg_dump", &["--format=custom", "--file", &dump, "books"]);
        (first, cluster.worker_at(&road.url()))
    });
    cluster.settles();
    let again = tried_again(&[&first, &second]);
    drop((gateway, first, second));
    let order = places(&cluster.database);
    let of_others = of_others.into_inner().expect("no panic");
    assert_eq!((order.len(), of_others.len()), (flood + OTHERS, OTHERS));
    for id in &of_others {
        let place = order.iter().position(|settled| id.ends_with(settled)).expect("it is settled");
        let is_in_time = place < OTHERS + 1 + 2 * IN_HAND || again.contains(id.as_str());
        assert!(is_in_time, "{id} is number {place} of {}:\n{again}", order.len());
    }
    cluster.audit(&answered.into_inner().expect("no panic"));
}
