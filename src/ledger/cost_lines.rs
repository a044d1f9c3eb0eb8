//! Dated lines of cost: what is paid beside electricity and parts. What the configuration says is a line too: when it
//! changes, the old line ends today and a new one begins, so that the past keeps what it cost.

use jiff::{Timestamp, civil::Date};

use super::{
    CostLineRow, Evidence, Ledger, LedgerError, closed_days, invoices, late, recorded,
    store::{Conn, params},
};
use crate::{
    costs::{CostLine, CostModel, DaySpan, Upkeep},
    units::Currency,
};

/// The first day of a line that has always held.
const ALWAYS: Date = jiff::civil::date(1, 1, 1);

impl Ledger {
    /// Records a line of cost. Of its days only the first counts here: an end is recorded by itself. What it costs on days
    /// that are closed, by `costs`, becomes an adjustment of the open month.
    ///
    /// # Errors
    /// [`LedgerError::Currency`] if the ledger is kept in another currency; [`LedgerError::Range`] if the ledger could not add it up
    /// with what it has; [`LedgerError::Store`] if the database refuses.
    pub fn add_cost_line(
        &self,
        line: &CostLine,
        costs: &CostModel,
        evidence: &Evidence<'_>,
        now: Timestamp,
    ) -> Result<i64, LedgerError> {
        let currency = costs.currency();
        self.check_currency(currency)?;
        let reason = format!("{}: from {}", line.name, line.days.first);
        self.store.write(|conn| {
            late::record(conn, costs, (&reason, evidence), now, |now| {
                let id = insert(conn, line, currency, evidence, now)?;
                recorded::check_sum(conn)?;
                Ok(id)
            })
        })
    }

    /// Ends a line on `day`, its first day without it. False if there is no such line, or it has an end already. Closed days
    /// are adjusted as by [`Ledger::add_cost_line`].
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses, as before the line's first day.
    pub fn end_cost_line(
        &self,
        id: i64,
        day: Date,
        costs: &CostModel,
        evidence: &Evidence<'_>,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.store.write(|conn| {
            let name = "SELECT name FROM cost_lines WHERE id = ?1";
            let name = conn.query_first(name, params![id], |row| row.get::<String>(0))?;
            let reason = format!("{}: ended on {day}", name.unwrap_or_default());
            late::record(conn, costs, (&reason, evidence), now, |now| end(conn, id, day, evidence, now))
        })
    }

    /// All lines, oldest record first, ended ones included.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a row holds what none should.
    pub fn cost_lines(&self) -> Result<Vec<CostLineRow>, LedgerError> {
        self.store.read(recorded::line_rows)
    }

    /// Records the configured upkeep, if it is not what its last line says: for ever if no line was recorded yet, else from
    /// `today` on.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses.
    pub fn record_configured_upkeep(
        &self,
        configured: Upkeep,
        currency: Currency,
        today: Date,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let evidence = Evidence::CONFIGURATION;
        self.store.write(|conn| {
            // By a clock that was set back, from the first day that is not closed: the past stays as it is.
            let now = closed_days::after_closings(conn, now)?;
            let today = today.max(closed_days::first_open_day(conn)?.unwrap_or(Date::MIN));
            let is_configured = |row: &CostLineRow| row.actor == Evidence::CONFIGURATION.actor;
            let last = recorded::line_rows(conn)?.into_iter().rfind(is_configured);
            // One that somebody has ended since stays ended.
            if last.as_ref().is_some_and(|last| last.line.upkeep == configured) {
                return Ok(());
            }
            let first = if last.is_none() { ALWAYS } else { today };
            if let Some(current) = last.filter(|last| last.line.days.end == Date::MAX) {
                end(conn, current.id, today.max(current.line.days.first), &evidence, now)?;
                tracing::info!("the configured upkeep is another one from {today} on");
            }
            let days = DaySpan { first, end: Date::MAX };
            let line = CostLine { days, ..CostLine::configured(configured) };
            insert(conn, &line, currency, &evidence, now)?;
            Ok(())
        })
    }
}

fn insert(
    conn: &Conn<'_>,
    line: &CostLine,
    currency: Currency,
    evidence: &Evidence<'_>,
    now: Timestamp,
) -> Result<i64, LedgerError> {
    let (per, amount, utilisation) = line.upkeep.terms();
    let (hours_a_day, minimum_hours) = line.upkeep.hours();
    let kind = if hours_a_day.is_some() { "rental" } else { "upkeep" };
    conn.query_one(
        "INSERT INTO cost_lines (kind, name, machine, currency, amount_nano, per, normal_utilisation_percent, first_day,
                                 document, actor, recorded_at_ms, hours_a_day, minimum_hours, invoice)
         VALUES (?11, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?12, ?13, ?14) RETURNING id",
        params![
            line.name,
            evidence.machine,
            currency.code(),
            amount.as_nano(),
            per,
            utilisation,
            line.days.first.max(ALWAYS).to_string(),
            evidence.document,
            evidence.actor,
            now,
            kind,
            hours_a_day,
            minimum_hours,
            invoices::to_json(evidence)?,
        ],
        |row| row.get(0),
    )
}

fn end(
    conn: &Conn<'_>,
    id: i64,
    day: Date,
    evidence: &Evidence<'_>,
    now: Timestamp,
) -> Result<bool, LedgerError> {
    let sql = "INSERT INTO cost_line_ends (line_id, ended_on, document, actor, recorded_at_ms)
               SELECT id, ?2, ?3, ?4, ?5 FROM cost_lines
               WHERE id = ?1 AND id NOT IN (SELECT line_id FROM cost_line_ends)";
    let ended = conn.execute(sql, params![id, day.to_string(), evidence.document, evidence.actor, now])?;
    Ok(ended == 1)
}
