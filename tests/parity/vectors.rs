//! What other CPUs generate: the cases once more, in a process that computes with narrower vectors.

use std::{env, process::Command};

use tintype::pipeline::{CpuVectors, VectorsError};

/// The variable that names the vectors of such a process.
const VARIABLE: &str = "TINTYPE_PARITY_VECTORS";

/// Chooses the vectors that the variable names, if it is set. Must run before a model is loaded.
pub fn choose() {
    if let Ok(vectors) = env::var(VARIABLE) {
        let vectors: CpuVectors = vectors.parse().expect("a kind of vectors");
        vectors.choose().expect("nothing was computed before");
        assert_eq!(CpuVectors::in_use(), vectors);
    }
}

#[test]
fn narrower_vectors_generate_what_diffusers_generates() {
    let widest = CpuVectors::in_use();
    let narrower = match widest {
        CpuVectors::Avx512Bf16 => &[CpuVectors::Avx512, CpuVectors::Avx2, CpuVectors::Scalar][..],
        CpuVectors::Avx512 => &[CpuVectors::Avx2, CpuVectors::Scalar],
        CpuVectors::Avx2 | CpuVectors::Neon => &[CpuVectors::Scalar],
        CpuVectors::Scalar => &[],
    };
    for vectors in narrower {
        assert_eq!(vectors.choose(), Err(VectorsError::TooLate(widest)));
        passes_by(*vectors, "goldens::every_case_equals_diffusers");
    }
}

/// The other way of bf16, which widens it: what a CPU without products of bf16 does.
#[test]
fn bf16_is_close_without_its_products() {
    if CpuVectors::in_use() == CpuVectors::Avx512Bf16 {
        passes_by(CpuVectors::Avx512, "precision::bf16_is_finite_and_close");
    }
}

/// Runs `test` in a process that computes with `vectors`.
fn passes_by(vectors: CpuVectors, test: &str) {
    let mut tests = Command::new(env::current_exe().expect("these tests"));
    let run = tests.args(["--exact", test]).env(VARIABLE, vectors.as_str()).output().expect("run");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{vectors}: {said}");
}

#[test]
fn vectors_that_a_cpu_lacks_are_refused() {
    let others = [CpuVectors::Avx512, CpuVectors::Neon];
    let missing = others.into_iter().find(|vectors| vectors.choose() == Err(VectorsError::Missing(*vectors)));
    let said = missing.map(|vectors| VectorsError::Missing(vectors).to_string());
    assert!(said.is_some_and(|said| said.starts_with("this CPU has no ")), "no CPU has both");
}
