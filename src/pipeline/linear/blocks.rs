use std::borrow::Cow;

use candle_core::{
    Device, Result,
    quantized::{QStorage, QTensor},
};
use rayon::prelude::*;

use super::{
    super::cpu,
    block::{Block, EightBits, read, round},
    four_bits::FourBits,
};

/// How the large matrices of a model are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::pipeline) enum Format {
    /// In the model's number format.
    #[default]
    Dense,
    /// ggml's Q8_0: blocks of 32 numbers, each 8 bits, and a scale of 16; 8.5 bits a number.
    EightBit,
    /// ggml's Q4_K: blocks of 256 numbers, each 4 bits, and scales in two stages; 4.5 bits a number.
    FourBit,
}

impl Format {
    /// Bits of a number, rounded up; none if it is dense.
    pub(in crate::pipeline) const fn bits(self) -> Option<u32> {
        match self {
            Self::Dense => None,
            Self::EightBit => Some(9),
            Self::FourBit => Some(5),
        }
    }

    /// What brings a weight into it; none if it is dense.
    pub(super) const fn quantizer(self) -> Option<Quantizer> {
        match self {
            Self::Dense => None,
            Self::EightBit => Some(quantize::<EightBits>),
            Self::FourBit => Some(quantize::<FourBits>),
        }
    }
}

/// From a weight [outputs, inputs] and its outputs to candle's tensor on a device, rows filled up with zeros to whole blocks.
pub(super) type Quantizer = fn(&[f32], usize, &Device) -> Result<QTensor>;

fn quantize<B: Block>(weight: &[f32], outputs: usize, device: &Device) -> Result<QTensor> {
    let inputs = weight.len() / outputs;
    let bytes: Vec<u8> = to_blocks::<B>(weight, inputs).into_iter().flat_map(B::bytes).collect();
    let shape = (outputs, inputs.next_multiple_of(B::NUMBERS));
    QTensor::new(QStorage::from_data(Cow::Owned(bytes), device, B::GGML)?, shape)
}

/// A weight [outputs, inputs] in blocks, in the host's memory. Rows are filled up with zeros to whole blocks.
#[derive(Debug)]
pub(in crate::pipeline) struct BlockLinear {
    rows: BlockRows,
    inputs: usize,
    outputs: usize,
}

#[derive(Debug)]
enum BlockRows {
    EightBit(Vec<EightBits>),
    FourBit(Vec<FourBits>),
}

impl BlockLinear {
    /// `weight` [outputs, inputs]. None if `format` is dense.
    pub(super) fn new(weight: &[f32], outputs: usize, format: Format) -> Option<Self> {
        let inputs = weight.len() / outputs;
        let rows = match format {
            Format::Dense => return None,
            Format::EightBit => BlockRows::EightBit(to_blocks(weight, inputs)),
            Format::FourBit => BlockRows::FourBit(to_blocks(weight, inputs)),
        };
        Some(Self { rows, inputs, outputs })
    }

    /// Numbers of a row that come in, and that go out.
    pub(in crate::pipeline) fn size(&self) -> (usize, usize) {
        (self.inputs, self.outputs)
    }

    /// `x` [rows, inputs] → `out` [rows, outputs].
    pub(in crate::pipeline) fn apply(&self, x: &[f32], out: &mut [f32]) {
        match &self.rows {
            BlockRows::EightBit(blocks) => self.multiply(blocks, x, out),
            BlockRows::FourBit(blocks) => self.multiply(blocks, x, out),
        }
    }

    fn multiply<B: Block>(&self, blocks: &[B], x: &[f32], out: &mut [f32]) {
        let blocks_of_row = self.inputs.div_ceil(B::NUMBERS);
        let row = |output: usize, row: &mut [f32]| {
            let blocks = &blocks[output * blocks_of_row..][..blocks_of_row];
            let (whole, rest) = row.split_at_mut(self.inputs / B::NUMBERS * B::NUMBERS);
            read(&blocks[..whole.len() / B::NUMBERS], whole);
            if !rest.is_empty() {
                let mut last = [0f32; BLOCK_MAX];
                read(&blocks[blocks_of_row - 1..], &mut last[..B::NUMBERS]);
                rest.copy_from_slice(&last[..rest.len()]);
            }
        };
        cpu::multiply_by_row(x, self.size(), row, out);
    }
}

/// Numbers of the largest block.
const BLOCK_MAX: usize = 256;

