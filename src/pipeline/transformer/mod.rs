//! The S3-DiT of Z-Image (arXiv 2511.22699), equal to diffusers' `ZImageTransformer2DModel`.
//!
//! Why not candle-transformers' own: docs/decisions/0001-our-own-transformer.md.
//!
//! Architecture invariant: there is no attention mask. A sequence is padded to a multiple of 32 with learned tokens
//! that are attended to; items of unequal padded length never share a batch. So an item's result cannot depend on its
//! neighbours.

mod attention;
mod block;
mod fused;
mod norms;
mod rope;

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;

use self::{
    block::{Block, ModulatedBlock},
    rope::{Position, RopeAxes, RopeTable},
};
use super::{
    fused::BlockForm,
    linear::{Linear, Sides},
    load::LoadOptions,
    norm::RmsNorm,
    ops::select,
    source::{TransformerConfig, Weights},
    stack::{LayerSource, Residence, Stack},
};

/// Sequences are padded to a multiple of this many tokens.
const SEQUENCE_MULTIPLE: usize = 32;
/// Widest time embedding that the blocks receive.
const TIME_DIM_MAX: usize = 256;
/// Sines and cosines of the timestep.
const TIME_FREQUENCIES: usize = 256;
/// Width of the time embedder's hidden layer.
const TIME_HIDDEN: usize = 1024;
/// Epsilon of the final layer norm.
const FINAL_NORM_EPS: f32 = 1e-6;

/// The denoiser: latents at a noise level, and a caption, to a velocity.
pub(super) struct Transformer {
    time_embedder: TimeEmbedder,
    caption_norm: RmsNorm,
    caption_embedder: Linear,
    caption_pad: Tensor,
    image_embedder: Linear,
    image_pad: Tensor,
    noise_refiner: Stack<ModulatedBlock>,
    context_refiner: Stack<Block>,
    layers: Stack<ModulatedBlock>,
    final_layer: FinalLayer,
    rope: RopeAxes,
    device: Device,
    in_channels: usize,
}

/// Captions ready for every step: embedded, padded and refined, [batch, padded tokens, dim] f32.
#[derive(Debug, Clone)]
pub(super) struct Caption {
    tokens: Tensor,
    rope: RopeTable,
}

/// The length to which a caption of `tokens` tokens is padded. Only images whose captions have one padded length can
/// share a batch.
pub fn padded_tokens(tokens: usize) -> usize {
    tokens.next_multiple_of(SEQUENCE_MULTIPLE)
}

impl Caption {
    fn padded_len(&self) -> Result<usize> {
        self.tokens.dim(1)
    }

    /// A batch of captions, which must have one padded length.
    pub(super) fn join(captions: &[&Self]) -> Result<Self> {
        let [first, rest @ ..] = captions else { candle_core::bail!("a batch has at least one caption") };
        match rest {
            [] => Ok((*first).clone()),
            _ => {
                let tokens: Vec<_> = captions.iter().map(|caption| &caption.tokens).collect();
                Ok(Self { tokens: Tensor::cat(&tokens, 0)?, rope: first.rope.clone() })
            }
        }
    }

    /// Goes on with the captions `items` alone.
    pub(super) fn keep(&mut self, items: &[usize]) -> Result<()> {
        self.tokens = select(&self.tokens, items)?;
        Ok(())
    }
}

/// Positions of an image of one size beside a caption of one length, made once an image.
#[derive(Debug)]
pub(super) struct Canvas {
    /// Of image tokens and pads.
    image: RopeTable,
    /// Of image tokens and pads, then the caption.
    unified: RopeTable,
    image_tokens: usize,
    pads: usize,
}

