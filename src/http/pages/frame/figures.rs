use jiff::{
    Timestamp,
    civil::{Date, DateTime, Weekday},
};
use maud::{Markup, html};

use super::words::{Language, Words};
use crate::{
    costs::TariffRow,
    ledger::Month,
    units::{Currency, EnergyBalance, MINUS, Millis, Money, Proportion, Quantity, grouped},
};

/// Figures as people write them. Both languages group digits by three and point with a dot (CLDR 48), so a decimal's text is
/// only cut into groups; what differs is the currency's sign and the order of a date.
impl Words {
    /// An amount for people, with the exact one on hover.
    pub(in crate::http) fn amount(self, amount: Money, currency: Currency) -> Markup {
        html! { span title={ (amount) " " (currency) } { (self.amount_text(amount, currency)) } }
    }

    /// The same as a text: `−CN¥1,234.50` in English, `−¥1,234.50` in Chinese.
    pub(in crate::http) fn amount_text(self, amount: Money, currency: Currency) -> String {
        self.signed(&amount.readable_in(currency), currency)
    }

    /// An amount at an axis, where all amounts have the same `decimals`.
    pub(in crate::http) fn tick_amount(self, amount: Money, currency: Currency, decimals: u32) -> String {
        let rounded = amount.to_rounded_string(decimals);
        let is_zero = rounded.bytes().all(|digit| !digit.is_ascii_digit() || digit == b'0');
        let number = if is_zero { rounded.trim_start_matches('-') } else { &rounded };
        self.signed(&grouped(number), currency)
    }

    /// The currency's sign stands between the minus and the number.
    fn signed(self, number: &str, currency: Currency) -> String {
        let sign = self.currency_sign(currency);
        match number.strip_prefix(MINUS) {
            Some(number) => format!("{MINUS}{sign}{number}"),
            None => format!("{sign}{number}"),
        }
    }

    /// What stands before an amount. The language's own country writes the short sign.
    fn currency_sign(self, currency: Currency) -> String {
        match (currency.code(), self.language()) {
            ("CNY", Language::English) => "CN¥".into(),
            ("CNY", Language::Chinese) | ("JPY", Language::English) => "¥".into(),
            ("JPY", Language::Chinese) => "JP¥".into(),
            ("USD", Language::English) => "$".into(),
            ("USD", Language::Chinese) => "US$".into(),
            ("EUR", _) => "€".into(),
            ("GBP", _) => "£".into(),
            (code, _) => format!("{code}\u{a0}"),
        }
    }

    /// Energy in the unit that suits its size, with the exact kilowatt-hours on hover.
    pub(in crate::http) fn energy(self, energy: EnergyBalance) -> Markup {
        html! { span title={ (energy.to_kwh_string()) " kWh" } { (self.energy_text(energy)) } }
    }

    /// The same as a text: `1.23 MWh`, `1.88 Wh`.
    pub(in crate::http) fn energy_text(self, energy: EnergyBalance) -> String {
        let Quantity { number, unit } = energy.readable();
        format!("{number}\u{a0}{unit}")
    }

    /// A measured time: `1.25 s`, `1.25 秒`.
    pub(in crate::http) fn time_text(self, time: Millis) -> String {
        let Quantity { number, unit } = time.readable();
        let unit = match (unit, self.language()) {
            ("ms", Language::Chinese) => "毫秒",
            ("s", Language::Chinese) => "秒",
            ("min", Language::Chinese) => "分钟",
            ("h", Language::Chinese) => "小时",
            (unit, _) => unit,
        };
        format!("{number}\u{a0}{unit}")
    }

    /// How many: `12,345`.
    pub(in crate::http) fn count(self, count: impl Into<i128>) -> String {
        grouped(&count.into().to_string())
    }

    /// A decimal number: `−1,234.5`.
    pub(in crate::http) fn decimal(self, decimal: &str) -> String {
        grouped(decimal)
    }

    /// A decimal of percent: `−12.5%`.
    pub(in crate::http) fn percent(self, decimal: &str) -> String {
        format!("{}%", grouped(decimal))
    }

    /// A part in percent, or a factor: `−12.5%`, `−9.3×`.
    pub(in crate::http) fn proportion(self, proportion: &Proportion) -> String {
        match proportion {
            Proportion::Percent(decimal) => self.percent(decimal),
            Proportion::Times(decimal) => format!("{}×", grouped(decimal)),
        }
    }

