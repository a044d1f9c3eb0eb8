use candle_core::{DType, Device, Result, Tensor};

/// Ranks are filled up with zeros to a multiple of this, and inputs are one of [`INPUTS`]: what our kernels take.
const RANKS: usize = 16;
/// As above.
const INPUTS: usize = 8;

/// What is added to a product, factor · up·(down·x), in 16 bits.
#[derive(Debug)]
pub(in crate::pipeline) struct LowRank {
    /// [ranks, inputs].
    pub(in crate::pipeline) down: Tensor,
    /// [outputs, ranks].
    pub(in crate::pipeline) up: Tensor,
    /// Both are divided by powers of two so that their largest numbers are from ½ to 1, of which this is the product: a LoRA's numbers are
    /// small, and f16 has few digits for those.
    pub(in crate::pipeline) factor: f32,
}

impl LowRank {
    /// Of `down` [rank, inputs] and `up` [outputs, rank] f32 on `device`. None if our kernels do not take its inputs.
    pub(super) fn new(down: &Tensor, up: &Tensor, dtype: DType, device: &Device) -> Result<Option<Self>> {
        let (rank, inputs) = down.dims2()?;
        if !inputs.is_multiple_of(INPUTS) {
            return Ok(None);
        }
        let more = rank.next_multiple_of(RANKS) - rank;
        let (down_power, up_power) = (power(down)?, power(up)?);
        let narrow = |matrix: &Tensor, side: usize, power: f64| {
            let filled = (matrix.pad_with_zeros(side, 0, more)? / power)?;
            filled.to_dtype(dtype)?.to_device(device)?.contiguous()
        };
        #[expect(clippy::cast_possible_truncation, reason = "a power of two that f32 has")]
        let factor = (down_power * up_power) as f32;
        Ok(Some(Self { down: narrow(down, 0, down_power)?, up: narrow(up, 1, up_power)?, factor }))
    }
}

/// The power of two above the largest number, either way; 1 for zeros and for what is not finite.
fn power(matrix: &Tensor) -> Result<f64> {
    let largest = f64::from(matrix.abs()?.max_all()?.to_scalar::<f32>()?);
    let power = (largest.log2().floor() + 1.0).exp2();
    Ok(if power.is_normal() { power } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::testing::{random_tensor as random, relative_error};

    #[test]
    fn factors_in_16_bits_are_those_in_32_whatever_their_size() -> Result<()> {
        for (rank, size) in [(1, 1e-6), (16, 1.0), (20, 1e4)] {
            let (down, up) = ((random(1, &[rank, 24]) * size)?, (random(2, &[7, rank]) * size)?);
            for (dtype, bound) in [(DType::F16, 1e-3), (DType::BF16, 8e-3)] {
                let narrow = LowRank::new(&down, &up, dtype, &Device::Cpu)?.expect("24 inputs");
                assert_eq!(narrow.down.dims(), [rank.next_multiple_of(16), 24]);
                let wide = |x: &Tensor| x.to_dtype(DType::F32);
                let ours = (wide(&narrow.up)?.matmul(&wide(&narrow.down)?)? * f64::from(narrow.factor))?;
                assert!(relative_error(&ours, &up.matmul(&down)?)? < bound, "{rank} {dtype:?}");
            }
        }
        let odd = LowRank::new(&random(1, &[4, 9]), &random(2, &[7, 4]), DType::F16, &Device::Cpu)?;
        assert!(odd.is_none(), "rows that are no multiple of 16 bytes");
        Ok(())
    }
}
