//! The queue of a cluster: reserved with its request, claimed, put back, fenced, and gone with its end. Only PostgreSQL
//! has it: a file is one process's.

use std::{collections::HashMap, convert::Infallible, time::Duration};

use super::*;
use crate::domain::{BatchId, Claim, NodeId};

pub(super) const LEASE: Duration = Duration::from_secs(3600);
/// The lease of a node that is never heard of again.
pub(super) const NO_LEASE: Duration = Duration::ZERO;

impl Book {
    pub(super) fn node(&self, number: u8, role: NodeRole, lease: Duration) -> NodeId {
        self.node_of(number, (role, lease), None, None)
    }

    /// A node that joins, or joins again after it was `before`, and keeps what it says.
    pub(super) fn node_of(
        &self,
        number: u8,
        (role, lease): (NodeRole, Duration),
        before: Option<NodeId>,
        keeping: Option<Keeping>,
    ) -> NodeId {
        let id = NodeId::new(NOON, [number; 10]);
        let node = NewNode {
            id,
            role,
            machine: "test",
            version: "1",
            agreement: Agreement { secret_check: [1; 32], images: "these", model: "tiny", computation: None },
            lease,
            before,
            keeping,
        };
        self.ledger.join(&node, NOON).expect("it joins");
        id
    }

    /// A request of one image in the queue, of which `change` decides the rest.
    fn queue(
        &mut self,
        gateway: NodeId,
        change: impl FnOnce(&mut NewRequest<'_>, &mut NewQueued<'_>),
    ) -> Reserved<RequestId> {
        self.requests += 1;
        let budgets = Budgets::default();
        let mut new = request([self.requests; 10], self.key, &budgets, NOON);
        let mut queued = new_queued(gateway);
        change(&mut new, &mut queued);
        let admitted = self.ledger.admit(&new, &queued, |_| Ok::<_, Infallible>(()));
        admitted.expect("admitted").map(|(reservation, _)| reservation.id())
    }

    fn queued(&mut self, gateway: NodeId) -> RequestId {
        match self.queue(gateway, |_, _| {}) {
            Reserved::New(id) => id,
            other => panic!("{other:?}"),
        }
    }

    /// A key beside the first, made of `seed`.
    fn other_key(&self, seed: u64) -> KeyId {
        let key = ApiKey::generate(&mut StdRng::seed_from_u64(seed));
        let rules = KeyRules { scopes: Scopes::ALL, ..KeyRules::default() };
        self.ledger.create_key(&NewKey { key: &key, name: "other", rules }, "test", NOON).expect("a key");
        self.ledger.authenticate(&key, NOON).expect("no error").expect("known").key
    }

    pub(super) fn claim(&self, worker: NodeId, claim: u64, images_max: u32) -> Vec<Claimed> {
        self.ledger.claim("tiny", worker, images_max, Claim::new(claim)).expect("asked")
    }

    fn stand(&self, id: RequestId) -> RequestStand {
        self.ledger.stands(&[id]).expect("read")[&id]
    }

    pub(super) fn url(&self) -> PostgresUrl {
        match &self.place {
            LedgerPlace::Postgres(url) => url.clone(),
            LedgerPlace::File(_) => panic!("a file"),
        }
    }

    fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        self.ledger.store.read(|conn| conn.query_one(&sql, &[], |row| row.get(0))).expect("a count")
    }
}

fn new_queued(gateway: NodeId) -> NewQueued<'static> {
    NewQueued {
        gateway,
        shape: "64x64/8",
        cost: 100,
        is_live: true,
        finishes_alone: true,
        deadline: None,
        spec: b"sealed",
    }
}

pub(super) fn with_book(test: impl Fn(&mut Book, NodeId)) {
    if store::postgres_testing::is_there() {
        BACKEND.set(Backend::Postgres);
        let mut book = Book::new(None);
        let gateway = book.node(100, NodeRole::Gateway, LEASE);
        test(&mut book, gateway);
        BACKEND.set(Backend::Sqlite);
    }
}

