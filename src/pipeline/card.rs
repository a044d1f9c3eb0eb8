//! A CUDA card: how it is opened, and what it reports about itself.

use candle_core::{
    CudaDevice, DType, Device, Result,
    cuda_backend::{
        WrapErr,
        cudarc::driver::{
            DriverError, result,
            sys::{CUmemPool_attribute, CUmemoryPool},
        },
    },
};
use uuid::Uuid;

use super::capability;

/// The compute capability that our kernels are compiled for, in tenths; build.rs.
const BUILT_FOR: &str = env!("TINTYPE_BUILT_FOR");

/// Opens card `ordinal`, in CUDA's count.
///
/// Memory that was given back stays with the process, for the next step: by default the driver takes it at every
/// synchronisation and allocates it again.
pub(super) fn open(ordinal: usize) -> Result<Device> {
    let device = Device::new_cuda(ordinal)?;
    let cuda = device.as_cuda_device()?;
    // SAFETY: a device belongs to one thread and has one stream, on which all is in order: there is nothing to track.
    #[expect(unsafe_code, reason = "candle makes two events a tensor otherwise, which nobody waits for")]
    unsafe {
        cuda.disable_event_tracking();
    }
    if cuda.cuda_stream().context().has_async_alloc() {
        set_pool(cuda, CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, u64::MAX).w()?;
    }
    Ok(device)
}

/// Makes `device` ready for weights of `dtype`; says in one line what a card lacks for them.
///
/// What is computed in f32 beside weights of 16 bits (the VAE, attention by candle) runs on the tensor cores, with the
/// range of f32 and 11 bits; not so beside weights of 32 bits, which are the reference. For the whole process, as
/// candle has it.
pub(super) fn prepare(device: &Device, dtype: DType) -> std::result::Result<(), String> {
    let Device::Cuda(cuda) = device else { return Ok(()) };
    candle_core::cuda::set_gemm_reduced_precision_f32(dtype != DType::F32);
    match cuda.cuda_stream().context().compute_capability() {
        Ok(capability) => capability::check(capability, BUILT_FOR.parse().unwrap_or(0), dtype),
        Err(error) => Err(format!("it does not report its compute capability: {error}")),
    }
}

/// Whether it has what our kernels are made of: tensor cores for f16. Below 8.0 they copy and multiply in other words
/// (primitives.cuh).
pub(super) fn runs_fused_kernels(cuda: &CudaDevice) -> bool {
    matches!(cuda.cuda_stream().context().compute_capability(), Ok(capability) if capability >= capability::OLDEST)
}

/// Bytes of the card that are free now, those that the process holds for later among them.
pub(super) fn free_bytes(cuda: &CudaDevice) -> Option<u64> {
    use CUmemPool_attribute::{CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT, CU_MEMPOOL_ATTR_USED_MEM_CURRENT};
    let (free, _) = cuda.cuda_stream().context().mem_get_info().ok()?;
    let pool = |attribute| pool(cuda, attribute).unwrap_or(0);
    let held =
        pool(CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT).saturating_sub(pool(CU_MEMPOOL_ATTR_USED_MEM_CURRENT));
    Some(free as u64 + held)
}

/// By which other programs of the driver, NVML among them, know the card; their numbers may differ from CUDA's.
pub(super) fn uuid(cuda: &CudaDevice) -> Option<Uuid> {
    let uuid = cuda.cuda_stream().context().uuid();
    let uuid = uuid.inspect_err(|error| tracing::warn!(%error, "the card reports no UUID")).ok()?;
    Some(Uuid::from_bytes(uuid.bytes.map(|byte| byte.to_ne_bytes()[0])))
}

/// An attribute of the pool from which candle's memory comes.
fn pool(cuda: &CudaDevice, attribute: CUmemPool_attribute) -> std::result::Result<u64, DriverError> {
    let (pool, mut value) = (default_pool(cuda)?, 0u64);
    // SAFETY: the pool is the device's own, and the attributes that are asked for are of 64 bits.
    #[expect(unsafe_code, reason = "cudarc has no safe pools")]
    unsafe {
        result::mem_pool::get_attribute(pool, attribute, (&raw mut value).cast())?;
    }
    Ok(value)
}

fn set_pool(
    cuda: &CudaDevice,
    attribute: CUmemPool_attribute,
    mut value: u64,
) -> std::result::Result<(), DriverError> {
    let pool = default_pool(cuda)?;
    // SAFETY: as above.
    #[expect(unsafe_code, reason = "cudarc has no safe pools")]
    unsafe {
        result::mem_pool::set_attribute(pool, attribute, (&raw mut value).cast())
    }
}

fn default_pool(cuda: &CudaDevice) -> std::result::Result<CUmemoryPool, DriverError> {
    // SAFETY: the device is one that CUDA gave.
    #[expect(unsafe_code, reason = "cudarc has no safe pools")]
    unsafe {
        result::device::get_default_mem_pool(cuda.cuda_stream().context().cu_device())
    }
}
