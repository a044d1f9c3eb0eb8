//! LoRAs of the tiny models, written as their trainers write them.

use std::path::Path;

use safetensors::{Dtype, tensor::TensorView};

/// Writes a LoRA of rank 2 of one layer of the model `base`, 64 × 64, by ai-toolkit's names. `phase` makes its numbers
/// differ from others'.
pub fn write_lora(file: &Path, layer: &str, phase: usize) {
    write_lora_of(file, &[layer], phase);
}

/// Writes one of several `layers` of 64 × 64.
pub fn write_lora_of(file: &Path, layers: &[&str], phase: usize) {
    let numbers = |count: usize| {
        (0..count)
            .flat_map(|i| {
                (f32::from(u8::try_from((i + phase) % 7).expect("a small number")) * 0.1 - 0.3).to_le_bytes()
            })
            .collect()
    };
    let factors: [(&str, Vec<usize>, Vec<u8>); 2] =
        [("lora_A", vec![2, 64], numbers(128)), ("lora_B", vec![64, 2], numbers(128))];
    let views = layers.iter().flat_map(|layer| {
        factors.iter().map(move |(factor, shape, bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes).expect("a view");
            (format!("diffusion_model.{layer}.{factor}.weight"), view)
        })
    });
    safetensors::serialize_to_file(views, None, file).expect("written");
}
