//! What costs are counted with, from when on, and who said so.

use jiff::civil::{Date, DateTime, date};

use super::{cost_lines::yuan, months::at, *};
use crate::costs::{ConfiguredTerms, DatedTerm, ExchangeRate, PriceSheet, Term};
use crate::{domain::Calendar, ledger::store::testing};

const FIRST: &str = "2026-11-10T08:00:00Z";

/// What a configuration says of electricity: a price, and another one from a day on.
fn electricity(price: i64, later: Option<(Date, i64)>, is_stated: bool) -> ConfiguredTerms {
    let sheet = |price, day| DatedTerm::from_day(day, Term::Electricity(PriceSheet::flat(yuan(price), day)));
    let later = later.map(|(day, price)| sheet(price, day));
    ConfiguredTerms { terms: [sheet(price, Date::MIN)].into_iter().chain(later).collect(), is_stated }
}

impl Book {
    fn configure(&self, configured: &ConfiguredTerms, now: &str) {
        let configured = std::slice::from_ref(configured);
        self.ledger.record_configured(configured, &Calendar::UTC, at(now)).expect("recorded");
    }

    /// The price of a kilowatt-hour at some moments, by what is recorded.
    fn prices(&self, moments: &[DateTime]) -> Vec<Money> {
        let costs = self.ledger.with_assets(&model_in(Currency::CNY)).expect("terms");
        moments.iter().map(|at| costs.electricity_rate(*at).expect("a price").price_per_kwh).collect()
    }

    fn terms(&self) -> usize {
        self.ledger.terms().expect("terms").len()
    }
}

fn what_is_configured_is_recorded_from_the_moment_on_at_which_it_changes() {
    let book = Book::begun_at(None, at("2026-11-01T00:00:00Z"));
    book.configure(&electricity(1, None, false), FIRST);
    book.configure(&electricity(1, None, true), "2026-11-11T08:00:00Z");
    assert_eq!(book.terms(), 1, "the same again is no new row");
    book.configure(&electricity(2, None, true), "2026-11-12T08:00:00Z");
    book.configure(&electricity(9, None, false), "2026-11-13T08:00:00Z");
    let moments = [
        date(2020, 1, 1).at(0, 0, 0, 0),
        date(2026, 11, 12).at(7, 59, 59, 0),
        date(2026, 11, 12).at(8, 0, 0, 0),
    ];
    assert_eq!(book.prices(&moments), [yuan(1), yuan(1), yuan(2)], "a default replaces nothing");
    let rows = book.ledger.terms().expect("terms");
    assert_eq!(
        (rows.len(), rows[1].actor.as_str(), rows[1].from),
        (2, "configuration", Some(at("2026-11-12T08:00:00Z")))
    );
    for sql in ["UPDATE terms SET term = '{}'", "DELETE FROM terms", "REPLACE INTO terms SELECT * FROM terms"]
    {
        assert!(book.sql(sql).is_err(), "{sql}");
    }
}

fn what_is_configured_for_later_begins_on_its_day_and_can_be_taken_back_before() {
    let book = Book::begun_at(None, at("2026-11-01T00:00:00Z"));
    book.configure(&electricity(1, None, true), FIRST);
    let december = date(2026, 12, 1);
    book.configure(&electricity(1, Some((december, 3)), true), "2026-11-11T08:00:00Z");
    let moments = [date(2026, 11, 30).at(23, 59, 59, 0), december.at(0, 0, 0, 0)];
    assert_eq!(book.prices(&moments), [yuan(1), yuan(3)]);
    book.configure(&electricity(1, None, true), "2026-11-12T08:00:00Z");
    assert_eq!(book.prices(&moments), [yuan(1), yuan(1)]);
    // What somebody recorded by hand stays.
    let contract = Evidence { document: Some("contract 7"), ..Evidence::COMMAND_LINE };
    let dear = Term::Electricity(PriceSheet::flat(yuan(5), december));
    let from = at("2026-12-01T00:00:00Z");
    assert!(book.ledger.record_term(&dear, from, &contract, at("2026-11-13T08:00:00Z")).expect("recorded"));
    book.configure(&electricity(1, None, true), "2026-11-14T08:00:00Z");
    assert_eq!(book.prices(&moments), [yuan(1), yuan(5)]);
    assert_eq!(book.ledger.term_at("electricity", from).expect("read"), Some(dear));
}

