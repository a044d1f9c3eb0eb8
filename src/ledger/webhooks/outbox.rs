use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use super::events::NewEvent;
use crate::{
    domain::{EndpointId, EventKind},
    ledger::{Ledger, LedgerError, store::params},
};

/// Messages to one endpoint that are handed out together.
const OF_ONE_ENDPOINT: u32 = 4;
/// Of a message's error, what is kept.
const ERROR_CHARS_MAX: usize = 300;

/// A message whose time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDelivery {
    /// The event's id.
    pub event: String,
    /// Where it goes.
    pub endpoint: EndpointId,
    /// The endpoint's URL.
    pub url: String,
    /// What signs it.
    pub secret: String,
    /// JSON.
    pub body: String,
    /// Attempts that have failed.
    pub attempts: u32,
}

/// A message that has not arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndeliveredEvent {
    /// The event's id.
    pub event: String,
    /// What happened, in its word.
    pub kind: String,
    /// Where it should go.
    pub endpoint: EndpointId,
    /// The endpoint's URL.
    pub url: String,
    /// When it happened.
    pub created_at: Timestamp,
    /// Attempts that have failed.
    pub attempts: u32,
    /// Why the last one failed.
    pub error: Option<String>,
}

/// The loss of a device, as its event says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceLoss {
    /// Devices of its process that are lost, this one among them.
    pub lost: usize,
    /// Devices of its process in all.
    pub devices: usize,
    /// Its place among them, from 0.
    pub index: usize,
    /// What the log calls it: `cuda:1`.
    pub device: String,
    /// Why.
    pub reason: String,
    /// The node of a cluster that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// That node's machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
}

#[derive(Serialize)]
struct DiskData {
    free_mib: u64,
}

#[derive(Serialize)]
struct PriceData<'a> {
    sku: &'a str,
    /// The last day with a price.
    until: Date,
}

#[derive(Serialize)]
struct TestData {
    endpoint: String,
}

