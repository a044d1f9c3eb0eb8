use serde::{Deserialize, Serialize};

use super::EntryFault;
use crate::{
    domain::{ImageSize, Quality},
    units::Money,
};

/// Prices by size and quality; at least one row, no two for the same image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceTable {
    first: TableRow,
    others: Vec<TableRow>,
}

/// What an image of one size and quality costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableRow {
    /// Its size; none: any.
    pub size: Option<ImageSize>,
    /// Its quality; none: any.
    pub quality: Option<Quality>,
    /// The list price.
    pub amount: Money,
}

impl PriceTable {
    /// A table of these rows; none if there is no row.
    ///
    /// # Errors
    /// [`EntryFault`] for an amount of 0, two rows for the same image, or a size or quality that only some rows name.
    pub fn new(rows: &[TableRow]) -> Result<Option<Self>, EntryFault> {
        let [first, others @ ..] = rows else { return Ok(None) };
        if rows.iter().any(|row| row.amount <= Money::ZERO) {
            return Err(EntryFault::NotPositive { field: "rows.amount" });
        }
        if others.iter().any(|row| row.size.is_some() != first.size.is_some()) {
            return Err(EntryFault::MixedRows { field: "size" });
        }
        if others.iter().any(|row| row.quality.is_some() != first.quality.is_some()) {
            return Err(EntryFault::MixedRows { field: "quality" });
        }
        for (again, row) in rows.iter().enumerate() {
            let is_same = |other: &TableRow| (other.size, other.quality) == (row.size, row.quality);
            if let Some(before) = rows.iter().take(again).position(is_same) {
                return Err(EntryFault::DuplicateRow { row: before + 1, again: again + 1 });
            }
        }
        Ok(Some(Self { first: *first, others: others.to_vec() }))
    }

    /// The price of one image. A quality that is not listed takes the nearest lower one, else the lowest. Then a size
    /// that is not listed takes the one with the fewest pixels among those with at least as many, else the largest; of
    /// two with equally many, the cheaper.
    pub fn of_image(&self, size: ImageSize, quality: Quality) -> Money {
        let mut nearest = self.first;
        for row in &self.others {
            if row.distance(size, quality) < nearest.distance(size, quality) {
                nearest = *row;
            }
        }
        nearest.amount
    }
}

/// How far a listed size or quality is from the asked one: the same, on the better side, on the other side.
type Distance = (u8, u64);

impl TableRow {
    /// The nearest row has the smallest.
    fn distance(&self, size: ImageSize, quality: Quality) -> (Distance, Distance, Money) {
        let quality = match self.quality {
            None => (0, 0),
            Some(listed) if listed <= quality => (0, quality as u64 - listed as u64),
            Some(listed) => (1, listed as u64 - quality as u64),
        };
        let size = match self.size {
            None => (0, 0),
            Some(listed) if listed == size => (0, 0),
            Some(listed) if listed.pixels() >= size.pixels() => (1, listed.pixels() - size.pixels()),
            Some(listed) => (2, size.pixels() - listed.pixels()),
        };
        (quality, size, self.amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(size: &str, quality: &str, amount: &str) -> TableRow {
        TableRow {
            size: size.parse().ok(),
            quality: quality.parse().ok(),
            amount: amount.parse().expect("an amount"),
        }
    }

    fn table(rows: &[TableRow]) -> PriceTable {
        PriceTable::new(rows).expect("sound").expect("rows")
    }

    fn of_image(table: &PriceTable, size: &str, quality: Quality) -> String {
        table.of_image(size.parse().expect("a size"), quality).to_string()
    }

    #[test]
    fn an_unlisted_size_takes_the_next_larger_one_else_the_largest() {
        let table = table(&[
            row("2048x2048", "", "0.40"),
            row("512x512", "", "0.10"),
            row("1536x1024", "", "0.31"),
            row("1024x1536", "", "0.30"),
        ]);
        for (size, price) in [
            ("512x512", "0.10"),
            ("256x256", "0.10"),
            ("520x520", "0.30"),
            // Listed as it is, so not the cheaper one of as many pixels.
            ("1536x1024", "0.31"),
            ("768x2048", "0.30"),
            ("2048x1024", "0.40"),
            ("4096x4096", "0.40"),
        ] {
            assert_eq!(of_image(&table, size, Quality::Medium), price, "{size}");
        }
    }

    #[test]
    fn an_unlisted_quality_takes_the_next_lower_one_else_the_lowest() {
        let table = table(&[row("", "high", "0.09"), row("", "medium", "0.06")]);
        let price = |quality| of_image(&table, "64x64", quality);
        assert_eq!([price(Quality::Low), price(Quality::Medium)], ["0.06", "0.06"]);
        assert_eq!([price(Quality::High), price(Quality::Max)], ["0.09", "0.09"]);
    }

    #[test]
    fn the_quality_is_chosen_before_the_size() {
        let table = table(&[row("1024x1024", "low", "0.01"), row("512x512", "high", "0.02")]);
        assert_eq!(of_image(&table, "1024x1024", Quality::High), "0.02");
    }

    #[test]
    fn two_rows_for_one_image_are_named() {
        let rows = [row("8x8", "low", "1"), row("8x8", "standard", "2"), row("8x8", "medium", "3")];
        assert_eq!(PriceTable::new(&rows), Err(EntryFault::DuplicateRow { row: 2, again: 3 }));
    }

    #[test]
    fn rows_name_a_size_or_a_quality_in_all_or_in_none() {
        let sizes = [row("8x8", "low", "1"), row("", "high", "2")];
        assert_eq!(PriceTable::new(&sizes), Err(EntryFault::MixedRows { field: "size" }));
        let qualities = [row("8x8", "", "1"), row("9x9", "high", "2")];
        assert_eq!(PriceTable::new(&qualities), Err(EntryFault::MixedRows { field: "quality" }));
    }

    #[test]
    fn a_free_row_is_a_mistake_and_no_row_is_no_table() {
        let free = [row("8x8", "low", "0")];
        assert_eq!(PriceTable::new(&free), Err(EntryFault::NotPositive { field: "rows.amount" }));
        assert_eq!(PriceTable::new(&[]), Ok(None));
    }
}
