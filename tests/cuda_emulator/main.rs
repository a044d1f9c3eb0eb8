//! The CUDA kernels, run on this CPU thread by thread and held to their definitions.

mod attention;
mod blocks;
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

/// What the CPU's reader of blocks names of the crate.
mod cpu {
    /// The widest vectors.
    pub fn arch() -> pulp::Arch {
        pulp::Arch::new()
    }
}
