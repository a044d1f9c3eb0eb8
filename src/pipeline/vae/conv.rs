use std::{ops::Range, sync::Arc};

use candle_core::{Result, Tensor, bail};
use candle_nn::{Conv2d, Conv2dConfig, Module, VarBuilder};

#[cfg(feature = "cuda")]
use super::super::fused::MapConvolution;
use super::{
    super::{
        cpu::{self, Convolution, Method, Scale},
        fused::KernelChoice,
        ops::{self, Numbers, filled},
    },
    layout::{Layout, strips},
    taken::Taken,
};

/// Terms that candle's convolution lays side by side at once, at most.
///
/// On a card it lays out every term of every sum, and counts them in 32 bits: of more than 2³² it makes garbage and says
/// nothing. In f32 this many are 1 GB.
const TERMS_MAX: usize = 1 << 28;
/// Rows that a band computes beyond its own, at most.
const CUT_ROWS: usize = 4;

/// A convolution of kernel 1 or 3 whose output is as large as its input, twice as large or half as large.
///
/// On a CPU it is our own, over maps with their channels innermost (docs/decisions/0008); on a card where our kernels are asked for
/// (docs/decisions/0012).
#[derive(Debug, Clone)]
pub(super) enum Conv {
    /// Maps [batch, C, H, W].
    Candle { conv: Conv2d, scale: Scale },
    /// Maps [batch, C, H, W], by our kernels.
    #[cfg(feature = "cuda")]
    Cuda(MapConvolution),
    /// Maps [batch, H, W, C].
    Square(Arc<Convolution>),
    /// Maps [batch, H, W, C].
    Point(Arc<cpu::Linear>),
}

impl Conv {
    pub(super) fn load(
        vb: &VarBuilder,
        kernels: (Layout, KernelChoice),
        channels: (usize, usize),
        kernel: usize,
    ) -> Result<Self> {
        Self::load_with(vb, kernels, channels, kernel, Scale::Same)
    }

    /// A convolution of kernel 3 that changes a map's size.
    pub(super) fn load_scaling(
        vb: &VarBuilder,
        kernels: (Layout, KernelChoice),
        channels: usize,
        scale: Scale,
    ) -> Result<Self> {
        Self::load_with(vb, kernels, (channels, channels), 3, scale)
    }

