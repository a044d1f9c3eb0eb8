//! Workers that claim, renew their leases, look for nodes that are gone, and settle, as real ones do; only the image is replaced by a
//! timer. They share two pools of connections here, one for claims and settlements and one for leases.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tintype::{
    domain::NodeId,
    ledger::{Ledger, NodeFigures, NodeRole},
};
use tokio::{
    runtime::Runtime,
    sync::Semaphore,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval, sleep, sleep_until},
};

use super::{Bench, LOOK, NOW, join, open, percentiles, settle};

/// As a node has them by default.
const LEASE: Duration = Duration::from_secs(12);
const RENEWAL: Duration = Duration::from_secs(2);
/// Between two looks into an empty queue.
const POLL: Duration = Duration::from_millis(500);
/// What stands for an image.
const IMAGE: Duration = Duration::from_secs(8);
/// Connections of each pool.
const CONNECTIONS: usize = 16;
/// Tasks that admit requests.
const GATEWAYS: u64 = 16;

/// What was measured.
#[derive(Default)]
struct Measured {
    claims: Mutex<Vec<Duration>>,
    renewals: Mutex<Vec<Duration>>,
    settlements: Mutex<Vec<Duration>>,
    admissions: Mutex<Vec<Duration>>,
    late: AtomicU64,
}

/// All that the workers share.
struct Simulation {
    bench: Bench,
    leases: Ledger,
    work: Semaphore,
    beside: Semaphore,
    measured: Measured,
    end: Instant,
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |value| value.parse().expect(variable))
}

/// Runs the workers on `bench`, which has leftovers to begin with, and prints what each of their questions took.
pub fn run(bench: Bench, url: &str, runtime: &Runtime) {
    let seconds = number("TINTYPE_BENCH_SECONDS", 60);
    let (workers, devices) = (number("TINTYPE_BENCH_WORKERS", 1000), number("TINTYPE_BENCH_DEVICES", 1));
    let leases = open(url);
    let nodes: Vec<NodeId> = (0..workers)
        .map(|worker| join(&leases, 100 + worker, NodeRole::Worker, Duration::from_secs(600)))
        .collect();
    let asked = workers * devices * 1000 / u64::try_from(IMAGE.as_millis()).expect("small");
    let simulation = Arc::new(Simulation {
        bench,
        leases,
        work: Semaphore::new(CONNECTIONS),
        beside: Semaphore::new(CONNECTIONS),
        measured: Measured::default(),
        end: Instant::now() + Duration::from_secs(seconds),
    });
    runtime.block_on(async {
        let mut tasks = Vec::new();
        for (index, node) in (0_u32..).zip(nodes) {
            // Not all at one moment.
            let after = |span: Duration| span * index / u32::try_from(workers).expect("few");
            for _ in 0..devices {
                tasks.push(tokio::spawn(Arc::clone(&simulation).work(node, after(IMAGE))));
            }
            tasks.push(tokio::spawn(Arc::clone(&simulation).keep_lease(node, after(RENEWAL))));
        }
        for _ in 0..GATEWAYS {
            let every = Duration::from_secs(GATEWAYS) / u32::try_from(asked.max(1)).expect("few");
            tasks.push(tokio::spawn(Arc::clone(&simulation).admit(every)));
        }
        for task in tasks {
            task.await.expect("no panic");
        }
    });
    let measured = &simulation.measured;
    println!(
        "\n{workers} workers for {seconds} s, {devices} x {} s an image, {asked} images a second asked for\n\n\
         | what | a second | p50 ms | p99 ms |\n| --- | ---: | ---: | ---: |",
        IMAGE.as_secs()
    );
    for (what, times) in [
        ("claims", &measured.claims),
        ("renewals", &measured.renewals),
        ("settlements", &measured.settlements),
        ("admissions", &measured.admissions),
    ] {
        let times = std::mem::take(&mut *times.lock().expect("no panic"));
        let rate = times.len() as u64 / seconds;
        let [p50, p99] = percentiles(times);
        println!("| {what} | {rate} | {p50:.2} | {p99:.2} |");
    }
    println!("\n{} renewals came too late", measured.late.load(Ordering::Relaxed));
}

impl Simulation {
    /// What `work` gives on a thread that may wait, once one of `connections` is free; its time goes into `times`, with the wait.
    async fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        connections: fn(&Self) -> &Semaphore,
        times: fn(&Measured) -> &Mutex<Vec<Duration>>,
        work: impl FnOnce(&Self) -> Option<T> + Send + 'static,
    ) -> Option<T> {
        let began = Instant::now();
        let permit = connections(self).acquire().await.expect("never closed");
        let this = Arc::clone(self);
        let done = spawn_blocking(move || work(&this)).await.expect("no panic");
        drop(permit);
        if done.is_some() {
            times(&self.measured).lock().expect("no panic").push(began.elapsed());
        }
        done
    }

    /// One device: request after request.
    async fn work(self: Arc<Self>, node: NodeId, after: Duration) {
        sleep(after).await;
        while Instant::now() < self.end {
            let claimed =
                self.ask(|all| &all.work, |all| &all.claims, move |all| all.bench.claim(node)).await;
            let Some(reservation) = claimed else {
                sleep(POLL).await;
                continue;
            };
            sleep(IMAGE).await;
            let settle = move |all: &Self| settle(&all.bench.ledger, reservation).then_some(());
            self.ask(|all| &all.work, |all| &all.settlements, settle).await;
        }
    }

    /// Renews a lease, and looks for nodes that are gone.
    async fn keep_lease(self: Arc<Self>, node: NodeId, after: Duration) {
        sleep(after).await;
        let (mut renewals, mut looks) = (interval(RENEWAL), interval(LOOK));
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut renewed_at = Instant::now();
        while Instant::now() < self.end {
            tokio::select! {
                _ = renewals.tick() => {
                    let renew = move |all: &Self| {
                        let renewed = all.leases.renew(node, LEASE, &NodeFigures::default(), &[]).expect("renewed");
                        (!renewed.is_fenced).then_some(())
                    };
                    let renewed = self.ask(|all| &all.beside, |all| &all.renewals, renew).await;
                    if renewed.is_none() || renewed_at.elapsed() > LEASE {
                        self.measured.late.fetch_add(1, Ordering::Relaxed);
                    }
                    renewed_at = Instant::now();
                }
                _ = looks.tick() => {
                    let permit = self.beside.acquire().await.expect("never closed");
                    let this = Arc::clone(&self);
                    let reaped = spawn_blocking(move || {
                        let is_due = this.leases.take_look(LOOK).expect("asked");
                        is_due.then(|| this.leases.reap(NOW).expect("asked"))
                    }).await;
                    reaped.expect("no panic");
                    drop(permit);
                }
            }
        }
    }

    /// A gateway: a request every so often.
    async fn admit(self: Arc<Self>, every: Duration) {
        let mut next = tokio::time::Instant::now();
        while Instant::now() < self.end {
            let admit = |all: &Self| {
                all.bench.admit();
                Some(())
            };
            self.ask(|all| &all.work, |all| &all.admissions, admit).await;
            next += every;
            sleep_until(next).await;
        }
    }
}
