//! Numbers that are rounded together. tests/cuda_emulator reads this file and `four_bits.rs` too, so of the crate they name each
//! other and `cpu::arch`.

use candle_core::quantized::GgmlDType;
use half::f16;
use pulp::{Simd, WithSimd};

use super::super::cpu::arch;

/// Neighbouring numbers of a row that are rounded together.
pub(super) trait Block: Clone + Send + Sync {
    /// How many they are.
    const NUMBERS: usize;
    /// What ggml calls it.
    const GGML: GgmlDType;
    /// Of zeros alone.
    fn zeros() -> Self;
    /// Rounds whole blocks of `numbers`. Always inlined into [`round`], whose vectors it is compiled for.
    fn round(numbers: &[f32], blocks: &mut [Self]);
    /// The numbers that `blocks` stand for. Always inlined into [`read`].
    fn read(blocks: &[Self], numbers: &mut [f32]);
    /// As files and devices have it: little-endian.
    fn bytes(self) -> impl Iterator<Item = u8>;
    /// The block whose bytes these are.
    #[cfg(test)]
    fn of_bytes(bytes: &[u8]) -> Self;
}

/// Rounds whole blocks of `numbers` in the widest vectors that the CPU has.
pub(super) fn round<B: Block>(numbers: &[f32], blocks: &mut [B]) {
    arch().dispatch(BlockRounding { numbers, blocks });
}

/// The numbers that `blocks` stand for, in the widest vectors that the CPU has.
pub(super) fn read<B: Block>(blocks: &[B], numbers: &mut [f32]) {
    arch().dispatch(BlockReading { blocks, numbers });
}

/// A closure would be compiled once, for the oldest CPU.
struct BlockRounding<'a, B> {
    numbers: &'a [f32],
    blocks: &'a mut [B],
}

impl<B: Block> WithSimd for BlockRounding<'_, B> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        B::round(self.numbers, self.blocks);
    }
}

struct BlockReading<'a, B> {
    blocks: &'a [B],
    numbers: &'a mut [f32],
}

impl<B: Block> WithSimd for BlockReading<'_, B> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        B::read(self.blocks, self.numbers);
    }
}

/// ggml's Q8_0: 32 numbers of 8 bits, and a scale of 16. Rounded as candle rounds it, to the last bit, but in vectors: candle calls
/// a function for each number, and a model has billions.
#[derive(Debug, Clone, Copy)]
pub(super) struct EightBits {
    scale: f16,
    numbers: [i8; EIGHT_BITS],
}

/// Numbers of a block of 8 bits.
const EIGHT_BITS: usize = 32;

impl Block for EightBits {
    const NUMBERS: usize = EIGHT_BITS;
    const GGML: GgmlDType = GgmlDType::Q8_0;

    fn zeros() -> Self {
        Self { scale: f16::ZERO, numbers: [0; EIGHT_BITS] }
    }

    #[inline(always)]
    fn round(numbers: &[f32], blocks: &mut [Self]) {
        for (block, numbers) in blocks.iter_mut().zip(numbers.as_chunks().0) {
            *block = Self::of(numbers);
        }
    }

    #[inline(always)]
    fn read(blocks: &[Self], numbers: &mut [f32]) {
        for (block, numbers) in blocks.iter().zip(numbers.as_chunks_mut::<EIGHT_BITS>().0) {
            let scale = block.scale.to_f32();
            for (number, rounded) in numbers.iter_mut().zip(block.numbers) {
                *number = f32::from(rounded) * scale;
            }
        }
    }

    fn bytes(self) -> impl Iterator<Item = u8> {
        self.scale.to_le_bytes().into_iter().chain(self.numbers.map(i8::cast_unsigned))
    }

    #[cfg(test)]
    fn of_bytes(bytes: &[u8]) -> Self {
        let (scale, numbers) = bytes.split_at(2);
        Self {
            scale: f16::from_le_bytes(scale.try_into().expect("2 bytes")),
            numbers: std::array::from_fn(|at| numbers[at].cast_signed()),
        }
    }
}

impl EightBits {
    /// The largest number, either way, becomes 127.
    #[inline(always)]
    fn of(numbers: &[f32; EIGHT_BITS]) -> Self {
        let mut largest = [0_f32; 8];
        for eight in numbers.as_chunks::<8>().0 {
            for (largest, number) in largest.iter_mut().zip(eight) {
                *largest = if number.abs() > *largest { number.abs() } else { *largest };
            }
        }
        let scale = largest.into_iter().fold(0.0, f32::max) / 127.0;
        let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
        // A loop is inlined, and so has the vectors of its surroundings; the standard library's functions over arrays are not.
        let mut rounded = [0; EIGHT_BITS];
        for (rounded, number) in rounded.iter_mut().zip(numbers) {
            *rounded = nearest(number * inverse);
        }
        Self { scale: f16::from_f32(scale), numbers: rounded }
    }
}

/// The whole number nearest to one from -127.5 to 127.5; of two that are as near, the one farther from 0. Without a branch, a
/// call or a cast that saturates, so that the compiler makes vectors of it.
#[inline(always)]
fn nearest(number: f32) -> i8 {
    /// The largest number below a half: a half itself would round 0.49999997 up.
    const HALF: f32 = 0.499_999_97;
    /// 3 · 2²², whose sum with a small whole number has that number in its last bits.
    const WHOLE: f32 = 12_582_912.0;
    let rounded = (number + HALF.copysign(number)).trunc();
    (rounded + WHOLE).to_le_bytes()[0].cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_as_f32_rounds_them() {
        let halves = (-255..=255).map(|half: i16| f32::from(half) / 2.0);
        let near = halves.flat_map(|half| [half.next_down(), half, half.next_up()]);
        for number in near.filter(|number| number.abs() <= 127.5) {
            let expected = number.round();
            assert!(
                (f32::from(nearest(number)) - expected).abs() < 0.5 || expected.abs() > 127.0,
                "{number}"
            );
        }
    }
}
