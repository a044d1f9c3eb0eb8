use csv::StringRecord;
use rust_decimal::Decimal;

use super::{
    dates::{self, Order, Written},
    period::Days,
    text::Text,
};
use crate::{
    cli::roi::{
        columns::Columns,
        number::{self, Number},
        usage_error::UsageError,
    },
    units::{Currency, Money},
};

/// Words for a line of sums, where a date would be. All words of the cell are of these or of `BESIDE_TOTALS`.
const TOTALS: [&str; 8] =
    ["total", "totals", "subtotal", "sum", "summe", "gesamt", "zwischensumme", "gesamtsumme"];
const BESIDE_TOTALS: [&str; 9] = ["grand", "sub", "amount", "usd", "eur", "cny", "rmb", "gbp", "due"];
const CHINESE_TOTALS: [&str; 6] = ["合计", "总计", "小计", "汇总", "总额", "合計"];
/// Services that bill in dollars, as their models and endpoints are named.
const DOLLAR_SELLERS: [&str; 8] =
    ["fal-ai/", "gpt-image", "dall-e", "midjourney", "imagen", "replicate", "stability", "black-forest-labs"];
/// What is bought by the month, and not by the image.
const PLANS: [&str; 10] =
    ["plan", "subscription", "membership", "seat", "credits", "套餐", "订阅", "会员", "包月", "包年"];

/// One line of the file.
pub(super) struct Line<'a> {
    pub(super) text: &'a Text<'a>,
    pub(super) columns: &'a Columns,
    pub(super) order: Order,
    pub(super) record: &'a StringRecord,
}

/// A kind of line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineKind {
    /// Sums up the lines before it.
    Total,
    /// Of our own export: what was bought elsewhere, which this machine did not cost.
    Bought,
    /// Images and their cost, or something else that cost money.
    Usage,
}

/// What one line says.
pub(super) struct LineUsage {
    pub(super) days: Days,
    pub(super) images: i64,
    pub(super) megapixels: Decimal,
    pub(super) paid: Money,
    pub(super) paid_instead: Money,
    pub(super) currency: Option<Currency>,
    pub(super) names_seller: bool,
}

/// What a column of units says.
enum Unit {
    Images,
    Megapixels,
    Other,
}

