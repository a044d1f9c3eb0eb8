//! A row of the export, and what an entry of the ledger looks like as one.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    domain::Calendar,
    ledger::{LedgerError, Month, loras, report::csv::TextCell, store::Row},
    units::{Carbon, CarbonIntensity, Currency, EnergyBalance, Money, RangeError},
};

/// The columns, FOCUS's in its order, then ours. None is FOCUS's null.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FocusRow {
    pub(super) billed_cost: String,
    pub(super) billing_account_id: String,
    pub(super) billing_account_name: TextCell,
    pub(super) billing_currency: String,
    pub(super) billing_period_end: String,
    pub(super) billing_period_start: String,
    pub(super) charge_category: &'static str,
    pub(super) charge_class: Option<&'static str>,
    pub(super) charge_description: TextCell,
    pub(super) charge_frequency: &'static str,
    pub(super) charge_period_end: String,
    pub(super) charge_period_start: String,
    pub(super) consumed_quantity: Option<String>,
    pub(super) consumed_unit: Option<&'static str>,
    pub(super) contracted_cost: String,
    pub(super) contracted_unit_price: Option<String>,
    pub(super) effective_cost: String,
    pub(super) host_provider_name: TextCell,
    pub(super) invoice_issuer_name: TextCell,
    pub(super) list_cost: String,
    pub(super) list_unit_price: Option<String>,
    pub(super) pricing_quantity: Option<&'static str>,
    pub(super) pricing_unit: Option<&'static str>,
    pub(super) resource_id: Option<TextCell>,
    pub(super) resource_name: Option<TextCell>,
    pub(super) resource_type: Option<&'static str>,
    pub(super) service_category: &'static str,
    pub(super) service_name: &'static str,
    pub(super) service_provider_name: TextCell,
    pub(super) service_subcategory: &'static str,
    pub(super) sku_id: Option<TextCell>,
    pub(super) sku_meter: Option<&'static str>,
    pub(super) sku_price_id: Option<TextCell>,
    pub(super) sub_account_id: Option<String>,
    pub(super) sub_account_name: Option<TextCell>,
    pub(super) tags: Option<TextCell>,
    #[serde(rename = "x_EnergyKwh")]
    pub(super) energy_kwh: String,
    #[serde(rename = "x_ElectricityCost")]
    pub(super) electricity_cost: String,
    #[serde(rename = "x_DepreciationCost")]
    pub(super) depreciation_cost: String,
    #[serde(rename = "x_MaintenanceCost")]
    pub(super) maintenance_cost: String,
    #[serde(rename = "x_ComparatorSku")]
    pub(super) comparator_sku: Option<TextCell>,
    #[serde(rename = "x_ComparatorCost")]
    pub(super) comparator_cost: Option<String>,
    #[serde(rename = "x_EntryId")]
    pub(super) entry_id: Option<i64>,
    #[serde(rename = "x_CorrectedEntryId")]
    pub(super) corrected_entry_id: Option<i64>,
    #[serde(rename = "x_Line")]
    pub(super) line: &'static str,
    #[serde(rename = "x_CarbonGrams")]
    pub(super) carbon_grams: Option<String>,
}

/// What all rows of a file have in common.
#[derive(Debug, Clone)]
pub(super) struct Bill {
    pub(super) month: Month,
    /// The month's bounds in `calendar`.
    pub(super) span: (Timestamp, Timestamp),
    pub(super) calendar: Calendar,
    pub(super) operator: String,
    /// The installation's id, so that the files of two servers can be merged.
    pub(super) account: String,
    pub(super) currency: Currency,
    /// What a kilowatt-hour emitted, by the rate cards that say so.
    pub(super) intensities: HashMap<i64, CarbonIntensity>,
}

impl Bill {
    /// A row of `amount`, which is all four of FOCUS's costs: nobody else bills it, and no terms were negotiated.
    pub(super) fn row(&self, amount: Money) -> FocusRow {
        let Self { span: (start, end), operator, account, currency, .. } = self;
        let amount = amount.to_string();
        FocusRow {
            billed_cost: amount.clone(),
            billing_account_id: account.clone(),
            billing_account_name: operator.as_str().into(),
            billing_currency: currency.to_string(),
            billing_period_end: end.to_string(),
            billing_period_start: start.to_string(),
            contracted_cost: amount.clone(),
            effective_cost: amount.clone(),
            host_provider_name: operator.as_str().into(),
            invoice_issuer_name: operator.as_str().into(),
            list_cost: amount,
            service_category: "AI and Machine Learning",
            service_name: "Tintype image generation",
            service_provider_name: operator.as_str().into(),
            service_subcategory: "Generative AI",
            energy_kwh: decimal(EnergyBalance::default()),
            electricity_cost: Money::ZERO.to_string(),
            depreciation_cost: Money::ZERO.to_string(),
            maintenance_cost: Money::ZERO.to_string(),
            ..FocusRow::default()
        }
    }

