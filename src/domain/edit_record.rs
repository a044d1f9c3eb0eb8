use super::RenderSpec;

/// How an edit ran and what it left as it was, as receipts say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EditRecord {
    /// Denoising steps that ran.
    pub steps_run: u32,
    /// Noise level that the first of them began at, in millionths: 1,000,000 is pure noise.
    pub sigma_ppm: u32,
    /// Pixels that are repainted.
    pub edited_pixels: u64,
    /// Whether the encoded files have every pixel outside the mask as the source has it; none if nothing is promised.
    pub unchanged_outside_mask: Option<bool>,
}

impl EditRecord {
    /// An edit whose first step begins at noise level `sigma`; none for a specification without one.
    pub fn expected(spec: &RenderSpec, sigma: f32) -> Option<Self> {
        let edit = spec.edit.as_deref()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "noise levels are 0 to 1"
        )]
        let sigma_ppm = (f64::from(sigma) * 1e6).round() as u32;
        Some(Self {
            steps_run: spec.steps_run(),
            sigma_ppm,
            edited_pixels: edit.edited_pixels(),
            unchanged_outside_mask: None,
        })
    }

    /// The noise level that the first step began at: 1 is pure noise.
    pub fn sigma(&self) -> f64 {
        f64::from(self.sigma_ppm) / 1e6
    }
}
