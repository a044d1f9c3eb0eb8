use std::sync::Arc;

use super::{prompts::PromptCache, sides::SideCache};
use crate::pipeline::{LoraSet, Pipeline, Prepared, RenderError, Sides};

/// What stays on a device for the next batches.
#[derive(Default)]
pub(super) struct Caches {
    pub(super) prompts: PromptCache<Prepared>,
    pub(super) sides: SideCache,
}

impl Caches {
    /// What `loras` add, on the device. Others leave it first, with the prompts that hold what those add.
    pub(super) fn sides(&mut self, pipeline: &Pipeline, loras: &LoraSet) -> Result<Arc<Sides>, RenderError> {
        let Self { prompts, sides } = self;
        sides.of(pipeline, loras, || prompts.forget_loras())
    }

    /// Gives the memory back.
    pub(super) fn clear(&mut self) {
        self.prompts.clear();
        self.sides.clear();
    }
}
