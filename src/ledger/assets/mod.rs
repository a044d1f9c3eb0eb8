use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{
    Ledger, LedgerError, cost_lines, signed,
    store::{Conn, Row, params},
};
use crate::{
    costs::{Asset, CostModel, DaySpan, Life, Retirement},
    domain::AssetId,
    units::{Currency, Money},
};

/// An asset as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetRow {
    /// Its number.
    pub id: AssetId,
    /// What it is.
    pub asset: Asset,
    /// When it was recorded.
    pub added_at: Timestamp,
}

impl Ledger {
    /// Records a part that wears out. A retirement of `asset` is not recorded.
    ///
    /// # Errors
    /// [`LedgerError::Currency`] if the ledger is kept in another currency; [`LedgerError::Store`] if the database
    /// refuses.
    pub fn add_asset(
        &self,
        asset: &Asset,
        currency: Currency,
        now: Timestamp,
    ) -> Result<AssetId, LedgerError> {
        self.check_currency(currency)?;
        let (images, years, utilisation) = match asset.life {
            Life::Units { lifetime_images } => {
                (Some(signed(lifetime_images, "lifetime_images")?), None, None)
            }
            Life::Time { years, normal_utilisation_percent } => {
                (None, Some(years), Some(normal_utilisation_percent))
            }
        };
        let sql = "INSERT INTO assets (name, currency, price_nano, residual_nano, share_percent, purchased_on, method,
                                       lifetime_images, life_years, normal_utilisation_percent, added_at_ms)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) RETURNING id";
        self.store.write(|conn| {
            conn.query_one(
                sql,
                params![
                    asset.name,
                    currency.code(),
                    asset.price.as_nano(),
                    asset.residual.as_nano(),
                    asset.share_percent,
                    asset.purchased_on.to_string(),
                    asset.life.method(),
                    images,
                    years,
                    utilisation,
                    now,
                ],
                |row| Ok(AssetId::new(row.get(0)?)),
            )
        })
    }

    /// Ends an asset's service. False where there is no such asset, or it is retired already.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses, as before the asset's purchase.
    pub fn retire_asset(
        &self,
        id: AssetId,
        retirement: Retirement,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let sql = "INSERT INTO asset_retirements (asset_id, retired_on, proceeds_nano, noted_at_ms)
                   SELECT id, ?2, ?3, ?4 FROM assets
                   WHERE id = ?1 AND id NOT IN (SELECT asset_id FROM asset_retirements)";
        let (on, proceeds) = (retirement.on.to_string(), retirement.proceeds.as_nano());
        self.store.write(|conn| Ok(conn.execute(sql, params![id.get(), on, proceeds, now])? == 1))
    }

    /// All assets, oldest record first, retired ones included. A few rows, read anew for every request: what the command
    /// line records beside a running server counts from the next picture on.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn assets(&self) -> Result<Vec<AssetRow>, LedgerError> {
        self.store.read(assets)
    }

    /// `costs` with the ledger's assets.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn with_assets(&self, costs: &CostModel) -> Result<CostModel, LedgerError> {
        let costs = self.store.read(|conn| with_assets(conn, costs))?;
        let by_units = |(part, service): (&Asset, DaySpan)| match part.life {
            Life::Units { .. } => self.images_made(service),
            Life::Time { .. } => Ok(0),
        };
        let images_made = costs.parts().map(by_units).collect::<Result<_, LedgerError>>()?;
        Ok(costs.with_images_made(images_made))
    }

    /// Images that were booked on `days`, which are UTC's here: a part's service may begin or end some hours apart from
    /// the reports. Asked for every request, so only the entries since the last question are read.
    fn images_made(&self, days: DaySpan) -> Result<u64, LedgerError> {
        let sql = "SELECT coalesce(max(id), ?1),
                          CAST(coalesce(sum(images) FILTER (WHERE entered_at_ms >= ?2 AND entered_at_ms < ?3), 0) AS BIGINT)
                   FROM entries WHERE id > ?1";
        let span @ [start, end] = [days.first, days.end].map(|day| start_of(day, &TimeZone::UTC));
        let mut counts = self.images_made.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (last, images) = counts.entry(span).or_insert((0, 0));
        let (newest, more): (i64, i64) = self.store.read(|conn| {
            conn.query_one(sql, params![*last, start, end], |row| Ok((row.get(0)?, row.get(1)?)))
        })?;
        (*last, *images) = (newest, *images + more);
        Ok(u64::try_from(*images).unwrap_or(0))
    }

    /// Pictures that were booked on `days` of `zone`.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn images_on(&self, days: DaySpan, zone: &TimeZone) -> Result<u64, LedgerError> {
        // Below 0 where more of earlier months was taken back than was painted: then nothing was worn in this span.
        self.store.read(|conn| Ok(u64::try_from(images_on(conn, days, zone)?).unwrap_or(0)))
    }
}

