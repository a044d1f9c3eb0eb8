use serde::Deserialize;

use super::{ConfigError, ModelConfig};
use crate::{
    domain::{ImageSize, Usual, Variant},
    pipeline::{ModelSource, PartFiles, Placement, SizeLimits},
};

/// Which Z-Image a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VariantChoice {
    /// What the name of its files says, if it is of the published shape; else Turbo.
    Auto,
    /// Z-Image-Turbo.
    Turbo,
    /// Z-Image.
    Base,
}

impl ModelConfig {
    /// Where and how the model is held: on the first device.
    pub fn placement(&self) -> Placement {
        Placement {
            device: self.device.first(),
            precision: self.dtype,
            memory: self.memory,
            kernels: self.kernels,
            work_bytes_max: self.work_bytes_max(),
            merged: Vec::new(),
        }
    }

    /// Where the model comes from and what it is called.
    pub fn source(&self) -> ModelSource {
        let parts = PartFiles {
            transformer: None,
            text_encoder: self.text_encoder.clone(),
            vae: self.vae.clone(),
            tokenizer: self.tokenizer.clone(),
        };
        ModelSource::new(self.path.as_deref(), self.id.as_deref(), self.default_size)
            .with_parts(parts)
            .with_pin(self.sha256.clone())
    }

    /// The size of an image if none is asked for.
    ///
    /// # Errors
    /// [`ConfigError::DefaultSize`] if the model cannot make the configured size.
    pub fn default_size(&self, limits: SizeLimits) -> Result<ImageSize, ConfigError> {
        let size = self.source().default_size(limits);
        size.map_err(|error| ConfigError::DefaultSize(error.to_string()))
    }

    pub(super) fn work_bytes_max(&self) -> Option<u64> {
        self.memory_mib.map(|mib| mib.saturating_mul(1 << 20))
    }

    /// How images are generated if a request does not say. `is_published_shape`: whether the model is as large as Z-Image is;
    /// the name of a smaller one says nothing.
    pub fn usual(&self, is_published_shape: bool) -> Usual {
        let named = || self.source().named_variant().filter(|_| is_published_shape);
        let variant = match self.variant {
            VariantChoice::Auto => named().unwrap_or(Variant::Turbo),
            VariantChoice::Turbo => Variant::Turbo,
            VariantChoice::Base => Variant::Base,
        };
        let guidance_scale = self.guidance_scale.unwrap_or(variant.guidance_scale());
        Usual { variant, steps: self.steps.over(variant), guidance_scale }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_for_the_published_shape_alone_and_what_is_configured_counts_always() {
        let named = |path: &str| ModelConfig { path: Some(path.into()), ..ModelConfig::default() };
        let base = named("Tongyi-MAI/Z-Image");
        assert_eq!((base.usual(true).variant, base.usual(true).guidance_scale), (Variant::Base, 4.0));
        assert_eq!(base.usual(false).variant, Variant::Turbo, "a small model, whatever it is called");
        assert_eq!(named("Tongyi-MAI/Z-Image-Turbo").usual(true).variant, Variant::Turbo);
        assert_eq!(named("/models/mine").usual(true).variant, Variant::Turbo);
        let said =
            ModelConfig { variant: VariantChoice::Base, guidance_scale: Some(3.0), ..ModelConfig::default() };
        assert_eq!((said.usual(false).variant, said.usual(false).guidance_scale), (Variant::Base, 3.0));
        assert_eq!(said.usual(false).steps.medium.get(), 28);
    }
}
