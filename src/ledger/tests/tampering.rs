//! What somebody at the database who has taken the triggers away can do to closed months, and what a look at them finds.

use jiff::civil::{Date, date};

use super::{
    cost_lines::{a_year, yuan},
    months::{at, two_months},
    *,
};
use crate::{
    costs::{Asset, CostLine, DaySpan, Life, Retirement, Term},
    domain::Overhead,
    units::Power,
};

const OCTOBER: &str = "2026-10-05T10:00:00Z";

/// Two months with something of each kind in them, both closed: a delivery, idle hours of a card that counts, two parts of
/// which one was sold, a rent that has ended.
fn closed() -> Book {
    let book = two_months();
    let (costs, evidence, now) = (model_in(Currency::CNY), Evidence::COMMAND_LINE, at(OCTOBER));
    let ledger = &book.ledger;
    ledger.note_delivery(book.ids()[0], now).expect("noted");
    let total = Energy::from_millijoules(500);
    let epoch = ledger.begin_epoch("GPU-1", EnergySource::Metered, total, now).expect("begun");
    let usage = Usage { epoch: Some(epoch.id), source: EnergySource::Metered, ..receipt().usage };
    let price = electricity(usage.energy, Money::from_nano(9));
    ledger.book_overhead(Overhead::Idle, usage, &price, Currency::CNY, now).expect("booked");
    for name in ["card", "rest"] {
        let part = Asset {
            name: name.into(),
            price: yuan(1_000),
            residual: yuan(100),
            share_percent: 100,
            purchased_on: date(2026, 10, 1),
            life: Life::Time { years: 3, normal_utilisation_percent: 20 },
            retirement: None,
        };
        ledger.add_asset(&part, &costs, &evidence, now).expect("recorded");
    }
    let sale = Retirement { on: date(2026, 10, 4), proceeds: yuan(900) };
    let id = ledger.assets().expect("parts")[1].id;
    assert!(ledger.retire_asset(id, sale, &costs, &evidence, now).expect("retired"));
    let days = DaySpan { first: date(2026, 10, 1), end: Date::MAX };
    let line = CostLine { name: "rent".into(), upkeep: a_year(365), days };
    let line = ledger.add_cost_line(&line, &costs, &evidence, now).expect("recorded");
    assert!(ledger.end_cost_line(line, date(2026, 10, 3), &costs, &evidence, now).expect("ended"));
    let watts = Term::HostWatts(Power::from_watts(50));
    assert!(ledger.record_term(&watts, now, &evidence, now).expect("recorded"));
    book.close("2026-10").expect("closed");
    book.close("2026-11").expect("closed");
    book
}

