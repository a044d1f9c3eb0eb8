use candle_transformers::models::z_image::VaeConfig;
use serde::Deserialize;

use super::{LAYERS_MAX, WIDTH_MAX, expect_class};
use crate::pipeline::{
    error::{LoadError, short},
    source::description::Description,
};

const fn yes() -> bool {
    true
}

/// What candle's configuration does not have.
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
/// vae/config.json of diffusers' `AutoencoderKL`, and whether a 1×1 convolution stands after the encoder, and one before the
/// decoder.
pub(super) fn read(description: &Description) -> Result<(VaeConfig, bool, bool), LoadError> {
    let invalid = |reason: String| LoadError::invalid(&description.name, reason);
    let extra: Extra = description.parse()?;
    expect_class(&description.name, &extra.class_name, "AutoencoderKL")?;
    extra.check().map_err(invalid)?;
    let config: VaeConfig = description.parse()?;
    check(&config).map_err(invalid)?;
    Ok((config, extra.use_quant_conv, extra.use_post_quant_conv))
}

impl Extra {
    /// What of it is not supported.
    fn check(&self) -> Result<(), String> {
        if let Some(other) = self.up_block_types.iter().find(|kind| *kind != "UpDecoderBlock2D") {
            return Err(format!(
                "up_block_types has `{}`; only `UpDecoderBlock2D` is supported",
                short(other)
            ));
        }
        if let Some(other) = self.down_block_types.iter().find(|kind| *kind != "DownEncoderBlock2D") {
            return Err(format!(
                "down_block_types has `{}`; only `DownEncoderBlock2D` is supported",
                short(other)
            ));
        }
        if !self.mid_block_add_attention {
            return Err("mid_block_add_attention is false; only true is supported".into());
        }
        if let Some(other) = self.act_fn.as_ref().filter(|name| *name != "silu") {
            return Err(format!("act_fn is `{}`; only `silu` is supported", short(other)));
        }
        let (Some(scaling), Some(shift)) = (self.scaling_factor, self.shift_factor) else {
            return Err("scaling_factor and shift_factor must be numbers".into());
        };
        if !(scaling.is_normal() && shift.is_finite()) {
            return Err("scaling_factor must be a number other than 0".into());
        }
        Ok(())
    }
}

/// What is wrong with the numbers of `config`.
fn check(config: &VaeConfig) -> Result<(), String> {
    if config.in_channels != 3 || config.out_channels != 3 || config.layers_per_block > LAYERS_MAX {
        return Err(format!(
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
        return Err(format!(
            "block_out_channels {:?} must be one to eight multiples of norm_num_groups {groups}",
            config.block_out_channels
        ));
    }
    Ok(())
}
