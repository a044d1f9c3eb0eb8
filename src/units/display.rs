//! Numbers as people read them. JSON, CSV and the ledger keep the exact decimals.

use std::fmt;

use super::{Currency, EnergyBalance, Millis, Money};

/// Digits that count in a number below 1.
const SIGNIFICANT_DIGITS: u32 = 3;
/// Decimals of a number from 1 up, and the fewest of one below.
const DECIMALS: u32 = 2;
/// The sign of a negative number in text.
pub const MINUS: char = '\u{2212}';

/// A number and its unit: `12.30` and `Wh`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    /// The number, rounded and grouped.
    pub number: String,
    /// Its unit: `ms`, `s`, `min`, `h`, `mWh`, `Wh`, `kWh` or `MWh`.
    pub unit: &'static str,
}

/// Returns the text of a decimal with its whole part in groups of three and a real minus.
pub fn grouped(decimal: &str) -> String {
    let (sign, digits) = match decimal.strip_prefix(['-', MINUS]) {
        Some(digits) => ("\u{2212}", digits),
        None => ("", decimal),
    };
    let (whole, fraction) =
        digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let mut text = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// Returns `value` / `unit` for people: two decimals from 1 up, three significant digits below, thousands marks.
///
/// ```
/// use tintype::units::readable;
///
/// assert_eq!(readable(17_300_000, 1000), "17,300.00");
/// assert_eq!(readable(77, 1000), "0.077");
/// assert_eq!(readable(-1234, 1_000_000), "−0.00123");
/// ```
pub fn readable(value: i128, unit: u64) -> String {
    let (magnitude, unit) = (value.unsigned_abs(), u128::from(unit.max(1)));
    let mut decimals = DECIMALS;
    if magnitude < unit && magnitude > 0 {
        // Zeros behind the point do not count.
        let mut first_digit = 1;
        while magnitude.saturating_mul(10_u128.saturating_pow(first_digit)) < unit {
            first_digit += 1;
        }
        decimals = (first_digit + SIGNIFICANT_DIGITS - 1).max(DECIMALS);
    }
    let scale = 10_u128.saturating_pow(decimals);
    let rounded = (magnitude.saturating_mul(scale).saturating_add(unit / 2)) / unit;
    let text = format!("{}.{:0width$}", rounded / scale, rounded % scale, width = decimals as usize);
    let text = super::money::trim_decimal(text, DECIMALS as usize);
    let sign = if value < 0 && rounded > 0 { "-" } else { "" };
    grouped(&format!("{sign}{text}"))
}

/// A part of a whole, or a multiple of it, for people: in percent up to 200 %, and as a factor beyond, which is easier to picture.
///
/// ```
/// use tintype::units::Proportion;
///
/// assert_eq!(Proportion::new(756).to_string(), "75.6 %");
/// assert_eq!(Proportion::new(-2000).to_string(), "-200.0 %");
/// assert_eq!(Proportion::new(-9281).to_string(), "-9.3 times");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proportion {
    /// A decimal of percent: `75.6`.
    Percent(String),
    /// A decimal factor: `-9.3`.
    Times(String),
}

/// From here on it is a factor, in tenths of a percent.
const PERCENT_TENTHS_MAX: u64 = 2_000;

impl Proportion {
    /// Of tenths of a percent.
    pub fn new(percent_tenths: i64) -> Self {
        let sign = if percent_tenths < 0 { "-" } else { "" };
        let magnitude = percent_tenths.unsigned_abs();
        let decimal = |tenths: u64| format!("{sign}{}.{}", tenths / 10, tenths % 10);
        if magnitude > PERCENT_TENTHS_MAX {
            Self::Times(decimal(magnitude.saturating_add(50) / 100))
        } else {
            Self::Percent(decimal(magnitude))
        }
    }
}

impl fmt::Display for Proportion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(decimal) => write!(f, "{decimal} %"),
            Self::Times(decimal) => write!(f, "{decimal} times"),
        }
    }
}

/// Decimals with which an amount as large as `largest` is shown in `currency`, if it is not below 1.
pub fn decimals_in(largest: Money, currency: Currency) -> u32 {
    const NANO: u64 = 1_000_000_000;
    let magnitude = largest.as_nano().unsigned_abs();
    match currency.minor_digits() {
        0 if magnitude >= 100 * NANO => 0,
        digits if digits > DECIMALS && magnitude >= NANO => digits,
        _ => DECIMALS,
    }
}

impl Money {
    /// The amount for people, without its currency: `1,234.50`, `0.0745`.
    pub fn readable(self) -> String {
        readable(self.as_nano().into(), 1_000_000_000)
    }

