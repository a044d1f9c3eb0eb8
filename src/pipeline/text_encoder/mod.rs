//! Qwen3 up to its last but one layer, equal to transformers' `Qwen3Model`.
//!
//! Why not candle-transformers' own: docs/decisions/0011-memory-tiers.md.

mod fused;
mod layer;

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::z_image::TextEncoderConfig;

use self::{
    fused::FusedLayer,
    layer::{Layer, Places},
};
use super::{
    fused::Arithmetic,
    linear::Sides,
    load::LoadOptions,
    ops, scores,
    source::Weights,
    stack::{LayerSource, Residence, Stack},
};

/// The matrix of the tokens' first numbers.
const EMBEDDING: &str = "model.embed_tokens.weight";

/// Where a token's first numbers come from.
enum Embedding {
    /// [vocabulary, hidden], on the device.
    Resident(Tensor),
    /// The matrix in the files, rounded to a number format.
    Mapped(Arc<Weights>, DType),
}

enum EncoderLayers {
    /// Each operation by itself.
    Plain(Stack<Layer>),
    /// In 16 bits, what belongs together in one kernel.
    Fused(Stack<FusedLayer>),
}

/// The layers whose output is the conditioning, and the embedding before them.
pub(super) struct TextEncoder {
    embedding: Embedding,
    layers: EncoderLayers,
    config: TextEncoderConfig,
    device: Device,
}

impl TextEncoder {
    pub(super) fn load(
        config: &TextEncoderConfig,
        weights: &Arc<Weights>,
        residence: Residence,
        options: &LoadOptions<'_>,
    ) -> Result<Self> {
        let LoadOptions { dtype, device, kernels, progress } = *options;
        let shape = [config.vocab_size, config.hidden_size];
        let embedding = match residence {
            Residence::Resident => {
                let vb = weights.builder(dtype, device, Some(progress));
                Embedding::Resident(vb.get(&shape, EMBEDDING)?)
            }
            Residence::Streamed => {
                weights.expect(EMBEDDING, &shape)?;
                Embedding::Mapped(Arc::clone(weights), dtype)
            }
        };
        let source = LayerSource {
            weights: Arc::clone(weights),
            dtype,
            device: device.clone(),
            path: "model.layers",
            // The last layer is not needed: the conditioning is what goes into it.
            count: config.num_hidden_layers - 1,
        };
        let of_layers = config.clone();
        let layers = match kernels.encoder_arithmetic(config, dtype, device) {
            Arithmetic::Plain => {
                let load = move |vb: &VarBuilder<'_>| Layer::load(&of_layers, vb);
                EncoderLayers::Plain(Stack::load(source, residence, progress, load)?)
            }
            Arithmetic::Mixed => {
                let load = move |vb: &VarBuilder<'_>| FusedLayer::load(&of_layers, vb);
                EncoderLayers::Fused(Stack::load(source, residence, progress, load)?)
            }
        };
        Ok(Self { embedding, layers, config: config.clone(), device: device.clone() })
    }

    /// Hidden states of the last but one layer, without the final norm: [1, tokens, hidden] f32.
    pub(super) fn encode(&self, ids: &[u32], sides: &Sides) -> Result<Tensor> {
        let rows = match &self.embedding {
            Embedding::Resident(matrix) => matrix.index_select(&Tensor::new(ids, &self.device)?, 0)?,
            Embedding::Mapped(weights, dtype) => {
                weights.rows(EMBEDDING, self.config.hidden_size, ids, (*dtype, &self.device))?
            }
        };
        let places = Places::new(&self.config, ids.len(), &self.device)?;
        let start = rows.to_dtype(DType::F32)?.unsqueeze(0)?;
        match &self.layers {
            EncoderLayers::Plain(layers) => {
                let mask = scores::later_keys(ids.len(), &self.device)?;
                let step = |x: Tensor, layer: &Layer| layer.forward(&x, (&places, &mask), sides);
                ops::in_pool(&self.device, || layers.run(start, step))
            }
            EncoderLayers::Fused(layers) => {
                let step = |x: Tensor, layer: &FusedLayer| layer.forward(&x, &places, sides);
                ops::in_pool(&self.device, || layers.run(start, step))
            }
        }
    }

