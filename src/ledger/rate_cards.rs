//! What work was priced with: a row for each card that was ever used.

use std::{collections::HashMap, sync::Arc};

use super::{
    LedgerError,
    exact_json::exact_json,
    rows_by_hash,
    store::{Conn, Row, params},
};
use crate::{costs::RateCard, units::CarbonIntensity};

/// The number of `card`'s row, which is written if there is none.
pub(super) fn keep(conn: &Conn<'_>, card: &RateCard) -> Result<i64, LedgerError> {
    let json = exact_json(card)?;
    rows_by_hash::keep(conn, "rate_cards", "card", &json)
}

/// What a kilowatt-hour emitted by each card that says so, by the cards' numbers.
pub(super) fn carbon_intensities(conn: &Conn<'_>) -> Result<HashMap<i64, CarbonIntensity>, LedgerError> {
    let sql = "SELECT id, card FROM rate_cards WHERE card LIKE '%\"carbon\":%'";
    let cards = conn.query(sql, params![], |row| {
        let card: RateCard = serde_json::from_str(&row.get::<String>(1)?)?;
        Ok::<_, LedgerError>((row.get(0)?, card.carbon))
    })?;
    Ok(cards.into_iter().filter_map(|(id, carbon)| Some((id, carbon?.grams_per_kwh))).collect())
}

/// Cards that were read: entries have few of them in common.
#[derive(Default)]
pub(super) struct Cards(HashMap<i64, Arc<RateCard>>);

impl Cards {
    /// The card of a row that has `rate_card` and `card`; none if it points to none.
    pub(super) fn of(&mut self, row: &Row<'_>) -> Result<Option<Arc<RateCard>>, LedgerError> {
        let Some(id) = row.get::<Option<i64>>("rate_card")? else { return Ok(None) };
        if let Some(card) = self.0.get(&id) {
            return Ok(Some(Arc::clone(card)));
        }
        let card: Arc<RateCard> = Arc::new(serde_json::from_str(&row.get::<String>("card")?)?);
        self.0.insert(id, Arc::clone(&card));
        Ok(Some(card))
    }
}
