use jiff::Timestamp;
use serde::Serialize;

use crate::{
    costs::BoughtPrice,
    domain::{ImageSize, RequestId},
    units::{Currency, Money},
};

/// What came of a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PurchaseState {
    /// The seller is being asked.
    Open,
    /// The images came, and were booked.
    Bought,
    /// No usable image came, and nobody knows whether it was paid for. It is booked as if it was.
    Doubtful,
    /// The seller refused, and nothing was paid.
    Refused,
}

crate::domain::words!(
    PurchaseState, "a purchase's state":
    Open = "open", Bought = "bought", Doubtful = "doubtful", Refused = "refused",
);

/// How a purchase stands: its state, and what was found out about it since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PurchaseStanding {
    /// The seller is being asked.
    Open,
    /// The images came, and were booked.
    Bought,
    /// The seller refused, and nothing was paid.
    Refused,
    /// Nobody knows whether it was paid for.
    Doubtful,
    /// It was in doubt, and nothing was paid.
    NotPaid,
    /// It was in doubt, it was paid for, and no image came.
    Lost,
}

crate::domain::words!(
    PurchaseStanding, "how a purchase stands":
    Open = "open", Bought = "bought", Refused = "refused", Doubtful = "doubtful", NotPaid = "not paid", Lost = "paid, lost",
);

/// A purchase as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// The name of the `[[overflow]]`.
    pub seller: String,
    /// How many images.
    pub images: u32,
    /// Their size.
    pub size: ImageSize,
    /// The price of one.
    pub price: BoughtPrice,
    /// What one more image was expected to cost here.
    pub here: Money,
    /// Why it was made.
    pub why: String,
    /// What came of it.
    pub state: PurchaseState,
    /// What the seller answered, or what went wrong; none while it is open.
    pub outcome: Option<String>,
    /// What was found out; none if it was never in doubt, or still is.
    pub resolution: Option<Resolution>,
}

impl Purchase {
    /// Whether its images are the request's.
    pub fn is_bought(&self) -> bool {
        self.state == PurchaseState::Bought
    }

    /// How it stands now.
    pub fn standing(&self) -> PurchaseStanding {
        match (self.state, &self.resolution) {
            (PurchaseState::Open, _) => PurchaseStanding::Open,
            (PurchaseState::Bought, _) => PurchaseStanding::Bought,
            (PurchaseState::Refused, _) => PurchaseStanding::Refused,
            (PurchaseState::Doubtful, None) => PurchaseStanding::Doubtful,
            (PurchaseState::Doubtful, Some(found)) if found.paid == Money::ZERO => PurchaseStanding::NotPaid,
            (PurchaseState::Doubtful, Some(_)) => PurchaseStanding::Lost,
        }
    }

    /// Whether somebody has still to find out whether it was paid for.
    pub fn is_in_doubt(&self) -> bool {
        self.standing() == PurchaseStanding::Doubtful
    }

    /// What was paid for all its images, or perhaps was, in the seller's currency and in the ledger's.
    pub fn paid(&self) -> [Money; 2] {
        match (&self.resolution, self.state) {
            (Some(found), _) => [found.list, found.paid],
            (None, PurchaseState::Refused) => [Money::ZERO; 2],
            (None, _) => [self.price.list, self.price.price].map(|one| one.times(self.images).unwrap_or(one)),
        }
    }
}

/// A purchase with its request, and what was found out about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurchaseRow {
    /// The request whose images were bought, or were to be.
    pub request: RequestId,
    /// The purchase.
    pub purchase: Purchase,
    /// The ledger's currency.
    pub currency: Currency,
    /// When the seller was asked.
    pub begun_at: Timestamp,
}

/// What somebody found out about a purchase in doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resolution {
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// What was paid for all its images, in the seller's currency; 0: nothing.
    pub list: Money,
    /// The same in the ledger's.
    pub paid: Money,
    /// How that is known.
    pub note: String,
    /// Who recorded it: `command line`, or a key's public id.
    pub actor: String,
}

/// A purchase for scripts: the same for the command line and the page.
#[derive(Debug, Clone, Serialize)]
pub struct PurchaseRecord {
    request: String,
    seller: String,
    sku: String,
    images: u32,
    state: &'static str,
    in_doubt: bool,
    /// What was paid for all its images, or perhaps was, in the seller's currency.
    list_total: Money,
    list_currency: String,
    /// The same in the ledger's.
    total: Money,
    currency: String,
    begun_at: Timestamp,
    why: String,
    outcome: Option<String>,
    resolution: Option<Resolution>,
}

impl From<&PurchaseRow> for PurchaseRecord {
    fn from(row: &PurchaseRow) -> Self {
        let (purchase, [list_total, total]) = (&row.purchase, row.purchase.paid());
        Self {
            request: row.request.to_text(),
            seller: purchase.seller.clone(),
            sku: purchase.price.sku.clone(),
            images: purchase.images,
            state: purchase.state.as_str(),
            in_doubt: purchase.is_in_doubt(),
            list_total,
            list_currency: purchase.price.list_currency.to_string(),
            total,
            currency: row.currency.to_string(),
            begun_at: row.begun_at,
            why: purchase.why.clone(),
            outcome: purchase.outcome.clone(),
            resolution: purchase.resolution.clone(),
        }
    }
}