    #[cfg_attr(
        not(feature = "cuda"),
        expect(unused_variables, reason = "only a card has a choice of kernels")
    )]
    fn load_with(
        vb: &VarBuilder,
        (layout, kernels): (Layout, KernelChoice),
        (inputs, outputs): (usize, usize),
        kernel: usize,
        scale: Scale,
    ) -> Result<Self> {
        let (weight, bias) = (vb.get((outputs, inputs, kernel, kernel), "weight")?, vb.get(outputs, "bias")?);
        match (layout, kernel) {
            (Layout::ChannelsLast, 1) => {
                let linear = cpu::Linear::new(&Numbers::of(&weight)?, outputs, Some(bias.to_vec1()?));
                Ok(Self::Point(Arc::new(linear)))
            }
            (Layout::ChannelsLast, 3) => {
                let method = Method::for_channels(inputs, outputs);
                let conv = Convolution::new(&Numbers::of(&weight)?, bias.to_vec1()?, scale, method);
                Ok(Self::Square(Arc::new(conv)))
            }
            (Layout::ChannelsLast, _) => bail!("convolutions of kernel {kernel} are not known"),
            #[cfg(feature = "cuda")]
            (Layout::ChannelsFirst, _) if kernels.serves_maps(vb.device()) => {
                Ok(Self::Cuda(MapConvolution::new(&weight, &bias, scale)?))
            }
            (Layout::ChannelsFirst, _) => {
                let conv = Conv2d::new(weight, Some(bias), candle_config(kernel, scale));
                Ok(Self::Candle { conv, scale })
            }
        }
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Candle { conv, scale } => {
                self.in_bands(x, terms(conv), TERMS_MAX, |x| by_candle(conv, *scale, x))
            }
            #[cfg(feature = "cuda")]
            Self::Cuda(conv) => conv.forward(x, None),
            Self::Square(conv) => square(conv, x, None),
            Self::Point(linear) => ops::linear(linear, x),
        }
    }

    /// The convolution of `x`, plus `added`: one pass over memory instead of two.
    pub(super) fn forward_plus(&self, x: &Tensor, added: &Tensor) -> Result<Tensor> {
        match self {
            #[cfg(feature = "cuda")]
            Self::Cuda(conv) => conv.forward(x, Some(added)),
            Self::Square(conv) => square(conv, x, Some(added)),
            _ => self.forward(x)? + added,
        }
    }

    /// The rows of an input of `height` rows that the output's `rows` are made of. They begin at an even row: a strip's
    /// tiles of 2 × 2 outputs are then the whole map's, to the bit.
    pub(super) fn reach(&self, rows: &Range<usize>, height: usize) -> Range<usize> {
        match (self.is_point(), self.scale()) {
            (true, _) => rows.clone(),
            (false, Scale::Same) => rows.start.saturating_sub(1) & !1..height.min(rows.end + 1),
            (false, Scale::Doubled) => rows.start.saturating_sub(1) / 2..height.min(rows.end / 2 + 1),
            (false, Scale::Halved) => 2 * rows.start..height.min(2 * rows.end + 1),
        }
    }

    /// The output's `rows` from `x`, the input's rows `given`, which [`Conv::reach`] said; plus `added`, which is as high as
    /// what `x` makes.
    ///
    /// Zeros stand above and below `x`, as they do around a whole map. What they reach is cut off.
    pub(super) fn forward_rows(
        &self,
        x: &Tensor,
        given: Range<usize>,
        rows: Range<usize>,
        added: Option<&Tensor>,
    ) -> Result<Tensor> {
        let out = match added {
            Some(added) => self.forward_plus(x, added)?,
            None => self.forward(x)?,
        };
        self.cut(&out, &given, &rows)
    }

    /// The output's `rows` of `out`, which the input's rows `given` make.
    fn cut(&self, out: &Tensor, given: &Range<usize>, rows: &Range<usize>) -> Result<Tensor> {
        let first = rows.start - self.scale().of(given.start);
        self.layout().rows(out, first..first + rows.len())
    }

    /// `convolve` of `x`, in bands of the output's rows where a place has `terms` terms and all have more than `terms_max`.
    ///
    /// A band has two rows at least.
    fn in_bands(
        &self,
        x: &Tensor,
        terms: usize,
        terms_max: usize,
        convolve: impl Fn(&Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let (layout, scale) = (self.layout(), self.scale());
        let size = layout.size(x)?;
        let row_terms = size.batch * scale.of(size.width) * terms;
        if scale.of(size.height) * row_terms <= terms_max {
            return convolve(x);
        }
        let rows = ((terms_max / row_terms).saturating_sub(CUT_ROWS) & !1).max(2);
        let bands = strips(scale.of(size.height), rows).map(|rows| {
            let given = self.reach(&rows, size.height);
            self.cut(&convolve(&layout.view(x, given.clone())?)?, &given, &rows)
        });
        layout.join(&bands.collect::<Result<Vec<_>>>()?)
    }

    /// What it takes beyond input and output, of `number` bytes a number.
    pub(super) fn taken(&self, number: usize) -> Taken {
        let Self::Candle { conv, scale } = self else { return Taken::default() };
        let (outputs, inputs) = (conv.weight().dims()[0], conv.weight().dims()[1]);
        let scaled = match scale {
            Scale::Same => 0,
            Scale::Doubled => inputs,
            // The input with a column of zeros, and with a row of them: four places for each of the output's.
            Scale::Halved => 2 * 4 * inputs,
        };
        // The output is there twice: turned, or without its bias, or in bands.
        let band_places = TERMS_MAX / terms(conv);
        Taken { place: number * outputs, band_place: number * (scaled + terms(conv)), band_places }
    }

    /// Bytes of its input for each place of its output, of `number` bytes a number.
    pub(super) fn source_bytes(&self, number: usize) -> usize {
        let bytes = number * self.inputs();
        match self.scale() {
            Scale::Same => bytes,
            Scale::Doubled => bytes / 4,
            Scale::Halved => bytes * 4,
        }
    }

    /// Channels that come in.
    pub(super) fn inputs(&self) -> usize {
        match self {
            Self::Candle { conv, .. } => conv.weight().dims()[1],
            #[cfg(feature = "cuda")]
            Self::Cuda(conv) => conv.inputs(),
            Self::Square(conv) => conv.inputs(),
            Self::Point(linear) => linear.inputs(),
        }
    }

    fn is_point(&self) -> bool {
        match self {
            Self::Candle { conv, .. } => conv.weight().dims()[3] == 1,
            #[cfg(feature = "cuda")]
            Self::Cuda(conv) => conv.is_point(),
            Self::Square(_) => false,
            Self::Point(_) => true,
        }
    }

    /// How large its output is.
    pub(super) fn scale(&self) -> Scale {
        match self {
            Self::Candle { scale, .. } => *scale,
            #[cfg(feature = "cuda")]
            Self::Cuda(conv) => conv.scale(),
            Self::Square(conv) => conv.scale(),
            Self::Point(_) => Scale::Same,
        }
    }

    fn layout(&self) -> Layout {
        match self {
            Self::Candle { .. } => Layout::ChannelsFirst,
            #[cfg(feature = "cuda")]
            Self::Cuda(_) => Layout::ChannelsFirst,
            _ => Layout::ChannelsLast,
        }
    }
}