fn rates_of_several_currencies_have_their_own_rows_and_days() {
    let book = Book::begun_at(None, at("2026-11-01T00:00:00Z"));
    let rate = |rate, from, effective_from| ExchangeRate {
        from,
        to: Currency::CNY,
        rate: yuan(rate),
        effective_from,
    };
    let configure = |rates: &[ExchangeRate], now| {
        for rate in rates {
            let term = Term::ExchangeRate { from: rate.from, to: rate.to, rate: rate.rate };
            let terms = vec![DatedTerm::from_day(rate.effective_from, term)];
            book.configure(&ConfiguredTerms { terms, is_stated: true }, now);
        }
    };
    let new_year = date(2026, 1, 1);
    configure(&[rate(7, Currency::USD, new_year), rate(8, Currency::EUR, new_year)], FIRST);
    configure(&[rate(6, Currency::USD, new_year), rate(8, Currency::EUR, new_year)], "2026-11-12T08:00:00Z");
    let costs = book.ledger.with_assets(&model_in(Currency::CNY)).expect("terms");
    let on =
        |from, day| costs.terms().exchange_rate(from, Currency::CNY, date(2026, 11, day)).expect("a rate");
    assert_eq!([11, 12, 13].map(|day| on(Currency::USD, day)), [yuan(7), yuan(6), yuan(6)]);
    assert_eq!(on(Currency::EUR, 13), yuan(8));
    assert_eq!(book.terms(), 3);
}

fn a_value_never_holds_in_a_month_that_is_closed() {
    let book = months::two_months();
    book.configure(&electricity(1, None, true), "2026-10-01T00:00:00Z");
    book.close("2026-10").expect("closed");
    let set = |from| {
        let term = Term::HostWatts(crate::units::Power::from_watts(50));
        book.ledger.record_term(&term, at(from), &Evidence::COMMAND_LINE, at("2026-11-05T00:00:00Z"))
    };
    assert!(!set("2026-10-31T23:59:59Z").expect("refused"));
    assert!(set("2026-11-01T00:00:00Z").expect("recorded"));
    // By a clock that was set back.
    book.configure(&electricity(2, None, true), "2026-10-20T00:00:00Z");
    let moments = [date(2026, 10, 31).at(23, 59, 59, 0), date(2026, 11, 1).at(0, 0, 0, 0)];
    assert_eq!(book.prices(&moments), [yuan(1), yuan(2)]);
    assert_eq!(book.finding("2026-10"), None);
    let closed = "INSERT INTO terms (name, term, from_ms, actor, recorded_at_ms) SELECT name, term, 0, actor, 1e14 FROM terms";
    assert!(book.sql(closed).is_err());
}

#[test]
fn a_zone_that_an_earlier_version_kept_among_its_settings_is_the_first_term() {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("ledger.sqlite3");
    let kept = "INSERT INTO settings (name, value) VALUES ('time_zone', 'Asia/Kolkata')";
    testing::make_earlier(&file, testing::steps_before("CREATE TABLE terms"), kept, &[]);
    let ledger = Ledger::open(&file).expect("brought up to date");
    let rows = ledger.terms().expect("terms");
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0].term, rows[0].from), (&Term::TimeZone("Asia/Kolkata".into()), None));
    let calendar = ledger.calendar(&jiff::tz::TimeZone::UTC).expect("a calendar");
    assert_eq!(calendar.to_datetime(at(FIRST)), date(2026, 11, 10).at(13, 30, 0, 0));
}

on_both!(
    what_is_configured_is_recorded_from_the_moment_on_at_which_it_changes,
    what_is_configured_for_later_begins_on_its_day_and_can_be_taken_back_before,
    rates_of_several_currencies_have_their_own_rows_and_days,
    a_value_never_holds_in_a_month_that_is_closed,
);
