//! Tintype: an OpenAI-compatible image API on your own GPU, with the true cost of every picture.
//!
//! The modules stand in the order of a request; docs/architecture.md walks through them.

pub mod clock;
pub mod domain;
pub mod pipeline;
pub mod units;
