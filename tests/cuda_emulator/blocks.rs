//! Tests of `blocks.cu`: weights in blocks made dense, to the bit what the CPU's reader makes of them.

#[expect(dead_code, reason = "what candle calls a block is for the device")]
#[path = "../../src/pipeline/linear/block.rs"]
mod block;
#[path = "../../src/pipeline/linear/four_bits.rs"]
mod four_bits;

use half::f16;
use tintype::{domain::Seed, pipeline::standard_normal};

use self::{
    block::{Block, EightBits, read, round},
    four_bits::FourBits,
};
use super::{
    emulator::{Argument, run},
    launch::{FewBits, Half, Launch},
    numbers::{HALVES, narrow, widen},
};

/// Rows and inputs: eights, rows that are filled up and those that are not, odd ones, tiles that end within a row, and ends of all
/// sizes, which are copied 2 bytes at a time.
const SHAPES: [[usize; 2]; 10] =
    [[1, 1], [1, 32], [3, 40], [7, 64], [5, 333], [3, 340], [3, 680], [33, 256], [3, 3840], [1, 10_242]];

/// A matrix in blocks, rows of whole ones.
struct Matrix {
    bits: FewBits,
    bytes: Vec<u8>,
    rows: usize,
    inputs: usize,
}

fn count(x: usize) -> u32 {
    x.try_into().expect("a count")
}

/// Numbers of a block.
fn numbers(bits: FewBits) -> usize {
    match bits {
        FewBits::Eight => EightBits::NUMBERS,
        FewBits::Four => FourBits::NUMBERS,
    }
}

fn block_bytes(bits: FewBits) -> usize {
    match bits {
        FewBits::Eight => 34,
        FewBits::Four => 144,
    }
}

impl Matrix {
    fn filled(&self) -> usize {
        self.inputs.next_multiple_of(numbers(self.bits))
    }

    /// Of random bytes: scales of every size, NaN and infinite ones among them.
    fn random(bits: FewBits, [rows, inputs]: [usize; 2]) -> Self {
        let blocks = rows * inputs.div_ceil(numbers(bits));
        let drawn = standard_normal(Seed::new(1), blocks * block_bytes(bits));
        // The last bits of a random number's digits.
        let bytes = drawn.iter().map(|x| x.to_bits().to_le_bytes()[1]).collect();
        Self { bits, bytes, rows, inputs }
    }

    /// What becomes of `weights` \[rows, inputs\].
    fn rounded<B: Block>(bits: FewBits, weights: &[f32], inputs: usize) -> Self {
        let mut blocks = Vec::new();
        for row in weights.chunks_exact(inputs) {
            let mut filled = row.to_vec();
            filled.resize(inputs.next_multiple_of(B::NUMBERS), 0.0);
            let mut of_row = vec![B::zeros(); filled.len() / B::NUMBERS];
            round(&filled, &mut of_row);
            blocks.extend(of_row);
        }
        let bytes = blocks.into_iter().flat_map(B::bytes).collect();
        Self { bits, bytes, rows: weights.len() / inputs, inputs }
    }

    /// The numbers, by the kernel.
    fn dense(&self, half: Half) -> Vec<u16> {
        let words: Vec<u16> = self.bytes.as_chunks().0.iter().map(|word| u16::from_ne_bytes(*word)).collect();
        let (eights, eights_of_row) = (count(self.rows * self.filled() / 8), count(self.filled() / 8));
        let mut out = vec![0; self.rows * self.inputs];
        let mut arguments = [
            Argument::Halves(&words),
            Argument::Count(eights),
            Argument::Count(eights_of_row),
            Argument::Count(count(self.inputs)),
            Argument::HalvesOut(&mut out),
        ];
        run(&Launch::dense(self.bits, half, eights), &mut arguments).expect("a launch");
        out
    }

    /// The numbers, by the CPU's reader.
    fn read(&self) -> Vec<f32> {
        match self.bits {
            FewBits::Eight => self.read_by::<EightBits>(),
            FewBits::Four => self.read_by::<FourBits>(),
        }
    }

    fn read_by<B: Block>(&self) -> Vec<f32> {
        let blocks: Vec<B> = self.bytes.chunks_exact(block_bytes(self.bits)).map(B::of_bytes).collect();
        let mut numbers = vec![0.0; self.rows * self.filled()];
        read(&blocks, &mut numbers);
        numbers.chunks_exact(self.filled()).flat_map(|row| row[..self.inputs].to_vec()).collect()
    }

    fn agrees(&self) {
        for half in HALVES {
            let ours = self.dense(half);
            for (at, (ours, read)) in ours.iter().zip(self.read()).enumerate() {
                let is_right = *ours == narrow(half, read) || widen(half, *ours).is_nan() && read.is_nan();
                let (row, column) = (at / self.inputs, at % self.inputs);
                assert!(
                    is_right,
                    "{:?} {half:?} [{}, {}], row {row}, column {column}: {ours:#06x} is not {read}",
                    self.bits, self.rows, self.inputs
                );
            }
        }
    }
}

