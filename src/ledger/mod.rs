//! The ledger: keys, reservations, and what every image cost, in SQLite. Nothing is lost, nothing is booked twice.
//!
//! Architecture invariant: the ledger reads no clock; every moment is an argument. Entries are append-only, states go
//! one way, and both are enforced by the database itself (migrations/sqlite/0002_ledger.sql). Totals are sums, never
//! counters.

mod adjustments;
mod assets;
mod audit;
mod batches;
mod budgets;
mod calendar;
mod centres;
mod closed_days;
mod closing;
mod computations;
mod corrections;
mod cost_lines;
mod deliveries;
mod edits;
mod ends;
mod entries;
mod error;
mod exact_json;
mod explain;
mod files;
mod forget;
mod invoices;
mod kept_prompts;
mod keys;
mod late;
mod loras;
mod meter;
mod purchases;
mod queue;
mod rate_cards;
mod receipts;
mod recent_requests;
mod recent_use;
mod recorded;
mod register;
mod report;
mod requests;
mod rows_by_hash;
mod sessions;
mod store;
mod terms;
mod types;
mod webhooks;

use std::{collections::HashMap, path::Path};

use jiff::Timestamp;
use parking_lot::Mutex;

use self::{
    budgets::RunningSums,
    keys::KnownKeys,
    recorded::KnownModel,
    store::{Store, params},
};
use crate::units::Currency;

pub(crate) use self::types::new_or_return;
pub use self::{
    adjustments::{Adjustment, AdjustmentKind},
    audit::{AuditBasis, Control, ControlKind, EnergyUse, Reconciliation},
    batches::{
        BatchCost, BatchCounts, BatchFiles, BatchRow, BatchSize, BatchTerms, BatchTimes, DoneLines,
        LineResult, NewAsync, NewBatch,
    },
    centres::{AssignError, CentreRow, Member, MemberRow},
    closing::{CloseError, Closer, Closing, ExportError, Finding, SealedMonth, Sha256Hash, VerifiedMonth},
    corrections::{CorrectedAmounts, Reversal, ReverseError},
    error::{LedgerError, StoreFault},
    explain::{BookedEntry, EntryChange, PricedEntry},
    files::{AddFileError, FileRow, Page},
    forget::{ForgetError, Forgotten},
    kept_prompts::{KeptOfRequests, RequestTimes},
    keys::{
        BudgetStanding, KeyChange, KeyEdit, KeyEdited, KeyEvent, KeyEventKind, KeyNote, KeyRefusal, KeyRow,
        KeyRules, KeyStanding, KeyState, KeyUse, NewKey, Recognised,
    },
    meter::{Epoch, OverheadTotals},
    purchases::{
        HeldPurchase, NewPurchase, PurchaseFinding, PurchaseForbidden, ResolveError,
        sums::{BoughtReport, SellerReport},
    },
    queue::{
        Agreement, Claimed, DEATHS_MAX, Duty, Hints, JoinError, Keeping, NewNode, NewQueued, NodeFigures,
        NodeRole, NodeRow, NotAdmitted, QueuePlace, QueuedRequest, RateKind, RateTaken, Reaped, Renewal,
        RequestEnd, RequestStand, Topic,
    },
    receipts::{StoredImage, StoredRequest},
    recent_requests::{EndState, RecentRequest, RecentWork, RequestFilter, RequestOutcome},
    recent_use::RecentUse,
    recorded::{AssetRow, CostLineRow},
    register::RegisteredPart,
    report::{
        Charge, ChargeLine, Charges, Compared, DayReport, EnergySources, Figures, FocusExport, GroupBy,
        GroupByError, GroupReport, Groups, MonthReport, MonthSpan, MonthTotals, Only, Payback,
        PaybackAgainst, PlugTotals, RangeReport, SavedPoint, Step, WholeMonth, YearReport, focus_metadata,
    },
    sessions::{Credential, NewSession, OpenedWith, SessionRow},
    store::{
        BackedUp, BackupFile, CopyError, Examined, Holdings, LedgerPlace, PostgresUrl, PostgresUrlError,
        Restored, back_up, examine, examine_database,
    },
    terms::TermRow,
    types::{
        BudgetHolder, BudgetPeriods, Evidence, FailedWork, Month, MonthError, Need, NewRequest, OverBudget,
        Purchase, PurchaseRecord, PurchaseRow, PurchaseStanding, PurchaseState, Reservation, ReserveError,
        Reserved, Resolution, SettledImage, SettledRequest, Settlement, Unbooked, Year, YearError,
    },
    webhooks::{DeviceLoss, DueDelivery, EndpointStanding, UndeliveredEvent, WebhookEndpoint},
};

/// A handle on the books.
pub struct Ledger {
    store: Store,
    /// Used by whoever writes.
    running_sums: Mutex<RunningSums>,
    /// The same for pages, which hold up nobody who writes.
    shown_sums: Mutex<RunningSums>,
    known_keys: Mutex<KnownKeys>,
    /// Images that were made between two moments: up to the newest entry that was read, and how many.
    images_made: Mutex<HashMap<[Timestamp; 2], (i64, i64)>>,
    known_model: KnownModel,
}

