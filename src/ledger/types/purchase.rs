use crate::{costs::BoughtPrice, domain::ImageSize, units::Money};

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
}

impl Purchase {
    /// Whether its images are the request's.
    pub fn is_bought(&self) -> bool {
        self.state == PurchaseState::Bought
    }
}
