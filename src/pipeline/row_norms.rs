//! Norms of a matrix' rows, which bound the sums of a product in f16. They are a pass over the matrix, in f32 and with an answer that
//! is waited for; so those of layers that come from the files again and again are kept.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use candle_core::{D, DType, Result, Tensor};

/// What follows a matrix' name in the name of a tensor [1] that is in no file: its longest row's norm.
pub(super) const ROW_NORM_MAX: &str = ".row-norm-max";

/// ‖xᵢ‖ of each row of [.., rows, columns], as [.., rows, 1] f32.
pub(super) fn row_norms(x: &Tensor) -> Result<Tensor> {
    let x = x.to_dtype(DType::F32)?;
    // Squares of activations up to 1e18 stay within f32: the largest element is taken out first.
    let largest = x.abs()?.max_keepdim(D::Minus1)?.maximum(f32::MIN_POSITIVE)?;
    let unit = x.broadcast_div(&largest)?;
    unit.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?.broadcast_mul(&largest)
}

/// The longest row's norm.
pub(super) fn row_norm_max(matrix: &Tensor) -> Result<f32> {
    row_norms(matrix)?.max_all()?.to_scalar()
}

/// Norms that were computed, by the names of their matrices and the formats that these were rounded to.
#[derive(Debug, Default)]
pub(super) struct KeptNorms(Mutex<HashMap<(String, DType), f32>>);

impl KeptNorms {
    /// That of matrix `name` in `dtype`, which `read` gives if it is not known yet.
    pub(super) fn of(&self, name: &str, dtype: DType, read: impl FnOnce() -> Result<Tensor>) -> Result<f32> {
        let key = (name.to_owned(), dtype);
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let norm = row_norm_max(&read()?)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, norm);
        Ok(norm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::testing::random_tensor as random;

    #[test]
    fn a_norm_is_computed_once_for_each_format() -> Result<()> {
        let (norms, matrix) = (KeptNorms::default(), random(1, &[5, 7]));
        let first = norms.of("a.weight", DType::F16, || Ok(matrix.clone()))?;
        assert_eq!(first.to_bits(), row_norm_max(&matrix)?.to_bits());
        let again = norms.of("a.weight", DType::F16, || candle_core::bail!("it was known"))?;
        assert_eq!(again.to_bits(), first.to_bits());
        assert!(norms.of("a.weight", DType::BF16, || candle_core::bail!("another")).is_err());
        assert!(norms.of("b.weight", DType::F16, || candle_core::bail!("another")).is_err());
        Ok(())
    }
}
