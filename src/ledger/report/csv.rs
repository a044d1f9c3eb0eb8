//! The figures of a month or a year as a CSV file (RFC 4180): a row for each group, or for each month. No row sums others
//! up.

use serde::Serialize;

use super::{Charge, Charges, Figures, Groups, MonthReport, RangeReport, WholeMonth, YearReport};
use crate::{
    ledger::{BoughtReport, LedgerError, Month},
    units::{Currency, Money},
};

/// One row. Amounts are exact decimals.
#[derive(Default, Serialize)]
struct MonthRow {
    month: String,
    currency: String,
    grouped_by: Option<&'static str>,
    group: Option<TextCell>,
    title: Option<TextCell>,
    images: i64,
    undelivered_images: i64,
    energy_kwh: String,
    wall_energy_kwh: String,
    electricity: String,
    depreciation: String,
    upkeep: String,
    total: String,
    cost_per_image: Option<String>,
    compared_price: Option<String>,
    saving: Option<String>,
    failed_energy_kwh: String,
    failed_electricity: String,
    compared_images: i64,
    compared_total: String,
    overhead_electricity: Option<String>,
    unused_depreciation: Option<String>,
    unused_upkeep: Option<String>,
    disposal_gain: Option<String>,
    adjustments_total: Option<String>,
    fully_loaded_total: Option<String>,
    saving_all_in: Option<String>,
    carbon_grams: Option<String>,
    carbon_grams_total: Option<String>,
    bought_images: Option<i64>,
    bought_total: Option<String>,
    doubtful_images: Option<i64>,
    doubtful_total: Option<String>,
    paid_total: Option<String>,
    lost_images: Option<i64>,
    lost_total: Option<String>,
    /// The first and the last day, of a file about days.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

impl MonthReport {
    /// The report as a CSV file with a head.
    ///
    /// # Errors
    /// [`LedgerError::Export`] if it cannot be written down.
    pub fn to_csv(&self) -> Result<String, LedgerError> {
        if self.groups.is_empty() {
            return write_rows([self.row()]);
        }
        let row = |figures: &Figures| MonthRow::of_month(self.month, self.currency, figures);
        write_rows(grouped(&self.groups, row))
    }

    /// The month with everything that was spent; a group has no part of what is not its images'.
    fn row(&self) -> MonthRow {
        let row = MonthRow::of_month(self.month, self.currency, &self.figures);
        row.with_all(self.whole.as_ref(), self.overflow.as_ref())
    }
}

impl RangeReport {
    /// The report as a CSV file with a head.
    ///
    /// # Errors
    /// [`LedgerError::Export`] if it cannot be written down.
    pub fn to_csv(&self) -> Result<String, LedgerError> {
        let row = |figures: &Figures| MonthRow {
            from: Some(self.from.to_string()),
            to: Some(self.to.to_string()),
            ..MonthRow::new(self.currency, figures)
        };
        if self.groups.is_empty() {
            return write_rows([row(&self.figures).with_all(self.whole.as_ref(), self.overflow.as_ref())]);
        }
        write_rows(grouped(&self.groups, row))
    }
}

/// A row for each group, as `row` has it for its figures.
fn grouped(groups: &[Groups], row: impl Fn(&Figures) -> MonthRow + Copy) -> impl Iterator<Item = MonthRow> {
    groups.iter().flat_map(move |kind| {
        kind.groups.iter().map(move |group| MonthRow {
            grouped_by: Some(kind.by.as_str()),
            group: group.group.as_deref().map(TextCell::from),
            title: group.title.as_deref().map(TextCell::from),
            ..row(&group.figures).with_bought(group.overflow.as_ref())
        })
    })
}

/// What a cost centre is charged, or one of its lines. Amounts are exact decimals.
#[derive(Default, Serialize)]
struct ChargeRow {
    month: String,
    currency: String,
    cost_centre: Option<TextCell>,
    line: &'static str,
    size: Option<String>,
    quality: Option<String>,
    images: Option<i64>,
    amount: String,
    bought_images: Option<i64>,
    paid_elsewhere: Option<String>,
}

impl Charges {
    /// Every cost centre as a CSV file with a head: a row for each line, which add up to what it is charged.
    ///
    /// # Errors
    /// [`LedgerError::Export`] if it cannot be written down.
    pub fn to_csv(&self) -> Result<String, LedgerError> {
        write_rows(self.charges.iter().flat_map(|charge| self.rows(charge)))
    }