    /// The same with the decimals that people pay `currency` with: three from 1 dinar up, none from 100 yen up, below which an image's
    /// cost is worth its decimals.
    ///
    /// ```
    /// use tintype::units::{Currency, Money};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let [kuwait, japan]: [Currency; 2] = ["KWD".parse()?, "JPY".parse()?];
    /// let amount: Money = "1234.5678".parse()?;
    /// assert_eq!(amount.readable_in(Currency::EUR), "1,234.57");
    /// assert_eq!(amount.readable_in(kuwait), "1,234.568");
    /// assert_eq!(amount.readable_in(japan), "1,235");
    /// assert_eq!("12.345".parse::<Money>()?.readable_in(japan), "12.35");
    /// # Ok(())
    /// # }
    /// ```
    pub fn readable_in(self, currency: Currency) -> String {
        match decimals_in(self, currency) {
            DECIMALS => self.readable(),
            decimals => grouped(&self.to_rounded_string(decimals)),
        }
    }
}

impl EnergyBalance {
    /// The energy in the unit that keeps it below 1,000.
    pub fn readable(self) -> Quantity {
        const UNITS: [(&str, u64); 4] =
            [("mWh", 3_600), ("Wh", 3_600_000), ("kWh", 3_600_000_000), ("MWh", 3_600_000_000_000)];
        match self.as_millijoules() {
            0 => Quantity { number: "0".into(), unit: "kWh" },
            millijoules => in_units(millijoules.into(), &UNITS),
        }
    }
}

impl Millis {
    /// The span in the unit that keeps it below 1,000.
    pub fn readable(self) -> Quantity {
        const UNITS: [(&str, u64); 3] = [("s", 1_000), ("min", 60_000), ("h", 3_600_000)];
        match self.get() {
            0 => Quantity { number: "0".into(), unit: "s" },
            millis @ 1..1000 => Quantity { number: millis.to_string(), unit: "ms" },
            millis => in_units(millis.into(), &UNITS),
        }
    }
}

/// The value in the first of `units`, which grow, that keeps it below 1,000.
fn in_units(value: i128, units: &[(&'static str, u64)]) -> Quantity {
    let fits = |(_, size): &&(&str, u64)| value.unsigned_abs() < u128::from(*size) * 1000;
    let found = units.iter().find(fits).or(units.last());
    let (unit, size) = found.copied().unwrap_or(("", 1));
    Quantity { number: readable(value, size), unit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_two_decimals_from_one_up_and_three_digits_below() {
        let money = |text: &str| text.parse::<Money>().expect("an amount").readable();
        for (exact, shown) in [
            ("0", "0.00"),
            ("17300", "17,300.00"),
            ("-3897.7169", "−3,897.72"),
            ("1.005", "1.01"),
            ("0.99999", "1.00"),
            ("0.5", "0.50"),
            ("0.077079145", "0.0771"),
            ("-0.0402", "−0.0402"),
            ("0.0000009", "0.0000009"),
            ("0.000000001", "0.000000001"),
        ] {
            assert_eq!(money(exact), shown, "{exact}");
        }
    }

    #[test]
    fn every_amount_is_shown_within_half_of_its_last_digit() {
        for nano in [1, 12, 999, 1_234, 99_999, 123_456, 9_996_000, 555_555_555, 999_499_999, 999_999_999] {
            let shown = Money::from_nano(nano).readable().parse::<f64>().expect("a number");
            #[expect(clippy::cast_precision_loss, reason = "figures for people")]
            let error = (shown - nano as f64 / 1e9).abs() / (nano as f64 / 1e9);
            assert!(error <= 0.005_001, "{nano} is shown as {shown}");
        }
    }

    #[test]
    fn a_unit_keeps_a_quantity_below_a_thousand() {
        let energy = |millijoules| EnergyBalance::from_millijoules(millijoules).readable();
        let time = |millis| Millis::new(millis).readable();
        for (quantity, shown) in [
            (energy(0), "0 kWh"),
            (energy(115), "0.0319 mWh"),
            (energy(6_750_000), "1.88 Wh"),
            (energy(-36_000_000_000), "−10.00 kWh"),
            (energy(4_444_444_444_444), "1.23 MWh"),
            (time(0), "0 s"),
            (time(57), "57 ms"),
            (time(1_250), "1.25 s"),
            (time(90_061_000), "25.02 h"),
        ] {
            assert_eq!(format!("{} {}", quantity.number, quantity.unit), shown);
        }
    }

    #[test]
    fn digits_stand_in_groups_with_a_real_minus() {
        assert_eq!(
            (grouped("0"), grouped("-1234567"), grouped("1234.5678")),
            ("0".into(), "−1,234,567".into(), "1,234.5678".into())
        );
    }
}
