use std::sync::Arc;

use crate::pipeline::{LoraKey, LoraSet, Pipeline, RenderError, Sides};

/// The LoRAs that are on a device: those of the last batch that had any. Others are copied when their turn comes, and
/// leave no room for themselves before it.
#[derive(Default)]
pub(super) struct SideCache {
    held: Option<(Arc<Sides>, u64)>,
}

impl SideCache {
    /// What `loras` add, on the device. The ones before them leave first.
    pub(super) fn of(
        &mut self,
        pipeline: &Pipeline,
        loras: &LoraSet,
        on_change: impl FnOnce(),
    ) -> Result<Arc<Sides>, RenderError> {
        let key = loras.key();
        if key.is_empty() {
            return Ok(Arc::default());
        }
        if let Some((sides, _)) = self.held.as_ref().filter(|(sides, _)| *sides.key() == key) {
            return Ok(Arc::clone(sides));
        }
        self.held = None;
        on_change();
        let sides = pipeline.sides(loras)?;
        self.held = Some((Arc::clone(&sides), loras.bytes()));
        Ok(sides)
    }

    /// Bytes that `loras`, which take `bytes`, would take beyond those that are there.
    pub(super) fn missing_bytes(&self, loras: &LoraKey, bytes: u64) -> u64 {
        match &self.held {
            Some((sides, _)) if sides.key() == loras => 0,
            Some((_, held)) => bytes.saturating_sub(*held),
            None => bytes,
        }
    }

    /// Gives the memory back.
    pub(super) fn clear(&mut self) {
        self.held = None;
    }
}
