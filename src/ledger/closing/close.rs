//! Closed months. A closing writes every entry of its month down in one canonical form and keeps the SHA-256 of that,
//! over the closing before it, so that the last hash vouches for all months up to it.

use jiff::{SignedDuration, Timestamp, Zoned};

use super::{
    canonical::Head,
    hash::Sha256Hash,
    lines,
    seal::{Beside, FORMAT, Seal},
};
use crate::{
    costs::CostModel,
    domain::Calendar,
    ledger::{
        Ledger, LedgerError, Month, calendar,
        closed_days::after_closings,
        report, signed,
        store::{Conn, Row, params},
        timestamp, unsigned, webhooks,
    },
};

/// How long after its end a month that several machines may book in can be closed at the earliest: their clocks differ, and what
/// one of them took on in the last moment may still be booked.
const SETTLING: SignedDuration = SignedDuration::from_mins(5);

/// What a closing needs to know beside the ledger.
#[derive(Debug, Clone, Copy)]
pub struct Closer<'a> {
    /// The price of things.
    pub costs: &'a CostModel,
    /// In whose days and months it is counted.
    pub calendar: &'a Calendar,
    /// Who runs the server, as exports say.
    pub operator: &'a str,
    /// Who closes the month.
    pub actor: &'a str,
}

/// A closed month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The month.
    pub month: Month,
    /// Its first moment.
    pub start: Timestamp,
    /// The first moment after it.
    pub end: Timestamp,
    /// When it was closed.
    pub closed_at: Timestamp,
    /// Its entries.
    pub rows: u64,
    /// The hash over them, the fields above and `previous`.
    pub sha256: Sha256Hash,
    /// The hash of the closing before; none for the first.
    pub previous: Option<Sha256Hash>,
    format: i64,
}

/// Why a month was not closed. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// It has not ended.
    #[error("{month} has not ended; close it after {last_day}")]
    Running {
        /// The month.
        month: Month,
        /// Its last day.
        last_day: jiff::civil::Date,
    },
    /// It has just ended, and several machines may book in it.
    #[error(
        "{month} has just ended, and machines that share the ledger may still book in it; close it from {} on",
        .from.strftime("%Y-%m-%d %H:%M %:z")
    )]
    Settling {
        /// The month.
        month: Month,
        /// From when on it can be closed, in the books' zone.
        from: Box<Zoned>,
    },
    /// Requests that were taken on by its end are open.
    #[error(
        "requests of {month} are open: {requests}; wait for them, or start the server, which abandons a dead process's"
    )]
    Open {
        /// The month.
        month: Month,
        /// How many.
        requests: u64,
    },
    /// It is closed, or a later one is.
    #[error("{closed} is closed already, so {month} cannot be closed any more")]
    Closed {
        /// The month.
        month: Month,
        /// The last month that is closed.
        closed: Month,
    },
    /// An earlier month has entries and is not closed.
    #[error("{earlier} has entries and is not closed; close it before {month}")]
    EarlierOpen {
        /// The month.
        month: Month,
        /// The first that must be closed before.
        earlier: Month,
    },
    /// Months do not follow upon each other any more.
    #[error("{month} does not begin where {closed} was closed, because another time zone counts its days")]
    Shifted {
        /// The month.
        month: Month,
        /// The last month that is closed.
        closed: Month,
    },
    /// The database failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Closing {
    fn new(head: Head, seal: &Seal) -> Self {
        let Head { month, start, end, closed_at, previous, format } = head;
        Self {
            month,
            start,
            end,
            closed_at,
            rows: seal.rows.len() as u64,
            sha256: seal.sha256,
            previous,
            format,
        }
    }

    /// Version of the canonical row format that its seal is over.
    pub(super) fn format(&self) -> i64 {
        self.format
    }

    /// What it says of itself, its hash apart.
    pub(super) fn head(&self) -> Head {
        let Self { month, start, end, closed_at, previous, format, .. } = *self;
        Head { month, start, end, closed_at, previous, format }
    }
}

impl Ledger {
    /// Closes `month` with the statement that the closer's settings give: from now on nothing can be added to it, it is
    /// shown as it was closed, and a change to anything that it covers is found by [`Ledger::verify_months`].
    ///
    /// # Errors
    /// [`CloseError`]; nothing was written.
    pub fn close_month(
        &self,
        month: Month,
        closer: &Closer<'_>,
        now: Timestamp,
    ) -> Result<Closing, CloseError> {
        let calendar = closer.calendar;
        let (start, end) = (month.start(calendar), month.end(calendar));
        if now < end {
            return Err(CloseError::Running { month, last_day: month.last_day() });
        }
        if self.store.has_queue() && now < end + SETTLING {
            let from = Box::new((end + SETTLING).to_zoned(calendar.zone_at(end).clone()));
            return Err(CloseError::Settling { month, from });
        }
        self.store.write(|conn| {
            calendar::keep_first(conn, calendar.zone_at(start), now)?;
            let last = last_closing(conn)?;
            check_order(conn, month, start, last.as_ref(), calendar)?;
            check_open(conn, month, end)?;
            let now = after_closings(conn, now)?;
            let previous = last.map(|last| last.sha256);
            let head = Head { month, start, end, closed_at: now, previous, format: FORMAT };
            let (costs, operator) = (closer.costs, closer.operator);
            let statement = report::state(conn, costs, month, operator, (calendar, now))?;
            let beside =
                Beside { actor: closer.actor.to_owned(), statement, names: lines::names(conn, &head)? };
            let seal = Seal::of(conn, &head, &beside)?;
            let closing = Closing::new(head, &seal);
            insert(conn, &closing, &beside.actor, &seal)?;
            insert_beside(conn, month, &beside, &seal)?;
            let sealed = (closing.month, closing.sha256.to_string());
            webhooks::announce_closing(conn, sealed, closing.rows, closing.closed_at)?;
            Ok(closing)
        })
    }

