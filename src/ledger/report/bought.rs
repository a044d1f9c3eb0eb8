//! What was bought, in the groups of a month: beside what was made here, never in its figures.

use std::collections::{BTreeMap, HashMap};

use super::{Figures, GroupBy, GroupReport, Groups, MonthTotals};
use crate::{
    domain::Calendar,
    ledger::{BoughtReport, purchases::rows::BoughtRow},
    units::{Money, RangeError},
};

/// What was bought of `rows`, beside the own cost `all_in` of the same; none if nothing was.
pub(super) fn report<'a>(
    rows: impl IntoIterator<Item = &'a BoughtRow>,
    all_in: Option<Money>,
) -> Result<Option<BoughtReport>, RangeError> {
    BoughtReport::new(rows.into_iter().map(|row| &row.sum), all_in)
}

impl Groups {
    /// Puts what was bought beside each group's own images. A group that made none itself comes after the others; days stay in
    /// order.
    pub(super) fn with_bought(mut self, rows: &[BoughtRow], calendar: &Calendar) -> Result<Self, RangeError> {
        let mut bought = BTreeMap::<Option<String>, Vec<&BoughtRow>>::new();
        for row in rows {
            bought.entry(group(row, self.by, calendar)).or_default().push(row);
        }
        let places = self.groups.iter().enumerate().map(|(place, known)| (known.group.clone(), place));
        let places: HashMap<_, _> = places.collect();
        for (group, rows) in bought {
            let overflow = report(rows.iter().copied(), None)?;
            match places.get(&group) {
                Some(place) => self.groups[*place].overflow = overflow,
                None if overflow.is_none() => {}
                None => {
                    let key_name = |row: &&BoughtRow| (self.by == GroupBy::Key).then(|| row.key_name.clone());
                    let title = rows.first().and_then(key_name);
                    let figures = Figures::new(&MonthTotals::default());
                    self.groups.push(GroupReport { group, title, figures, overflow });
                }
            }
        }
        if self.by == GroupBy::Day {
            self.groups.sort_by(|a, b| a.group.cmp(&b.group));
        }
        Ok(self)
    }
}

/// The name of a row's group. The model that made a bought image is the seller's, which its price-book entry names.
fn group(row: &BoughtRow, by: GroupBy, calendar: &Calendar) -> Option<String> {
    match by {
        GroupBy::Key => Some(row.key.clone()),
        GroupBy::Tag => row.tag.clone(),
        GroupBy::Model => Some(row.sum.sku.clone()),
        GroupBy::Lora => None,
        GroupBy::Size => Some(row.size.to_string()),
        GroupBy::Quality => row.quality.clone(),
        GroupBy::Day => Some(calendar.to_datetime(row.at).date().to_string()),
    }
}
