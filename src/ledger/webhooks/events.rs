//! What has happened, written into the outbox in the transaction in which it happens. Nothing of a prompt or a name is in it.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    domain::{BatchId, BatchStatus, EventKind, KeyId, RequestId},
    ledger::{
        BudgetHolder, BudgetPeriods, LedgerError, Month, NewRequest, OverBudget,
        store::{Conn, params},
    },
    units::{Currency, Money},
};

/// An event that is to be written.
pub(super) struct NewEvent<'a, D> {
    /// The same thing that happens twice has one id.
    pub(super) id: String,
    pub(super) kind: EventKind,
    /// Whose event it is; none: the server's own.
    pub(super) key: Option<KeyId>,
    pub(super) data: &'a D,
    pub(super) now: Timestamp,
}

/// The body of a message, in the form of OpenAI's webhooks.
#[derive(Serialize)]
struct Body<'a, D> {
    id: &'a str,
    object: &'static str,
    created_at: i64,
    #[serde(rename = "type")]
    kind: &'static str,
    data: &'a D,
}

/// What came of a request.
#[derive(Serialize)]
pub(in crate::ledger) struct ImageData {
    pub(in crate::ledger) id: String,
    pub(in crate::ledger) images: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::ledger) total: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::ledger) currency: Option<String>,
    /// Why there are no images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::ledger) reason: Option<&'static str>,
}

/// A batch that has ended.
#[derive(Debug)]
pub(in crate::ledger) struct EndedBatch {
    pub(in crate::ledger) id: BatchId,
    pub(in crate::ledger) key: KeyId,
    pub(in crate::ledger) status: BatchStatus,
    /// Whether it is an asynchronous request.
    pub(in crate::ledger) is_async: bool,
    /// Lines, and images of all of them.
    pub(in crate::ledger) total: u32,
    pub(in crate::ledger) images: u64,
    /// Lines that were answered, and lines with an error.
    pub(in crate::ledger) completed: u32,
    pub(in crate::ledger) failed: u32,
}

#[derive(Serialize)]
struct BatchData {
    id: String,
    total: u32,
    completed: u32,
    failed: u32,
}

/// The seal of a month.
#[derive(Serialize)]
struct MonthData {
    month: String,
    /// In hexadecimal digits.
    sha256: String,
    rows: u64,
}

#[derive(Serialize)]
struct BudgetData {
    /// The key's public id; null: the budget is of all keys.
    key: Option<String>,
    budget: String,
    left: String,
    needed: String,
    resets_at: i64,
}

impl<D: Serialize> NewEvent<'_, D> {
    /// Writes the event for every endpoint that gets such events; nothing if there is none.
    pub(super) fn write(&self, conn: &Conn<'_>) -> Result<(), LedgerError> {
        let sql = "SELECT id FROM webhook_endpoints
                   WHERE removed_at_ms IS NULL AND kinds LIKE ?1 AND (key_id IS NULL OR key_id = ?2) ORDER BY id";
        let (kind, key) = (format!("% {} %", self.kind), self.key.map(KeyId::get));
        let endpoints: Vec<String> = conn.query(sql, params![kind, key], |row| row.get(0))?;
        self.write_to(conn, &endpoints)
    }

    /// Writes the event for these endpoints.
    pub(super) fn write_to(&self, conn: &Conn<'_>, endpoints: &[String]) -> Result<(), LedgerError> {
        if endpoints.is_empty() {
            return Ok(());
        }
        let Self { id, kind, data, now, .. } = self;
        let body = Body { id, object: "event", created_at: now.as_second(), kind: kind.as_str(), data };
        let body = serde_json::to_string(&body)
            .map_err(|_| LedgerError::OutOfRange { what: "webhook_events.body" })?;
        let insert = "INSERT INTO webhook_events (id, kind, body, created_at_ms) VALUES (?1, ?2, ?3, ?4)
                      ON CONFLICT DO NOTHING";
        if conn.execute(insert, params![id, kind.as_str(), body, *now])? == 0 {
            return Ok(());
        }
        let insert = "INSERT INTO webhook_deliveries (event_id, endpoint_id, next_at_ms) VALUES (?1, ?2, ?3)";
        for endpoint in endpoints {
            conn.execute(insert, params![id, endpoint, *now])?;
        }
        Ok(())
    }
}

/// Announces what came of a request. The lines of a batch are announced with their batch.
pub(in crate::ledger) fn announce_image(
    conn: &Conn<'_>,
    request: RequestId,
    kind: EventKind,
    data: &ImageData,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let sql = "SELECT key_id, idempotency_key,
                      EXISTS (SELECT 1 FROM webhook_endpoints WHERE removed_at_ms IS NULL)
               FROM requests WHERE id = ?1";
    let (key, idempotency_key, is_heard) = conn.query_one(sql, params![request.to_text()], |row| {
        Ok((KeyId::new(row.get(0)?), row.get::<Option<String>>(1)?, row.get::<bool>(2)?))
    })?;
    if !is_heard {
        return Ok(());
    }
    let batch = idempotency_key.as_deref().and_then(|key| key.split_once('/'));
    if batch.is_some_and(|(batch, _)| batch.parse::<BatchId>().is_ok()) {
        return Ok(());
    }
    let id = format!("evt_{}", request.to_digits());
    NewEvent { id, kind, key: Some(key), data, now }.write(conn)
}

