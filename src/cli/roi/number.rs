use rust_decimal::Decimal;

use crate::units::{Currency, Money};

/// Decimals that money has.
const NANO_DIGITS: u32 = 9;
/// Between groups of digits, and never a decimal mark.
const GROUP_MARKS: [char; 5] = [' ', '\u{a0}', '\u{202f}', '\'', '’'];

/// A number as an export or an invoice writes it: `1,234.50`, `1.234,50`, `$0.04`, `12 EUR`, `(0.04)`, `1.2e-05`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    decimal: Decimal,
    /// What stands beside it.
    pub currency: Option<Currency>,
}

impl Number {
    /// The number in `text`; none if it is not one.
    ///
    /// A mark that stands once may be a decimal point or a decimal comma. A lone comma before exactly three digits groups
    /// thousands, unless the number begins with 0. Under `foreign_marks`, as in files with semicolons, a lone comma or point
    /// before exactly three digits can be either, and is refused.
    pub(super) fn read(text: &str, foreign_marks: bool) -> Option<Self> {
        let text = text.trim();
        let begin = text.find(|c: char| c.is_ascii_digit() || c == '.')?;
        let end = text.rfind(|c: char| c.is_ascii_digit())? + 1;
        let (before, digits, after) = (&text[..begin], text.get(begin..end)?, &text[end..]);
        let is_minus = |c: char| matches!(c, '-' | '−');
        let is_negative = before.contains(is_minus)
            || after.contains(is_minus)
            || (before.contains('(') && after.contains(')'));
        let currency = beside(before, after)?;
        let decimal = if digits.contains(['e', 'E']) {
            Decimal::from_scientific(digits).ok()?
        } else {
            plain(digits, foreign_marks)?.parse::<Decimal>().ok()?
        };
        Some(Self { decimal: if is_negative { -decimal } else { decimal }, currency })
    }

    /// As money; digits beyond the ninth decimal are dropped.
    pub(super) fn money(self) -> Option<Money> {
        let nano = self.decimal.trunc_with_scale(NANO_DIGITS).checked_mul(Decimal::from(1_000_000_000))?;
        i64::try_from(nano.trunc()).ok().map(Money::from_nano)
    }

    /// A count in `text`, below 0 for what was given back; none for a fraction. Under `foreign_marks`, a lone mark before
    /// three digits groups them: a count has no decimals.
    pub(super) fn count(text: &str, foreign_marks: bool) -> Option<i64> {
        let grouped = |mark| foreign_marks && is_grouped(text.trim().trim_start_matches('-'), mark);
        let ungrouped = match (grouped('.'), grouped(',')) {
            (false, false) => text.to_owned(),
            _ => text.replace(['.', ','], ""),
        };
        let decimal = Self::read(&ungrouped, foreign_marks)?.decimal.normalize();
        (decimal.scale() == 0).then(|| i64::try_from(decimal).ok()).flatten()
    }

    /// The number itself.
    pub(super) fn decimal(self) -> Decimal {
        self.decimal
    }
}

/// Digits with at most a decimal point.
fn plain(digits: &str, foreign_marks: bool) -> Option<String> {
    let digits: String = digits.chars().filter(|c| !GROUP_MARKS.contains(c)).collect();
    let (commas, points) = (digits.matches(',').count(), digits.matches('.').count());
    if foreign_marks && commas + points == 1 && (is_grouped(&digits, ',') || is_grouped(&digits, '.')) {
        return None;
    }
    let (group, decimal) = match (commas, points) {
        (0, 0 | 1) => return Some(digits),
        (0, _) => ('.', None),
        (1, 0) if !is_grouped(&digits, ',') => (' ', Some(',')),
        (_, 0) => (',', None),
        _ if digits.rfind(',') > digits.rfind('.') => ('.', Some(',')),
        _ => (',', Some('.')),
    };
    let (whole, fraction) = match decimal {
        None => (digits.as_str(), ""),
        Some(mark) => digits.rsplit_once(mark)?,
    };
    if whole.contains(group) && !is_grouped(whole, group) {
        return None;
    }
    Some(format!("{}.{fraction}", whole.replace(group, "")).trim_end_matches('.').to_owned())
}

/// Whether `mark` stands before every three digits, or as in India before the last three and every two before them, and
/// the first group is not a lone 0.
fn is_grouped(digits: &str, mark: char) -> bool {
    let groups: Vec<&str> = digits.split(mark).collect();
    let [first, middle @ .., last] = &groups[..] else { return false };
    let is_digits = groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_digit()));
    let of = |length: usize| middle.iter().all(|group| group.len() == length);
    let by_three = (1..=3).contains(&first.len()) && of(3);
    let by_two = (1..=2).contains(&first.len()) && of(2);
    is_digits && !first.starts_with('0') && last.len() == 3 && (by_three || by_two)
}

