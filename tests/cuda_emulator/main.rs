//! The CUDA kernels of the transformer's passes, run on this CPU thread by thread and held to their definitions.

mod attention;
mod checks;
mod emulator;
#[path = "../../src/pipeline/fused/cuda/launch.rs"]
mod launch;
mod rows;
