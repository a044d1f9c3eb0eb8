use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::{PriceTable, PriceUnit};
use crate::{
    domain::{ImageSize, Quality},
    units::{Money, RangeError},
};

/// A list price with what it is for. Every amount is above 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListPrice {
    /// One image of any size.
    Image(Money),
    /// A million pixels.
    Megapixel(Money),
    /// By size and quality.
    Table(PriceTable),
    /// A monthly plan, used up to the last image.
    Plan {
        /// What a month costs.
        a_month: Money,
        /// Images that the month includes.
        included_images: NonZeroU32,
    },
}

impl ListPrice {
    /// What the price is for.
    pub const fn unit(&self) -> PriceUnit {
        match self {
            Self::Image(_) => PriceUnit::Image,
            Self::Megapixel(_) => PriceUnit::Megapixel,
            Self::Table(_) => PriceUnit::Table,
            Self::Plan { .. } => PriceUnit::Plan,
        }
    }

    /// The list price of one image, rounded down. A plan's is its monthly amount ÷ its included images, the lowest
    /// that an image can cost in it.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn of_image(&self, size: ImageSize, quality: Quality) -> Result<Money, RangeError> {
        match self {
            Self::Image(amount) => Ok(*amount),
            Self::Megapixel(amount) => amount.share_floor(size.pixels(), 1_000_000),
            Self::Table(table) => Ok(table.of_image(size, quality)),
            Self::Plan { a_month, included_images } => {
                a_month.share_floor(1, u64::from(included_images.get()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: ImageSize = ImageSize::square(1000);

    fn of_image(price: &ListPrice, size: ImageSize) -> String {
        price.of_image(size, Quality::Medium).expect("in range").to_string()
    }

    #[test]
    fn an_image_costs_the_same_at_any_size_and_a_megapixel_does_not() {
        let amount = "0.005".parse().expect("an amount");
        let large = ImageSize::square(2000);
        assert_eq!(of_image(&ListPrice::Image(amount), large), "0.005");
        assert_eq!(of_image(&ListPrice::Megapixel(amount), SQUARE), "0.005");
        assert_eq!(of_image(&ListPrice::Megapixel(amount), large), "0.02");
    }

    #[test]
    fn a_plans_image_is_the_month_over_its_images_rounded_down() {
        let a_month = "10".parse().expect("an amount");
        let included_images = NonZeroU32::new(300).expect("above 0");
        assert_eq!(of_image(&ListPrice::Plan { a_month, included_images }, SQUARE), "0.033333333");
    }
}
