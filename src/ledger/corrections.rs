//! Taking an entry back: a reversal in the current month, and perhaps a correction in the entry's place.

use jiff::Timestamp;

use super::{
    Ledger, LedgerError,
    store::{Conn, params},
};
use crate::units::Money;

/// Most characters of a reason.
const REASON_CHARS_MAX: usize = 500;

/// The amounts that a correction has instead of the entry's; none: the entry's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CorrectedAmounts {
    /// Price of the energy.
    pub electricity: Option<Money>,
    /// Wear of the hardware.
    pub depreciation: Option<Money>,
    /// Everything else.
    pub upkeep: Option<Money>,
    /// The compared service's list price.
    pub compared: Option<Money>,
}

/// What was booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reversal {
    /// The entry that takes the old one back.
    pub reversal: i64,
    /// The entry in its place.
    pub correction: Option<i64>,
}

/// Why an entry was not reversed. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ReverseError {
    /// There is none with this number.
    #[error("no entry {0}; x_EntryId of tintype costs --format focus has their numbers")]
    Unknown(i64),
    /// It takes another entry back.
    #[error("entry {0} is a reversal itself; reverse the entry that was entered in its place, if any")]
    IsReversal(i64),
    /// It was reversed before.
    #[error("entry {entry} is reversed already, by entry {by}")]
    Before {
        /// The entry.
        entry: i64,
        /// Its reversal.
        by: i64,
    },
    /// The reason is empty or too long.
    #[error("--reason is 1 to {REASON_CHARS_MAX} characters, none of them a control character")]
    Reason,
    /// A corrected amount is below 0.
    #[error("{0} is negative; a correction states what the image cost")]
    Negative(&'static str),
    /// The image had no price elsewhere.
    #[error("entry {0} was compared with no service; leave compared out of the correction")]
    NotCompared(i64),
    /// Failed work has no wear, no upkeep and no compared price.
    #[error("entry {0} is failed work, which costs electricity only; correct that")]
    FailedWork(i64),
    /// The database failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl CorrectedAmounts {
    fn check(&self) -> Result<(), ReverseError> {
        // Electricity may cost less than nothing.
        let amounts =
            [("depreciation", self.depreciation), ("upkeep", self.upkeep), ("compared", self.compared)];
        let is_negative = |amount: Option<Money>| amount.is_some_and(|amount| amount < Money::ZERO);
        match amounts.into_iter().find(|(_, amount)| is_negative(*amount)) {
            Some((name, _)) => Err(ReverseError::Negative(name)),
            None => Ok(()),
        }
    }

    fn only_electricity(&self) -> bool {
        (self.depreciation, self.upkeep, self.compared) == (None, None, None)
    }
}

impl Ledger {
    /// Takes `entry` back at `now`, whole, and books `correction` in its place; `actor` did it.
    ///
    /// # Errors
    /// [`ReverseError`]; nothing was written.
    pub fn reverse(
        &self,
        entry: i64,
        reason: &str,
        correction: Option<&CorrectedAmounts>,
        actor: &str,
        now: Timestamp,
    ) -> Result<Reversal, ReverseError> {
        let reason = reason.trim();
        let fits = (1..=REASON_CHARS_MAX).contains(&reason.chars().count());
        if !fits || reason.chars().any(char::is_control) {
            return Err(ReverseError::Reason);
        }
        correction.map_or(Ok(()), CorrectedAmounts::check)?;
        self.store.write(|conn| {
            let (is_failed, is_compared) = check_reversible(conn, entry)?;
            if is_failed && correction.is_some_and(|amounts| !amounts.only_electricity()) {
                return Err(ReverseError::FailedWork(entry));
            }
            if !is_compared && correction.is_some_and(|amounts| amounts.compared.is_some()) {
                return Err(ReverseError::NotCompared(entry));
            }
            let reversal = insert_reversal(conn, entry, (reason, actor), now)?;
            let correction = correction
                .map(|amounts| insert_correction(conn, entry, (reason, actor), amounts, now))
                .transpose()?;
            Ok(Reversal { reversal, correction })
        })
    }
}

/// Whether `entry` is failed work, and whether it was compared with a service.
fn check_reversible(conn: &Conn<'_>, entry: i64) -> Result<(bool, bool), ReverseError> {
    let found = conn.query_first(
        "SELECT kind = 'failed', compared_sku IS NOT NULL, reverses IS NOT NULL,
                (SELECT id FROM entries WHERE reverses = ?1)
         FROM entries WHERE id = ?1",
        params![entry],
        |row| {
            let kind = (row.get::<bool>(0)?, row.get::<bool>(1)?);
            Ok((kind, row.get::<bool>(2)?, row.get::<Option<i64>>(3)?))
        },
    )?;
    match found {
        None => Err(ReverseError::Unknown(entry)),
        Some((_, true, _)) => Err(ReverseError::IsReversal(entry)),
        Some((_, _, Some(by))) => Err(ReverseError::Before { entry, by }),
        Some((kind, false, None)) => Ok(kind),
    }
}

fn insert_reversal(
    conn: &Conn<'_>,
    entry: i64,
    (reason, actor): (&str, &str),
    now: Timestamp,
) -> Result<i64, LedgerError> {
    conn.query_one(
        "INSERT INTO entries
             (request_id, kind, image_index, reverses, images, entered_at_ms, duration_ms, energy_mj, wall_energy_mj,
              energy_source, currency, electricity_nano, depreciation_nano, upkeep_nano, compared_sku, compared_nano,
              exchange_rate_nano, width, height, steps, seed, images_shown, reason, actor)
         SELECT request_id, kind, image_index, id, -images, ?2, -duration_ms, -energy_mj, -wall_energy_mj,
                energy_source, currency, -electricity_nano, -depreciation_nano, -upkeep_nano, compared_sku,
                -compared_nano, exchange_rate_nano, width, height, steps, seed, -images_shown, ?3, ?4
         FROM entries WHERE id = ?1 RETURNING id",
        params![entry, now, reason, actor],
        |row| row.get(0),
    )
}

fn insert_correction(
    conn: &Conn<'_>,
    entry: i64,
    (reason, actor): (&str, &str),
    amounts: &CorrectedAmounts,
    now: Timestamp,
) -> Result<i64, LedgerError> {
    conn.query_one(
        "INSERT INTO entries
             (request_id, kind, image_index, corrects, images, entered_at_ms, duration_ms, energy_mj, wall_energy_mj,
              energy_source, currency, electricity_nano, depreciation_nano, upkeep_nano, compared_sku, compared_nano,
              exchange_rate_nano, width, height, steps, seed, images_shown, reason, actor)
         SELECT request_id, kind, image_index, id, images, ?2, duration_ms, energy_mj, wall_energy_mj,
                energy_source, currency, coalesce(?4, electricity_nano), coalesce(?5, depreciation_nano),
                coalesce(?6, upkeep_nano), compared_sku, coalesce(?7, compared_nano), exchange_rate_nano, width, height,
                steps, seed, images_shown, ?3, ?8
         FROM entries WHERE id = ?1 RETURNING id",
        params![
            entry,
            now,
            reason,
            amounts.electricity.map(Money::as_nano),
            amounts.depreciation.map(Money::as_nano),
            amounts.upkeep.map(Money::as_nano),
            amounts.compared.map(Money::as_nano),
            actor,
        ],
        |row| row.get(0),
    )
}
