//! The tensors that stand beside a quantised weight in a safetensors file, as ComfyUI writes them: scales, and what format
//! the weight has.

use std::collections::{BTreeMap, HashMap};

use super::encoding::Scale;

/// A scale follows the name of its layer so: in older files and in newer ones.
const SCALES: [&str; 2] = [".scale_weight", ".weight_scale"];
/// Scales of activations, for products in 8 bits. Ours are wider.
const ACTIVATION_SCALES: [&str; 2] = [".scale_input", ".input_scale"];
/// Of formats that are not read.
const FOREIGN: [&str; 2] = [".weight_scale_2", ".pre_quant_scale"];
/// JSON in bytes: the layer's format.
const FORMAT: &str = ".comfy_quant";
/// Marks a file of the older form.
const MARKER: &str = "scaled_fp8";
/// Formats whose numbers times a scale are the weight.
const READ_FORMATS: [&str; 2] = ["float8_e4m3fn", "float8_e5m2"];

/// Takes out of `tensors` all that stands beside weights. Returns the scale of each layer that has one.
///
/// `read` gives a tensor's numbers, and `bytes` its bytes.
pub(super) fn take<T>(
    tensors: &mut BTreeMap<String, T>,
    read: impl Fn(&T) -> Result<Vec<f32>, String>,
    bytes: impl Fn(&T) -> Vec<u8>,
) -> Result<HashMap<String, Scale>, String> {
    tensors.remove(MARKER);
    let mut scales = HashMap::new();
    let names: Vec<String> = tensors.keys().cloned().collect();
    for name in names {
        if let Some(layer) = FOREIGN.iter().find_map(|suffix| name.strip_suffix(suffix)) {
            return Err(foreign(layer, name.rsplit('.').next().unwrap_or_default()));
        }
        if let Some(layer) = name.strip_suffix(FORMAT) {
            let format = tensors.remove(&name).map(|tensor| bytes(&tensor)).unwrap_or_default();
            let format: serde_json::Value = serde_json::from_slice(&format).unwrap_or_default();
            check_format(layer, &format)?;
        } else if ACTIVATION_SCALES.iter().any(|suffix| name.ends_with(suffix)) {
            tensors.remove(&name);
        } else if let Some(layer) = SCALES.iter().find_map(|suffix| name.strip_suffix(suffix))
            && let Some(tensor) = tensors.remove(&name)
        {
            let scale = match read(&tensor)?.as_slice() {
                [scale] => Scale::Tensor(*scale),
                rows => Scale::Rows(rows.to_vec()),
            };
            scales.insert(layer.to_owned(), scale);
        }
    }
    Ok(scales)
}

/// Checks the formats of all layers that the metadata `_quantization_metadata` gives.
pub(super) fn check_metadata(metadata: &str) -> Result<(), String> {
    let metadata: serde_json::Value = serde_json::from_str(metadata).unwrap_or_default();
    let layers = metadata.get("layers").and_then(|layers| layers.as_object()).into_iter().flatten();
    for (layer, format) in layers {
        check_format(layer, format)?;
    }
    Ok(())
}

fn check_format(layer: &str, format: &serde_json::Value) -> Result<(), String> {
    let name = format.get("format").and_then(|name| name.as_str());
    let is_rotated = format.get("convrot").is_some_and(|convrot| *convrot != serde_json::Value::Bool(false));
    match name {
        Some(name) if READ_FORMATS.contains(&name) && !is_rotated => Ok(()),
        Some(name) if is_rotated => Err(foreign(layer, &format!("{name} with convrot"))),
        name => Err(foreign(layer, name.unwrap_or("an unknown format"))),
    }
}

fn foreign(layer: &str, format: &str) -> String {
    format!(
        "layer `{layer}` is quantised as {format}, which is not read; take the model as bf16, fp8 (float8_e4m3fn, \
         scaled or not) or GGUF"
    )
}
