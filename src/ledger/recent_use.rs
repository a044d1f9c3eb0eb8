//! What was generated lately: what a page takes for a usual month.

use jiff::{SignedDuration, Timestamp};

use super::{
    BoughtReport, Ledger, LedgerError, purchases,
    store::{Row, params},
};
use crate::{
    costs::simulation::{BoughtLately, LATELY_DAYS},
    units::{Energy, Millis, Power},
};

/// The time that counts as lately.
const DAYS: i64 = 30;
/// Days after the first image from which on the number of images says something of a month.
const USUAL_AFTER_DAYS: i64 = 14;

/// What was generated in the last 30 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecentUse {
    /// Images; none if the first one of all is younger than two weeks, so that they say little of a month.
    pub images_per_month: Option<u64>,
    /// Mean time of the device for an image.
    pub duration: Millis,
    /// Mean energy of the device for an image.
    pub energy: Energy,
}

impl RecentUse {
    /// Mean power of the device while it generated.
    pub fn power(&self) -> Power {
        let millis = self.duration.get().max(1);
        let watts = (self.energy.as_millijoules() + millis / 2) / millis;
        Power::from_watts(u32::try_from(watts).unwrap_or(u32::MAX))
    }
}

/// The moment so many times 24 hours before `now`.
fn days_before(now: Timestamp, days: i64) -> Timestamp {
    now.checked_sub(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MIN)
}

impl Ledger {
    /// What was bought elsewhere in the 30 days before `now`; none if nothing was.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses, or a sum is out of range.
    pub fn bought_lately(&self, now: Timestamp) -> Result<Option<BoughtLately>, LedgerError> {
        let end = now.checked_add(SignedDuration::from_millis(1)).unwrap_or(Timestamp::MAX);
        let rows = self
            .store
            .read(|conn| purchases::rows::of_span(conn, days_before(now, LATELY_DAYS.into()), end))?;
        let report = BoughtReport::new(rows.iter().map(|row| &row.sum), None)?;
        Ok(report.map(|report| BoughtLately {
            images: u64::try_from(report.bought_images).unwrap_or(0),
            paid: report.paid(),
            here: report.here_total,
        }))
    }

    /// What was generated in the 30 days before `now`; none if nothing was.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn recent_use(&self, now: Timestamp) -> Result<Option<RecentUse>, LedgerError> {
        let ago = |days| days_before(now, days);
        let sums =
            "SELECT CAST(coalesce(sum(images), 0) AS BIGINT), CAST(coalesce(sum(duration_ms), 0) AS BIGINT),
                           CAST(coalesce(sum(energy_mj), 0) AS BIGINT)
                    FROM entries WHERE kind = 'image' AND entered_at_ms >= ?1 AND entered_at_ms <= ?2";
        let first = "SELECT min(entered_at_ms) FROM entries";
        let (sums, first) = self.store.read(|conn| {
            let whole =
                |row: &Row<'_>, column| row.get::<i64>(column).map(|sum| u64::try_from(sum).unwrap_or(0));
            let sums = conn.query_one(sums, params![ago(DAYS), now], |row| {
                Ok([whole(row, 0)?, whole(row, 1)?, whole(row, 2)?])
            })?;
            let first: Option<Timestamp> = conn.query_one(first, params![], |row| row.get(0))?;
            Ok::<_, LedgerError>((sums, first))
        })?;
        let [images, duration, energy] = sums;
        if images == 0 {
            return Ok(None);
        }
        let is_usual = first.is_some_and(|first| first <= ago(USUAL_AFTER_DAYS));
        Ok(Some(RecentUse {
            images_per_month: is_usual.then_some(images),
            duration: Millis::new((duration / images).max(1)),
            energy: Energy::from_millijoules(energy / images),
        }))
    }
}
