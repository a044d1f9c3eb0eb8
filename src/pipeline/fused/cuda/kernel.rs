//! How kernels come to run on a card.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use candle_core::{
    CudaDevice, Result,
    cuda_backend::{
        DeviceId, WrapErr,
        cudarc::driver::{CudaFunction, CudaStream, LaunchArgs, LaunchConfig, sys::CUfunction_attribute},
    },
};

use super::launch::{File, Launch};

/// What nvcc made of the files.
mod ptx {
    include!(concat!(env!("OUT_DIR"), "/ptx.rs"));
}

/// Kernels by their names.
type Prepared = HashMap<String, Arc<CudaFunction>>;

thread_local! {
    /// What a thread has launched before on each device: looking a kernel up and preparing it takes about as long as launching it.
    static PREPARED: RefCell<HashMap<DeviceId, Prepared>> = RefCell::default();
}

/// The kernel of a launch, looked up and prepared once.
fn prepared(cuda: &CudaDevice, launch: &Launch, (file, ptx): (&str, &str)) -> Result<Arc<CudaFunction>> {
    PREPARED.with_borrow_mut(|devices| {
        let prepared = devices.entry(cuda.id()).or_default();
        if let Some(function) = prepared.get(&launch.name) {
            return Ok(Arc::clone(function));
        }
        let function = cuda.get_or_load_custom_func(&launch.name, file, ptx)?.into_cuda_function();
        if launch.shared_bytes > 0 {
            // As much of a multiprocessor's memory as can be shared, in percent: room for a second block.
            let attribute = CUfunction_attribute::CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT;
            function.set_attribute(attribute, 100).w()?;
        }
        let function = Arc::new(function);
        prepared.insert(launch.name.clone(), Arc::clone(&function));
        Ok(function)
    })
}

/// A kernel that is loaded onto a card.
pub(super) struct Kernel {
    function: Arc<CudaFunction>,
    stream: Arc<CudaStream>,
    launch: Launch,
}

impl Kernel {
    pub(super) fn load(cuda: &CudaDevice, launch: Launch) -> Result<Self> {
        let (file, ptx) = match launch.file {
            File::Blocks => ("blocks", ptx::BLOCKS),
            File::Prompt => ("prompt", ptx::PROMPT),
            File::Rows => ("rows", ptx::ROWS),
            File::Sides => ("sides", ptx::SIDES),
            File::Attention => ("attention", ptx::ATTENTION),
            File::Maps => ("maps", ptx::MAPS),
            File::Convolution => ("convolution", ptx::CONVOLUTION),
        };
        let function = prepared(cuda, &launch, (file, ptx))?;
        Ok(Self { function, stream: cuda.cuda_stream(), launch })
    }

    /// The arguments of a launch, to which the kernel's are to be added in their order.
    pub(super) fn arguments(&self) -> LaunchArgs<'_> {
        self.stream.launch_builder(&self.function)
    }

    /// Tells the card to run it. The arguments are those that [`Launch`] says, of the sizes that it says.
    pub(super) fn run(&self, mut arguments: LaunchArgs<'_>) -> Result<()> {
        let Launch { grid: [x, y, z], block, shared_bytes, .. } = self.launch;
        let config =
            LaunchConfig { grid_dim: (x, y, z), block_dim: (block, 1, 1), shared_mem_bytes: shared_bytes };
        // SAFETY: the callers in `fused::cuda` pass what the launch's documentation says, and check sizes before.
        #[expect(unsafe_code, reason = "what a kernel does to memory no compiler checks")]
        unsafe {
            arguments.launch(config).w()?;
        }
        Ok(())
    }
}