    /// Every closed month, in order.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a row holds what none should.
    pub fn closings(&self) -> Result<Vec<Closing>, LedgerError> {
        self.store.read(closings)
    }
}

/// Months are closed in order, without an entry between them.
fn check_order(
    conn: &Conn<'_>,
    month: Month,
    start: Timestamp,
    last: Option<&Closing>,
    calendar: &Calendar,
) -> Result<(), CloseError> {
    if let Some(last) = last {
        if month <= last.month {
            return Err(CloseError::Closed { month, closed: last.month });
        }
        if start < last.end {
            return Err(CloseError::Shifted { month, closed: last.month });
        }
    }
    let from = last.map_or(i64::MIN, |last| last.end.as_millisecond());
    let sql = "SELECT min(entered_at_ms) FROM entries WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2";
    let earliest: Option<i64> = conn.query_one(sql, params![from, start], |row| row.get(0))?;
    let Some(earliest) = earliest else { return Ok(()) };
    let earlier = Month::of(timestamp(earliest)?, calendar);
    match last {
        Some(last) if earlier <= last.month => Err(CloseError::Shifted { month, closed: last.month }),
        _ => Err(CloseError::EarlierOpen { month, earlier }),
    }
}

/// A request that is open may yet be booked at a moment before `end`.
fn check_open(conn: &Conn<'_>, month: Month, end: Timestamp) -> Result<(), CloseError> {
    let sql = "SELECT count(*) FROM requests WHERE state IN ('reserved', 'running') AND created_at_ms < ?1";
    let open: i64 = conn.query_one(sql, params![end], |row| row.get(0))?;
    match unsigned(open, "open requests")? {
        0 => Ok(()),
        requests => Err(CloseError::Open { month, requests }),
    }
}

fn insert(conn: &Conn<'_>, closing: &Closing, actor: &str, seal: &Seal) -> Result<(), LedgerError> {
    conn.execute(
        "INSERT INTO month_closings
             (month, start_ms, end_ms, closed_at_ms, format, rows, sha256, previous_sha256, actor)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            closing.month.to_string(),
            closing.start,
            closing.end,
            closing.closed_at,
            closing.format,
            signed(closing.rows, "rows")?,
            closing.sha256.as_bytes(),
            closing.previous.as_ref().map(Sha256Hash::as_bytes),
            actor,
        ],
    )?;
    let month = closing.month.to_string();
    for (entry, sha256) in &seal.rows {
        let sql = "INSERT INTO month_closing_rows (entry_id, month, sha256) VALUES (?1, ?2, ?3)";
        conn.execute(sql, params![entry, month, sha256.as_bytes()])?;
    }
    Ok(())
}

/// The statement, and the hashes of what is sealed beside entries.
fn insert_beside(conn: &Conn<'_>, month: Month, beside: &Beside, seal: &Seal) -> Result<(), LedgerError> {
    let month = month.to_string();
    let sql = "INSERT INTO month_statements (month, statement) VALUES (?1, ?2)";
    conn.execute(sql, params![month, beside.statement])?;
    for (id, sha256) in seal.lines.iter().chain(&beside.names) {
        let sql = "INSERT INTO month_seal_rows (month, kind, row_id, sha256) VALUES (?1, ?2, ?3, ?4)";
        conn.execute(sql, params![month, id.kind, id.row, sha256.as_bytes()])?;
    }
    Ok(())
}

pub(super) fn closings(conn: &Conn<'_>) -> Result<Vec<Closing>, LedgerError> {
    conn.query("SELECT * FROM month_closings ORDER BY start_ms", params![], closing)
}

fn last_closing(conn: &Conn<'_>) -> Result<Option<Closing>, LedgerError> {
    conn.query_first("SELECT * FROM month_closings ORDER BY start_ms DESC LIMIT 1", params![], closing)
}

fn closing(row: &Row<'_>) -> Result<Closing, LedgerError> {
    let month: String = row.get("month")?;
    Ok(Closing {
        month: month.parse().map_err(|_| LedgerError::OutOfRange { what: "month_closings.month" })?,
        start: row.get("start_ms")?,
        end: row.get("end_ms")?,
        closed_at: row.get("closed_at_ms")?,
        rows: unsigned(row.get("rows")?, "month_closings.rows")?,
        sha256: Sha256Hash::new(row.get("sha256")?),
        previous: row.get::<Option<[u8; 32]>>("previous_sha256")?.map(Sha256Hash::new),
        format: row.get("format")?,
    })
}

/// The hash of a month's second seal, if it has one, and the form it has.
pub(super) fn reseal_of(
    conn: &Conn<'_>,
    closing: &Closing,
) -> Result<Option<(Sha256Hash, i64)>, LedgerError> {
    let sql = "SELECT sha256, format FROM month_reseals WHERE month = ?1";
    conn.query_first(sql, params![closing.month.to_string()], |row| {
        Ok((Sha256Hash::new(row.get(0)?), row.get(1)?))
    })
}
