//! The streams of a card, by cudarc: work is candle's stream, copies have one of their own, and the host's buffers are pinned, since
//! a copy from other memory waits for the host.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use candle_core::{
    CpuStorage, CudaDevice, CudaStorage, DType, Device, Result, Shape, Storage, Tensor, bail,
    cuda_backend::{
        CudaDType, WrapErr,
        cudarc::driver::{CudaEvent, CudaStream, DevicePtr, DeviceRepr, PinnedHostSlice, result},
    },
    op::BackpropOp,
};
use candle_nn::{Init, VarBuilder, var_builder::SimpleBackend};
use half::{bf16, f16};
use rayon::prelude::*;

use super::{
    super::layer_source::LayerSource,
    order::{BUFFERS, Ends, Streams, convey},
};

/// Of a tensor in a buffer and on the card: what the widest kernels read.
const ALIGNMENT: usize = 256;
/// Fewer layers are not worth two buffers.
const LAYERS_MIN: usize = 4;
/// Numbers that a thread writes at a time.
const PART: usize = 1 << 18;

/// What a stack keeps for its layers' way to a card: nothing before the first run, and then two layers' worth of pinned memory.
#[derive(Default)]
pub(in crate::pipeline) struct Belt(OnceLock<Option<Mutex<BeltParts>>>);

struct BeltParts {
    copier: Arc<CudaStream>,
    buffers: [PinnedHostSlice<u8>; BUFFERS],
    ends: Ends<Arc<CudaEvent>>,
}

impl Belt {
    /// The way to the card for the layers of `source`; None where they come one after another: from random weights, or few, or if
    /// the host has no memory to pin. Nobody else is on it: one thread owns the card.
    pub(in crate::pipeline) fn open(&self, source: &LayerSource) -> Option<BeltRun<'_>> {
        let Device::Cuda(cuda) = &source.device else { return None };
        let held = self.0.get_or_init(|| match BeltParts::open(source, cuda) {
            Ok(held) => held.map(Mutex::new),
            Err(error) => {
                tracing::warn!(%error, "no pinned memory: layers come to the card one after another");
                None
            }
        });
        Some(BeltRun { held: held.as_ref()?, cuda: cuda.clone() })
    }
}

impl BeltParts {
    fn open(source: &LayerSource, cuda: &CudaDevice) -> Result<Option<Self>> {
        let of_number = source.dtype.size_in_bytes();
        let bytes = source.tensors(0).iter().map(|(_, numbers)| aligned(numbers * of_number)).sum();
        if bytes == 0 || source.count < LAYERS_MIN {
            return Ok(None);
        }
        let context = Arc::clone(cuda.cuda_stream().context());
        let buffer = || {
            // SAFETY: what is copied out of it was written before.
            #[expect(unsafe_code, reason = "pinned memory begins as anything")]
            unsafe {
                context.alloc_pinned::<u8>(bytes).w()
            }
        };
        let buffers = [buffer()?, buffer()?];
        Ok(Some(Self { copier: context.new_stream().w()?, buffers, ends: Ends::default() }))
    }
}

fn aligned(bytes: usize) -> usize {
    bytes.next_multiple_of(ALIGNMENT)
}

/// A run's use of a belt.
pub(in crate::pipeline) struct BeltRun<'a> {
    held: &'a Mutex<BeltParts>,
    cuda: CudaDevice,
}

impl BeltRun<'_> {
    /// What `step` makes of `start` with each layer in its turn, which `load` makes of its tensors.
    pub(in crate::pipeline) fn run<T, L>(
        &self,
        source: &LayerSource,
        load: &dyn Fn(&VarBuilder<'_>) -> Result<L>,
        start: T,
        mut step: impl FnMut(T, &L) -> Result<T>,
    ) -> Result<T> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let BeltParts { copier, buffers, ends } = &mut *held;
        let work = self.cuda.cuda_stream();
        let staged = [const { Vec::new() }; BUFFERS];
        let mut streams = CardStreams {
            source,
            cuda: &self.cuda,
            work,
            copier: &*copier,
            buffers,
            staged,
            layers: [0; BUFFERS],
        };
        convey(&mut streams, ends, source.count, start, |_, x, room| {
            let loaded = load(&room.into_builder(source))?;
            step(x, &loaded)
        })
    }
}