impl Ledger {
    /// Writes that a device is lost, under an id of this `occasion`.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn announce_lost_device(
        &self,
        loss: &DeviceLoss,
        occasion: &str,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let id = format!("evt_device_{occasion}_{}", loss.index);
        let event = NewEvent { id, kind: EventKind::DeviceLost, key: None, data: loss, now };
        self.store.write(|conn| event.write(conn))
    }

    /// Writes that so little of the disk is free that no image is kept, once for each `day`.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn announce_full_disk(&self, free_mib: u64, day: Date, now: Timestamp) -> Result<(), LedgerError> {
        let (id, data) = (format!("evt_disk_{day}"), DiskData { free_mib });
        let event = NewEvent { id, kind: EventKind::DiskFull, key: None, data: &data, now };
        self.store.write(|conn| event.write(conn))
    }

    /// Writes that the list price of `sku` ends after the day `until`, or has ended then; once for that day.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn announce_price_end(&self, sku: &str, until: Date, now: Timestamp) -> Result<(), LedgerError> {
        // An id has no full stop, at which signatures are taken apart.
        let name = sku.replace(['/', '.'], "_");
        let (id, data) = (format!("evt_price_{name}_{until}"), PriceData { sku, until });
        let event = NewEvent { id, kind: EventKind::PriceEnds, key: None, data: &data, now };
        self.store.write(|conn| event.write(conn))
    }

    /// Writes a test message for an endpoint, under an id of this `occasion`; false if there is no such endpoint.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn test_webhook(
        &self,
        endpoint: EndpointId,
        occasion: &str,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let data = TestData { endpoint: endpoint.to_string() };
        let id = format!("evt_test_{occasion}");
        let event = NewEvent { id, kind: EventKind::Test, key: None, data: &data, now };
        self.store.write(|conn| {
            let sql = "SELECT id FROM webhook_endpoints WHERE id = ?1 AND removed_at_ms IS NULL";
            let found = conn.query(sql, params![endpoint.to_string()], |row| row.get(0))?;
            event.write_to(conn, &found)?;
            Ok(!found.is_empty())
        })
    }

    /// Messages whose time has come at `now`, a few of each endpoint: one that answers slowly holds up no other.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn due_webhooks(&self, now: Timestamp) -> Result<Vec<DueDelivery>, LedgerError> {
        let sql = format!(
            "SELECT event_id, endpoint_id, attempts, url, secret, body FROM (
                 SELECT *, row_number() OVER (PARTITION BY endpoint_id ORDER BY next_at_ms, event_id) AS place
                 FROM webhook_deliveries WHERE next_at_ms <= ?1) AS due
             JOIN webhook_endpoints ON webhook_endpoints.id = endpoint_id
             JOIN webhook_events ON webhook_events.id = event_id
             WHERE place <= {OF_ONE_ENDPOINT} AND removed_at_ms IS NULL ORDER BY next_at_ms, event_id"
        );
        self.store.read(|conn| {
            conn.query(&sql, params![now], |row| {
                Ok(DueDelivery {
                    event: row.get("event_id")?,
                    endpoint: endpoint_id(&row.get::<String>("endpoint_id")?)?,
                    url: row.get("url")?,
                    secret: row.get("secret")?,
                    body: row.get("body")?,
                    attempts: row.get("attempts")?,
                })
            })
        })
    }

    /// Notes that a message has arrived.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn note_webhook_delivered(
        &self,
        event: &str,
        endpoint: EndpointId,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let update = "UPDATE webhook_deliveries SET next_at_ms = NULL, delivered_at_ms = ?3
                      WHERE event_id = ?1 AND endpoint_id = ?2";
        self.store.write(|conn| {
            conn.execute(update, params![event, endpoint.to_string(), now])?;
            Ok(())
        })
    }

    /// Notes why an attempt at `now` failed, and when the `next` one is; none: the message is given up.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn note_webhook_failed(
        &self,
        event: &str,
        endpoint: EndpointId,
        error: &str,
        (now, next): (Timestamp, Option<Timestamp>),
    ) -> Result<(), LedgerError> {
        let update = "UPDATE webhook_deliveries SET attempts = attempts + 1, next_at_ms = ?3, failed_at_ms = ?4, error = ?5
                      WHERE event_id = ?1 AND endpoint_id = ?2";
        let error: String = error.chars().take(ERROR_CHARS_MAX).collect();
        self.store.write(|conn| {
            conn.execute(update, params![event, endpoint.to_string(), next, now, error])?;
            Ok(())
        })
    }

    /// Messages that were given up, the newest first.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn dead_letters(&self, limit: u32) -> Result<Vec<UndeliveredEvent>, LedgerError> {
        let sql = format!(
            "SELECT event_id, kind, endpoint_id, url, webhook_events.created_at_ms, attempts, error
             FROM webhook_deliveries
             JOIN webhook_endpoints ON webhook_endpoints.id = endpoint_id
             JOIN webhook_events ON webhook_events.id = event_id
             WHERE next_at_ms IS NULL AND delivered_at_ms IS NULL
             ORDER BY webhook_events.created_at_ms DESC, event_id LIMIT {limit}"
        );
        self.store.read(|conn| {
            conn.query(&sql, params![], |row| {
                Ok(UndeliveredEvent {
                    event: row.get(0)?,
                    kind: row.get(1)?,
                    endpoint: endpoint_id(&row.get::<String>(2)?)?,
                    url: row.get(3)?,
                    created_at: row.get(4)?,
                    attempts: row.get(5)?,
                    error: row.get(6)?,
                })
            })
        })
    }

    /// How many messages were given up and are still kept.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn count_dead_letters(&self) -> Result<i64, LedgerError> {
        let sql =
            "SELECT count(*) FROM webhook_deliveries WHERE next_at_ms IS NULL AND delivered_at_ms IS NULL";
        self.store.read(|conn| conn.query_one(sql, params![], |row| row.get(0)))
    }

    /// Has every message to an endpoint that was given up sent again. Returns how many.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn retry_dead_letters(&self, endpoint: EndpointId, now: Timestamp) -> Result<usize, LedgerError> {
        let update = "UPDATE webhook_deliveries SET next_at_ms = ?2, attempts = 0
                      WHERE endpoint_id = ?1 AND next_at_ms IS NULL AND delivered_at_ms IS NULL";
        self.store.write(|conn| conn.execute(update, params![endpoint.to_string(), now]))
    }

    /// Deletes events from before `horizon` that arrived everywhere, or were given up.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn sweep_webhooks(&self, horizon: Timestamp) -> Result<usize, LedgerError> {
        let old = "created_at_ms < ?1 AND NOT EXISTS
                   (SELECT 1 FROM webhook_deliveries WHERE event_id = webhook_events.id AND next_at_ms IS NOT NULL)";
        self.store.write(|conn| {
            let delete = format!(
                "DELETE FROM webhook_deliveries WHERE event_id IN (SELECT id FROM webhook_events WHERE {old})"
            );
            conn.execute(&delete, params![horizon])?;
            conn.execute(&format!("DELETE FROM webhook_events WHERE {old}"), params![horizon])
        })
    }
}

fn endpoint_id(text: &str) -> Result<EndpointId, LedgerError> {
    text.parse().map_err(|_| LedgerError::OutOfRange { what: "webhook_deliveries.endpoint_id" })
}
