//! The header of a GGUF file (github.com/ggml-org/ggml, docs/gguf.md), versions 2 and 3, little-endian.
//!
//! A header comes from a stranger: every length is held against the bytes that there are before it is used.

use std::collections::{BTreeMap, HashMap};

use candle_core::quantized::GgmlDType;

use super::{
    encoding::Encoding,
    raw::{Header, RawTensor, Value},
};

/// How a GGUF file begins.
pub(super) const MAGIC: &[u8] = b"GGUF";
/// Dimensions of a tensor, at most.
const DIMENSIONS_MAX: u32 = 4;
/// Where the bytes of tensors are aligned if the file says nothing.
const ALIGNMENT: usize = 32;
const ALIGNMENT_KEY: &str = "general.alignment";
/// The true shape of a tensor that was reshaped so that its rows are whole blocks.
const ORIGINAL_SHAPE: &str = "comfy.gguf.orig_shape.";

/// Reads the header of the file `bytes`.
pub(super) fn read(bytes: &[u8]) -> Result<Header, String> {
    let mut cursor = Cursor { bytes, at: MAGIC.len() };
    let version = cursor.u32()?;
    if !(2..=3).contains(&version) {
        return Err(format!("GGUF version {version}; 2 and 3 are read"));
    }
    let (tensors, values) = (cursor.u64()?, cursor.u64()?);
    let mut metadata = HashMap::new();
    for _ in 0..values {
        let key = cursor.text()?;
        let kind = cursor.u32()?;
        metadata.insert(key, cursor.value(kind)?);
    }
    let mut found = Vec::new();
    for _ in 0..tensors {
        found.push(cursor.tensor()?);
    }
    let alignment = metadata.get(ALIGNMENT_KEY).and_then(Value::integer).unwrap_or(ALIGNMENT);
    if !alignment.is_power_of_two() {
        return Err(format!("{ALIGNMENT_KEY} is {alignment}, which is not a power of two"));
    }
    let origin = cursor.at.next_multiple_of(alignment);
    let mut tensors = BTreeMap::new();
    for Found { name, encoding, mut shape, offset } in found {
        let numbers = checked_product(&shape);
        let length = shape.split_last().map_or(encoding.row_bytes(1), |(width, rows)| {
            encoding.row_bytes(*width)?.checked_mul(checked_product(rows)?)
        });
        let length = length
            .ok_or_else(|| format!("tensor `{name}` of shape {shape:?} does not fit {}", encoding.name()))?;
        let start = usize::try_from(offset).ok().and_then(|offset| origin.checked_add(offset));
        let range = start.and_then(|start| Some(start..start.checked_add(length)?));
        let range = range.filter(|range| range.end <= bytes.len());
        let range = range.ok_or_else(|| {
            format!("truncated: tensor `{name}` ends beyond the file's {} bytes; fetch it again", bytes.len())
        })?;
        if let Some(Value::Integers(original)) = metadata.get(&format!("{ORIGINAL_SHAPE}{name}")) {
            let original: Option<Vec<usize>> =
                original.iter().map(|side| usize::try_from(*side).ok()).collect();
            match original.filter(|original| checked_product(original) == numbers) {
                Some(original) => shape = original,
                None => {
                    return Err(format!(
                        "{ORIGINAL_SHAPE}{name} does not have as many numbers as its tensor"
                    ));
                }
            }
        }
        tensors.insert(name, RawTensor { encoding, shape, bytes: range });
    }
    Ok(Header { tensors, metadata })
}

fn checked_product(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |product, side| product.checked_mul(*side))
}

/// A tensor of the header.
struct Found {
    name: String,
    encoding: Encoding,
    /// As safetensors has it: the width of a row last.
    shape: Vec<usize>,
    /// From where the first tensor's bytes begin.
    offset: u64,
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(count);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or("truncated in its header; fetch it again")?;
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        self.take(N)?.try_into().map_err(|_| "truncated in its header".to_owned())
    }

    fn u32(&mut self) -> Result<u32, String> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, String> {
        self.array().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Result<String, String> {
        let length = usize::try_from(self.u64()?).map_err(|_| "a text without end in its header")?;
        let text = self.take(length)?;
        String::from_utf8(text.to_vec()).map_err(|_| "a text in its header is not UTF-8".to_owned())
    }

    fn value(&mut self, kind: u32) -> Result<Value, String> {
        Ok(match kind {
            0 | 7 => Value::Integer(self.array::<1>()?[0].into()),
            1 => Value::Integer(i8::from_le_bytes(self.array()?).into()),
            2 => Value::Integer(u16::from_le_bytes(self.array()?).into()),
            3 => Value::Integer(i16::from_le_bytes(self.array()?).into()),
            4 => Value::Integer(self.u32()?.into()),
            5 => Value::Integer(i32::from_le_bytes(self.array()?).into()),
            6 => {
                self.take(4)?;
                Value::Other
            }
            8 => Value::Text(self.text()?),
            9 => self.list()?,
            10 => i64::try_from(self.u64()?).map_or(Value::Other, Value::Integer),
            11 => Value::Integer(i64::from_le_bytes(self.array()?)),
            12 => {
                self.take(8)?;
                Value::Other
            }
            _ => return Err(format!("a value of unknown type {kind} in its header")),
        })
    }

    fn list(&mut self) -> Result<Value, String> {
        let (kind, count) = (self.u32()?, self.u64()?);
        if kind == 9 {
            return Err("a list of lists in its header".to_owned());
        }
        let mut integers = Vec::new();
        for _ in 0..count {
            if let Value::Integer(value) = self.value(kind)? {
                integers.push(value);
            }
        }
        Ok(if integers.is_empty() { Value::Other } else { Value::Integers(integers) })
    }

    fn tensor(&mut self) -> Result<Found, String> {
        let name = self.text()?;
        let dimensions = self.u32()?;
        if dimensions > DIMENSIONS_MAX {
            return Err(format!("tensor `{name}` has {dimensions} dimensions"));
        }
        let sides = (0..dimensions).map(|_| {
            let side = self.u64()?;
            usize::try_from(side).map_err(|_| format!("tensor `{name}` has a side of {side}"))
        });
        let mut shape = sides.collect::<Result<Vec<_>, String>>()?;
        shape.reverse();
        let kind = self.u32()?;
        let encoding = encoding(kind).ok_or_else(|| {
            let kind = foreign_type(kind);
            format!(
                "tensor `{name}` is {kind}; F32, F16, BF16, Q8_0, Q6_K, Q5_K, Q4_K, Q3_K, Q2_K, Q5_0, Q5_1, Q4_0 and \
                 Q4_1 are read: take a file of one of these, such as Q4_K_M or Q8_0"
            )
        })?;
        Ok(Found { name, encoding, shape, offset: self.u64()? })
    }
}

