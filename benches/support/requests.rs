//! A request as the ledger is asked for it.

use jiff::Timestamp;
use tintype::{
    costs::Budgets,
    domain::{Calendar, KeyId, Quality, RequestId},
    ledger::{BudgetPeriods, NewRequest},
    units::{Energy, Money},
};

pub const MODEL: &str = "Z-Image-Turbo";

/// The request `number` of `key` at `now`: one image at its usual estimate.
pub fn request(number: u64, key: KeyId, budgets: &Budgets, now: Timestamp) -> NewRequest<'_> {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    NewRequest {
        id: RequestId::new(now, random),
        key,
        idempotency_key: None,
        body_sha256: [0; 32],
        model: MODEL,
        quality: Quality::Medium,
        tag: None,
        loras: &[],
        images: 1,
        estimate: Money::from_nano(375_583_334),
        wall_energy: Energy::from_millijoules(6_750_000),
        budgets,
        now,
        periods: BudgetPeriods::of(now, &Calendar::UTC),
    }
}
