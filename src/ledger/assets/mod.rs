use jiff::Timestamp;

use super::{
    AssetRow, Evidence, Ledger, LedgerError, invoices, late,
    recorded::{self, images_on},
    signed,
    store::{Conn, params},
};
use crate::{
    costs::{Asset, CostModel, DaySpan, Life, Retirement},
    domain::{AssetId, Calendar},
};

impl Ledger {
    /// Records a part. A retirement of `asset` is not recorded. What it costs on days that are closed, by `costs`,
    /// becomes an adjustment of the open month.
    ///
    /// # Errors
    /// [`LedgerError::Currency`] if the ledger is kept in another currency; [`LedgerError::Range`] if the ledger could not add it up
    /// with what it has; [`LedgerError::Store`] if the database refuses.
    pub fn add_asset(
        &self,
        asset: &Asset,
        costs: &CostModel,
        evidence: &Evidence<'_>,
        now: Timestamp,
    ) -> Result<AssetId, LedgerError> {
        let currency = costs.currency();
        self.check_currency(currency)?;
        let (images, years, utilisation) = asset.life.terms();
        let (life_years, planned_years) = if images.is_some() { (None, years) } else { (years, None) };
        let images = images.map(|images| signed(images, "lifetime_images")).transpose()?;
        let sql = "INSERT INTO assets (name, currency, price_nano, residual_nano, share_percent, purchased_on, method,
                                       lifetime_images, life_years, normal_utilisation_percent, added_at_ms, actor, document,
                                       machine, invoice, planned_years)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) RETURNING id";
        let invoice = invoices::to_json(evidence)?;
        let reason = format!("{}: bought on {}", asset.name, asset.purchased_on);
        let insert = |conn: &Conn<'_>, now: Timestamp| {
            let id = conn.query_one(
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
                    life_years,
                    utilisation,
                    now,
                    evidence.actor,
                    evidence.document,
                    evidence.machine,
                    invoice,
                    planned_years,
                ],
                |row| Ok(AssetId::new(row.get(0)?)),
            )?;
            recorded::check_sum(conn)?;
            Ok(id)
        };
        self.store.write(|conn| late::record(conn, costs, (&reason, evidence), now, |now| insert(conn, now)))
    }

    /// Ends an asset's service. False if there is no such asset, or it is retired already. What that changes of days
    /// that are closed, by `costs`, becomes an adjustment of the open month.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses, as before the asset's purchase.
    pub fn retire_asset(
        &self,
        id: AssetId,
        retirement: Retirement,
        costs: &CostModel,
        evidence: &Evidence<'_>,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let sql = "INSERT INTO asset_retirements (asset_id, retired_on, proceeds_nano, noted_at_ms, actor, document)
                   SELECT id, ?2, ?3, ?4, ?5, ?6 FROM assets
                   WHERE id = ?1 AND id NOT IN (SELECT asset_id FROM asset_retirements)";
        let (row_id, on, proceeds) = (id.get(), retirement.on.to_string(), retirement.proceeds.as_nano());
        self.store.write(|conn| {
            let name = "SELECT name FROM assets WHERE id = ?1";
            let name = conn.query_first(name, params![row_id], |row| row.get::<String>(0))?;
            let reason = format!("{}: out of service on {on}", name.unwrap_or_default());
            late::record(conn, costs, (&reason, evidence), now, |now| {
                let row = params![row_id, on, proceeds, now, evidence.actor, evidence.document];
                Ok(conn.execute(sql, row)? == 1)
            })
        })
    }

    /// All assets, oldest record first, retired ones included. A few rows, read again for every request: what the
    /// command line records beside a running server counts from the next image on.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn assets(&self) -> Result<Vec<AssetRow>, LedgerError> {
        self.store.read(recorded::parts)
    }

    /// `costs` with the ledger's assets.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn with_assets(&self, costs: &CostModel) -> Result<CostModel, LedgerError> {
        self.store.read(|conn| {
            let costs = self.known_model.complete(conn, costs)?;
            let by_units = |(part, service): (&Asset, DaySpan)| match part.life {
                Life::Units { .. } => self.images_made(conn, service),
                Life::Time { .. } => Ok(0),
            };
            let images_made = costs.parts().map(by_units).collect::<Result<_, LedgerError>>()?;
            Ok(costs.with_images_made(images_made))
        })
    }

    /// Images that were booked on `days`, which are UTC's here: a part's service may begin or end some hours apart from
    /// the reports. Asked for every request, so only the entries since the last question are read.
    fn images_made(&self, conn: &Conn<'_>, days: DaySpan) -> Result<u64, LedgerError> {
        let sql = "SELECT coalesce(max(id), ?1),
                          CAST(coalesce(sum(images) FILTER (WHERE entered_at_ms >= ?2 AND entered_at_ms < ?3), 0) AS BIGINT)
                   FROM entries WHERE id > ?1";
        let span @ [start, end] = [days.first, days.end].map(|day| Calendar::UTC.start_of(day));
        let mut counts = self.images_made.lock();
        let (last, images) = counts.entry(span).or_insert((0, 0));
        let (newest, more): (i64, i64) =
            conn.query_one(sql, params![*last, start, end], |row| Ok((row.get(0)?, row.get(1)?)))?;
        (*last, *images) = (newest, *images + more);
        Ok(u64::try_from(*images).unwrap_or(0))
    }

    /// Images that were booked on `days` of `zone`.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn images_on(&self, days: DaySpan, calendar: &Calendar) -> Result<u64, LedgerError> {
        // Below 0 if more of earlier months was taken back than was generated: then nothing was worn in this span.
        self.store.read(|conn| Ok(u64::try_from(images_on(conn, days, calendar)?).unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests;
