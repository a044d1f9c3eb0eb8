use std::sync::LazyLock;

use super::CLOCK;
use crate::{
    domain::KeyId,
    ledger::{Ledger, LedgerError, signed, store::params, unsigned},
};

/// What is limited a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateKind {
    /// Requests.
    Requests,
    /// Images.
    Images,
}

/// Where a key stands with a limit that all gateways share, in microseconds of the database's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateTaken {
    /// Whether it was taken.
    pub is_taken: bool,
    /// By how much the theoretical time of the next arrival is ahead, with what was taken.
    pub ahead_us: u64,
}

impl RateKind {
    const fn number(self) -> i64 {
        match self {
            Self::Requests => 0,
            Self::Images => 1,
        }
    }
}

/// Takes ?3 of what key ?1 may have of kind ?2, if the time of its next arrival stays at most ?4 ahead. One row: whether it was taken,
/// and by how much that time is ahead with it. What another gateway takes at the same moment may be missing in the second of a refusal.
static TAKE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH clock AS MATERIALIZED (SELECT {CLOCK} AS now), taken AS (
             INSERT INTO rates (key_id, kind, tat_us) SELECT ?1, ?2, now + ?3 FROM clock WHERE ?3 <= ?4
             ON CONFLICT (key_id, kind) DO UPDATE SET tat_us = greatest(rates.tat_us + ?3, excluded.tat_us)
             WHERE rates.tat_us + ?3 - (SELECT now FROM clock) <= ?4 RETURNING tat_us
         )
         SELECT taken.tat_us IS NOT NULL, coalesce(taken.tat_us, greatest(rates.tat_us, now) + ?3) - now
         FROM clock LEFT JOIN taken ON TRUE LEFT JOIN rates ON key_id = ?1 AND kind = ?2"
    )
});

impl Ledger {
    /// Takes `cost_us` of what `key` may have, if the time of its next arrival stays at most `burst_us` ahead (the generic cell
    /// rate algorithm): in one statement, beside all other writes. If the connection breaks meanwhile, it may be taken twice.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn take_rate(
        &self,
        key: KeyId,
        kind: RateKind,
        cost_us: u64,
        burst_us: u64,
    ) -> Result<RateTaken, LedgerError> {
        let (cost, burst) = (signed(cost_us, "rates.tat_us")?, signed(burst_us, "rates.tat_us")?);
        let taken = self.store.ask_beside(&TAKE, params![key.get(), kind.number(), cost, burst], |row| {
            Ok(RateTaken { is_taken: row.get(0)?, ahead_us: unsigned(row.get(1)?, "rates.tat_us")? })
        })?;
        taken.into_iter().next().ok_or(LedgerError::OutOfRange { what: "an answer without rows" })
    }

    /// Gives back what was taken for a request that was refused for another reason.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn give_rate_back(&self, key: KeyId, kind: RateKind, cost_us: u64) -> Result<(), LedgerError> {
        let cost = signed(cost_us, "rates.tat_us")?;
        let update = "UPDATE rates SET tat_us = tat_us - ?3 WHERE key_id = ?1 AND kind = ?2";
        self.store.ask_beside(update, params![key.get(), kind.number(), cost], |_| Ok(()))?;
        Ok(())
    }
}
