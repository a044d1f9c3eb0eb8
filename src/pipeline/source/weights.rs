use std::{
    collections::{BTreeMap, HashMap},
    hint::black_box,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use candle_core::{DType, Device, Shape, Tensor, bail};
use candle_nn::{Init, VarBuilder, var_builder::SimpleBackend};

use super::{
    super::{
        error::LoadError,
        row_norms::{KeptNorms, ROW_NORM_MAX},
        shapes::RandomWeights,
    },
    Component,
    encoding::{Encoding, Scale},
    folder::Blob,
    gguf,
    names::{Named, translate, turn_up_blocks, without_prefix},
    raw::{Header, RawTensor, Value},
    scales,
};

/// Called with the bytes of weights read so far, and the bytes that the model's files hold in all.
pub type OnLoad<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// The weights of one component by diffusers' names, whatever files they are in and however they are written there; or
/// random weights of any shape.
pub(in crate::pipeline) struct Weights {
    component: Component,
    is_random: bool,
    /// Whose names the files' tensors have: `diffusers`, `original` or `gguf`.
    layout: &'static str,
    /// The configuration that the first file carries in its header.
    config: Option<String>,
    shards: Vec<Shard>,
    tensors: BTreeMap<String, TensorEntry>,
    /// Of matrices that are read again and again.
    row_norms: KeptNorms,
}

/// Bytes of the smallest page of memory.
const PAGE_BYTES: usize = 4096;

struct Shard {
    path: String,
    blob: Blob,
}

impl Shard {
    fn check_whole(&self) -> candle_core::Result<()> {
        self.blob.check_whole().map_err(|error| candle_core::Error::Msg(format!("{}: {error}", self.path)))
    }
}

/// A tensor in a file.
#[derive(Clone)]
struct TensorEntry {
    shard: usize,
    encoding: Encoding,
    shape: Vec<usize>,
    bytes: Range<usize>,
    scale: Scale,
}

impl TensorEntry {
    /// One of three equal parts of the rows.
    fn third(&self, part: usize) -> Option<Self> {
        let rows = *self.shape.first().filter(|rows| rows.is_multiple_of(3))? / 3;
        let bytes = self.bytes.len() / 3;
        let start = self.bytes.start + part * bytes;
        let mut shape = self.shape.clone();
        shape[0] = rows;
        let scale = match &self.scale {
            Scale::Rows(scales) => Scale::Rows(scales.get(part * rows..(part + 1) * rows)?.to_vec()),
            of_tensor => of_tensor.clone(),
        };
        Some(Self { shape, bytes: start..start + bytes, scale, ..*self })
    }
}

impl Weights {
    /// Weights that are made on the device when they are asked for.
    pub(in crate::pipeline) fn random(component: Component) -> Self {
        Self {
            component,
            is_random: true,
            layout: "diffusers",
            config: None,
            shards: Vec::new(),
            tensors: BTreeMap::new(),
            row_norms: KeptNorms::default(),
        }
    }

    /// Reads the headers of `files`, each with the name that messages give it, and finds the tensors of `component`.
    pub(super) fn open(component: Component, files: Vec<(String, Blob)>) -> Result<Self, LoadError> {
        let mut shards = Vec::with_capacity(files.len());
        let mut headers = Vec::with_capacity(files.len());
        for (path, blob) in files {
            headers.push(Header::read(&blob).map_err(|reason| LoadError::invalid(&path, reason))?);
            shards.push(Shard { path, blob });
        }
        let mut weights = Self { shards, ..Self::random(component) };
        let invalid = |reason: String| LoadError::invalid(weights.paths(), reason);
        let contents = Contents::of(component, &headers);
        if let Some(reason) = contents.refusal(component) {
            return Err(invalid(reason));
        }
        if let Some(formats) = contents.text("_quantization_metadata") {
            scales::check_metadata(formats).map_err(invalid)?;
        }
        let raw = contents.tensors.iter().map(|(name, (shard, tensor))| {
            ((*name).to_owned(), Raw { shard: *shard, tensor: (*tensor).clone() })
        });
        let tensors = entries(component, &weights.shards, raw.collect()).map_err(invalid)?;
        let is_gguf = weights.shards.iter().any(|shard| shard.blob.starts_with(gguf::MAGIC));
        weights.layout = match contents.tensors.keys().all(|name| tensors.contains_key(*name)) {
            _ if is_gguf => "gguf",
            true => "diffusers",
            false => "original",
        };
        weights.config = contents.text("config").map(str::to_owned);
        (weights.tensors, weights.is_random) = (tensors, false);
        Ok(weights)
    }

    /// Whose names the files' tensors have: `diffusers`, `original` or `gguf`.
    pub(in crate::pipeline) const fn layout(&self) -> &'static str {
        self.layout
    }

    /// The configuration that the first file carries in its header.
    pub(super) fn config(&self) -> Option<&str> {
        self.config.as_deref()
    }

    /// The shape of the tensor `name`.
    pub(super) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|entry| entry.shape.as_slice())
    }

    /// How many layers there are whose names begin with `stem` and a number.
    pub(super) fn layers(&self, stem: &str) -> usize {
        let numbers = self
            .tensors
            .keys()
            .filter_map(|name| name.strip_prefix(stem)?.split_once('.')?.0.parse::<usize>().ok());
        numbers.max().map_or(0, |last| last + 1)
    }

    /// Tensors by the encoding of their numbers, for example `Q4_K`.
    pub(in crate::pipeline) fn encodings(&self) -> BTreeMap<String, usize> {
        let mut encodings = BTreeMap::new();
        for entry in self.tensors.values() {
            *encodings.entry(entry.encoding.name()).or_default() += 1;
        }
        encodings
    }

    /// The files, and their lengths in bytes.
    pub(in crate::pipeline) fn files(&self) -> impl Iterator<Item = (&str, &Blob)> {
        self.shards.iter().map(|shard| (&*shard.path, &shard.blob))
    }

    /// Bytes of all tensors.
    pub(in crate::pipeline) fn total_bytes(&self) -> u64 {
        self.tensors.values().map(|entry| entry.bytes.len() as u64).sum()
    }

    pub(in crate::pipeline) fn contains(&self, name: &str) -> bool {
        self.is_random || self.tensors.contains_key(name)
    }

    /// The linear layers, each with the sides of its matrix: (outputs, inputs).
    pub(in crate::pipeline) fn linear_layers(&self) -> impl Iterator<Item = (String, (usize, usize))> {
        self.tensors.iter().filter_map(|(name, entry)| {
            let layer = name.strip_suffix(".weight").filter(|layer| !layer.ends_with("embed_tokens"))?;
            match entry.shape.as_slice() {
                [outputs, inputs] => Some((layer.to_owned(), (*outputs, *inputs))),
                _ => None,
            }
        })
    }

    /// Numbers of all tensors; none known of random ones.
    pub(in crate::pipeline) fn numbers(&self) -> u64 {
        self.tensors.values().map(|entry| entry.shape.iter().product::<usize>() as u64).sum()
    }

    /// A builder over these weights.
    pub(in crate::pipeline) fn builder<'a>(
        self: &Arc<Self>,
        dtype: DType,
        device: &Device,
        progress: Option<&'a LoadProgress<'a>>,
    ) -> VarBuilder<'a> {
        let reader: Box<dyn SimpleBackend + 'a> = if self.is_random {
            Box::new(RandomWeights)
        } else {
            Box::new(Reader { weights: Arc::clone(self), progress })
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
        shard.check_whole()?;
        let row_bytes = entry.bytes.len() / shape.first().copied().unwrap_or(1).max(1);
        let matrix = &shard.blob[entry.bytes.clone()];
        let row = |id: &u32| matrix.get(*id as usize * row_bytes..(*id as usize + 1) * row_bytes);
        let Some(rows) = ids.iter().map(row).collect::<Option<Vec<_>>>() else {
            bail!("{}: tensor `{name}` of shape {shape:?} has no row for every token", shard.path);
        };
        let scale = match &entry.scale {
            Scale::Rows(scales) => {
                Scale::Rows(ids.iter().filter_map(|id| scales.get(*id as usize).copied()).collect())
            }
            of_tensor => of_tensor.clone(),
        };
        entry.encoding.decode(&rows.concat(), &[ids.len(), columns], &scale, (dtype, device))
    }

    /// Checks that `name` is there in `shape`.
    pub(in crate::pipeline) fn expect(&self, name: &str, shape: &[usize]) -> candle_core::Result<()> {
        if self.is_random { Ok(()) } else { self.find(name, Some(shape)).map(|_| ()) }
    }

    /// Checks that the layers of `path` after the first have the tensors that the first has, in the same shapes, and counts them as
    /// loaded.
    pub(in crate::pipeline) fn expect_alike(
        &self,
        path: &str,
        layers: usize,
        progress: &LoadProgress<'_>,
    ) -> candle_core::Result<()> {
        let first = format!("{path}.0.");
        for (name, entry) in &self.tensors {
            let Some(tensor) = name.strip_prefix(&first) else { continue };
            for layer in 1..layers {
                let like = self.find(&format!("{path}.{layer}.{tensor}"), Some(&entry.shape))?;
                self.shards[like.shard].check_whole()?;
                progress.add(like.bytes.len() as u64);
            }
        }
        Ok(())
    }

    /// Sides of 1 do not count: files write a projection as a convolution, and a token as a row.
    fn find(&self, name: &str, expected: Option<&[usize]>) -> candle_core::Result<&TensorEntry> {
        let Some(entry) = self.tensors.get(name) else {
            let shape = expected.map_or(String::new(), |shape| format!(" of shape {shape:?}"));
            bail!("{}: no tensor `{name}`; expected one{shape}", self.paths());
        };
        let sides = |shape: &[usize]| shape.iter().copied().filter(|side| *side != 1).collect::<Vec<_>>();
        match expected.filter(|expected| sides(expected) != sides(&entry.shape)) {
            None => Ok(entry),
            Some(expected) => bail!(
                "{}: tensor `{name}` has shape {:?}; the configuration asks for {expected:?}",
                self.shards[entry.shard].path,
                entry.shape
            ),
        }
    }

    /// The tensors whose names begin with `prefix`, and how many numbers each has.
    #[cfg(feature = "cuda")]
    pub(in crate::pipeline) fn below(&self, prefix: &str) -> Vec<(String, usize)> {
        let tensors = self.tensors.range(prefix.to_owned()..);
        let below = tensors.take_while(|(name, _)| name.starts_with(prefix));
        below.map(|(name, entry)| (name.clone(), entry.shape.iter().product())).collect()
    }

    /// Reads the tensors whose names begin with `prefix` from the disk into the system's memory, page by page.
    pub(in crate::pipeline) fn read_ahead(&self, prefix: &str) {
        let tensors =
            self.tensors.range(prefix.to_owned()..).take_while(|(name, _)| name.starts_with(prefix));
        for (_, entry) in tensors {
            let shard = &self.shards[entry.shard];
            if matches!(shard.blob, Blob::Mapped { .. }) && shard.check_whole().is_ok() {
                let pages = shard.blob[entry.bytes.clone()].iter().step_by(PAGE_BYTES);
                pages.for_each(|byte| {
                    black_box(*byte);
                });
            }
        }
    }

    pub(super) fn paths(&self) -> String {
        match self.shards.as_slice() {
            [] => self.component.as_str().to_owned(),
            [one] => one.path.clone(),
            [first, rest @ ..] => format!("{} and {} more", first.path, rest.len()),
        }
    }
}

