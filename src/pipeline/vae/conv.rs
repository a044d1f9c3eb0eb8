use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, bail};
use candle_nn::{Conv2d, Conv2dConfig, Module, VarBuilder};
use rayon::prelude::*;

/// Numbers of the unfolded input that are held at once, 16 MB of them.
const TILE_NUMBERS: usize = 1 << 22;

/// A convolution with stride 1 whose output is as large as its input, for odd kernels.
///
/// On a CPU the input is unfolded a band of rows at a time, by copying whole runs, and multiplied; candle's own
/// convolution unfolds number by number, which takes longer than the product (docs/decisions/0003).
#[derive(Debug, Clone)]
pub(super) struct Conv {
    /// What a device other than the CPU runs.
    library: Conv2d,
    /// [outputs, inputs · kernel² + 1]: the kernels as rows, then the bias.
    rows: Tensor,
    kernel: usize,
}

impl Conv {
    pub(super) fn load(vb: VarBuilder, inputs: usize, outputs: usize, kernel: usize) -> Result<Self> {
        let config = Conv2dConfig { padding: kernel / 2, ..Default::default() };
        let library = candle_nn::conv2d(inputs, outputs, kernel, config, vb)?;
        let Some(bias) = library.bias() else { bail!("the convolution has no bias") };
        let kernels = library.weight().reshape((outputs, inputs * kernel * kernel))?;
        let rows = Tensor::cat(&[&kernels, &bias.reshape((outputs, 1))?], 1)?;
        Ok(Self { library, rows, kernel })
    }

    /// `x` [batch, inputs, H, W], contiguous → [batch, outputs, H, W].
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if !x.device().is_cpu() || x.dtype() != DType::F32 {
            return self.library.forward(x);
        }
        let (batch, _, height, width) = x.dims4()?;
        let pictures = (0..batch)
            .map(|i| self.forward_one(&x.get(i)?)?.reshape((1, (), height, width)))
            .collect::<Result<Vec<_>>>()?;
        Tensor::cat(&pictures, 0)
    }

    /// [inputs, H, W] → [outputs, H·W].
    fn forward_one(&self, x: &Tensor) -> Result<Tensor> {
        let (_, height, width) = x.dims3()?;
        let band = (TILE_NUMBERS / (self.rows.dim(1)? * width)).clamp(1, height);
        let bands = (0..height)
            .step_by(band)
            .map(|top| {
                let unfold = Unfold { kernel: self.kernel, top, rows: band.min(height - top) };
                self.rows.matmul(&x.apply_op1_no_bwd(&unfold)?)
            })
            .collect::<Result<Vec<_>>>()?;
        Tensor::cat(&bands, 1)
    }
}

/// [C, H, W] → [C · kernel² + 1, rows · W]: what each kernel number meets at each place of a band of rows, with zeros
/// around the picture, and a last row of ones for the bias.
struct Unfold {
    kernel: usize,
    /// First row of the band.
    top: usize,
    /// Rows of the band.
    rows: usize,
}

impl CustomOp1 for Unfold {
    fn name(&self) -> &'static str {
        "unfold"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (channels, height, width) = layout.shape().dims3()?;
        let (CpuStorage::F32(numbers), Some((start, end))) = (storage, layout.contiguous_offsets()) else {
            bail!("unfold takes contiguous f32");
        };
        let planes = &numbers[start..end];
        let (taps, band) = (self.kernel * self.kernel, self.rows * width);
        let mut unfolded = vec![0f32; (channels * taps + 1) * band];
        let (met, ones) = unfolded.split_at_mut(channels * taps * band);
        met.par_chunks_mut(band).enumerate().for_each(|(row, met)| {
            let plane = &planes[row / taps * height * width..][..height * width];
            self.copy_shifted(plane, width, (row % taps / self.kernel, row % self.kernel), met);
        });
        ones.fill(1.0);
        Ok((CpuStorage::F32(unfolded), (channels * taps + 1, band).into()))
    }
}

impl Unfold {
    /// The band of `plane` as the kernel number at (`down`, `right`) meets it.
    fn copy_shifted(&self, plane: &[f32], width: usize, (down, right): (usize, usize), met: &mut [f32]) {
        let padding = self.kernel / 2;
        let (skipped, cut) = (padding.saturating_sub(right), right.saturating_sub(padding));
        for (met, y) in met.chunks_exact_mut(width).zip(self.top + down..) {
            let source = y.checked_sub(padding).and_then(|y| plane.chunks_exact(width).nth(y));
            if let Some(source) = source.filter(|_| skipped.max(cut) < width) {
                met[skipped..width - cut].copy_from_slice(&source[cut..width - skipped]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::{domain::Seed, pipeline::noise::standard_normal};

    fn random(seed: u64, shape: &[usize]) -> Tensor {
        let values = standard_normal(Seed::new(seed), shape.iter().product());
        Tensor::from_vec(values, shape, &Device::Cpu).expect("a tensor")
    }

    #[test]
    fn it_is_the_librarys_convolution() -> Result<()> {
        // Narrow and wide, one band and several, kernels of 1 and 3.
        let shapes =
            [(3, 5, 3, 4, 6), (7, 2, 1, 5, 3), (2, 3, 3, 1, 1), (2, 2, 3, 9, 1), (64, 4, 3, 300, 64)];
        for (inputs, outputs, kernel, height, width) in shapes {
            let weight = random(1, &[outputs, inputs, kernel, kernel]);
            let tensors = [("weight".into(), weight), ("bias".into(), random(2, &[outputs]))];
            let vb = VarBuilder::from_tensors(tensors.into(), DType::F32, &Device::Cpu);
            let conv = Conv::load(vb, inputs, outputs, kernel)?;
            let x = random(3, &[2, inputs, height, width]);
            let error = (conv.forward(&x)? - conv.library.forward(&x)?)?.abs()?.max_all()?;
            assert!(
                error.to_scalar::<f32>()? < 1e-3,
                "{inputs} {outputs} {kernel} {height} {width}: {error}"
            );
        }
        Ok(())
    }
}
