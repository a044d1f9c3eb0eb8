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

impl Ledger {
    /// Takes `cost_us` of what `key` may have, if the time of its next arrival stays at most `burst_us` ahead (the generic cell
    /// rate algorithm): in one statement, beside all other writes.
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
        self.store.write_beside(|conn| {
            let now = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";
            let now: i64 = conn.query_one(now, params![], |row| row.get(0))?;
            let take = "INSERT INTO rates (key_id, kind, tat_us) VALUES (?1, ?2, ?3 + ?4)
                        ON CONFLICT (key_id, kind) DO UPDATE SET tat_us = greatest(rates.tat_us, ?3) + ?4
                        WHERE greatest(rates.tat_us, ?3) + ?4 - ?3 <= ?5 RETURNING tat_us - ?3";
            let kind = kind.number();
            if cost <= burst
                && let Some(ahead) =
                    conn.query_first(take, params![key.get(), kind, now, cost, burst], |row| {
                        row.get::<i64>(0)
                    })?
            {
                return Ok(RateTaken { is_taken: true, ahead_us: unsigned(ahead, "rates.tat_us")? });
            }
            let stands = "SELECT greatest(tat_us - ?3, 0) FROM rates WHERE key_id = ?1 AND kind = ?2";
            let ahead = conn.query_first(stands, params![key.get(), kind, now], |row| row.get::<i64>(0))?;
            let ahead = unsigned(ahead.unwrap_or(0), "rates.tat_us")?;
            Ok(RateTaken { is_taken: false, ahead_us: ahead.saturating_add(cost_us) })
        })
    }

    /// Gives back what was taken for a request that was refused for another reason.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn give_rate_back(&self, key: KeyId, kind: RateKind, cost_us: u64) -> Result<(), LedgerError> {
        let cost = signed(cost_us, "rates.tat_us")?;
        let update = "UPDATE rates SET tat_us = tat_us - ?3 WHERE key_id = ?1 AND kind = ?2";
        self.store
            .write_beside(|conn| conn.execute(update, params![key.get(), kind.number(), cost]).map(|_| ()))
    }
}
