//! A person's own usage or invoices, in the many forms in which services and spreadsheets write them.

mod dates;
mod line;
mod period;
mod text;

use csv::{ReaderBuilder, StringRecord, Trim};
use rust_decimal::Decimal;

pub(super) use self::period::Period;
use self::{
    dates::Order,
    line::{Line, LineKind, LineUsage},
    period::Periods,
};
use super::{columns::Columns, usage_error::UsageError};
use crate::{
    cli::values::delimiter,
    units::{Currency, Money},
};

/// What a person's export says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UsageFile {
    /// Its days.
    pub period: Period,
    /// Images, less those that were paid back; none if no column counts them.
    pub images: Option<i64>,
    /// Megapixels, of lines that count those.
    pub megapixels: Decimal,
    /// What was paid; none if no column says so.
    pub paid: Option<Paid>,
    /// The columns that were read, as they are named: images, costs.
    pub columns: [Option<String>; 2],
    /// Whether it names who made the images, so that their price is one of somebody's.
    pub names_seller: bool,
    /// Lines of sums, which were left out.
    pub totals: u64,
}

/// A sum of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paid {
    pub amount: Money,
    /// None if the file names none.
    pub currency: Option<Currency>,
    /// Whether the file names it only by who sent it: who bills in dollars, or writes Chinese.
    pub is_guessed: bool,
}

impl UsageFile {
    /// Reads CSV with a line of names, parted by commas, semicolons or tabs. Without `counts_images` no number of images is
    /// looked for.
    ///
    /// # Errors
    /// [`UsageError`], one line that names line, column and remedy.
    pub(super) fn read(csv: &[u8], counts_images: bool) -> Result<Self, UsageError> {
        let text = text::read(csv)?;
        let delimiter = text.delimiter.unwrap_or_else(|| delimiter(&text.csv));
        let mut reader =
            ReaderBuilder::new().delimiter(delimiter).trim(Trim::All).from_reader(text.csv.as_bytes());
        let unequal = |error: csv::Error| unequal(&text, &error);
        let names = reader.headers().map_err(unequal)?.clone();
        let columns = Columns::find(&names, counts_images, delimiter == b';')?;
        if let (true, None, Some(column)) = (counts_images, columns.images, Columns::uncounted(&names)) {
            return Err(UsageError::Uncounted { column: column.to_owned() });
        }
        let records = reader.records().collect::<Result<Vec<_>, _>>().map_err(unequal)?;
        let date = |record: &'_ StringRecord| record.get(columns.date).unwrap_or_default().to_owned();
        let dates: Vec<String> = records.iter().map(date).collect();
        let order = Order::of(dates.iter().map(String::as_str));
        let lines = records.iter().filter(|record| !record.iter().all(str::is_empty));
        let lines = lines.map(|record| Line { text: &text, columns: &columns, order, record });
        UsageSum::of(lines)?.finish(&columns)
    }
}

/// The lines of a file, summed up.
#[derive(Default)]
struct UsageSum {
    periods: Periods,
    images: i64,
    megapixels: Decimal,
    paid: Money,
    /// What is in the column that counts if the cost's is 0.
    paid_instead: Money,
    currency: Option<Currency>,
    /// A seller was named; all known ones bill in dollars.
    names_seller: bool,
    totals: u64,
}

impl UsageSum {
    fn of<'a>(lines: impl Iterator<Item = Line<'a>>) -> Result<Self, UsageError> {
        let mut sum = Self::default();
        for line in lines {
            match line.kind() {
                LineKind::Total => sum.totals += 1,
                LineKind::Bought => {}
                LineKind::Usage => sum.add(&line, &line.usage()?)?,
            }
        }
        Ok(sum)
    }

    fn add(&mut self, line: &Line<'_>, usage: &LineUsage) -> Result<(), UsageError> {
        let cost = line.columns.cost;
        let plus =
            |sum: Money, more: Money| sum.plus(more).map_err(|error| line.refuse(cost, error.to_string()));
        self.periods.add(usage.days);
        self.images = self.images.saturating_add(usage.images);
        self.megapixels += usage.megapixels;
        self.paid = plus(self.paid, usage.paid)?;
        self.paid_instead = plus(self.paid_instead, usage.paid_instead)?;
        self.names_seller |= usage.names_seller;
        match (self.currency, usage.currency) {
            (Some(all), Some(more)) if all != more => {
                let problem = format!("{more} after {all}; export one currency at a time");
                Err(line.refuse(cost, problem))
            }
            (all, more) => {
                self.currency = all.or(more);
                Ok(())
            }
        }
    }

    fn finish(self, columns: &Columns) -> Result<UsageFile, UsageError> {
        let is_instead = self.paid == Money::ZERO && self.paid_instead != Money::ZERO;
        let (cost, amount) =
            if is_instead { (columns.cost_instead, self.paid_instead) } else { (columns.cost, self.paid) };
        let guess = match (self.names_seller, columns.is_chinese) {
            (true, _) => Some(Currency::USD),
            (false, true) => Some(Currency::CNY),
            (false, false) => None,
        };
        let currency = self.currency.or(guess);
        let name = |column: Option<usize>| Some(columns.names.get(column?)?.to_owned());
        Ok(UsageFile {
            period: self.periods.finish().ok_or(UsageError::Empty)?,
            images: columns.images.map(|_| self.images),
            megapixels: self.megapixels,
            paid: cost.map(|_| Paid { amount, currency, is_guessed: self.currency.is_none() }),
            columns: [name(columns.images), name(cost)],
            names_seller: self.names_seller,
            totals: self.totals,
        })
    }
}

