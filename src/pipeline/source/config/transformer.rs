use serde::Deserialize;

use super::{LAYERS_MAX, POSITIONS_MAX, WIDTH_MAX, expect_class};
use crate::pipeline::{error::LoadError, source::description::Description};

/// transformer/config.json of diffusers' `ZImageTransformer2DModel`, with its defaults. A field a key, as the file has them.
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

    pub(super) fn read(description: &Description) -> Result<Self, LoadError> {
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
