//! Money, energy and time as sealed integers.
//!
//! Architecture invariant: nothing in the ledger or in a price is a float. The integer inside each type is
//! private; conversions are the names (`from_nano`, `as_millijoules`), so that a unit cannot be mistaken.

mod arithmetic;
mod carbon;
mod display;
mod energy;
mod iso4217;
mod money;
mod time;

pub use arithmetic::RangeError;
pub use carbon::{Carbon, CarbonIntensity, CarbonIntensityError, Grams};
pub use display::{MINUS, Proportion, Quantity, decimals_in, grouped, readable};
pub use energy::{Energy, EnergyBalance, EnergyError, Power};
pub use money::{Currency, CurrencyError, Money, MoneyError};
pub use time::{Millis, SecondsError};

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

/// The way back: `Serialize` by way of `Display`.
macro_rules! serialize_as_text {
    ($($type:ty),* $(,)?) => {$(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

pub(crate) use {deserialize_from_str, serialize_as_text};

deserialize_from_str!(Currency);
serialize_as_text!(Currency);

/// A decimal number as it was written, for exact reading. A bare number, which is all that an environment variable can be,
/// is taken for the shortest decimal that reads as it: what was typed, up to fifteen digits.
pub(crate) fn written_decimal<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged, expecting = "a decimal number such as \"1.20\"")]
    enum WrittenDecimal {
        Text(String),
        Whole(i64),
        Decimal(f64),
    }
    Ok(match <WrittenDecimal as serde::Deserialize>::deserialize(deserializer)? {
        WrittenDecimal::Text(text) => text,
        WrittenDecimal::Whole(number) => number.to_string(),
        WrittenDecimal::Decimal(number) => number.to_string(),
    })
}

/// Writes a decimal as a JSON number, digit for digit.
fn exact_number<S: serde::Serializer>(decimal: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let number = serde_json::value::RawValue::from_string(decimal.to_owned());
    serde::Serialize::serialize(&number.map_err(serde::ser::Error::custom)?, serializer)
}
