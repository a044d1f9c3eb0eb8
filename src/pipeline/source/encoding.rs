//! How a file writes numbers, and their way back to f32: the same bits as the reference readers give.

use std::borrow::Cow;

use candle_core::{
    CpuStorage, DType, Device, Result, Tensor, WithDType, bail, quantized::GgmlDType, safetensors::Load,
};
use half::{bf16, f16};
use rayon::prelude::*;
use safetensors::{Dtype, tensor::TensorView};

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// One after the other, each by itself.
    Plain(Dtype),
    /// 8 bits: sign, 4 of exponent, 3 of mantissa, no infinity (arXiv 2209.05433).
    E4M3,
    /// 8 bits: sign, 5 of exponent, 2 of mantissa.
    E5M2,
    /// ggml's blocks, along a row.
    Blocks(GgmlDType),
}

/// What decoded numbers are multiplied by.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scale {
    One,
    /// Of the whole tensor.
    Tensor(f32),
    /// Of each row.
    Rows(Vec<f32>),
}

/// Bytes that a thread decodes at a time, about.
const PART_BYTES: usize = 1 << 20;

impl Encoding {
    pub(super) fn of_safetensors(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F8_E4M3 => Self::E4M3,
            Dtype::F8_E5M2 => Self::E5M2,
            other => Self::Plain(other),
        }
    }

    /// For example `bf16`, `f8_e4m3` or `Q4_K`.
    pub(super) fn name(self) -> String {
        match self {
            Self::Plain(dtype) => format!("{dtype:?}").to_lowercase(),
            Self::E4M3 => "f8_e4m3".to_owned(),
            Self::E5M2 => "f8_e5m2".to_owned(),
            Self::Blocks(dtype) => {
                let name = format!("{dtype:?}");
                match name.strip_suffix('K') {
                    Some(bits) => format!("{bits}_K"),
                    None => name,
                }
            }
        }
    }

    /// Bytes of a row of `width` numbers; None if it is not a whole number of blocks or bytes.
    pub(super) fn row_bytes(self, width: usize) -> Option<usize> {
        match self {
            Self::Plain(dtype) => {
                Some(width.checked_mul(dtype.bitsize())? / 8).filter(|_| dtype.bitsize() % 8 == 0)
            }
            Self::E4M3 | Self::E5M2 => Some(width),
            Self::Blocks(dtype) => {
                let block = dtype.block_size();
                width.is_multiple_of(block).then(|| (width / block).checked_mul(dtype.type_size()))?
            }
        }
    }

    /// Decodes whole rows: `bytes` as a tensor of `shape` in `dtype` on `device`.
    pub(super) fn decode(
        self,
        bytes: &[u8],
        shape: &[usize],
        scale: &Scale,
        (dtype, device): (DType, &Device),
    ) -> Result<Tensor> {
        if let (Self::Plain(plain), Scale::One) = (self, scale) {
            return match (plain, dtype) {
                (Dtype::F32, DType::F32) => on_device(each(bytes, f32::from_le_bytes), shape, device),
                (Dtype::BF16, DType::BF16) => on_device(each(bytes, bf16::from_le_bytes), shape, device),
                (Dtype::F16, DType::F16) => on_device(each(bytes, f16::from_le_bytes), shape, device),
                (Dtype::BF16 | Dtype::F16, DType::F32) => {
                    on_device(self.numbers(bytes, shape)?, shape, device)
                }
                _ => TensorView::new(plain, shape.to_vec(), bytes)?.load(device)?.to_dtype(dtype),
            };
        }
        let mut numbers = self.numbers(bytes, shape)?;
        match scale {
            Scale::One => {}
            Scale::Tensor(scale) => numbers.par_iter_mut().for_each(|number| *number *= scale),
            Scale::Rows(scales) => {
                let width = numbers.len() / scales.len().max(1);
                let rows = numbers.par_chunks_mut(width.max(1)).zip(scales);
                rows.for_each(|(row, scale)| row.iter_mut().for_each(|number| *number *= scale));
            }
        }
        Tensor::from_vec(numbers, shape, &Device::Cpu)?.to_dtype(dtype)?.to_device(device)
    }

    /// The numbers that `bytes` write.
    fn numbers(self, bytes: &[u8], shape: &[usize]) -> Result<Vec<f32>> {
        match self {
            Self::Plain(Dtype::F32) => Ok(each(bytes, f32::from_le_bytes)),
            Self::Plain(Dtype::BF16) => Ok(each(bytes, |bytes| bf16::from_le_bytes(bytes).to_f32())),
            Self::Plain(Dtype::F16) => Ok(each(bytes, |bytes| f16::from_le_bytes(bytes).to_f32())),
            Self::Plain(plain) => {
                let tensor = TensorView::new(plain, shape.to_vec(), bytes)?.load(&Device::Cpu)?;
                tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
            }
            Self::E4M3 => Ok(by_table(bytes, e4m3)),
            Self::E5M2 => Ok(by_table(bytes, e5m2)),
            Self::Blocks(dtype) => blocks(dtype, bytes),
        }
    }
}

