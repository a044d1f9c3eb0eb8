use jiff::Timestamp;

use super::{
    Ledger, LedgerError, Purchase, kept_prompts, loras, purchases, signed,
    store::{FromValue, Row, Value, params},
    unsigned,
};
use crate::{
    domain::{FailureReason, ImageSize, LoraUse, RequestId, Seed},
    units::{Energy, Millis, Money},
};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndState {
    /// Its images were generated and booked.
    Settled,
    /// It gave no image; what it took is booked.
    Failed,
    /// It was open when the server died.
    Abandoned,
}

crate::domain::words!(EndState, "an end": Settled = "settled", Failed = "failed", Abandoned = "abandoned");

impl FromValue for EndState {
    fn from_value(value: Value<'_>) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestOutcome {
    /// Its images were generated, booked and handed over.
    Delivered,
    /// Its images were generated and booked, but nobody took them.
    Undelivered,
    /// It gave no image.
    Failed,
    /// Its client or an operator stopped it.
    Cancelled,
    /// It was open when the server died.
    Abandoned,
}

crate::domain::words!(
    RequestOutcome, "an outcome":
    Delivered = "delivered", Undelivered = "undelivered", Failed = "failed", Cancelled = "cancelled", Abandoned = "abandoned",
);

impl FromValue for RequestOutcome {
    fn from_value(value: Value<'_>) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
}

impl FromValue for FailureReason {
    fn from_value(value: Value<'_>) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
}

/// Which ended requests are wanted. What is none restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestFilter {
    /// Those that came before this one.
    pub before: Option<RequestId>,
    /// This one alone.
    pub id: Option<RequestId>,
    /// Those of which this came.
    pub outcome: Option<RequestOutcome>,
    /// Those of the key with this public id.
    pub key: Option<String>,
    /// Those that are filed under this.
    pub tag: Option<String>,
    /// Those with an image of this seed.
    pub seed: Option<Seed>,
    /// Those that came from the first moment up to, not including, the second.
    pub came: Option<(Timestamp, Timestamp)>,
    /// Those whose kept prompt has these words, in their order.
    pub prompt: Option<String>,
    /// Those with an image that has a star.
    pub is_favourite: bool,
}

/// A request that has ended, with the sums of what was booked for it.
#[derive(Debug, Clone, PartialEq)]
pub struct RecentRequest {
    /// Its id.
    pub id: RequestId,
    /// The public id of the key that asked.
    pub key: String,
    /// What its owner calls that key.
    pub key_name: String,
    /// How it ended.
    pub state: EndState,
    /// What came of it.
    pub outcome: RequestOutcome,
    /// Why it gave no image; none if it gave some, or failed before reasons were kept.
    pub failure: Option<FailureReason>,
    /// When it came.
    pub came_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// What it is filed under.
    pub tag: Option<String>,
    /// Images asked for.
    pub images: u32,
    /// The LoRAs that were applied.
    pub loras: Vec<LoraUse>,
    /// Whether the answer was handed over; none if there was none.
    pub is_delivered: Option<bool>,
    /// What the device did for it; none if it never began.
    pub work: Option<RecentWork>,
    /// What was bought for it, or was to be; none if nobody was asked.
    pub purchase: Option<Purchase>,
}

/// What the device did for a request, with or without images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecentWork {
    /// Width and height of its images.
    pub size: ImageSize,
    /// Denoising steps of each.
    pub steps: u32,
    /// The first image's seed.
    pub seed: Seed,
    /// Time of the device.
    pub duration: Millis,
    /// Energy of the device.
    pub energy: Energy,
    /// Energy at the plug.
    pub wall_energy: Energy,
    /// What it cost; for failed work, the electricity.
    pub cost: Money,
}

/// The ?2 requests that came last and have ended, of those that a [`RequestFilter`] wants. Ids sort by time. What is taken back
/// counts against what it takes back, so the sums are what is in force. Without a filter, as many requests are read as are wanted;
/// with one, requests are read back to the last one wanted.
pub(super) const RECENT: &str = "
    SELECT ended.id, public_id, name, state, outcome, ended.reason, ended.created_at_ms, ended_at_ms, tag, ended.images,
           ended.loras AS loras, delivered,
           min(width) AS width, min(height) AS height, min(steps) AS steps,
           min(CASE image_index WHEN 0 THEN seed END) AS seed, CAST(sum(duration_ms) AS BIGINT) AS duration_ms,
           CAST(sum(energy_mj) AS BIGINT) AS energy_mj, CAST(sum(wall_energy_mj) AS BIGINT) AS wall_energy_mj,
           CAST(sum(standard_nano) AS BIGINT) AS standard_nano
    FROM (SELECT * FROM (
              SELECT requests.*, reason,
                     CASE WHEN state = 'settled' AND delivered = 1 THEN 'delivered'
                          WHEN state = 'settled' THEN 'undelivered'
                          WHEN reason IN ('client_gone', 'cancelled_by_operator') THEN 'cancelled'
                          ELSE state END AS outcome
              FROM requests LEFT JOIN request_failures ON request_id = requests.id) AS request
          WHERE state NOT IN ('reserved', 'running') AND (CAST(?1 AS TEXT) IS NULL OR id < ?1)
            AND (CAST(?3 AS TEXT) IS NULL OR id = ?3) AND (CAST(?4 AS TEXT) IS NULL OR outcome = ?4)
            AND (CAST(?5 AS TEXT) IS NULL OR key_id = (SELECT keys.id FROM keys WHERE public_id = ?5))
            AND (CAST(?6 AS TEXT) IS NULL OR tag = ?6)
            AND (CAST(?7 AS BIGINT) IS NULL
                 OR EXISTS (SELECT 1 FROM entries WHERE request_id = request.id AND seed = ?7))
            AND created_at_ms >= ?8 AND created_at_ms < ?9
            AND (CAST(?10 AS TEXT) IS NULL
                 OR EXISTS (SELECT 1 FROM request_prompts
                            WHERE request_prompts.request_id = request.id AND folded LIKE ?10 ESCAPE '!'))
            AND (CAST(?11 AS BIGINT) = 0
                 OR EXISTS (SELECT 1 FROM favourites WHERE favourites.request_id = request.id))
          ORDER BY id DESC LIMIT ?2) AS ended
    JOIN keys ON keys.id = key_id LEFT JOIN entries ON request_id = ended.id
    GROUP BY ended.id, public_id, name, state, outcome, ended.reason, ended.created_at_ms, ended_at_ms, tag,
             ended.images, ended.loras, delivered
    ORDER BY ended.id DESC";

impl Ledger {
    /// The `limit` requests that came last and have ended, of those that `filter` wants, newest first.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a row holds what none should.
    pub fn recent_requests(
        &self,
        filter: &RequestFilter,
        limit: usize,
    ) -> Result<Vec<RecentRequest>, LedgerError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (before, id) = (filter.before.map(RequestId::to_text), filter.id.map(RequestId::to_text));
        let seed = filter.seed.map(|seed| signed(seed.get(), "seed")).transpose()?;
        let (from, to) = filter.came.unwrap_or((Timestamp::MIN, Timestamp::MAX));
        let (outcome, key, tag) =
            (filter.outcome.map(RequestOutcome::as_str), filter.key.as_deref(), filter.tag.as_deref());
        let prompt = filter.prompt.as_deref().map(kept_prompts::pattern);
        let parameters =
            params![before, limit, id, outcome, key, tag, seed, from, to, prompt, filter.is_favourite];
        self.store.read(|conn| {
            let mut requests = conn.query(RECENT, parameters, request)?;
            if let (Some(newest), Some(oldest)) = (requests.first(), requests.last()) {
                let mut purchases = purchases::of_requests(conn, oldest.id, newest.id)?;
                for request in &mut requests {
                    request.purchase = purchases.remove(&request.id);
                }
            }
            Ok(requests)
        })
    }
}

