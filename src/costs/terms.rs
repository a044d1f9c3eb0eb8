//! What costs are counted with and what changes from time to time: each value holds from a moment on, until the next one
//! of its kind begins.

use jiff::{
    ToSpan,
    civil::{Date, DateTime, Time},
};
use serde::{Deserialize, Serialize};

use super::{CarbonRate, CostError, MixRule, PriceSheet, ShareRule, SpotPrice, SpotPrices};
use crate::units::{Currency, Money, Power};

/// One value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "term", content = "value", rename_all = "snake_case")]
pub enum Term {
    /// The price of electricity, by the hour and the season if need be.
    Electricity(PriceSheet),
    /// Its prices hour by hour, which count instead of those in their time.
    Spot(SpotPrices),
    /// What one unit of a currency costs in another.
    ExchangeRate {
        /// The currency of a price.
        from: Currency,
        /// The currency that it is turned into.
        to: Currency,
        /// What one unit of the first costs in the second.
        rate: Money,
    },
    /// Power of the machine around the device while it generates.
    HostWatts(Power),
    /// What the plug delivers for 100 W that the machine uses.
    WallFactorPercent(u32),
    /// Power of the device while it generates, if nothing measures it; none: the usual of its kind.
    DeviceWatts(Option<Power>),
    /// Power of the device while it waits, if nothing measures it; none: it is not booked.
    IdleWatts(Option<Power>),
    /// The service that images are compared with.
    CompareWith(String),
    /// The services that some images are compared with instead.
    CompareMix(Vec<MixRule>),
    /// The time zone in which days and months are counted.
    TimeZone(String),
    /// What energy at the plug emits.
    Carbon(CarbonRate),
    /// In proportion to what idle and unused cost is charged on.
    SharedBy(ShareRule),
    /// What is added to the costs of a cost centre.
    MarkUpPercent(u32),
}

/// A value, and the moment from which it holds, by the clock on the wall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatedTerm {
    /// Its first moment; [`DateTime::MIN`] if it has always held.
    #[serde(skip_serializing_if = "is_always")]
    pub from: DateTime,
    /// The value.
    #[serde(flatten)]
    pub term: Term,
}

/// What a configuration says of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredTerms {
    /// Its values, by their first moments.
    pub terms: Vec<DatedTerm>,
    /// Whether the file or a variable says so. A default replaces nothing that is recorded.
    pub is_stated: bool,
}

/// All values that costs are counted with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms(Vec<DatedTerm>);

impl Term {
    /// What it is a value of: `electricity`, `exchange_rate.USD-CNY`, `host_watts`.
    pub fn name(&self) -> String {
        match self {
            Self::Electricity(_) => "electricity".into(),
            Self::Spot(_) => "spot".into(),
            Self::ExchangeRate { from, to, .. } => format!("exchange_rate.{from}-{to}"),
            Self::HostWatts(_) => "host_watts".into(),
            Self::WallFactorPercent(_) => "wall_factor_percent".into(),
            Self::DeviceWatts(_) => "device_watts".into(),
            Self::IdleWatts(_) => "idle_watts".into(),
            Self::CompareWith(_) => "compare_with".into(),
            Self::CompareMix(_) => "compare_mix".into(),
            Self::TimeZone(_) => "time_zone".into(),
            Self::Carbon(_) => "carbon".into(),
            Self::SharedBy(_) => "shared_by".into(),
            Self::MarkUpPercent(_) => "mark_up_percent".into(),
        }
    }

    /// The keys of the configuration that state it.
    pub const fn configuration_keys(&self) -> &'static [&'static str] {
        match self {
            Self::Electricity(_) => &["costs.price_per_kwh", "costs.tariff"],
            Self::Spot(_) | Self::Carbon(_) => &[],
            Self::ExchangeRate { .. } => &["exchange_rate"],
            Self::HostWatts(_) => &["costs.host_watts"],
            Self::WallFactorPercent(_) => &["costs.wall_factor_percent"],
            Self::DeviceWatts(_) => &["energy.device_watts"],
            Self::IdleWatts(_) => &["energy.idle_watts"],
            Self::CompareWith(_) => &["costs.compare_with"],
            Self::CompareMix(_) => &["costs.mix"],
            Self::TimeZone(_) => &["time_zone"],
            Self::SharedBy(_) => &["costs.charging.shared_by"],
            Self::MarkUpPercent(_) => &["costs.charging.mark_up_percent"],
        }
    }

    /// Whether statements alone count with it, which are made from an open month at any time.
    pub const fn is_of_statements(&self) -> bool {
        matches!(self, Self::SharedBy(_) | Self::MarkUpPercent(_))
    }

    /// Whether a running server has it from its configuration alone, so that nothing else can set it.
    pub const fn is_configured_alone(&self) -> bool {
        matches!(self, Self::DeviceWatts(_) | Self::IdleWatts(_) | Self::CompareMix(_) | Self::TimeZone(_))
    }
}

