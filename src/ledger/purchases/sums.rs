use serde::{Deserialize, Serialize};

use super::rows::{BoughtKind, BoughtSum};
use crate::units::{Money, RangeError};

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
    /// Images that were paid for and never came, as somebody found out of a purchase in doubt.
    #[serde(default)]
    pub lost_images: i64,
    /// What they cost.
    #[serde(default)]
    pub lost_total: Money,
    /// What the bought images were expected to cost here, one more each: the marginal cost by the measured pace.
    pub here_total: Money,
    /// What was paid, doubtful and lost images included, less `here_total`: what another device of this kind would have saved, without its
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
    /// Images that were paid for and never came.
    #[serde(default)]
    pub lost_images: i64,
    /// The list price of all three, in the seller's currency.
    pub list_total: Money,
    /// The same in the ledger's.
    pub total: Money,
}

impl BoughtReport {
    /// The report of `sums`, beside the all-in cost of the same time; none if nothing was bought.
    ///
    /// # Errors
    /// [`RangeError`] past 64 bits.
    pub(in crate::ledger) fn new<'a>(
        sums: impl IntoIterator<Item = &'a BoughtSum>,
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
            whole.lost_images += report.lost_images;
            whole.lost_total = whole.lost_total.plus(report.lost_total)?;
            whole.here_total = whole.here_total.plus(report.here_total)?;
            for seller in &report.sellers {
                whole.seller(&seller.seller, &seller.sku, &seller.list_currency).add(seller)?;
            }
        }
        whole.close(all_in)
    }

    fn add(&mut self, sum: &BoughtSum) -> Result<(), RangeError> {
        let mut line = SellerReport {
            list_total: sum.list,
            total: sum.paid,
            ..SellerReport::empty(&sum.seller, &sum.sku, sum.list_currency.code())
        };
        let (images, total, of_seller) = match sum.kind {
            BoughtKind::Bought => {
                self.here_total = self.here_total.plus(sum.here)?;
                (&mut self.bought_images, &mut self.bought_total, &mut line.bought_images)
            }
            BoughtKind::Doubtful => {
                (&mut self.doubtful_images, &mut self.doubtful_total, &mut line.doubtful_images)
            }
            BoughtKind::Lost => (&mut self.lost_images, &mut self.lost_total, &mut line.lost_images),
        };
        *images += sum.images;
        *of_seller = sum.images;
        *total = total.plus(sum.paid)?;
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
        // A doubt that was cleared up in the same time leaves nothing.
        self.sellers.retain(|seller| !seller.is_nothing());
        if self.sellers.is_empty() {
            return Ok(None);
        }
        let paid = self.bought_total.plus(self.doubtful_total)?.plus(self.lost_total)?;
        self.another_device_saves = paid.minus(self.here_total)?;
        self.paid_total = all_in.map(|all_in| all_in.plus(paid)).transpose()?;
        Ok(Some(self))
    }

    /// What was paid, doubtful and lost images included.
    pub fn paid(&self) -> Money {
        let all = [self.bought_total, self.doubtful_total, self.lost_total];
        all.into_iter().fold(Money::ZERO, |sum, total| sum.plus(total).unwrap_or(sum))
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
            lost_images: 0,
            list_total: Money::ZERO,
            total: Money::ZERO,
        }
    }

    fn is_nothing(&self) -> bool {
        (self.bought_images, self.doubtful_images, self.lost_images, self.total) == (0, 0, 0, Money::ZERO)
    }

    fn add(&mut self, other: &Self) -> Result<(), RangeError> {
        self.bought_images += other.bought_images;
        self.doubtful_images += other.doubtful_images;
        self.lost_images += other.lost_images;
        self.list_total = self.list_total.plus(other.list_total)?;
        self.total = self.total.plus(other.total)?;
        Ok(())
    }
}
