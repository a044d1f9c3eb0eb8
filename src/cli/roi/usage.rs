use csv::{ReaderBuilder, StringRecord, Trim};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{
    columns::{Columns, delimiter},
    number::{self, Number},
};
use crate::units::{Currency, Money};

/// What a person's export says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UsageFile {
    /// The first day in it.
    pub first: Date,
    /// The last one.
    pub last: Date,
    /// Images; none where no column counts them.
    pub images: Option<u64>,
    /// What was paid; none where no column says so.
    pub paid: Option<Paid>,
}

/// A sum of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paid {
    pub amount: Money,
    /// None where the file names none.
    pub currency: Option<Currency>,
}

/// A file that cannot be used: what is wrong, where, and what helps.
#[derive(Debug, thiserror::Error)]
pub(super) enum UsageError {
    #[error("no column of {what}; name one {names}")]
    NoColumn { what: &'static str, names: &'static str },
    #[error("line {line}, column {column}: {problem}")]
    Cell { line: usize, column: String, problem: String },
    #[error("line {line}: {problem}")]
    Line { line: usize, problem: String },
    #[error("no line has a date; export some months of usage")]
    Empty,
}

/// One line of the file.
struct Line<'a> {
    csv: &'a str,
    columns: &'a Columns,
    record: &'a StringRecord,
}

impl UsageFile {
    /// Reads CSV with a line of names, parted by commas, semicolons or tabs. Without `counts_images` no number of images is
    /// looked for.
    ///
    /// # Errors
    /// [`UsageError`], one line that names line, column and remedy.
    pub(super) fn read(csv: &[u8], counts_images: bool) -> Result<Self, UsageError> {
        let csv = text(csv)?;
        let delimiter = delimiter(csv);
        let mut reader =
            ReaderBuilder::new().delimiter(delimiter).trim(Trim::All).from_reader(csv.as_bytes());
        let names = reader.headers().map_err(|error| unequal(csv, &error))?;
        let columns = Columns::find(names, counts_images, delimiter == b';')?;
        let mut sum: Option<Self> = None;
        for record in reader.records() {
            let record = record.map_err(|error| unequal(csv, &error))?;
            let line = Line { csv, columns: &columns, record: &record };
            if !record.iter().all(str::is_empty) {
                let usage = line.usage()?;
                sum = Some(match sum {
                    None => usage,
                    Some(sum) => sum.plus(usage).map_err(|problem| line.refuse(columns.cost, problem))?,
                });
            }
        }
        sum.ok_or(UsageError::Empty)
    }

    /// Calendar months from the first day to the last, both counted.
    pub(super) fn months(&self) -> u64 {
        let number = |day: Date| i32::from(day.year()) * 12 + i32::from(day.month());
        u64::from(number(self.last).abs_diff(number(self.first))) + 1
    }

    fn plus(self, other: Self) -> Result<Self, String> {
        let paid = match (self.paid, other.paid) {
            (Some(all), Some(more)) => Some(all.plus(more)?),
            (all, more) => all.or(more),
        };
        Ok(Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            images: self.images.zip(other.images).map(|(all, more)| all.saturating_add(more)),
            paid,
        })
    }
}

impl Paid {
    fn plus(self, more: Self) -> Result<Self, String> {
        let currency = match (self.currency, more.currency) {
            (Some(all), Some(more)) if all != more => {
                return Err(format!("{more} after {all}; export one currency at a time"));
            }
            (all, more) => all.or(more),
        };
        Ok(Self { amount: self.amount.plus(more.amount).map_err(|error| error.to_string())?, currency })
    }
}

impl Line<'_> {
    fn usage(&self) -> Result<UsageFile, UsageError> {
        let columns = self.columns;
        let text = self.cell(Some(columns.date));
        let day = day(text).ok_or_else(|| {
            let problem = format!("`{text}` is not a date; write it as 2026-10-31, or take the line out");
            self.refuse(Some(columns.date), problem)
        })?;
        let images = columns.images.map(|_| self.images()).transpose()?;
        let paid = columns.cost.map(|_| self.paid()).transpose()?;
        Ok(UsageFile { first: day, last: day, images, paid })
    }

    /// An empty cell is none: a tax, or a day without usage.
    fn images(&self) -> Result<u64, UsageError> {
        let text = self.cell(self.columns.images);
        if text.is_empty() {
            return Ok(0);
        }
        let images =
            Number::read(text, self.columns.foreign_marks).and_then(Number::count).ok_or_else(|| {
                let problem = format!("`{text}` is not a number of images; write a whole one, such as 500");
                self.refuse(self.columns.images, problem)
            })?;
        let unit = self.cell(self.columns.unit);
        if images > 0 && !is_images(unit) {
            let problem =
                format!("`{unit}` are not images; keep only lines of images, or pass --images-per-month");
            return Err(self.refuse(self.columns.unit, problem));
        }
        Ok(images)
    }

    fn paid(&self) -> Result<Paid, UsageError> {
        let text = self.cell(self.columns.cost);
        if text.is_empty() {
            return Ok(Paid { amount: Money::ZERO, currency: None });
        }
        let number = Number::read(text, self.columns.foreign_marks)
            .and_then(|number| Some((number.money()?, number.currency)));
        let (amount, beside) = number.ok_or_else(|| {
            let problem = format!("`{text}` is not an amount; write a number such as 1234.50");
            self.refuse(self.columns.cost, problem)
        })?;
        let code = self.cell(self.columns.currency);
        let named = match code.is_empty() {
            true => None,
            false => Some(number::currency(code).ok_or_else(|| {
                let problem = format!("`{code}` is not a currency; write a code such as USD");
                self.refuse(self.columns.currency, problem)
            })?),
        };
        Ok(Paid { amount, currency: named.or(beside).or(self.columns.cost_currency) })
    }

    fn cell(&self, column: Option<usize>) -> &str {
        column.and_then(|column| self.record.get(column)).unwrap_or_default()
    }

    fn refuse(&self, column: Option<usize>, problem: String) -> UsageError {
        let line = line_of(self.csv, self.record.position());
        let column = column.and_then(|column| self.columns.names.get(column)).unwrap_or_default();
        UsageError::Cell { line, column: column.to_owned(), problem }
    }
}

