//! When the work of a batch is done: in the cheapest hours that still meet its window.
//!
//! Pure: the time, the prices, the pace, the work ahead and the load are arguments.

use jiff::{SignedDuration, Timestamp};

use crate::{
    costs::PriceSpan,
    units::{Energy, Millis, Money},
};

/// Kept free at the end of a window, in percent of the work, and beside that: work may turn out to be slower.
const RESERVE_PERCENT: i128 = 10;
const RESERVE_MILLIS: i128 = 5 * 60_000;
/// Most that live requests are taken to need, in percent: they never leave nothing for ever.
const LOAD_PERCENT_MAX: u32 = 95;
/// Millijoules of a kilowatt-hour.
const MILLIJOULES_A_KWH: i128 = 3_600_000_000;

/// When work is to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// When it costs least.
    Cheapest,
    /// At this moment, or now if that is over.
    At(Timestamp),
}

/// What decides when work is done.
#[derive(Debug, Clone, Copy)]
pub struct Prospect<'a> {
    /// The time now.
    pub now: Timestamp,
    /// When it is to begin.
    pub begin: Begin,
    /// When the window ends.
    pub expires: Timestamp,
    /// How long the work takes on devices that do nothing else.
    pub work: Millis,
    /// What it draws at the plug.
    pub energy: Energy,
    /// How long other work takes that goes before.
    pub ahead: Millis,
    /// Of the devices' time, what live requests take, in percent.
    pub load_percent: u32,
    /// The prices of electricity from now to the end of the window, without gaps.
    pub prices: &'a [PriceSpan],
}

/// When work is done, and what that costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchPlan {
    /// The spans of time in which it is done, in their order.
    pub spans: Vec<WorkSpan>,
    /// Why then.
    pub reason: PlanReason,
    /// What it draws at the plug.
    pub energy: Energy,
    /// What its electricity costs then, rounded up.
    pub cost: Money,
    /// What its electricity would cost if it were begun now, rounded up.
    pub cost_now: Money,
}

/// A span of time in which work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkSpan {
    /// Its first moment.
    pub start: Timestamp,
    /// The first moment behind it.
    pub end: Timestamp,
}

/// Why work is done when it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanReason {
    /// At the time that was asked for.
    Asked,
    /// At once: every hour of the window costs the same.
    FlatPrice,
    /// At once: no later hour costs less.
    CheapestNow,
    /// Later hours cost less.
    CheaperLater,
    /// At once: there is no time to wait.
    NoTimeToWait,
    /// At once, and still the window ends first.
    MissesWindow,
}

crate::domain::words!(PlanReason, "a reason of plans": Asked = "asked",
    FlatPrice = "flat_price", CheapestNow = "cheapest_now", CheaperLater = "cheaper_later",
    NoTimeToWait = "no_time_to_wait", MissesWindow = "misses_window");

impl BatchPlan {
    /// The plan for `prospect`.
    pub fn make(prospect: &Prospect<'_>) -> Self {
        let need = need(prospect);
        let at_once = from(prospect.now, need);
        let cost_now = cost(prospect, &at_once, need);
        let window = millis_between(prospect.now, prospect.expires).max(0);
        let latest = window - (need * RESERVE_PERCENT / 100 + RESERVE_MILLIS);
        let (spans, reason) = if let Begin::At(start) = prospect.begin {
            let spans = from(start.max(prospect.now), need);
            let is_met = spans.last().is_none_or(|span| span.end <= prospect.expires);
            (spans, if is_met { PlanReason::Asked } else { PlanReason::MissesWindow })
        } else if need > window {
            (at_once, PlanReason::MissesWindow)
        } else if is_flat(prospect.prices) {
            (at_once, PlanReason::FlatPrice)
        } else if need > latest {
            (at_once, PlanReason::NoTimeToWait)
        } else {
            let cheapest = cheapest(prospect, need, moment(prospect.now, latest));
            let starts_now = cheapest == at_once;
            let reason = if starts_now { PlanReason::CheapestNow } else { PlanReason::CheaperLater };
            (cheapest, reason)
        };
        let cost = cost(prospect, &spans, need);
        Self { spans, reason, energy: prospect.energy, cost, cost_now }
    }