/// The numbers that `bytes` write one after the other, made on every core: candle's own way uses one, which a disk outruns.
fn each<const WIDTH: usize, T: Copy + Default + Send + Sync>(
    bytes: &[u8],
    number: impl Fn([u8; WIDTH]) -> T + Sync,
) -> Vec<T> {
    let part = PART_BYTES / WIDTH;
    let mut numbers = vec![T::default(); bytes.len() / WIDTH];
    numbers.par_chunks_mut(part).zip(bytes.par_chunks(part * WIDTH)).for_each(|(numbers, bytes)| {
        for (place, written) in numbers.iter_mut().zip(bytes.as_chunks().0) {
            *place = number(*written);
        }
    });
    numbers
}

fn on_device<T: WithDType>(numbers: Vec<T>, shape: &[usize], device: &Device) -> Result<Tensor> {
    Tensor::from_vec(numbers, shape, &Device::Cpu)?.to_device(device)
}

fn by_table(bytes: &[u8], number: fn(u8) -> f32) -> Vec<f32> {
    let table: [f32; 256] = std::array::from_fn(|byte| number(u8::try_from(byte).unwrap_or_default()));
    each(bytes, |[byte]: [u8; 1]| table[usize::from(byte)])
}

fn e4m3(byte: u8) -> f32 {
    let (exponent, mantissa) = (i32::from(byte >> 3 & 15), f32::from(byte & 7));
    let size = match (exponent, byte & 7) {
        (15, 7) => f32::NAN,
        (0, _) => mantissa / 8.0 * 2_f32.powi(-6),
        _ => (1.0 + mantissa / 8.0) * 2_f32.powi(exponent - 7),
    };
    if byte & 0x80 == 0 { size } else { -size }
}

/// Its bits are the upper half of f16's.
fn e5m2(byte: u8) -> f32 {
    f16::from_bits(u16::from(byte) << 8).to_f32()
}

/// Parts on every core: candle's own decodes on one.
fn blocks(dtype: GgmlDType, bytes: &[u8]) -> Result<Vec<f32>> {
    let (block_bytes, block_numbers) = (dtype.type_size(), dtype.block_size());
    let part_bytes = PART_BYTES / block_bytes * block_bytes;
    let mut numbers = vec![0_f32; bytes.len() / block_bytes * block_numbers];
    let parts = bytes.par_chunks(part_bytes);
    let filled = numbers.par_chunks_mut(part_bytes / block_bytes * block_numbers);
    parts.zip(filled).try_for_each(|(bytes, numbers)| {
        // Blocks are read in place by their alignment, which bytes of a file need not have.
        let aligned = aligned(bytes);
        match dtype.from_data(Cow::Borrowed(aligned.bytes())).dequantize(numbers.len())? {
            CpuStorage::F32(decoded) => numbers.copy_from_slice(&decoded),
            _ => bail!("blocks of {dtype:?} are not decoded to f32"),
        }
        Ok(())
    })?;
    Ok(numbers)
}