/// The file as text, without the mark that spreadsheets put before it.
fn text(csv: &[u8]) -> Result<&str, UsageError> {
    let text = std::str::from_utf8(csv).map_err(|error| {
        let before = csv.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        UsageError::Line { line, problem: "not UTF-8; save the file as UTF-8".into() }
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// More or fewer fields than names.
fn unequal(csv: &str, error: &csv::Error) -> UsageError {
    let problem = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields under {expected_len} names; put quotes around fields with commas inside")
        }
        _ => format!("{error}"),
    };
    UsageError::Line { line: line_of(csv, error.position()), problem }
}

/// The line of a record, whose position is before the empty lines that it follows.
fn line_of(csv: &str, position: Option<&csv::Position>) -> usize {
    let begin = position.and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or_default();
    let (before, after) = csv.split_at_checked(begin).unwrap_or((csv, ""));
    let empty = after.split(|c| !matches!(c, '\r' | '\n')).next().unwrap_or_default();
    1 + before.matches('\n').count() + empty.matches('\n').count()
}

fn is_images(unit: &str) -> bool {
    let unit = unit.to_lowercase();
    unit.is_empty() || ["image", "picture", "张", "图"].iter().any(|word| unit.contains(word))
}

/// The day of a date, of a time such as `2026-10-31T08:00:00Z`, of a month, or of Unix seconds.
fn day(text: &str) -> Option<Date> {
    if text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(TimeZone::UTC.to_datetime(Timestamp::from_second(text.parse().ok()?).ok()?).date());
    }
    let dashed = text.replace('/', "-");
    if dashed.len() == 7 {
        return format!("{dashed}-01").parse().ok();
    }
    let (date, time) = dashed.split_at_checked(10)?;
    (time.is_empty() || time.starts_with(['T', ' '])).then(|| date.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn read(csv: &str) -> Result<UsageFile, String> {
        UsageFile::read(csv.as_bytes(), true).map_err(|error| error.to_string())
    }

    fn paid(amount: &str, currency: Option<Currency>) -> Option<Paid> {
        Some(Paid { amount: amount.parse().expect("an amount"), currency })
    }

    #[test]
    fn a_plain_table_is_summed() {
        let usage = read("Date,Images,Cost\n2026-08-15,500,\"¥1,500.00\"\n2026-10-01,\"1,000\",¥3000\n");
        let usage = usage.expect("usage");
        assert_eq!((usage.first, usage.last, usage.months()), (date(2026, 8, 15), date(2026, 10, 1), 3));
        assert_eq!((usage.images, usage.paid), (Some(1_500), paid("4500", Some(Currency::CNY))));
    }

    #[test]
    fn openais_cost_export_is_read() {
        let csv = "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,quantity,quantity_unit,\
                   line_item\n\
                   1790467200,1790553600,2026-09-27T00:00:00+00:00,2026-09-28T00:00:00+00:00,,,,,\n\
                   1790553600,1790640000,2026-09-28T00:00:00,2026-09-29T00:00:00,0.160000000000000000000000000000,usd,4,\
                   images,\"dall-e-3, 1024x1024\"\n";
        let usage = read(csv).expect("usage");
        assert_eq!((usage.first, usage.images), (date(2026, 9, 27), Some(4)));
        assert_eq!(usage.paid, paid("0.16", Some(Currency::USD)));
        let tokens = csv.replace(",images,", ",tokens,");
        let said = read(&tokens).expect_err("tokens");
        assert!(
            said.starts_with("line 3, column quantity_unit: `tokens`") && said.contains("--images-per-month")
        );
        let usage = UsageFile::read(tokens.as_bytes(), false).expect("usage");
        assert_eq!((usage.images, usage.paid), (None, paid("0.16", Some(Currency::USD))));
    }

    #[test]
    fn fals_usage_and_focus_are_read() {
        let fal = "bucket,endpoint_id,unit,quantity,unit_price,cost,currency,auth_method\n\
                   2025-01-15T00:00:00-05:00,fal-ai/flux/dev,image,4,0.1,0.4,USD,Production Key\n";
        let usage = read(fal).expect("usage");
        assert_eq!((usage.first, usage.images), (date(2025, 1, 15), Some(4)));
        assert_eq!(usage.paid, paid("0.4", Some(Currency::USD)));
        let megapixels = read(&fal.replace(",image,", ",megapixels,")).expect_err("no images");
        assert!(megapixels.contains("megapixels"), "{megapixels}");
        let focus = "\u{feff}BilledCost,BillingCurrency,BillingPeriodStart,ChargeCategory,ChargePeriodStart,ListCost,\
                     PricingQuantity,PricingUnit\n\
                     12.5,EUR,2026-10-01T00:00:00Z,Usage,2026-10-03T00:00:00Z,13,250.0,Images\n\
                     2.5,EUR,2026-10-01T00:00:00Z,Tax,2026-10-31T00:00:00Z,2.5,,\n";
        let usage = read(focus).expect("usage");
        assert_eq!((usage.last, usage.images), (date(2026, 10, 31), Some(250)));
        assert_eq!(usage.paid, paid("15", Some(Currency::EUR)));
    }

    #[test]
    fn spreadsheets_of_other_countries_are_read() {
        let german =
            read("Month;Qty;Amount (EUR)\n2026/09;1200;1.048,00\n2026-10;800;32,50\n").expect("usage");
        assert_eq!((german.months(), german.images), (2, Some(2_000)));
        assert_eq!(german.paid, paid("1080.5", Some(Currency::EUR)));
        let chinese = read("日期\t张数\t金额\n2026-10-01\t20\t60元\n").expect("usage");
        assert_eq!((chinese.images, chinese.paid), (Some(20), paid("60", Some(Currency::CNY))));
        let unix = read("start_time,num_images,cost_usd\n1790553600,2,.08\n").expect("usage");
        assert_eq!((unix.first, unix.paid), (date(2026, 9, 28), paid("0.08", Some(Currency::USD))));
    }

    #[test]
    fn a_malformed_line_is_named_with_its_column_and_a_remedy() {
        for (csv, said) in [
            ("images,cost\n1,2\n", "no column of dates; name one date, day, month or ChargePeriodStart"),
            ("date,name\n", "no column of images or costs; name one images, and one cost"),
            ("date,images\n", "no line has a date; export some months of usage"),
            (
                "date,images\r\n2026-10-31,\"1\"\r\n\r\n\r\nTotal,4\r\n",
                "line 5, column date: `Total` is not a date; write it as 2026-10-31, or take the line out",
            ),
            (
                "date,images\n10/31/2026,4\n",
                "line 2, column date: `10/31/2026` is not a date; write it as 2026-10-31, or take the line out",
            ),
            (
                "Date,Images\n2026-10-31,1.5\n",
                "line 2, column Images: `1.5` is not a number of images; write a whole one, such as 500",
            ),
            (
                "date,cost\n2026-10-30,1\n2026-10-31,free\n",
                "line 3, column cost: `free` is not an amount; write a number such as 1234.50",
            ),
            (
                "date;images\n2026-10-31;1.200\n",
                "line 2, column images: `1.200` is not a number of images; write a whole one, such as 500",
            ),
            (
                "date,cost,currency\n2026-10-31,1,coins\n",
                "line 2, column currency: `coins` is not a currency; write a code such as USD",
            ),
            (
                "date,cost\n2026-10-30,$1\n2026-10-31,€1\n",
                "line 3, column cost: EUR after USD; export one currency at a time",
            ),
            (
                "date,cost\n2026-10-31,1,50\n",
                "line 2: 3 fields under 2 names; put quotes around fields with commas inside",
            ),
        ] {
            assert_eq!(read(csv), Err(said.to_owned()));
        }
        let quoted = "date,note,images\n2026-10-31,\"two\nlines\",1\n\nTotal,,4";
        assert!(read(quoted).expect_err("refused").starts_with("line 5, "));
        let latin = UsageFile::read(&b"date,cost\n2026-10-31,1\xa3\n"[..], true).expect_err("not UTF-8");
        assert_eq!(latin.to_string(), "line 2: not UTF-8; save the file as UTF-8");
    }

    proptest::proptest! {
        #[test]
        fn no_file_is_read_with_a_panic(csv in "(date|images|cost|,|;|\n|[0-9-]{1,10}|\\PC){0,40}") {
            let _ = read(&format!("date,images,cost\n{csv}")).map(|usage| usage.months());
            let _ = read(&csv);
        }
    }
}
