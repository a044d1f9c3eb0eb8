use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rusqlite::{Row, params, types::Type};

use super::{Ledger, LedgerError, Month, signed, timestamp};
use crate::{
    costs::{Allocated, Asset, AssetUse, CostModel, DaySpan, Life, MonthCost, Retirement, month_cost},
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
    /// [`LedgerError::Currency`] where the ledger is kept in another currency; [`LedgerError::Database`] where SQLite
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
        let writer = self.writer();
        writer.execute(
            "INSERT INTO assets (name, currency, price_nano, residual_nano, share_percent, purchased_on, method,
                                 lifetime_images, life_years, normal_utilisation_percent, added_at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
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
                now.as_millisecond(),
            ],
        )?;
        Ok(AssetId::new(writer.last_insert_rowid()))
    }

    /// Ends an asset's service. False where there is no such asset, or it is retired already.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses, as before the asset's purchase.
    pub fn retire_asset(
        &self,
        id: AssetId,
        retirement: Retirement,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let retired =
            self.writer().execute(
                "INSERT INTO asset_retirements (asset_id, retired_on, proceeds_nano, noted_at_ms)
             SELECT id, ?2, ?3, ?4 FROM assets
             WHERE id = ?1 AND id NOT IN (SELECT asset_id FROM asset_retirements)",
                params![
                    id.get(),
                    retirement.on.to_string(),
                    retirement.proceeds.as_nano(),
                    now.as_millisecond(),
                ],
            )?;
        Ok(retired == 1)
    }

    /// All assets, oldest record first, retired ones included. A few rows, read anew for every request: what the command
    /// line records beside a running server counts from the next picture on.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn assets(&self) -> Result<Vec<AssetRow>, LedgerError> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT id, name, price_nano, residual_nano, share_percent, purchased_on, lifetime_images, life_years,
                    normal_utilisation_percent, added_at_ms, retired_on, proceeds_nano
             FROM assets LEFT JOIN asset_retirements ON asset_id = id ORDER BY id",
        )?;
        let rows = statement.query_map([], asset_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// `costs` with the ledger's assets.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn with_assets(&self, costs: &CostModel) -> Result<CostModel, LedgerError> {
        Ok(costs.with_assets(self.assets()?.into_iter().map(|row| row.asset).collect()))
    }

    /// Pictures that were booked on `days` of `zone`.
    ///
    /// # Errors
    /// [`LedgerError::Database`] where SQLite refuses.
    pub fn images_on(&self, days: DaySpan, zone: &TimeZone) -> Result<u64, LedgerError> {
        let images: i64 = self
            .reader()
            .prepare_cached(
                "SELECT coalesce(sum(images), 0) FROM entries WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2",
            )?
            .query_row(
                params![
                    start_of(days.first, zone).as_millisecond(),
                    start_of(days.end, zone).as_millisecond()
                ],
                |row| row.get(0),
            )?;
        // Below 0 where more of earlier months was taken back than was painted: then nothing was worn in this span.
        Ok(u64::try_from(images).unwrap_or(0))
    }

    /// What the parts and the upkeep of `costs` cost in `month`, beside what its pictures were `allocated`. Of a month that
    /// is not over, the days to `now`, today included; days before the ledger's first key do not count.
    ///
    /// # Errors
    /// [`LedgerError`] where SQLite refuses or a sum is out of range.
    pub fn month_cost(
        &self,
        costs: &CostModel,
        month: Month,
        zone: &TimeZone,
        now: Timestamp,
        allocated: Allocated,
    ) -> Result<MonthCost, LedgerError> {
        let day = |moment| zone.to_datetime(moment).date();
        let tomorrow = day(now).tomorrow().unwrap_or(Date::MAX);
        let known = DaySpan { first: self.first_day(zone)?.unwrap_or(Date::MAX), end: tomorrow };
        let days = known.and(DaySpan { first: day(month.start(zone)), end: day(month.end(zone)) });
        let parts: Vec<_> = costs.parts().collect();
        let uses = parts
            .iter()
            .map(|(asset, service)| {
                let images_before = self.images_on(service.before(days.first), zone)?;
                Ok(AssetUse { asset, images_before, images: self.images_on(service.and(days), zone)? })
            })
            .collect::<Result<Vec<_>, LedgerError>>()?;
        month_cost(&uses, &costs.upkeep(), days, allocated)
            .map_err(|_| LedgerError::OutOfRange { what: "the month's cost" })
    }

    /// The day on which the first key was made; none before.
    fn first_day(&self, zone: &TimeZone) -> Result<Option<Date>, LedgerError> {
        let first: Option<i64> =
            self.reader().query_row("SELECT min(created_at_ms) FROM keys", [], |row| row.get(0))?;
        Ok(first.map(timestamp).transpose()?.map(|first| zone.to_datetime(first).date()))
    }
}

/// A day's first moment, or the first or last that there is.
fn start_of(day: Date, zone: &TimeZone) -> Timestamp {
    let beyond = if day.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    zone.to_zoned(day.into()).map_or(beyond, |zoned| zoned.timestamp())
}

fn asset_row(row: &Row<'_>) -> rusqlite::Result<AssetRow> {
    let money = |column: &str| row.get(column).map(Money::from_nano);
    let life = match row.get::<_, Option<i64>>("lifetime_images")? {
        Some(images) => Life::Units { lifetime_images: images.unsigned_abs() },
        None => Life::Time {
            years: row.get("life_years")?,
            normal_utilisation_percent: row.get("normal_utilisation_percent")?,
        },
    };
    let retirement = match row.get::<_, Option<String>>("retired_on")? {
        Some(on) => Some(Retirement { on: civil_day(&on)?, proceeds: money("proceeds_nano")? }),
        None => None,
    };
    Ok(AssetRow {
        id: AssetId::new(row.get("id")?),
        added_at: timestamp(row.get("added_at_ms")?)?,
        asset: Asset {
            name: row.get("name")?,
            price: money("price_nano")?,
            residual: money("residual_nano")?,
            share_percent: row.get("share_percent")?,
            purchased_on: civil_day(&row.get::<_, String>("purchased_on")?)?,
            life,
            retirement,
        },
    })
}

/// A column of days, `2026-11-23`.
fn civil_day(text: &str) -> rusqlite::Result<Date> {
    text.parse().map_err(|error: jiff::Error| {
        rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error))
    })
}

#[cfg(test)]
mod tests;
