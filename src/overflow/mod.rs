//! Images from a commercial service while there is no room here: who may be asked, whether it is worth it, and the asking.
//!
//! Architecture invariant: [`decide`] is pure. It sees figures and returns a choice with its reason in words; what is booked, and
//! what is reserved, is the ledger's and the service's.

mod answer;
mod client;
mod decision;
mod fetch;
mod form;
mod seller;

pub use self::{
    client::{Buyer, PurchaseError},
    decision::{Choice, Offered, Situation, Stay, StayRule, Wait, decide, short_wait},
    seller::{Caps, EditsSold, Seller, SellerKey, Wares},
};
