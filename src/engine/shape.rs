use serde::{Deserialize, Serialize};

use crate::{domain::RenderSpec, pipeline::SizeLimits};

/// What decides how much memory an image takes: its pixels, how many times the model runs on them in each step, and whether
/// a source is encoded first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Shape {
    pub(super) pixels: u64,
    pub(super) passes: u64,
    /// Profiles that were written before there were edits have none.
    #[serde(default)]
    pub(super) is_edit: bool,
}

impl Shape {
    /// The shape of images of `spec`. A cropped edit has that of what is generated for it.
    pub(super) fn of(spec: &RenderSpec, limits: SizeLimits) -> Self {
        let size = if spec.edit.is_some() { limits.generated(spec) } else { spec.size };
        Self { pixels: size.pixels(), passes: spec.passes(), is_edit: spec.edit.is_some() }
    }

    /// Whether what one took says something of the other: only their sizes differ.
    pub(super) fn is_like(self, other: Self) -> bool {
        (self.passes, self.is_edit) == (other.passes, other.is_edit)
    }
}