fn request(row: &Row<'_>) -> Result<RecentRequest, LedgerError> {
    let id: String = row.get("id")?;
    Ok(RecentRequest {
        id: RequestId::from_digits(&id).ok_or(LedgerError::OutOfRange { what: "requests.id" })?,
        key: row.get("public_id")?,
        key_name: row.get("name")?,
        state: row.get("state")?,
        outcome: row.get("outcome")?,
        failure: row.get("reason")?,
        came_at: row.get("created_at_ms")?,
        ended_at: row.get("ended_at_ms")?,
        tag: row.get("tag")?,
        images: row.get("images")?,
        loras: loras::from_row(row)?,
        is_delivered: row.get("delivered")?,
        work: work(row)?,
        purchase: None,
    })
}

fn work(row: &Row<'_>) -> Result<Option<RecentWork>, LedgerError> {
    let Some(width) = row.get("width")? else { return Ok(None) };
    let size = ImageSize::new(width, row.get("height")?);
    let count = |column| unsigned(row.get(column)?, column);
    Ok(Some(RecentWork {
        size: size.map_err(|_| LedgerError::OutOfRange { what: "entries.width" })?,
        steps: row.get("steps")?,
        seed: Seed::new(count("seed")?),
        duration: Millis::new(count("duration_ms")?),
        energy: Energy::from_millijoules(count("energy_mj")?),
        wall_energy: Energy::from_millijoules(count("wall_energy_mj")?),
        cost: Money::from_nano(row.get("standard_nano")?),
    }))
}
