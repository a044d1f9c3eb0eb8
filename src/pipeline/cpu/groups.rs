use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::{
    simd::{load, silu, store},
    vectors::arch,
};

/// Numbers that a thread takes at a time: they stay in its cache while it looks at them twice.
const BLOCK: usize = 1 << 14;

/// Group norm (Wu and He, arXiv 1803.08494) over maps [places, channels], and x · σ(x) after it if asked for.
#[derive(Debug, Clone)]
pub struct GroupNorm {
    /// Of each channel.
    pub weight: Vec<f32>,
    /// Of each channel.
    pub bias: Vec<f32>,
    /// Groups of neighbouring channels.
    pub groups: usize,
    /// Added to a group's variance.
    pub eps: f64,
}

/// Count, mean and sum of squares around the mean.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moments {
    /// Numbers.
    pub count: f64,
    /// Their mean.
    pub mean: f64,
    /// The sum of (number − mean)².
    pub squares: f64,
}

impl Moments {
    /// Of both sets together (Chan, Golub and LeVeque, 1979): no digits are lost far from zero.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let count = self.count + other.count;
        if count == 0.0 {
            return self;
        }
        let (apart, share) = (other.mean - self.mean, other.count / count);
        let squares = self.squares + other.squares + apart * apart * self.count * share;
        Self { count, mean: self.mean + apart * share, squares }
    }

    /// √(variance + `eps`).
    pub fn deviation(self, eps: f64) -> f64 {
        (self.squares / self.count + eps).sqrt()
    }
}

impl GroupNorm {
    /// Normalises one map.
    pub fn apply(&self, x: &[f32], with_silu: bool, out: &mut [f32]) {
        self.apply_by(&self.moments(x), x, with_silu, out);
    }

    /// Normalises places of a map whose groups have `moments`.
    pub fn apply_by(&self, moments: &[Moments], x: &[f32], with_silu: bool, out: &mut [f32]) {
        let (scale, shift) = self.scale_and_shift(moments);
        let block = self.block();
        out.par_chunks_mut(block).zip(x.par_chunks(block)).for_each(|(out, x)| {
            arch().dispatch(Apply { x, scale: &scale, shift: &shift, with_silu, out });
        });
    }

    fn block(&self) -> usize {
        let channels = self.weight.len();
        (BLOCK / channels).max(1) * channels
    }

    /// Of each group, over places of a map.
    pub fn moments(&self, x: &[f32]) -> Vec<Moments> {
        let channels = self.weight.len();
        let size = channels / self.groups;
        let blocks: Vec<Vec<Moments>> = x
            .par_chunks(self.block())
            .map(|x| {
                let moments = arch().dispatch(ChannelMoments { x, channels });
                let groups = moments.chunks_exact(size);
                groups.map(|group| group.iter().copied().fold(Moments::default(), Moments::and)).collect()
            })
            .collect();
        let of_group =
            |group: usize| blocks.iter().map(|block| block[group]).fold(Moments::default(), Moments::and);
        (0..self.groups).map(of_group).collect()
    }

    /// What each channel is multiplied by, and what is then added.
    fn scale_and_shift(&self, moments: &[Moments]) -> (Vec<f32>, Vec<f32>) {
        let size = self.weight.len() / self.groups;
        let groups: Vec<(f64, f64)> =
            moments.iter().map(|moments| (moments.mean, moments.deviation(self.eps))).collect();
        let numbers = self.weight.iter().zip(&self.bias).enumerate().map(|(channel, (weight, bias))| {
            let (mean, deviation) = groups[channel / size];
            let scale = f64::from(*weight) / deviation;
            #[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
            let numbers = (scale as f32, (f64::from(*bias) - mean * scale) as f32);
            numbers
        });
        numbers.unzip()
    }
}

/// The moments of each channel over a block of places.
struct ChannelMoments<'a> {
    x: &'a [f32],
    channels: usize,
}

impl WithSimd for ChannelMoments<'_> {
    type Output = Vec<Moments>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<Moments> {
        let (mut means, mut squares) = (vec![0f32; self.channels], vec![0f32; self.channels]);
        #[expect(clippy::cast_precision_loss, reason = "a block is small")]
        let count = (self.x.len() / self.channels) as f32;
        let channels = || (0..self.channels).step_by(S::F32_LANES);
        for at in channels() {
            let mut sum = simd.splat_f32s(0.0);
            for place in self.x.chunks_exact(self.channels) {
                sum = simd.add_f32s(sum, load(simd, place, at));
            }
            let mean = simd.div_f32s(sum, simd.splat_f32s(count));
            let mut sum = simd.splat_f32s(0.0);
            for place in self.x.chunks_exact(self.channels) {
                let apart = simd.sub_f32s(load(simd, place, at), mean);
                sum = simd.mul_add_e_f32s(apart, apart, sum);
            }
            store(simd, &mut means, at, mean);
            store(simd, &mut squares, at, sum);
        }
        let moments = means.iter().zip(&squares).map(|(mean, squares)| Moments {
            count: f64::from(count),
            mean: f64::from(*mean),
            squares: f64::from(*squares),
        });
        moments.collect()
    }
}

struct Apply<'a> {
    x: &'a [f32],
    scale: &'a [f32],
    shift: &'a [f32],
    with_silu: bool,
    out: &'a mut [f32],
}

impl WithSimd for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let channels = self.scale.len();
        for (out, x) in self.out.chunks_exact_mut(channels).zip(self.x.chunks_exact(channels)) {
            for at in (0..channels).step_by(S::F32_LANES) {
                let (scale, shift) = (load(simd, self.scale, at), load(simd, self.shift, at));
                let y = simd.mul_add_e_f32s(load(simd, x, at), scale, shift);
                let y = if self.with_silu { silu(simd, y) } else { y };
                store(simd, out, at, y);
            }
        }
    }
}
