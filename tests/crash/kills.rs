//! A server killed with SIGKILL in the middle of its work, a hundred times: no settled image is lost, none is there
//! twice, no budget is overspent, and a client that sends its unanswered requests again, each under its
//! Idempotency-Key, pays once for each.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tintype::units::Money;

use crate::{
    eventually::eventually,
    image_client::{Answered, ImageClient, Refusal},
    served::{Place, Served},
};

/// Lives of the server, each ended by SIGKILL while clients are generating. TINTYPE_CRASH_LIVES says how many.
const LIVES: usize = 300;

/// Where a budget allows 20 images: each costs 8,000 / 30,000 of a card, 0.03 of upkeep, and far less than a thousandth
/// of electricity and of the other part's time.
const BUDGET: &str = "5.95 a month";
const BUDGET_IMAGES: i64 = 20;

/// The longest that a server lives on once its clients have had their answers: some images' time.
const LIVES_ON: Duration = Duration::from_millis(60);

/// Names of requests, as a client would keep them: those that were sent and never answered are sent again.
#[derive(Default)]
struct Orders {
    made: AtomicUsize,
    unanswered: Mutex<Vec<String>>,
}

impl Orders {
    fn next(&self) -> String {
        let again = self.unanswered.lock().expect("no panic").pop();
        again.unwrap_or_else(|| format!("order-{}", self.made.fetch_add(1, Ordering::Relaxed)))
    }
}

/// A key, its orders, and what it was answered.
struct Client {
    key: String,
    orders: Orders,
    answers: Mutex<Vec<(String, Vec<Money>)>>,
}

impl Client {
    fn new(key: String) -> Self {
        Self { key, orders: Orders::default(), answers: Mutex::default() }
    }

    fn answers(&self) -> usize {
        self.answers.lock().expect("no panic").len()
    }

    /// Generates until the server dies, or will not.
    fn generate_on(&self, client: &ImageClient) -> Refusal {
        loop {
            let order = self.orders.next();
            match client.generate(Some(&order), 2) {
                Ok(answer) => self.answers.lock().expect("no panic").push(answer),
                Err(refusal) => {
                    self.orders.unanswered.lock().expect("no panic").push(order);
                    return refusal;
                }
            }
        }
    }

    /// Notes what it was answered since the last time.
    fn tell(&self, answered: &mut Answered) {
        for (id, totals) in self.answers.lock().expect("no panic").drain(..) {
            assert!(answered.insert(id, totals).is_none(), "an order is answered once");
        }
    }
}

fn lives() -> usize {
    let asked = std::env::var("TINTYPE_CRASH_LIVES");
    asked.map_or(LIVES, |lives| lives.parse().expect("TINTYPE_CRASH_LIVES is a number of lives"))
}

/// A part that wears out by images and one by time, and a key that may spend [`BUDGET`].
fn prepare(place: &Place) -> String {
    let said = |arguments: &[&str]| {
        let output = place.run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let add = |part: &[&str]| said(&[&["asset", "add"], part, &["--bought", "2026-01-01"]].concat());
    add(&["card", "--price", "13000", "--residual", "5000", "--lifetime-images", "30000"]);
    add(&["case", "--price", "500", "--residual", "0", "--years", "4", "--normal-utilisation", "20"]);
    let capped = said(&["key", "create", "capped", "--budget", BUDGET]);
    capped.lines().next().expect("a key").trim().to_owned()
}

/// Generates with four clients, and kills the server some time after `answers` requests were answered.
fn live_and_die(mut served: Served, free: &Client, capped: &Client, answers: usize, lives_on: Duration) {
    let [free_client, capped_client] =
        [free, capped].map(|client| ImageClient::new(&served.program, &client.key));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| free.generate_on(&free_client));
        }
        scope.spawn(|| {
            let refusal = capped.generate_on(&capped_client);
            assert!(refusal.status == 0 || refusal.code == "insufficient_quota", "{refusal:?}");
        });
        eventually("clients are answered", || free.answers() >= answers);
        let enough = Instant::now() + lives_on;
        while Instant::now() < enough {
            std::thread::yield_now();
        }
        // Requests are in flight, in whatever state: reserved, running, being settled.
        served.program.kill();
    });
}

#[test]
fn a_killed_server_never_loses_a_settled_image() {
    let mut place = Place::new();
    let mut served = place.serve();
    let capped = Client::new(prepare(&place));
    let free = Client::new(place.key().to_owned());
    let mut random = StdRng::seed_from_u64(1);
    for life in 0..lives() {
        live_and_die(served, &free, &capped, 1 + life % 5, LIVES_ON.mul_f64(random.random()));
        free.tell(&mut place.answered);
        capped.tell(&mut place.answered);
        served = place.starts_well().0;
    }

    // What was never answered is answered now, and what the budget allows is generated to the last image.
    let client = ImageClient::new(&served.program, &free.key);
    for order in std::mem::take(&mut *free.orders.unanswered.lock().expect("no panic")) {
        let (id, totals) = client.generate(Some(&order), 2).expect("an answer");
        assert!(place.answered.insert(id, totals).is_none(), "an order is answered once");
    }
    let refusal = capped.generate_on(&ImageClient::new(&served.program, &capped.key));
    assert_eq!(refusal.code, "insufficient_quota");
    capped.tell(&mut place.answered);
    served.kill();

    let (_served, audited) = place.starts_well();
    assert!(audited.abandoned > 0, "some died in the middle");
    let answered = i64::try_from(place.answered.len()).expect("a count");
    assert_eq!(audited.settled, answered, "nothing was generated twice for one order");
    assert_eq!(audited.images, 2 * answered);
    assert_eq!(place.images_of("capped"), BUDGET_IMAGES);
    println!("{} lives, {audited:?}", lives());
}
