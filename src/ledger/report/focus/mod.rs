//! A month as FOCUS 1.4 cost-and-usage rows, the FinOps Foundation's form for bills. docs/focus.md says column by
//! column what stands where, and why.

mod metadata;
mod rest;
mod row;

use jiff::Timestamp;

pub use self::metadata::focus_metadata;
use self::row::{Bill, FocusRow};
use super::{
    csv::{write_more_rows, write_rows},
    read::whole_month,
    statement::Statement,
};
use crate::{
    costs::CostModel,
    domain::Calendar,
    ledger::{
        Ledger, LedgerError, Month, rate_cards,
        store::{Conn, params},
    },
};

/// Rows that are read and written down at one time.
const ROWS_AT_ONCE: i64 = 2000;

/// The first and the last entry of a span.
const BOUNDS: &str = "SELECT min(id), max(id) FROM entries WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2";

/// Entries of a span after ?3, up to ?4, each with its request, its key, `first`: the entry by which its image was first
/// booked, the card that counted its energy, if one did, and whether it takes something back with nothing in its place. All
/// of these exist; LEFT JOIN says in which order they are looked up, whatever a planner guesses. The pluses keep it from
/// sorting what an index by time would find, and from looking for NULLs, which almost every entry has.
pub(in crate::ledger) const ENTRIES: &str = "
    SELECT entry.*, model, tag, requests.loras, public_id, keys.name AS key_name,
           first.rate_card AS first_rate_card, first.entered_at_ms AS first_entered_at_ms, first.duration_ms AS first_duration_ms,
           meter_epochs.device AS device,
           entry.reverses IS NOT NULL AND NOT EXISTS
               (SELECT 1 FROM entries AS correction WHERE correction.corrects = entry.reverses) AS is_taken_back
    FROM entries AS entry
    LEFT JOIN requests ON requests.id = entry.request_id
    LEFT JOIN keys ON keys.id = requests.key_id
    LEFT JOIN entries AS first ON first.request_id = entry.request_id AND first.image_index = entry.image_index
     AND first.kind = entry.kind AND +first.reverses IS NULL AND +first.corrects IS NULL
    LEFT JOIN meter_epochs ON meter_epochs.id = first.epoch
    WHERE entry.id > ?3 AND entry.id <= ?4 AND +entry.entered_at_ms >= ?1 AND +entry.entered_at_ms < ?2
    ORDER BY entry.id LIMIT ?5";

/// A month on its way into a FOCUS file: some thousand rows at a time, so that it takes little memory, and holds up nobody
/// while its reader is slow. Entries are only ever added, so the parts fit together; what is added after the export began
/// is not in it.
pub struct FocusExport {
    bill: Bill,
    /// The last entry that was written, and the last one there is; none when all is written.
    left: Option<(i64, i64)>,
    /// What the month cost beside its entries, as it was when the export began; empty when it is written.
    rest: Vec<FocusRow>,
    has_head: bool,
}

impl Ledger {
    /// Begins an export of `month`, up to `now`, as FOCUS rows. `operator` is who runs this server,
    /// and so provider, host and issuer in one.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a sum is out of range.
    pub fn focus_export(
        &self,
        costs: &CostModel,
        month: Month,
        calendar: &Calendar,
        operator: &str,
        now: Timestamp,
    ) -> Result<FocusExport, LedgerError> {
        self.store.read(|conn| {
            // A closed month stays as it was closed: its bounds, its operator's.
            let statement = Statement::of(conn, month)?;
            let stated = statement.as_ref().and_then(|statement| Some((statement, statement.whole()?)));
            let (span, operator, (whole, known)) = match stated {
                Some((statement, whole)) => {
                    let Statement { start, end, operator, .. } = statement;
                    ((*start, *end), operator.as_str(), (whole.clone(), *end))
                }
                None => {
                    let span = (month.start(calendar), month.end(calendar));
                    (span, operator, whole_month(conn, costs, month, calendar, now)?)
                }
            };
            let bill = Bill {
                month,
                span,
                calendar: calendar.clone(),
                operator: operator.to_owned(),
                account: installation(conn)?,
                currency: costs.currency(),
                intensities: rate_cards::carbon_intensities(conn)?,
            };
            let (first, last): (Option<i64>, Option<i64>) =
                conn.query_one(BOUNDS, params![span.0, span.1], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let rest = rest::rows(conn, &bill, known, &whole)?;
            let left = first.zip(last).map(|(first, last)| (first - 1, last));
            Ok(FocusExport { bill, left, rest, has_head: false })
        })
    }

    /// The next part of an export's CSV file, the first one with the head; none after the last.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or the rows cannot be written down.
    pub fn focus_rows(&self, export: &mut FocusExport) -> Result<Option<String>, LedgerError> {
        let is_first = !std::mem::replace(&mut export.has_head, true);
        let mut rows = match export.left {
            None => Vec::new(),
            Some((after, last)) => {
                let bill = &export.bill;
                let parameters = params![bill.span.0, bill.span.1, after, last, ROWS_AT_ONCE];
                self.store.read(|conn| conn.query(ENTRIES, parameters, |row| bill.entry(row)))?
            }
        };
        let is_full = i64::try_from(rows.len()).is_ok_and(|rows| rows == ROWS_AT_ONCE);
        let last = export.left.map(|(_, last)| last);
        let written = rows.last().filter(|_| is_full).and_then(|row| row.entry_id);
        export.left = written.zip(last);
        if export.left.is_none() {
            rows.append(&mut export.rest);
        }
        match (is_first, rows.is_empty()) {
            (true, _) => write_rows(rows).map(Some),
            (false, true) => Ok(None),
            (false, false) => write_more_rows(rows).map(Some),
        }
    }
}

/// The id of this ledger's installation, which a migration made.
fn installation(conn: &Conn<'_>) -> Result<String, LedgerError> {
    let sql = "SELECT value FROM settings WHERE name = 'installation'";
    conn.query_one(sql, params![], |row| Ok(format!("tintype-{}", row.get::<String>(0)?)))
}
