use jiff::Timestamp;

use super::{
    Ledger, LedgerError, loras,
    store::{FromValue, Row, Value, params},
    unsigned,
};
use crate::{
    domain::{ImageSize, LoraUse, RequestId, Seed},
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

/// The ?2 requests that came last and have ended, or those before ?1. Ids sort by time. What is taken back counts
/// against what it takes back, so the sums are what is in force.
pub(super) const RECENT: &str = "SELECT requests.id, public_id, name, state, ended_at_ms, tag, requests.images, requests.loras AS loras, delivered,
                 min(width) AS width, min(height) AS height, min(steps) AS steps,
                 min(CASE image_index WHEN 0 THEN seed END) AS seed, CAST(sum(duration_ms) AS BIGINT) AS duration_ms,
                 CAST(sum(energy_mj) AS BIGINT) AS energy_mj, CAST(sum(wall_energy_mj) AS BIGINT) AS wall_energy_mj,
                 CAST(sum(standard_nano) AS BIGINT) AS standard_nano
             FROM (SELECT * FROM requests
                   WHERE state NOT IN ('reserved', 'running') AND (CAST(?1 AS TEXT) IS NULL OR id < ?1)
                   ORDER BY id DESC LIMIT ?2) AS requests
             JOIN keys ON keys.id = key_id LEFT JOIN entries ON request_id = requests.id
             GROUP BY requests.id ORDER BY requests.id DESC";

impl Ledger {
    /// The `limit` requests that came last and have ended, newest first; where `before` is given, those that came
    /// before that one.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a row holds what none should.
    pub fn recent_requests(
        &self,
        before: Option<RequestId>,
        limit: usize,
    ) -> Result<Vec<RecentRequest>, LedgerError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let before = before.map(RequestId::to_text);
        self.store.read(|conn| conn.query(RECENT, params![before, limit], request))
    }
}

fn request(row: &Row<'_>) -> Result<RecentRequest, LedgerError> {
    let id: String = row.get("id")?;
    Ok(RecentRequest {
        id: RequestId::from_digits(&id).ok_or(LedgerError::OutOfRange { what: "requests.id" })?,
        key: row.get("public_id")?,
        key_name: row.get("name")?,
        state: row.get("state")?,
        ended_at: row.get("ended_at_ms")?,
        tag: row.get("tag")?,
        images: row.get("images")?,
        loras: loras::from_row(row)?,
        is_delivered: row.get("delivered")?,
        work: work(row)?,
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
