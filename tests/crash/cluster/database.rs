//! The database itself: killed under load and started again, and failing over to its synchronous standby.

use std::{collections::BTreeSet, sync::RwLock, thread, time::Duration};

use super::{nodes::Cluster, orders::Orders, rounds};
use crate::{database_proxy::DatabaseProxy, eventually::eventually, postgres::Postgres};

/// Clients that order at one time.
const CLIENTS: usize = 4;
/// Answers that are waited for between two events.
const ANSWERS: usize = 3;
/// Of the nodes whose database is killed: so long that none that lives misses it.
const LEASE_SECONDS: &str = "4";
/// Longer than that.
const AWAY: Duration = Duration::from_secs(5);
/// What a gateway that waits for the database itself never keeps, however busy the machine is.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Waits until more orders are answered.
fn goes_on(orders: &Orders) {
    let before = orders.answered();
    eventually("clients are answered", || orders.answered() >= before + ANSWERS);
}

/// Settled requests.
fn settled(database: &Postgres) -> BTreeSet<String> {
    let settled = database.query("SELECT id FROM requests WHERE state = 'settled'");
    settled.lines().map(str::to_owned).collect()
}

fn audit(cluster: &Cluster, orders: &Orders) {
    let answered = orders.answers();
    let audited = cluster.audit(&answered);
    assert_eq!(audited.settled, i64::try_from(answered.len()).expect("a count"), "no order is made twice");
    let images: usize = answered.values().map(Vec::len).sum();
    assert_eq!(audited.images, i64::try_from(images).expect("a count"));
    assert_eq!(cluster.files(), images, "only files that count are left");
}

#[test]
fn a_killed_database_has_lost_nothing_and_nobody_is_taken_for_dead() {
    let Some(cluster) = Cluster::with(LEASE_SECONDS, Vec::new()) else { return };
    let gateways = RwLock::new(vec![cluster.gateway(), cluster.gateway()]);
    let workers = [cluster.worker(), cluster.worker()];
    let orders = Orders::default();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| orders.order_on(&cluster, &gateways));
        }
        for _ in 0..rounds() {
            goes_on(&orders);
            cluster.database.kill();
            thread::sleep(AWAY);
            cluster.database.start_again();
        }
        goes_on(&orders);
        orders.end();
    });
    cluster.settles();
    let nodes = "SELECT count(*) FILTER (WHERE fenced = 0) || ' of ' || count(*) FROM nodes";
    assert_eq!(cluster.database.query(nodes), "4 of 4", "nobody is taken for dead");
    for worker in &workers {
        assert!(!worker.said().contains("panicked"), "{}", worker.said());
    }
    drop((gateways, workers));
    audit(&cluster, &orders);
}

/// More clients than a gateway has threads that answer wait for a database that hangs. Others are answered all the while.
#[test]
fn a_frozen_database_keeps_no_gateway_from_answering_and_nobody_is_taken_for_dead() {
    let Some(cluster) = Cluster::with(LEASE_SECONDS, Vec::new()) else { return };
    let gateways = RwLock::new(vec![cluster.gateway()]);
    let workers = [cluster.worker(), cluster.worker()];
    let orders = Orders::default();
    let health = format!("{}/healthz", gateways.read().expect("no panic")[0].url);
    let config = ureq::Agent::config_builder().proxy(None).timeout_global(Some(ANSWER_MAX));
    let agent = ureq::Agent::from(config.build());
    let waiting = 2 * thread::available_parallelism().expect("processors").get();
    let asked = thread::scope(|scope| {
        for _ in 0..waiting.max(CLIENTS) {
            scope.spawn(|| orders.order_on(&cluster, &gateways));
        }
        goes_on(&orders);
        cluster.database.freeze();
        thread::sleep(AWAY);
        let asked: Vec<_> =
            (0..waiting).map(|_| agent.get(&health).call().map(|answer| answer.status())).collect();
        cluster.database.thaw();
        goes_on(&orders);
        orders.end();
        asked
    });
    assert!(asked.iter().all(|answer| answer.as_ref().is_ok_and(|status| status.is_success())), "{asked:?}");
    cluster.settles();
    let nodes = "SELECT count(*) FILTER (WHERE fenced = 0) || ' of ' || count(*) FROM nodes";
    assert_eq!(cluster.database.query(nodes), "3 of 3", "nobody is taken for dead");
    drop((gateways, workers));
    audit(&cluster, &orders);
}

/// A standby that every commit of the cluster's database waits for.
fn standby_of(cluster: &Cluster) -> Postgres {
    let standby = cluster.database.copy();
    standby.start_again();
    cluster.database.query("ALTER SYSTEM SET synchronous_standby_names = '*'");
    cluster.database.query("SELECT pg_reload_conf()");
    eventually("commits wait for the standby", || {
        cluster.count("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == 1
    });
    standby
}

#[test]
fn a_promoted_standby_has_all_that_was_answered_and_the_old_primary_books_nothing() {
    let Some(mut cluster) = Cluster::new() else { return };
    let standby = standby_of(&cluster);
    // What an address that follows the primary does; and a worker that stays on the old one's side.
    let (road, old_road) =
        (DatabaseProxy::start(cluster.database.socket()), DatabaseProxy::start(cluster.database.socket()));
    let gateways = RwLock::new(vec![cluster.gateway_at(&road.url()), cluster.gateway_at(&road.url())]);
    let (worker, left_behind) = (cluster.worker_at(&road.url()), cluster.worker_at(&old_road.url()));
    let orders = Orders::default();
    let old = &cluster.database;
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| orders.order_on(&cluster, &gateways));
        }
        goes_on(&orders);
        old.freeze();
        standby.promote();
        road.point_to(standby.socket());
        goes_on(&orders);
        let fenced = format!("SELECT fenced FROM nodes WHERE id = '{}'", left_behind.id);
        eventually("the worker left behind is taken for dead", || standby.query(&fenced) == "1");
        old.thaw();
        // It goes on with the old primary, whose commits wait for a standby that does not come.
        let waits = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        eventually("the old primary commits nothing", || old.query(waits) == "t");
        goes_on(&orders);
        assert!(settled(old).is_subset(&settled(&standby)), "the old primary has booked nothing since");
        old.kill();
        old_road.point_to(standby.socket());
        let said = || left_behind.said();
        eventually("the worker left behind joins again", || said().contains("it joins again"));
        goes_on(&orders);
        orders.end();
    });
    cluster.database = standby;
    cluster.settles();
    for worker in [&worker, &left_behind] {
        assert!(!worker.said().contains("panicked"), "{}", worker.said());
    }
    let answered: usize = orders.answers().values().map(Vec::len).sum();
    eventually("only files that count are left", || cluster.files() == answered);
    drop((gateways, worker, left_behind));
    audit(&cluster, &orders);
}
