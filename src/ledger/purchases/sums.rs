use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ledger::{
        LedgerError,
        store::{Conn, Row, params},
    },
    units::{Currency, Money, RangeError},
};

/// What was bought in a month, or a part of it, because there was no room here. It counts neither in the all-in cost of the own
/// machine nor as saved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoughtReport {
    /// Images that were bought.
    pub bought_images: i64,
    /// What they cost.
    pub bought_total: Money,
    /// Images that were perhaps paid for and did not come.
    pub doubtful_images: i64,
    /// What they cost, if they were.
    pub doubtful_total: Money,
    /// What the bought images were expected to cost here, one more each: the marginal cost by the measured pace.
    pub here_total: Money,
    /// What was paid, doubtful images included, less `here_total`: what another device of this kind would have saved, without its
    /// own price.
    pub another_device_saves: Money,
    /// The all-in cost of the month and what was bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_total: Option<Money>,
    /// The same by seller, price-book entry and currency.
    pub sellers: Vec<SellerReport>,
}

/// What one seller was paid for images of one price-book entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SellerReport {
    /// The name of the `[[overflow]]`.
    pub seller: String,
    /// The price book's entry.
    pub sku: String,
    /// Its currency.
    pub list_currency: String,
    /// Images that were bought.
    pub bought_images: i64,
    /// Images that were perhaps paid for.
    pub doubtful_images: i64,
    /// The list price of both, in the seller's currency.
    pub list_total: Money,
    /// The same in the ledger's.
    pub total: Money,
}

/// One line of [`BoughtReport`], as the rows of a span add up.
pub(in crate::ledger) struct BoughtSum {
    pub(in crate::ledger) seller: String,
    pub(in crate::ledger) sku: String,
    pub(in crate::ledger) list_currency: Currency,
    pub(in crate::ledger) is_doubtful: bool,
    pub(in crate::ledger) images: i64,
    pub(in crate::ledger) list: Money,
    pub(in crate::ledger) paid: Money,
    pub(in crate::ledger) here: Money,
}

/// The sums of a span, by seller, price-book entry, currency and state.
const SUMS: &str = "
    SELECT seller, sku, list_currency, state, CAST(count(*) AS BIGINT) AS images,
           CAST(sum(list_nano) AS BIGINT) AS list_nano, CAST(sum(price_nano) AS BIGINT) AS price_nano,
           CAST(sum(here_nano) AS BIGINT) AS here_nano
    FROM bought_images WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2
    GROUP BY seller, sku, list_currency, state ORDER BY seller, sku, list_currency, state";

/// What was bought from `start` up to, not including, `end`.
pub(in crate::ledger) fn of_span(
    conn: &Conn<'_>,
    start: Timestamp,
    end: Timestamp,
) -> Result<Vec<BoughtSum>, LedgerError> {
    conn.query(SUMS, params![start, end], bought_sum)
}

fn bought_sum(row: &Row<'_>) -> Result<BoughtSum, LedgerError> {
    let code: String = row.get("list_currency")?;
    Ok(BoughtSum {
        seller: row.get("seller")?,
        sku: row.get("sku")?,
        list_currency: Currency::meant_by(&code)
            .ok_or(LedgerError::OutOfRange { what: "bought_images.list_currency" })?,
        is_doubtful: row.get::<String>("state")? == "doubtful",
        images: row.get("images")?,
        list: Money::from_nano(row.get("list_nano")?),
        paid: Money::from_nano(row.get("price_nano")?),
        here: Money::from_nano(row.get("here_nano")?),
    })
}

impl BoughtReport {
    /// The report of `sums`, beside the all-in cost of the same time; none if nothing was bought.
    ///
    /// # Errors
    /// [`RangeError`] past 64 bits.
    pub(in crate::ledger) fn new(
        sums: &[BoughtSum],
        all_in: Option<Money>,
    ) -> Result<Option<Self>, RangeError> {
        let mut report = Self::default();
        for sum in sums {
            report.add(sum)?;
        }
        report.close(all_in)
    }

    /// The same of several reports.
    ///
    /// # Errors
    /// [`RangeError`] past 64 bits.
    pub(in crate::ledger) fn of_all<'a>(
        reports: impl IntoIterator<Item = &'a Self>,
        all_in: Option<Money>,
    ) -> Result<Option<Self>, RangeError> {
        let mut whole = Self::default();
        for report in reports {
            whole.bought_images += report.bought_images;
            whole.bought_total = whole.bought_total.plus(report.bought_total)?;
            whole.doubtful_images += report.doubtful_images;
            whole.doubtful_total = whole.doubtful_total.plus(report.doubtful_total)?;
            whole.here_total = whole.here_total.plus(report.here_total)?;
            for seller in &report.sellers {
                whole.seller(&seller.seller, &seller.sku, &seller.list_currency).add(seller)?;
            }
        }
        whole.close(all_in)
    }

    fn add(&mut self, sum: &BoughtSum) -> Result<(), RangeError> {
        let (images, total) = if sum.is_doubtful {
            (&mut self.doubtful_images, &mut self.doubtful_total)
        } else {
            self.here_total = self.here_total.plus(sum.here)?;
            (&mut self.bought_images, &mut self.bought_total)
        };
        *images += sum.images;
        *total = total.plus(sum.paid)?;
        let line = SellerReport {
            bought_images: if sum.is_doubtful { 0 } else { sum.images },
            doubtful_images: if sum.is_doubtful { sum.images } else { 0 },
            list_total: sum.list,
            total: sum.paid,
            ..SellerReport::empty(&sum.seller, &sum.sku, sum.list_currency.code())
        };
        self.seller(&sum.seller, &sum.sku, sum.list_currency.code()).add(&line)
    }

    fn seller(&mut self, seller: &str, sku: &str, currency: &str) -> &mut SellerReport {
        let is_of = |of: &SellerReport| of.seller == seller && of.sku == sku && of.list_currency == currency;
        let at = self.sellers.iter().position(is_of).unwrap_or_else(|| {
            self.sellers.push(SellerReport::empty(seller, sku, currency));
            self.sellers.len() - 1
        });
        &mut self.sellers[at]
    }

    fn close(mut self, all_in: Option<Money>) -> Result<Option<Self>, RangeError> {
        if self.sellers.is_empty() {
            return Ok(None);
        }
        let paid = self.bought_total.plus(self.doubtful_total)?;
        self.another_device_saves = paid.minus(self.here_total)?;
        self.paid_total = all_in.map(|all_in| all_in.plus(paid)).transpose()?;
        Ok(Some(self))
    }

    /// What was paid, doubtful images included.
    pub fn paid(&self) -> Money {
        self.sellers.iter().fold(Money::ZERO, |sum, seller| sum.plus(seller.total).unwrap_or(sum))
    }
}

impl SellerReport {
    fn empty(seller: &str, sku: &str, currency: &str) -> Self {
        Self {
            seller: seller.to_owned(),
            sku: sku.to_owned(),
            list_currency: currency.to_owned(),
            bought_images: 0,
            doubtful_images: 0,
            list_total: Money::ZERO,
            total: Money::ZERO,
        }
    }

    fn add(&mut self, other: &Self) -> Result<(), RangeError> {
        self.bought_images += other.bought_images;
        self.doubtful_images += other.doubtful_images;
        self.list_total = self.list_total.plus(other.list_total)?;
        self.total = self.total.plus(other.total)?;
        Ok(())
    }
}
