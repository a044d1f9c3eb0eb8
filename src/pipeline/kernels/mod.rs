//! Kernels for CUDA cards: plain CUDA C++, which `host` runs on a CPU in tests, and `card` on a card.

mod attention;
#[cfg(feature = "cuda")]
mod card;
mod launch;

#[cfg(test)]
mod host;
#[cfg(test)]
mod rows;

#[cfg(feature = "cuda")]
pub(super) use self::{
    card::Kernel,
    launch::{Half, Launch},
};
