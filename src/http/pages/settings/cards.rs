use jiff::civil::{Date, date};

/// A graphics card whose most power is known from a page that was read.
pub(super) struct GraphicsCard {
    /// What addresses call it.
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    /// What it draws at most, in watts.
    pub(super) watts: u32,
    /// Where that stands.
    pub(super) source: &'static str,
    /// When it was read there.
    pub(super) read_on: Date,
}

const READ_ON: Date = date(2026, 11, 30);

/// Prices change from week to week and from shop to shop, so that there are none here.
pub(super) const CARDS: [GraphicsCard; 6] = [
    GraphicsCard {
        id: "rtx-3090",
        name: "NVIDIA GeForce RTX 3090",
        watts: 350,
        source: "https://huggingface.co/hardware/rtx-3090",
        read_on: READ_ON,
    },
    GraphicsCard {
        id: "rtx-3090-ti",
        name: "NVIDIA GeForce RTX 3090 Ti",
        watts: 450,
        source: "https://huggingface.co/hardware/rtx-3090-ti",
        read_on: READ_ON,
    },
    GraphicsCard {
        id: "rtx-5060",
        name: "NVIDIA GeForce RTX 5060",
        watts: 150,
        source: "https://huggingface.co/hardware/rtx-5060",
        read_on: READ_ON,
    },
    GraphicsCard {
        id: "rtx-5060-ti",
        name: "NVIDIA GeForce RTX 5060 Ti",
        watts: 180,
        source: "https://huggingface.co/hardware/rtx-5060-ti",
        read_on: READ_ON,
    },
    GraphicsCard {
        id: "rtx-5080",
        name: "NVIDIA GeForce RTX 5080",
        watts: 360,
        source: "https://huggingface.co/hardware/rtx-5080",
        read_on: READ_ON,
    },
    GraphicsCard {
        id: "l40s",
        name: "NVIDIA L40S",
        watts: 350,
        source: "https://huggingface.co/hardware/l40s",
        read_on: READ_ON,
    },
];

/// The card that addresses call `id`.
pub(super) fn card(id: &str) -> Option<&'static GraphicsCard> {
    CARDS.iter().find(|card| card.id == id)
}
