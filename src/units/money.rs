use std::{fmt, str::FromStr};

use rust_decimal::Decimal;

use super::{RangeError, arithmetic::checked_arithmetic};

/// Decimal places of the ledger's money: one nano-unit is 10⁻⁹ of the currency.
const NANO_DIGITS: u32 = 9;
const NANO_PER_UNIT: i64 = 1_000_000_000;

/// An amount in integer nano-units of a currency. The currency itself stands beside it, once a ledger.
///
/// The range is ±9.2·10⁹ units of the currency.
///
/// ```
/// use tintype::units::{Money, RangeError};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let card: Money = "17300".parse()?;
/// let image = card.share_ceil(1, 30_000)?;
/// assert_eq!(image.to_string(), "0.576666667", "a cost is rounded up");
/// assert_eq!(card.share_floor(1, 30_000)?.to_string(), "0.576666666", "a list price is rounded down");
/// assert_eq!(image.times(2)?.minus(image)?, image);
/// assert_eq!(Money::MAX.plus(Money::from_nano(1)), Err(RangeError::Money));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

checked_arithmetic!(Money, Money);

/// A text that is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a decimal number.
    #[error("`{0}` is not an amount; write a decimal number such as 1.20")]
    NotDecimal(String),
    /// Finer than a nano-unit.
    #[error("`{0}` is finer than a billionth of the currency; use at most 9 decimals")]
    TooFine(String),
    /// Outside the range of 64-bit nano-units.
    #[error(transparent)]
    OutOfRange(#[from] RangeError),
}

impl Money {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// The largest amount.
    pub const MAX: Self = Self(i64::MAX);

    /// An amount of `nano` nano-units.
    pub const fn from_nano(nano: i64) -> Self {
        Self(nano)
    }

    /// The amount in nano-units.
    pub const fn as_nano(self) -> i64 {
        self.0
    }

    /// `self · numerator / denominator`, rounded up to the next nano-unit: a cost is never understated.
    ///
    /// # Errors
    /// [`RangeError`] past 64-bit nano-units, or if `denominator` is 0.
    pub fn share_ceil(self, numerator: u64, denominator: u64) -> Result<Self, RangeError> {
        let floor = self.share_floor(numerator, denominator)?;
        let product = i128::from(self.0) * i128::from(numerator);
        match product.rem_euclid(i128::from(denominator)) {
            0 => Ok(floor),
            _ => floor.plus(Self(1)),
        }
    }

    /// `self · numerator / denominator`, rounded down: a price we compare with is never overstated.
    ///
    /// # Errors
    /// [`RangeError`] past 64-bit nano-units, or if `denominator` is 0.
    pub fn share_floor(self, numerator: u64, denominator: u64) -> Result<Self, RangeError> {
        if denominator == 0 {
            return Err(RangeError::Money);
        }
        let product = i128::from(self.0) * i128::from(numerator);
        i64::try_from(product.div_euclid(i128::from(denominator))).map(Self).map_err(|_| RangeError::Money)
    }

    /// Rounded for people to `places` decimals, half away from zero: `0.3756`, `17300.00`. At most nine places.
    pub fn to_rounded_string(self, places: u32) -> String {
        let places = places.min(NANO_DIGITS);
        let step = 10u64.pow(NANO_DIGITS - places);
        let rounded = (self.0.unsigned_abs() + step / 2) / step;
        let sign = if self.0 < 0 && rounded > 0 { "-" } else { "" };
        let unit = 10u64.pow(places);
        match places {
            0 => format!("{sign}{rounded}"),
            _ => format!("{sign}{}.{:0width$}", rounded / unit, rounded % unit, width = places as usize),
        }
    }

    /// The amount without its sign.
    pub fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// `self` in tenths of a percent of `whole`, rounded down: 756 for 75.6 %. None if `whole` is not above 0.
    pub fn percent_tenths_of(self, whole: Self) -> Option<i64> {
        let tenths = (i128::from(self.0) * 1000).checked_div_euclid(i128::from(whole.0))?;
        i64::try_from(tenths).ok().filter(|_| whole > Self::ZERO)
    }