#[test]
fn a_request_leaves_the_queue_with_its_settlement_by_its_claim_alone() {
    with_book(|book, gateway| {
        let worker = book.node(1, NodeRole::Worker, LEASE);
        let id = book.queued(gateway);
        assert_eq!(book.stand(id), RequestStand::Waiting);
        let mut held = book.claim(worker, 7, 4);
        assert_eq!((held.len(), held[0].attempt, held[0].spec.as_slice()), (1, 1, b"sealed".as_slice()));
        assert_eq!(book.stand(id), RequestStand::Held);
        assert!(book.claim(worker, 8, 4).is_empty(), "it is held");
        let held = held.remove(0).reservation;
        let forged = Reservation { claim: Some(Claim::new(6)), ..held.held() };
        let refused = book.settle(forged, &[&receipt()]).expect_err("another's claim");
        assert!(refused.error.is_fenced(), "{refused}");
        let again = held.held();
        book.settle(held, &[&receipt()]).expect("settled");
        assert_eq!(book.stand(id), RequestStand::Ended(RequestEnd::Settled));
        assert_eq!(book.ledger.claims_of(&[id]).expect("read").get(&id), Some(&Claim::new(7)));
        assert_eq!((book.count("queue"), book.totals().images), (0, 1));
        // The answer to its commit was lost: it is asked again.
        book.settle(again, &[&receipt()]).expect("it is settled");
        assert_eq!(book.totals().images, 1, "once");
    });
}

#[test]
fn a_ledger_that_moves_into_a_file_and_back_knows_whose_files_count() {
    with_book(|book, gateway| {
        let worker = book.node(1, NodeRole::Worker, LEASE);
        let id = book.queued(gateway);
        let held = book.claim(worker, 7, 4).remove(0).reservation;
        book.settle(held, &[&receipt()]).expect("settled");
        let directory = TempDir::new().expect("a directory");
        let file = Ledger::open(&directory.path().join("ledger.sqlite3")).expect("a ledger");
        let place = LedgerPlace::Postgres(store::postgres_testing::database());
        let back = Ledger::open_at(&place).expect("a ledger");
        book.ledger.copy_into(&file).expect("copied");
        file.copy_into(&back).expect("copied back");
        for ledger in [&file, &back] {
            assert_eq!(ledger.claims_of(&[id]).expect("read").get(&id), Some(&Claim::new(7)));
        }
    });
}

#[test]
fn what_a_dead_worker_held_is_anothers_and_it_comes_too_late() {
    with_book(|book, gateway| {
        let [dead, alive] =
            [(1, NO_LEASE), (2, LEASE)].map(|(n, lease)| book.node(n, NodeRole::Worker, lease));
        let id = book.queued(gateway);
        let late = book.claim(dead, 1, 1).remove(0).reservation;
        let reaped = book.ledger.reap(NOON).expect("reaped");
        assert_eq!((reaped.nodes, reaped.put_back, reaped.ended), (1, 1, 0));
        assert_eq!(book.ledger.reap(NOON).expect("nothing more"), Reaped::default());
        assert!(book.claim(dead, 2, 1).is_empty(), "it is fenced");
        let renewal = book.ledger.renew(dead, LEASE, &NodeFigures::default(), &[]).expect("asked");
        assert!(renewal.is_fenced);
        let again = book.claim(alive, 3, 1).remove(0);
        assert_eq!((again.reservation.id(), again.attempt), (id, 2));
        let refused = book.settle(late, &[&receipt()]).expect_err("too late");
        assert!(refused.error.is_fenced());
        book.settle(again.reservation, &[&receipt()]).expect("settled");
        assert_eq!(book.totals().images, 1);
    });
}

#[test]
fn a_request_that_workers_fail_at_ends_with_the_third() {
    with_book(|book, gateway| {
        let [one, other] = [1, 2].map(|n| book.node(n, NodeRole::Worker, LEASE));
        let id = book.queued(gateway);
        let failed = FailureReason::GenerationFailed;
        let held = book.claim(one, 1, 1).remove(0).reservation;
        assert!(book.ledger.put_back(&held, failed).expect("put back"));
        assert!(book.ledger.put_back(&held, failed).expect_err("not its own any more").is_fenced());
        assert!(book.claim(one, 2, 1).is_empty(), "another is there to try");
        let held = book.claim(other, 3, 1).remove(0).reservation;
        assert!(book.ledger.put_back(&held, FailureReason::ServerStopping).expect("put back"));
        let held = book.claim(one, 4, 1).remove(0).reservation;
        assert!(!book.ledger.put_back(&held, failed).expect("asked"), "often enough");
        book.ledger.fail(held, failed, &spec(), Currency::CNY, &[], NOON).expect("it ends");
        assert_eq!(book.stand(id), RequestStand::Ended(RequestEnd::Failed(failed)));
        assert_eq!(book.count("queue"), 0);
    });
}

