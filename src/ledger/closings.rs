//! Closed months. A closing writes every entry of its month down in one canonical form and keeps the SHA-256 of that,
//! over the closing before it, so that the last hash vouches for all months up to it.

use std::fmt;

use jiff::{Timestamp, tz::TimeZone};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::{
    Ledger, LedgerError, Month,
    seals::{FORMAT, Seal},
    signed, timestamp, unsigned,
};

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sha256Hash([u8; 32]);

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
    pub(super) format: i64,
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
    #[error("{month} does not begin where {closed} was closed; set time_zone back to what it was then")]
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

impl From<rusqlite::Error> for CloseError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Ledger(error.into())
    }
}

impl Sha256Hash {
    pub(super) const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash's bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for Sha256Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Ledger {
    /// Closes `month` as it is in `zone`: from now on no entry can be added to it, and a change to one is found by
    /// [`Ledger::verify_months`].
    ///
    /// # Errors
    /// [`CloseError`]; nothing was written.
    pub fn close_month(&self, month: Month, zone: &TimeZone, now: Timestamp) -> Result<Closing, CloseError> {
        let (start, end) = (month.start(zone), month.end(zone));
        if now < end {
            return Err(CloseError::Running { month, last_day: month.last_day() });
        }
        let mut writer = self.writer();
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let last = last_closing(&transaction)?;
        check_order(&transaction, month, start, last.as_ref(), zone)?;
        check_open(&transaction, month, end)?;
        let mut closing = Closing {
            month,
            start,
            end,
            closed_at: now,
            rows: 0,
            sha256: Sha256Hash([0; 32]),
            previous: last.map(|last| last.sha256),
            format: FORMAT,
        };
        let seal = Seal::of(&transaction, &closing)?;
        closing.rows = seal.rows.len() as u64;
        closing.sha256 = seal.sha256;
        insert(&transaction, &closing, &seal)?;
        transaction.commit()?;
        Ok(closing)
    }

    /// Every closed month, in order.
    ///
    /// # Errors
    /// [`LedgerError`] where SQLite refuses or a row holds what none should.
    pub fn closings(&self) -> Result<Vec<Closing>, LedgerError> {
        closings(&self.reader())
    }
}

/// Months are closed in order, without an entry between them.
fn check_order(
    connection: &Connection,
    month: Month,
    start: Timestamp,
    last: Option<&Closing>,
    zone: &TimeZone,
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
    let earliest: Option<i64> = connection.query_row(
        "SELECT min(entered_at_ms) FROM entries WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2",
        params![from, start.as_millisecond()],
        |row| row.get(0),
    )?;
    let Some(earliest) = earliest else { return Ok(()) };
    let earlier = Month::of(timestamp(earliest)?, zone);
    match last {
        Some(last) if earlier <= last.month => Err(CloseError::Shifted { month, closed: last.month }),
        _ => Err(CloseError::EarlierOpen { month, earlier }),
    }
}

/// A request that is open may yet be booked at a moment before `end`.
fn check_open(connection: &Connection, month: Month, end: Timestamp) -> Result<(), CloseError> {
    let open: i64 = connection.query_row(
        "SELECT count(*) FROM requests WHERE state IN ('reserved', 'running') AND created_at_ms < ?1",
        [end.as_millisecond()],
        |row| row.get(0),
    )?;
    match unsigned(open, "open requests")? {
        0 => Ok(()),
        requests => Err(CloseError::Open { month, requests }),
    }
}

fn insert(connection: &Connection, closing: &Closing, seal: &Seal) -> Result<(), LedgerError> {
    connection.execute(
        "INSERT INTO month_closings
             (month, start_ms, end_ms, closed_at_ms, format, rows, sha256, previous_sha256)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            closing.month.to_string(),
            closing.start.as_millisecond(),
            closing.end.as_millisecond(),
            closing.closed_at.as_millisecond(),
            closing.format,
            signed(closing.rows, "rows")?,
            closing.sha256.as_bytes(),
            closing.previous.as_ref().map(Sha256Hash::as_bytes),
        ],
    )?;
    let mut statement = connection
        .prepare_cached("INSERT INTO month_closing_rows (entry_id, month, sha256) VALUES (?1, ?2, ?3)")?;
    for (entry, sha256) in &seal.rows {
        statement.execute(params![entry, closing.month.to_string(), sha256.as_bytes()])?;
    }
    Ok(())
}

pub(super) fn closings(connection: &Connection) -> Result<Vec<Closing>, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT * FROM month_closings ORDER BY start_ms")?;
    let mut rows = statement.query([])?;
    let mut closings = Vec::new();
    while let Some(row) = rows.next()? {
        closings.push(closing(row)?);
    }
    Ok(closings)
}

fn last_closing(connection: &Connection) -> Result<Option<Closing>, LedgerError> {
    connection
        .query_row("SELECT * FROM month_closings ORDER BY start_ms DESC LIMIT 1", [], |row| Ok(closing(row)))
        .optional()?
        .transpose()
}

fn closing(row: &Row<'_>) -> Result<Closing, LedgerError> {
    let moment = |column: &str| -> rusqlite::Result<_> { timestamp(row.get(column)?) };
    let month: String = row.get("month")?;
    Ok(Closing {
        month: month.parse().map_err(|_| LedgerError::OutOfRange { what: "month_closings.month" })?,
        start: moment("start_ms")?,
        end: moment("end_ms")?,
        closed_at: moment("closed_at_ms")?,
        rows: unsigned(row.get("rows")?, "month_closings.rows")?,
        sha256: Sha256Hash(row.get("sha256")?),
        previous: row.get::<_, Option<_>>("previous_sha256")?.map(Sha256Hash),
        format: row.get("format")?,
    })
}
