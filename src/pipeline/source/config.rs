//! A model's own description, checked before any weight is read: the JSON of each part, and of the schedule.

use candle_transformers::models::z_image::{TextEncoderConfig as CandleTextEncoderConfig, VaeConfig};
use serde::Deserialize;

use super::{
    super::{
        error::{LoadError, short},
        schedule::{Schedule, Shift},
    },
    description::Description,
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

/// The configuration of a whole model.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct ModelConfig {
    pub(in crate::pipeline) transformer: TransformerConfig,
    pub(in crate::pipeline) text_encoder: CandleTextEncoderConfig,
    pub(in crate::pipeline) vae: VaeConfig,
    /// Whether a 1×1 convolution stands after the encoder.
    pub(in crate::pipeline) quant_conv: bool,
    /// Whether a 1×1 convolution stands before the decoder.
    pub(in crate::pipeline) post_quant_conv: bool,
    pub(in crate::pipeline) schedule: Schedule,
    /// The only size the model paints, for small models that know no other; other sizes are made from it.
    pub(in crate::pipeline) native_size: Option<ImageSize>,
}

impl ModelConfig {
    pub(in crate::pipeline) fn read(files: &ModelFiles, parts: &Parts) -> Result<Self, LoadError> {
        let native_size = files.folder().map(read_index).transpose()?.flatten();
        let transformer = TransformerConfig::read(&parts.transformer.description)?;
        let text_encoder = read_text_encoder(&parts.text_encoder.description)?;
        let (vae, quant_conv, post_quant_conv) = read_vae(&parts.vae.description)?;
        let schedule = files.folder().map_or(Ok(Schedule::Z_IMAGE), read_schedule)?;
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

    /// Both sides of a generated image are multiples of this many pixels.
    pub(in crate::pipeline) fn size_factor(&self) -> u32 {
        self.vae_factor() * TransformerConfig::PATCH as u32
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
    match found == expected {
        true => Ok(()),
        false => Err(LoadError::invalid(
            name,
            format!("_class_name is `{}`; expected `{expected}`, as Z-Image models have", short(found)),
        )),
    }
}

/// transformer/config.json of diffusers' `ZImageTransformer2DModel`, with its defaults.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::pipeline) struct TransformerConfig {
    #[serde(rename = "_class_name")]
    class_name: String,
    #[serde(default = "defaults::patch_sizes")]
    all_patch_size: Vec<usize>,
    #[serde(default = "defaults::frame_patch_sizes")]
    all_f_patch_size: Vec<usize>,
    #[serde(default = "defaults::in_channels")]
    pub(in crate::pipeline) in_channels: usize,
    #[serde(default = "defaults::dim")]
    pub(in crate::pipeline) dim: usize,
    #[serde(default = "defaults::n_layers")]
    pub(in crate::pipeline) n_layers: usize,
    #[serde(default = "defaults::n_refiner_layers")]
    pub(in crate::pipeline) n_refiner_layers: usize,
    #[serde(default = "defaults::n_heads")]
    pub(in crate::pipeline) n_heads: usize,
    #[serde(default = "defaults::norm_eps")]
    pub(in crate::pipeline) norm_eps: f32,
    #[serde(default = "defaults::qk_norm")]
    pub(in crate::pipeline) qk_norm: bool,
    #[serde(default = "defaults::cap_feat_dim")]
    pub(in crate::pipeline) cap_feat_dim: usize,
    #[serde(default)]
    siglip_feat_dim: Option<usize>,
    #[serde(default = "defaults::rope_theta")]
    pub(in crate::pipeline) rope_theta: f64,
    #[serde(default = "defaults::t_scale")]
    pub(in crate::pipeline) t_scale: f32,
    #[serde(default = "defaults::axes_dims")]
    pub(in crate::pipeline) axes_dims: [usize; 3],
    #[serde(default = "defaults::axes_lens")]
    pub(in crate::pipeline) axes_lens: [usize; 3],
}

/// Defaults of `ZImageTransformer2DModel.__init__` in diffusers 0.42.1.
mod defaults {
    pub(super) fn patch_sizes() -> Vec<usize> {
        vec![2]
    }
    pub(super) fn frame_patch_sizes() -> Vec<usize> {
        vec![1]
    }
    pub(super) const fn in_channels() -> usize {
        16
    }
    pub(super) const fn dim() -> usize {
        3840
    }
    pub(super) const fn n_layers() -> usize {
        30
    }
    pub(super) const fn n_refiner_layers() -> usize {
        2
    }
    pub(super) const fn n_heads() -> usize {
        30
    }
    pub(super) const fn norm_eps() -> f32 {
        1e-5
    }
    pub(super) const fn qk_norm() -> bool {
        true
    }
    pub(super) const fn cap_feat_dim() -> usize {
        2560
    }
    pub(super) const fn rope_theta() -> f64 {
        256.0
    }
    pub(super) const fn t_scale() -> f32 {
        1000.0
    }
    pub(super) const fn axes_dims() -> [usize; 3] {
        [32, 48, 48]
    }
    pub(super) const fn axes_lens() -> [usize; 3] {
        [1024, 512, 512]
    }
}

impl TransformerConfig {
    /// Latent pixels of a token's side. Diffusers' pipeline uses no other, and neither do we.
    pub(in crate::pipeline) const PATCH: usize = 2;

