use candle_core::Tensor;

/// What latents outside a mask are, [batch, C, h, w] f32 each.
#[derive(Debug, Clone)]
pub(super) struct Blend {
    /// The source's latents.
    pub(super) clean: Tensor,
    /// The noise that the walk began with.
    pub(super) noise: Tensor,
    /// 1 where latents are repainted, 0 where they are the source's; one channel.
    pub(super) mask: Tensor,
}

impl Blend {
    /// `latents` inside the mask, outside it the source's at noise level `sigma`.
    ///
    /// x ← (1 − m) · (σ · noise + (1 − σ) · clean) + m · x. Source: diffusers' `ZImageInpaintPipeline`.
    pub(super) fn apply(&self, latents: &Tensor, sigma: f32) -> candle_core::Result<Tensor> {
        let kept = noisy(&self.clean, &self.noise, sigma)?;
        kept.broadcast_mul(&(1.0 - &self.mask)?)? + latents.broadcast_mul(&self.mask)?
    }

    pub(super) fn map(
        &self,
        each: impl Fn(&Tensor) -> candle_core::Result<Tensor>,
    ) -> candle_core::Result<Self> {
        Ok(Self { clean: each(&self.clean)?, noise: each(&self.noise)?, mask: each(&self.mask)? })
    }

    /// The blends of a batch, one an item; None if an item has none.
    pub(super) fn join(items: Vec<Option<Self>>) -> candle_core::Result<Option<Self>> {
        let Some(items) = items.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
        let joined = |part: fn(&Self) -> &Tensor| Tensor::cat(&items.iter().map(part).collect::<Vec<_>>(), 0);
        Ok(Some(Self {
            clean: joined(|blend| &blend.clean)?,
            noise: joined(|blend| &blend.noise)?,
            mask: joined(|blend| &blend.mask)?,
        }))
    }
}

/// `clean` latents at noise level `sigma` (diffusers' `FlowMatchEulerDiscreteScheduler.scale_noise`).
pub(super) fn noisy(clean: &Tensor, noise: &Tensor, sigma: f32) -> candle_core::Result<Tensor> {
    (noise * f64::from(sigma))? + (clean * f64::from(1.0 - sigma))?
}
