//! Noise levels of the flow-matching Euler schedule (diffusers `FlowMatchEulerDiscreteScheduler`).
//!
//! The arithmetic is f32 in the reference's own order: the timestep embedding takes the cosine of numbers near a
//! thousand, where another order of rounding would show in the fifth digit.

use std::fmt;

use super::limits::SizeLimits;
use crate::domain::RenderSpec;

/// How the evenly spaced levels are bent towards noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shift {
    /// σ = s·x / (1 + (s − 1)·x) with a fixed s; 3 for Z-Image-Turbo.
    Static(f32),
    /// s = e^μ (or μ, where linear) with μ from the number of image tokens: 256 → `base_shift`, 4096 → `max_shift`.
    Dynamic {
        /// μ at `base_tokens`.
        base_shift: f64,
        /// μ at `max_tokens`.
        max_shift: f64,
        /// Image tokens at which μ is `base_shift`.
        base_tokens: f64,
        /// Image tokens at which μ is `max_shift`.
        max_tokens: f64,
        /// `exponential` time shift where true, `linear` where false.
        exponential: bool,
    },
}

/// A model's schedule, as its scheduler_config.json describes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// How levels are bent.
    pub shift: Shift,
    /// Timesteps in training, 1000.
    pub train_timesteps: f32,
}

impl Schedule {
    /// Z-Image's own, for models whose files do not have one.
    pub(super) const Z_IMAGE: Self = Self { shift: Shift::Static(3.0), train_timesteps: 1000.0 };

    /// Noise levels for `steps` Euler steps, then a final 0. Length `steps + 1`.
    ///
    /// σᵢ = 3s / (1 + 2s), s = 1 − i/steps. Source: Z-Image's scheduler config, shift 3.
    /// Eight steps: 1, .9545, .9, .8333, .75, .6429, .5, .3, 0.
    pub fn sigmas(&self, steps: u32, image_tokens: usize) -> Vec<f32> {
        let mut sigmas: Vec<f32> =
            linspace_to_one_over(steps).map(|sigma| self.bend(sigma, image_tokens)).collect();
        sigmas.push(0.0);
        sigmas
    }

    /// The noise levels of the steps that `spec` runs on a model of `limits`, and a final 0.
    pub fn sigmas_of(&self, spec: &RenderSpec, limits: SizeLimits) -> Vec<f32> {
        let tokens = limits.generated(spec).pixels() / (u64::from(limits.factor) * u64::from(limits.factor));
        let mut sigmas = self.sigmas(spec.steps, usize::try_from(tokens).unwrap_or(usize::MAX));
        sigmas.drain(..spec.steps_left_out() as usize);
        sigmas
    }

    /// The noise level that an image of `spec` begins at on a model of `limits`: 1 is pure noise.
    pub fn first_sigma(&self, spec: &RenderSpec, limits: SizeLimits) -> f32 {
        self.sigmas_of(spec, limits).first().copied().unwrap_or(1.0)
    }

    /// The transformer's time at noise level `sigma`: 0 at pure noise, 1 at the image.
    pub fn time(&self, sigma: f32) -> f32 {
        let timestep = sigma * self.train_timesteps;
        (1000.0 - timestep) / 1000.0
    }

    fn bend(&self, sigma: f32, image_tokens: usize) -> f32 {
        match self.shift {
            Shift::Static(shift) => shift * sigma / (1.0 + (shift - 1.0) * sigma),
            Shift::Dynamic { base_shift, max_shift, base_tokens, max_tokens, exponential } => {
                let slope = (max_shift - base_shift) / (max_tokens - base_tokens);
                #[expect(clippy::cast_precision_loss, reason = "tokens are few")]
                let mu = image_tokens as f64 * slope + (base_shift - slope * base_tokens);
                #[expect(clippy::cast_possible_truncation, reason = "levels are f32")]
                let scale = if exponential { mu.exp() } else { mu } as f32;
                scale / (scale + (1.0 / sigma - 1.0))
            }
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("flow-matching Euler, ")?;
        match self.shift {
            Shift::Static(shift) => write!(f, "shift {shift}")?,
            Shift::Dynamic { base_shift, max_shift, base_tokens, max_tokens, exponential } => {
                let bend = if exponential { "exponential" } else { "linear" };
                write!(
                    f,
                    "{bend} shift {base_shift} to {max_shift} at {base_tokens} to {max_tokens} tokens"
                )?;
            }
        }
        if self.train_timesteps.to_bits() == 1000f32.to_bits() {
            Ok(())
        } else {
            write!(f, ", of {} timesteps", self.train_timesteps)
        }
    }
}

/// `torch.linspace(1, 1 / steps, steps)` in f32: counted from the nearer end.
#[expect(clippy::cast_precision_loss, reason = "steps are few")]
fn linspace_to_one_over(steps: u32) -> impl Iterator<Item = f32> {
    #[expect(clippy::cast_possible_truncation, reason = "levels are f32")]
    let end = (1.0 / f64::from(steps)) as f32;
    let gap = match steps {
        1 => 0.0,
        _ => (end - 1.0) / (steps - 1) as f32,
    };
    (0..steps).map(move |i| {
        if i < steps / 2 || steps == 1 { 1.0 + gap * i as f32 } else { end - gap * (steps - 1 - i) as f32 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TURBO: Schedule = Schedule { shift: Shift::Static(3.0), train_timesteps: 1000.0 };

    #[test]
    fn eight_steps_are_the_published_ones() {
        let rounded: Vec<_> = TURBO.sigmas(8, 4096).iter().map(|sigma| (sigma * 1e4).round() / 1e4).collect();
        assert_eq!(rounded, [1.0, 0.9545, 0.9, 0.8333, 0.75, 0.6429, 0.5, 0.3, 0.0]);
    }

    #[test]
    fn a_schedule_says_what_decides_its_levels() {
        assert_eq!(TURBO.to_string(), "flow-matching Euler, shift 3");
        let shift = Shift::Dynamic {
            base_shift: 0.5,
            max_shift: 1.15,
            base_tokens: 256.0,
            max_tokens: 4096.0,
            exponential: true,
        };
        assert_eq!(
            Schedule { shift, train_timesteps: 500.0 }.to_string(),
            "flow-matching Euler, exponential shift 0.5 to 1.15 at 256 to 4096 tokens, of 500 timesteps"
        );
    }

    #[test]
    fn one_step_goes_from_noise_to_image() {
        assert_eq!(TURBO.sigmas(1, 4), [1.0, 0.0]);
        assert_eq!(TURBO.time(1.0), 0.0);
        assert_eq!(TURBO.time(0.0), 1.0);
    }
}