/// ggml's number of a type.
fn encoding(kind: u32) -> Option<Encoding> {
    use safetensors::Dtype;
    Some(match kind {
        0 => Encoding::Plain(Dtype::F32),
        1 => Encoding::Plain(Dtype::F16),
        30 => Encoding::Plain(Dtype::BF16),
        2 => Encoding::Blocks(GgmlDType::Q4_0),
        3 => Encoding::Blocks(GgmlDType::Q4_1),
        6 => Encoding::Blocks(GgmlDType::Q5_0),
        7 => Encoding::Blocks(GgmlDType::Q5_1),
        8 => Encoding::Blocks(GgmlDType::Q8_0),
        10 => Encoding::Blocks(GgmlDType::Q2K),
        11 => Encoding::Blocks(GgmlDType::Q3K),
        12 => Encoding::Blocks(GgmlDType::Q4K),
        13 => Encoding::Blocks(GgmlDType::Q5K),
        14 => Encoding::Blocks(GgmlDType::Q6K),
        _ => return None,
    })
}

/// The name of a type that is not read.
fn foreign_type(kind: u32) -> String {
    let name = match kind {
        9 => "Q8_1",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        20 => "IQ4_NL",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        29 => "IQ1_M",
        34 => "TQ1_0",
        35 => "TQ2_0",
        39 => "MXFP4",
        40 => "NVFP4",
        other => return format!("of ggml's type {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Vec<u8> {
        [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
    }

    /// A file of one value and one tensor of 2 × 3 numbers in f32.
    fn file() -> Vec<u8> {
        let header = [
            MAGIC.to_vec(),
            3_u32.to_le_bytes().to_vec(),
            1_u64.to_le_bytes().to_vec(),
            1_u64.to_le_bytes().to_vec(),
            text("general.architecture"),
            8_u32.to_le_bytes().to_vec(),
            text("lumina2"),
            text("x_pad_token"),
            2_u32.to_le_bytes().to_vec(),
            3_u64.to_le_bytes().to_vec(),
            2_u64.to_le_bytes().to_vec(),
            0_u32.to_le_bytes().to_vec(),
            0_u64.to_le_bytes().to_vec(),
        ];
        let mut bytes = header.concat();
        bytes.resize(bytes.len().next_multiple_of(32), 0);
        #[expect(clippy::cast_precision_loss, reason = "numbers are small")]
        bytes.extend((0..6).flat_map(|i| (i as f32).to_le_bytes()));
        bytes
    }

    #[test]
    fn a_header_is_read() {
        let bytes = file();
        let header = read(&bytes).expect("a header");
        assert_eq!(header.metadata["general.architecture"].text(), Some("lumina2"));
        let tensor = &header.tensors["x_pad_token"];
        assert_eq!((tensor.shape.as_slice(), tensor.bytes.len()), ([2, 3].as_slice(), 24));
        assert_eq!(tensor.bytes.end, bytes.len());
    }

    #[test]
    fn what_is_cut_off_or_changed_anywhere_is_an_error_and_no_panic() {
        let bytes = file();
        for length in MAGIC.len()..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "{length}");
        }
        // Any header byte may be anything: lengths without end among them.
        for at in MAGIC.len()..bytes.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] = value;
                read(&bytes).ok();
            }
        }
    }

    #[test]
    fn a_type_that_is_not_read_is_named() {
        let mut bytes = file();
        let at = bytes.len() - 24 - 8 - 4 - (bytes.len() - 24 - header_bytes());
        bytes[at..at + 4].copy_from_slice(&20_u32.to_le_bytes());
        let error = read(&bytes).expect_err("IQ4_NL");
        assert!(
            error.contains("x_pad_token") && error.contains("IQ4_NL") && error.contains("Q4_K_M"),
            "{error}"
        );
    }

    fn header_bytes() -> usize {
        4 + 4 + 8 + 8 + (8 + 20) + 4 + (8 + 7) + (8 + 11) + 4 + 16 + 4 + 8
    }
}