/// As [`Ledger::assets`].
fn assets(conn: &Conn<'_>) -> Result<Vec<AssetRow>, LedgerError> {
    let sql = "SELECT id, name, price_nano, residual_nano, share_percent, purchased_on, lifetime_images, life_years,
                      normal_utilisation_percent, added_at_ms, retired_on, proceeds_nano
               FROM assets LEFT JOIN asset_retirements ON asset_id = id ORDER BY id";
    conn.query(sql, params![], asset_row)
}

/// `costs` with the ledger's assets and lines of cost.
pub(super) fn with_assets(conn: &Conn<'_>, costs: &CostModel) -> Result<CostModel, LedgerError> {
    let costs = costs.with_assets(assets(conn)?.into_iter().map(|row| row.asset).collect());
    Ok(costs.with_lines(cost_lines::lines(conn)?))
}

/// Pictures that were booked on `days` of `zone`, less those that were taken back.
pub(super) fn images_on(conn: &Conn<'_>, days: DaySpan, zone: &TimeZone) -> Result<i64, LedgerError> {
    let sql = "SELECT CAST(coalesce(sum(images), 0) AS BIGINT) FROM entries
               WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2";
    let [start, end] = [days.first, days.end].map(|day| start_of(day, zone));
    conn.query_one(sql, params![start, end], |row| row.get(0))
}

/// The day on which the first key was made or, if the clock was wrong then, the first entry; none before. Never later than
/// today: what a clock that was ahead wrote must not hide today's costs.
pub(super) fn first_day(
    conn: &Conn<'_>,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Option<Date>, LedgerError> {
    let sql = "SELECT min(at) FROM (SELECT min(created_at_ms) AS at FROM keys
               UNION ALL SELECT min(entered_at_ms) FROM entries) AS first";
    let first: Option<Timestamp> = conn.query_one(sql, params![], |row| row.get(0))?;
    Ok(first.map(|first| zone.to_datetime(first.min(now)).date()))
}

/// A day's first moment, or the first or last that there is.
pub(super) fn start_of(day: Date, zone: &TimeZone) -> Timestamp {
    let beyond = if day.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    zone.to_zoned(day.into()).map_or(beyond, |zoned| zoned.timestamp())
}

fn asset_row(row: &Row<'_>) -> Result<AssetRow, LedgerError> {
    let money = |column: &str| row.get(column).map(Money::from_nano);
    let life = match row.get::<Option<i64>>("lifetime_images")? {
        Some(images) => Life::Units { lifetime_images: images.unsigned_abs() },
        None => Life::Time {
            years: row.get("life_years")?,
            normal_utilisation_percent: row.get("normal_utilisation_percent")?,
        },
    };
    let retirement = match row.get::<Option<String>>("retired_on")? {
        Some(on) => Some(Retirement { on: civil_day(&on)?, proceeds: money("proceeds_nano")? }),
        None => None,
    };
    Ok(AssetRow {
        id: AssetId::new(row.get("id")?),
        added_at: row.get("added_at_ms")?,
        asset: Asset {
            name: row.get("name")?,
            price: money("price_nano")?,
            residual: money("residual_nano")?,
            share_percent: row.get("share_percent")?,
            purchased_on: civil_day(&row.get::<String>("purchased_on")?)?,
            life,
            retirement,
        },
    })
}

/// A column of days, `2026-11-23`.
fn civil_day(text: &str) -> Result<Date, LedgerError> {
    text.parse().map_err(|_| LedgerError::OutOfRange { what: "a day of an asset" })
}

#[cfg(test)]
mod tests;