    /// One of its charges as such a file.
    ///
    /// # Errors
    /// As [`Charges::to_csv`].
    pub fn one_to_csv(&self, charge: &Charge) -> Result<String, LedgerError> {
        write_rows(self.rows(charge))
    }

    fn rows(&self, charge: &Charge) -> Vec<ChargeRow> {
        let row = |line, amount: Money| ChargeRow {
            month: self.month.to_string(),
            currency: self.currency.to_string(),
            cost_centre: charge.name.as_deref().map(TextCell::from),
            line,
            amount: amount.to_string(),
            ..ChargeRow::default()
        };
        let images = charge.lines.iter().map(|line| ChargeRow {
            size: Some(line.size.clone()),
            quality: line.quality.clone(),
            images: Some(line.images),
            ..row("images", line.amount)
        });
        let others = [
            ("failed jobs", charge.failed_electricity),
            ("idle share", charge.idle_share),
            ("unused share", charge.unused_share),
            ("mark-up", charge.mark_up),
        ];
        let others = others.into_iter().filter(|(_, amount)| *amount != Money::ZERO);
        // Nothing of it is charged, so that the amounts add up to the charge.
        let bought = charge.overflow.as_ref().map(|bought| ChargeRow {
            bought_images: Some(bought.bought_images),
            paid_elsewhere: Some(bought.paid().to_string()),
            ..row("bought elsewhere", Money::ZERO)
        });
        images.chain(others.map(|(line, amount)| row(line, amount))).chain(bought).collect()
    }
}

impl YearReport {
    /// The report as a CSV file with a head: a row for each month.
    ///
    /// # Errors
    /// [`LedgerError::Export`] if it cannot be written down.
    pub fn to_csv(&self) -> Result<String, LedgerError> {
        write_rows(self.months.iter().map(MonthReport::row))
    }
}

impl MonthRow {
    fn of_month(month: Month, currency: Currency, figures: &Figures) -> Self {
        Self { month: month.to_string(), ..Self::new(currency, figures) }
    }

    /// The same with everything else that was spent.
    fn with_all(self, whole: Option<&WholeMonth>, overflow: Option<&BoughtReport>) -> Self {
        let of_whole = |of: fn(&WholeMonth) -> Money| whole.map(|whole| of(whole).to_string());
        let saving_all_in = whole.and_then(|whole| whole.saving_all_in);
        let carbon = whole.and_then(|whole| whole.carbon_grams_total);
        Self {
            overhead_electricity: of_whole(|whole| whole.overhead_electricity),
            unused_depreciation: of_whole(|whole| whole.unused_depreciation),
            unused_upkeep: of_whole(|whole| whole.unused_upkeep),
            disposal_gain: of_whole(|whole| whole.disposal_gain),
            adjustments_total: of_whole(|whole| whole.adjustments_total),
            fully_loaded_total: of_whole(|whole| whole.fully_loaded_total),
            saving_all_in: saving_all_in.as_ref().map(Money::to_string),
            carbon_grams_total: carbon.map(|grams| grams.0.to_grams_string()),
            ..self
        }
        .with_bought(overflow)
    }