/// A tensor of one of several files.
struct Raw {
    shard: usize,
    tensor: RawTensor,
}

/// The tensors by diffusers' names, from those by the files' names.
fn entries(
    component: Component,
    shards: &[Shard],
    mut raw: BTreeMap<String, Raw>,
) -> Result<BTreeMap<String, TensorEntry>, String> {
    let bytes = |raw: &Raw| &shards[raw.shard].blob[raw.tensor.bytes.clone()];
    let numbers = |raw: &Raw| {
        let RawTensor { encoding, shape, .. } = &raw.tensor;
        let numbers = encoding.decode(bytes(raw), shape, &Scale::One, (DType::F32, &Device::Cpu));
        numbers.and_then(|numbers| numbers.flatten_all()?.to_vec1()).map_err(|error| error.to_string())
    };
    let mut scales = scales::take(&mut raw, numbers, |raw| bytes(raw).to_vec())?;
    let mut names = Vec::with_capacity(raw.len());
    let mut entries = Vec::with_capacity(raw.len());
    for (name, Raw { shard, tensor: RawTensor { encoding, shape, bytes } }) in &raw {
        let layer = name.strip_suffix(".weight");
        let scale = layer.and_then(|layer| scales.remove(layer)).unwrap_or(Scale::One);
        if let Scale::Rows(rows) = &scale
            && shape.first() != Some(&rows.len())
        {
            return Err(format!(
                "`{name}` has {} scales for {shape:?} numbers; scales of a tensor or of its rows are read",
                rows.len()
            ));
        }
        let (encoding, shape, bytes) = (*encoding, shape.clone(), bytes.clone());
        let entry = TensorEntry { shard: *shard, encoding, shape, bytes, scale };
        match translate(component, name) {
            Named::Passed => {}
            Named::Whole(name) => {
                names.push(name.into_owned());
                entries.push(entry);
            }
            Named::Thirds([first, ..]) if raw.contains_key(&format!("{name}.1")) => {
                names.push(first);
                entries.push(entry);
            }
            Named::Thirds(thirds) => {
                for (part, name) in thirds.into_iter().enumerate() {
                    let third = entry.third(part);
                    entries.push(third.ok_or_else(|| {
                        format!(
                            "`{name}` cannot be cut out of {:?} numbers, three matrices in one",
                            entry.shape
                        )
                    })?);
                    names.push(name);
                }
            }
        }
    }
    turn_up_blocks(&mut names);
    Ok(names.into_iter().zip(entries).collect())
}