/// The currency beside a number; none at all where something else stands there.
fn beside(before: &str, after: &str) -> Option<Option<Currency>> {
    let mut found = None;
    for side in [before, after] {
        let word = side.trim_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '−' | '+' | '(' | ')'));
        if !word.is_empty() {
            found = Some(currency(word)?);
        }
    }
    Some(found)
}

/// The currency that people write as `word`: a sign, or a code in any case.
pub(super) fn currency(word: &str) -> Option<Currency> {
    match word.trim() {
        "美元" => Some(Currency::USD),
        "¥" | "￥" | "CN¥" => Some(Currency::CNY),
        "欧元" => Some(Currency::EUR),
        "₹" | "Rs" | "Rs." => "INR".parse().ok(),
        "日元" | "円" => "JPY".parse().ok(),
        word => Currency::meant_by(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Option<String> {
        Number::read(text, false).and_then(Number::money).map(|amount| amount.to_string())
    }

    #[test]
    fn numbers_are_read_as_they_are_written_everywhere() {
        for (text, exact) in [
            ("0.04", "0.04"),
            (" 1,234.50 ", "1234.50"),
            ("1.234,50", "1234.50"),
            ("1 234,5", "1234.50"),
            ("1'234'567.89", "1234567.89"),
            ("1,234", "1234.00"),
            ("1.234.567", "1234567.00"),
            ("0,125", "0.125"),
            ("12,5", "12.50"),
            (".5", "0.50"),
            ("-3", "-3.00"),
            ("(0.04)", "-0.04"),
            ("1.2e-05", "0.000012"),
            ("0.003835980000000000000000000000", "0.00383598"),
            ("0.0400000000000000008327", "0.04"),
            ("0.0000000019", "0.000000001"),
        ] {
            assert_eq!(money(text).as_deref(), Some(exact), "{text}");
        }
    }

    #[test]
    fn a_currency_beside_a_number_is_read_too() {
        for (text, exact, code) in [
            ("$0.04", "0.04", "USD"),
            ("-$1,000.00", "-1000.00", "USD"),
            ("US$ 12", "12.00", "USD"),
            ("¥3.00", "3.00", "CNY"),
            ("3 元", "3.00", "CNY"),
            ("1250.00元", "1250.00", "CNY"),
            ("￥1,250.00", "1250.00", "CNY"),
            ("₹1,23,456.00", "123456.00", "INR"),
            ("12 rmb", "12.00", "CNY"),
            ("12,50 €", "12.50", "EUR"),
            ("0.06 usd", "0.06", "USD"),
            ("$5 USD", "5.00", "USD"),
        ] {
            let number = Number::read(text, false).expect(text);
            assert_eq!(money(text).as_deref(), Some(exact), "{text}");
            assert_eq!(number.currency.map(|currency| currency.to_string()).as_deref(), Some(code), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "free", "1,23,4", "1.2.3", "1,2345.6,7", "12 apples", "2026-10-31", "5 %", "1e99"] {
            assert_eq!(money(text), None, "{text}");
        }
        assert_eq!((Number::count("1,000", false), Number::count("12.000", false)), (Some(1_000), Some(12)));
        assert_eq!((Number::count("1.500", true), Number::count("1,500", true)), (Some(1_500), Some(1_500)));
        assert_eq!((Number::count("-4", false), Number::count("-1.500", true)), (Some(-4), Some(-1_500)));
        for text in ["1.5", "1,5", "1.50"] {
            assert_eq!(Number::count(text, true), None, "{text}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused_where_commas_are_decimal() {
        let read = |text| Number::read(text, true).and_then(Number::money).map(|amount| amount.to_string());
        assert_eq!((read("1,200"), read("1.200")), (None, None));
        for (text, exact) in
            [("1.200,00", "1200.00"), ("0,040", "0.04"), ("12,5", "12.50"), ("1200", "1200.00")]
        {
            assert_eq!(read(text).as_deref(), Some(exact), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_read_with_a_panic(text in "[0-9.,'()$€e+ -]{0,24}|\\PC{0,12}") {
            let number = Number::read(&text, text.len() % 2 == 0);
            let _ = (number.map(Number::money), Number::count(&text, text.len() % 2 == 0));
        }

        #[test]
        fn every_amount_survives(nano in proptest::num::i64::ANY) {
            let amount = Money::from_nano(nano);
            proptest::prop_assert_eq!(Number::read(&amount.to_string(), false).and_then(Number::money), Some(amount));
        }
    }
}