impl Ledger {
    /// Opens the ledger in `file`, making it and bringing its schema up to date as needed.
    ///
    /// # Errors
    /// [`LedgerError`] if the file cannot be opened or written, is damaged, or is newer than this program.
    pub fn open(file: &Path) -> Result<Self, LedgerError> {
        Self::open_at(&file.into())
    }

    /// Opens the ledger at `place`, making it and bringing its schema up to date as needed.
    ///
    /// # Errors
    /// [`LedgerError`] as [`Ledger::open`]'s, or if the database cannot be reached or is not ours.
    pub fn open_at(place: &LedgerPlace) -> Result<Self, LedgerError> {
        Ok(Self {
            store: Store::open(place)?,
            running_sums: Mutex::default(),
            shown_sums: Mutex::default(),
            known_keys: Mutex::default(),
            images_made: Mutex::default(),
            known_model: KnownModel::default(),
        })
    }

    /// At a server's start: checks that every page is sound, and brings what is in the log into the database, so that
    /// damage to the log costs at most what was booked since.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] if a page is not sound.
    pub fn inspect(&self) -> Result<(), LedgerError> {
        self.store.inspect()
    }

    /// Whether it is in a database, which may be slow to answer, or away, whatever is asked.
    pub const fn is_database(&self) -> bool {
        self.store.has_queue()
    }

    /// Whether so much was booked since [`Ledger::shorten_log`] that it is worth calling. Asks for nothing.
    pub fn has_long_log(&self) -> bool {
        self.store.has_long_log()
    }

    /// Brings what is in the log into the database, beside whoever reads or writes. Called while a device works, so that
    /// no booking has to do it. If it fails, the log says so, and a later booking does it.
    pub fn shorten_log(&self) {
        self.store.shorten_log();
    }

    /// Checks that every page is sound, beside a running server.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] if a page is not sound.
    pub fn inspect_pages(&self) -> Result<(), LedgerError> {
        self.store.inspect_pages()
    }

    /// Copies every row into the empty ledger `target`, so that sums, receipts and seals are the same there. Returns how many.
    ///
    /// # Errors
    /// [`LedgerError`]; then nothing was written. [`LedgerError::NotEmpty`] if `target` has been used.
    pub fn copy_into(&self, target: &Self) -> Result<u64, LedgerError> {
        self.store.copy_into(&target.store)
    }

    /// How many rows each table has, in the order in which they refer to each other.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn count_rows(&self) -> Result<Vec<(&'static str, i64)>, LedgerError> {
        self.store.count_rows()
    }

    /// Whether amounts in `configured` may be added to this ledger's.
    ///
    /// # Errors
    /// [`LedgerError::Currency`] if its entries or assets are in another currency.
    pub fn check_currency(&self, configured: Currency) -> Result<(), LedgerError> {
        let sql = "SELECT * FROM (SELECT currency FROM entries ORDER BY id DESC LIMIT 1) AS last
                   UNION ALL SELECT currency FROM assets LIMIT 1";
        let kept: Option<String> =
            self.store.read(|conn| conn.query_first(sql, params![], |row| row.get(0)))?;
        match kept {
            Some(kept) if Currency::meant_by(&kept) != Some(configured) => {
                Err(LedgerError::Currency { kept, configured })
            }
            _ => Ok(()),
        }
    }

    /// The latest moment that any row was written at; none if there is no row. Later than now only if the clock was
    /// wrong.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn latest_moment(&self) -> Result<Option<Timestamp>, LedgerError> {
        let sql = "SELECT max(at) FROM (SELECT max(entered_at_ms) AS at FROM entries
                   UNION ALL SELECT max(entered_at_ms) FROM overheads
                   UNION ALL SELECT max(created_at_ms) FROM keys) AS latest";
        self.store.read(|conn| conn.query_one(sql, params![], |row| row.get(0)))
    }
}

/// Unsigned numbers of ours as SQLite's signed ones.
fn signed(value: u64, what: &'static str) -> Result<i64, LedgerError> {
    i64::try_from(value).map_err(|_| LedgerError::OutOfRange { what })
}

/// SQLite's signed numbers as unsigned ones of ours.
fn unsigned(value: i64, what: &'static str) -> Result<u64, LedgerError> {
    u64::try_from(value).map_err(|_| LedgerError::OutOfRange { what })
}

/// A column of Unix milliseconds.
fn timestamp(millis: i64) -> Result<Timestamp, LedgerError> {
    Timestamp::from_millisecond(millis).map_err(|_| LedgerError::OutOfRange { what: "a time" })
}

#[cfg(test)]
impl Ledger {
    /// Runs a statement of a test's own, with bytes as SQLite writes them.
    fn sql(&self, sql: &str) -> Result<usize, LedgerError> {
        let sql = tests::sql_for(&self.store, sql);
        self.store.write(|conn| conn.execute(&sql, params![]))
    }
}

#[cfg(test)]
mod tests;