/// The tensors of a component in some files, without what stands before all their names, and what the first file says.
pub(super) struct Contents<'a> {
    pub(super) metadata: Option<&'a HashMap<String, Value>>,
    /// Each with the number of its file.
    pub(super) tensors: BTreeMap<&'a str, (usize, &'a RawTensor)>,
}

impl<'a> Contents<'a> {
    /// If names of the component have a prefix in these files, tensors without it are another component's.
    pub(super) fn of(component: Component, headers: &'a [Header]) -> Self {
        let all = headers.iter().enumerate().flat_map(|(shard, header)| {
            header.tensors.iter().map(move |(name, tensor)| {
                let (name, is_prefixed) = without_prefix(component, name);
                (name, is_prefixed, (shard, tensor))
            })
        });
        let all: Vec<_> = all.collect();
        let any_prefixed = all.iter().any(|(_, is_prefixed, _)| *is_prefixed);
        let own = all.into_iter().filter(|(_, is_prefixed, _)| *is_prefixed == any_prefixed);
        Self {
            metadata: headers.first().map(|header| &header.metadata),
            tensors: own.map(|(name, _, tensor)| (name, tensor)).collect(),
        }
    }

    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        self.metadata?.get(key)?.text()
    }
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
    /// Called with what is read; none after the start.
    progress: Option<&'a LoadProgress<'a>>,
}