/// More or fewer fields than names.
fn unequal(text: &text::Text<'_>, error: &csv::Error) -> UsageError {
    let problem = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields under {expected_len} names; put quotes around fields with commas inside")
        }
        _ => format!("{error}"),
    };
    UsageError::Line { line: text.line_of(error.position()), problem }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn read(csv: &str) -> Result<UsageFile, String> {
        UsageFile::read(csv.as_bytes(), true).map_err(|error| error.to_string())
    }

    fn paid(amount: &str, currency: Option<Currency>) -> Option<Paid> {
        Some(Paid { amount: amount.parse().expect("an amount"), currency, is_guessed: false })
    }

    #[test]
    fn a_plain_table_is_summed() {
        let usage = read("Date,Images,Cost\n2026-08-15,500,\"¥1,500.00\"\n2026-10-01,\"1,000\",¥3000\n");
        let usage = usage.expect("usage");
        assert_eq!(
            (usage.period.first(), usage.period.last(), usage.period.calendar_months()),
            (date(2026, 8, 15), date(2026, 10, 1), 3)
        );
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
        assert_eq!((usage.period.first(), usage.images), (date(2026, 9, 27), Some(4)));
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
        assert_eq!(
            (usage.period.first(), usage.images),
            (date(2025, 1, 1), Some(4)),
            "one day stands for its month"
        );
        assert_eq!(usage.paid, paid("0.4", Some(Currency::USD)));
        let megapixels = read(&fal.replace(",image,", ",megapixels,")).expect("usage");
        assert_eq!((megapixels.images, megapixels.megapixels), (Some(0), Decimal::from(4)));
        let focus = "\u{feff}BilledCost,BillingCurrency,BillingPeriodStart,ChargeCategory,ChargePeriodStart,ListCost,\
                     PricingQuantity,PricingUnit\n\
                     12.5,EUR,2026-10-01T00:00:00Z,Usage,2026-10-03T00:00:00Z,13,250.0,Images\n\
                     2.5,EUR,2026-10-01T00:00:00Z,Tax,2026-10-31T00:00:00Z,2.5,,\n";
        let usage = read(focus).expect("usage");
        assert_eq!((usage.period.last(), usage.images), (date(2026, 10, 31), Some(250)));
        assert_eq!(usage.paid, paid("15", Some(Currency::EUR)));
    }

    #[test]
    fn spreadsheets_of_other_countries_are_read() {
        let german =
            read("Month;Qty;Amount (EUR)\n2026/09;1200;1.048,00\n2026-10;800;32,50\n").expect("usage");
        assert_eq!((german.period.calendar_months(), german.images), (2, Some(2_000)));
        assert_eq!(german.paid, paid("1080.5", Some(Currency::EUR)));
        assert_eq!(read("date;images\n2026-10-31;1.200\n").map(|usage| usage.images), Ok(Some(1_200)));
        let chinese = read("日期\t张数\t金额\n2026-10-01\t20\t60元\n").expect("usage");
        assert_eq!((chinese.images, chinese.paid), (Some(20), paid("60", Some(Currency::CNY))));
        let unix = read("start_time,num_images,cost_usd\n1790553600,2,.08\n").expect("usage");
        assert_eq!((unix.period.first(), unix.paid), (date(2026, 9, 1), paid("0.08", Some(Currency::USD))));
    }

    #[test]
    fn money_beside_a_cost_is_counted_once_or_named() {
        let guessed = |amount, currency| paid(amount, currency).map(|paid| Paid { is_guessed: true, ..paid });
        let gross = Ok(guessed("11.9", None));
        for (csv, expected) in [
            ("date,images,net,gross\n2026-10-01,5,10.00,11.90\n", gross),
            ("date,images,subtotal,tax,total\n2026-10-01,5,10.00,1.90,11.90\n", gross),
            (
                "日期,张数,不含税金额,税额,价税合计\n2026-10-01,5,100.00,6.00,106.00\n",
                Ok(guessed("106", Some(Currency::CNY))),
            ),
            (
                "账期,费用类型,图片数,实付（CNY）\n2026-10,image,5,40.00\n",
                Ok(paid("40", Some(Currency::CNY))),
            ),
            (
                "date,images,cost,credits\n2026-10-01,5,10.00,-2.00\n",
                Err(
                    "line 2, column credits: `-2.00` may be missing in cost; put it in there, and take this column out",
                ),
            ),
            (
                "date,images,net\n2026-10-01,5,10.00\n",
                Err(
                    "column net looks like money, and it is not known which; rename it to cost, or take it out",
                ),
            ),
            (
                "date,images,vat\n2026-10-01,5,1.90\n",
                Err(
                    "column vat looks like money, and it is not known which; rename it to cost, or take it out",
                ),
            ),
        ] {
            assert_eq!(read(csv).map(|usage| usage.paid), expected.map_err(str::to_owned), "{csv}");
        }
    }

    #[test]
    fn spans_have_two_columns_and_lines_of_sums_are_left_out() {
        let year = read("from,to,images,cost\n2026-01-01,2026-12-31,6000,$1500\n").expect("usage");
        assert_eq!((year.period.last(), year.period.a_month(6000)), (date(2026, 12, 31), 500));
        for total in ["Grand Total", "Total (USD)", "Summe:", "合 计", "本月合计", "合计（元）"] {
            let usage = read(&format!("date,images,cost\n2026-10-01,500,12.50\n{total},500,12.50\n"));
            assert_eq!(usage.map(|usage| (usage.images, usage.totals)), Ok((Some(500), 1)), "{total}");
        }
        let refused = read("date,images,cost\nTotal of Ann,500,12.50\n").expect_err("no sum");
        assert!(refused.contains("`Total of Ann` is not a date"), "{refused}");
    }

    #[test]
    fn a_malformed_line_is_named_with_its_column_and_a_remedy() {
        for (csv, said) in [
            ("images,cost\n1,2\n", "no column of dates; name one date, day, month or ChargePeriodStart"),
            ("date,name\n", "no column of images or costs; name one images, and one cost"),
            ("date,images\n", "no line has a date; export some months of usage"),
            (
                "date,images\r\n2026-10-31,\"1\"\r\n\r\n\r\nYesterday,4\r\n",
                "line 5, column date: `Yesterday` is not a date; write it as 2026-10-31, or take the line out",
            ),
            (
                "date,images\n10/05/2026,4\n",
                "line 2, column date: `10/05/2026` can be read in two ways; write it as 2026-10-31, year first",
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
                "date,images,cost\n2026-10-30,500,12.50\n2026-10-31,500,\n",
                "line 3, column cost: it is empty beside 500 images; write 0 if they cost nothing",
            ),
            (
                "date,images,images,cost\n2026-10-31,500,600,1\n",
                "column images is there twice; take one of them out",
            ),
            (
                "date;cost\n2026-10-31;1.200\n",
                "line 2, column cost: `1.200` is not an amount; write a number such as 1234.50",
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
        let quoted = "date,note,images\n2026-10-31,\"two\nlines\",1\n\nYesterday,,4";
        assert!(read(quoted).expect_err("refused").starts_with("line 5, "));
        let latin = UsageFile::read(&b"date,cost\n2026-10-31,1\xa3\n"[..], true).expect_err("not UTF-8");
        assert_eq!(latin.to_string(), "line 2: not UTF-8; save the file as UTF-8");
    }

    proptest::proptest! {
        #[test]
        fn no_file_is_read_with_a_panic(csv in "(date|images|cost|,|;|\n|[0-9-]{1,10}|\\PC){0,40}") {
            let _ = read(&format!("date,images,cost\n{csv}")).map(|usage| usage.period.calendar_months());
            let _ = read(&csv);
        }
    }
}