#[test]
fn blocks_of_any_bytes_are_made_dense_as_the_cpu_reads_them() {
    let mut read = Vec::new();
    for bits in [FewBits::Eight, FewBits::Four] {
        for shape in SHAPES {
            let matrix = Matrix::random(bits, shape);
            matrix.agrees();
            read.extend(matrix.read());
        }
    }
    assert!(read.iter().any(|x| x.is_nan()), "some scale is NaN");
    assert!(read.iter().any(|x| x.is_finite() && x.abs() > 65_520.0), "some number passes f16");
    let is_small = |x: &f32| *x != 0.0 && x.abs() < f16::MIN_POSITIVE.to_f32();
    assert!(read.iter().any(is_small), "some number is subnormal in f16");
}

#[test]
fn weights_that_were_rounded_come_back_without_what_fills_their_rows() {
    for [rows, inputs] in SHAPES {
        let weights: Vec<_> = standard_normal(Seed::new(2), rows * inputs).iter().map(|x| 0.02 * x).collect();
        for (matrix, most) in [
            (Matrix::rounded::<EightBits>(FewBits::Eight, &weights, inputs), 0.001),
            (Matrix::rounded::<FourBits>(FewBits::Four, &weights, inputs), 0.01),
        ] {
            matrix.agrees();
            let ours = matrix.dense(Half::F16);
            for (ours, weight) in ours.iter().zip(&weights) {
                assert!((widen(Half::F16, *ours) - f64::from(*weight)).abs() < most, "{rows} {inputs}");
            }
        }
    }
}

/// A block of 4 bits whose groups have these scales and shifts of 6 bits, by ggml's layout. Its numbers are 0 to 15 over and over.
fn four_bit_block(scale: f16, shift: f16, of_groups: [(u8, u8); 8]) -> Vec<u8> {
    let [low, high] = [&of_groups[..4], &of_groups[4..]];
    let mut bytes = [scale.to_le_bytes(), shift.to_le_bytes()].concat();
    bytes.extend(low.iter().zip(high).map(|(low, high)| low.0 | (high.0 >> 4 << 6)));
    bytes.extend(low.iter().zip(high).map(|(low, high)| low.1 | (high.1 >> 4 << 6)));
    bytes.extend(high.iter().map(|high| (high.0 & 15) | (high.1 << 4)));
    // The even group's numbers count up, the odd one's down.
    bytes.extend((0..128).map(|at| (at % 16) | ((15 - at % 16) << 4)));
    bytes
}

#[test]
fn every_scale_and_every_shift_of_every_group_is_read() {
    let (scale, shift) = (f16::from_f32(0.013), f16::from_f32(0.37));
    let mut bytes = Vec::new();
    let mut expected = Vec::new();
    for first in 0..64 {
        let of_groups = [0, 1, 2, 3, 4, 5, 6, 7]
            .map(|group: u8| ((first + 9 * group) % 64, (67 + 5 * group - first) % 64));
        bytes.extend(four_bit_block(scale, shift, of_groups));
        for (group, (of_scale, of_shift)) in of_groups.into_iter().enumerate() {
            let numbers = (0..32_u8).map(|at| if group % 2 == 0 { at % 16 } else { 15 - at % 16 });
            let (step, lift) = (scale.to_f32() * f32::from(of_scale), shift.to_f32() * f32::from(of_shift));
            expected.extend(numbers.map(|number| step * f32::from(number) - lift));
        }
    }
    let matrix = Matrix { bits: FewBits::Four, bytes, rows: 64, inputs: 256 };
    assert_eq!(matrix.read(), expected, "the CPU's reader");
    for half in HALVES {
        let expected: Vec<_> = expected.iter().map(|x| narrow(half, *x)).collect();
        assert_eq!(matrix.dense(half), expected, "{half:?}");
    }
}

/// Neither cut down to f16's largest number nor anything else that a product would go on with.
#[test]
fn what_passes_f16_is_infinite() {
    // 516 · 127 is 65,532, from 65,520 on rounded past 65,504; this is what the rounding of a weight of 65,504 gives.
    let numbers: [i8; 32] = std::array::from_fn(|at| [127, -127, 126, -126, 1, 0, -1, 64][at % 8]);
    let bytes = f16::from_f32(516.0).to_le_bytes().into_iter().chain(numbers.map(i8::cast_unsigned));
    let matrix = Matrix { bits: FewBits::Eight, bytes: bytes.collect(), rows: 1, inputs: 32 };
    let weights = [65_504.0; 32];
    assert_eq!(Matrix::rounded::<EightBits>(FewBits::Eight, &weights, 32).read(), [65_532.0; 32]);
    let [infinite, finite] = HALVES.map(|half| matrix.dense(half)[..8].to_vec());
    let infinite: Vec<_> = infinite.iter().map(|bits| widen(Half::F16, *bits)).collect();
    assert_eq!(
        infinite,
        [f64::INFINITY, f64::NEG_INFINITY, 65_024.0, -65_024.0, 516.0, 0.0, -516.0, 33_024.0]
    );
    let finite: Vec<_> = finite.iter().map(|bits| widen(Half::Bf16, *bits)).collect();
    assert_eq!(finite, [65_536.0, -65_536.0, 65_024.0, -65_024.0, 516.0, 0.0, -516.0, 33_024.0]);
    matrix.agrees();
}