    /// When it begins; none if there is nothing to do.
    pub fn starts_at(&self) -> Option<Timestamp> {
        self.spans.first().map(|span| span.start)
    }

    /// When it ends; none if there is nothing to do.
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.spans.last().map(|span| span.end)
    }

    /// What waiting saves against a start now.
    pub fn saving(&self) -> Money {
        self.cost_now.minus(self.cost).unwrap_or(Money::ZERO)
    }

    /// The time until work goes on at `now`; zero if it does.
    pub fn wait(&self, now: Timestamp) -> SignedDuration {
        let next = self.spans.iter().find(|span| now < span.end);
        // What is left behind the last span is done at once: the plan was too short.
        next.map_or(SignedDuration::ZERO, |span| span.start.duration_since(now).max(SignedDuration::ZERO))
    }
}

/// Milliseconds that the work needs, with what goes before it and beside live requests.
fn need(prospect: &Prospect<'_>) -> i128 {
    let work = i128::from(prospect.work.get());
    if work == 0 {
        return 0;
    }
    let left = i128::from(100 - prospect.load_percent.min(LOAD_PERCENT_MAX));
    (work + i128::from(prospect.ahead.get())) * 100 / left
}

fn from(start: Timestamp, need: i128) -> Vec<WorkSpan> {
    let span = WorkSpan { start, end: moment(start, need) };
    if need > 0 { vec![span] } else { Vec::new() }
}

/// The cheapest `need` milliseconds before `latest`, the earliest of those that cost the same.
fn cheapest(prospect: &Prospect<'_>, need: i128, latest: Timestamp) -> Vec<WorkSpan> {
    let mut by_price: Vec<_> = prospect.prices.iter().filter(|span| span.start < latest).collect();
    by_price.sort_by_key(|span| (span.price_per_kwh, span.start));
    let (mut left, mut spans) = (need, Vec::new());
    for PriceSpan { start, end, .. } in by_price {
        let taken = millis_between(*start, (*end).min(latest)).min(left);
        if taken > 0 {
            spans.push(WorkSpan { start: *start, end: moment(*start, taken) });
            left -= taken;
        }
    }
    spans.sort_by_key(|span| span.start);
    joined(spans)
}

/// The same spans, those that meet as one.
fn joined(spans: Vec<WorkSpan>) -> Vec<WorkSpan> {
    let mut joined: Vec<WorkSpan> = Vec::new();
    for span in spans {
        match joined.last_mut() {
            Some(last) if last.end == span.start => last.end = span.end,
            _ => joined.push(span),
        }
    }
    joined
}

/// What the electricity of work in `spans` costs, which takes `need` milliseconds in all. Behind the window the last price holds.
fn cost(prospect: &Prospect<'_>, spans: &[WorkSpan], need: i128) -> Money {
    let mut priced = 0_i128;
    for span in spans {
        let mut at = span.start;
        for price in prospect.prices {
            let end = price.end.min(span.end);
            if price.start <= at && at < end {
                priced += millis_between(at, end) * i128::from(price.price_per_kwh.as_nano());
                at = end;
            }
        }
        let last = prospect.prices.last().map_or(0, |price| price.price_per_kwh.as_nano());
        priced += millis_between(at, span.end).max(0) * i128::from(last);
    }
    let energy = i128::from(prospect.energy.as_millijoules());
    let divisor = need.max(1) * MILLIJOULES_A_KWH;
    let nano = (energy * priced + divisor - 1).div_euclid(divisor);
    Money::from_nano(i64::try_from(nano).unwrap_or(i64::MAX))
}

fn is_flat(prices: &[PriceSpan]) -> bool {
    prices.windows(2).all(|pair| pair[0].price_per_kwh == pair[1].price_per_kwh)
}

fn millis_between(start: Timestamp, end: Timestamp) -> i128 {
    end.duration_since(start).as_millis()
}

