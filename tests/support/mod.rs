//! What several test binaries share.

pub mod tiny_models;
