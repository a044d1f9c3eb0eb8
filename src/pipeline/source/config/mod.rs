//! A model's own description, checked before any weight is read: the JSON of each part, and of the schedule.

mod schedule;
mod text_encoder;
mod transformer;
mod vae;

use candle_transformers::models::z_image::{TextEncoderConfig, VaeConfig};
use serde::Deserialize;

pub(in crate::pipeline) use self::transformer::TransformerConfig;
use super::{
    super::{
        error::{LoadError, short},
        limits::SizeLimits,
        schedule::Schedule,
    },
    files::{INDEX_FILE, ModelFiles},
    folder::Folder,
    part::Parts,
};
use crate::domain::ImageSize;

/// Tokens a prompt may have, chat template included; the reference cuts what is longer.
pub const PROMPT_TOKENS_MAX: usize = 512;
/// More layers than any model has; a mistyped number is refused before memory is set aside for it.
const LAYERS_MAX: usize = 1024;

/// Wider than any model is; what is wider is refused before memory is set aside for it.
const WIDTH_MAX: usize = 1 << 20;
/// More positions than an axis of any model has.
const POSITIONS_MAX: usize = 1 << 16;

/// Width and depth of Z-Image's transformer, Turbo and Base.
const PUBLISHED: (usize, usize) = (3840, 30);

/// The configuration of a whole model.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct ModelConfig {
    pub(in crate::pipeline) transformer: TransformerConfig,
    pub(in crate::pipeline) text_encoder: TextEncoderConfig,
    pub(in crate::pipeline) vae: VaeConfig,
    /// Whether a 1×1 convolution stands after the encoder.
    pub(in crate::pipeline) quant_conv: bool,
    /// Whether a 1×1 convolution stands before the decoder.
    pub(in crate::pipeline) post_quant_conv: bool,
    pub(in crate::pipeline) schedule: Schedule,
    /// The only size the model generates, for small models that know no other; other sizes are made from it.
    pub(in crate::pipeline) native_size: Option<ImageSize>,
}

impl ModelConfig {
    pub(in crate::pipeline) fn read(files: &ModelFiles, parts: &Parts) -> Result<Self, LoadError> {
        let native_size = files.folder().map(read_index).transpose()?.flatten();
        let transformer = TransformerConfig::read(&parts.transformer.description)?;
        let text_encoder = text_encoder::read(&parts.text_encoder.description)?;
        let (vae, quant_conv, post_quant_conv) = vae::read(&parts.vae.description)?;
        let schedule = files.folder().map_or(Ok(Schedule::Z_IMAGE), schedule::read)?;
        if text_encoder.hidden_size != transformer.cap_feat_dim {
            return Err(LoadError::invalid(
                &parts.transformer.description.name,
                format!(
                    "cap_feat_dim is {}, but {} has hidden_size {}; they must be equal",
                    transformer.cap_feat_dim, parts.text_encoder.description.name, text_encoder.hidden_size
                ),
            ));
        }
        if vae.latent_channels != transformer.in_channels {
            return Err(LoadError::invalid(
                &parts.transformer.description.name,
                format!(
                    "in_channels is {}, but {} has latent_channels {}; they must be equal",
                    transformer.in_channels, parts.vae.description.name, vae.latent_channels
                ),
            ));
        }
        let config =
            Self { transformer, text_encoder, vae, quant_conv, post_quant_conv, schedule, native_size };
        let factor = config.size_factor();
        let side_max = config.side_max();
        if native_size
            .is_some_and(|size| !size.is_multiple_of(factor) || size.width().max(size.height()) > side_max)
        {
            return Err(LoadError::invalid(
                INDEX_FILE,
                format!("native_size must have sides that are multiples of {factor}, at most {side_max}"),
            ));
        }
        Ok(config)
    }

    /// Pixels of a latent's side.
    pub(in crate::pipeline) fn vae_factor(&self) -> u32 {
        1 << (self.vae.block_out_channels.len() - 1)
    }

    /// The longest side that the transformer has positions for.
    pub(in crate::pipeline) fn side_max(&self) -> u32 {
        let [_, rows, columns] = self.transformer.axes_lens;
        u32::try_from(rows.min(columns)).unwrap_or(u32::MAX).saturating_mul(self.size_factor())
    }

    /// The sizes that it can generate.
    pub(in crate::pipeline) fn limits(&self) -> SizeLimits {
        SizeLimits { factor: self.size_factor(), side_max: self.side_max(), native: self.native_size }
    }

    /// Whether the transformer is as large as Z-Image's.
    pub(in crate::pipeline) fn is_published_shape(&self) -> bool {
        (self.transformer.dim, self.transformer.n_layers) == PUBLISHED
    }

    /// Both sides of a generated image are multiples of this many pixels.
    pub(in crate::pipeline) fn size_factor(&self) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "it is 2")]
        const PATCH: u32 = TransformerConfig::PATCH as u32;
        self.vae_factor() * PATCH
    }
}

/// Checks the pipeline's class, and reads what only Tintype looks for: `"_tintype": {"native_size": "128x128"}`. Diffusers
/// passes over keys that begin with an underscore.
fn read_index(folder: &Folder) -> Result<Option<ImageSize>, LoadError> {
    #[derive(Deserialize)]
    struct ModelIndex {
        #[serde(rename = "_class_name")]
        class_name: String,
        #[serde(rename = "_tintype", default)]
        ours: Ours,
    }
    #[derive(Deserialize, Default)]
    struct Ours {
        native_size: Option<ImageSize>,
    }
    let index: ModelIndex = folder.json(INDEX_FILE)?;
    expect_class(&folder.path_of(INDEX_FILE), &index.class_name, "ZImagePipeline")?;
    Ok(index.ours.native_size)
}

fn expect_class(name: &str, found: &str, expected: &str) -> Result<(), LoadError> {
    if found == expected {
        Ok(())
    } else {
        Err(LoadError::invalid(
            name,
            format!("_class_name is `{}`; expected `{expected}`, as Z-Image models have", short(found)),
        ))
    }
}