impl Reader<'_> {
    fn read(
        &self,
        name: &str,
        expected: Option<&Shape>,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        let entry = self.weights.find(name, expected.map(Shape::dims))?;
        let shard = &self.weights.shards[entry.shard];
        shard.check_whole()?;
        let bytes = &shard.blob[entry.bytes.clone()];
        let shape = expected.map_or(entry.shape.as_slice(), Shape::dims);
        let tensor = entry
            .encoding
            .decode(bytes, shape, &entry.scale, (dtype, device))
            .map_err(|error| candle_core::Error::Msg(format!("{}: tensor `{name}`: {error}", shard.path)))?;
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
        let Some(matrix) = name.strip_suffix(ROW_NORM_MAX) else {
            return self.read(name, Some(&shape), dtype, device);
        };
        let norm = self.weights.row_norms.of(matrix, dtype, || {
            // Of sides of 1 that files write there is no row.
            self.read(matrix, None, dtype, device)?.flatten_from(1)
        })?;
        Tensor::from_vec(vec![norm], 1, &Device::Cpu)
    }

    fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        self.read(name, None, dtype, device)
    }

    /// Norms of matrices are there after the start: of a matrix that is read but once nothing is kept.
    fn contains_tensor(&self, name: &str) -> bool {
        match name.strip_suffix(ROW_NORM_MAX) {
            Some(matrix) => self.progress.is_none() && self.weights.contains(matrix),
            None => self.weights.contains(name),
        }
    }
}
