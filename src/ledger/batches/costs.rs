use crate::{
    costs::Breakdown,
    domain::{BatchId, KeyId},
    ledger::{
        Ledger, LedgerError,
        batches::keys_of_lines,
        store::{Param, Row},
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
    /// What the requests of each batch have cost so far, and what their electricity would have cost at its price a kilowatt-hour:
    /// in the order of `batches`, with one question.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn batch_costs(&self, batches: &[(KeyId, BatchId, Money)]) -> Result<Vec<BatchCost>, LedgerError> {
        if batches.is_empty() {
            return Ok(Vec::new());
        }
        let wanted: Vec<_> = (0..batches.len())
            .map(|place| {
                let first = 4 * place + 1;
                format!("({place}, ?{first}, ?{}, ?{}, ?{})", first + 1, first + 2, first + 3)
            })
            .collect();
        let sql = sums(&wanted.join(", "));
        let spans: Vec<_> = batches.iter().map(|(_, id, _)| keys_of_lines(*id)).collect();
        let params: Vec<_> = (batches.iter().zip(&spans))
            .flat_map(|((key, _, price), [first, end])| {
                let (key, price) = (Param::Integer(key.get()), Param::Integer(price.as_nano()));
                [key, Param::Text(first), Param::Text(end), price]
            })
            .collect();
        self.store.read(|conn| conn.query(&sql, &params, batch_cost))
    }
}

/// The sums of batches, which `wanted` has: a place, a key, the first and the last text of their requests' keys, and a price.
pub(in crate::ledger) fn sums(wanted: &str) -> String {
    SUMS.replace("{wanted}", wanted)
}

/// One row a batch. Rounded up: of integers, division rounds towards zero.
const SUMS: &str = "
    WITH wanted (place, of_key, first_key, end_key, price) AS (VALUES {wanted})
    SELECT place, CAST(coalesce(sum(entries.images), 0) AS BIGINT) AS images,
           CAST(coalesce(sum(wall_energy_mj), 0) AS BIGINT) AS wall_energy,
           CAST(coalesce(sum(electricity_nano), 0) AS BIGINT) AS electricity,
           CAST(coalesce(sum(depreciation_nano), 0) AS BIGINT) AS depreciation,
           CAST(coalesce(sum(upkeep_nano), 0) AS BIGINT) AS upkeep,
           CAST(coalesce(sum((wall_energy_mj * price + CASE WHEN wall_energy_mj * price > 0 THEN 3599999999 ELSE 0 END)
                             / 3600000000), 0) AS BIGINT) AS otherwise
    FROM wanted
    LEFT JOIN requests ON requests.key_id = of_key AND idempotency_key > first_key AND idempotency_key < end_key
    LEFT JOIN entries ON request_id = requests.id
    GROUP BY place ORDER BY place";

fn batch_cost(row: &Row<'_>) -> Result<BatchCost, LedgerError> {
    let money = |column: &str| row.get(column).map(Money::from_nano);
    let wall_energy = unsigned(row.get("wall_energy")?, "entries.wall_energy_mj")?;
    Ok(BatchCost {
        images: unsigned(row.get("images")?, "entries.images")?,
        wall_energy: Energy::from_millijoules(wall_energy),
        cost: Breakdown {
            electricity: money("electricity")?,
            depreciation: money("depreciation")?,
            upkeep: money("upkeep")?,
        },
        electricity_otherwise: money("otherwise")?,
    })
}
