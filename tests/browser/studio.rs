//! A studio that has been generating images since September, at a standing clock: what the screenshots show.

use std::{io::Cursor, sync::Arc};

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rand::{SeedableRng, rngs::StdRng};
use tintype::{
    clock::ManualClock,
    config::Config,
    costs::{Budgets, Comparison, CostModel, Share},
    domain::{
        ApiKey, Calendar, EnergySource, FailureReason, ImageFormat, ImageSize, KeyId, Overhead, Quality,
        RenderSpec, RequestId, Scopes, Seed, Usage,
    },
    image_store::{ImageName, ImageStore},
    ledger::{
        BudgetPeriods, FailedWork, KeyChange, KeyRules, Ledger, NewKey, NewRequest, Reservation,
        SettledImage, Settlement,
    },
    units::{Energy, Millis, Money, Power},
};

use crate::server::TestServer;

/// When the pages are looked at.
const NOW: &str = "2026-11-23T09:41:00Z";
const DAYS_BEFORE: i64 = 70;
/// Power of the card while it generates images, in watts: millijoules a millisecond.
const WATTS: u64 = 360;
/// The same while it waits, which is most of a day.
const IDLE_WATTS: u64 = 16;
/// Power of the machine around it.
const HOST_WATTS: u32 = 40;
const IDLE_MS: u64 = 22 * 3_600_000;
/// An image of 1024x1024 in 8 steps, in milliseconds.
const IMAGE_MS: u64 = 5_200;
/// 0.005 dollars a megapixel, in yuan.
const MEGAPIXEL_NANO: i64 = 34_850_000;
/// Images of an order before today, by fours; today's orders are small, as the list of jobs shows.
const BATCH: u32 = 90;
/// Orders of the morning, a quarter of an hour apart.
const THIS_MORNING: u8 = 15;

/// The keys, and the tags they use.
const CLIENTS: [(&str, Option<&str>); 4] = [
    ("shop window", Some("autumn catalogue")),
    ("studio", Some("posters")),
    ("studio", None),
    ("blog", None),
];
const SIZES: [(u32, u32, u64); 3] = [(1024, 1024, 100), (1280, 720, 88), (768, 1344, 98)];
const QUALITIES: [(Quality, u32, u64); 3] =
    [(Quality::Medium, 8, 100), (Quality::High, 10, 124), (Quality::Low, 4, 52)];

/// The studio's server, and a key of it with both scopes.
pub fn open() -> (TestServer, ApiKey) {
    let key = ApiKey::generate(&mut StdRng::seed_from_u64(7));
    let now: Timestamp = NOW.parse().expect("a moment");
    let server = TestServer::start_at(Arc::new(ManualClock::at(now)), |config| {
        config.model.path = None;
        config.model.default_size = None;
        config.model.steps = tintype::domain::ConfiguredSteps::default();
        let hardware = &mut config.costs.hardware;
        hardware.name = "RTX 4090 workstation".into();
        hardware.lifetime_images = 1_200_000.try_into().expect("above 0");
        config.costs.host_watts = Power::from_watts(HOST_WATTS);
        config.costs.wall_factor_percent = 108;
        config.costs.upkeep_per_image = "0.004".parse().expect("an amount");
        generate_the_past(config, &key, now);
    });
    (server, key)
}