impl DatedTerm {
    /// A value from the first moment of `day` on; [`Date::MIN`] if it has always held.
    pub fn from_day(day: Date, term: Term) -> Self {
        Self { from: day.to_datetime(Time::midnight()), term }
    }
}

/// The rate of the other way, rounded down; none if that is nothing.
fn inverse(rate: Money) -> Option<Money> {
    let one = Money::from_nano(1_000_000_000);
    let rate = one.share_floor(1_000_000_000, u64::try_from(rate.as_nano()).ok()?).ok()?;
    Some(rate).filter(|rate| *rate > Money::ZERO)
}

fn is_always(from: &DateTime) -> bool {
    *from == DateTime::MIN
}

impl Terms {
    /// Values, in any order. Of two from one moment, the later one in the list counts.
    pub(super) fn of(mut terms: Vec<DatedTerm>) -> Self {
        // A stable sort.
        terms.sort_by_key(|dated| dated.from);
        Self(terms)
    }

    /// These, and from the first moment of the first of `recorded` with the same name those instead.
    #[must_use]
    pub fn with(&self, recorded: &[DatedTerm]) -> Self {
        let is_replaced = |dated: &DatedTerm| {
            let name = dated.term.name();
            recorded.iter().any(|other| other.from <= dated.from && other.term.name() == name)
        };
        let kept = self.0.iter().filter(|dated| !is_replaced(dated)).cloned();
        Self::of(kept.chain(recorded.iter().cloned()).collect())
    }

    /// All of them, by their first moments.
    pub fn all(&self) -> &[DatedTerm] {
        &self.0
    }

    /// The moments after `begin` and up to `end` at which a price of electricity, another value, or whatever goes by days may
    /// change: midnights, hours of tariffs, and first moments of values.
    pub(super) fn edges(&self, begin: DateTime, end: DateTime) -> Vec<DateTime> {
        let is_between = |edge: &DateTime| begin < *edge && *edge <= end;
        let mut edges: Vec<_> = self.0.iter().map(|dated| dated.from).filter(is_between).collect();
        let days = begin.date().series(1.day()).take_while(|day| *day <= end.date());
        for day in days {
            // A sheet that begins within the day, and the one before it.
            let sheets = edges.iter().copied().filter(|edge| edge.date() == day).chain([day.into()]);
            let times: Vec<_> =
                sheets.filter_map(|at| self.electricity(at)).flat_map(PriceSheet::edges).collect();
            edges.extend(
                times
                    .into_iter()
                    .chain([Time::midnight()])
                    .map(|time| day.to_datetime(time))
                    .filter(is_between),
            );
        }
        edges.extend(self.spots().flat_map(|spot| spot.edges(begin, end)));
        edges.sort_unstable();
        edges.dedup();
        edges
    }

    /// The prices of electricity at `at`; none before the first of them.
    pub(super) fn electricity(&self, at: DateTime) -> Option<&PriceSheet> {
        self.at(at, |term| match term {
            Term::Electricity(sheet) => Some(sheet),
            _ => None,
        })
    }

    /// The price of the hour at `at`, where prices are known by the hour; of two, the one whose prices begin later.
    pub(super) fn spot(&self, at: DateTime) -> Option<&SpotPrice> {
        let recorded = |dated: &&DatedTerm| dated.from <= at;
        self.0.iter().rev().filter(recorded).find_map(|dated| match &dated.term {
            Term::Spot(prices) => prices.at(at),
            _ => None,
        })
    }

    fn spots(&self) -> impl Iterator<Item = &SpotPrices> {
        self.0.iter().filter_map(|dated| match &dated.term {
            Term::Spot(prices) => Some(prices),
            _ => None,
        })
    }

    /// The last compared service that was recorded; none if none was.
    pub(super) fn compare_with(&self) -> Option<&str> {
        self.0.iter().rev().find_map(|dated| match &dated.term {
            Term::CompareWith(sku) => Some(sku.as_str()),
            _ => None,
        })
    }

    /// What energy at the plug emits at `at`; none if nothing was recorded of it.
    pub(super) fn carbon(&self, at: DateTime) -> Option<&CarbonRate> {
        self.at(at, |term| match term {
            Term::Carbon(rate) => Some(rate),
            _ => None,
        })
    }

    /// Power of the machine around the device, and its wall factor, at `at`.
    pub(super) fn machine(&self, at: DateTime) -> (Option<Power>, Option<u32>) {
        let host_watts = self.at(at, |term| match term {
            Term::HostWatts(power) => Some(*power),
            _ => None,
        });
        let wall_factor = self.at(at, |term| match term {
            Term::WallFactorPercent(percent) => Some(*percent),
            _ => None,
        });
        (host_watts, wall_factor)
    }

