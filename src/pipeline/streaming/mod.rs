//! Layers that come to a card one by one, each while the one before it is worked with.

#[cfg(feature = "cuda")]
mod card;
mod order;

#[cfg(feature = "cuda")]
pub(super) use self::card::Belt;