fn generate_the_past(config: &Config, operator: &ApiKey, now: Timestamp) {
    let ledger = Ledger::open(&config.data_dir.join(tintype::app::LEDGER_FILE)).expect("a ledger");
    let begin = now - (DAYS_BEFORE * 24).hours();
    let add = |key: &ApiKey, name, scopes| {
        let rules = KeyRules { scopes, ..KeyRules::default() };
        ledger.create_key(&NewKey { key, name, rules }, "first start", begin).expect("a key");
        ledger.authenticate(key, begin).expect("no error").expect("known").key
    };
    add(operator, "operator", Scopes::ALL);
    let images = Scopes::IMAGES;
    let names = ["shop window", "studio", "blog", "summer job"];
    let keys: Vec<(ApiKey, KeyId)> = (100..)
        .zip(names)
        .map(|(seed, name)| {
            let key = ApiKey::generate(&mut StdRng::seed_from_u64(seed));
            let id = add(&key, name, images);
            (key, id)
        })
        .collect();
    let costs = config.cost_model(jiff::civil::date(2026, 11, 23)).expect("a cost model");
    let store = ImageStore::open(config.data_dir.join("pictures"), 0).expect("a store");
    let generate = |order: u8, images: u32, at: Timestamp| {
        let (name, tag) = CLIENTS[usize::from(order) % CLIENTS.len()];
        let key = names.iter().position(|known| *known == name).expect("one of them");
        Order { ledger: &ledger, costs: &costs, key: keys[key].1, tag, order, images, at }
    };
    let mut order = 0_u8;
    for day in 0..DAYS_BEFORE {
        // Fewer on Sundays, more towards the end.
        let orders = if day % 7 == 5 { 1 } else { 2 + day % 3 + day / 24 };
        for hour in 0..orders {
            order = order.wrapping_add(1);
            let at = begin + (day * 24 + hour).hours();
            generate(order, BATCH * (1 + u32::from(order % 4)), at).settle(true);
        }
        wait_for_work(&ledger, &costs, begin + (day * 24 + 12).hours());
    }
    for earlier in (0..THIS_MORNING).rev() {
        let at = now - (i64::from(earlier) * 15 + 4).minutes();
        let order = generate(earlier, 1 + u32::from(earlier % 4), at);
        match earlier {
            3 => order.fail(),
            _ => {
                let id = order.settle(earlier != 6);
                if earlier % 2 == 0 {
                    keep(&store, id, order.images);
                }
            }
        }
    }
    for (key, _) in &keys[..3] {
        ledger.authenticate(key, now - 4.minutes()).expect("no error").expect("opens");
    }
    change_keys(&ledger, operator, &keys, now);
}

/// What an operator does with keys: budgets, another secret, an end.
fn change_keys(ledger: &Ledger, operator: &ApiKey, keys: &[(ApiKey, KeyId)], now: Timestamp) {
    let [shop_window, studio, blog, summer_job] = [0, 1, 2, 3].map(|key| keys[key].0.public_id());
    let budgets = |text: &str| [KeyChange::Budgets(text.parse().expect("budgets"))];
    let change = |key, change: &[KeyChange], days: i64| {
        let at = now - (days * 24).hours();
        ledger.change_key(key, change, operator.public_id(), at).expect("changed");
    };
    change(studio, &budgets("250 a month"), 30);
    change(shop_window, &budgets("30 a month, soft 5 kWh a month"), 21);
    change(shop_window, &[KeyChange::ConcurrentJobs(2.try_into().ok())], 3);
    change(blog, &budgets("500 images a day"), 12);
    let secret = ApiKey::rotated(shop_window, &mut StdRng::seed_from_u64(8));
    ledger.rotate_key(&secret, now + 20.hours(), operator.public_id(), now - 4.hours()).expect("rotated");
    ledger.disable_key(summer_job, "command line", now - 200.hours()).expect("disabled");
}

/// A day's idle hours.
fn wait_for_work(ledger: &Ledger, costs: &CostModel, at: Timestamp) {
    let usage = used(IDLE_MS, IDLE_WATTS);
    let price = costs.wasted(usage, TimeZone::UTC.to_datetime(at)).expect("a price");
    ledger.book_overhead(Overhead::Idle, usage, &price, costs.currency(), at).expect("booked");
}

fn used(duration: u64, watts: u64) -> Usage {
    Usage {
        duration: Millis::new(duration),
        energy: Energy::from_millijoules(duration * watts),
        source: EnergySource::Estimated,
        epoch: None,
    }
}

/// Keeps evening skies, each of another hour, as the images of request `id`.
fn keep(store: &ImageStore, id: RequestId, images: u32) {
    const SIDE: u32 = 256;
    for index in 0..images {
        let hour = (u32::from(id.to_digits().as_bytes()[11]) * 7 + index * 5) % 16;
        let sky = image::RgbImage::from_fn(SIDE, SIDE, |x, y| {
            let sun = x.abs_diff(64 + hour * 8).pow(2) + y.abs_diff(168 - hour * 6).pow(2) < 26_u32.pow(2);
            let light =
                |least: u32, most: u32| u8::try_from(least + (most - least) * y / SIDE).unwrap_or(255);
            match (y > 190, sun) {
                (true, _) => image::Rgb([24, light(20, 60), light(30, 84)]),
                (false, true) => image::Rgb([255, 214, 140]),
                (false, false) => image::Rgb([light(60 + hour * 4, 240), light(70, 170), light(140, 150)]),
            }
        });
        let mut file = Cursor::new(Vec::new());
        sky.write_to(&mut file, image::ImageFormat::Png).expect("a file");
        let name = ImageName { request: id, index, format: ImageFormat::Png, claim: None };
        store.put(name, &file.into_inner()).expect("kept");
    }
}