impl Transformer {
    pub(super) fn load(
        config: &TransformerConfig,
        weights: &Arc<Weights>,
        residence: Residence,
        form: BlockForm,
        options: &LoadOptions<'_>,
    ) -> Result<Self> {
        let LoadOptions { dtype, device, progress, .. } = *options;
        let dim = config.dim;
        let time_dim = dim.min(TIME_DIM_MAX);
        let vb = weights.builder(dtype, device, Some(progress));
        let source = |path: &'static str, count: usize| LayerSource {
            weights: Arc::clone(weights),
            dtype,
            device: device.clone(),
            path,
            count,
        };
        let modulated = |path, count| {
            let config = config.clone();
            let load = move |vb: &VarBuilder<'_>| ModulatedBlock::load(&config, time_dim, form, vb);
            Stack::load(source(path, count), residence, progress, load)
        };
        let plain = |path, count| {
            let config = config.clone();
            let load = move |vb: &VarBuilder<'_>| Block::load(&config, form, vb);
            Stack::load(source(path, count), residence, progress, load)
        };
        let pad = |name: &str| vb.get((1, dim), name)?.to_dtype(DType::F32);
        let caption = vb.pp("cap_embedder");
        Ok(Self {
            time_embedder: TimeEmbedder::load(config.t_scale, time_dim, &vb.pp("t_embedder"))?,
            caption_norm: RmsNorm::load(&caption.pp(0), config.cap_feat_dim, config.norm_eps)?,
            caption_embedder: Linear::load(&caption.pp(1), config.cap_feat_dim, dim)?,
            caption_pad: pad("cap_pad_token")?,
            image_embedder: Linear::load(&vb.pp("all_x_embedder.2-1"), config.patch_dim(), dim)?,
            image_pad: pad("x_pad_token")?,
            noise_refiner: modulated("noise_refiner", config.n_refiner_layers)?,
            context_refiner: plain("context_refiner", config.n_refiner_layers)?,
            layers: modulated("layers", config.n_layers)?,
            final_layer: FinalLayer::load(config, time_dim, &vb.pp("all_final_layer.2-1"))?,
            rope: RopeAxes::new(config.rope_theta, config.axes_dims),
            device: vb.device().clone(),
            in_channels: config.in_channels,
        })
    }

    /// Embeds and refines a caption's hidden states [1, tokens, cap_feat_dim] f32. Needed once a prompt: it does not
    /// depend on the time.
    pub(super) fn caption(&self, conditioning: &Tensor, sides: &Sides) -> Result<Caption> {
        let embedded = self.caption_embedder.forward(&self.caption_norm.forward(conditioning)?, sides)?;
        let padded = pad_to_multiple(&embedded, &self.caption_pad)?;
        let positions: Vec<Position> = (1..=padded.dim(1)?).map(|frame| [frame, 0, 0]).collect();
        let rope = self.rope.table(&positions, &self.device)?;
        let tokens = self.context_refiner.run(padded, |x, block| block.forward(&x, &rope, sides))?;
        Ok(Caption { tokens, rope })
    }

    /// Positions for latents of `height` × `width` beside `caption`.
    pub(super) fn canvas(&self, height: usize, width: usize, caption: &Caption) -> Result<Canvas> {
        let (rows, columns) = (height / TransformerConfig::PATCH, width / TransformerConfig::PATCH);
        let image_tokens = rows * columns;
        let pads = image_tokens.next_multiple_of(SEQUENCE_MULTIPLE) - image_tokens;
        let frame = caption.padded_len()? + 1;
        let positions: Vec<Position> = (0..rows)
            .flat_map(|row| (0..columns).map(move |column| [frame, row, column]))
            .chain(std::iter::repeat_n([0, 0, 0], pads))
            .collect();
        let image = self.rope.table(&positions, &self.device)?;
        Ok(Canvas { unified: image.followed_by(&caption.rope)?, image, image_tokens, pads })
    }

    /// Velocity towards the image.
    ///
    /// `latents` [batch, channels, height, width] f32, both sides even; `time` 0 at pure noise, 1 at the image; a
    /// caption for each item of the batch. Returns the shape of `latents`.
    pub(super) fn forward(
        &self,
        latents: &Tensor,
        time: f32,
        caption: &Caption,
        canvas: &Canvas,
        sides: &Sides,
    ) -> Result<Tensor> {
        let (_, _, height, width) = latents.dims4()?;
        let time = self.time_embedder.forward(time, sides)?;
        let patches = self.image_embedder.forward(&patchify(latents)?, sides)?;
        let image = match canvas.pads {
            0 => patches,
            pads => append_pads(&patches, &self.image_pad, pads)?,
        };
        let refine = |x: Tensor, block: &ModulatedBlock| block.forward(&x, &canvas.image, &time, sides);
        let image = self.noise_refiner.run(image, refine)?;
        let unified = Tensor::cat(&[&image, &caption.tokens], 1)?;
        let step = |x: Tensor, block: &ModulatedBlock| block.forward(&x, &canvas.unified, &time, sides);
        let unified = self.layers.run(unified, step)?;
        let image = unified.narrow(1, 0, canvas.image_tokens)?.contiguous()?;
        let patches = self.final_layer.forward(&image, &time, sides)?;
        unpatchify(&patches, self.in_channels, height, width)
    }
}