/// Terms of one of its sums.
fn terms(conv: &Conv2d) -> usize {
    conv.weight().dims()[1..].iter().product()
}

fn candle_config(kernel: usize, scale: Scale) -> Conv2dConfig {
    match scale {
        Scale::Same | Scale::Doubled => Conv2dConfig { padding: kernel / 2, ..Default::default() },
        Scale::Halved => Conv2dConfig { stride: 2, ..Default::default() },
    }
}

/// `x` may be a view.
fn by_candle(conv: &Conv2d, scale: Scale, x: &Tensor) -> Result<Tensor> {
    match scale {
        Scale::Same => conv.forward(x),
        Scale::Doubled => {
            let (_, _, height, width) = x.dims4()?;
            conv.forward(&x.upsample_nearest2d(2 * height, 2 * width)?)
        }
        Scale::Halved => conv.forward(&x.pad_with_zeros(3, 0, 1)?.pad_with_zeros(2, 0, 1)?),
    }
}

fn square(conv: &Convolution, x: &Tensor, added: Option<&Tensor>) -> Result<Tensor> {
    let (batch, height, width, inputs) = x.dims4()?;
    let (rows, columns) = conv.output_size((height, width));
    let shape = [batch, rows, columns, conv.outputs()];
    if inputs != conv.inputs() || added.is_some_and(|added| added.dims() != shape) {
        bail!("a convolution of {} channels, {:?} to {shape:?}", conv.inputs(), x.dims());
    }
    let (x, added) = (Numbers::of(x)?, added.map(Numbers::of).transpose()?);
    let item = rows * columns * conv.outputs();
    filled(&shape, |out| {
        for (i, (out, x)) in
            out.chunks_exact_mut(item).zip(x.chunks_exact(height * width * inputs)).enumerate()
        {
            let added = added.as_ref().map(|added| &added[i * item..][..item]);
            conv.apply(x, (height, width), added, out);
        }
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use candle_core::{DType, Device};

    use super::*;
    use crate::pipeline::testing::random_tensor as random;

    #[test]
    fn it_is_the_librarys_convolution() -> Result<()> {
        // Narrow and wide, even and odd, one band of tiles and several, one row's tiles in one piece and in several.
        let shapes =
            [(3, 5, 4, 6), (7, 2, 5, 3), (2, 3, 1, 1), (2, 2, 9, 1), (64, 4, 300, 64), (160, 33, 5, 600)];
        for (inputs, outputs, height, width) in shapes {
            for (kernel, scale) in
                [(1, Scale::Same), (3, Scale::Same), (3, Scale::Doubled), (3, Scale::Halved)]
            {
                if scale.of(height.min(width)) == 0 {
                    continue;
                }
                let weight = random(1, &[outputs, inputs, kernel, kernel]);
                let bias = random(2, &[outputs]);
                let conv = Conv2d::new(weight.clone(), Some(bias.clone()), candle_config(kernel, scale));
                let library = Conv::Candle { conv, scale };
                let tensors = [("weight".into(), weight), ("bias".into(), bias)];
                let vb = VarBuilder::from_tensors(tensors.into(), DType::F32, &Device::Cpu);
                let ours = Conv::load_with(
                    &vb,
                    (Layout::ChannelsLast, KernelChoice::Auto),
                    (inputs, outputs),
                    kernel,
                    scale,
                )?;

                let x = random(3, &[2, height, width, inputs]);
                let theirs =
                    library.forward(&x.permute((0, 3, 1, 2))?.contiguous()?)?.permute((0, 2, 3, 1))?;
                let error =
                    |ours: Tensor, theirs: Tensor| (ours - theirs)?.abs()?.max_all()?.to_scalar::<f32>();
                let case = format!("{inputs} {outputs} {height} {width} {kernel} {scale:?}");
                assert!(error(ours.forward(&x)?, theirs.contiguous()?)? < 1e-3, "{case}");
                let added = random(4, theirs.dims());
                assert!(error(ours.forward_plus(&x, &added)?, (theirs + &added)?)? < 1e-3, "{case}, added");
            }
        }
        Ok(())
    }

    #[test]
    fn rows_are_the_maps_to_the_bit() -> Result<()> {
        for (layout, channels, kernel, scale) in [
            (Layout::ChannelsLast, 3, 3, Scale::Same),
            (Layout::ChannelsLast, 3, 3, Scale::Doubled),
            (Layout::ChannelsLast, 3, 3, Scale::Halved),
            (Layout::ChannelsLast, 40, 3, Scale::Same),
            (Layout::ChannelsLast, 40, 3, Scale::Doubled),
            (Layout::ChannelsLast, 40, 3, Scale::Halved),
            (Layout::ChannelsLast, 3, 1, Scale::Same),
            (Layout::ChannelsFirst, 3, 3, Scale::Same),
            (Layout::ChannelsFirst, 3, 3, Scale::Doubled),
            (Layout::ChannelsFirst, 3, 3, Scale::Halved),
            (Layout::ChannelsFirst, 3, 1, Scale::Same),
        ] {
            let weight = random(1, &[channels, channels, kernel, kernel]);
            let tensors = [("weight".into(), weight), ("bias".into(), random(2, &[channels]))];
            let vb = VarBuilder::from_tensors(tensors.into(), DType::F32, &Device::Cpu);
            let conv =
                Conv::load_with(&vb, (layout, KernelChoice::Auto), (channels, channels), kernel, scale)?;
            let x = layout.arrange(random(3, &[2, channels, 9, 5]))?;
            let whole = conv.forward(&x)?;
            let height = layout.size(&whole)?.height;
            for rows in (0..height).flat_map(|first| (first + 1..=height).map(move |end| first..end)) {
                let given = conv.reach(&rows, 9);
                let ours = conv.forward_rows(&layout.rows(&x, given.clone())?, given, rows.clone(), None)?;
                let theirs = layout.rows(&whole, rows.clone())?.flatten_all()?;
                let case = format!("{layout:?} {channels} {kernel} {scale:?} {rows:?}");
                assert_eq!(ours.flatten_all()?.to_vec1::<f32>()?, theirs.to_vec1::<f32>()?, "{case}");
            }
        }
        Ok(())
    }

    #[test]
    fn bands_are_the_whole_map() -> Result<()> {
        let scales = [(3, Scale::Same), (3, Scale::Doubled), (3, Scale::Halved), (1, Scale::Same)];
        for (channels, (kernel, scale)) in [3, 40].into_iter().flat_map(|c| scales.map(|s| (c, s))) {
            let weight = random(1, &[channels, channels, kernel, kernel]);
            let tensors = [("weight".into(), weight), ("bias".into(), random(2, &[channels]))];
            let vb = VarBuilder::from_tensors(tensors.into(), DType::F32, &Device::Cpu);
            let conv = Conv::load_with(
                &vb,
                (Layout::ChannelsFirst, KernelChoice::Auto),
                (channels, channels),
                kernel,
                scale,
            )?;
            for (height, width) in [(9, 5), (8, 5), (1, 3), (31, 33)] {
                if scale.of(height) == 0 {
                    continue;
                }
                let x = random(3, &[2, channels, height, width]);
                let whole = conv.forward(&x)?;
                let row_terms = 2 * channels * kernel * kernel * whole.dim(3)?;
                // Of two rows, what is cut off taking more than there is; of four, of eight, and all but the last row.
                for rows in [0, 8, 12, whole.dim(2)? - 1] {
                    let (cap, most) = (rows * row_terms, Cell::new(0));
                    let bands = conv.in_bands(&x, channels * kernel * kernel, cap, |x| {
                        let Conv::Candle { conv, scale } = &conv else { bail!("not the library's") };
                        let out = by_candle(conv, *scale, x)?;
                        most.set(most.get().max(out.dim(2)?));
                        Ok(out)
                    })?;
                    let case = format!("{channels} {kernel} {scale:?} {height} {width} {rows}");
                    assert!(most.get() <= rows.max(2 + CUT_ROWS), "{case}: {} rows at once", most.get());
                    assert_eq!(
                        bands.flatten_all()?.to_vec1::<f32>()?,
                        whole.flatten_all()?.to_vec1::<f32>()?,
                        "{case}"
                    );
                }
            }
        }
        Ok(())
    }
}
