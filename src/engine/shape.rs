use serde::{Deserialize, Serialize};

use crate::domain::RenderSpec;

/// What decides how much memory an image takes: its pixels, and how many times the model runs on them in each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Shape {
    pub(super) pixels: u64,
    pub(super) passes: u64,
}

impl Shape {
    pub(super) fn of(spec: &RenderSpec) -> Self {
        Self { pixels: spec.size.pixels(), passes: spec.passes() }
    }
}
