//! Compiles our kernels for the card, if there is to be one.

fn main() {
    // cudaforge names the kernels beside it.
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "cuda")]
    compile_kernels();
}

/// PTX for the compute capability that CUDA_COMPUTE_CAP names, or else for the card of this machine: as candle's own. A card that
/// is older cannot load it, and is refused by TINTYPE_BUILT_FOR.
#[cfg(feature = "cuda")]
fn compile_kernels() {
    let built_for = cudaforge::detect_compute_cap().expect("CUDA_COMPUTE_CAP, or a card").base();
    assert!(built_for >= 75, "the kernels need compute capability 7.5; CUDA_COMPUTE_CAP is {built_for}");
    println!("cargo::rustc-env=TINTYPE_BUILT_FOR={built_for}");
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo says where"));
    let kernels = cudaforge::KernelBuilder::new()
        .source_files(
            ["blocks", "rows", "attention", "prompt", "sides", "maps", "convolution"]
                .map(|file| format!("src/pipeline/fused/cuda/{file}.cu")),
        )
        // Which prompt.cu and sides.cu include.
        .watch(["rows", "attention"].map(|file| format!("src/pipeline/fused/cuda/{file}.cu")))
        .watch(["primitives", "chunks", "wide"].map(|file| format!("src/pipeline/fused/cuda/{file}.cuh")))
        .arg("-Isrc/pipeline/fused/cuda")
        .arg("-std=c++17")
        .arg("-O3")
        .build_ptx()
        .expect("the kernels compile");
    kernels.write(out.join("ptx.rs")).expect("the build folder takes a file");
}
