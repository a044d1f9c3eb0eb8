//! Kernels for CUDA cards: plain CUDA C++, which `host` proves on a CPU in tests.

mod attention;
mod launch;

#[cfg(test)]
mod host;
#[cfg(test)]
mod rows;
