//! Money, energy and time as sealed integers.
//!
//! Architecture invariant: nothing in the ledger or in a price is a float. The integer inside each type is
//! private; conversions are the names (`from_nano`, `as_millijoules`), so that a unit cannot be mistaken.

mod energy;
mod iso4217;
mod money;
mod time;

pub use energy::{Energy, EnergyBalance, EnergyError, Power};
pub use money::{Currency, CurrencyError, Money, MoneyError};
pub use time::Millis;

/// `Deserialize` by way of `FromStr`, for what people write as text in configuration and price files.
macro_rules! deserialize_from_str {
    ($($type:ty),* $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

pub(crate) use deserialize_from_str;

deserialize_from_str!(Currency);

/// Writes a decimal as a JSON number, digit for digit.
fn exact_number<S: serde::Serializer>(decimal: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let number = serde_json::value::RawValue::from_string(decimal.to_owned());
    serde::Serialize::serialize(&number.map_err(serde::ser::Error::custom)?, serializer)
}
