use crate::{
    costs::Receipt,
    domain::{Seed, Usage},
    units::{Energy, Money},
};

/// A picture with its receipt, ready to be booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledImage {
    /// From which noise it was painted.
    pub seed: Seed,
    /// What it cost.
    pub receipt: Receipt,
}

/// Work that gave no picture.
#[derive(Debug, Clone, Copy)]
pub struct FailedWork {
    /// Its place in the request: which picture, or which part of a request that gave none.
    pub index: u32,
    /// From which noise it began.
    pub seed: Seed,
    /// Time and energy of the device.
    pub usage: Usage,
    /// Energy at the plug.
    pub wall_energy: Energy,
    /// Its price.
    pub electricity: Money,
}
