//! The noise a seed stands for, equal to PyTorch's on the CPU.
//!
//! `torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed))` in f32, within 1e-5: PyTorch's own
//! vector units differ from each other by that much. Source: ATen `native/cpu/DistributionTemplates.h`
//! (`normal_fill`), `core/DistributionsHelper.h`, `core/MT19937RNGEngine.h`.

use std::f64::consts::TAU;

use rand_mt::Mt;

use crate::domain::Seed;

/// PyTorch fills tensors of at least this many elements in blocks of this many.
const BLOCK: usize = 16;

/// What draws the noise, as receipts say it.
pub const SEED_NOISE: &str = "MT19937, as torch.randn on a CPU";

/// `count` standard normal numbers, in the order in which PyTorch fills a tensor.
pub fn standard_normal(seed: Seed, count: usize) -> Vec<f32> {
    Normals::new(seed).draw(count)
}

/// A generator that several tensors are drawn from, one after the other.
pub(super) struct Normals {
    engine: Mt,
    /// The second number of a pair that a small tensor had no place for; the next small one begins with it.
    spare: Option<f64>,
}

impl Normals {
    /// `torch.Generator("cpu").manual_seed(seed)`.
    pub(super) fn new(seed: Seed) -> Self {
        // PyTorch's engine keeps the low 32 bits of the seed.
        #[expect(clippy::cast_possible_truncation, reason = "PyTorch does the same")]
        Self { engine: Mt::new(seed.get() as u32), spare: None }
    }

    /// The next tensor of `count` numbers.
    pub(super) fn draw(&mut self, count: usize) -> Vec<f32> {
        if count < BLOCK {
            (0..count).map(|_| self.draw_one()).collect()
        } else {
            in_blocks(&mut self.engine, count)
        }
    }

    /// PyTorch's scalar path in f64, two numbers from each pair of uniforms.
    fn draw_one(&mut self) -> f32 {
        let number = self.spare.take().unwrap_or_else(|| {
            let (first, second) = (uniform_f64(&mut self.engine), uniform_f64(&mut self.engine));
            let radius = (-2.0 * (-second).ln_1p()).sqrt();
            self.spare = Some(radius * (TAU * first).sin());
            radius * (TAU * first).cos()
        });
        #[expect(clippy::cast_possible_truncation, reason = "the tensor is f32")]
        let number = number as f32;
        number
    }
}

/// Box–Muller on blocks of 16 uniforms: the first 8 give radii, the last 8 angles.
fn in_blocks(engine: &mut Mt, count: usize) -> Vec<f32> {
    let mut values: Vec<f32> = (0..count).map(|_| uniform_f32(engine)).collect();
    let whole = count - count % BLOCK;
    for block in values[..whole].chunks_exact_mut(BLOCK) {
        box_muller(block);
    }
    if whole < count {
        // A last part that does not fill a block is drawn again, together with what stands before it.
        let last = &mut values[count - BLOCK..];
        last.fill_with(|| uniform_f32(engine));
        box_muller(last);
    }
    values
}

fn box_muller(block: &mut [f32]) {
    let (radii, angles) = block.split_at_mut(BLOCK / 2);
    for (first, second) in radii.iter_mut().zip(angles) {
        // 1 − u lies in (0, 1], so that the logarithm is finite.
        let radius = (-2.0 * (1.0 - *first).ln()).sqrt();
        let angle = std::f32::consts::TAU * *second;
        *first = radius * angle.cos();
        *second = radius * angle.sin();
    }
}

/// 24 random bits in [0, 1).
#[expect(clippy::cast_precision_loss, reason = "24 bits are an f32")]
fn uniform_f32(engine: &mut Mt) -> f32 {
    const SCALE: f32 = 1.0 / (1 << 24) as f32;
    (engine.next_u32() & 0x00FF_FFFF) as f32 * SCALE
}

/// 53 random bits in [0, 1), the high word drawn first.
#[expect(clippy::cast_precision_loss, reason = "53 bits are an f64")]
fn uniform_f64(engine: &mut Mt) -> f64 {
    const SCALE: f64 = 1.0 / (1u64 << 53) as f64;
    let (high, low) = (engine.next_u32(), engine.next_u32());
    let bits = (u64::from(high) << 32 | u64::from(low)) & ((1 << 53) - 1);
    bits as f64 * SCALE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_an_image() {
        assert_eq!(standard_normal(Seed::new(7), 64), standard_normal(Seed::new(7), 64));
        assert_ne!(standard_normal(Seed::new(7), 64), standard_normal(Seed::new(8), 64));
    }

    #[test]
    fn every_count_is_filled() {
        for count in 0..50 {
            let values = standard_normal(Seed::new(1), count);
            assert_eq!(values.len(), count);
            assert!(values.iter().all(|value| value.is_finite()));
        }
    }
}
