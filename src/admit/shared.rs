use std::{num::NonZeroU32, sync::Arc};

use tokio::runtime::Handle;

use super::rates::{OverRate, RateStanding, Taken};
use crate::{
    domain::KeyId,
    ledger::{Ledger, LedgerError, RateKind, RateTaken},
    units::Millis,
};

/// A minute, in the unit in which shared rates are counted.
const MINUTE_US: u64 = 60_000_000;

/// Takes `count` for `key`, of `limit` a minute that all gateways share: the same algorithm as here, with its one number in the
/// ledger.
pub(super) fn take(
    ledger: &Arc<Ledger>,
    kind: RateKind,
    key: KeyId,
    limit: NonZeroU32,
    count: NonZeroU32,
) -> Result<Result<Taken, OverRate>, LedgerError> {
    let interval = MINUTE_US / u64::from(limit.get());
    let cost = interval.saturating_mul(count.get().into());
    let RateTaken { is_taken, ahead_us } = ledger.take_rate(key, kind, cost, MINUTE_US)?;
    let standing = |ahead: u64| {
        let remaining = MINUTE_US.saturating_sub(ahead) / interval.max(1);
        RateStanding {
            limit: limit.get(),
            remaining: u32::try_from(remaining).unwrap_or(u32::MAX).min(limit.get()),
            reset: millis_ceil(ahead),
        }
    };
    if is_taken {
        let ledger = Arc::clone(ledger);
        let give_back = move || {
            let give_back = move || give_cost_back(&ledger, kind, key, cost);
            // It may be dropped where other requests are served.
            match Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn_blocking(give_back)),
                Err(_) => give_back(),
            }
        };
        return Ok(Ok(Taken::new(standing(ahead_us), give_back)));
    }
    let is_possible = cost <= MINUTE_US;
    Ok(Err(OverRate {
        standing: standing(ahead_us.saturating_sub(cost)),
        retry_after: is_possible.then(|| millis_ceil(ahead_us.saturating_sub(MINUTE_US))),
    }))
}

/// Gives one back to `key`, of `limit` a minute.
pub(super) fn give_back(ledger: &Ledger, kind: RateKind, key: KeyId, limit: NonZeroU32) {
    give_cost_back(ledger, kind, key, MINUTE_US / u64::from(limit.get()));
}

fn give_cost_back(ledger: &Ledger, kind: RateKind, key: KeyId, cost: u64) {
    if let Err(error) = ledger.give_rate_back(key, kind, cost) {
        tracing::warn!(%error, "what was to be given back of a key's rate is used up");
    }
}

fn millis_ceil(micros: u64) -> Millis {
    Millis::new(micros.div_ceil(1000))
}