/// Rows of `width` numbers, each rounded to blocks of its own, on every core.
fn to_blocks<B: Block>(numbers: &[f32], width: usize) -> Vec<B> {
    let mut blocks = vec![B::zeros(); numbers.len() / width * width.div_ceil(B::NUMBERS)];
    let rows = blocks.par_chunks_mut(width.div_ceil(B::NUMBERS)).zip(numbers.par_chunks(width));
    rows.for_each(|(blocks, row)| {
        let (whole, rest) = row.split_at(width / B::NUMBERS * B::NUMBERS);
        let (of_whole, of_rest) = blocks.split_at_mut(width / B::NUMBERS);
        round(whole, of_whole);
        if !rest.is_empty() {
            let mut filled = [0f32; BLOCK_MAX];
            filled[..rest.len()].copy_from_slice(rest);
            round(&filled[..B::NUMBERS], of_rest);
        }
    });
    blocks
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Tensor, quantized::GgmlDType};

    use super::*;
    use crate::pipeline::{ops::Numbers, testing::random_tensor as random};

    /// Of one sign, none, equal ones, steps of a half whose rounding is a tie, of both signs.
    fn weights(outputs: usize, inputs: usize) -> Result<Vec<Tensor>> {
        let mixed = random(1, &[outputs, inputs]);
        let positive = (mixed.abs()? + 0.5)?;
        let ties = ((&mixed * 10.0)?.round()? * 0.5)?;
        Ok(vec![positive.neg()?, positive, mixed.zeros_like()?, mixed.ones_like()?, ties, mixed])
    }

    #[test]
    fn blocks_are_candles_own() -> Result<()> {
        // Whole blocks, a short last one, less than one.
        for (inputs, outputs) in [(512, 96), (682, 70), (100, 3)] {
            for weight in weights(outputs, inputs)? {
                are_candles_own(&weight, Format::EightBit, GgmlDType::Q8_0)?;
                are_candles_own(&weight, Format::FourBit, GgmlDType::Q4K)?;
            }
        }
        Ok(())
    }

    /// Scales that no rounding makes, too: those of files.
    #[test]
    fn blocks_of_any_bytes_are_read_as_candle_reads_them() -> Result<()> {
        read_as_candle::<EightBits>(34)?;
        read_as_candle::<FourBits>(144)
    }

    fn read_as_candle<B: Block>(bytes: usize) -> Result<()> {
        let blocks = 300;
        let drawn = random(3, &[blocks * bytes]).to_vec1::<f32>()?;
        let all: Vec<u8> = drawn.iter().map(|x| x.to_bits().to_le_bytes()[1]).collect();
        let ours: Vec<B> = all.chunks_exact(bytes).map(B::of_bytes).collect();
        let mut numbers = vec![0f32; blocks * B::NUMBERS];
        read(&ours, &mut numbers);
        assert_eq!(ours.into_iter().flat_map(B::bytes).collect::<Vec<_>>(), all);
        let storage = QStorage::from_data(Cow::Owned(all), &Device::Cpu, B::GGML)?;
        let theirs =
            QTensor::new(storage, blocks * B::NUMBERS)?.dequantize(&Device::Cpu)?.to_vec1::<f32>()?;
        let is_same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
        assert!(numbers.iter().zip(&theirs).all(is_same));
        Ok(())
    }

    fn are_candles_own(weight: &Tensor, format: Format, ggml: GgmlDType) -> Result<()> {
        let (outputs, inputs) = weight.dims2()?;
        let fill = inputs.next_multiple_of(ggml.block_size()) - inputs;
        let theirs = QTensor::quantize(&weight.pad_with_zeros(1, 0, fill)?.contiguous()?, ggml)?;
        let quantize = format.quantizer().expect("blocks");
        let ours = quantize(&Numbers::of(weight)?, outputs, &Device::Cpu)?;
        assert_eq!((ours.shape(), ours.dtype()), (theirs.shape(), ggml));
        assert_eq!(ours.data()?, theirs.data()?, "{format:?} {inputs}");
        // By rows of the identity, the numbers that the blocks stand for.
        let blocks = BlockLinear::new(&Numbers::of(weight)?, outputs, format).expect("blocks");
        let identity = Tensor::eye(inputs, DType::F32, &Device::Cpu)?;
        let mut read = vec![0f32; inputs * outputs];
        blocks.apply(&Numbers::of(&identity)?, &mut read);
        let expected = theirs.dequantize(&Device::Cpu)?.narrow(1, 0, inputs)?.t()?.contiguous()?;
        assert_eq!(read, expected.flatten_all()?.to_vec1::<f32>()?, "{format:?} {inputs}");
        Ok(())
    }
}