    fn new(currency: Currency, figures: &Figures) -> Self {
        Self {
            currency: currency.to_string(),
            images: figures.images,
            undelivered_images: figures.undelivered_images,
            energy_kwh: figures.energy_kwh.to_kwh_string(),
            wall_energy_kwh: figures.wall_energy_kwh.to_kwh_string(),
            electricity: figures.cost.electricity.to_string(),
            depreciation: figures.cost.depreciation.to_string(),
            upkeep: figures.cost.upkeep.to_string(),
            total: figures.total.to_string(),
            cost_per_image: figures.cost_per_image.as_ref().map(Money::to_string),
            compared_price: figures.compared_price.as_ref().map(Money::to_string),
            saving: figures.saving.as_ref().map(Money::to_string),
            failed_energy_kwh: figures.failed_energy_kwh.to_kwh_string(),
            failed_electricity: figures.failed_electricity.to_string(),
            compared_images: figures.compared_images,
            compared_total: figures.compared_total.to_string(),
            carbon_grams: figures.carbon_grams.map(|grams| grams.0.to_grams_string()),
            ..Self::default()
        }
    }

    /// The same with what was bought beside it.
    fn with_bought(self, bought: Option<&BoughtReport>) -> Self {
        let Some(bought) = bought else { return self };
        Self {
            bought_images: Some(bought.bought_images),
            bought_total: Some(bought.bought_total.to_string()),
            doubtful_images: Some(bought.doubtful_images),
            doubtful_total: Some(bought.doubtful_total.to_string()),
            paid_total: bought.paid_total.as_ref().map(Money::to_string),
            lost_images: Some(bought.lost_images),
            lost_total: Some(bought.lost_total.to_string()),
            ..self
        }
    }
}

/// A file of `rows` under their fields' names, which stand there without rows too.
pub(in crate::ledger) fn write_rows<T: Serialize + Default>(
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

/// A cell of text that somebody else chose: a tag, a key's name. Every such cell of every CSV file is one of these.
///
/// If a spreadsheet could take it for a formula, it gets an apostrophe before it. OWASP's list of what begins one: `=`, `+`,
/// `-`, `@`, their full-width and small forms, a tab and a line break; and whatever does so behind characters that are not
/// seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::ledger) struct TextCell(String);

impl From<String> for TextCell {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for TextCell {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Serialize for TextCell {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if is_formula(&self.0) {
            serializer.collect_str(&format_args!("'{}", self.0))
        } else {
            serializer.serialize_str(&self.0)
        }
    }
}

fn is_formula(text: &str) -> bool {
    const BEGINNINGS: [char; 13] =
        ['=', '+', '-', '@', '＝', '＋', '－', '＠', '﹦', '﹢', '﹣', '﹫', '\u{2212}'];
    let first_seen = text.chars().find(|c| !is_unseen(*c));
    text.starts_with(['\t', '\r', '\n']) || first_seen.is_some_and(|first| BEGINNINGS.contains(&first))
}

/// White space, control characters, and what Unicode gives no width.
fn is_unseen(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}')
        || matches!(c, '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}')
        || matches!(c, '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> String {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        writer.serialize((TextCell::from(text), "end")).expect("a row");
        let row = String::from_utf8(writer.into_inner().expect("bytes")).expect("UTF-8");
        row.strip_suffix(",end\n").expect("two cells").to_owned()
    }

    #[test]
    fn what_a_spreadsheet_takes_for_a_formula_gets_an_apostrophe() {
        for formula in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "＝1+1",
            "＋1",
            "－1",
            "＠x",
            "﹦1",
            "\u{2212}1",
            "\t=1+1",
            "\tx",
            " =1+1",
            "\u{a0}=1",
            "\u{3000}=1",
            "\u{200b}=1+1",
            "\u{feff}=1",
            "\u{2060}\u{200d}@x",
            "\u{ad}-1",
        ] {
            assert!(
                cell(formula).trim_start_matches('"').starts_with('\''),
                "{formula:?}: {}",
                cell(formula)
            );
        }
        assert!(cell("\r=1").contains("'\r") && cell("\nx").contains("'\n"));
        for text in ["spring", "秋", "a=b", "1-2", "", "{\"cost_tag\":\"=1\"}", "a\u{200b}=1"] {
            assert!(!cell(text).contains('\''), "{text:?}: {}", cell(text));
        }
    }
}
