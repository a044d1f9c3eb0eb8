use crate::{
    costs::Breakdown,
    domain::{BatchId, KeyId},
    ledger::{
        Ledger, LedgerError,
        store::{Row, params},
        unsigned,
    },
    units::{Energy, Money},
};

/// What the requests of a batch have cost so far, failed work included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchCost {
    /// Images that were made.
    pub images: u64,
    /// Energy at the plug.
    pub wall_energy: Energy,
    /// What it cost.
    pub cost: Breakdown,
    /// What its electricity would have cost at another price, each entry rounded up as it was booked.
    pub electricity_otherwise: Money,
}

impl Ledger {
    /// What the requests of the batch `id` of `key` have cost so far, and what their electricity would have cost at `price` a
    /// kilowatt-hour.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn batch_cost(&self, key: KeyId, id: BatchId, price: Money) -> Result<BatchCost, LedgerError> {
        // Rounded up: of integers, division rounds towards zero.
        let sql = "SELECT CAST(coalesce(sum(entries.images), 0) AS BIGINT) AS images,
                          CAST(coalesce(sum(wall_energy_mj), 0) AS BIGINT) AS wall_energy,
                          CAST(coalesce(sum(electricity_nano), 0) AS BIGINT) AS electricity,
                          CAST(coalesce(sum(depreciation_nano), 0) AS BIGINT) AS depreciation,
                          CAST(coalesce(sum(upkeep_nano), 0) AS BIGINT) AS upkeep,
                          CAST(coalesce(sum((wall_energy_mj * ?4 + CASE WHEN wall_energy_mj * ?4 > 0 THEN 3599999999 ELSE 0 END)
                                            / 3600000000), 0) AS BIGINT) AS otherwise
                   FROM requests JOIN entries ON request_id = requests.id
                   WHERE requests.key_id = ?1 AND idempotency_key > ?2 AND idempotency_key < ?3";
        // Between `batch_…/` and what follows the slash.
        let keys = [format!("{id}/"), format!("{id}0")];
        let money = |row: &Row<'_>, column: &str| row.get(column).map(Money::from_nano);
        self.store.read(|conn| {
            conn.query_one(sql, params![key.get(), keys[0], keys[1], price.as_nano()], |row| {
                let wall_energy = unsigned(row.get("wall_energy")?, "entries.wall_energy_mj")?;
                Ok(BatchCost {
                    images: unsigned(row.get("images")?, "entries.images")?,
                    wall_energy: Energy::from_millijoules(wall_energy),
                    cost: Breakdown {
                        electricity: money(row, "electricity")?,
                        depreciation: money(row, "depreciation")?,
                        upkeep: money(row, "upkeep")?,
                    },
                    electricity_otherwise: money(row, "otherwise")?,
                })
            })
        })
    }
}
