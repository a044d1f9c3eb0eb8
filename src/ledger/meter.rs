use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Ledger, LedgerError,
    closed_days::bookable_at,
    rate_cards, signed,
    store::{Conn, params},
    unsigned,
};
use crate::{
    costs::PricedWork,
    domain::{EnergySource, Overhead, Usage},
    units::{Carbon, Currency, Energy, EnergyBalance, Money, RangeError},
};

/// An epoch of a counter, begun or gone on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch {
    /// Its number.
    pub id: u32,
    /// What the counter has counted and no row accounts for: the server was not there, or died over it.
    pub gap: Energy,
}

/// Sums over a span of what went into no request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverheadTotals {
    /// Energy of the device while it waited.
    pub idle: Energy,
    /// Energy of the device for warm-up images.
    pub warm_up: Energy,
    /// Energy that was counted while nobody looked.
    pub gaps: Energy,
    /// All of it at the plug.
    pub wall_energy: Energy,
    /// Its price.
    pub electricity: Money,
    /// What it emitted, as far as that is known; none if it is of no row.
    #[serde(default)]
    pub carbon: Option<Carbon>,
}

impl OverheadTotals {
    /// The sums of both.
    ///
    /// # Errors
    /// [`RangeError`] past 64 bits.
    pub fn plus(&self, other: &Self) -> Result<Self, RangeError> {
        Ok(Self {
            idle: self.idle.plus(other.idle)?,
            warm_up: self.warm_up.plus(other.warm_up)?,
            gaps: self.gaps.plus(other.gaps)?,
            wall_energy: self.wall_energy.plus(other.wall_energy)?,
            electricity: self.electricity.plus(other.electricity)?,
            carbon: Carbon::sum([self.carbon, other.carbon])?,
        })
    }
}

impl Ledger {
    /// Begins an epoch of `device`'s counter, which stands at `total`. If the counter has gone on counting since the
    /// last epoch, that epoch goes on too, and what is missing in it is booked as a gap.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a sum is out of range.
    pub fn begin_epoch(
        &self,
        device: &str,
        source: EnergySource,
        total: Energy,
        now: Timestamp,
    ) -> Result<Epoch, LedgerError> {
        self.store.write(|conn| {
            // Only the card's own counter outlives the process.
            if source == EnergySource::Metered
                && let Some(epoch) = continued(conn, device, total)?
            {
                return Ok(epoch);
            }
            let id = conn.query_one(
                "INSERT INTO meter_epochs (device, source, begun_at_ms, start_mj) VALUES (?1, ?2, ?3, ?4)
                 RETURNING id",
                params![device, source.as_str(), now, signed(total.as_millijoules(), "start_mj")?],
                |row| row.get(0),
            )?;
            Ok(Epoch { id, gap: Energy::from_millijoules(0) })
        })
    }

    /// Books energy that went into no request.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or an amount is out of range.
    pub fn book_overhead(
        &self,
        kind: Overhead,
        usage: Usage,
        priced: &PricedWork,
        currency: Currency,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let sql = "INSERT INTO overheads (kind, entered_at_ms, duration_ms, energy_mj, wall_energy_mj, energy_source,
                                          epoch, currency, electricity_nano, rate_card)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        self.store.write(|conn| {
            let now = bookable_at(conn, now)?;
            let rate_card = priced.rates.as_ref().map(|rates| rate_cards::keep(conn, rates)).transpose()?;
            conn.execute(
                sql,
                params![
                    kind.as_str(),
                    now,
                    signed(usage.duration.get(), "duration_ms")?,
                    signed(usage.energy.as_millijoules(), "energy_mj")?,
                    signed(priced.wall_energy.as_millijoules(), "wall_energy_mj")?,
                    usage.source.as_str(),
                    usage.epoch,
                    currency.code(),
                    priced.cost.electricity.as_nano(),
                    rate_card,
                ],
            )?;
            Ok(())
        })
    }

    /// What went into no request from `start` up to, not including, `end`.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a sum is out of range.
    pub fn overheads(&self, start: Timestamp, end: Timestamp) -> Result<OverheadTotals, LedgerError> {
        self.store.read(|conn| overheads(conn, start, end))
    }

    /// Energy that the rows of an epoch account for: images, failed work, idle hours, warm-up and gaps.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or the sum is out of range.
    pub fn booked_in_epoch(&self, epoch: u32) -> Result<Energy, LedgerError> {
        self.store.read(|conn| booked(conn, epoch))
    }
}

