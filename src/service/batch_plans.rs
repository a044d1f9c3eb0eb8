use std::collections::HashMap;

use jiff::Timestamp;

use super::{Service, ServiceError};
use crate::{
    batches::{BatchPlan, Begin, Prospect},
    costs::PriceSpan,
    domain::{BatchStatus, KeyId},
    ledger::{BatchCost, BatchRow},
    units::Money,
};

/// When batches are done, and what they cost.
impl Service {
    /// When the rest of `batch` is done, among the batches that are `open`, by the prices, the pace and the load as they are now.
    ///
    /// # Errors
    /// [`ServiceError`] if the ledger fails, or an amount is out of range.
    pub async fn plan_batch(&self, batch: &BatchRow, open: &[BatchRow]) -> Result<BatchPlan, ServiceError> {
        let (now, expires) = (self.now(), batch.times.expires);
        let costs = self.costs_now().await?;
        let prices = costs.electricity_prices(now, expires, self.calendar())?;
        let prices = if prices.is_empty() { vec![self.price_at(now).await?] } else { prices };
        let (work, usage) = self.studio().foresee_work(batch.work_left());
        let energy = costs.wasted(usage, self.civil(now))?.wall_energy;
        let devices = self.studio().devices().all;
        let (ahead, _) = self.studio().foresee_work(work_ahead(batch, open, self.studio().live_work()));
        Ok(BatchPlan::make(&Prospect {
            now,
            begin: batch.terms.starts_at.map_or(Begin::Cheapest, Begin::At),
            expires,
            work,
            energy,
            ahead,
            load_percent: self.live_load.percent(self.monotonic(), devices),
            prices: &prices,
        }))
    }

    /// What the requests of `batch` have cost so far, and would have at the price of its creation.
    ///
    /// # Errors
    /// [`ServiceError`] if the ledger fails.
    pub async fn batch_cost(&self, batch: &BatchRow) -> Result<BatchCost, ServiceError> {
        let price = self.price_at(batch.times.created).await?.price_per_kwh;
        let (key, id) = (batch.key, batch.id);
        self.ask_ledger(move |ledger| ledger.batch_cost(key, id, price)).await
    }

    /// The price of electricity at a moment, as a span of that minute.
    async fn price_at(&self, at: Timestamp) -> Result<PriceSpan, ServiceError> {
        let end = at.checked_add(jiff::SignedDuration::from_millis(1)).unwrap_or(Timestamp::MAX);
        let spans = self.costs_now().await?.electricity_prices(at, end, self.calendar())?;
        let none = PriceSpan { start: at, end, price_per_kwh: Money::ZERO };
        Ok(spans.first().copied().unwrap_or(none))
    }
}

/// Work that is done before `batch` has as much: live jobs, older batches of its key, and of every other key as much as it has
/// itself, since keys take turns.
fn work_ahead(batch: &BatchRow, open: &[BatchRow], live: u64) -> u64 {
    let own = batch.work_left();
    let mut of_keys: HashMap<KeyId, u64> = HashMap::new();
    let mut before = live;
    for other in open.iter().filter(|other| other.status == BatchStatus::InProgress && other.id != batch.id) {
        let left = other.work_left();
        if other.key != batch.key {
            let of_key = of_keys.entry(other.key).or_default();
            *of_key = of_key.saturating_add(left);
        } else if other.id < batch.id {
            before = before.saturating_add(left);
        }
    }
    of_keys.into_values().map(|left| left.min(own)).fold(before, u64::saturating_add)
}
