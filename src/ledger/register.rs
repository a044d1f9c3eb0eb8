//! The register of parts: each with how it was bought and by which document, and what it is worth at the ends of its years.

use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use super::{
    AssetRow, Ledger, LedgerError,
    recorded::{self, images_on},
    report::{TextCell, write_rows},
};
use crate::{
    costs::{AssetYear, Invoice},
    domain::Calendar,
    units::{Currency, Money},
};

/// A part of the register, with its years. Amounts are of its share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegisteredPart {
    /// Its number.
    pub id: i64,
    /// What it is called.
    pub name: String,
    /// Its first day in service.
    pub bought: Date,
    /// The document that it was bought by.
    pub document: Option<String>,
    /// Who recorded it; null: an earlier version.
    pub by: Option<String>,
    /// How its price was invoiced; null: it is what it cost.
    pub invoice: Option<Invoice>,
    /// `units` or `time`.
    pub method: &'static str,
    /// Images of its life, by units.
    pub lifetime_images: Option<u64>,
    /// Years of its life, by time.
    pub life_years: Option<u32>,
    /// What it will be sold for.
    pub residual: Money,
    /// How much of it works for Tintype, in percent.
    pub share_percent: u32,
    /// Its first day out of service; null while it serves.
    pub retired_on: Option<Date>,
    /// The machine that it is in; null: all of them.
    pub machine: Option<String>,
    /// Its years.
    pub years: Vec<AssetYear>,
}

/// A year of a part as a row of a CSV file.
#[derive(Default, Serialize)]
struct RegisterRow {
    id: i64,
    name: TextCell,
    bought: String,
    document: Option<TextCell>,
    by: Option<TextCell>,
    invoice: Option<String>,
    method: &'static str,
    lifetime_images: Option<u64>,
    life_years: Option<u32>,
    share_percent: u32,
    residual: String,
    currency: String,
    year: i16,
    is_open: bool,
    opening_value: String,
    additions: String,
    depreciation: String,
    disposals: String,
    closing_value: String,
    retired_on: Option<String>,
    proceeds: Option<String>,
    disposal_gain: Option<String>,
    machine: Option<TextCell>,
}

impl Ledger {
    /// Every part that was recorded, in the order of the records, with its years.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses, or an amount is out of range.
    pub fn register(&self, calendar: &Calendar, now: Timestamp) -> Result<Vec<RegisteredPart>, LedgerError> {
        let today = calendar.to_datetime(now).date();
        self.store.read(|conn| {
            let images = |days| Ok(u64::try_from(images_on(conn, days, calendar)?).unwrap_or(0));
            let part = |row: AssetRow| -> Result<RegisteredPart, LedgerError> {
                let years = row.asset.schedule::<LedgerError>(today, images)?;
                let (lifetime_images, life_years, _) = row.asset.life.terms();
                Ok(RegisteredPart {
                    id: row.id.get(),
                    bought: row.asset.purchased_on,
                    document: row.document,
                    by: row.actor,
                    invoice: row.invoice,
                    method: row.asset.life.method(),
                    lifetime_images,
                    life_years,
                    residual: row.asset.shared(row.asset.residual)?,
                    share_percent: row.asset.share_percent,
                    retired_on: row.asset.retirement.map(|retirement| retirement.on),
                    name: row.asset.name,
                    machine: row.machine,
                    years,
                })
            };
            recorded::parts(conn)?.into_iter().map(part).collect()
        })
    }
}

impl RegisteredPart {
    /// The register as a CSV file: a row for each part and year.
    ///
    /// # Errors
    /// [`LedgerError::Export`] if it cannot be written down.
    pub fn to_csv(parts: &[Self], currency: Currency) -> Result<String, LedgerError> {
        write_rows(parts.iter().flat_map(|part| part.years.iter().map(move |year| part.row(year, currency))))
    }

    fn row(&self, year: &AssetYear, currency: Currency) -> RegisterRow {
        let text = |amount: Money| amount.to_string();
        RegisterRow {
            id: self.id,
            name: self.name.as_str().into(),
            bought: self.bought.to_string(),
            document: self.document.as_deref().map(TextCell::from),
            by: self.by.as_deref().map(TextCell::from),
            invoice: self.invoice.as_ref().map(Invoice::to_string),
            method: self.method,
            lifetime_images: self.lifetime_images,
            life_years: self.life_years,
            share_percent: self.share_percent,
            residual: text(self.residual),
            currency: currency.to_string(),
            year: year.year,
            is_open: year.is_open,
            opening_value: text(year.opening_value),
            additions: text(year.additions),
            depreciation: text(year.depreciation),
            disposals: text(year.disposals),
            closing_value: text(year.closing_value),
            retired_on: self.retired_on.filter(|on| on.year() == year.year).map(|on| on.to_string()),
            proceeds: year.proceeds.map(text),
            disposal_gain: year.disposal_gain.map(text),
            machine: self.machine.as_deref().map(TextCell::from),
        }
    }
}
