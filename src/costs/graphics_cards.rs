use std::str::FromStr;

use jiff::civil::{Date, date};

use crate::units::{Currency, Money, Power};

/// A graphics card whose power, and often whose price at its launch, is known from pages that were read.
#[derive(Debug, PartialEq, Eq)]
pub struct GraphicsCard {
    /// The name in addresses and flags, such as `rtx-3090`.
    pub id: &'static str,
    /// The name that people know.
    pub name: &'static str,
    /// The most that it draws.
    pub power: Power,
    /// Where the power was read.
    pub power_source: SourcePage,
    /// The price at its launch; none if no page with it was found. What one's own cost is for its owner to say.
    pub launch: Option<LaunchPrice>,
}

/// The price that NVIDIA named when a card was launched: before tax, and not a shop's price today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaunchPrice {
    /// The price.
    pub amount: Money,
    /// The currency it was named in.
    pub currency: Currency,
    /// Where it was read.
    pub source: SourcePage,
}

/// A page that was read, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourcePage {
    /// Its address.
    pub address: &'static str,
    /// The day on which it was read.
    pub read_on: Date,
}

/// No card of the list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is none of the cards {}", GraphicsCard::ids().join(", "))]
pub struct UnknownCardError {
    text: String,
}

const fn read(address: &'static str) -> SourcePage {
    SourcePage { address, read_on: date(2026, 11, 30) }
}

/// A launch price of whole US dollars.
const fn launched_at(dollars: i64, address: &'static str) -> Option<LaunchPrice> {
    let amount = Money::from_nano(dollars * 1_000_000_000);
    Some(LaunchPrice { amount, currency: Currency::USD, source: read(address) })
}

/// A table of launch prices and total graphics power of three cards.
const PCPER: &str = "https://pcper.com/2025/01/nvidia-geforce-rtx-5090-founders-edition-review/";
const NEOWIN: &str =
    "https://www.neowin.net/news/nvidia-rtx-5060-ti-and-5060-are-now-official-starting-at-just-299/";

static CARDS: [GraphicsCard; 9] = [
    GraphicsCard {
        id: "rtx-3060",
        name: "NVIDIA GeForce RTX 3060",
        power: Power::from_watts(170),
        power_source: read("https://huggingface.co/hardware/rtx-3060"),
        launch: launched_at(
            329,
            "https://www.tomshardware.com/news/geforce-rtx-3060-will-hit-the-shelves-on-february-25-at-329",
        ),
    },
    GraphicsCard {
        id: "rtx-3090",
        name: "NVIDIA GeForce RTX 3090",
        power: Power::from_watts(350),
        power_source: read("https://huggingface.co/hardware/rtx-3090"),
        launch: launched_at(
            1_499,
            "https://hothardware.com/news/nvidia-geforce-rtx-3060-launch-feb-25-what-expect",
        ),
    },
    GraphicsCard {
        id: "rtx-3090-ti",
        name: "NVIDIA GeForce RTX 3090 Ti",
        power: Power::from_watts(450),
        power_source: read("https://huggingface.co/hardware/rtx-3090-ti"),
        launch: launched_at(
            1_999,
            "https://www.tomshardware.com/news/geforce-rtx-3090-ti-roundup-go-big-or-go-liquid",
        ),
    },
    GraphicsCard {
        id: "rtx-4090",
        name: "NVIDIA GeForce RTX 4090",
        power: Power::from_watts(450),
        power_source: read(PCPER),
        launch: launched_at(1_599, PCPER),
    },
    GraphicsCard {
        id: "rtx-5060",
        name: "NVIDIA GeForce RTX 5060",
        power: Power::from_watts(150),
        power_source: read("https://huggingface.co/hardware/rtx-5060"),
        launch: launched_at(299, NEOWIN),
    },
    GraphicsCard {
        // The page of its power is of the card with 16 GB; the one with 8 GB was launched at $379.
        id: "rtx-5060-ti",
        name: "NVIDIA GeForce RTX 5060 Ti 16 GB",
        power: Power::from_watts(180),
        power_source: read("https://huggingface.co/hardware/rtx-5060-ti"),
        launch: launched_at(429, NEOWIN),
    },
    GraphicsCard {
        id: "rtx-5080",
        name: "NVIDIA GeForce RTX 5080",
        power: Power::from_watts(360),
        power_source: read("https://huggingface.co/hardware/rtx-5080"),
        launch: launched_at(999, PCPER),
    },
    GraphicsCard {
        id: "rtx-5090",
        name: "NVIDIA GeForce RTX 5090",
        power: Power::from_watts(575),
        power_source: read(PCPER),
        launch: launched_at(1_999, PCPER),
    },
    GraphicsCard {
        // No price of its launch was found: it was sold through makers of servers.
        id: "l40s",
        name: "NVIDIA L40S",
        power: Power::from_watts(350),
        power_source: read("https://huggingface.co/hardware/l40s"),
        launch: None,
    },
];

impl GraphicsCard {
    /// Every card of the list, by its name.
    pub fn all() -> &'static [Self] {
        &CARDS
    }

    /// What each is called in addresses and flags.
    pub fn ids() -> Vec<&'static str> {
        CARDS.iter().map(|card| card.id).collect()
    }

    /// The price at its launch, if it was named in `currency`.
    pub fn launch_price_in(&self, currency: Currency) -> Option<Money> {
        self.launch.filter(|launch| launch.currency == currency).map(|launch| launch.amount)
    }
}

/// By its id, or by its name.
impl FromStr for &'static GraphicsCard {
    type Err = UnknownCardError;

    fn from_str(text: &str) -> Result<Self, UnknownCardError> {
        let is_meant =
            |card: &&GraphicsCard| card.id.eq_ignore_ascii_case(text) || card.name.eq_ignore_ascii_case(text);
        CARDS.iter().find(is_meant).ok_or_else(|| UnknownCardError { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_figure_has_a_page_of_its_own_kind_and_no_id_is_given_twice() {
        let ids: BTreeSet<_> = GraphicsCard::ids().into_iter().collect();
        assert_eq!(ids.len(), GraphicsCard::all().len());
        for card in GraphicsCard::all() {
            assert!((100..=700).contains(&card.power.as_watts()), "{card:?}");
            let pages = [Some(card.power_source), card.launch.map(|launch| launch.source)];
            for page in pages.into_iter().flatten() {
                assert!(page.address.starts_with("https://"), "{card:?}");
            }
            assert!(card.launch.is_none_or(|launch| launch.amount > Money::ZERO), "{card:?}");
        }
    }

    #[test]
    fn a_card_is_found_by_its_id_or_its_name_and_what_is_none_is_refused_with_the_list() {
        let card: &GraphicsCard = "RTX-3060".parse().expect("a card");
        assert_eq!(Ok(card), "nvidia geforce rtx 3060".parse::<&'static GraphicsCard>());
        assert_eq!(card.launch_price_in(Currency::USD).map(|price| price.to_string()), Some("329.00".into()));
        assert_eq!(card.launch_price_in(Currency::CNY), None, "a price is not converted");
        let refused = "voodoo-2".parse::<&'static GraphicsCard>().expect_err("none").to_string();
        assert!(refused.starts_with("`voodoo-2` is none of the cards rtx-3060, "), "{refused}");
    }
}