/// What went into no request from `start` up to, not including, `end`.
pub(super) fn overheads(
    conn: &Conn<'_>,
    start: Timestamp,
    end: Timestamp,
) -> Result<OverheadTotals, LedgerError> {
    let sql = "SELECT CAST(coalesce(sum(energy_mj) FILTER (WHERE kind = 'idle'), 0) AS BIGINT),
                      CAST(coalesce(sum(energy_mj) FILTER (WHERE kind = 'warm-up'), 0) AS BIGINT),
                      CAST(coalesce(sum(energy_mj) FILTER (WHERE kind = 'gap'), 0) AS BIGINT),
                      CAST(coalesce(sum(wall_energy_mj), 0) AS BIGINT),
                      CAST(coalesce(sum(electricity_nano), 0) AS BIGINT)
               FROM overheads WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2";
    let row = conn.query_one(sql, params![start, end], |row| {
        Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get::<i64>(4)?])
    })?;
    let energy = |value| unsigned(value, "energy_mj").map(Energy::from_millijoules);
    Ok(OverheadTotals {
        idle: energy(row[0])?,
        warm_up: energy(row[1])?,
        gaps: energy(row[2])?,
        wall_energy: energy(row[3])?,
        electricity: Money::from_nano(row[4]),
        carbon: Carbon::sum(carbon_by_kind(conn, start, end)?.into_values().map(Some))?,
    })
}

/// What overheads emitted from `start` up to, not including, `end`, as far as that is known, by their kinds.
pub(super) fn carbon_by_kind(
    conn: &Conn<'_>,
    start: Timestamp,
    end: Timestamp,
) -> Result<BTreeMap<String, Carbon>, LedgerError> {
    let intensities = rate_cards::carbon_intensities(conn)?;
    let sql = "SELECT kind, rate_card, CAST(sum(wall_energy_mj) AS BIGINT) FROM overheads
               WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2 AND rate_card IS NOT NULL GROUP BY kind, rate_card";
    let mut carbon = BTreeMap::<String, Carbon>::new();
    conn.for_each(sql, params![start, end], |row| -> Result<(), LedgerError> {
        if let Some(intensity) = intensities.get(&row.get::<i64>(1)?) {
            let energy = EnergyBalance::from_millijoules(row.get(2)?);
            let sum = carbon.entry(row.get(0)?).or_default();
            *sum = sum.plus(Carbon::of(energy, *intensity)?)?;
        }
        Ok(())
    })?;
    Ok(carbon)
}

fn booked(conn: &Conn<'_>, epoch: u32) -> Result<Energy, LedgerError> {
    let sql = "SELECT CAST(coalesce((SELECT sum(energy_mj) FROM entries   WHERE epoch = ?1), 0)
                         + coalesce((SELECT sum(energy_mj) FROM overheads WHERE epoch = ?1), 0) AS BIGINT)";
    let sum = conn.query_one(sql, params![epoch], |row| row.get(0))?;
    unsigned(sum, "energy_mj").map(Energy::from_millijoules)
}

