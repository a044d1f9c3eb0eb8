//! What the tests of several parts are made of.

use candle_core::{Device, Result, Tensor};

use super::noise::standard_normal;
use crate::domain::Seed;

/// Standard normal numbers on the CPU.
pub(super) fn random_tensor(seed: u64, shape: &[usize]) -> Tensor {
    let numbers = standard_normal(Seed::new(seed), shape.iter().product());
    Tensor::from_vec(numbers, shape, &Device::Cpu).expect("a tensor")
}

/// ‖a − b‖ / ‖b‖.
pub(super) fn relative_error(a: &Tensor, b: &Tensor) -> Result<f32> {
    let norm = |x: Tensor| x.sqr()?.sum_all()?.sqrt()?.to_scalar::<f32>();
    Ok(norm((a - b)?)? / norm(b.clone())?)
}
