use std::collections::HashMap;

use jiff::Timestamp;

use super::{Service, ServiceError};
use crate::{
    batches::{BatchPlan, Begin, Prospect},
    costs::{CostModel, PriceSpan},
    domain::{BatchStatus, Calendar, KeyId},
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
        self.planned(&self.costs_now().await?, batch, open)
    }

    /// When the rest of each of `batches` that is in progress is done, among those that are `open`, and what its requests have cost
    /// so far, and would have at the price of its creation: with one question to the ledger.
    ///
    /// # Errors
    /// [`ServiceError`] if the ledger fails, or an amount is out of range.
    pub async fn batch_standings(
        &self,
        batches: &[&BatchRow],
        open: &[BatchRow],
    ) -> Result<Vec<(Option<BatchPlan>, BatchCost)>, ServiceError> {
        let (costs, calendar) = (self.costs().clone(), self.calendar().clone());
        let asked: Vec<_> = batches.iter().map(|batch| (batch.key, batch.id, batch.times.created)).collect();
        let (costs, sums) = self
            .ask_ledger(move |ledger| -> Result<_, ServiceError> {
                let costs = ledger.with_assets(&costs)?;
                let priced = |(key, id, at)| Ok((key, id, price_at(&costs, at, &calendar)?.price_per_kwh));
                let priced = asked.into_iter().map(priced).collect::<Result<Vec<_>, ServiceError>>()?;
                let sums = ledger.batch_costs(&priced)?;
                Ok((costs, sums))
            })
            .await?;
        let plan = |batch: &BatchRow| match batch.status {
            BatchStatus::InProgress => self.planned(&costs, batch, open).map(Some),
            _ => Ok(None),
        };
        batches.iter().zip(sums).map(|(batch, cost)| Ok((plan(batch)?, cost))).collect()
    }

    /// The plan by these costs, by the pace and the load as they are now.
    fn planned(
        &self,
        costs: &CostModel,
        batch: &BatchRow,
        open: &[BatchRow],
    ) -> Result<BatchPlan, ServiceError> {
        let (now, expires) = (self.now(), batch.times.expires);
        let prices = costs.electricity_prices(now, expires, self.calendar())?;
        let prices = if prices.is_empty() { vec![price_at(costs, now, self.calendar())?] } else { prices };
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
}

/// The price of electricity at a moment, as a span of that minute.
fn price_at(costs: &CostModel, at: Timestamp, calendar: &Calendar) -> Result<PriceSpan, ServiceError> {
    let end = at.checked_add(jiff::SignedDuration::from_millis(1)).unwrap_or(Timestamp::MAX);
    let spans = costs.electricity_prices(at, end, calendar)?;
    let none = PriceSpan { start: at, end, price_per_kwh: Money::ZERO };
    Ok(spans.first().copied().unwrap_or(none))
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