/// The device's last epoch, where the counter has gone on from it.
fn continued(conn: &Conn<'_>, device: &str, total: Energy) -> Result<Option<Epoch>, LedgerError> {
    let sql = "SELECT id, start_mj FROM meter_epochs WHERE device = ?1 AND source = 'metered'
               ORDER BY id DESC LIMIT 1";
    let last = conn.query_first(sql, params![device], |row| Ok((row.get::<u32>(0)?, row.get::<i64>(1)?)))?;
    let Some((id, start)) = last else { return Ok(None) };
    let accounted = unsigned(start, "start_mj")?.saturating_add(booked(conn, id)?.as_millijoules());
    Ok(total
        .as_millijoules()
        .checked_sub(accounted)
        .map(|gap| Epoch { id, gap: Energy::from_millijoules(gap) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        costs::Breakdown,
        ledger::tests::{empty_ledger, on_both::on_both},
        units::{Millis, Money},
    };

    const NOON: Timestamp = Timestamp::UNIX_EPOCH;

    fn book(ledger: &Ledger, kind: Overhead, millijoules: u64, epoch: u32) {
        let usage = Usage {
            duration: Millis::new(5),
            energy: Energy::from_millijoules(millijoules),
            source: EnergySource::Metered,
            epoch: Some(epoch),
        };
        let cost = Breakdown { electricity: Money::from_nano(3), ..Breakdown::default() };
        let price = PricedWork::unexplained(usage.energy, cost);
        ledger.book_overhead(kind, usage, &price, Currency::CNY, NOON).expect("booked");
    }

    fn the_same_idle_minute_of_two_devices_is_two_rows_and_each_has_its_gap() {
        let (_directory, ledger, _) = empty_ledger();
        let begin = |device, total| {
            let total = Energy::from_millijoules(total);
            ledger.begin_epoch(device, EnergySource::Metered, total, NOON).expect("begun")
        };
        let (one, other) = (begin("GPU-1", 0), begin("GPU-2", 0));
        assert_ne!(one.id, other.id);
        book(&ledger, Overhead::Idle, 300, one.id);
        book(&ledger, Overhead::Idle, 300, other.id);
        let totals = ledger.overheads(NOON, NOON + jiff::SignedDuration::from_hours(1)).expect("sums");
        assert_eq!(totals.idle, Energy::from_millijoules(600));
        // The process died; the counters went on to 400 and 700.
        let gaps =
            [begin("GPU-1", 400), begin("GPU-2", 700)].map(|epoch| (epoch.id, epoch.gap.as_millijoules()));
        assert_eq!(gaps, [(one.id, 100), (other.id, 400)]);
    }

    fn what_was_counted_while_nobody_looked_is_a_gap_and_then_the_sum_closes() {
        let (_directory, ledger, _) = empty_ledger();
        let begin = |total| {
            let total = Energy::from_millijoules(total);
            ledger.begin_epoch("GPU-1", EnergySource::Metered, total, NOON).expect("begun")
        };
        let first = begin(5_000);
        assert_eq!(first.gap, Energy::from_millijoules(0));
        book(&ledger, Overhead::Idle, 300, first.id);
        book(&ledger, Overhead::WarmUp, 200, first.id);
        // The process died, and the counter went on to 6,000.
        let again = begin(6_000);
        assert_eq!((again.id, again.gap), (first.id, Energy::from_millijoules(500)));
        book(&ledger, Overhead::Gap, 500, again.id);
        assert_eq!(ledger.booked_in_epoch(first.id).expect("a sum"), Energy::from_millijoules(1_000));
        // The driver was reloaded while the process was dead.
        let reloaded = begin(40);
        assert_ne!(reloaded.id, first.id);
        let other = ledger.begin_epoch("GPU-2", EnergySource::Metered, Energy::from_millijoules(9), NOON);
        assert_eq!(other.expect("begun").gap, Energy::from_millijoules(0), "another device, another sum");
        let totals = ledger.overheads(NOON, NOON + jiff::SignedDuration::from_hours(1)).expect("sums");
        let parts =
            [totals.idle, totals.warm_up, totals.gaps, totals.wall_energy].map(Energy::as_millijoules);
        assert_eq!((parts, totals.electricity), ([300, 200, 500, 1_000], Money::from_nano(9)));
    }

    on_both!(
        the_same_idle_minute_of_two_devices_is_two_rows_and_each_has_its_gap,
        what_was_counted_while_nobody_looked_is_a_gap_and_then_the_sum_closes,
    );
}
