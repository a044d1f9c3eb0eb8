//! Money, energy and time as sealed integers.
//!
//! Architecture invariant: nothing in the ledger or in a price is a float. The integer inside each type is
//! private; conversions are the names (`from_nano`, `as_millijoules`), so that a unit cannot be mistaken.

mod energy;
mod money;
mod time;

pub use energy::{Energy, Power};
pub use money::{Currency, CurrencyError, Money, MoneyError};
pub use time::Millis;