    /// Whether what was first booked at `at` belongs to an earlier month, and when its month began.
    fn incurred(&self, at: Timestamp) -> (bool, Timestamp) {
        if at >= self.span.0 && at < self.span.1 {
            return (false, self.span.0);
        }
        let month = Month::of(at, &self.calendar);
        (month < self.month, month.start(&self.calendar))
    }

    /// The row of an entry, read as [`super::ENTRIES`] selects it.
    pub(super) fn entry(&self, row: &Row<'_>) -> Result<FocusRow, LedgerError> {
        let charge = Charge::read(row)?;
        let first_entered_at = row.get("first_entered_at_ms")?;
        let (is_earlier, month_start) = self.incurred(first_entered_at);
        let (begin, end) = charge_period(first_entered_at, row.get("first_duration_ms")?, month_start);
        let loras: Vec<_> = loras::from_row(row)?.into_iter().map(|lora| lora.name).collect();
        let (tag, device) = (row.get::<Option<String>>("tag")?, row.get::<Option<String>>("device")?);
        let comparator = row.get::<Option<String>>("compared_sku")?;
        let comparator_cost = match comparator {
            Some(_) => Some(Money::from_nano(row.get("compared_nano")?).to_string()),
            None => None,
        };
        let amount = charge.amount()?;
        let rate_card = row.get::<Option<i64>>("first_rate_card")?;
        let intensity = rate_card.and_then(|card| self.intensities.get(&card));
        let carbon = intensity.map(|intensity| Carbon::of(charge.wall_energy, *intensity)).transpose()?;
        Ok(FocusRow {
            carbon_grams: carbon.map(grams),
            billing_currency: row.get("currency")?,
            charge_category: "Usage",
            charge_class: is_earlier.then_some("Correction"),
            charge_description: description(row)?.into(),
            charge_frequency: "Usage-Based",
            charge_period_end: end.to_string(),
            charge_period_start: begin.to_string(),
            consumed_quantity: Some(decimal(charge.wall_energy)),
            consumed_unit: Some("kWh"),
            // Only NVIDIA's cards have counters. They have a UUID and no name of their own: a model's name is a kind.
            resource_type: device.is_some().then_some("GPU"),
            resource_id: device.map(TextCell::from),
            sub_account_id: Some(row.get("public_id")?),
            sub_account_name: Some(row.get::<String>("key_name")?.into()),
            tags: tags(tag, &loras).map(TextCell::from),
            energy_kwh: decimal(charge.energy),
            electricity_cost: charge.electricity.to_string(),
            depreciation_cost: charge.depreciation.to_string(),
            maintenance_cost: charge.upkeep.to_string(),
            comparator_sku: comparator.map(TextCell::from),
            comparator_cost,
            entry_id: Some(row.get("id")?),
            corrected_entry_id: row.get::<Option<i64>>("reverses")?.or(row.get::<Option<i64>>("corrects")?),
            ..self.row(amount).priced(&sku(row)?, charge.line, amount)
        })
    }
}

impl FocusRow {
    /// Prices the row as one of `line`, or as one that is taken back, at `amount`. There is no price list, so a price's id
    /// is its sku and the price itself.
    pub(super) fn priced(self, sku: &str, line: &'static str, amount: Money) -> Self {
        let price = amount.abs();
        let (meter, unit) = match line {
            "image" => ("Image generation", "Images"),
            "failed" => ("Failed work", "Requests"),
            "bought image" | "doubtful purchase" | "lost purchase" => {
                ("Image generation elsewhere", "Months")
            }
            _ => ("Standby", "Months"),
        };
        Self {
            contracted_unit_price: Some(price.to_string()),
            list_unit_price: Some(price.to_string()),
            pricing_quantity: Some(if amount < Money::ZERO { "-1.0" } else { "1.0" }),
            pricing_unit: Some(unit),
            sku_id: Some(sku.into()),
            sku_meter: Some(meter),
            sku_price_id: Some(format!("{sku}@{price}").into()),
            line,
            ..self
        }
    }
}

/// What an entry adds to the month.
struct Charge {
    line: &'static str,
    energy: EnergyBalance,
    wall_energy: EnergyBalance,
    electricity: Money,
    depreciation: Money,
    upkeep: Money,
}