impl Line<'_> {
    /// What kind of line it is.
    pub(super) fn kind(&self) -> LineKind {
        if self.is_total() {
            LineKind::Total
        } else if matches!(
            self.cell(self.columns.own_line),
            "bought image" | "doubtful purchase" | "lost purchase"
        ) {
            LineKind::Bought
        } else {
            LineKind::Usage
        }
    }

    fn is_total(&self) -> bool {
        let first = self.record.iter().find(|cell| !cell.is_empty()).unwrap_or_default();
        let date = self.cell(Some(self.columns.date));
        is_sum(date) || (date.is_empty() && is_sum(first))
    }

    pub(super) fn usage(&self) -> Result<LineUsage, UsageError> {
        let columns = self.columns;
        let days = self.days()?;
        let (images, megapixels) = match columns.images {
            Some(column) => self.images(column)?,
            None => (0, Decimal::ZERO),
        };
        self.refuse_money_beside()?;
        let (paid, currency) = self.paid(columns.cost)?;
        let (paid_instead, _) = self.paid(columns.cost_instead)?;
        let is_without_cost = |column: Option<usize>| self.cell(column).is_empty();
        if images > 0
            && columns.cost.is_some()
            && is_without_cost(columns.cost)
            && is_without_cost(columns.cost_instead)
        {
            let problem = format!("it is empty beside {images} images; write 0 if they cost nothing");
            return Err(self.refuse(columns.cost, problem));
        }
        let words = self.record.iter().map(str::to_lowercase);
        let names_seller =
            words.into_iter().any(|cell| DOLLAR_SELLERS.iter().any(|seller| cell.contains(seller)));
        Ok(LineUsage { days, images, megapixels, paid, paid_instead, currency, names_seller })
    }

    fn days(&self) -> Result<Days, UsageError> {
        let date = |column: usize| {
            let text = self.cell(Some(column));
            let refuse = |problem| self.refuse(Some(column), problem);
            match self.order.read(text) {
                Some(Written::Ambiguous) => Err(refuse(format!(
                    "`{text}` can be read in two ways; write it as 2026-10-31, year first"
                ))),
                Some(written) => Ok(written),
                None => Err(refuse(format!(
                    "`{text}` is not a date; write it as 2026-10-31, or take the line out"
                ))),
            }
        };
        let first = date(self.columns.date)?;
        let end = self.columns.end.filter(|end| !self.cell(Some(*end)).is_empty()).map(date).transpose()?;
        Days::of(first, end).ok_or_else(|| {
            let problem = "it ends before it begins; exchange the two dates".to_owned();
            self.refuse(self.columns.end, problem)
        })
    }

    /// Images and megapixels. An empty cell is none: a tax, or a day without usage.
    fn images(&self, column: usize) -> Result<(i64, Decimal), UsageError> {
        let text = self.cell(Some(column));
        let own_line = self.cell(self.columns.own_line);
        if text.is_empty() || !matches!(own_line, "" | "image") {
            return Ok((0, Decimal::ZERO));
        }
        let marks = self.columns.foreign_marks;
        let amount = Number::read(text, marks).map(Number::decimal);
        let is_nothing = amount == Some(Decimal::ZERO);
        match self.unit() {
            Unit::Megapixels => amount.map(|megapixels| (0, megapixels)).ok_or_else(|| {
                let problem = format!("`{text}` is not a number of megapixels; write one such as 524.288");
                self.refuse(Some(column), problem)
            }),
            Unit::Other if !is_nothing => {
                let unit = self.cell(self.columns.unit);
                let problem =
                    format!("`{unit}` are not images; keep only lines of images, or pass --images-per-month");
                Err(self.refuse(self.columns.unit, problem))
            }
            Unit::Images | Unit::Other => {
                let images = Number::count(text, marks).ok_or_else(|| {
                    let problem =
                        format!("`{text}` is not a number of images; write a whole one, such as 500");
                    self.refuse(Some(column), problem)
                })?;
                self.refuse_plans(column)?;
                Ok((images, Decimal::ZERO))
            }
        }
    }

    fn unit(&self) -> Unit {
        let unit = self.cell(self.columns.unit).to_lowercase();
        let is_one_of = |words: &[&str]| words.iter().any(|word| unit.contains(word));
        if is_one_of(&["megapixel", "百万像素"]) || unit == "mp" {
            Unit::Megapixels
        } else if unit.is_empty() || is_one_of(&["image", "picture", "张", "图"]) {
            Unit::Images
        } else {
            Unit::Other
        }
    }

    /// A plan for a month is one of something, and no image.
    fn refuse_plans(&self, column: usize) -> Result<(), UsageError> {
        if !self.cell(self.columns.unit).is_empty() {
            return Ok(());
        }
        let is_plan = |cell: &&str| {
            let cell = cell.to_lowercase();
            cell.split(|c: char| !c.is_alphanumeric()).any(|word| PLANS.contains(&word))
                || PLANS.iter().any(|word| !word.is_ascii() && cell.contains(word))
        };
        match self.record.iter().find(is_plan) {
            None => Ok(()),
            Some(plan) => {
                let problem =
                    format!("`{plan}` is not counted in images; pass --images-per-month for what it gave");
                Err(self.refuse(Some(column), problem))
            }
        }
    }

    /// Taxes, fees and discounts in a column of their own: nobody can tell whether the cost has them.
    fn refuse_money_beside(&self) -> Result<(), UsageError> {
        let is_nothing = |text: &str| {
            let number = Number::read(text, self.columns.foreign_marks);
            text.is_empty() || number.is_some_and(|number| number.decimal() == Decimal::ZERO)
        };
        let Some(column) = self.columns.beside.iter().find(|column| !is_nothing(self.cell(Some(**column))))
        else {
            return Ok(());
        };
        let text = self.cell(Some(*column));
        let cost = self.columns.cost.and_then(|column| self.columns.names.get(column)).unwrap_or_default();
        let problem = format!("`{text}` may be missing in {cost}; put it in there, and take this column out");
        Err(self.refuse(Some(*column), problem))
    }

    fn paid(&self, column: Option<usize>) -> Result<(Money, Option<Currency>), UsageError> {
        let text = self.cell(column);
        if text.is_empty() {
            return Ok((Money::ZERO, None));
        }
        let number = Number::read(text, self.columns.foreign_marks)
            .and_then(|number| Some((number.money()?, number.currency)));
        let (amount, beside) = number.ok_or_else(|| {
            let problem = format!("`{text}` is not an amount; write a number such as 1234.50");
            self.refuse(column, problem)
        })?;
        let code = self.cell(self.columns.currency);
        let named = if code.is_empty() {
            None
        } else {
            Some(number::currency(code).ok_or_else(|| {
                let problem = format!("`{code}` is not a currency; write a code such as USD");
                self.refuse(self.columns.currency, problem)
            })?)
        };
        Ok((amount, named.or(beside).or(self.columns.cost_currency)))
    }

    fn cell(&self, column: Option<usize>) -> &str {
        column.and_then(|column| self.record.get(column)).unwrap_or_default()
    }

    pub(super) fn refuse(&self, column: Option<usize>, problem: String) -> UsageError {
        let line = self.text.line_of(self.record.position());
        let column = column.and_then(|column| self.columns.names.get(column)).unwrap_or_default();
        UsageError::Cell { line, column: column.to_owned(), problem }
    }
}

/// `Grand Total (USD):`, `本月合计`.
fn is_sum(cell: &str) -> bool {
    let cell = cell.to_lowercase();
    let joined: String = cell.split_whitespace().collect();
    let words: Vec<_> = cell.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let is_of_total = |word: &&str| TOTALS.contains(word) || BESIDE_TOTALS.contains(word);
    CHINESE_TOTALS.iter().any(|total| joined.contains(total))
        || (words.iter().any(|word| TOTALS.contains(word)) && words.iter().all(is_of_total))
}

impl Days {
    /// From `first` to `end`; a moment at midnight ends the day before. None if the end comes first.
    fn of(first: Written, end: Option<Written>) -> Option<Self> {
        let span = |written| match written {
            Written::Day(day, _) => Some(dates::days(day, day)),
            Written::Span(span) => Some(span),
            Written::Ambiguous => None,
        };
        let (begin, Some(end)) = (span(first)?, end) else {
            return match first {
                Written::Day(day, _) => Some(Self::One(day)),
                _ => Some(Self::Span(span(first)?)),
            };
        };
        let last = match end {
            Written::Day(day, Some(time)) if time == jiff::civil::Time::midnight() => day,
            // The first of a month after the first of another is meant as an end, too.
            Written::Day(day, None) if day.day() == 1 && begin.first.day() == 1 && day > begin.first => day,
            end => span(end)?.end,
        };
        let last = if last == begin.first { begin.end } else { last };
        (begin.first < last).then_some(Self::Span(crate::costs::DaySpan { first: begin.first, end: last }))
    }
}
