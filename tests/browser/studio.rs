//! A studio that has painted since September, at a standing clock: what the screenshots show.

use std::sync::Arc;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rand::{SeedableRng, rngs::StdRng};
use tintype::{
    clock::ManualClock,
    config::Config,
    costs::{Budgets, Comparison, CostModel},
    domain::{ApiKey, EnergySource, ImageSize, KeyId, Quality, RenderSpec, RequestId, Scopes, Seed, Usage},
    ledger::{BudgetPeriods, KeyRules, Ledger, NewKey, NewRequest, SettledImage, Settlement},
    units::{Energy, Millis, Money},
};

use crate::server::TestServer;

/// When the pages are looked at.
const NOW: &str = "2026-11-23T09:41:00Z";
const DAYS_BEFORE: i64 = 70;
/// Power of the whole machine, in watts: millijoules a millisecond.
const WATTS: u64 = 420;
/// A picture of 1024x1024 in 8 steps, in milliseconds.
const PICTURE_MS: u64 = 5_200;
/// 0.005 dollars a megapixel, in yuan.
const MEGAPIXEL_NANO: i64 = 34_850_000;

/// Who paints, and what they file it under.
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
        config.model.steps = tintype::domain::StepsByQuality::default();
        let hardware = &mut config.costs.hardware;
        hardware.name = "RTX 4090 workstation".into();
        hardware.lifetime_images = 1_200_000.try_into().expect("above 0");
        config.costs.upkeep_per_image = "0.004".parse().expect("an amount");
        paint_the_past(config, &key, now);
    });
    (server, key)
}

fn paint_the_past(config: &Config, operator: &ApiKey, now: Timestamp) {
    let ledger = Ledger::open(&config.data_dir.join(tintype::app::LEDGER_FILE)).expect("a ledger");
    let begin = now - (DAYS_BEFORE * 24).hours();
    let add = |key: &ApiKey, name, scopes| {
        let rules = KeyRules { scopes, ..KeyRules::default() };
        ledger.create_key(&NewKey { key, name, rules }, "first start", begin).expect("a key");
        ledger.authenticate(key, begin).expect("no error").expect("known").key
    };
    add(operator, "operator", Scopes::ALL);
    let names = ["shop window", "studio", "blog"];
    let keys: Vec<(&str, KeyId)> = (100..)
        .zip(names)
        .map(|(seed, name)| {
            let key = ApiKey::generate(&mut StdRng::seed_from_u64(seed));
            (name, add(&key, name, Scopes { images: true, admin: false }))
        })
        .collect();
    let costs = config.cost_model(jiff::civil::date(2026, 11, 23)).expect("a cost model");
    let mut order = 0_u8;
    for day in 0..DAYS_BEFORE {
        // Fewer on Sundays, more towards the end.
        let orders = if day % 7 == 5 { 1 } else { 2 + day % 3 + day / 24 };
        for hour in 0..orders {
            order = order.wrapping_add(1);
            let at = begin + (day * 24 + hour).hours();
            let (name, tag) = CLIENTS[usize::from(order) % CLIENTS.len()];
            let key = keys.iter().find(|key| key.0 == name).expect("one of them").1;
            paint(&Books { ledger: &ledger, costs: &costs, key, tag }, order, at);
        }
    }
}

struct Books<'a> {
    ledger: &'a Ledger,
    costs: &'a CostModel,
    key: KeyId,
    tag: Option<&'a str>,
}

/// One request, painted and settled; `order` says what is asked for.
fn paint(books: &Books<'_>, order: u8, at: Timestamp) {
    let turn = usize::from(order);
    let (width, height, of_area) = SIZES[turn / 3 % SIZES.len()];
    let (quality, steps, of_steps) = QUALITIES[turn / 5 % QUALITIES.len()];
    let size = ImageSize::new(width, height).expect("a size");
    let pictures = 1 + u32::from(order % 4) * 2;
    let tag = books.tag.map(|tag| tag.parse().expect("a tag"));
    let request = NewRequest {
        id: RequestId::new(at, [order; 10]),
        key: books.key,
        idempotency_key: None,
        body_sha256: [order; 32],
        model: "Z-Image-Turbo",
        quality,
        tag: tag.as_ref(),
        images: pictures,
        estimate: Money::ZERO,
        now: at,
        wall_energy: Energy::from_millijoules(0),
        budgets: &Budgets::default(),
        periods: BudgetPeriods::of(at, &TimeZone::UTC),
    };
    let duration = PICTURE_MS * of_area * of_steps / 10_000 + u64::from(order) % 7 * 31;
    let usage = Usage {
        duration: Millis::new(duration),
        energy: Energy::from_millijoules(duration * WATTS),
        source: EnergySource::Estimated,
        epoch: None,
    };
    let area = i64::from(width) * i64::from(height);
    let comparison = Comparison {
        sku: "fal/z-image-turbo".into(),
        price: Money::from_nano(MEGAPIXEL_NANO * area / 1_048_576),
        exchange_rate: Money::from_nano(6_970_000_000),
    };
    let receipt = books.costs.receipt(usage, comparison, TimeZone::UTC.to_datetime(at)).expect("a receipt");
    let images: Vec<_> = (0..pictures)
        .map(|index| SettledImage {
            seed: Seed::new(u64::from(order) * 7_919 + u64::from(index)),
            receipt: receipt.clone(),
        })
        .collect();
    let spec = RenderSpec {
        prompt: "a lighthouse at dawn".into(),
        negative_prompt: None,
        size,
        steps,
        guidance_scale: 0.0,
    };
    let reservation = books.ledger.reserve(&request).expect("reserved");
    let id = reservation.id();
    let done = Settlement { images: &images, prompt_tokens: 12 };
    books.ledger.settle(reservation, &spec, books.costs.currency(), &done, at).expect("settled");
    books.ledger.note_delivery(id).expect("noted");
}
