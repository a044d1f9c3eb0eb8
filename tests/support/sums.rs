//! The two sums that close to the millijoule and the nano-unit, in the file that a server has left.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use tintype::{
    app::LEDGER_FILE,
    config::Config,
    domain::Calendar,
    ledger::{Ledger, Month, MonthReport},
    units::Money,
};

use super::counter::{Run, Trace};

/// Asserts both sums of the ledger that the server of `config`, whose device counted `trace`, has left at `now`.
pub fn assert_closed(config: &Config, now: Timestamp, trace: &Trace) {
    let file = config.data_dir.join(LEDGER_FILE);
    let connection = Connection::open(&file).expect("the ledger");
    assert_eq!(
        booked(&connection, trace.device()),
        counted(trace),
        "energy of each epoch, booked and counted"
    );
    let ledger = Ledger::open(&file).expect("the ledger");
    let zone = Calendar::from(config.zone().expect("a zone"));
    let month = Month::of(now, &zone);
    // A test may run over midnight of the first.
    for month in [month.previous(), month] {
        let costs = config.cost_model(zone.to_datetime(now).date()).expect("a cost model");
        let report = ledger.month_report(&costs, month, &[], &zone, now).expect("a report");
        assert_month(&connection, &zone, &report);
    }
}

/// The start of every epoch of `device`, and the energy of all rows in it.
fn booked(connection: &Connection, device: &str) -> Vec<(u64, u64)> {
    let mut statement = connection
        .prepare(
            "SELECT start_mj, coalesce((SELECT sum(energy_mj) FROM entries   WHERE epoch = meter_epochs.id), 0)
                            + coalesce((SELECT sum(energy_mj) FROM overheads WHERE epoch = meter_epochs.id), 0)
             FROM meter_epochs WHERE device = ?1 ORDER BY id",
        )
        .expect("SQL");
    let number = |row: &rusqlite::Row<'_>, column| row.get(column).map(i64::unsigned_abs);
    let epochs = statement.query_map([device], |row| Ok((number(row, 0)?, number(row, 1)?)));
    epochs.expect("epochs").collect::<Result<_, _>>().expect("epochs")
}

fn counted(trace: &Trace) -> Vec<(u64, u64)> {
    trace.runs().into_iter().map(|Run { start, last }| (start, last - start)).collect()
}

/// Allocated and unused are the month's depreciation and upkeep, and everything that was booked is in the fully loaded
/// total.
fn assert_month(connection: &Connection, zone: &Calendar, report: &MonthReport) {
    let span = params![report.month.start(zone).as_millisecond(), report.month.end(zone).as_millisecond()];
    let sum = |column: &str, rows: &str| {
        let sql = format!(
            "SELECT coalesce(sum({column}), 0) FROM {rows} entered_at_ms >= ?1 AND entered_at_ms < ?2"
        );
        connection.query_row(&sql, span, |row| row.get(0)).map(Money::from_nano).expect("a sum")
    };
    let plus = |a: Money, b: Money| a.plus(b).expect("in range");
    let whole = report.whole.as_ref().expect("a whole month");
    // What failed work was charged is part of what no image was charged.
    let images = "entries WHERE kind <> 'failed' AND";
    let depreciation = sum("depreciation_nano", images);
    let upkeep = sum("upkeep_nano", images);
    assert_eq!(plus(depreciation, whole.unused_depreciation), whole.whole_depreciation, "{report:?}");
    assert_eq!(plus(upkeep, whole.unused_upkeep), whole.whole_upkeep, "{report:?}");
    let [entries, overheads] = ["entries WHERE", "overheads WHERE"];
    let electricity = plus(sum("electricity_nano", entries), sum("electricity_nano", overheads));
    let all = plus(plus(electricity, whole.whole_depreciation), whole.whole_upkeep);
    let all = plus(all, whole.adjustments_total);
    assert_eq!(all, whole.fully_loaded_total, "{report:?}");
    let days = report.days.as_ref().expect("days");
    let of_days = days.iter().map(|day| day.total).fold(Money::ZERO, plus);
    assert_eq!(of_days, report.figures.total, "{days:?}");
    let headline = report.services.first().expect("the headline");
    assert_eq!(headline.compared_price, report.figures.compared_price, "as it was booked");
}
