use candle_core::{Device, Result, Tensor};

/// A token's place: frame, row, column.
pub(super) type Position = [usize; 3];

/// Rotary position embedding over three axes (Su et al., arXiv 2104.09864), pairs interleaved.
#[derive(Debug, Clone)]
pub(super) struct RopeAxes {
    theta: f64,
    /// Channels of a head that each axis turns; their sum is the head's width.
    dims: [usize; 3],
}

/// Cosines and sines for a sequence, each [tokens, head_dim / 2] f32.
#[derive(Debug, Clone)]
pub(super) struct RopeTable {
    pub(super) cos: Tensor,
    pub(super) sin: Tensor,
}

impl RopeAxes {
    pub(super) const fn new(theta: f64, dims: [usize; 3]) -> Self {
        Self { theta, dims }
    }

    /// The table for tokens at `positions`. Angles are made in f64 and rounded to f32, as the reference does.
    pub(super) fn table(&self, positions: &[Position], device: &Device) -> Result<RopeTable> {
        #[expect(clippy::cast_precision_loss, reason = "dimensions are few")]
        let frequencies: Vec<(usize, f64)> = self
            .dims
            .iter()
            .enumerate()
            .flat_map(|(axis, &dim)| (0..dim / 2).map(move |pair| (axis, 2.0 * pair as f64 / dim as f64)))
            .map(|(axis, exponent)| (axis, self.theta.powf(exponent).recip()))
            .collect();
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "tables are f32")]
        let angles = positions.iter().flat_map(|position| {
            frequencies.iter().map(|&(axis, frequency)| (position[axis] as f64 * frequency) as f32)
        });
        let (cos, sin): (Vec<f32>, Vec<f32>) = angles.map(|angle| (angle.cos(), angle.sin())).unzip();
        let shape = (positions.len(), frequencies.len());
        Ok(RopeTable {
            cos: Tensor::from_vec(cos, shape, device)?,
            sin: Tensor::from_vec(sin, shape, device)?,
        })
    }
}

impl RopeTable {
    /// This table's tokens, then `other`'s.
    pub(super) fn followed_by(&self, other: &Self) -> Result<Self> {
        Ok(Self {
            cos: Tensor::cat(&[&self.cos, &other.cos], 0)?,
            sin: Tensor::cat(&[&self.sin, &other.sin], 0)?,
        })
    }

    /// Turns `x` [batch, heads, tokens, head_dim], contiguous.
    pub(super) fn turn(&self, x: &Tensor) -> Result<Tensor> {
        candle_nn::rotary_emb::rope_i(x, &self.cos, &self.sin)
    }
}