#[test]
fn a_request_that_workers_die_of_ends_in_the_end_and_takes_no_other_with_it() {
    with_book(|book, gateway| {
        let mut next = || match book.queue(gateway, |_, queued| queued.is_live = false) {
            Reserved::New(id) => id,
            other => panic!("{other:?}"),
        };
        let [deadly, other] = [next(), next()];
        for death in 1..=10 {
            assert_eq!(book.stand(deadly), RequestStand::Waiting, "after {} deaths", death - 1);
            let worker = book.node(death, NodeRole::Worker, NO_LEASE);
            let held = book.claim(worker, death.into(), 4);
            let ids: Vec<_> = held.iter().map(|held| held.reservation.id()).collect();
            assert_eq!(ids, [deadly, other][..if death == 1 { 2 } else { 1 }], "alone, once it was tried");
            book.ledger.reap(NOON).expect("reaped");
        }
        let failed = RequestEnd::Failed(FailureReason::GenerationFailed);
        assert_eq!(book.stand(deadly), RequestStand::Ended(failed));
        assert_eq!(book.stand(other), RequestStand::Waiting);
        let alive = book.node(11, NodeRole::Worker, LEASE);
        assert_eq!(book.claim(alive, 11, 4)[0].reservation.id(), other);
    });
}

#[test]
fn the_only_worker_may_try_again_what_it_failed_at() {
    with_book(|book, gateway| {
        let worker = book.node(1, NodeRole::Worker, LEASE);
        book.queued(gateway);
        let held = book.claim(worker, 1, 1).remove(0).reservation;
        assert!(book.ledger.put_back(&held, FailureReason::NotStored).expect("put back"));
        assert_eq!(book.claim(worker, 2, 1).len(), 1);
    });
}

#[test]
fn what_nobody_waits_for_ends() {
    with_book(|book, gateway| {
        let worker = book.node(1, NodeRole::Worker, LEASE);
        let dead = book.node(2, NodeRole::Gateway, NO_LEASE);
        let cancelled = book.queued(gateway);
        assert!(book.ledger.stop_queued(cancelled, FailureReason::ClientGone, NOON).expect("stopped"));
        assert!(!book.ledger.stop_queued(cancelled, FailureReason::ClientGone, NOON).expect("it is over"));
        let gone = FailureReason::ClientGone;
        assert_eq!(book.stand(cancelled), RequestStand::Ended(RequestEnd::Failed(gone)));
        // One that a worker holds ends with its worker.
        let held = book.queued(gateway);
        let reservation = book.claim(worker, 1, 1).remove(0).reservation;
        assert!(book.ledger.stop_queued(held, FailureReason::CancelledByOperator, NOON).expect("stopped"));
        let renewal = book.ledger.renew(worker, LEASE, &NodeFigures::default(), &[]).expect("renewed");
        assert_eq!(renewal.stops, [(held, FailureReason::CancelledByOperator)]);
        assert!(
            !book.ledger.put_back(&reservation, FailureReason::NotStored).expect("asked"),
            "it must stop"
        );
        // Its gateway is gone, or its time is up.
        let Reserved::New(unkeyed) = book.queue(dead, |_, queued| queued.finishes_alone = false) else {
            panic!("new")
        };
        let kept = book.queued(dead);
        let Reserved::New(late) = book.queue(gateway, |_, queued| queued.deadline = Some(NOON)) else {
            panic!("new")
        };
        let reaped = book.ledger.reap(NOON + SignedDuration::from_secs(1)).expect("reaped");
        assert_eq!((reaped.nodes, reaped.ended), (1, 2));
        assert_eq!(book.stand(unkeyed), RequestStand::Ended(RequestEnd::Failed(gone)));
        let late = book.stand(late);
        assert_eq!(late, RequestStand::Ended(RequestEnd::Failed(FailureReason::DeadlinePassed)));
        assert_eq!(book.stand(kept), RequestStand::Waiting, "its client comes back");
    });
}