    /// The exact decimal, at least two places: `0.00225`, `17300.00`.
    pub fn to_decimal_string(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nano = self.0.unsigned_abs();
        let unit = NANO_PER_UNIT.unsigned_abs();
        trim_decimal(format!("{sign}{}.{:09}", nano / unit, nano % unit), 2)
    }
}

/// Drops trailing zeros of a decimal, keeping at least `places` digits after the point.
pub(super) fn trim_decimal(mut text: String, places: usize) -> String {
    if let Some(point) = text.find('.') {
        while text.len() > point + 1 + places && text.ends_with('0') {
            text.pop();
        }
        if text.ends_with('.') {
            text.pop();
        }
    }
    text
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let decimal: Decimal = text.trim().parse().map_err(|_| MoneyError::NotDecimal(text.to_owned()))?;
        let nano = decimal.normalize().checked_mul(Decimal::from(NANO_PER_UNIT)).ok_or(RangeError::Money)?;
        if decimal.normalize().scale() > NANO_DIGITS {
            return Err(MoneyError::TooFine(text.to_owned()));
        }
        i64::try_from(nano.trunc()).map(Self).map_err(|_| RangeError::Money.into())
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_decimal_string())
    }
}

/// An exact JSON number, `0.00225`: no float between the ledger and the reader. For serde_json only.
impl serde::Serialize for Money {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        super::exact_number(&self.to_decimal_string(), serializer)
    }
}

/// Amounts in configuration and price files are quoted decimals; a bare number is read as it was typed.
impl<'de> serde::Deserialize<'de> for Money {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::written_decimal(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A currency of ISO 4217, as money is paid with today.
///
/// ```
/// use tintype::units::Currency;
///
/// assert_eq!("CNY".parse::<Currency>(), Ok(Currency::CNY));
/// let refused = "RMB".parse::<Currency>().unwrap_err();
/// assert_eq!(refused.to_string(), "`RMB` is not in ISO 4217; write CNY");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// A text that is not a code of ISO 4217.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not in ISO 4217; write {}", Self::meant(.text).unwrap_or("a code such as CNY, EUR or USD"))]
pub struct CurrencyError {
    text: String,
}

impl CurrencyError {
    /// The code that people mean by another word.
    fn meant(text: &str) -> Option<&'static str> {
        let upper = text.trim().to_uppercase();
        match upper.as_str() {
            "RMB" | "CNH" | "YUAN" | "元" | "人民币" => Some("CNY"),
            "$" | "US$" | "DOLLAR" => Some("USD"),
            "€" | "EURO" => Some("EUR"),
            "£" | "UKP" | "STG" => Some("GBP"),
            "NTD" => Some("TWD"),
            _ => super::iso4217::CODES.split(' ').find(|code| *code == upper),
        }
    }
}

impl Currency {
    /// The renminbi, the ledger's default.
    pub const CNY: Self = Self(*b"CNY");
    /// The US dollar, in which most services list their prices.
    pub const USD: Self = Self(*b"USD");
    /// The euro.
    pub const EUR: Self = Self(*b"EUR");

    /// The code, for example `CNY`.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Decimals of its smallest unit that is paid with, as ISO 4217 has them: 0 for the yen, 3 for the dinar of Kuwait.
    pub fn minor_digits(&self) -> u32 {
        super::iso4217::minor_digits(self.code())
    }

    /// The currency that `text` names, or means: older ledgers are kept in codes such as RMB.
    pub fn meant_by(text: &str) -> Option<Self> {
        text.parse().ok().or_else(|| CurrencyError::meant(text)?.parse().ok())
    }