/// Bytes at an address that is a multiple of 8.
enum Aligned<'a> {
    AsTheyAre(&'a [u8]),
    Copied { bytes: Vec<u8>, start: usize, length: usize },
}

fn aligned(bytes: &[u8]) -> Aligned<'_> {
    const ALIGNMENT: usize = 8;
    if bytes.as_ptr().align_offset(ALIGNMENT) == 0 {
        return Aligned::AsTheyAre(bytes);
    }
    let mut copy = vec![0; bytes.len() + ALIGNMENT];
    let start = copy.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
    copy[start..start + bytes.len()].copy_from_slice(bytes);
    Aligned::Copied { bytes: copy, start, length: bytes.len() }
}

impl Aligned<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::AsTheyAre(bytes) => bytes,
            Self::Copied { bytes, start, length } => &bytes[*start..start + length],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{super::header::RawFile, *};

    /// Goldens of tests/parity/make_formats.py: the Python packages gguf, and ml_dtypes, which torch decodes alike.
    #[test]
    fn numbers_are_the_reference_readers_to_the_last_bit() -> Result<()> {
        let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/formats");
        let open = |name: &str| RawFile::open(&goldens.join(name)).expect("a golden");
        let decoded = open("decoded.safetensors");
        let mut types = 0;
        for file in ["blocks.gguf", "fp8.safetensors"].map(open) {
            for name in file.names() {
                let numbers = |file: &RawFile| file.tensor(name)?.flatten_all()?.to_vec1::<f32>();
                let (ours, theirs) = (numbers(&file)?, numbers(&decoded)?);
                assert_eq!(ours.len(), theirs.len(), "{name}");
                for (i, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
                    let is_same = ours.to_bits() == theirs.to_bits() || (ours.is_nan() && theirs.is_nan());
                    assert!(is_same, "{name}[{i}]: {ours:?} is not {theirs:?}");
                }
                types += 1;
            }
        }
        assert_eq!(types, 15);
        Ok(())
    }

    #[test]
    fn eight_bits_are_what_the_formats_say() {
        let cases = [(0x00, 0.0), (0x01, 2_f32.powi(-9)), (0x08, 2_f32.powi(-6)), (0x38, 1.0), (0x7e, 448.0)];
        for (byte, number) in cases {
            assert_eq!((e4m3(byte), e4m3(byte | 0x80)), (number, -number), "{byte:#x}");
        }
        assert!(e4m3(0x7f).is_nan() && e4m3(0xff).is_nan());
        for (byte, number) in [(0x01, 2_f32.powi(-16)), (0x3c, 1.0), (0x7b, 57_344.0), (0x7c, f32::INFINITY)]
        {
            assert_eq!((e5m2(byte), e5m2(byte | 0x80)), (number, -number), "{byte:#x}");
        }
        assert!(e5m2(0x7f).is_nan());
    }

    #[test]
    fn blocks_are_decoded_wherever_they_are() -> Result<()> {
        let block: Vec<u8> = (0..34 * 8_u32).map(|i| (i * 7).to_le_bytes()[0] % 251).collect();
        let at_zero = blocks(GgmlDType::Q8_0, &block)?;
        for offset in 1..8 {
            let shifted = [vec![0; offset], block.clone()].concat();
            let decoded = blocks(GgmlDType::Q8_0, &shifted[offset..])?;
            let bits = |numbers: &[f32]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&decoded), bits(&at_zero), "{offset}");
        }
        Ok(())
    }

    #[test]
    fn a_row_is_a_whole_number_of_blocks() {
        assert_eq!(Encoding::Blocks(GgmlDType::Q4K).row_bytes(3840), Some(15 * 144));
        assert_eq!(Encoding::Blocks(GgmlDType::Q4K).row_bytes(64), None);
        assert_eq!(Encoding::Plain(Dtype::BF16).row_bytes(64), Some(128));
        let names = [GgmlDType::Q4K, GgmlDType::Q5_1].map(|dtype| Encoding::Blocks(dtype).name());
        assert_eq!(names, ["Q4_K", "Q5_1"]);
        assert_eq!(Encoding::Plain(Dtype::BF16).name(), "bf16");
    }
}