    /// How its layers compute.
    pub(super) const fn arithmetic(&self) -> Arithmetic {
        match self.layers {
            EncoderLayers::Plain(_) => Arithmetic::Plain,
            EncoderLayers::Fused(_) => Arithmetic::Mixed,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use candle_nn::Activation;
    use candle_transformers::models::z_image::ZImageTextEncoder;

    use super::*;
    use crate::pipeline::testing::{random_tensor as random, relative_error};

    fn config(heads: usize, key_heads: usize, has_bias: bool) -> TextEncoderConfig {
        TextEncoderConfig {
            vocab_size: 50,
            hidden_size: 24,
            intermediate_size: 40,
            num_hidden_layers: 3,
            num_attention_heads: heads,
            num_key_value_heads: key_heads,
            head_dim: 6,
            rms_norm_eps: 1e-6,
            rope_theta: 10_000.0,
            attention_bias: has_bias,
            hidden_act: Activation::Silu,
            max_position_embeddings: 512,
        }
    }

    fn tensors(config: &TextEncoderConfig) -> HashMap<String, Tensor> {
        let (hidden, inner, head_dim) = (config.hidden_size, config.intermediate_size, config.head_dim);
        let (q, k) = (config.num_attention_heads * head_dim, config.num_key_value_heads * head_dim);
        let shapes: [(&str, &[usize]); 15] = [
            ("self_attn.q_proj.weight", &[q, hidden]),
            ("self_attn.k_proj.weight", &[k, hidden]),
            ("self_attn.v_proj.weight", &[k, hidden]),
            ("self_attn.o_proj.weight", &[hidden, q]),
            ("self_attn.q_proj.bias", &[q]),
            ("self_attn.k_proj.bias", &[k]),
            ("self_attn.v_proj.bias", &[k]),
            ("self_attn.o_proj.bias", &[hidden]),
            ("self_attn.q_norm.weight", &[head_dim]),
            ("self_attn.k_norm.weight", &[head_dim]),
            ("mlp.gate_proj.weight", &[inner, hidden]),
            ("mlp.up_proj.weight", &[inner, hidden]),
            ("mlp.down_proj.weight", &[hidden, inner]),
            ("input_layernorm.weight", &[hidden]),
            ("post_attention_layernorm.weight", &[hidden]),
        ];
        let layers = (0..config.num_hidden_layers).flat_map(|layer| {
            shapes.iter().enumerate().map(move |(i, (name, shape))| {
                (format!("model.layers.{layer}.{name}"), random((layer * 20 + i) as u64, shape))
            })
        });
        let embedding = random(99, &[config.vocab_size, hidden]);
        layers.chain([("model.embed_tokens.weight".into(), embedding)]).collect()
    }

    #[test]
    fn its_layers_are_the_librarys() -> Result<()> {
        for (heads, key_heads, has_bias) in [(4, 4, false), (4, 2, true), (6, 1, false)] {
            let config = config(heads, key_heads, has_bias);
            let vb = VarBuilder::from_tensors(tensors(&config), DType::F32, &Device::Cpu);
            let library = ZImageTextEncoder::new(&config, vb.clone())?;
            let vb = vb.pp("model");
            let ours = TextEncoder {
                embedding: Embedding::Resident(vb.get((50, 24), "embed_tokens.weight")?),
                layers: EncoderLayers::Plain(Stack::Resident(
                    (0..2).map(|i| Layer::load(&config, &vb.pp("layers").pp(i))).collect::<Result<_>>()?,
                )),
                config,
                device: Device::Cpu,
            };
            for ids in [vec![7], vec![3, 1, 4, 1, 5, 9, 2, 6], (0..50).collect()] {
                let theirs = library.forward(&Tensor::new(ids.as_slice(), &Device::Cpu)?.unsqueeze(0)?)?;
                let scale = theirs.sqr()?.mean_all()?.sqrt()?.to_scalar::<f32>()?;
                let error =
                    (ours.encode(&ids, &Sides::default())? - theirs)?.abs()?.max_all()?.to_scalar::<f32>()?;
                assert!(error < 1e-4 * scale, "{heads} {key_heads}: {error} of {scale}");
            }
        }
        Ok(())
    }

    #[test]
    fn its_fused_layers_are_its_own_to_what_16_bits_round() -> Result<()> {
        for (heads, key_heads) in [(4, 4), (4, 2), (6, 1)] {
            let config = config(heads, key_heads, false);
            let encoder = |layers: EncoderLayers| TextEncoder {
                embedding: Embedding::Resident(tensors(&config).remove(EMBEDDING).expect("an embedding")),
                layers,
                config: config.clone(),
                device: Device::Cpu,
            };
            let builder = |dtype| VarBuilder::from_tensors(tensors(&config), dtype, &Device::Cpu);
            let vb = builder(DType::F32).pp("model.layers");
            let plain = (0..2).map(|i| Layer::load(&config, &vb.pp(i))).collect::<Result<_>>()?;
            let plain = encoder(EncoderLayers::Plain(Stack::Resident(plain)));
            for (dtype, bound) in [(DType::F16, 3e-3), (DType::BF16, 3e-2)] {
                let vb = builder(dtype).pp("model.layers");
                let fused = (0..2).map(|i| FusedLayer::load(&config, &vb.pp(i))).collect::<Result<_>>()?;
                let fused = encoder(EncoderLayers::Fused(Stack::Resident(fused)));
                for ids in [vec![7], vec![3, 1, 4, 1, 5, 9, 2, 6], (0..50).collect()] {
                    let exact = plain.encode(&ids, &Sides::default())?;
                    let error = relative_error(&fused.encode(&ids, &Sides::default())?, &exact)?;
                    assert!(error < bound, "{heads} {key_heads} {dtype:?}: {error}");
                }
            }
        }
        Ok(())
    }
}