impl Charge {
    /// An image that is taken back with nothing in its place gives back its depreciation and its upkeep. Its electricity
    /// stays: the meter has turned.
    fn read(row: &Row<'_>) -> Result<Self, LedgerError> {
        let line = if row.get::<i64>("images")? == 0 { "failed" } else { "image" };
        let keeps_energy = line == "image" && row.get::<bool>("is_taken_back")?;
        let of_meter =
            |column: &str| -> Result<i64, LedgerError> { if keeps_energy { Ok(0) } else { row.get(column) } };
        Ok(Self {
            line,
            energy: EnergyBalance::from_millijoules(of_meter("energy_mj")?),
            wall_energy: EnergyBalance::from_millijoules(of_meter("wall_energy_mj")?),
            electricity: Money::from_nano(of_meter("electricity_nano")?),
            depreciation: Money::from_nano(row.get("depreciation_nano")?),
            upkeep: Money::from_nano(row.get("upkeep_nano")?),
        })
    }

    fn amount(&self) -> Result<Money, RangeError> {
        self.electricity.plus(self.depreciation)?.plus(self.upkeep)
    }
}

/// Kilowatt-hours in FOCUS's form: a decimal has a point.
pub(super) fn decimal(energy: EnergyBalance) -> String {
    let text = energy.to_kwh_string();
    if text.contains('.') { text } else { text + ".0" }
}

/// Grams in FOCUS's form: a decimal has a point.
pub(super) fn grams(carbon: Carbon) -> String {
    let text = carbon.to_grams_string();
    if text.contains('.') { text } else { text + ".0" }
}

/// What was made: `Z-Image-Turbo/1024x1024/8`, which is the model, the size and the steps.
fn sku(row: &Row<'_>) -> Result<String, LedgerError> {
    let (width, height, steps): (u32, u32, u32) = (row.get("width")?, row.get("height")?, row.get("steps")?);
    Ok(format!("{}/{width}x{height}/{steps}", row.get::<String>("model")?))
}

/// The whole seconds in which the device worked, which FOCUS's times are made of; within the month of the booking.
fn charge_period(entered_at: Timestamp, duration_ms: i64, month_start: Timestamp) -> (Timestamp, Timestamp) {
    let millis = entered_at.as_millisecond();
    let begin = millis.saturating_sub(duration_ms).div_euclid(1000).max(month_start.as_second());
    let end = (millis.div_euclid(1000) + i64::from(millis.rem_euclid(1000) > 0)).max(begin + 1);
    let at = |second| Timestamp::from_second(second).unwrap_or(entered_at);
    (at(begin), at(end))
}

/// `1024x1024 image, 8 steps, Z-Image-Turbo`, and what it has to do with another entry.
fn description(row: &Row<'_>) -> Result<String, LedgerError> {
    let (width, height, steps): (u32, u32, u32) = (row.get("width")?, row.get("height")?, row.get("steps")?);
    let (model, kind): (String, String) = (row.get("model")?, row.get("kind")?);
    let (reverses, corrects): (Option<i64>, Option<i64>) = (row.get("reverses")?, row.get("corrects")?);
    let what = if kind == "image" { "image" } else { "failed work, no image" };
    let work = format!("{width}x{height} {what}, {steps} steps, {model}");
    let change = match (reverses, corrects) {
        (Some(entry), _) => format!("reversal of entry {entry}"),
        (None, Some(entry)) => format!("correction of entry {entry}"),
        (None, None) => return Ok(work),
    };
    let reason: String = row.get("reason")?;
    Ok(format!("{work}; {change}: {reason}"))
}

/// What an entry is filed under, and its LoRAs, as a JSON object; none of neither.
pub(super) fn tags(tag: Option<String>, loras: &[String]) -> Option<String> {
    let tag = tag.map(|tag| ("cost_tag".to_owned(), tag.into()));
    let loras = (!loras.is_empty()).then(|| ("lora".to_owned(), loras.join(", ").into()));
    let tags: serde_json::Map<String, serde_json::Value> = tag.into_iter().chain(loras).collect();
    (!tags.is_empty()).then(|| serde_json::Value::Object(tags).to_string())
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

    #[test]
    fn every_decimal_has_a_point() {
        assert_eq!(decimal(EnergyBalance::default()), "0.0");
        assert_eq!(decimal(EnergyBalance::from_millijoules(-3_600_000_000)), "-1.0");
        assert_eq!(decimal(EnergyBalance::from_millijoules(1_800_000_000)), "0.5");
    }
}
