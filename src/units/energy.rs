use std::{fmt, str::FromStr};

use rust_decimal::Decimal;

use super::{Millis, arithmetic::checked_arithmetic};

/// Millijoules in a kilowatt-hour.
const MILLIJOULES_PER_KWH: u64 = 3_600_000_000;

/// Energy in integer millijoules, as NVML's total-energy counter counts it.
///
/// ```
/// use tintype::units::{Energy, Millis, Power};
///
/// let image = Power::from_watts(450).over(Millis::new(15_000));
/// assert_eq!(image.as_millijoules(), 6_750_000);
/// assert_eq!(image.to_kwh_string(), "0.001875");
/// assert_eq!("0.001875".parse(), Ok(image));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Energy(u64);

checked_arithmetic!(Energy, Energy);

impl Energy {
    /// The largest energy, 5.1·10⁹ kWh.
    pub const MAX: Self = Self(u64::MAX);

    /// One kilowatt-hour, 3.6·10⁹ mJ.
    pub const KILOWATT_HOUR: Self = Self(MILLIJOULES_PER_KWH);

    /// Energy of `millijoules`.
    pub const fn from_millijoules(millijoules: u64) -> Self {
        Self(millijoules)
    }

    /// The energy in millijoules.
    pub const fn as_millijoules(self) -> u64 {
        self.0
    }

    /// This energy times `factor_percent` / 100, rounded up: a wall plug delivers more than the card draws.
    pub fn scale_percent_ceil(self, factor_percent: u32) -> Self {
        let scaled = (u128::from(self.0) * u128::from(factor_percent)).div_ceil(100);
        Self(u64::try_from(scaled).unwrap_or(u64::MAX))
    }

    /// Kilowatt-hours rounded for people to a milliwatt-hour's six decimals: `0.000116`.
    pub fn to_rounded_kwh_string(self) -> String {
        let micro = (u128::from(self.0) * 1_000_000 + u128::from(MILLIJOULES_PER_KWH / 2))
            / u128::from(MILLIJOULES_PER_KWH);
        format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000)
    }

    /// Kilowatt-hours as a decimal of up to twelve places, for example `0.000125`. Never a float.
    pub fn to_kwh_string(self) -> String {
        // 1 mJ = 1/3.6e9 kWh does not end in decimal; twelve digits are a thousandth of a millijoule's place.
        let pico = u128::from(self.0) * 1_000_000_000_000 / u128::from(MILLIJOULES_PER_KWH);
        let text = format!("{}.{:012}", pico / 1_000_000_000_000, pico % 1_000_000_000_000);
        super::money::trim_decimal(text, 0)
    }
}

/// What is above 2.5 TWh is 2.5 TWh.
impl From<Energy> for EnergyBalance {
    fn from(energy: Energy) -> Self {
        Self(i64::try_from(energy.0).unwrap_or(i64::MAX))
    }
}

/// A text that is not an energy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an energy; write kilowatt-hours such as 1.25")]
pub struct EnergyError(String);

/// Kilowatt-hours as people write them, rounded down to the millijoule.
impl FromStr for Energy {
    type Err = EnergyError;

    fn from_str(text: &str) -> Result<Self, EnergyError> {
        let error = || EnergyError(text.to_owned());
        let kwh: Decimal = text.trim().parse().map_err(|_| error())?;
        let millijoules = kwh.checked_mul(Decimal::from(MILLIJOULES_PER_KWH)).ok_or_else(error)?;
        u64::try_from(millijoules.trunc()).map(Self).map_err(|_| error())
    }
}

/// Kilowatt-hours as a JSON number of up to twelve decimals. For serde_json only.
impl serde::Serialize for Energy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        super::exact_number(&self.to_kwh_string(), serializer)
    }
}

/// What [`Energy`] is written as, to the millijoule that it was.
impl<'de> serde::Deserialize<'de> for Energy {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let balance = <EnergyBalance as serde::Deserialize>::deserialize(deserializer)?;
        u64::try_from(balance.0).map(Self).map_err(|_| serde::de::Error::custom("an energy below 0"))
    }
}

/// A sum of energies less those that were taken back, in integer millijoules. Negative if more was taken back.
///
/// ```
/// use tintype::units::{Energy, EnergyBalance};
///
/// let taken_back = EnergyBalance::from_millijoules(-3_600_000_000);
/// assert_eq!(taken_back.to_kwh_string(), "-1");
/// assert_eq!(taken_back.plus(Energy::KILOWATT_HOUR.into()), Ok(EnergyBalance::default()));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnergyBalance(i64);

