//! A month as FOCUS 1.4 cost-and-usage rows, the FinOps Foundation's form for bills. docs/focus.md tells column by
//! column what stands where, and why.

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use super::csv::{TextCell, write_more_rows, write_rows};
use crate::{
    ledger::{
        Ledger, LedgerError, Month,
        store::{Row, params},
    },
    units::{EnergyBalance, Money},
};

/// The columns, FOCUS's in its order, then ours. None is FOCUS's null.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct FocusRow {
    billed_cost: String,
    billing_account_id: &'static str,
    billing_account_name: TextCell,
    billing_currency: String,
    billing_period_end: String,
    billing_period_start: String,
    charge_category: &'static str,
    charge_class: Option<&'static str>,
    charge_description: TextCell,
    charge_frequency: &'static str,
    charge_period_end: String,
    charge_period_start: String,
    consumed_quantity: String,
    consumed_unit: &'static str,
    contracted_cost: String,
    effective_cost: String,
    host_provider_name: TextCell,
    invoice_issuer_name: TextCell,
    list_cost: String,
    pricing_quantity: i64,
    pricing_unit: &'static str,
    resource_id: Option<TextCell>,
    resource_name: Option<TextCell>,
    resource_type: Option<&'static str>,
    service_category: &'static str,
    service_name: &'static str,
    service_provider_name: TextCell,
    service_subcategory: &'static str,
    sub_account_id: String,
    sub_account_name: TextCell,
    tags: Option<TextCell>,
    #[serde(rename = "x_EnergyKwh")]
    energy_kwh: String,
    #[serde(rename = "x_ElectricityCost")]
    electricity_cost: String,
    #[serde(rename = "x_DepreciationCost")]
    depreciation_cost: String,
    #[serde(rename = "x_MaintenanceCost")]
    maintenance_cost: String,
    #[serde(rename = "x_ComparatorSku")]
    comparator_sku: Option<TextCell>,
    #[serde(rename = "x_ComparatorCost")]
    comparator_cost: Option<String>,
    #[serde(rename = "x_EntryId")]
    entry_id: i64,
    #[serde(rename = "x_CorrectedEntryId")]
    corrected_entry_id: Option<i64>,
}

/// Rows that are read and written down at one time.
const ROWS_AT_ONCE: i64 = 2000;

/// The first and the last entry of a span.
const BOUNDS: &str = "SELECT min(id), max(id) FROM entries WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2";

/// Entries of a span after ?3, up to ?4, each with its request, its key, `first`: the entry by which its image was first
/// booked, and the card that counted its energy, if one did. All of these exist; LEFT JOIN says in which order they are
/// looked up, whatever a planner guesses. The pluses keep it from sorting what an index by time would find, and from looking
/// for NULLs, which almost every entry has.
pub(in crate::ledger) const ENTRIES: &str = "
    SELECT entry.*, model, tag, public_id, keys.name AS key_name,
           first.entered_at_ms AS first_entered_at_ms, first.duration_ms AS first_duration_ms,
           meter_epochs.device AS device
    FROM entries AS entry
    LEFT JOIN requests ON requests.id = entry.request_id
    LEFT JOIN keys ON keys.id = requests.key_id
    LEFT JOIN entries AS first ON first.request_id = entry.request_id AND first.image_index = entry.image_index
     AND first.kind = entry.kind AND +first.reverses IS NULL AND +first.corrects IS NULL
    LEFT JOIN meter_epochs ON meter_epochs.id = first.epoch
    WHERE entry.id > ?3 AND entry.id <= ?4 AND +entry.entered_at_ms >= ?1 AND +entry.entered_at_ms < ?2
    ORDER BY entry.id LIMIT ?5";

/// A month on its way into a FOCUS file: some thousand rows at a time, so that it takes little memory, and holds up nobody
/// while its reader is slow. Entries are only ever added, so the parts fit together; what is added after the export began
/// is not in it.
#[derive(Debug)]
pub struct FocusExport {
    month: Month,
    zone: TimeZone,
    operator: String,
    span: (Timestamp, Timestamp),
    /// The last entry that was written, and the last one there is; none when all is written.
    left: Option<(i64, i64)>,
    has_head: bool,
}

impl Ledger {
    /// Begins an export of the entries of `month` as FOCUS rows. `operator` is who runs this server, and so provider, host
    /// and issuer in one.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses.
    pub fn focus_export(
        &self,
        month: Month,
        zone: &TimeZone,
        operator: &str,
    ) -> Result<FocusExport, LedgerError> {
        let span = (month.start(zone), month.end(zone));
        let (first, last): (Option<i64>, Option<i64>) = self.store.read(|conn| {
            conn.query_one(BOUNDS, params![span.0, span.1], |row| Ok((row.get(0)?, row.get(1)?)))
        })?;
        let left = first.zip(last).map(|(first, last)| (first - 1, last));
        Ok(FocusExport {
            month,
            zone: zone.clone(),
            operator: operator.to_owned(),
            span,
            left,
            has_head: false,
        })
    }

    /// The next part of an export's CSV file, the first one with the head; none after the last.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or the rows cannot be written down.
    pub fn focus_rows(&self, export: &mut FocusExport) -> Result<Option<String>, LedgerError> {
        let is_first = !std::mem::replace(&mut export.has_head, true);
        let Some((after, last)) = export.left else {
            return is_first.then(|| write_rows::<FocusRow>([])).transpose();
        };
        let FocusExport { month, zone, operator, span, .. } = &*export;
        let rows = self.store.read(|conn| {
            let parameters = params![span.0, span.1, after, last, ROWS_AT_ONCE];
            conn.query(ENTRIES, parameters, |row| focus_row(row, *month, zone, operator))
        })?;
        let is_full = i64::try_from(rows.len()).is_ok_and(|rows| rows == ROWS_AT_ONCE);
        export.left = rows.last().filter(|_| is_full).map(|row| (row.entry_id, last));
        match (is_first, rows.is_empty()) {
            (true, _) => write_rows(rows).map(Some),
            (false, true) => Ok(None),
            (false, false) => write_more_rows(rows).map(Some),
        }
    }
}

