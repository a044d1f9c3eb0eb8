use std::{
    sync::RwLock,
    thread,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;

use super::{
    kills,
    nodes::{Cluster, Node},
    orders::{Orders, may_be_retried, until_answered},
};
use crate::{eventually::eventually, image_client::Answered};

/// Clients that order at one time.
const CLIENTS: usize = 6;
/// Longer than a lease.
const FROZEN: Duration = Duration::from_millis(3_000);
/// Where a budget allows so many images.
const BUDGET_IMAGES: i64 = 20;

/// What befalls a node.
fn befall(cluster: &Cluster, gateways: &RwLock<Vec<Node>>, workers: &mut [Node], random: &mut StdRng) {
    match random.random_range(0..5) {
        0 | 1 => {
            let fresh = cluster.gateway();
            let place = random.random_range(0..2);
            let old = std::mem::replace(&mut gateways.write().expect("no panic")[place], fresh);
            old.kill();
        }
        2 | 3 => {
            let place = random.random_range(0..workers.len());
            std::mem::replace(&mut workers[place], cluster.worker()).kill();
        }
        _ => {
            let worker = &workers[random.random_range(0..workers.len())];
            worker.freeze();
            thread::sleep(FROZEN);
            worker.thaw();
        }
    }
}

#[test]
fn gateways_and_workers_that_die_lose_nothing_and_book_nothing_twice() {
    let Some(cluster) = Cluster::new() else { return };
    let gateways = RwLock::new(vec![cluster.gateway(), cluster.gateway()]);
    let mut workers = vec![cluster.worker(), cluster.worker(), cluster.worker()];
    let orders = Orders::default();
    let mut random = StdRng::seed_from_u64(1);
    thread::scope(|scope| {
        let clients: Vec<_> =
            (0..CLIENTS).map(|_| scope.spawn(|| orders.order_on(&cluster, &gateways))).collect();
        for _ in 0..kills() {
            // Something is under way, in whatever state.
            let before = orders.answered();
            eventually("clients are answered", || {
                orders.answered() > before || clients.iter().any(|client| client.is_finished())
            });
            befall(&cluster, &gateways, &mut workers, &mut random);
        }
        orders.end();
        for client in clients {
            client.join().expect("no panic");
        }
    });
    cluster.settles();
    for worker in &workers {
        assert!(!worker.said().contains("panicked"), "{}", worker.said());
    }
    drop((gateways, workers));
    let answered = orders.answers();
    let audited = cluster.audit(&answered);
    assert_eq!(audited.settled, i64::try_from(answered.len()).expect("a count"), "no order is made twice");
    let images: usize = answered.values().map(Vec::len).sum();
    assert_eq!(audited.images, i64::try_from(images).expect("a count"));
    println!("{} kills and freezes, {audited:?}", kills());
}

#[test]
fn one_order_at_two_gateways_is_one_request_and_the_last_image_of_a_budget_is_one() {
    let Some(cluster) = Cluster::new() else { return };
    let (gateways, worker) = ([cluster.gateway(), cluster.gateway()], cluster.worker());
    // The same order at both at once.
    let answers: Vec<_> = thread::scope(|scope| {
        let ask = |turn: usize| {
            let client = cluster.client(&gateways[turn % 2]);
            scope.spawn(move || until_answered(&client, &format!("order-{}", turn / 2), 1))
        };
        let asked: Vec<_> = (0..40).map(ask).collect();
        asked.into_iter().map(|asked| asked.join().expect("no panic")).collect()
    });
    for pair in answers.chunks(2) {
        assert_eq!(pair[0], pair[1], "both have one answer");
    }
    let answered: Answered = answers.into_iter().collect();
    assert_eq!(answered.len(), 20);
    // Many clients at both gateways, and a budget that is used up.
    let rule = format!("{BUDGET_IMAGES} images a month");
    let key = cluster.create_key("capped", &["--budget", &rule]);
    let refusals = thread::scope(|scope| {
        let ask = |turn: usize| {
            let client = Cluster::client_with(&key, &gateways[turn % 2]);
            scope.spawn(move || {
                loop {
                    match client.generate(None, 1) {
                        Ok(_) => {}
                        Err(refusal) if refusal.code == "insufficient_quota" => return refusal,
                        Err(refusal) => may_be_retried(&refusal),
                    }
                }
            })
        };
        let asked: Vec<_> = (0..12).map(ask).collect();
        asked.into_iter().map(|asked| asked.join().expect("no panic")).collect::<Vec<_>>()
    });
    assert_eq!(refusals.len(), 12);
    cluster.settles();
    let spent =
        "SELECT coalesce(sum(entries.images), 0) FROM entries JOIN requests ON requests.id = request_id
                 JOIN keys ON keys.id = key_id WHERE keys.name = 'capped'";
    assert_eq!(cluster.count(spent), BUDGET_IMAGES, "exactly as many as the budget allows");
    // Whoever forgets must say where the images are: else they would stay, and nothing would say so.
    let forgot = cluster.run(&["forget", "nobody"]);
    let said = String::from_utf8_lossy(&forgot.stderr).into_owned();
    assert!(forgot.status.code() == Some(2) && said.contains("--images"), "{said}");
    // Only what is kept is in the store: answers without links left it.
    assert_eq!(cluster.files(), answered.len());
    let [one, other] = gateways;
    worker.stop();
    one.stop();
    other.stop();
    assert_eq!(cluster.count("SELECT count(*) FROM nodes WHERE fenced = 0"), 0, "all have left");
    cluster.audit(&answered);
}

#[test]
fn a_drain_finishes_what_is_held_and_a_client_that_goes_takes_its_request_along() {
    let Some(cluster) = Cluster::new() else { return };
    let (gateway, worker) = (cluster.gateway(), cluster.worker());
    let long = json!({ "prompt": "x", "size": "32x32", "steps": 60, "n": 2 });
    let is_held = || cluster.count("SELECT count(*) FROM queue WHERE state = 1") == 1;
    // Stopped in the middle: it is finished, and its client answered.
    let answered = thread::scope(|scope| {
        let client = cluster.client(&gateway);
        let long = &long;
        let asked = scope.spawn(move || client.ask(Some("long"), long));
        eventually("it is held", is_held);
        worker.stop();
        asked.join().expect("no panic").expect("an answer")
    });
    assert_eq!(answered.1.len(), 2);
    // Nobody takes the next one; its client goes.
    let waits = "SELECT count(*) FROM queue WHERE state = 0";
    cluster.hang_up_once(&gateway, ("/v1/images/generations", &long), || cluster.count(waits) == 1);
    eventually("it has left the queue", || cluster.count(waits) == 0);
    let reason = "SELECT count(*) FROM request_failures WHERE reason = 'client_gone'";
    assert_eq!(cluster.count(reason), 1);
    // A gateway that dies takes what its clients waited for along, and keeps what they may come back for.
    let patience = Instant::now();
    let _worker = thread::scope(|scope| {
        let (unkeyed, keyed) = (cluster.client(&gateway), cluster.client(&gateway));
        let unkeyed = scope.spawn({
            let long = &long;
            move || unkeyed.ask(None, long)
        });
        let keyed = scope.spawn({
            let long = &long;
            move || keyed.ask(Some("kept"), long)
        });
        eventually("both wait", || cluster.count(waits) == 2);
        gateway.kill();
        for asked in [unkeyed, keyed] {
            assert_eq!(asked.join().expect("no panic").expect_err("nobody answers").status, 0);
        }
        let second = cluster.gateway();
        eventually("one is stopped", || cluster.count(waits) == 1);
        let worker = cluster.worker();
        let (id, totals) = loop {
            match cluster.client(&second).ask(Some("kept"), &long) {
                Ok(answer) => break answer,
                Err(refusal) => may_be_retried(&refusal),
            }
        };
        assert_eq!((totals.len(), id.is_empty()), (2, false));
        worker
    });
    assert_eq!(cluster.count(reason), 2);
    cluster.settles();
    println!("a gateway's death was noticed in {:?}", patience.elapsed());
}
