use jiff::Timestamp;

use crate::{
    domain::{EndpointId, EventKind, KeyId},
    ledger::{
        Ledger, LedgerError,
        store::{Conn, Row, params},
    },
};

/// Where events are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEndpoint {
    /// Its id.
    pub id: EndpointId,
    /// Whose events it gets; none: everybody's, and the server's own.
    pub key: Option<KeyId>,
    /// Its URL.
    pub url: String,
    /// `whsec_…`, which signs its messages.
    pub secret: String,
    /// The events that it gets.
    pub kinds: Vec<EventKind>,
    /// When it was added.
    pub created_at: Timestamp,
}

/// An endpoint, and how its messages fare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointStanding {
    /// The endpoint.
    pub endpoint: WebhookEndpoint,
    /// Messages that are still to arrive.
    pub waiting: u32,
    /// When one arrived last.
    pub delivered_at: Option<Timestamp>,
    /// When an attempt failed last.
    pub failed_at: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<String>,
}

impl EndpointStanding {
    /// Whether the last attempt failed.
    pub fn is_failing(&self) -> bool {
        self.failed_at > self.delivered_at
    }
}

impl Ledger {
    /// Adds an endpoint.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn add_webhook(&self, endpoint: &WebhookEndpoint) -> Result<(), LedgerError> {
        let WebhookEndpoint { id, key, url, secret, kinds, created_at } = endpoint;
        let insert = "INSERT INTO webhook_endpoints (id, key_id, url, secret, kinds, created_at_ms)
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (id, key, kinds) = (id.to_string(), key.map(KeyId::get), kinds_text(kinds));
        self.store.write(|conn| {
            conn.execute(insert, params![id, key, url, secret, kinds, *created_at])?;
            Ok(())
        })
    }

    /// Takes an endpoint away, with what it was still to get; false if there is no such endpoint.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn remove_webhook(&self, id: EndpointId, now: Timestamp) -> Result<bool, LedgerError> {
        self.store.write(|conn| remove(conn, "id = ?1", &id.to_string(), now).map(|removed| removed > 0))
    }

    /// Every endpoint, the oldest first.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn webhooks(&self) -> Result<Vec<EndpointStanding>, LedgerError> {
        let sql = "SELECT webhook_endpoints.*,
                          (SELECT count(*) FROM webhook_deliveries WHERE endpoint_id = webhook_endpoints.id
                              AND next_at_ms IS NOT NULL) AS waiting,
                          (SELECT max(delivered_at_ms) FROM webhook_deliveries WHERE endpoint_id = webhook_endpoints.id) AS delivered_at_ms,
                          (SELECT max(failed_at_ms) FROM webhook_deliveries WHERE endpoint_id = webhook_endpoints.id) AS failed_at_ms,
                          (SELECT error FROM webhook_deliveries WHERE endpoint_id = webhook_endpoints.id
                              AND failed_at_ms IS NOT NULL ORDER BY failed_at_ms DESC LIMIT 1) AS error
                   FROM webhook_endpoints WHERE removed_at_ms IS NULL ORDER BY id";
        self.store.read(|conn| conn.query(sql, params![], standing))
    }
}

/// Takes away every endpoint of `key`, and what is written of them: its owner chose the URLs.
pub(in crate::ledger) fn forget(conn: &Conn<'_>, key: KeyId, now: Timestamp) -> Result<(), LedgerError> {
    remove(conn, "key_id = CAST(?1 AS INTEGER)", &key.get().to_string(), now)?;
    let update = "UPDATE webhook_endpoints SET url = '', secret = '' WHERE key_id = ?1";
    conn.execute(update, params![key.get()])?;
    Ok(())
}

fn remove(conn: &Conn<'_>, which: &str, of: &str, now: Timestamp) -> Result<usize, LedgerError> {
    let update =
        format!("UPDATE webhook_endpoints SET removed_at_ms = ?2 WHERE {which} AND removed_at_ms IS NULL");
    let removed = conn.execute(&update, params![of, now])?;
    let delete = format!(
        "DELETE FROM webhook_deliveries WHERE endpoint_id IN (SELECT id FROM webhook_endpoints WHERE {which})"
    );
    conn.execute(&delete, params![of])?;
    Ok(removed)
}

fn standing(row: &Row<'_>) -> Result<EndpointStanding, LedgerError> {
    Ok(EndpointStanding {
        endpoint: endpoint(row)?,
        waiting: row.get("waiting")?,
        delivered_at: row.get("delivered_at_ms")?,
        failed_at: row.get("failed_at_ms")?,
        error: row.get("error")?,
    })
}

fn endpoint(row: &Row<'_>) -> Result<WebhookEndpoint, LedgerError> {
    let out_of_range = |what| LedgerError::OutOfRange { what };
    let kinds: String = row.get("kinds")?;
    // A kind of a later version is passed over.
    let kinds = kinds.split_whitespace().filter_map(|kind| kind.parse().ok()).collect();
    Ok(WebhookEndpoint {
        id: row.get::<String>("id")?.parse().map_err(|_| out_of_range("webhook_endpoints.id"))?,
        key: row.get::<Option<i64>>("key_id")?.map(KeyId::new),
        url: row.get("url")?,
        secret: row.get("secret")?,
        kinds,
        created_at: row.get("created_at_ms")?,
    })
}

/// ` image.completed batch.completed `
fn kinds_text(kinds: &[EventKind]) -> String {
    kinds.iter().fold(" ".into(), |text, kind| text + kind.as_str() + " ")
}
