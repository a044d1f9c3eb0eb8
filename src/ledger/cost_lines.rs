//! Dated lines of cost: what is paid beside electricity and parts. What the configuration says is a line too: when it
//! changes, the old line ends today and a new one begins, so that the past keeps what it cost.

use jiff::{Timestamp, civil::Date};

use super::{
    Ledger, LedgerError,
    store::{Conn, Row, params},
};
use crate::{
    costs::{CostLine, DaySpan, Upkeep},
    units::{Currency, Money},
};

/// Who records what the configuration says.
pub(super) const CONFIGURATION: &str = "configuration";

/// The first day of a line that has always held.
const ALWAYS: Date = jiff::civil::date(1, 1, 1);

/// Who recorded something, and by which evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence<'a> {
    /// `command line`, `configuration`, or a key's public id.
    pub actor: &'a str,
    /// An invoice's number, a contract.
    pub document: Option<&'a str>,
    /// The machine that it is for; none: all of them.
    pub machine: Option<&'a str>,
}

impl Evidence<'static> {
    /// Recorded on the command line, without a document.
    pub const COMMAND_LINE: Self = Self { actor: "command line", document: None, machine: None };
}

/// A line of cost as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostLineRow {
    /// Its number.
    pub id: i64,
    /// What it is; its days end where its end was recorded.
    pub line: CostLine,
    /// Who recorded it.
    pub actor: String,
    /// By which document.
    pub document: Option<String>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

impl Ledger {
    /// Records a line of cost. Of its days only the first counts here: an end is recorded by itself.
    ///
    /// # Errors
    /// [`LedgerError::Currency`] if the ledger is kept in another currency; [`LedgerError::Store`] if the database refuses.
    pub fn add_cost_line(
        &self,
        line: &CostLine,
        currency: Currency,
        evidence: &Evidence<'_>,
        now: Timestamp,
    ) -> Result<i64, LedgerError> {
        self.check_currency(currency)?;
        self.store.write(|conn| insert(conn, line, currency, evidence, now))
    }

    /// Ends a line on `day`, its first day without it. False if there is no such line, or it has an end already.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses, as before the line's first day.
    pub fn end_cost_line(
        &self,
        id: i64,
        day: Date,
        evidence: &Evidence<'_>,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.store.write(|conn| end(conn, id, day, evidence, now))
    }

    /// All lines, oldest record first, ended ones included.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a row holds what none should.
    pub fn cost_lines(&self) -> Result<Vec<CostLineRow>, LedgerError> {
        self.store.read(rows)
    }

    /// Records the configured upkeep, if it is not what the ledger's current line says: for ever if no line was recorded
    /// yet, else from `today` on.
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
        let evidence = Evidence { actor: CONFIGURATION, document: None, machine: None };
        self.store.write(|conn| {
            let of_configuration: Vec<_> =
                rows(conn)?.into_iter().filter(|row| row.actor == CONFIGURATION).collect();
            let current = of_configuration.iter().rfind(|row| row.line.days.end == Date::MAX);
            if current.is_some_and(|current| current.line.upkeep == configured) {
                return Ok(());
            }
            let first = if of_configuration.is_empty() { ALWAYS } else { today };
            if let Some(current) = current {
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

/// The lines of cost alone.
pub(super) fn lines(conn: &Conn<'_>) -> Result<Vec<CostLine>, LedgerError> {
    Ok(rows(conn)?.into_iter().map(|row| row.line).collect())
}

fn rows(conn: &Conn<'_>) -> Result<Vec<CostLineRow>, LedgerError> {
    let sql = "SELECT id, name, amount_nano, per, normal_utilisation_percent, first_day, ended_on, cost_lines.document,
                      cost_lines.actor, cost_lines.recorded_at_ms
               FROM cost_lines LEFT JOIN cost_line_ends ON line_id = id WHERE kind = 'upkeep' ORDER BY id";
    conn.query(sql, params![], row)
}

fn row(row: &Row<'_>) -> Result<CostLineRow, LedgerError> {
    let out_of_range = |what| LedgerError::OutOfRange { what };
    let day = |text: String| text.parse::<Date>().map_err(|_| out_of_range("a day of a line of cost"));
    let amount = Money::from_nano(row.get("amount_nano")?);
    let upkeep = match (row.get::<String>("per")?.as_str(), row.get("normal_utilisation_percent")?) {
        ("image", _) => Upkeep::PerImage(amount),
        ("month", Some(normal_utilisation_percent)) => {
            Upkeep::PerMonth { amount, normal_utilisation_percent }
        }
        ("year", Some(normal_utilisation_percent)) => Upkeep::PerYear { amount, normal_utilisation_percent },
        _ => return Err(out_of_range("cost_lines.per")),
    };
    let end = row.get::<Option<String>>("ended_on")?.map(day).transpose()?;
    Ok(CostLineRow {
        id: row.get("id")?,
        line: CostLine {
            name: row.get("name")?,
            upkeep,
            days: DaySpan { first: day(row.get("first_day")?)?, end: end.unwrap_or(Date::MAX) },
        },
        actor: row.get("actor")?,
        document: row.get("document")?,
        recorded_at: row.get("recorded_at_ms")?,
    })
}

fn insert(
    conn: &Conn<'_>,
    line: &CostLine,
    currency: Currency,
    evidence: &Evidence<'_>,
    now: Timestamp,
) -> Result<i64, LedgerError> {
    let (per, amount, utilisation) = match line.upkeep {
        Upkeep::PerImage(amount) => ("image", amount, None),
        Upkeep::PerMonth { amount, normal_utilisation_percent } => {
            ("month", amount, Some(normal_utilisation_percent))
        }
        Upkeep::PerYear { amount, normal_utilisation_percent } => {
            ("year", amount, Some(normal_utilisation_percent))
        }
    };
    conn.query_one(
        "INSERT INTO cost_lines (kind, name, machine, currency, amount_nano, per, normal_utilisation_percent, first_day,
                                 document, actor, recorded_at_ms)
         VALUES ('upkeep', ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) RETURNING id",
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
