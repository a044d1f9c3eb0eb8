//! Adjustments: what came to light late, in the open month.

use jiff::{Timestamp, ToSpan, civil::Date};
use serde::{Deserialize, Serialize};

use super::{
    Ledger, LedgerError,
    store::{Conn, Row, params},
};
use crate::units::Money;

/// What a fact that was recorded late costs on days that are closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// Its number.
    pub id: i64,
    /// When it was recorded: it belongs to that month.
    pub recorded_at: Timestamp,
    /// What kind of cost it is.
    pub kind: AdjustmentKind,
    /// What the closed days cost more by it; below 0 if they cost less.
    pub amount: Money,
    /// The first of the closed days.
    pub first_day: Date,
    /// The last of them.
    pub last_day: Date,
    /// What was recorded.
    pub reason: String,
    /// Who recorded it.
    pub actor: String,
    /// The document that it is by.
    pub document: Option<String>,
}

/// A kind of cost that is adjusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdjustmentKind {
    /// What parts lose.
    Depreciation,
    /// What lines of cost cost.
    Upkeep,
    /// What was lost on parts that were sold.
    Disposal,
}

impl AdjustmentKind {
    pub(super) const ALL: [Self; 3] = [Self::Depreciation, Self::Upkeep, Self::Disposal];

    /// The word that the ledger uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Depreciation => "depreciation",
            Self::Upkeep => "upkeep",
            Self::Disposal => "disposal",
        }
    }
}

impl Ledger {
    /// The adjustments that were recorded from `start` up to, not including, `end`.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a row holds what none should.
    pub fn adjustments(&self, start: Timestamp, end: Timestamp) -> Result<Vec<Adjustment>, LedgerError> {
        self.store.read(|conn| recorded(conn, start, end))
    }
}

/// Those that were recorded from `start` up to, not including, `end`.
pub(super) fn recorded(
    conn: &Conn<'_>,
    start: Timestamp,
    end: Timestamp,
) -> Result<Vec<Adjustment>, LedgerError> {
    let sql = "SELECT * FROM adjustments WHERE recorded_at_ms >= ?1 AND recorded_at_ms < ?2 ORDER BY id";
    conn.query(sql, params![start, end], adjustment)
}

fn adjustment(row: &Row<'_>) -> Result<Adjustment, LedgerError> {
    let out_of_range = |what| LedgerError::OutOfRange { what };
    let day = |column: &str| {
        row.get::<String>(column)?.parse::<Date>().map_err(|_| out_of_range("a day of an adjustment"))
    };
    let kind: String = row.get("kind")?;
    Ok(Adjustment {
        id: row.get("id")?,
        recorded_at: row.get("recorded_at_ms")?,
        kind: AdjustmentKind::ALL
            .into_iter()
            .find(|known| known.as_str() == kind)
            .ok_or(out_of_range("adjustments.kind"))?,
        amount: Money::from_nano(row.get("amount_nano")?),
        first_day: day("first_day")?,
        last_day: day("end_day")?.checked_sub(1.day()).map_err(|_| out_of_range("adjustments.end_day"))?,
        reason: row.get("reason")?,
        actor: row.get("actor")?,
        document: row.get("document")?,
    })
}