#[test]
fn keys_take_turns_by_work_and_workers_share_what_waits() {
    with_book(|book, gateway| {
        let worker = book.node(1, NodeRole::Worker, LEASE);
        let other = book.other_key(5);
        let flood: Vec<_> = (0..4).map(|_| book.queued(gateway)).collect();
        assert_eq!(book.claim(worker, 1, 1)[0].reservation.id(), flood[0]);
        let Reserved::New(one) = book.queue(gateway, |new, _| new.key = other) else { panic!("new") };
        assert_eq!(book.claim(worker, 2, 1)[0].reservation.id(), flood[1]);
        assert_eq!(book.claim(worker, 3, 1)[0].reservation.id(), one, "it does not wait for the flood");
        // A batch of one shape, and no more images than it may have.
        let Reserved::New(large) = book.queue(gateway, |_, queued| queued.shape = "128x128/8") else {
            panic!("new")
        };
        let batch = book.claim(worker, 4, 3);
        assert_eq!(batch.iter().map(|held| held.reservation.id()).collect::<Vec<_>>(), flood[2..]);
        assert_eq!(book.claim(worker, 9, 3)[0].reservation.id(), large);
    });
}

#[test]
fn what_can_wait_has_turns_of_its_own_below_live_work() {
    with_book(|book, gateway| {
        let worker = book.node(1, NodeRole::Worker, LEASE);
        let mut next = |is_live: bool| match book.queue(gateway, |_, queued| queued.is_live = is_live) {
            Reserved::New(id) => id,
            other => panic!("{other:?}"),
        };
        let [first, second, live] = [false, false, true].map(&mut next);
        let claimed: Vec<_> = (1..=3).map(|claim| book.claim(worker, claim, 1)[0].reservation.id()).collect();
        assert_eq!(claimed, [live, first, second]);
        // Its batch does not count against what the key asks for live.
        let place = |is_live| book.ledger.queue_place(book.key, is_live).expect("asked");
        let (live, later) = (place(true), place(false));
        assert_eq!((live.waiting, live.open_of_key, live.work_ahead), (0, 1, 100));
        assert_eq!((later.waiting, later.open_of_key, later.work_ahead), (0, 1, 300));
    });
}

#[test]
fn the_place_shown_is_the_work_that_is_done_before() {
    // The third key has asked for nothing yet: it comes next, behind what has the same turn.
    for (key, is_live) in [(0, true), (1, true), (2, true), (0, false), (1, false), (2, false)] {
        with_book(|book, gateway| {
            let worker = book.node(1, NodeRole::Worker, LEASE);
            let keys = [book.key, book.other_key(5), book.other_key(6)];
            let mut costs = HashMap::new();
            let mut queue = |(key, is_live, cost): (usize, bool, u64)| {
                let place = book.ledger.queue_place(keys[key], is_live).expect("asked");
                let queued = book.queue(gateway, |new, queued| {
                    new.key = keys[key];
                    (queued.is_live, queued.cost) = (is_live, cost);
                });
                let Reserved::New(id) = queued else { panic!("new") };
                costs.insert(id, cost);
                // The first is held.
                if costs.len() == 1 {
                    assert_eq!(book.claim(worker, 1, 1)[0].reservation.id(), id);
                }
                (id, place)
            };
            let (held, _) = queue((1, true, 7));
            for waiting in [
                (0, true, 100),
                (0, true, 30),
                (1, true, 50),
                (0, false, 200),
                (1, true, 60),
                (1, false, 10),
                (0, true, 40),
            ] {
                queue(waiting);
            }
            let (own, place) = queue((key, is_live, 20));
            let claims = (2..).map(|claim| book.claim(worker, claim, 1)[0].reservation.id());
            let before: Vec<_> = claims.take_while(|id| *id != own).collect();
            let work: u64 = before.iter().chain([&held]).map(|id| costs[id]).sum();
            assert_eq!((place.work_ahead, place.waiting), (work, if is_live { 5 } else { 7 }), "{before:?}");
        });
    }
}

#[test]
fn what_is_bought_keeps_no_worker_busy() {
    with_book(|book, gateway| {
        book.queued(gateway);
        let held = HeldPurchase { queued: new_queued(gateway), claim: Claim::new(1), jobs_max: None };
        let bought = book.buy_held(1, None, Some(&held)).expect("reserved");
        let place = |is_live| book.ledger.queue_place(book.key, is_live).expect("asked");
        assert_eq!((place(true).waiting, place(true).open_of_key), (1, 2));
        assert_eq!((place(true).work_ahead, place(false).work_ahead), (100, 100));
        assert_eq!(book.ledger.queue_size().expect("asked"), (1, 100));
        assert!(book.ledger.put_back(&bought, FailureReason::ServerStopping).expect("put back"));
        assert_eq!((place(true).work_ahead, place(false).work_ahead), (200, 200), "a worker does it");
    });
}