fn moment(start: Timestamp, millis: i128) -> Timestamp {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    start.checked_add(SignedDuration::from_millis(millis)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_000_000, 0);
    const HOUR: i64 = 3_600_000;

    fn after(millis: i64) -> Timestamp {
        NOW + SignedDuration::from_millis(millis)
    }

    /// Prices of so many billionths, an hour each.
    fn hourly(prices: &[i64]) -> Vec<PriceSpan> {
        let span = |(hour, price): (i64, &i64)| PriceSpan {
            start: after(hour * HOUR),
            end: after((hour + 1) * HOUR),
            price_per_kwh: Money::from_nano(*price),
        };
        (0..).zip(prices).map(span).collect()
    }

    /// A kilowatt-hour in `hours` of work, in the window of `prices`.
    fn prospect(prices: &[PriceSpan], hours: u64) -> Prospect<'_> {
        Prospect {
            now: NOW,
            begin: Begin::Cheapest,
            expires: prices.last().map_or(NOW, |span| span.end),
            work: Millis::new(hours * HOUR.unsigned_abs()),
            energy: Energy::from_millijoules(3_600_000_000),
            ahead: Millis::ZERO,
            load_percent: 0,
            prices,
        }
    }

    fn hours(plan: &BatchPlan) -> Vec<(i64, i64)> {
        let hour = |at: Timestamp| i64::try_from(millis_between(NOW, at)).expect("near") / HOUR;
        plan.spans.iter().map(|span| (hour(span.start), hour(span.end))).collect()
    }

    const DAY: i64 = 1_200_000_000;
    const NIGHT: i64 = 300_000_000;

    #[test]
    fn work_waits_for_the_night_and_says_what_that_saves() {
        let prices = hourly(&[[DAY; 4].as_slice(), &[NIGHT; 8], &[DAY; 12]].concat());
        let plan = BatchPlan::make(&prospect(&prices, 3));
        assert_eq!((hours(&plan), plan.reason), (vec![(4, 7)], PlanReason::CheaperLater));
        assert_eq!((plan.cost, plan.cost_now), (Money::from_nano(NIGHT), Money::from_nano(DAY)));
        assert_eq!(plan.saving(), Money::from_nano(DAY - NIGHT));
        assert_eq!(plan.wait(NOW), SignedDuration::from_hours(4));
        assert_eq!([5, 7, 9].map(|hour| plan.wait(after(hour * HOUR))), [SignedDuration::ZERO; 3]);
        let long = BatchPlan::make(&prospect(&prices, 10));
        assert_eq!(hours(&long), [(0, 2), (4, 12)], "what the night does not hold is done first");
    }

    #[test]
    fn work_begins_at_once_where_waiting_saves_nothing_or_is_too_late() {
        let flat = hourly(&[DAY; 24]);
        assert_eq!((BatchPlan::make(&prospect(&flat, 3))).reason, PlanReason::FlatPrice);
        let falling_back = hourly(&[[NIGHT; 5].as_slice(), &[DAY; 19]].concat());
        let now = BatchPlan::make(&prospect(&falling_back, 3));
        assert_eq!((hours(&now), now.reason), (vec![(0, 3)], PlanReason::CheapestNow));
        let tight = hourly(&[DAY, DAY, NIGHT]);
        let plan = BatchPlan::make(&prospect(&tight, 3));
        assert_eq!(
            (hours(&plan), plan.reason, plan.saving()),
            (vec![(0, 3)], PlanReason::NoTimeToWait, Money::ZERO)
        );
        let missed = BatchPlan::make(&prospect(&tight, 4));
        assert_eq!((hours(&missed), missed.reason), (vec![(0, 4)], PlanReason::MissesWindow));
        let nothing = BatchPlan::make(&prospect(&tight, 0));
        assert_eq!((nothing.spans.len(), nothing.cost), (0, Money::ZERO));
    }

    #[test]
    fn what_goes_before_and_beside_takes_time_too() {
        let prices = hourly(&[[DAY; 12].as_slice(), &[NIGHT; 8]].concat());
        let alone = prospect(&prices, 2);
        let busy = Prospect { ahead: Millis::new(2 * HOUR.unsigned_abs()), load_percent: 50, ..alone };
        assert_eq!(hours(&BatchPlan::make(&alone)), [(12, 14)]);
        let plan = BatchPlan::make(&busy);
        // Eight hours in all; the last 53 minutes, a tenth and five minutes, are kept free.
        let minutes = |at: Timestamp| millis_between(NOW, at) / 60_000;
        let spans: Vec<_> = plan.spans.iter().map(|span| (minutes(span.start), minutes(span.end))).collect();
        assert_eq!(spans, [(0, 53), (12 * 60, 20 * 60 - 53)]);
        assert_eq!(BatchPlan::make(&Prospect { load_percent: 100, ..busy }).reason, PlanReason::MissesWindow);
    }

    #[test]
    fn work_begins_when_it_was_asked_to() {
        let prices = hourly(&[DAY, DAY, NIGHT, DAY]);
        let plan = |hour| {
            BatchPlan::make(&Prospect { begin: Begin::At(after(hour * HOUR)), ..prospect(&prices, 2) })
        };
        assert_eq!(
            [-1, 0, 1, 2, 3].map(|hour| hours(&plan(hour))[0]),
            [(0, 2), (0, 2), (1, 3), (2, 4), (3, 5)]
        );
        assert_eq!((plan(1).reason, plan(3).reason), (PlanReason::Asked, PlanReason::MissesWindow));
        assert_eq!(plan(1).saving(), Money::from_nano((DAY - NIGHT) / 2));
    }

    #[test]
    fn a_negative_price_is_the_cheapest() {
        let prices = hourly(&[DAY, -NIGHT, DAY, DAY]);
        let plan = BatchPlan::make(&prospect(&prices, 1));
        assert_eq!((hours(&plan), plan.cost), (vec![(1, 2)], Money::from_nano(-NIGHT)));
    }

    proptest! {
        /// Over random tariffs, loads and windows.
        #[test]
        fn a_window_that_can_be_met_is_met_and_nothing_costs_more_than_at_once(
            prices in prop::collection::vec(-2_000_000_000..5_000_000_000_i64, 1..60),
            distinct in 1..4_i64,
            work in 0..40_u64 * 3_600_000,
            ahead in 0..10_u64 * 3_600_000,
            load_percent in 0..100_u32,
            energy in 0..1_000_000_000_000_u64,
        ) {
            // Few prices, as tariffs have.
            let prices: Vec<_> = prices.iter().map(|price| price / (2_000_000_000 / distinct) * 1_000_000_000).collect();
            let prices = hourly(&prices);
            let prospect = Prospect {
                work: Millis::new(work),
                ahead: Millis::new(ahead),
                load_percent,
                energy: Energy::from_millijoules(energy),
                ..prospect(&prices, 0)
            };
            let plan = BatchPlan::make(&prospect);
            let need = need(&prospect);
            let window = millis_between(NOW, prospect.expires);
            let planned: i128 = plan.spans.iter().map(|span| millis_between(span.start, span.end)).sum();
            prop_assert_eq!(planned, need, "all of the work has its time");
            prop_assert_eq!(plan.reason == PlanReason::MissesWindow, need > window);
            if need <= window {
                prop_assert!(plan.ends_at().is_none_or(|end| end <= prospect.expires), "{:?}", plan);
            } else {
                prop_assert_eq!(plan.starts_at(), Some(NOW), "the earlier the better");
            }
            prop_assert!(plan.cost <= plan.cost_now, "{:?}", plan);
            prop_assert!(plan.spans.windows(2).all(|pair| pair[0].end < pair[1].start), "in order, apart: {:?}", plan);
            prop_assert!(plan.spans.iter().all(|span| span.start >= NOW && span.start < span.end));
            let waits = plan.starts_at().is_some_and(|start| start > NOW);
            prop_assert!(!waits || plan.reason == PlanReason::CheaperLater && plan.saving() >= Money::ZERO);
        }
    }
}
