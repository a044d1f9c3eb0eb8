//! The figures of a month or a year as a CSV file (RFC 4180): a row for each group, or for each month. No row sums others
//! up.

use serde::Serialize;

use super::{Figures, MonthReport, YearReport};
use crate::{
    ledger::{LedgerError, Month},
    units::{Currency, Money},
};

/// One row. Amounts are exact decimals.
#[derive(Default, Serialize)]
struct Row {
    month: String,
    currency: String,
    grouped_by: Option<&'static str>,
    group: Option<String>,
    title: Option<String>,
    images: i64,
    undelivered_images: i64,
    energy_kwh: String,
    wall_energy_kwh: String,
    electricity: String,
    depreciation: String,
    upkeep: String,
    total: String,
    cost_per_image: Option<String>,
    compared_price: String,
    saving: String,
    failed_energy_kwh: String,
    failed_electricity: String,
}

impl MonthReport {
    /// The report as a CSV file with a head.
    ///
    /// # Errors
    /// [`LedgerError::Export`] where it cannot be written down.
    pub fn to_csv(&self) -> Result<String, LedgerError> {
        if self.groups.is_empty() {
            return write_rows([self.row()]);
        }
        let groups = self.groups.iter().flat_map(|kind| kind.groups.iter().map(|group| (kind.by, group)));
        write_rows(groups.map(|(by, group)| Row {
            grouped_by: Some(by.as_str()),
            group: group.group.as_deref().map(as_text_cell),
            title: group.title.as_deref().map(as_text_cell),
            ..Row::new(self.month, self.currency, &group.figures)
        }))
    }

    fn row(&self) -> Row {
        Row::new(self.month, self.currency, &self.figures)
    }
}

impl YearReport {
    /// The report as a CSV file with a head: a row for each month.
    ///
    /// # Errors
    /// [`LedgerError::Export`] where it cannot be written down.
    pub fn to_csv(&self) -> Result<String, LedgerError> {
        write_rows(self.months.iter().map(MonthReport::row))
    }
}

impl Row {
    fn new(month: Month, currency: Currency, figures: &Figures) -> Self {
        Self {
            month: month.to_string(),
            currency: currency.to_string(),
            images: figures.images,
            undelivered_images: figures.undelivered_images,
            energy_kwh: figures.energy_kwh.to_kwh_string(),
            wall_energy_kwh: figures.wall_energy_kwh.to_kwh_string(),
            electricity: figures.electricity.to_string(),
            depreciation: figures.depreciation.to_string(),
            upkeep: figures.upkeep.to_string(),
            total: figures.total.to_string(),
            cost_per_image: figures.cost_per_image.as_ref().map(Money::to_string),
            compared_price: figures.compared_price.to_string(),
            saving: figures.saving.to_string(),
            failed_energy_kwh: figures.failed_energy_kwh.to_kwh_string(),
            failed_electricity: figures.failed_electricity.to_string(),
            ..Self::default()
        }
    }
}

/// A file of `rows` under their fields' names, which stand there without rows too.
pub(super) fn write_rows<T: Serialize + Default>(
    rows: impl IntoIterator<Item = T>,
) -> Result<String, LedgerError> {
    let mut rows = rows.into_iter().peekable();
    if rows.peek().is_some() {
        return write(rows, true);
    }
    let file = write(std::iter::once(T::default()), true)?;
    Ok(file.split_inclusive('\n').take(1).collect())
}

/// `rows` without a head, as they go on in a file.
pub(super) fn write_more_rows<T: Serialize>(
    rows: impl IntoIterator<Item = T>,
) -> Result<String, LedgerError> {
    write(rows.into_iter(), false)
}

fn write<T: Serialize>(rows: impl Iterator<Item = T>, has_head: bool) -> Result<String, LedgerError> {
    let mut writer = ::csv::WriterBuilder::new().has_headers(has_head).from_writer(Vec::new());
    for row in rows {
        writer.serialize(row)?;
    }
    let bytes = writer.into_inner().map_err(|error| ::csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Clients choose their tags. One that a spreadsheet would take for a formula gets an apostrophe before it.
fn as_text_cell(text: &str) -> String {
    let apostrophe = if text.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    format!("{apostrophe}{text}")
}