    /// What people write before an amount: `¥`, `$`, or the code and a space.
    pub fn symbol(&self) -> String {
        match &self.0 {
            b"CNY" | b"JPY" => "¥".into(),
            b"USD" => "$".into(),
            b"EUR" => "€".into(),
            b"GBP" => "£".into(),
            _ => format!("{} ", self.code()),
        }
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        let known = super::iso4217::CODES.split(' ').find(|code| *code == text);
        let code = known.and_then(|code| <[u8; 3]>::try_from(code.as_bytes()).ok());
        code.map(Self).ok_or_else(|| CurrencyError { text: text.to_owned() })
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly_or_refused() {
        assert_eq!("1.2".parse(), Ok(Money::from_nano(1_200_000_000)));
        assert_eq!("0.000000001".parse(), Ok(Money::from_nano(1)));
        assert_eq!("-3".parse(), Ok(Money::from_nano(-3_000_000_000)));
        assert_eq!("0.0000000001".parse::<Money>(), Err(MoneyError::TooFine("0.0000000001".into())));
        assert_eq!("10000000000".parse::<Money>(), Err(MoneyError::OutOfRange(RangeError::Money)));
        assert!("12 yuan".parse::<Money>().is_err());
    }

    #[test]
    fn costs_round_up_and_comparisons_round_down() {
        let one = Money::from_nano(1);
        assert_eq!(one.share_ceil(1, 3), Ok(Money::from_nano(1)));
        assert_eq!(one.share_floor(1, 3), Ok(Money::ZERO));
        assert_eq!(Money::from_nano(6).share_ceil(1, 3), Ok(Money::from_nano(2)));
        assert!(one.share_ceil(1, 0).is_err());
    }

    #[test]
    fn amounts_are_rounded_for_people_half_away_from_zero() {
        let rounded = |nano, places| Money::from_nano(nano).to_rounded_string(places);
        assert_eq!(rounded(375_583_334, 4), "0.3756");
        assert_eq!(rounded(-340_550_000, 4), "-0.3406");
        assert_eq!(rounded(-1, 4), "0.0000");
        assert_eq!(rounded(17_300_005_000_000, 2), "17300.01");
        assert_eq!(rounded(1_500_000_000, 0), "2");
        assert_eq!(rounded(i64::MIN, 9), "-9223372036.854775808");
    }

    #[test]
    fn a_part_of_an_amount_is_given_in_tenths_of_a_percent_rounded_down() {
        let tenths = |part, whole| Money::from_nano(part).percent_tenths_of(Money::from_nano(whole));
        assert_eq!((tenths(1, 3), tenths(-1, 3), tenths(4, 2)), (Some(333), Some(-334), Some(2000)));
        assert_eq!((tenths(1, 0), tenths(1, -1), tenths(i64::MAX, 1)), (None, None, None));
    }

    #[test]
    fn three_letters_that_are_no_money_are_told_apart() {
        let is_money = |code: &str| code.parse::<Currency>().is_ok();
        assert!(["AED", "CNY", "EUR", "USD", "ZWG"].into_iter().all(is_money));
        assert!(!["USX", "DEM", "   ", "cny", "XXX"].into_iter().any(is_money));
        let refused = |code: &str| code.parse::<Currency>().expect_err("refused").to_string();
        assert_eq!(refused("RMB"), "`RMB` is not in ISO 4217; write CNY");
        assert_eq!(refused("eur"), "`eur` is not in ISO 4217; write EUR");
        assert_eq!(refused("XYZ"), "`XYZ` is not in ISO 4217; write a code such as CNY, EUR or USD");
        assert_eq!((Currency::meant_by("RMB"), Currency::meant_by("XYZ")), (Some(Currency::CNY), None));
    }

    #[test]
    fn amounts_print_without_loss() {
        assert_eq!(Money::from_nano(2_250_000).to_string(), "0.00225");
        assert_eq!(Money::from_nano(-576_666_667).to_string(), "-0.576666667");
        assert_eq!(Money::from_nano(17_300_000_000_000).to_string(), "17300.00");
    }

    proptest::proptest! {
        #[test]
        fn every_amount_survives_print_and_parse(nano in proptest::num::i64::ANY) {
            let money = Money::from_nano(nano);
            proptest::prop_assert_eq!(money.to_string().parse(), Ok(money));
        }

        #[test]
        fn a_share_up_and_a_share_down_differ_by_at_most_one_nano(
            nano in -1_000_000_000_000i64..1_000_000_000_000, n in 0u64..1_000_000, d in 1u64..1_000_000,
        ) {
            let money = Money::from_nano(nano);
            let (up, down) = (money.share_ceil(n, d), money.share_floor(n, d));
            let gap = up.and_then(|up| up.minus(down?)).map(Money::as_nano);
            proptest::prop_assert!(matches!(gap, Ok(0 | 1)), "{gap:?}");
        }
    }
}