fn focus_row(row: &Row<'_>, month: Month, zone: &TimeZone, operator: &str) -> Result<FocusRow, LedgerError> {
    let money =
        |column: &str| -> Result<_, LedgerError> { Ok(Money::from_nano(row.get(column)?).to_string()) };
    let kwh = |column: &str| -> Result<_, LedgerError> {
        Ok(EnergyBalance::from_millijoules(row.get(column)?).to_kwh_string())
    };
    let first_entered_at = row.get("first_entered_at_ms")?;
    let incurred_in = Month::of(first_entered_at, zone);
    let (begin, end) =
        charge_period(first_entered_at, row.get("first_duration_ms")?, incurred_in.start(zone));
    let (standard, sku) = (money("standard_nano")?, row.get::<Option<String>>("compared_sku")?);
    let comparator_cost = sku.is_some().then(|| money("compared_nano")).transpose()?;
    let (tag, device) = (row.get::<Option<String>>("tag")?, row.get::<Option<String>>("device")?);
    Ok(FocusRow {
        billed_cost: Money::ZERO.to_string(),
        billing_account_id: "tintype",
        billing_account_name: operator.into(),
        billing_currency: row.get("currency")?,
        billing_period_end: month.end(zone).to_string(),
        billing_period_start: month.start(zone).to_string(),
        charge_category: "Usage",
        charge_class: (incurred_in < month).then_some("Correction"),
        charge_description: description(row)?.into(),
        charge_frequency: "Usage-Based",
        charge_period_end: end.to_string(),
        charge_period_start: begin.to_string(),
        consumed_quantity: kwh("wall_energy_mj")?,
        consumed_unit: "kWh",
        contracted_cost: standard.clone(),
        effective_cost: standard.clone(),
        host_provider_name: operator.into(),
        invoice_issuer_name: operator.into(),
        list_cost: standard,
        pricing_quantity: row.get("images")?,
        pricing_unit: "Images",
        // Only NVIDIA's cards have counters. They have a UUID and no name of their own: a model's name is a kind.
        resource_type: device.is_some().then_some("GPU"),
        resource_id: device.map(TextCell::from),
        resource_name: None,
        service_category: "AI and Machine Learning",
        service_name: "Tintype image generation",
        service_provider_name: operator.into(),
        service_subcategory: "Generative AI",
        sub_account_id: row.get("public_id")?,
        sub_account_name: row.get::<String>("key_name")?.into(),
        tags: tag.map(|tag| serde_json::json!({ "cost_tag": tag }).to_string().into()),
        energy_kwh: kwh("energy_mj")?,
        electricity_cost: money("electricity_nano")?,
        depreciation_cost: money("depreciation_nano")?,
        maintenance_cost: money("upkeep_nano")?,
        comparator_sku: sku.map(TextCell::from),
        comparator_cost,
        entry_id: row.get("id")?,
        corrected_entry_id: row.get::<Option<i64>>("reverses")?.or(row.get::<Option<i64>>("corrects")?),
    })
}

/// The whole seconds in which the device worked, which FOCUS's times are made of; within the month of the booking.
fn charge_period(entered_at: Timestamp, duration_ms: i64, month_start: Timestamp) -> (Timestamp, Timestamp) {
    let millis = entered_at.as_millisecond();
    let begin = millis.saturating_sub(duration_ms).div_euclid(1000).max(month_start.as_second());
    let end = (millis.div_euclid(1000) + i64::from(millis.rem_euclid(1000) > 0)).max(begin + 1);
    let at = |second| Timestamp::from_second(second).unwrap_or(entered_at);
    (at(begin), at(end))
}

/// `1024x1024 picture, 8 steps, Z-Image-Turbo`, and what it has to do with another entry.
fn description(row: &Row<'_>) -> Result<String, LedgerError> {
    let (width, height, steps): (u32, u32, u32) = (row.get("width")?, row.get("height")?, row.get("steps")?);
    let (model, kind): (String, String) = (row.get("model")?, row.get("kind")?);
    let (reverses, corrects): (Option<i64>, Option<i64>) = (row.get("reverses")?, row.get("corrects")?);
    let what = if kind == "image" { "picture" } else { "failed work, no picture" };
    let work = format!("{width}x{height} {what}, {steps} steps, {model}");
    let change = match (reverses, corrects) {
        (Some(entry), _) => format!("reversal of entry {entry}"),
        (None, Some(entry)) => format!("correction of entry {entry}"),
        (None, None) => return Ok(work),
    };
    let reason: String = row.get("reason")?;
    Ok(format!("{work}; {change}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_period_is_whole_seconds_within_its_month() {
        let month_start = Timestamp::from_second(1_000).expect("a time");
        let period = |entered_ms: i64, duration_ms: i64| {
            let entered_at = Timestamp::from_millisecond(entered_ms).expect("a time");
            let (begin, end) = charge_period(entered_at, duration_ms, month_start);
            (begin.as_second(), end.as_second())
        };
        assert_eq!(period(1_010_500, 2_600), (1_007, 1_011));
        assert_eq!(period(1_010_000, 0), (1_010, 1_011), "never empty");
        assert_eq!(period(1_001_200, 9_000), (1_000, 1_002), "booked as a whole where it ended");
    }
}