    /// `23 Nov 2026`, `2026年11月23日`
    pub(in crate::http) fn date(self, date: Date) -> String {
        date.strftime(self.either("%-d %b %Y", "%Y年%-m月%-d日")).to_string()
    }

    /// `23 Nov`, `11月23日`
    pub(in crate::http) fn day(self, date: Date) -> String {
        date.strftime(self.either("%-d %b", "%-m月%-d日")).to_string()
    }

    /// `November 2026`, `2026年11月`
    pub(in crate::http) fn month(self, month: Month) -> String {
        month.last_day().strftime(self.either("%B %Y", "%Y年%-m月")).to_string()
    }

    /// `Nov`, `11月`: where the year is known.
    pub(in crate::http) fn short_month(self, month: Month) -> String {
        month.last_day().strftime(self.either("%b", "%-m月")).to_string()
    }

    /// `Nov 2026`, `2026年11月`: a day of which the month is enough.
    pub(in crate::http) fn short_date(self, date: Date) -> String {
        date.strftime(self.either("%b %Y", "%Y年%-m月")).to_string()
    }

    /// `23 Nov 2026, 14:05`, `2026年11月23日 14:05`; the exact moment for machines.
    pub(in crate::http) fn moment(self, at: Timestamp, civil: DateTime) -> Markup {
        let text = civil.strftime(self.either("%-d %b %Y, %H:%M", "%Y年%-m月%-d日 %H:%M"));
        html! { time datetime=(at) { (text.to_string()) } }
    }