/// A tensor in a buffer.
struct Staged {
    name: String,
    shape: Vec<usize>,
    /// Bytes before it.
    first: usize,
    bytes: usize,
}

/// A layer's tensors on the card.
struct CardRoom {
    layer: usize,
    tensors: Vec<(String, Tensor)>,
}

impl CardRoom {
    /// A builder over the layer's tensors, and over what else the files have.
    fn into_builder(self, source: &LayerSource) -> VarBuilder<'_> {
        let rest = source.weights.builder(source.dtype, &source.device, None);
        let arrived = Arrived { tensors: self.tensors.into_iter().collect(), rest };
        let arrived: Box<dyn SimpleBackend + '_> = Box::new(arrived);
        VarBuilder::from_backend(arrived, source.dtype, source.device.clone()).pp(source.path).pp(self.layer)
    }
}

/// Tensors that have come, by their names.
struct Arrived<'a> {
    tensors: HashMap<String, Tensor>,
    rest: VarBuilder<'a>,
}

impl SimpleBackend for Arrived<'_> {
    fn get(&self, shape: Shape, name: &str, init: Init, dtype: DType, _: &Device) -> Result<Tensor> {
        match self.tensors.get(name).filter(|tensor| tensor.dtype() == dtype) {
            Some(tensor) => tensor.reshape(shape),
            None => self.rest.get_with_hints_dtype(shape, name, init, dtype),
        }
    }

    fn get_unchecked(&self, name: &str, dtype: DType, _: &Device) -> Result<Tensor> {
        match self.tensors.get(name).filter(|tensor| tensor.dtype() == dtype) {
            Some(tensor) => Ok(tensor.clone()),
            None => self.rest.get_unchecked_dtype(name, dtype),
        }
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.tensors.contains_key(name) || self.rest.contains_tensor(name)
    }
}

/// The streams of a run.
struct CardStreams<'a> {
    source: &'a LayerSource,
    cuda: &'a CudaDevice,
    work: Arc<CudaStream>,
    copier: &'a Arc<CudaStream>,
    buffers: &'a mut [PinnedHostSlice<u8>; BUFFERS],
    /// What each buffer holds.
    staged: [Vec<Staged>; BUFFERS],
    /// Which layer that is.
    layers: [usize; BUFFERS],
}

impl Streams for CardStreams<'_> {
    type Event = Arc<CudaEvent>;
    type Room = CardRoom;
    type Error = candle_core::Error;

    fn await_event(&mut self, event: &Self::Event) -> Result<()> {
        event.synchronize().w()
    }

    fn fill(&mut self, buffer: usize, layer: usize) -> Result<()> {
        let decoder = self.source.weights.builder(self.source.dtype, &Device::Cpu, None);
        let into = self.buffers[buffer].as_mut_slice().w()?;
        let (mut first, mut staged) = (0, Vec::new());
        for (name, _) in self.source.tensors(layer) {
            let tensor = decoder.get_unchecked(&name)?;
            let Some(room) = into.get_mut(first..) else { bail!("layer {layer} is larger than the first") };
            let bytes = write(&tensor, room)?;
            staged.push(Staged { name, shape: tensor.dims().to_vec(), first, bytes });
            first += aligned(bytes);
        }
        (self.staged[buffer], self.layers[buffer]) = (staged, layer);
        self.source.read_ahead((layer + 1) % self.source.count);
        Ok(())
    }

    fn allocate(&mut self, buffer: usize) -> Result<CardRoom> {
        let tensors = self.staged[buffer].iter().map(|staged| {
            let tensor = match self.source.dtype {
                DType::F16 => empty::<f16>(self.cuda, &staged.shape),
                DType::BF16 => empty::<bf16>(self.cuda, &staged.shape),
                DType::F32 => empty::<f32>(self.cuda, &staged.shape),
                dtype => bail!("no layer comes in {dtype:?}"),
            };
            Ok((staged.name.clone(), tensor?))
        });
        Ok(CardRoom { layer: self.layers[buffer], tensors: tensors.collect::<Result<_>>()? })
    }

    fn mark_work(&mut self) -> Result<Self::Event> {
        Ok(Arc::new(self.work.record_event(None).w()?))
    }

    fn copies_wait(&mut self, event: &Self::Event) -> Result<()> {
        self.copier.wait(event).w()
    }

    fn copy(&mut self, buffer: usize, room: &mut CardRoom) -> Result<()> {
        let from = self.buffers[buffer].as_slice().w()?;
        for (staged, (_, tensor)) in self.staged[buffer].iter().zip(&room.tensors) {
            let bytes = &from[staged.first..staged.first + staged.bytes];
            let to = address(tensor, self.copier)?;
            // SAFETY: the tensor has as many bytes; it stays until the work has waited for its copies, or the host has in
            // `settle`, and so does the buffer until the event of its end.
            #[expect(unsafe_code, reason = "cudarc's safe copies take whole buffers")]
            unsafe {
                result::memcpy_htod_async(to, bytes, self.copier.cu_stream()).w()?;
            }
        }
        Ok(())
    }

    fn mark_copies(&mut self) -> Result<Self::Event> {
        Ok(Arc::new(self.copier.record_event(None).w()?))
    }

    fn work_waits(&mut self, event: &Self::Event) -> Result<()> {
        self.work.wait(event).w()
    }

    fn settle(&mut self) {
        if let Err(error) = self.copier.synchronize() {
            tracing::warn!(%error, "copies to the card did not end");
        }
    }
}

