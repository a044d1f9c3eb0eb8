//! What costs are counted with, in dated rows: who recorded which value, from when on, and by which document. What the
//! configuration says is recorded too, if it is not what the ledger's current row says: it holds from that moment on, and
//! the past keeps what it had.

use jiff::{Timestamp, civil::DateTime};

use super::{
    Evidence, Ledger, LedgerError, closed_days,
    exact_json::exact_json,
    invoices,
    store::{Conn, Row, params},
};
use crate::{
    costs::{ConfiguredTerms, DatedTerm, Invoice, Term},
    domain::Calendar,
};

/// A dated value as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermRow {
    /// Its number.
    pub id: i64,
    /// The value.
    pub term: Term,
    /// Its first moment; none if it has always held.
    pub from: Option<Timestamp>,
    /// The machine that it is for; none: all of them.
    pub machine: Option<String>,
    /// Who recorded it.
    pub actor: String,
    /// By which document.
    pub document: Option<String>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// How its amount was invoiced; none: it is what it costs.
    pub invoice: Option<Invoice>,
}

impl TermRow {
    /// Whether the configuration or a default said so, and nobody else.
    pub fn is_configured(&self) -> bool {
        self.actor == Evidence::CONFIGURATION.actor
    }
}

impl Ledger {
    /// All dated values, by name and by the moments from which they hold.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a row holds what none should.
    pub fn terms(&self) -> Result<Vec<TermRow>, LedgerError> {
        self.store.read(rows)
    }

    /// The values that hold at some moment from `start` up to, not including, `end`.
    ///
    /// # Errors
    /// As [`Ledger::terms`].
    pub fn terms_between(&self, start: Timestamp, end: Timestamp) -> Result<Vec<TermRow>, LedgerError> {
        let all = self.terms()?;
        let held = |row: &&TermRow| {
            let begins = row.from.is_some_and(|from| start <= from && from < end);
            begins || in_force(&all, &row.term.name(), start).is_some_and(|first| first.id == row.id)
        };
        Ok(all.iter().filter(held).cloned().collect())
    }

    /// The value of `name` that holds at `moment`; none if none was recorded.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a row holds what none should.
    pub fn term_at(&self, name: &str, moment: Timestamp) -> Result<Option<Term>, LedgerError> {
        let rows = self.terms()?;
        Ok(in_force(&rows, name, moment).map(|row| row.term.clone()))
    }

    /// Records a value that holds from `from` on. False if that moment is in a closed month.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses.
    pub fn record_term(
        &self,
        term: &Term,
        from: Timestamp,
        evidence: &Evidence<'_>,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.store.write(|conn| {
            if from < open_from(conn)? {
                return Ok(false);
            }
            let now = closed_days::after_closings(conn, now)?;
            insert(conn, term, Some(from), evidence, now)?;
            Ok(true)
        })
    }

    /// Records what is configured, where it is not what the ledger says: as it is if the ledger says nothing of it, else
    /// from `now` on. Of several values with dates to come, each from its date on.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses.
    pub fn record_configured(
        &self,
        configured: &[ConfiguredTerms],
        calendar: &Calendar,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.store.write(|conn| {
            let recorded_at = closed_days::after_closings(conn, now)?;
            let now = now.max(open_from(conn)?);
            let mut recorded = Recorder { rows: rows(conn)?, conn, recorded_at };
            configured.iter().try_for_each(|of_name| recorded.record(of_name, calendar, now))
        })
    }
}

/// The rows so far, and where more of them go.
struct Recorder<'a> {
    rows: Vec<TermRow>,
    conn: &'a Conn<'a>,
    recorded_at: Timestamp,
}

