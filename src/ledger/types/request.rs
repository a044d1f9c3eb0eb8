use jiff::Timestamp;

use super::{BudgetPeriods, FailedWork, Need, OverBudget, Purchase, SettledImage};
use crate::{
    costs::{Budgets, Spending},
    domain::{Claim, Computation, CostTag, EditRecord, ImageSize, KeyId, LoraUse, Quality, RequestId},
    ledger::LedgerError,
    units::{Energy, Money},
};

/// A request that asks for money before work.
#[derive(Debug, Clone)]
pub struct NewRequest<'a> {
    /// Its id.
    pub id: RequestId,
    /// Who asks.
    pub key: KeyId,
    /// The client's Idempotency-Key header.
    pub idempotency_key: Option<&'a str>,
    /// SHA-256 of the body, which distinguishes a retry from another request under the same key.
    pub body_sha256: [u8; 32],
    /// The model that will generate it.
    pub model: &'a str,
    /// The quality asked for.
    pub quality: Quality,
    /// What it is filed under.
    pub tag: Option<&'a CostTag>,
    /// The LoRAs that are applied.
    pub loras: &'a [LoraUse],
    /// Images asked for.
    pub images: u32,
    /// What they are expected to cost.
    pub estimate: Money,
    /// What they are expected to draw at the plug.
    pub wall_energy: Energy,
    /// Budgets of all keys together.
    pub budgets: &'a Budgets,
    /// When it came.
    pub now: Timestamp,
    /// The day and the month from whose beginnings budgets count.
    pub periods: BudgetPeriods,
}

impl NewRequest<'_> {
    /// What its budgets must cover.
    pub(in crate::ledger) fn need(&self) -> Need<'_> {
        let spending = Spending { money: self.estimate, images: self.images, energy: self.wall_energy };
        Need { key: self.key, spending, budgets: self.budgets, periods: &self.periods }
    }
}

/// What a request came to.
#[derive(Debug, Clone, Copy)]
pub struct Settlement<'a> {
    /// Its images, in order.
    pub images: &'a [SettledImage],
    /// Work on them that gave none, at most once for each image.
    pub failed: &'a [FailedWork],
    /// Tokens of its prompt.
    pub prompt_tokens: usize,
    /// What came of it as an edit; none for images from noise.
    pub edit: Option<EditRecord>,
    /// What decided its images' pixels, if that is known.
    pub computation: Option<&'a Computation>,
}

/// A settled request, as it was booked.
#[derive(Debug, Clone, PartialEq)]
pub struct SettledRequest {
    /// When it was settled.
    pub settled_at: Timestamp,
    /// Tokens of its prompt.
    pub prompt_tokens: usize,
    /// What came of it as an edit; none for images from noise.
    pub edit: Option<EditRecord>,
    /// The LoRAs that were applied.
    pub loras: Vec<LoraUse>,
    /// What decided its images' pixels; none if an earlier version made them.
    pub computation: Option<Computation>,
    /// The images' size.
    pub size: ImageSize,
    /// Its images, in order.
    pub images: Vec<SettledImage>,
    /// What was bought for it, or was to be; none if nobody was asked.
    pub purchase: Option<Purchase>,
}

/// What a request meets under its Idempotency-Key. A repeat is a case, not an error: it has an answer, or will have
/// one.
#[derive(Debug)]
#[must_use = "a reservation that is dropped holds its money until the next start"]
pub enum Reserved<T = Reservation> {
    /// No request was made under it, or those that were have failed.
    New(T),
    /// The request with this id was settled, with the same body: its answer can be given again.
    Settled(RequestId),
    /// The request with this id is open, with the same body.
    Open(RequestId),
}

impl<T> Reserved<T> {
    /// What is new through `change`; a repeat stays one.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Reserved<U> {
        match self {
            Self::New(new) => Reserved::New(change(new)),
            Self::Settled(id) => Reserved::Settled(id),
            Self::Open(id) => Reserved::Open(id),
        }
    }
}

/// What is new in a [`Reserved`]; a repeat is what the function returns that asks.
macro_rules! new_or_return {
    ($reserved:expr) => {
        match $reserved {
            $crate::ledger::Reserved::New(new) => new,
            $crate::ledger::Reserved::Settled(id) => return Ok($crate::ledger::Reserved::Settled(id)),
            $crate::ledger::Reserved::Open(id) => return Ok($crate::ledger::Reserved::Open(id)),
        }
    };
}
pub(crate) use new_or_return;

impl Reserved {
    /// The reservation of a new request; none for a repeat.
    pub fn into_new(self) -> Option<Reservation> {
        match self {
            Self::New(reservation) => Some(reservation),
            Self::Settled(_) | Self::Open(_) => None,
        }
    }
}

/// Why no money was reserved. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ReserveError {
    /// A hard budget does not cover the request.
    #[error("a budget is used up")]
    OverBudget(Box<OverBudget>),
    /// The idempotency key was used before, with another body.
    #[error("the idempotency key was used with another body")]
    IdempotencyKeyReused,
    /// The database failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Money set aside for a request. Used up by [`settle`](crate::ledger::Ledger::settle) or
/// [`fail`](crate::ledger::Ledger::fail); a crash leaves it to
/// [`abandon_open`](crate::ledger::Ledger::abandon_open).
#[derive(Debug)]
#[must_use = "a reservation that is dropped holds its money until the next start"]
pub struct Reservation {
    pub(in crate::ledger) id: RequestId,
    pub(in crate::ledger) passed_budgets: Box<[OverBudget]>,
    /// By which a worker of a cluster holds the request: it ends by this claim alone.
    pub(in crate::ledger) claim: Option<Claim>,
}

/// A request that could not be ended, and is still open.
#[derive(Debug, thiserror::Error)]
#[error("request {} could not be booked: {error}", reservation.id)]
pub struct Unbooked {
    /// Its money, still set aside.
    pub reservation: Reservation,
    /// Why.
    pub error: Box<LedgerError>,
}

impl Reservation {
    /// The request.
    pub fn id(&self) -> RequestId {
        self.id
    }

    /// The same request and claim, without its budgets: to ask about it before it ends.
    pub fn held(&self) -> Self {
        Self { id: self.id, passed_budgets: Box::default(), claim: self.claim }
    }

    /// By which a worker of a cluster holds the request; none if it is not in a queue that is shared.
    pub fn claim(&self) -> Option<Claim> {
        self.claim
    }

    /// The soft budgets that it passes.
    pub fn passed_budgets(&self) -> &[OverBudget] {
        &self.passed_budgets
    }
}