/// Memory on the card that a copy fills.
fn empty<T: CudaDType + DeviceRepr>(cuda: &CudaDevice, shape: &[usize]) -> Result<Tensor> {
    // SAFETY: its copy comes before anybody reads it.
    #[expect(unsafe_code, reason = "to fill it with zeros first would be a pass over memory")]
    let numbers = unsafe { cuda.alloc::<T>(shape.iter().product())? };
    let storage = CudaStorage::wrap_cuda_slice(numbers, cuda.clone());
    Ok(Tensor::from_storage(Storage::Cuda(storage), shape, BackpropOp::none(), false))
}

/// Where a tensor that [`empty`] made begins.
fn address(tensor: &Tensor, stream: &CudaStream) -> Result<u64> {
    let (storage, _) = tensor.storage_and_layout();
    let Storage::Cuda(storage) = &*storage else { bail!("a tensor that is not on the card") };
    match tensor.dtype() {
        DType::F16 => Ok(storage.as_cuda_slice::<f16>()?.device_ptr(stream).0),
        DType::BF16 => Ok(storage.as_cuda_slice::<bf16>()?.device_ptr(stream).0),
        _ => Ok(storage.as_cuda_slice::<f32>()?.device_ptr(stream).0),
    }
}

/// Writes the numbers of a tensor on the host as the card has them; how many bytes those are.
fn write(tensor: &Tensor, into: &mut [u8]) -> Result<usize> {
    let (storage, layout) = tensor.storage_and_layout();
    let (Storage::Cpu(numbers), Some((first, end))) = (&*storage, layout.contiguous_offsets()) else {
        bail!("a tensor that is not on the host, one number after the other");
    };
    match numbers {
        CpuStorage::F16(numbers) => put(&numbers[first..end], into, f16::to_le_bytes),
        CpuStorage::BF16(numbers) => put(&numbers[first..end], into, bf16::to_le_bytes),
        CpuStorage::F32(numbers) => put(&numbers[first..end], into, f32::to_le_bytes),
        _ => bail!("no layer comes in {:?}", tensor.dtype()),
    }
}

fn put<T: Copy + Sync, const WIDTH: usize>(
    numbers: &[T],
    into: &mut [u8],
    bytes: fn(T) -> [u8; WIDTH],
) -> Result<usize> {
    let all = numbers.len() * WIDTH;
    let Some(into) = into.get_mut(..all) else { bail!("a layer that is larger than the first") };
    into.par_chunks_mut(PART * WIDTH).zip(numbers.par_chunks(PART)).for_each(|(into, numbers)| {
        for (place, number) in into.as_chunks_mut().0.iter_mut().zip(numbers) {
            *place = bytes(*number);
        }
    });
    Ok(all)
}