impl Recorder<'_> {
    fn record(
        &mut self,
        configured: &ConfiguredTerms,
        calendar: &Calendar,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let Some(name) = configured.terms.first().map(|dated| dated.term.name()) else { return Ok(()) };
        let moment =
            |dated: &DatedTerm| (dated.from != DateTime::MIN).then(|| calendar.start_of(dated.from.date()));
        let said: Vec<_> = configured.terms.iter().map(|dated| (moment(dated), &dated.term)).collect();
        let of_name = |rows: &[TermRow]| rows.iter().any(|row| row.term.name() == name);
        if !of_name(&self.rows) {
            return said.into_iter().try_for_each(|(from, term)| self.add(term, from));
        }
        if !configured.is_stated && !configured.terms.iter().all(|dated| dated.term.is_configured_alone()) {
            return Ok(());
        }
        // What was configured for later and is not any more is taken back on its day.
        let by_configuration =
            |row: &&TermRow| row.actor == Evidence::CONFIGURATION.actor && row.term.name() == name;
        let recorded = self.rows.iter().filter(by_configuration).filter_map(|row| row.from);
        let mut moments: Vec<_> =
            said.iter().filter_map(|(from, _)| *from).chain(recorded).filter(|from| *from > now).collect();
        moments.push(now);
        moments.sort_unstable();
        moments.dedup();
        for moment in moments {
            let is_by_then = |(from, _): &&(Option<Timestamp>, &Term)| from.is_none_or(|from| from <= moment);
            let Some((_, term)) = said.iter().rfind(is_by_then) else { continue };
            let held = in_force(&self.rows, &name, moment);
            // What somebody else recorded for later stays, unless the configuration names that moment itself.
            let is_named = moment == now || said.iter().any(|(from, _)| *from == Some(moment));
            if !is_named && held.is_some_and(|row| row.actor != Evidence::CONFIGURATION.actor) {
                continue;
            }
            if held.is_none_or(|row| row.term != **term) {
                tracing::info!("{name} has another value from {moment} on");
                self.add(term, Some(moment))?;
            }
        }
        Ok(())
    }

    fn add(&mut self, term: &Term, from: Option<Timestamp>) -> Result<(), LedgerError> {
        let evidence = Evidence::CONFIGURATION;
        self.rows.push(insert(self.conn, term, from, &evidence, self.recorded_at)?);
        Ok(())
    }
}

/// The row of `name` that holds at `moment`: of those that have begun, the last to begin; of two that begin together, the
/// later one.
fn in_force<'a>(rows: &'a [TermRow], name: &str, moment: Timestamp) -> Option<&'a TermRow> {
    let has_begun = |row: &&TermRow| row.from.is_none_or(|from| from <= moment) && row.term.name() == name;
    rows.iter().filter(has_begun).max_by_key(|row| (row.from, row.id))
}

/// The first moment that is not closed.
fn open_from(conn: &Conn<'_>) -> Result<Timestamp, LedgerError> {
    let sql = "SELECT max(end_ms) FROM month_closings";
    let end: Option<Timestamp> = conn.query_one(sql, params![], |row| row.get(0))?;
    Ok(end.unwrap_or(Timestamp::MIN))
}

/// All rows, by name and by the moments from which they hold.
pub(super) fn rows(conn: &Conn<'_>) -> Result<Vec<TermRow>, LedgerError> {
    conn.query("SELECT * FROM terms ORDER BY name, from_ms NULLS FIRST, id", params![], term_row)
}

/// The rows of one name, by the moments from which they hold.
pub(super) fn rows_of(conn: &Conn<'_>, name: &str) -> Result<Vec<TermRow>, LedgerError> {
    conn.query(
        "SELECT * FROM terms WHERE name = ?1 ORDER BY from_ms NULLS FIRST, id",
        params![name],
        term_row,
    )
}

/// All rows, as costs are counted with them: by the clock on the wall.
pub(super) fn dated(conn: &Conn<'_>, calendar: &Calendar) -> Result<Vec<DatedTerm>, LedgerError> {
    let dated = rows(conn)?.into_iter().map(|row| DatedTerm {
        from: row.from.map_or(DateTime::MIN, |from| calendar.to_datetime(from)),
        term: row.term,
    });
    Ok(dated.collect())
}

fn term_row(row: &Row<'_>) -> Result<TermRow, LedgerError> {
    Ok(TermRow {
        id: row.get("id")?,
        term: serde_json::from_str(&row.get::<String>("term")?)?,
        from: row.get("from_ms")?,
        machine: row.get("machine")?,
        actor: row.get("actor")?,
        document: row.get("document")?,
        recorded_at: row.get("recorded_at_ms")?,
        invoice: invoices::from_row(row)?,
    })
}

pub(super) fn insert(
    conn: &Conn<'_>,
    term: &Term,
    from: Option<Timestamp>,
    evidence: &Evidence<'_>,
    recorded_at: Timestamp,
) -> Result<TermRow, LedgerError> {
    let sql = "INSERT INTO terms (name, machine, term, from_ms, document, actor, recorded_at_ms, invoice)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING *";
    let (name, json, invoice) = (term.name(), exact_json(term)?, invoices::to_json(evidence)?);
    let Evidence { actor, document, machine, .. } = *evidence;
    conn.query_one(sql, params![name, machine, json, from, document, actor, recorded_at, invoice], term_row)
}
