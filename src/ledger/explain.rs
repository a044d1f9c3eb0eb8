//! What was booked for a request, with what it was priced with: so that each figure can be worked out again.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Ledger, LedgerError, entries,
    rate_cards::Cards,
    store::{Conn, Row, params},
    unsigned,
};
use crate::{
    costs::{Breakdown, Comparison, CostError, RateCard, Share, WorkingLine, WorkingWords},
    domain::{ImageSize, Quality, RequestId, Usage},
    units::{Currency, Energy, Millis, Money},
};

/// An entry of a request, as it was booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedEntry {
    /// Its number.
    pub id: i64,
    /// Whether it is an image; else work that gave none.
    pub is_image: bool,
    /// Its place in the request.
    pub index: u32,
    /// When it was booked.
    pub entered_at: Timestamp,
    /// In which currency.
    pub currency: Currency,
    /// What it cost.
    pub cost: Breakdown,
    /// What it cost elsewhere; none if that is not known.
    pub comparison: Option<Comparison>,
    /// The entry that it changes; none for the first entry of an image.
    pub change: Option<EntryChange>,
    /// What it was priced with; none for a change, and if an earlier version booked it.
    pub priced: Option<PricedEntry>,
}

/// A reversal or a correction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryChange {
    /// The entry that is changed.
    pub entry: i64,
    /// Whether it is taken back; else it is replaced.
    pub is_reversal: bool,
    /// Why.
    pub reason: String,
    /// Who did it; none if an earlier version booked it.
    pub actor: Option<String>,
}

/// What an entry was priced with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedEntry {
    /// What it took of the device.
    pub usage: Usage,
    /// Energy at the plug.
    pub wall_energy: Energy,
    /// How much of an image it was.
    pub share: Share,
    /// The image's size.
    pub size: ImageSize,
    /// The quality that was asked for.
    pub quality: Quality,
    /// The prices.
    pub rates: Arc<RateCard>,
}

/// Entries with what they were priced with.
const ENTRIES: &str = "
    SELECT entries.id AS id, kind, image_index, entered_at_ms, entries.currency AS currency, electricity_nano,
           depreciation_nano, upkeep_nano, compared_sku, compared_nano, exchange_rate_nano, reverses, corrects, reason,
           entries.actor AS actor, duration_ms, energy_mj, energy_source, epoch, wall_energy_mj, steps_done, steps_of, width,
           height, quality, rate_card, card
    FROM entries JOIN requests ON requests.id = request_id LEFT JOIN rate_cards ON rate_cards.id = rate_card";

impl Ledger {
    /// All entries of a request, in the order in which they were booked; empty if there is no such request.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a row holds what none should.
    pub fn booked_entries(&self, id: RequestId) -> Result<Vec<BookedEntry>, LedgerError> {
        let sql = format!("{ENTRIES} WHERE request_id = ?1 ORDER BY entries.id");
        let mut cards = Cards::default();
        self.store
            .read(|conn: &Conn<'_>| conn.query(&sql, params![id.to_text()], |row| entry(row, &mut cards)))
    }
}

/// Shows all entries to `look` of which is known what they were priced with.
pub(super) fn for_each_priced(
    conn: &Conn<'_>,
    mut look: impl FnMut(&BookedEntry),
) -> Result<(), LedgerError> {
    let mut cards = Cards::default();
    let sql = format!("{ENTRIES} WHERE rate_card IS NOT NULL ORDER BY entries.id");
    conn.for_each(&sql, params![], |row| -> Result<(), LedgerError> {
        look(&entry(row, &mut cards)?);
        Ok(())
    })
}

impl BookedEntry {
    /// How each figure comes about, in the words of `say`; none if what it was priced with is not kept.
    ///
    /// # Errors
    /// [`CostError`] if an amount is out of range.
    pub fn working(&self, say: WorkingWords<'_>) -> Result<Option<Vec<WorkingLine>>, CostError> {
        let Some(PricedEntry { usage, share, size, quality, rates, .. }) = &self.priced else {
            return Ok(None);
        };
        let mut lines = rates.working(*usage, *share, say)?;
        lines.extend(rates.working_elsewhere(*size, *quality, say)?);
        Ok(Some(lines))
    }

