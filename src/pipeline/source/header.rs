use std::{collections::HashMap, path::Path};

use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensors;

use super::{
    super::error::LoadError,
    encoding::{Encoding, Scale},
    folder::{Blob, Folder},
    gguf,
    pin::sha256,
    raw::{Header, RawTensor, Value},
};

/// A header that promises more bytes than this is not one.
const FILE_BYTES_MAX: usize = 1 << 46;

impl Header {
    /// Reads the header of a .safetensors or .gguf file.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.starts_with(gguf::MAGIC) { gguf::read(bytes) } else { read_safetensors(bytes) }
    }
}

fn read_safetensors(bytes: &[u8]) -> Result<Header, String> {
    let parsed = SafeTensors::deserialize(bytes).map_err(|error| match promised_length(bytes) {
        Some(promised) if promised > bytes.len() && promised < FILE_BYTES_MAX => {
            let length = bytes.len();
            format!("truncated: the header promises {promised} bytes, the file has {length}; fetch it again")
        }
        _ => format!("not a safetensors or GGUF file ({error}); fetch it again"),
    })?;
    let origin = bytes.as_ptr() as usize;
    let tensors = parsed.iter().map(|(name, view)| {
        let start = view.data().as_ptr() as usize - origin;
        let tensor = RawTensor {
            encoding: Encoding::of_safetensors(view.dtype()),
            shape: view.shape().to_vec(),
            bytes: start..start + view.data().len(),
        };
        (name.to_owned(), tensor)
    });
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let metadata = metadata.metadata().iter().flatten();
    Ok(Header {
        tensors: tensors.collect(),
        metadata: metadata.map(|(key, value)| (key.clone(), Value::Text(value.clone()))).collect(),
    })
}

/// File length that a safetensors header promises: 8 bytes, the header, then data up to the last offset.
fn promised_length(bytes: &[u8]) -> Option<usize> {
    let header = usize::try_from(u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?)).ok()?;
    let end_of_header = header.checked_add(8)?;
    let Some(json) = bytes.get(8..end_of_header) else {
        return Some(end_of_header);
    };
    let tensors: HashMap<String, serde_json::Value> = serde_json::from_slice(json).ok()?;
    let last = tensors.values().filter_map(|tensor| tensor.pointer("/data_offsets/1")?.as_u64()).max()?;
    end_of_header.checked_add(usize::try_from(last).ok()?)
}

/// A file of tensors that is not part of a model, such as a LoRA.
pub(in crate::pipeline) struct RawFile {
    blob: Blob,
    header: Header,
}

impl RawFile {
    pub(in crate::pipeline) fn open(path: &Path) -> Result<Self, LoadError> {
        let (folder, name) = Folder::of_file(path)?;
        let blob = folder.open(&name, "a .safetensors file")?;
        let header =
            Header::read(&blob).map_err(|reason| LoadError::invalid(folder.path_of(&name), reason))?;
        Ok(Self { blob, header })
    }

    /// SHA-256 of all of the file, in hexadecimal digits.
    pub(in crate::pipeline) fn sha256(&self) -> String {
        sha256(&self.blob)
    }

    /// The names of its tensors.
    pub(in crate::pipeline) fn names(&self) -> impl Iterator<Item = &str> {
        self.header.tensors.keys().map(String::as_str)
    }

    /// A tensor in f32 on the CPU.
    pub(in crate::pipeline) fn tensor(&self, name: &str) -> candle_core::Result<Tensor> {
        let Some(RawTensor { encoding, shape, bytes }) = self.header.tensors.get(name) else {
            candle_core::bail!("no tensor `{name}`");
        };
        encoding.decode(&self.blob[bytes.clone()], shape, &Scale::One, (DType::F32, &Device::Cpu))
    }

    /// The text `key` of its metadata.
    pub(in crate::pipeline) fn text(&self, key: &str) -> Option<&str> {
        self.header.metadata.get(key)?.text()
    }
}
