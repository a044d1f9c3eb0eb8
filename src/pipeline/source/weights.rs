use std::{
    collections::{BTreeSet, HashMap},
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use candle_core::{DType, Device, Shape, Tensor, bail, safetensors::Load};
use candle_nn::{Init, VarBuilder, var_builder::SimpleBackend};
use memmap2::Advice;
use safetensors::{SafeTensors, tensor::TensorView};
use serde::Deserialize;

use super::{
    super::{error::LoadError, shapes::RandomWeights},
    files::{Blob, ModelFiles},
};

/// Told the bytes of weights read so far, and the bytes that the model's files hold in all.
pub type OnLoad<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// The safetensors files of one component, sharded or not, found through the index file; or random weights of any shape.
pub(in crate::pipeline) struct Weights {
    component: &'static str,
    is_random: bool,
    shards: Vec<Shard>,
    /// Tensor name → its shard, type, shape and place.
    tensors: HashMap<String, Entry>,
}

struct Shard {
    path: String,
    blob: Blob,
}

struct Entry {
    shard: usize,
    dtype: safetensors::Dtype,
    shape: Vec<usize>,
    bytes: Range<usize>,
}

#[derive(Deserialize)]
struct ShardIndex {
    weight_map: HashMap<String, String>,
}

impl Weights {
    /// Weights that are made on the device when they are asked for.
    pub(in crate::pipeline) fn random(component: &'static str) -> Self {
        Self { component, is_random: true, shards: Vec::new(), tensors: HashMap::new() }
    }

    /// Maps the files of `component` whose names begin with `stem`, and reads their headers.
    pub(in crate::pipeline) fn open(
        files: &ModelFiles,
        component: &'static str,
        stem: &str,
    ) -> Result<Self, LoadError> {
        let single = format!("{component}/{stem}.safetensors");
        let index_file = format!("{single}.index.json");
        let shard_files: BTreeSet<String> = match files.contains(&index_file) {
            true => files
                .json::<ShardIndex>(&index_file)?
                .weight_map
                .into_values()
                .map(|shard| format!("{component}/{shard}"))
                .collect(),
            false => BTreeSet::from([single]),
        };
        let mut weights = Self {
            shards: Vec::with_capacity(shard_files.len()),
            is_random: false,
            ..Self::random(component)
        };
        for file in shard_files {
            let expected = format!("weights, or {index_file} that names their shards");
            weights.add_shard(files.path_of(&file), files.open(&file, &expected)?)?;
        }
        Ok(weights)
    }

    fn add_shard(&mut self, path: String, blob: Blob) -> Result<(), LoadError> {
        let shard = self.shards.len();
        let parsed = SafeTensors::deserialize(&blob).map_err(|error| {
            let length = blob.len();
            LoadError::invalid(
                &path,
                match promised_length(&blob) {
                    Some(promised) if promised > length => format!(
                        "truncated: the header promises {promised} bytes, the file has {length}; fetch it again"
                    ),
                    _ => format!("not a safetensors file ({error}); fetch it again"),
                },
            )
        })?;
        let origin = blob.as_ptr() as usize;
        for (name, view) in parsed.iter() {
            let start = view.data().as_ptr() as usize - origin;
            self.tensors.insert(
                name.to_owned(),
                Entry {
                    shard,
                    dtype: view.dtype(),
                    shape: view.shape().to_vec(),
                    bytes: start..start + view.data().len(),
                },
            );
        }
        self.shards.push(Shard { path, blob });
        Ok(())
    }

    /// Bytes of all tensors.
    pub(in crate::pipeline) fn total_bytes(&self) -> u64 {
        self.tensors.values().map(|entry| entry.bytes.len() as u64).sum()
    }

    pub(in crate::pipeline) fn contains(&self, name: &str) -> bool {
        self.is_random || self.tensors.contains_key(name)
    }

    /// Numbers of all tensors; none known of random ones.
    pub(in crate::pipeline) fn numbers(&self) -> u64 {
        self.tensors.values().map(|entry| entry.shape.iter().product::<usize>() as u64).sum()
    }

    /// A builder over these weights. `drop_prefix` is what the caller's names begin with and the file's do not.
    pub(in crate::pipeline) fn builder<'a>(
        self: &Arc<Self>,
        dtype: DType,
        device: &Device,
        drop_prefix: &'static str,
        progress: Option<&'a LoadProgress<'a>>,
    ) -> VarBuilder<'a> {
        let reader: Box<dyn SimpleBackend + 'a> = match self.is_random {
            true => Box::new(RandomWeights),
            false => Box::new(Reader { weights: Arc::clone(self), drop_prefix, progress }),
        };
        VarBuilder::from_backend(reader, dtype, device.clone())
    }

    /// Rows `ids` of the matrix `name`, [ids, columns], on `device`: the rest of it stays where it is.
    pub(in crate::pipeline) fn rows(
        &self,
        name: &str,
        columns: usize,
        ids: &[u32],
        (dtype, device): (DType, &Device),
    ) -> candle_core::Result<Tensor> {
        if self.is_random {
            return Tensor::randn(0f32, 1.0, (ids.len(), columns), device)?.to_dtype(dtype);
        }
        let entry = self.find(name, None)?;
        let (shard, shape) = (&self.shards[entry.shard], &entry.shape);
        let row_bytes = entry.bytes.len() / shape.first().copied().unwrap_or(1).max(1);
        let matrix = &shard.blob[entry.bytes.clone()];
        let row = |id: &u32| matrix.get(*id as usize * row_bytes..(*id as usize + 1) * row_bytes);
        let Some(rows) = ids.iter().map(row).collect::<Option<Vec<_>>>() else {
            bail!("{}: tensor `{name}` of shape {shape:?} has no row for every token", shard.path);
        };
        let rows = rows.concat();
        TensorView::new(entry.dtype, vec![ids.len(), columns], &rows)?.load(device)?.to_dtype(dtype)
    }

    /// Checks that `name` is there in `shape`.
    pub(in crate::pipeline) fn expect(&self, name: &str, shape: &[usize]) -> candle_core::Result<()> {
        match self.is_random {
            true => Ok(()),
            false => self.find(name, Some(shape)).map(|_| ()),
        }
    }

    fn find(&self, name: &str, expected: Option<&[usize]>) -> candle_core::Result<&Entry> {
        let Some(entry) = self.tensors.get(name) else {
            let shape = expected.map_or(String::new(), |shape| format!(" of shape {shape:?}"));
            bail!("{}: no tensor `{name}`; expected one{shape}", self.paths());
        };
        match expected.filter(|expected| *expected != entry.shape) {
            None => Ok(entry),
            Some(expected) => bail!(
                "{}: tensor `{name}` has shape {:?}; the configuration asks for {expected:?}",
                self.shards[entry.shard].path,
                entry.shape
            ),
        }
    }

    /// Asks the system to read the tensors whose names begin with `prefix` from the disk. What it cannot do is no error:
    /// they are read when they are needed.
    pub(in crate::pipeline) fn announce(&self, prefix: &str) {
        for (_, entry) in self.tensors.iter().filter(|(name, _)| name.starts_with(prefix)) {
            if let Blob::Mapped(map) = &self.shards[entry.shard].blob {
                let asked = map.advise_range(Advice::WillNeed, entry.bytes.start, entry.bytes.len());
                if let Err(error) = asked {
                    tracing::debug!(%error, "weights are not read ahead");
                }
            }
        }
    }

    fn paths(&self) -> String {
        match self.shards.as_slice() {
            [] => self.component.to_owned(),
            [one] => one.path.clone(),
            [first, rest @ ..] => format!("{} and {} more", first.path, rest.len()),
        }
    }
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