    fn read(description: &Description) -> Result<Self, LoadError> {
        let config: Self = description.parse()?;
        expect_class(&description.name, &config.class_name, "ZImageTransformer2DModel")?;
        let invalid = |reason: String| Err(LoadError::invalid(&description.name, reason));
        let patches = config.all_patch_size.iter().zip(&config.all_f_patch_size);
        if !patches.into_iter().any(|pair| pair == (&Self::PATCH, &1)) {
            return invalid(format!(
                "all_patch_size {:?} with all_f_patch_size {:?} has no patch of 2 × 2 × 1, which Z-Image uses",
                config.all_patch_size, config.all_f_patch_size
            ));
        }
        if config.siglip_feat_dim.is_some() {
            return invalid(
                "siglip_feat_dim is set; image-conditioned (Omni) models are not supported".into(),
            );
        }
        if config.n_layers.max(config.n_refiner_layers) > LAYERS_MAX {
            return invalid(format!("n_layers and n_refiner_layers must be at most {LAYERS_MAX}"));
        }
        let widths = [config.dim, config.n_heads, config.in_channels, config.cap_feat_dim];
        if widths.iter().any(|width| !(1..=WIDTH_MAX).contains(width)) {
            return invalid(format!(
                "dim, n_heads, in_channels and cap_feat_dim must be 1 to {WIDTH_MAX}; they are {widths:?}"
            ));
        }
        if config.axes_lens.iter().any(|places| !(1..=POSITIONS_MAX).contains(places)) {
            return invalid(format!(
                "axes_lens is {:?}; each must be 1 to {POSITIONS_MAX}, the positions of an axis",
                config.axes_lens
            ));
        }
        let numbers = [config.rope_theta, f64::from(config.t_scale), f64::from(config.norm_eps)];
        if numbers.iter().any(|number| !number.is_finite() || *number <= 0.0) {
            return invalid("rope_theta, t_scale and norm_eps must be numbers above 0".into());
        }
        if config.head_dim() * config.n_heads != config.dim
            || config.axes_dims.iter().sum::<usize>() != config.head_dim()
            || config.axes_dims.iter().any(|axis| axis % 2 == 1)
        {
            return invalid(format!(
                "dim {} over n_heads {} must be the sum of axes_dims {:?}, all of them even",
                config.dim, config.n_heads, config.axes_dims
            ));
        }
        Ok(config)
    }

    /// Tokens of an image whose latents are `height` × `width`.
    pub(in crate::pipeline) const fn tokens(height: usize, width: usize) -> usize {
        height * width / (Self::PATCH * Self::PATCH)
    }

    pub(in crate::pipeline) const fn head_dim(&self) -> usize {
        self.dim / self.n_heads
    }

    /// Width of the feed-forward layers, Python's `int(dim / 3 * 8)`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "the reference rounds through a double, and so must we"
    )]
    pub(in crate::pipeline) fn feed_forward_dim(&self) -> usize {
        (self.dim as f64 / 3.0 * 8.0) as usize
    }

    /// Values of one token: patch × patch × channels.
    pub(in crate::pipeline) const fn patch_dim(&self) -> usize {
        Self::PATCH * Self::PATCH * self.in_channels
    }
}

