use std::{fmt, str::FromStr};

use rust_decimal::Decimal;

use super::{EnergyBalance, RangeError, arithmetic::checked_arithmetic};

/// What a gram is in [`Carbon`]'s units: millijoules of a kilowatt-hour, times ten.
const UNITS_PER_GRAM: i64 = 36_000_000_000;
/// No grid emits more a kilowatt-hour.
const TENTHS_MAX: u32 = 50_000;

/// Greenhouse gas as grams of CO₂ equivalent, less what was taken back. An exact sum of products of millijoules and tenths of a
/// gram a kilowatt-hour.
///
/// ```
/// use tintype::units::{Carbon, CarbonIntensity, EnergyBalance};
///
/// let grid: CarbonIntensity = "570.3".parse().unwrap();
/// let image = Carbon::of(EnergyBalance::from_millijoules(6_750_000), grid).unwrap();
/// assert_eq!(image.to_grams_string(), "1.07", "1.0693125 g, rounded up");
/// ```
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Carbon(i64);

/// Grams of CO₂ equivalent for a kilowatt-hour, to a tenth of a gram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CarbonIntensity(u32);

/// A text that is not a [`CarbonIntensity`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no carbon intensity; write grams a kilowatt-hour from 0 to 5000 with at most 1 decimal, such as 570.3"
)]
pub struct CarbonIntensityError(String);

checked_arithmetic!(Carbon, Energy);

impl Carbon {
    /// What `energy` at the plug emits.
    ///
    /// # Errors
    /// [`RangeError`] past 64 bits.
    pub fn of(energy: EnergyBalance, intensity: CarbonIntensity) -> Result<Self, RangeError> {
        energy.as_millijoules().checked_mul(intensity.0.into()).map(Self).ok_or(RangeError::Energy)
    }

    /// The sum of what is known; none if nothing is.
    ///
    /// # Errors
    /// [`RangeError`] past 64 bits.
    pub fn sum(parts: impl IntoIterator<Item = Option<Self>>) -> Result<Option<Self>, RangeError> {
        parts
            .into_iter()
            .flatten()
            .try_fold(None, |sum: Option<Self>, part| Ok(Some(sum.unwrap_or_default().plus(part)?)))
    }

    /// Grams with at most three decimals, rounded up.
    pub fn to_grams_string(self) -> String {
        let per_milligram = UNITS_PER_GRAM / 1000;
        let whole = self.0.div_euclid(per_milligram);
        let milligrams = whole + i64::from(self.0.rem_euclid(per_milligram) > 0);
        Decimal::new(milligrams, 3).normalize().to_string()
    }
}

/// Grams as a JSON number. For serde_json only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grams(pub Carbon);

impl serde::Serialize for Grams {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        super::exact_number(&self.0.to_grams_string(), serializer)
    }
}

/// What [`Grams`] is written as, to the milligram.
impl<'de> serde::Deserialize<'de> for Grams {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let error = || serde::de::Error::custom("grams that cannot be");
        let grams: Decimal = super::written_decimal(deserializer)?.parse().map_err(|_| error())?;
        let units = grams.checked_mul(Decimal::from(UNITS_PER_GRAM)).ok_or_else(error)?;
        i64::try_from(units.round()).map(|units| Self(Carbon(units))).map_err(|_| error())
    }
}

impl fmt::Display for CarbonIntensity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Decimal::new(self.0.into(), 1).normalize())
    }
}

impl FromStr for CarbonIntensity {
    type Err = CarbonIntensityError;

    fn from_str(text: &str) -> Result<Self, CarbonIntensityError> {
        let tenths = text.parse::<Decimal>().ok().map(|grams| grams * Decimal::TEN);
        tenths
            .filter(Decimal::is_integer)
            .and_then(|tenths| u32::try_from(tenths).ok())
            .filter(|tenths| *tenths <= TENTHS_MAX)
            .map(Self)
            .ok_or_else(|| CarbonIntensityError(text.to_owned()))
    }
}

super::deserialize_from_str!(CarbonIntensity);
super::serialize_as_text!(CarbonIntensity);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_carbon_are_exact_and_are_rounded_where_they_are_shown() {
        let grid: CarbonIntensity = "570.3".parse().expect("an intensity");
        let of =
            |millijoules| Carbon::of(EnergyBalance::from_millijoules(millijoules), grid).expect("in range");
        assert_eq!(of(3_600_000_000).to_grams_string(), "570.3");
        assert_eq!(of(1).to_grams_string(), "0.001", "rounded up");
        assert_eq!(of(-1).to_grams_string(), "0", "up, of what is taken back");
        let thousand = (0..1000).try_fold(Carbon::default(), |sum, _| sum.plus(of(3_600_000)));
        assert_eq!(thousand, Ok(of(3_600_000_000)));
        let json = serde_json::to_string(&Grams(of(6_750_000))).expect("JSON");
        assert_eq!(json, "1.07");
        assert_eq!(serde_json::from_str::<Grams>(&json).expect("grams").0.to_grams_string(), "1.07");
        for text in ["-1", "5000.1", "1.25", "much"] {
            assert!(text.parse::<CarbonIntensity>().is_err(), "{text}");
        }
    }
}
