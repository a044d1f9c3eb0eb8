use clap::Args;

use crate::{config::Config, image_store::ImagesPlace};

/// Where images are kept, as `serve` takes it.
#[derive(Debug, Args)]
pub(super) struct ImagesArg {
    /// Where images are kept: the same directory or bucket that serve has [default: pictures in the data directory]
    #[arg(long, value_name = "DIR|s3://BUCKET/PREFIX")]
    images: Option<ImagesPlace>,
}

impl ImagesArg {
    /// The configuration with what the flag says instead.
    pub(super) fn apply(&self, config: &mut Config) {
        if let Some(images) = &self.images {
            config.images = Some(images.clone());
        }
    }
}