checked_arithmetic!(EnergyBalance, Energy);

impl EnergyBalance {
    /// A balance of `millijoules`.
    pub const fn from_millijoules(millijoules: i64) -> Self {
        Self(millijoules)
    }

    /// The balance in millijoules.
    pub const fn as_millijoules(self) -> i64 {
        self.0
    }

    /// The balance without its sign.
    pub const fn abs(self) -> Energy {
        Energy(self.0.unsigned_abs())
    }

    /// Kilowatt-hours rounded for people to six decimals: `-0.000116`.
    pub fn to_rounded_kwh_string(self) -> String {
        self.signed(self.abs().to_rounded_kwh_string())
    }

    /// Kilowatt-hours as a decimal of up to twelve places, as [`Energy::to_kwh_string`].
    pub fn to_kwh_string(self) -> String {
        self.signed(self.abs().to_kwh_string())
    }

    /// Nothing has no sign.
    fn signed(self, kwh: String) -> String {
        if self.0 < 0 && kwh.bytes().any(|digit| (b'1'..=b'9').contains(&digit)) {
            format!("-{kwh}")
        } else {
            kwh
        }
    }
}

/// Kilowatt-hours as a JSON number of up to twelve decimals. For serde_json only.
impl serde::Serialize for EnergyBalance {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        super::exact_number(&self.to_kwh_string(), serializer)
    }
}

/// What [`EnergyBalance`] is written as, to the millijoule that it was.
impl<'de> serde::Deserialize<'de> for EnergyBalance {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let error = || serde::de::Error::custom("an energy that cannot be");
        let kwh: Decimal = super::written_decimal(deserializer)?.parse().map_err(|_| error())?;
        let millijoules = kwh.checked_mul(Decimal::from(MILLIJOULES_PER_KWH)).ok_or_else(error)?;
        i64::try_from(millijoules.round()).map(Self).map_err(|_| error())
    }
}

/// Joules or kilojoules, for people.
impl fmt::Display for Energy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            mj if mj < 10_000_000 => write!(f, "{}.{:03} J", mj / 1000, mj % 1000),
            mj => write!(f, "{}.{:03} kJ", mj / 1_000_000, mj % 1_000_000 / 1000),
        }
    }
}

/// Electrical power in whole watts.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Power(u32);

impl Power {
    /// A power of `watts`.
    pub const fn from_watts(watts: u32) -> Self {
        Self(watts)
    }

    /// The power in watts.
    pub const fn as_watts(self) -> u32 {
        self.0
    }

    /// Energy drawn over `span`. A watt for a millisecond is exactly a millijoule.
    pub fn over(self, span: Millis) -> Energy {
        Energy(u64::from(self.0).saturating_mul(span.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_articles_image_draws_6750_joules() {
        let energy = Power::from_watts(450).over(Millis::new(15_000));
        assert_eq!(energy, Energy::from_millijoules(6_750_000));
        assert_eq!(energy.to_kwh_string(), "0.001875");
        assert_eq!(energy.to_rounded_kwh_string(), "0.001875");
        assert_eq!(Energy::from_millijoules(1_799).to_rounded_kwh_string(), "0.000000");
        assert_eq!(Energy::from_millijoules(1_800).to_rounded_kwh_string(), "0.000001");
    }

    #[test]
    fn kilowatt_hours_are_read_to_the_millijoule() {
        assert_eq!("1.25".parse(), Ok(Energy::from_millijoules(4_500_000_000)));
        assert_eq!("0.0000000001".parse(), Ok(Energy::from_millijoules(0)));
        assert!("-1".parse::<Energy>().is_err() && "much".parse::<Energy>().is_err());
    }

    #[test]
    fn a_balance_keeps_its_sign_and_nothing_has_none() {
        let balance = EnergyBalance::from_millijoules;
        assert_eq!(balance(-6_750_000).to_kwh_string(), "-0.001875");
        assert_eq!(balance(-6_750_000).to_rounded_kwh_string(), "-0.001875");
        assert_eq!(balance(-1_799).to_rounded_kwh_string(), "0.000000");
        assert_eq!(balance(i64::MIN).abs().as_millijoules(), 1 << 63);
    }

    #[test]
    fn a_wall_factor_rounds_up() {
        assert_eq!(Energy::from_millijoules(1).scale_percent_ceil(110), Energy::from_millijoules(2));
        assert_eq!(Energy::from_millijoules(100).scale_percent_ceil(100), Energy::from_millijoules(100));
    }
}