    /// When a row of a tariff holds, if not always: `22:00-06:00, in months 6 7 8, on Saturday`, `22:00-06:00，6、7、8月，周六`.
    pub(in crate::http) fn tariff_conditions(self, row: &TariffRow) -> Option<String> {
        if self.language() == Language::English {
            return row.conditions_in_words();
        }
        let months = row.months.as_ref().map(|months| {
            let months: Vec<_> = months.iter().map(ToString::to_string).collect();
            format!("{}月", self.list(&months))
        });
        let weekday = |day: &Weekday| match day {
            Weekday::Monday => "周一",
            Weekday::Tuesday => "周二",
            Weekday::Wednesday => "周三",
            Weekday::Thursday => "周四",
            Weekday::Friday => "周五",
            Weekday::Saturday => "周六",
            Weekday::Sunday => "周日",
        };
        let weekdays = row.weekdays.as_ref();
        let weekdays = weekdays.map(|days| self.list(&days.iter().map(weekday).collect::<Vec<_>>()));
        let hours = row.hours.map(|hours| hours.to_string());
        let all: Vec<_> = [hours, months, weekdays].into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join(self.comma()))
    }

    /// `one, two`, `一、二`
    pub(in crate::http) fn list(self, items: &[impl AsRef<str>]) -> String {
        let items: Vec<_> = items.iter().map(AsRef::as_ref).collect();
        items.join(self.either(", ", "、"))
    }

    /// Sentences one after the other: Chinese has no space between them.
    pub(in crate::http) fn sentences(self, sentences: &[impl AsRef<str>]) -> String {
        let sentences: Vec<_> = sentences.iter().map(AsRef::as_ref).collect();
        sentences.join(self.either(" ", ""))
    }

    /// Between a name and what belongs to it: `: `, `：`.
    pub(in crate::http) const fn colon(self) -> &'static str {
        self.either(": ", "：")
    }

    /// Between two parts of a sentence: `, `, `，`.
    pub(in crate::http) const fn comma(self) -> &'static str {
        self.either(", ", "，")
    }

    const fn either(self, english: &'static str, chinese: &'static str) -> &'static str {
        match self.language() {
            Language::English => english,
            Language::Chinese => chinese,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGLISH: Words = Words::ENGLISH;
    const CHINESE: Words = Words::CHINESE;

    fn currency(code: &str) -> Currency {
        code.parse().expect("a currency")
    }

    fn amount(words: Words, amount: &str, code: &str) -> String {
        words.amount_text(amount.parse().expect("an amount"), currency(code))
    }

    #[test]
    fn money_is_written_as_the_reader_writes_it() {
        for (code, english, chinese) in [
            ("CNY", "−CN¥1,234,567.50", "−¥1,234,567.50"),
            ("USD", "−$1,234,567.50", "−US$1,234,567.50"),
            ("EUR", "−€1,234,567.50", "−€1,234,567.50"),
            ("JPY", "−¥1,234,568", "−JP¥1,234,568"),
            ("KWD", "−KWD\u{a0}1,234,567.500", "−KWD\u{a0}1,234,567.500"),
            ("CHF", "−CHF\u{a0}1,234,567.50", "−CHF\u{a0}1,234,567.50"),
        ] {
            assert_eq!(amount(ENGLISH, "-1234567.5", code), english);
            assert_eq!(amount(CHINESE, "-1234567.5", code), chinese);
        }
        assert_eq!(amount(ENGLISH, "999.994", "USD"), "$999.99");
        assert_eq!(amount(ENGLISH, "-0.001", "USD"), "−$0.001");
        let tick = |amount: &str| ENGLISH.tick_amount(amount.parse().expect("an amount"), currency("USD"), 2);
        assert_eq!(
            (tick("-0.001").as_str(), tick("-1.5").as_str()),
            ("$0.00", "−$1.50"),
            "no minus before nothing"
        );
    }

    #[test]
    fn the_exact_amount_is_on_hover() {
        let shown = ENGLISH.amount("0.123456789".parse().expect("an amount"), currency("USD")).0;
        assert_eq!(shown, "<span title=\"0.123456789 USD\">$0.123</span>");
    }

    #[test]
    fn figures_are_written_in_groups_with_a_real_minus() {
        assert_eq!(ENGLISH.count(0), "0");
        assert_eq!(ENGLISH.count(-1_234_567_i64), "−1,234,567");
        assert_eq!(ENGLISH.decimal("-1234.5678"), "−1,234.5678");
        assert_eq!(ENGLISH.proportion(&Proportion::new(-926)), "−92.6%");
        assert_eq!(ENGLISH.proportion(&Proportion::new(-9281)), "−9.3×");
        let energy = EnergyBalance::from_millijoules(-6_750_000);
        assert_eq!(ENGLISH.energy_text(energy), "−1.88\u{a0}Wh");
        assert!(ENGLISH.energy(energy).0.contains("title=\"-0.001875 kWh\""));
        assert_eq!(ENGLISH.time_text(Millis::new(1_250)), "1.25\u{a0}s");
        assert_eq!(CHINESE.time_text(Millis::new(57)), "57\u{a0}毫秒");
    }

    #[test]
    fn a_tariff_is_told_in_the_readers_language() {
        let row: TariffRow = serde_json::from_value(serde_json::json!({
            "effective_from": "2026-10-01", "price_per_kwh": "0.30", "hours": "22:00-06:00", "months": [6, 12],
            "weekdays": ["sat", "sun"],
        }))
        .expect("a row");
        let told = |words: Words| words.tariff_conditions(&row).expect("conditions");
        assert_eq!(told(ENGLISH), "22:00-06:00, in months 6 12, on Saturday Sunday");
        assert_eq!(told(CHINESE), "22:00-06:00，6、12月，周六、周日");
        let always = TariffRow { hours: None, months: None, weekdays: None, ..row.clone() };
        assert_eq!(CHINESE.tariff_conditions(&always), None);
    }

    #[test]
    fn dates_stand_in_the_readers_order() {
        let date = jiff::civil::date(2026, 3, 5);
        let month = "2026-03".parse().expect("a month");
        let at: Timestamp = "2026-03-05T13:04:59Z".parse().expect("a moment");
        let civil = date.at(14, 4, 59, 0);
        assert_eq!((ENGLISH.date(date), CHINESE.date(date)), ("5 Mar 2026".into(), "2026年3月5日".into()));
        assert_eq!((ENGLISH.day(date), CHINESE.day(date)), ("5 Mar".into(), "3月5日".into()));
        assert_eq!((ENGLISH.month(month), CHINESE.month(month)), ("March 2026".into(), "2026年3月".into()));
        assert_eq!(
            ENGLISH.moment(at, civil).0,
            "<time datetime=\"2026-03-05T13:04:59Z\">5 Mar 2026, 14:04</time>"
        );
        assert!(CHINESE.moment(at, civil).0.contains(">2026年3月5日 14:04<"));
    }
}