/// Pads [batch, tokens, dim] with the token `pad` [1, dim] to the next multiple of 32.
fn pad_to_multiple(x: &Tensor, pad: &Tensor) -> Result<Tensor> {
    let tokens = x.dim(1)?;
    match padded_tokens(tokens) - tokens {
        0 => Ok(x.clone()),
        pads => append_pads(x, pad, pads),
    }
}

fn append_pads(x: &Tensor, pad: &Tensor, pads: usize) -> Result<Tensor> {
    let (batch, _, dim) = x.dims3()?;
    // Of an expanded tensor, the library would make a transposed copy, which the norms refuse.
    Tensor::cat(&[x, &pad.expand((batch, pads, dim))?.contiguous()?], 1)
}

/// [batch, C, H, W] → [batch, H/2 · W/2, 2 · 2 · C], channels last within a token.
fn patchify(latents: &Tensor) -> Result<Tensor> {
    const P: usize = TransformerConfig::PATCH;
    let (batch, channels, height, width) = latents.dims4()?;
    latents.reshape((batch, channels, height / P, P, width / P, P))?.permute((0, 2, 4, 3, 5, 1))?.reshape((
        batch,
        (height / P) * (width / P),
        P * P * channels,
    ))
}

/// The way back of [`patchify`].
fn unpatchify(patches: &Tensor, channels: usize, height: usize, width: usize) -> Result<Tensor> {
    const P: usize = TransformerConfig::PATCH;
    let batch = patches.dim(0)?;
    patches
        .reshape((batch, height / P, width / P, P, P, channels))?
        .permute((0, 5, 1, 3, 2, 4))?
        .reshape((batch, channels, height, width))
}

/// Sinusoids of the time through two layers.
#[derive(Debug)]
struct TimeEmbedder {
    layer1: Linear,
    layer2: Linear,
    scale: f32,
    device: Device,
}

impl TimeEmbedder {
    fn load(scale: f32, time_dim: usize, vb: &VarBuilder) -> Result<Self> {
        Ok(Self {
            layer1: Linear::load(&vb.pp("mlp.0"), TIME_FREQUENCIES, TIME_HIDDEN)?,
            layer2: Linear::load(&vb.pp("mlp.2"), TIME_HIDDEN, time_dim)?,
            scale,
            device: vb.device().clone(),
        })
    }

    /// [1, time_dim] f32.
    fn forward(&self, time: f32, sides: &Sides) -> Result<Tensor> {
        const HALF: usize = TIME_FREQUENCIES / 2;
        #[expect(clippy::cast_possible_truncation, reason = "the reference computes in f32")]
        let rate = -(10_000f64.ln()) as f32;
        #[expect(clippy::cast_precision_loss, reason = "frequencies are few")]
        let angles = (0..HALF).map(|i| time * self.scale * (rate * i as f32 / HALF as f32).exp());
        let (cos, sin): (Vec<f32>, Vec<f32>) = angles.map(|angle| (angle.cos(), angle.sin())).unzip();
        let sinusoids = Tensor::from_vec([cos, sin].concat(), (1, TIME_FREQUENCIES), &self.device)?;
        self.layer2.forward(&self.layer1.forward(&sinusoids, sides)?.silu()?, sides)
    }
}

/// Scaled layer norm and projection back to patches.
#[derive(Debug)]
struct FinalLayer {
    modulation: Linear,
    linear: Linear,
    zero: Tensor,
}

impl FinalLayer {
    fn load(config: &TransformerConfig, time_dim: usize, vb: &VarBuilder) -> Result<Self> {
        Ok(Self {
            modulation: Linear::load(&vb.pp("adaLN_modulation.1"), time_dim, config.dim)?,
            linear: Linear::load(&vb.pp("linear"), config.dim, config.patch_dim())?,
            zero: Tensor::zeros(config.dim, DType::F32, vb.device())?,
        })
    }

    fn forward(&self, x: &Tensor, time: &Tensor, sides: &Sides) -> Result<Tensor> {
        let scale = (self.modulation.forward(&time.silu()?, sides)?.squeeze(0)? + 1.0)?;
        let normed = candle_nn::ops::layer_norm(x, &scale, &self.zero, FINAL_NORM_EPS)?;
        self.linear.forward(&normed, sides)
    }
}