/// What is done, and what is found in October.
const TAMPERINGS: &[(&str, Finding)] = &[
    ("UPDATE entries SET electricity_nano = electricity_nano * 100 WHERE id = 1", Finding::Changed(1)),
    ("UPDATE entries SET depreciation_nano = 0 WHERE id = 2", Finding::Changed(2)),
    ("UPDATE entries SET compared_nano = 99 WHERE id = 2", Finding::Changed(2)),
    ("UPDATE entries SET entered_at_ms = entered_at_ms + 86400000 WHERE id = 3", Finding::Missing(3)),
    ("UPDATE entries SET energy_source = 'metered' WHERE id = 1", Finding::Changed(1)),
    ("UPDATE entries SET actor = 'nobody' WHERE id = 1", Finding::Changed(1)),
    ("UPDATE entries SET images_shown = 7 WHERE id = 1", Finding::Changed(1)),
    ("DELETE FROM entries WHERE id = 2", Finding::Missing(2)),
    ("UPDATE requests SET tag = 'autumn' WHERE tag = 'spring'", Finding::Changed(1)),
    ("UPDATE requests SET model = 'other'", Finding::Changed(1)),
    ("UPDATE requests SET quality = 'low'", Finding::Changed(1)),
    ("UPDATE requests SET edit_steps_run = 5", Finding::Changed(1)),
    ("UPDATE requests SET edit_sigma_ppm = 5", Finding::Changed(1)),
    ("UPDATE requests SET edit_pixels = 5", Finding::Changed(1)),
    ("UPDATE requests SET edit_unchanged = 1", Finding::Changed(1)),
    ("UPDATE requests SET delivered = 0 WHERE delivered = 1", Finding::Changed(1)),
    ("UPDATE requests SET delivered = 1 WHERE delivered = 0", Finding::Changed(3)),
    ("UPDATE deliveries SET delivered_at_ms = 1", Finding::LineChanged("delivery", 1)),
    ("DELETE FROM deliveries", Finding::Changed(1)),
    ("UPDATE keys SET public_id = 'x'", Finding::Changed(1)),
    ("UPDATE keys SET name = 'x'", Finding::LineChanged("name of key", 1)),
    ("UPDATE terms SET term = replace(term, '50', '5')", Finding::LineChanged("term", 1)),
    ("UPDATE terms SET from_ms = from_ms + 1", Finding::LineChanged("term", 1)),
    ("DELETE FROM terms", Finding::LineMissing("term", 1)),
    ("UPDATE overheads SET electricity_nano = electricity_nano * 100", Finding::LineChanged("overhead", 1)),
    ("DELETE FROM overheads", Finding::LineMissing("epoch", 1)),
    (
        "INSERT INTO overheads SELECT 7, kind, entered_at_ms + 1, duration_ms, energy_mj, wall_energy_mj, energy_source,
             NULL, currency, electricity_nano, NULL FROM overheads",
        Finding::LineAdded("overhead", 7),
    ),
    ("UPDATE meter_epochs SET start_mj = 0", Finding::LineChanged("epoch", 1)),
    ("UPDATE assets SET price_nano = price_nano * 2 WHERE id = 1", Finding::LineChanged("part", 1)),
    ("UPDATE assets SET life_years = 9 WHERE id = 1", Finding::LineChanged("part", 1)),
    ("DELETE FROM assets WHERE id = 1", Finding::LineMissing("part", 1)),
    (
        "INSERT INTO asset_retirements (asset_id, retired_on, proceeds_nano, noted_at_ms) VALUES (1, '2026-10-02', 0, 1)",
        Finding::LineAdded("retirement of part", 1),
    ),
    ("UPDATE asset_retirements SET proceeds_nano = 0", Finding::LineChanged("retirement of part", 2)),
    ("UPDATE cost_lines SET amount_nano = 0", Finding::LineChanged("line of cost", 1)),
    ("DELETE FROM cost_line_ends", Finding::LineMissing("end of line of cost", 1)),
    (
        "INSERT INTO adjustments VALUES (9, 1, 'upkeep', 'CNY', -5, '2026-09-01', '2026-10-01', 'x', 'x', NULL)",
        Finding::LineAdded("adjustment", 9),
    ),
    (
        "UPDATE month_statements SET statement = replace(statement, '\"images\":3', '\"images\":4') WHERE month = '2026-10'",
        Finding::Closing,
    ),
    ("DELETE FROM month_statements WHERE month = '2026-10'", Finding::NoStatement),
    ("UPDATE month_closings SET sha256 = zeroblob(32) WHERE month = '2026-10'", Finding::Closing),
    ("UPDATE month_closings SET closed_at_ms = closed_at_ms + 1 WHERE month = '2026-10'", Finding::Closing),
    ("UPDATE month_closings SET actor = 'nobody' WHERE month = '2026-10'", Finding::Closing),
    ("UPDATE month_closings SET end_ms = end_ms + 1 WHERE month = '2026-10'", Finding::Added(4)),
    ("UPDATE month_closings SET previous_sha256 = zeroblob(32) WHERE month = '2026-10'", Finding::Chain),
    ("DELETE FROM month_closings WHERE month = '2026-10'", Finding::NoClosing),
    ("UPDATE month_closing_rows SET sha256 = zeroblob(32) WHERE entry_id = 1", Finding::Changed(1)),
    ("DELETE FROM month_closing_rows WHERE entry_id = 1", Finding::Added(1)),
    (
        "UPDATE month_seal_rows SET sha256 = zeroblob(32) WHERE kind = 'part' AND row_id = 2 AND month = '2026-10'",
        Finding::LineChanged("part", 2),
    ),
];

fn every_tampering_with_a_closed_month_is_found_and_named() {
    for (sql, expected) in TAMPERINGS {
        let book = closed();
        assert_eq!((book.finding("2026-10"), book.finding("2026-11")), (None, None));
        book.tamper(sql);
        assert_eq!(book.finding("2026-10"), Some(*expected), "{sql}");
    }
}

fn the_database_itself_refuses_each_of_them() {
    let book = closed();
    for (sql, _) in TAMPERINGS {
        // Names of keys may change: their history says so, which the tampering does not write.
        let is_allowed = sql.starts_with("UPDATE keys");
        if !is_allowed {
            assert_refused(&book.ledger, sql);
        } else if book.sql(sql).is_ok() {
            book.sql("UPDATE keys SET name = 'test', public_id = (SELECT public_id FROM keys)")
                .expect("same");
        }
    }
}

fn a_key_that_is_renamed_or_forgotten_leaves_closed_months_as_they_are() {
    let book = closed();
    let key = book.ledger.keys().expect("keys")[0].public_id.clone();
    book.ledger.forget_key(&key, "command line", at("2026-12-20T00:00:00Z")).expect("forgotten");
    assert_eq!((book.finding("2026-10"), book.finding("2026-11")), (None, None));
}

on_both!(
    a_key_that_is_renamed_or_forgotten_leaves_closed_months_as_they_are,
    every_tampering_with_a_closed_month_is_found_and_named,
    the_database_itself_refuses_each_of_them,
);
