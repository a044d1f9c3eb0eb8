//! The CUDA kernels, run on this CPU thread by thread and held to their definitions.

mod attention;
mod checks;
mod convolution;
mod emulator;
#[path = "../../src/pipeline/fused/cuda/launch.rs"]
mod launch;
mod maps;
mod numbers;
mod prompt;
mod rows;
mod sides;