    /// How idle and unused cost is charged on at `at`, and the mark-up in percent.
    pub fn charging(&self, at: DateTime) -> (ShareRule, u32) {
        let rule = self.at(at, |term| match term {
            Term::SharedBy(rule) => Some(*rule),
            _ => None,
        });
        let mark_up = self.at(at, |term| match term {
            Term::MarkUpPercent(percent) => Some(*percent),
            _ => None,
        });
        (rule.unwrap_or_default(), mark_up.unwrap_or_default())
    }

    /// What one unit of `from` costs in `to` on `day`: the last rate that holds on it. If only the other way is known, its
    /// inverse, rounded down.
    ///
    /// # Errors
    /// [`CostError::NoExchangeRate`] if none does.
    pub fn exchange_rate(&self, from: Currency, to: Currency, day: Date) -> Result<Money, CostError> {
        if from == to {
            return Ok(Money::from_nano(1_000_000_000));
        }
        self.rate_of(from, to, day)
            .or_else(|| self.rate_of(to, from, day).and_then(inverse))
            .ok_or(CostError::NoExchangeRate { from, to, date: day })
    }

    fn rate_of(&self, from: Currency, to: Currency, day: Date) -> Option<Money> {
        self.at(day.to_datetime(Time::MAX), |term| match term {
            Term::ExchangeRate { from: its, to: others, rate } if (*its, *others) == (from, to) => {
                Some(*rate)
            }
            _ => None,
        })
    }

    fn at<'a, T>(&'a self, at: DateTime, pick: impl Fn(&'a Term) -> Option<T>) -> Option<T> {
        self.0.iter().rev().filter(|dated| dated.from <= at).find_map(|dated| pick(&dated.term))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::costs::{CostSettings, ExchangeRate};

    fn money(text: &str) -> Money {
        text.parse().expect("an amount")
    }

    fn terms() -> Terms {
        let dollars = |rate, effective_from| ExchangeRate {
            from: Currency::USD,
            to: Currency::CNY,
            rate: money(rate),
            effective_from,
        };
        let rates = [dollars("7", date(2026, 6, 1)), dollars("6.9", date(2026, 1, 1))];
        CostSettings::default().terms(rates.to_vec()).expect("sound")
    }

    #[test]
    fn each_value_holds_until_the_next_of_its_kind() {
        let (terms, usd) = (terms(), Currency::USD);
        let rate = |day| terms.exchange_rate(usd, Currency::CNY, day).map(|rate| rate.to_string()).ok();
        assert_eq!(rate(date(2025, 12, 31)), None);
        assert_eq!(rate(date(2026, 5, 31)), Some("6.90".into()));
        assert_eq!(rate(date(2026, 6, 1)), Some("7.00".into()));
        let back = terms.exchange_rate(Currency::CNY, usd, date(2026, 6, 1));
        assert_eq!(back.map(|rate| rate.to_string()), Ok("0.142857142".into()), "1 / 7, rounded down");
        assert_eq!(
            terms.exchange_rate(usd, usd, date(2025, 1, 1)).map(|rate| rate.to_string()),
            Ok("1.00".into())
        );
    }

    #[test]
    fn what_is_recorded_holds_from_its_first_moment_and_the_past_keeps_what_it_had() {
        let noon = date(2026, 11, 23).at(12, 0, 0, 0);
        let dearer = Term::Electricity(PriceSheet::flat(money("2.00"), noon.date()));
        let recorded = vec![DatedTerm { from: noon, term: dearer }];
        let terms = terms().with(&recorded);
        let price = |at: DateTime| {
            let sheet = terms.electricity(at).expect("a price");
            sheet.row_at(at).expect("sound").price_per_kwh.to_string()
        };
        assert_eq!(price(date(2026, 11, 23).at(11, 59, 59, 0)), "1.20");
        assert_eq!(price(noon), "2.00");
        assert_eq!(terms.machine(noon), (Some(Power::from_watts(0)), Some(100)), "other kinds stay");
        assert_eq!(terms.exchange_rate(Currency::USD, Currency::CNY, noon.date()), Ok(money("7")));
    }

    #[test]
    fn terms_are_read_back_as_they_were_written() {
        let sheet = r#"[{"effective_from": "2026-01-01", "price_per_kwh": "1.2"},
                        {"effective_from": "2026-01-01", "price_per_kwh": "0.6", "hours": "22:00-06:00",
                         "weekdays": ["sat", "sun"], "months": [1, 12]}]"#;
        let electricity = Term::Electricity(serde_json::from_str(sheet).expect("a sheet"));
        let always = Term::Electricity(PriceSheet::flat(money("1.2"), Date::MIN));
        let rate = Term::ExchangeRate { from: Currency::USD, to: Currency::CNY, rate: money("7") };
        for term in
            [electricity, always, rate, Term::HostWatts(Power::from_watts(50)), Term::TimeZone("PRC".into())]
        {
            let json = serde_json::to_string(&term).expect("JSON");
            assert_eq!(serde_json::from_str::<Term>(&json).expect("a term"), term, "{json}");
        }
    }
}