/// text_encoder/config.json of transformers' Qwen3. Version 5 keeps rope's θ in `rope_parameters`, version 4 beside it.
fn read_text_encoder(description: &Description) -> Result<CandleTextEncoderConfig, LoadError> {
    #[derive(Deserialize)]
    struct RopeParameters {
        rope_theta: Option<f64>,
        rope_type: Option<String>,
        /// What older files call the type.
        r#type: Option<String>,
    }
    #[derive(Deserialize)]
    struct Extra {
        model_type: String,
        rope_parameters: Option<RopeParameters>,
        /// What older files call the parameters.
        rope_scaling: Option<RopeParameters>,
        #[serde(default)]
        use_sliding_window: bool,
    }
    let invalid = |reason: String| Err(LoadError::invalid(&description.name, reason));
    let extra: Extra = description.parse()?;
    if extra.model_type != "qwen3" {
        return invalid(format!(
            "model_type is `{}`; expected `qwen3`, the text encoder of Z-Image",
            short(&extra.model_type)
        ));
    }
    if extra.use_sliding_window {
        return invalid("use_sliding_window is true; only full attention is supported".into());
    }
    let mut config: CandleTextEncoderConfig = description.parse()?;
    if let Some(rope) = extra.rope_parameters.or(extra.rope_scaling) {
        match rope.rope_type.or(rope.r#type).as_deref() {
            None | Some("default") => {}
            Some(other) => {
                return invalid(format!("rope_type is `{}`; only `default` is supported", short(other)));
            }
        }
        config.rope_theta = rope.rope_theta.unwrap_or(config.rope_theta);
    }
    if !(2..=LAYERS_MAX).contains(&config.num_hidden_layers) {
        return invalid(format!(
            "num_hidden_layers must be 2 to {LAYERS_MAX}: the last but one is the conditioning"
        ));
    }
    if config.num_key_value_heads == 0
        || !config.num_attention_heads.is_multiple_of(config.num_key_value_heads)
        || config.head_dim % 2 == 1
    {
        return invalid(format!(
            "num_attention_heads {} must be a multiple of num_key_value_heads {}, and head_dim {} even",
            config.num_attention_heads, config.num_key_value_heads, config.head_dim
        ));
    }
    let widths = [
        config.vocab_size,
        config.hidden_size,
        config.intermediate_size,
        config.head_dim,
        config.num_attention_heads,
    ];
    if widths.iter().any(|width| !(1..=WIDTH_MAX).contains(width)) {
        return invalid(format!(
            "vocab_size, hidden_size, intermediate_size, head_dim and num_attention_heads must be 1 to {WIDTH_MAX}; \
             they are {widths:?}"
        ));
    }
    if !(config.rope_theta.is_finite() && config.rope_theta > 0.0 && config.rms_norm_eps.is_finite()) {
        return invalid("rope_theta and rms_norm_eps must be numbers above 0".into());
    }
    // Positions are tabled up to here; a prompt has no more.
    config.max_position_embeddings = PROMPT_TOKENS_MAX;
    Ok(config)
}

/// vae/config.json of diffusers' `AutoencoderKL`, and whether a 1×1 convolution stands after the encoder, and one before the
/// decoder.
fn read_vae(description: &Description) -> Result<(VaeConfig, bool, bool), LoadError> {
    const fn yes() -> bool {
        true
    }
    #[derive(Deserialize)]
    struct Extra {
        #[serde(rename = "_class_name")]
        class_name: String,
        #[serde(default)]
        up_block_types: Vec<String>,
        #[serde(default)]
        down_block_types: Vec<String>,
        #[serde(default = "yes")]
        use_quant_conv: bool,
        #[serde(default = "yes")]
        use_post_quant_conv: bool,
        #[serde(default = "yes")]
        mid_block_add_attention: bool,
        act_fn: Option<String>,
        scaling_factor: Option<f64>,
        shift_factor: Option<f64>,
    }
    let invalid = |reason: String| Err(LoadError::invalid(&description.name, reason));
    let extra: Extra = description.parse()?;
    expect_class(&description.name, &extra.class_name, "AutoencoderKL")?;
    if let Some(other) = extra.up_block_types.iter().find(|kind| *kind != "UpDecoderBlock2D") {
        return invalid(format!(
            "up_block_types has `{}`; only `UpDecoderBlock2D` is supported",
            short(other)
        ));
    }
    if let Some(other) = extra.down_block_types.iter().find(|kind| *kind != "DownEncoderBlock2D") {
        return invalid(format!(
            "down_block_types has `{}`; only `DownEncoderBlock2D` is supported",
            short(other)
        ));
    }
    if !extra.mid_block_add_attention {
        return invalid("mid_block_add_attention is false; only true is supported".into());
    }
    if let Some(other) = extra.act_fn.filter(|name| name != "silu") {
        return invalid(format!("act_fn is `{}`; only `silu` is supported", short(&other)));
    }
    let (Some(scaling), Some(shift)) = (extra.scaling_factor, extra.shift_factor) else {
        return invalid("scaling_factor and shift_factor must be numbers".into());
    };
    if !(scaling.is_normal() && shift.is_finite()) {
        return invalid("scaling_factor must be a number other than 0".into());
    }
    let config: VaeConfig = description.parse()?;
    if config.in_channels != 3 || config.out_channels != 3 || config.layers_per_block > LAYERS_MAX {
        return invalid(format!(
            "in_channels and out_channels must be 3, and layers_per_block at most {LAYERS_MAX}"
        ));
    }
    let groups = config.norm_num_groups;
    if config.block_out_channels.is_empty()
        || config.block_out_channels.len() > 8
        || groups == 0
        || config
            .block_out_channels
            .iter()
            .any(|channels| !channels.is_multiple_of(groups) || !(1..=WIDTH_MAX).contains(channels))
    {
        return invalid(format!(
            "block_out_channels {:?} must be one to eight multiples of norm_num_groups {groups}",
            config.block_out_channels
        ));
    }
    Ok((config, extra.use_quant_conv, extra.use_post_quant_conv))
}

