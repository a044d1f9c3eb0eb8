use candle_core::Result;
use candle_nn::VarBuilder;

use super::super::{norm::RmsNorm, source::TransformerConfig};

/// The four norms of a block, each of [dim].
#[derive(Debug, Clone)]
pub(super) struct Norms {
    pub(super) attention1: RmsNorm,
    pub(super) attention2: RmsNorm,
    pub(super) ffn1: RmsNorm,
    pub(super) ffn2: RmsNorm,
}

impl Norms {
    pub(super) fn load(config: &TransformerConfig, vb: &VarBuilder) -> Result<Self> {
        let norm = |name: &str| RmsNorm::load(&vb.pp(name), config.dim, config.norm_eps);
        Ok(Self {
            attention1: norm("attention_norm1")?,
            attention2: norm("attention_norm2")?,
            ffn1: norm("ffn_norm1")?,
            ffn2: norm("ffn_norm2")?,
        })
    }
}
