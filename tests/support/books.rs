//! A ledger with a past, made as a server makes it.

use std::path::Path;

use jiff::Timestamp;
use rand::{SeedableRng, rngs::StdRng};
use tintype::{
    costs::{
        BoughtPrice, Breakdown, Budgets, Comparison, CostModel, CostSettings, PriceBook, PricedWork, Receipt,
        Share,
    },
    domain::{
        ApiKey, Calendar, CostTag, EnergySource, FailureReason, ImageSize, KeyId, Quality, RenderSpec,
        RequestId, Scopes, Seed, Usage,
    },
    ledger::{
        BudgetPeriods, FailedWork, KeyRules, Ledger, NewKey, NewPurchase, NewRequest, Reservation,
        SettledImage, Settlement,
    },
    units::{Currency, Energy, Millis, Money},
};

/// The ledger in `place`/data, with one key.
pub struct Books {
    pub ledger: Ledger,
    key: KeyId,
}

impl Books {
    pub fn open(place: &Path) -> Self {
        std::fs::create_dir_all(place.join("data")).expect("a data directory");
        let ledger = Ledger::open(&place.join("data/ledger.sqlite3")).expect("a ledger");
        let (key, now) = (ApiKey::generate(&mut StdRng::seed_from_u64(1)), Timestamp::UNIX_EPOCH);
        let rules = KeyRules { scopes: Scopes::ALL, ..KeyRules::default() };
        ledger.create_key(&NewKey { key: &key, name: "studio", rules }, "first start", now).expect("a key");
        let key = ledger.authenticate(&key, now).expect("no error").expect("known").key;
        Self { ledger, key }
    }

    /// Takes a request on at `at`.
    pub fn open_request(&self, at: Timestamp, tag: Option<&str>) -> Reservation {
        let tag = tag.map(|tag| tag.parse().expect("a tag"));
        let budgets = Budgets::default();
        let request = self.request(at, tag.as_ref(), &budgets);
        self.ledger.reserve(&request).expect("reserved").into_new().expect("no repeat")
    }

    fn request<'a>(&self, at: Timestamp, tag: Option<&'a CostTag>, budgets: &'a Budgets) -> NewRequest<'a> {
        NewRequest {
            id: RequestId::new(at, [1; 10]),
            key: self.key,
            idempotency_key: None,
            body_sha256: [0; 32],
            model: "Z-Image-Turbo",
            quality: Quality::Medium,
            tag,
            loras: &[],
            images: 1,
            estimate: Money::ZERO,
            now: at,
            wall_energy: Energy::from_millijoules(0),
            budgets,
            periods: BudgetPeriods::of(at, &Calendar::UTC),
        }
    }

    /// One image for 0.375583334, settled at `at`.
    pub fn generate(&self, at: &str, tag: Option<&str>) -> RequestId {
        self.generate_on(None, at, tag)
    }

    /// The same, its energy counted by the card with this UUID.
    pub fn generate_on(&self, card: Option<&str>, at: &str, tag: Option<&str>) -> RequestId {
        self.book(receipt(), card, at, tag)
    }

    /// The same without a price elsewhere.
    pub fn generate_uncompared(&self, at: &str) -> RequestId {
        self.book(Receipt { comparison: None, ..receipt() }, None, at, None)
    }

    fn book(&self, mut receipt: Receipt, card: Option<&str>, at: &str, tag: Option<&str>) -> RequestId {
        let at: Timestamp = at.parse().expect("a time");
        let zero = Energy::from_millijoules(0);
        let epoch = card
            .map(|card| self.ledger.begin_epoch(card, EnergySource::Metered, zero, at).expect("an epoch").id);
        let reservation = self.open_request(at, tag);
        let id = reservation.id();
        receipt.usage.epoch = epoch;
        let images = [SettledImage { seed: Seed::new(42), receipt }];
        let done =
            Settlement { images: &images, failed: &[], prompt_tokens: 12, edit: None, computation: None };
        self.ledger.settle(reservation, &spec(), Currency::CNY, &done, at).expect("settled");
        id
    }

    /// One image that was bought for 0.3, or may have been paid for: 0.04 dollars at 7.5.
    pub fn buy(&self, at: &str, tag: Option<&str>, came: bool) {
        let at: Timestamp = at.parse().expect("a time");
        let tag = tag.map(|tag| tag.parse().expect("a tag"));
        let budgets = Budgets::default();
        let request = self.request(at, tag.as_ref(), &budgets);
        let price = BoughtPrice {
            sku: "bfl/flux-pro-1.1".into(),
            list: Money::from_nano(40_000_000),
            list_currency: Currency::USD,
            exchange_rate: Money::from_nano(7_500_000_000),
            price: Money::from_nano(300_000_000),
        };
        let purchase = NewPurchase {
            request: request.id,
            seller: "acme",
            images: 1,
            size: ImageSize::square(1024),
            price: &price,
            here: Money::from_nano(2_250_000),
            currency: Currency::CNY,
            why: "the queue is full",
            a_day_max: Money::from_nano(100_000_000_000),
        };
        let reserved = self.ledger.reserve_to_buy(&request, &purchase, None).expect("reserved");
        let reservation = reserved.into_new().expect("no repeat");
        if came {
            self.ledger.settle_bought(reservation, at).expect("settled");
        } else {
            self.ledger.end_purchase(reservation.id(), true, "no answer came", at).expect("ended");
            self.ledger
                .fail(reservation, FailureReason::ClientGone, &spec(), Currency::CNY, &[], at)
                .expect("failed");
        }
    }

    /// Work that gave no image.
    pub fn fail(&self, at: &str) {
        let at: Timestamp = at.parse().expect("a time");
        let Receipt { usage, wall_energy, cost, .. } = receipt();
        let cost = Breakdown { electricity: cost.electricity, ..Breakdown::default() };
        let (priced, share) = (PricedWork::unexplained(wall_energy, cost), Share::WHOLE);
        let work = FailedWork { index: 0, seed: Seed::new(42), usage, priced, share, images_shown: 0 };
        let reservation = self.open_request(at, None);
        self.ledger
            .fail(reservation, FailureReason::GenerationFailed, &spec(), Currency::CNY, &[work], at)
            .expect("failed");
    }
}

/// The example's costs.
pub fn example_costs() -> CostModel {
    let prices = PriceBook::built_in().expect("a price book");
    CostModel::new(CostSettings::default(), prices, Vec::new()).expect("a cost model")
}

/// What every image was asked for.
pub fn spec() -> RenderSpec {
    RenderSpec::new("a lighthouse at dawn", ImageSize::square(1024), 8)
}

/// What it cost.
pub fn receipt() -> Receipt {
    let energy = Energy::from_millijoules(6_750_000);
    Receipt {
        usage: Usage { duration: Millis::new(15_000), energy, source: EnergySource::Metered, epoch: None },
        wall_energy: energy,
        cost: Breakdown {
            electricity: Money::from_nano(2_250_000),
            depreciation: Money::from_nano(343_333_334),
            upkeep: Money::from_nano(30_000_000),
        },
        comparison: Some(Comparison {
            sku: "fal/z-image-turbo".into(),
            price: Money::from_nano(36_700_160),
            exchange_rate: Money::from_nano(7_000_000_000),
            rate: None,
        }),
        rates: None,
    }
}
