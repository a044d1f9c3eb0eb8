use crate::{
    costs::{PricedWork, Receipt, Share},
    domain::{Seed, Usage},
};

/// An image with its receipt, ready to be booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledImage {
    /// The seed of its noise.
    pub seed: Seed,
    /// What it cost.
    pub receipt: Receipt,
}

impl SettledImage {
    /// `count` images that were bought: nothing was done for them here, and no noise of ours was their beginning.
    pub(in crate::ledger) fn bought(count: u32) -> Vec<Self> {
        (0..count).map(|_| Self { seed: Seed::new(0), receipt: Receipt::of_nothing() }).collect()
    }
}

/// Work that gave no image.
#[derive(Debug, Clone)]
pub struct FailedWork {
    /// Its place in the request: which image, or which part of a request that gave none.
    pub index: u32,
    /// From which noise it began.
    pub seed: Seed,
    /// Time and energy of the device.
    pub usage: Usage,
    /// What it cost.
    pub priced: PricedWork,
    /// How much of an image it was.
    pub share: Share,
    /// Images of which a partial image was shown: image budgets count them.
    pub images_shown: u32,
}