/// Bytes read so far, over all components of a model.
pub(in crate::pipeline) struct LoadProgress<'a> {
    on_load: OnLoad<'a>,
    read: AtomicU64,
    total: u64,
}

impl<'a> LoadProgress<'a> {
    pub(in crate::pipeline) fn new(on_load: OnLoad<'a>, total: u64) -> Self {
        on_load(0, total);
        Self { on_load, read: AtomicU64::new(0), total }
    }

    fn add(&self, bytes: u64) {
        let before = self.read.fetch_add(bytes, Ordering::Relaxed);
        (self.on_load)(before + bytes, self.total);
    }
}

struct Reader<'a> {
    weights: Arc<Weights>,
    drop_prefix: &'static str,
    /// Told what is read; none after the start.
    progress: Option<&'a LoadProgress<'a>>,
}

impl Reader<'_> {
    fn file_name<'n>(&self, name: &'n str) -> &'n str {
        name.strip_prefix(self.drop_prefix).unwrap_or(name)
    }

    fn read(
        &self,
        name: &str,
        expected: Option<&Shape>,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        let name = self.file_name(name);
        let entry = self.weights.find(name, expected.map(Shape::dims))?;
        let shard = &self.weights.shards[entry.shard];
        let bytes = &shard.blob[entry.bytes.clone()];
        let tensor = TensorView::new(entry.dtype, entry.shape.clone(), bytes)
            .map_err(|error| candle_core::Error::Msg(format!("{}: tensor `{name}`: {error}", shard.path)))?
            .load(device)?
            .to_dtype(dtype)?;
        if let Some(progress) = self.progress {
            progress.add(bytes.len() as u64);
        }
        Ok(tensor)
    }
}

impl SimpleBackend for Reader<'_> {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        _: Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        self.read(name, Some(&shape), dtype, device)
    }

    fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        self.read(name, None, dtype, device)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.weights.contains(self.file_name(name))
    }
}