/// Announces the requests that are open, and will have no images: a process died over them.
pub(in crate::ledger) fn announce_abandoned(conn: &Conn<'_>, now: Timestamp) -> Result<(), LedgerError> {
    let sql = "SELECT id FROM requests WHERE state IN ('reserved', 'running')";
    let open: Vec<String> = conn.query(sql, params![], |row| row.get(0))?;
    for id in open.iter().filter_map(|id| RequestId::from_digits(id)) {
        let data = ImageData::failed(id, "abandoned");
        announce_image(conn, id, EventKind::ImageFailed, &data, now)?;
    }
    Ok(())
}

/// Announces the end of a batch.
pub(in crate::ledger) fn announce_batch(
    conn: &Conn<'_>,
    batch: &EndedBatch,
    now: Timestamp,
) -> Result<(), LedgerError> {
    if batch.is_async {
        return announce_async(conn, batch, now);
    }
    let kind = match batch.status {
        BatchStatus::Completed => EventKind::BatchCompleted,
        BatchStatus::Failed => EventKind::BatchFailed,
        BatchStatus::Expired => EventKind::BatchExpired,
        _ => EventKind::BatchCancelled,
    };
    let text = batch.id.to_string();
    let id = format!("evt_{}", text.trim_start_matches("batch_"));
    let data = BatchData { id: text, total: batch.total, completed: batch.completed, failed: batch.failed };
    NewEvent { id, kind, key: Some(batch.key), data: &data, now }.write(conn)
}

/// Announces an asynchronous request as an image, under the id that its client has.
fn announce_async(conn: &Conn<'_>, batch: &EndedBatch, now: Timestamp) -> Result<(), LedgerError> {
    let digits = batch.id.to_string().replacen("batch_", "", 1);
    let is_made = batch.completed > 0;
    let kind = if is_made { EventKind::ImageCompleted } else { EventKind::ImageFailed };
    let reason = (!is_made).then(|| batch.status.as_str());
    let images = if is_made { batch.images } else { 0 };
    let data = ImageData { id: format!("async_{digits}"), images, total: None, currency: None, reason };
    NewEvent { id: format!("evt_{digits}"), kind, key: Some(batch.key), data: &data, now }.write(conn)
}

/// Announces a closed month with its seal, so that it is kept where nobody who can write the ledger can change it.
pub(in crate::ledger) fn announce_closing(
    conn: &Conn<'_>,
    (month, sha256): (Month, String),
    rows: u64,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let id = format!("evt_month_{month}");
    let data = MonthData { month: month.to_string(), sha256, rows };
    NewEvent { id, kind: EventKind::MonthClosed, key: None, data: &data, now }.write(conn)
}

/// Announces budgets that a request passes for the first time in their period, or that refuse it.
pub(in crate::ledger) fn announce_budgets<'a>(
    conn: &Conn<'_>,
    request: &NewRequest<'_>,
    passed: impl Iterator<Item = &'a OverBudget>,
    kind: EventKind,
) -> Result<(), LedgerError> {
    for over in passed {
        let key = (over.holder == BudgetHolder::Key).then_some(request.key);
        let public_id = match key {
            Some(key) => {
                let sql = "SELECT public_id FROM keys WHERE id = ?1";
                Some(conn.query_one(sql, params![key.get()], |row| row.get::<String>(0))?)
            }
            None => None,
        };
        let data = BudgetData {
            key: public_id,
            budget: over.budget.to_string(),
            left: over.left.to_string(),
            needed: over.needed.to_string(),
            resets_at: over.resets_at.timestamp().as_second(),
        };
        let id = budget_event_id(key, over, &request.periods);
        NewEvent { id, kind, key, data: &data, now: request.now }.write(conn)?;
    }
    Ok(())
}

/// One id for a budget and its period: it is announced once. An id has no full stop, at which signatures are taken apart.
fn budget_event_id(key: Option<KeyId>, over: &OverBudget, periods: &BudgetPeriods) -> String {
    let holder = key.map_or_else(|| "all".to_owned(), |key| key.get().to_string());
    let start = periods.span(over.budget.period).start.as_second();
    let budget = over.budget.to_string().replace([' ', '.'], "_");
    format!("evt_budget_{holder}_{budget}_{start}")
}

impl ImageData {
    /// Images that are there.
    pub(in crate::ledger) fn completed(
        request: RequestId,
        images: usize,
        total: Option<Money>,
        currency: Currency,
    ) -> Self {
        let currency = Some(currency.to_string());
        Self { id: request.to_text(), images: images as u64, total, currency, reason: None }
    }

    /// None, for `reason`.
    pub(in crate::ledger) fn failed(request: RequestId, reason: &'static str) -> Self {
        Self { id: request.to_text(), images: 0, total: None, currency: None, reason: Some(reason) }
    }
}
