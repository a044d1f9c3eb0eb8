use jiff::{SignedDuration, Timestamp};

use super::CostModel;
use crate::{costs::CostError, domain::Calendar, units::Money};

/// A span of time with one price of electricity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceSpan {
    /// Its first moment.
    pub start: Timestamp,
    /// The first moment behind it.
    pub end: Timestamp,
    /// Price of a kilowatt-hour at the plug.
    pub price_per_kwh: Money,
}

impl CostModel {
    /// The prices of electricity from `start` up to, not including, `end`, by the clock on the wall, without gaps; none if there is no
    /// time between the two.
    ///
    /// # Errors
    /// [`CostError::Tariff`] never, for a tariff that was checked.
    pub fn electricity_prices(
        &self,
        start: Timestamp,
        end: Timestamp,
        calendar: &Calendar,
    ) -> Result<Vec<PriceSpan>, CostError> {
        let mut spans: Vec<PriceSpan> = Vec::new();
        let mut at = start;
        while at < end {
            // A tariff changes at full minutes of the clock on the wall, which are full minutes of any clock.
            let into_minute = at.as_second().rem_euclid(60) * 1_000 + i64::from(at.subsec_millisecond());
            let next =
                at.checked_add(SignedDuration::from_millis(60_000 - into_minute)).unwrap_or(end).min(end);
            let price_per_kwh = self.price_per_kwh(calendar.to_datetime(at))?;
            match spans.last_mut() {
                Some(last) if last.price_per_kwh == price_per_kwh => last.end = next,
                _ => spans.push(PriceSpan { start: at, end: next, price_per_kwh }),
            }
            at = next;
        }
        Ok(spans)
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::costs::{CostSettings, PriceBook, TariffRow};

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn model(tariff: Vec<TariffRow>) -> CostModel {
        let settings = CostSettings { tariff, ..CostSettings::default() };
        CostModel::new(settings, PriceBook::built_in().expect("prices"), vec![dollars()]).expect("a model")
    }

    fn dollars() -> crate::costs::ExchangeRate {
        crate::costs::ExchangeRate {
            from: crate::units::Currency::USD,
            to: crate::units::Currency::CNY,
            rate: Money::from_nano(7_000_000_000),
            effective_from: jiff::civil::date(2026, 1, 1),
        }
    }

    fn row(price: i64, hours: Option<&str>) -> TariffRow {
        TariffRow {
            effective_from: jiff::civil::date(2026, 1, 1),
            price_per_kwh: Money::from_nano(price),
            hours: hours.map(|hours| hours.parse().expect("hours")),
            months: None,
            weekdays: None,
        }
    }

    #[test]
    fn a_night_is_one_span_by_the_clock_on_the_wall() {
        let model = model(vec![row(1_200_000_000, None), row(600_000_000, Some("22:00-06:00"))]);
        let zone = Calendar::from(TimeZone::get("Asia/Shanghai").expect("a zone"));
        let (start, end) = (at("2026-11-29T13:30:10.5Z"), at("2026-11-30T00:00:00Z"));
        let spans = model.electricity_prices(start, end, &zone).expect("prices");
        let night = [at("2026-11-29T14:00:00Z"), at("2026-11-29T22:00:00Z")];
        assert_eq!(spans.iter().map(|span| span.start).collect::<Vec<_>>(), [start, night[0], night[1]]);
        assert_eq!(spans.iter().map(|span| span.end).collect::<Vec<_>>(), [night[0], night[1], end]);
        assert_eq!(spans[1].price_per_kwh, Money::from_nano(600_000_000));
        // Europe's clocks go back at 01:00 UTC on 25 October: a night of nine hours.
        let berlin = Calendar::from(TimeZone::get("Europe/Berlin").expect("a zone"));
        let (start, end) = (at("2026-10-24T18:00:00Z"), at("2026-10-25T12:00:00Z"));
        let spans = model.electricity_prices(start, end, &berlin).expect("prices");
        assert_eq!(spans[1].end.duration_since(spans[1].start), SignedDuration::from_hours(9));
    }

    #[test]
    fn a_flat_price_is_one_span_and_no_time_is_none() {
        let model = model(Vec::new());
        let (start, end) = (at("2026-11-29T13:30:10Z"), at("2026-12-06T13:30:10Z"));
        let price_per_kwh = CostSettings::default().price_per_kwh;
        let flat = model.electricity_prices(start, end, &Calendar::UTC).expect("prices");
        assert_eq!(flat, [PriceSpan { start, end, price_per_kwh }]);
        assert_eq!(model.electricity_prices(end, start, &Calendar::UTC).expect("prices"), []);
    }
}