#[test]
fn what_a_fenced_worker_held_waits_again_before_the_worker_hears_of_it() {
    with_book(|book, gateway| {
        let worker = book.node(1, NodeRole::Worker, LEASE);
        let id = book.queued(gateway);
        let held = book.claim(worker, 1, 1).remove(0).reservation;
        assert!(book.ledger.fence_node(worker).expect("fenced"));
        assert_eq!(book.stand(id), RequestStand::Waiting);
        let reason = FailureReason::ServerStopping;
        let error = book.ledger.put_back(&held, reason).expect_err("it comes too late");
        assert!(error.is_fenced(), "{error}");
    });
}

#[test]
fn a_duty_is_one_nodes_until_it_is_fenced_or_drained() {
    with_book(|book, first| {
        let [second, third] = [1, 2].map(|n| book.node(n, NodeRole::Gateway, LEASE));
        let takes = |node| book.ledger.take_duty(Duty::Batches, node).expect("asked");
        assert!(takes(first) && takes(first) && !takes(second));
        let id = BatchId::new(NOON, [1; 10]);
        let refused = book.ledger.forget_lines(id, Some(second)).expect_err("another's");
        assert!(matches!(refused, LedgerError::OffDuty), "{refused}");
        book.ledger.forget_lines(id, Some(first)).expect("its own");
        book.ledger.fence_node(first).expect("fenced");
        assert!(!takes(first) && takes(second) && !takes(third));
        assert!(book.ledger.forget_lines(id, Some(first)).is_err(), "it comes too late");
        book.ledger.drain_node(second).expect("drained");
        assert!(!takes(second) && takes(third));
    });
}

#[test]
fn a_node_hears_the_databases_clock_and_shows_how_its_own_stands() {
    with_book(|book, _| {
        let worker = book.node(1, NodeRole::Worker, LEASE);
        let before = book.ledger.clock().expect("asked");
        let figures = NodeFigures { clock_ahead_ms: Some(-600_000), ..NodeFigures::default() };
        let renewal = book.ledger.renew(worker, LEASE, &figures, &[]).expect("renewed");
        assert!(before <= renewal.clock && renewal.clock <= book.ledger.clock().expect("asked"));
        let nodes = book.ledger.nodes().expect("nodes");
        let shown: Vec<_> = nodes.iter().map(|node| node.figures.clock_ahead_ms).collect();
        assert!(shown.contains(&Some(-600_000)) && shown.contains(&None), "{shown:?}");
    });
}

#[test]
fn a_repeat_is_found_and_a_place_may_be_refused() {
    with_book(|book, gateway| {
        let Reserved::New(id) = book.queue(gateway, |new, _| new.idempotency_key = Some("order")) else {
            panic!("new")
        };
        let again = book.queue(gateway, |new, _| new.idempotency_key = Some("order"));
        assert!(matches!(again, Reserved::Open(open) if open == id));
        let budgets = Budgets::default();
        let new = request([99; 10], book.key, &budgets, NOON);
        let queued = NewQueued {
            gateway,
            shape: "",
            cost: 1,
            is_live: true,
            finishes_alone: false,
            deadline: None,
            spec: b"",
        };
        let refused = book.ledger.admit(&new, &queued, |place| Err::<(), QueuePlace>(*place));
        let Err(NotAdmitted::Place(place)) = refused else { panic!("refused by its place") };
        assert_eq!(
            (place.waiting, place.waiting_of_key, place.open_of_key, place.work_ahead),
            (1, 1, 1, 100)
        );
        assert_eq!((book.count("queue"), book.count("requests")), (1, 1), "nothing was written");
    });
}

#[test]
fn all_gateways_share_a_keys_rate() {
    with_book(|book, _| {
        let second = Ledger::open_at(&LedgerPlace::Postgres(book.url())).expect("another gateway");
        let minute = 60_000_000;
        let take = |ledger: &Ledger, images: u64| {
            ledger.take_rate(book.key, RateKind::Images, images * minute / 4, minute).expect("asked").is_taken
        };
        assert!(take(&book.ledger, 3) && !take(&second, 2) && take(&second, 1) && !take(&book.ledger, 1));
        second.give_rate_back(book.key, RateKind::Images, minute / 4).expect("given back");
        assert!(take(&book.ledger, 1));
        assert!(!take(&second, 5), "never so many at once");
    });
}