/// A request of so many images; `order` says what is asked for.
struct Order<'a> {
    ledger: &'a Ledger,
    costs: &'a CostModel,
    key: KeyId,
    tag: Option<&'a str>,
    order: u8,
    images: u32,
    at: Timestamp,
}

impl Order<'_> {
    fn asked(&self) -> ((u32, u32, u64), (Quality, u32, u64)) {
        let turn = usize::from(self.order);
        (SIZES[turn / 3 % SIZES.len()], QUALITIES[turn / 5 % QUALITIES.len()])
    }

    fn spec(&self) -> RenderSpec {
        let ((width, height, _), (_, steps, _)) = self.asked();
        RenderSpec::new("a lighthouse at dawn", ImageSize::new(width, height).expect("a size"), steps)
    }

    fn usage(&self) -> Usage {
        let ((_, _, of_area), (_, _, of_steps)) = self.asked();
        used(IMAGE_MS * of_area * of_steps / 10_000 + u64::from(self.order) % 7 * 31, WATTS)
    }

    fn reserve(&self) -> Reservation {
        let tag = self.tag.map(|tag| tag.parse().expect("a tag"));
        let request = NewRequest {
            id: RequestId::new(self.at, [self.order; 10]),
            key: self.key,
            idempotency_key: None,
            body_sha256: [self.order; 32],
            model: "Z-Image-Turbo",
            quality: self.asked().1.0,
            tag: tag.as_ref(),
            loras: &[],
            images: self.images,
            estimate: Money::ZERO,
            now: self.at,
            wall_energy: Energy::from_millijoules(0),
            budgets: &Budgets::default(),
            periods: BudgetPeriods::of(self.at, &Calendar::UTC),
        };
        self.ledger.reserve(&request).expect("reserved").into_new().expect("no repeat")
    }

    /// Generates and settles it, and delivers it if its client has waited.
    fn settle(&self, has_waited: bool) -> RequestId {
        let spec = self.spec();
        let area = i64::from(spec.size.width()) * i64::from(spec.size.height());
        let comparison = Comparison {
            sku: "fal/z-image-turbo".into(),
            price: Money::from_nano(MEGAPIXEL_NANO * area / 1_048_576),
            exchange_rate: Money::from_nano(6_970_000_000),
            rate: None,
        };
        let at = TimeZone::UTC.to_datetime(self.at);
        let receipt = self.costs.receipt(self.usage(), Some(comparison), at).expect("a receipt");
        let seed = |index| Seed::new(u64::from(self.order) * 7_919 + u64::from(index));
        let images: Vec<_> = (0..self.images)
            .map(|index| SettledImage { seed: seed(index), receipt: receipt.clone() })
            .collect();
        let reservation = self.reserve();
        let id = reservation.id();
        let done =
            Settlement { images: &images, failed: &[], prompt_tokens: 12, edit: None, computation: None };
        self.ledger.settle(reservation, &spec, self.costs.currency(), &done, self.at).expect("settled");
        if has_waited {
            self.ledger.note_delivery(id, self.at).expect("noted");
        }
        id
    }

    /// Cancelled on the way.
    fn fail(&self) {
        let usage = self.usage();
        let at = TimeZone::UTC.to_datetime(self.at);
        let share = Share { steps_done: 4, steps: self.spec().steps };
        let priced = self.costs.failed_work(usage, share, at).expect("a price");
        let work = FailedWork { index: 0, seed: Seed::new(42), usage, priced, share, images_shown: 0 };
        let (reservation, currency) = (self.reserve(), self.costs.currency());
        self.ledger
            .fail(reservation, FailureReason::ClientGone, &self.spec(), currency, &[work], self.at)
            .expect("failed");
    }
}
