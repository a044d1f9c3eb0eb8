//! Shapes of models, for weights drawn at random: speed and memory do not depend on what a model has learned.

use candle_core::{DType, Device, Result, Shape, Tensor, bail};
use candle_nn::{Init, var_builder::SimpleBackend};

use super::{
    Pipeline,
    row_norms::ROW_NORM_MAX,
    source::{EmbeddedFile, ModelFiles},
};

impl Pipeline {
    /// Whether the transformer is as large as Z-Image's.
    pub fn is_published_shape(&self) -> bool {
        self.config.is_published_shape()
    }
}

/// The configurations of a model without its weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelShape {
    /// Transformer of width 1024 in 8 layers, 156 million weights; half the channels of the Flux VAE.
    Middle,
    /// Z-Image's own: 6.2 billion weights, 4 billion of text encoder, the Flux VAE.
    Full,
}

macro_rules! shape {
    ($name:literal) => {
        &[
            ("model_index.json", include_bytes!(concat!("../../models/shapes/", $name, "/model_index.json"))),
            (
                "scheduler/scheduler_config.json",
                include_bytes!(concat!("../../models/shapes/", $name, "/scheduler/scheduler_config.json")),
            ),
            (
                "text_encoder/config.json",
                include_bytes!(concat!("../../models/shapes/", $name, "/text_encoder/config.json")),
            ),
            ("tokenizer/tokenizer.json", include_bytes!("../../models/embedded/tokenizer/tokenizer.json")),
            (
                "transformer/config.json",
                include_bytes!(concat!("../../models/shapes/", $name, "/transformer/config.json")),
            ),
            ("vae/config.json", include_bytes!(concat!("../../models/shapes/", $name, "/vae/config.json"))),
        ]
    };
}

const MIDDLE: &[EmbeddedFile] = shape!("middle");
const FULL: &[EmbeddedFile] = shape!("full");

impl ModelShape {
    /// The configurations, with the embedded model's tokenizer.
    pub(super) const fn files(self) -> ModelFiles {
        match self {
            Self::Middle => ModelFiles::embedded("middle shape", MIDDLE),
            Self::Full => ModelFiles::embedded("full shape", FULL),
        }
    }
}

crate::domain::words!(ModelShape, "a shape": Middle = "middle", Full = "full");

/// Draws every tensor on its device, so that activations keep about the size of 1: matrices and kernels are normal with
/// variance 1 / inputs, norms are 1, biases 0.
pub(super) struct RandomWeights;

impl SimpleBackend for RandomWeights {
    fn get(&self, shape: Shape, name: &str, _: Init, dtype: DType, device: &Device) -> Result<Tensor> {
        match shape.dims() {
            [_] if name.ends_with("bias") => Tensor::zeros(shape, dtype, device),
            [_] => Tensor::ones(shape, dtype, device),
            [_, inputs @ ..] => {
                #[expect(clippy::cast_precision_loss, reason = "layers are not that wide")]
                let deviation = (inputs.iter().product::<usize>() as f32).sqrt().recip();
                Tensor::randn(0f32, deviation, shape, device)?.to_dtype(dtype)
            }
            [] => bail!("random weights have a shape; `{name}` has none"),
        }
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        bail!("random weights have a shape; `{name}` was asked for without one")
    }

    fn contains_tensor(&self, name: &str) -> bool {
        !name.contains(".lora.") && !name.ends_with(ROW_NORM_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{
        prompt::PromptTokenizer,
        source::{ModelConfig, Parts},
    };

    #[test]
    fn every_shape_is_a_model_but_for_its_weights() {
        for shape in [ModelShape::Middle, ModelShape::Full] {
            let files = shape.files();
            let parts = Parts::random(&files).expect("configurations");
            let config = ModelConfig::read(&files, &parts).expect("a configuration");
            PromptTokenizer::load(&files, config.text_encoder.vocab_size).expect("a tokenizer");
            assert_eq!(shape.as_str().parse(), Ok(shape));
        }
        assert!("huge".parse::<ModelShape>().is_err_and(|error| error.contains("middle or full")));
    }

    #[test]
    fn drawn_weights_keep_the_size_of_what_they_multiply() -> Result<()> {
        let draw = |name: &str, shape: &[usize]| {
            RandomWeights.get(shape.into(), name, Init::Const(0.0), DType::F32, &Device::Cpu)?.flatten_all()
        };
        let kernel = draw("conv.weight", &[64, 64, 3, 3])?;
        let variance = (kernel.sqr()?.mean_all()?.to_scalar::<f32>()? * 576.0 - 1.0).abs();
        assert!(variance < 0.05, "{variance}");
        assert_eq!(draw("norm.weight", &[2])?.to_vec1::<f32>()?, [1.0, 1.0]);
        assert_eq!(draw("norm.bias", &[2])?.to_vec1::<f32>()?, [0.0, 0.0]);
        Ok(())
    }
}