    /// Whether what it was priced with gives the figures that were booked; none if that is not kept.
    ///
    /// # Errors
    /// [`CostError`] if an amount is out of range.
    pub fn is_reproduced(&self) -> Result<Option<bool>, CostError> {
        let Some(PricedEntry { usage, wall_energy, share, size, quality, rates }) = &self.priced else {
            return Ok(None);
        };
        let cost = rates.cost_of(*usage, *share)?;
        let elsewhere = rates.elsewhere(*size, *quality)?;
        let booked = self.comparison.as_ref().map(|comparison| comparison.price);
        Ok(Some(cost == (*wall_energy, self.cost) && elsewhere == booked))
    }
}

fn entry(row: &Row<'_>, cards: &mut Cards) -> Result<BookedEntry, LedgerError> {
    let money = |column: &str| row.get(column).map(Money::from_nano);
    let kind: String = row.get("kind")?;
    let currency: String = row.get("currency")?;
    let comparison = match row.get("compared_sku")? {
        Some(sku) => {
            let (price, exchange_rate) = (money("compared_nano")?, money("exchange_rate_nano")?);
            Some(Comparison { sku, price, exchange_rate, rate: None })
        }
        None => None,
    };
    Ok(BookedEntry {
        id: row.get("id")?,
        is_image: kind == "image",
        index: row.get("image_index")?,
        entered_at: row.get("entered_at_ms")?,
        currency: currency.parse().map_err(|_| LedgerError::OutOfRange { what: "entries.currency" })?,
        cost: Breakdown {
            electricity: money("electricity_nano")?,
            depreciation: money("depreciation_nano")?,
            upkeep: money("upkeep_nano")?,
        },
        comparison,
        change: change(row)?,
        priced: cards.of(row)?.map(|rates| priced(row, rates)).transpose()?,
    })
}

fn change(row: &Row<'_>) -> Result<Option<EntryChange>, LedgerError> {
    let (reverses, corrects) = (row.get::<Option<i64>>("reverses")?, row.get::<Option<i64>>("corrects")?);
    let Some(entry) = reverses.or(corrects) else { return Ok(None) };
    let (reason, actor) = (row.get::<Option<String>>("reason")?.unwrap_or_default(), row.get("actor")?);
    Ok(Some(EntryChange { entry, is_reversal: reverses.is_some(), reason, actor }))
}

fn priced(row: &Row<'_>, rates: Arc<RateCard>) -> Result<PricedEntry, LedgerError> {
    let count = |column: &'static str| unsigned(row.get(column)?, column);
    let out_of_range = |what| LedgerError::OutOfRange { what };
    let quality = row.get::<Option<String>>("quality")?.unwrap_or_default().parse();
    let size = ImageSize::new(row.get("width")?, row.get("height")?);
    let share = match (row.get::<Option<i64>>("steps_done")?, row.get("steps_of")?) {
        (Some(done), Some(steps)) => Share { steps_done: unsigned(done, "steps_done")?, steps },
        _ => Share::WHOLE,
    };
    Ok(PricedEntry {
        usage: Usage {
            duration: Millis::new(count("duration_ms")?),
            energy: Energy::from_millijoules(count("energy_mj")?),
            source: entries::energy_source(row, 17)?,
            epoch: row.get("epoch")?,
        },
        wall_energy: Energy::from_millijoules(count("wall_energy_mj")?),
        share,
        size: size.map_err(|_| out_of_range("entries.width"))?,
        quality: quality.map_err(|_| out_of_range("requests.quality"))?,
        rates,
    })
}