/// scheduler/scheduler_config.json of diffusers' `FlowMatchEulerDiscreteScheduler`, with its defaults.
fn read_schedule(folder: &Folder) -> Result<Schedule, LoadError> {
    const FILE: &str = "scheduler/scheduler_config.json";
    #[derive(Deserialize)]
    #[serde(default)]
    struct Config {
        #[serde(rename = "_class_name")]
        class_name: String,
        num_train_timesteps: f32,
        shift: f32,
        use_dynamic_shifting: bool,
        base_shift: Option<f64>,
        max_shift: Option<f64>,
        base_image_seq_len: Option<f64>,
        max_image_seq_len: Option<f64>,
        time_shift_type: String,
        shift_terminal: Option<f64>,
        use_karras_sigmas: Option<bool>,
        use_exponential_sigmas: Option<bool>,
        use_beta_sigmas: Option<bool>,
        invert_sigmas: bool,
        stochastic_sampling: bool,
    }
    impl Default for Config {
        fn default() -> Self {
            Self {
                class_name: String::new(),
                num_train_timesteps: 1000.0,
                shift: 1.0,
                use_dynamic_shifting: false,
                base_shift: Some(0.5),
                max_shift: Some(1.15),
                base_image_seq_len: Some(256.0),
                max_image_seq_len: Some(4096.0),
                time_shift_type: "exponential".into(),
                shift_terminal: None,
                use_karras_sigmas: None,
                use_exponential_sigmas: None,
                use_beta_sigmas: None,
                invert_sigmas: false,
                stochastic_sampling: false,
            }
        }
    }
    let invalid = |reason: String| Err(LoadError::invalid(folder.path_of(FILE), reason));
    let config: Config = folder.json(FILE)?;
    expect_class(&folder.path_of(FILE), &config.class_name, "FlowMatchEulerDiscreteScheduler")?;
    let unsupported = [
        ("shift_terminal", config.shift_terminal.is_some_and(|value| value != 0.0)),
        ("use_karras_sigmas", config.use_karras_sigmas == Some(true)),
        ("use_exponential_sigmas", config.use_exponential_sigmas == Some(true)),
        ("use_beta_sigmas", config.use_beta_sigmas == Some(true)),
        ("invert_sigmas", config.invert_sigmas),
        ("stochastic_sampling", config.stochastic_sampling),
    ];
    if let Some((field, _)) = unsupported.iter().find(|(_, set)| *set) {
        return invalid(format!("{field} is set; Z-Image's schedule leaves it off, and so must this one"));
    }
    let exponential = match config.time_shift_type.as_str() {
        "exponential" => true,
        "linear" => false,
        other => {
            return invalid(format!(
                "time_shift_type is `{}`; expected `exponential` or `linear`",
                short(other)
            ));
        }
    };
    let shift = match config.use_dynamic_shifting {
        false => Shift::Static(config.shift),
        true => Shift::Dynamic {
            base_shift: config.base_shift.unwrap_or(0.5),
            max_shift: config.max_shift.unwrap_or(1.15),
            base_tokens: config.base_image_seq_len.unwrap_or(256.0),
            max_tokens: config.max_image_seq_len.unwrap_or(4096.0),
            exponential,
        },
    };
    let numbers = [config.shift, config.num_train_timesteps];
    if numbers.iter().any(|number| !number.is_finite() || *number <= 0.0) {
        return invalid("shift and num_train_timesteps must be numbers above 0".into());
    }
    Ok(Schedule { shift, train_timesteps: config.num_train_timesteps })
}
