//! Files of weights and LoRAs as public packages write them, held against what diffusers makes of them (make_file_goldens.py).

use std::{collections::HashMap, fs, ops::ControlFlow, path::PathBuf, sync::Arc};

use candle_core::{Device, Tensor, safetensors};
use serde::Deserialize;
use tintype::{
    domain::{ImageSize, RenderSpec, Seed},
    pipeline::{
        DeviceChoice, LoraChoice, LoraSet, MemoryTier, ModelFiles, PartFiles, Pipeline, Placement, Precision,
        Sides,
    },
};

use crate::tiny_models;

/// Largest difference of a pixel, of 255.
const TOLERANCE: u8 = 1;

#[derive(Deserialize)]
struct Case {
    name: String,
    /// Files, with their weights.
    #[serde(default)]
    loras: Vec<(String, f64)>,
    /// The transformer's file; none: the model's own.
    model: Option<String>,
}

fn folder() -> PathBuf {
    tiny_models::parity_dir().join("goldens-files")
}

fn cases() -> Vec<Case> {
    let text = fs::read_to_string(folder().join("cases.json")).expect("the cases");
    serde_json::from_str(&text).expect("JSON")
}

fn expected() -> HashMap<String, Tensor> {
    safetensors::load(folder().join("images.safetensors"), &Device::Cpu).expect("the images")
}

fn load(transformer: Option<&str>, placement: &Placement) -> Pipeline {
    let own = tiny_models::directory("base");
    let files = match transformer {
        None => ModelFiles::directory(&own).expect("a model"),
        Some(file) => ModelFiles::file(&folder().join(file)).with_parts(PartFiles {
            transformer: None,
            text_encoder: Some(own.join("text_encoder")),
            vae: Some(own.join("vae")),
            tokenizer: Some(own.join("tokenizer")),
        }),
    };
    Pipeline::load(&files, placement, &|_, _| {}).unwrap_or_else(|error| panic!("{error}"))
}

fn choices(loras: &[(String, f64)]) -> Vec<LoraChoice> {
    let choice = |(file, weight): &(String, f64)| LoraChoice { file: folder().join(file), weight: *weight };
    loras.iter().map(choice).collect()
}

/// The image of the goldens with `sides`: red, green and blue.
fn image(pipeline: &Pipeline, sides: &Arc<Sides>) -> Vec<u8> {
    image_of(pipeline, sides, &RenderSpec::new("a red apple", ImageSize::square(64), 2))
}

fn image_of(pipeline: &Pipeline, sides: &Arc<Sides>, spec: &RenderSpec) -> Vec<u8> {
    let tokens = pipeline.tokenise(spec).expect("tokens");
    let prepared = pipeline.prepare_tokens(&tokens, sides).expect("prepared");
    let made = pipeline.generate(spec, &prepared, Seed::new(7), &mut |_| ControlFlow::Continue(()));
    made.expect("an image").rgb
}

fn sides(pipeline: &Pipeline, loras: &[(String, f64)]) -> Arc<Sides> {
    let set: LoraSet = pipeline.read_loras(&choices(loras)).unwrap_or_else(|error| panic!("{error}"));
    pipeline.sides(&set).expect("on the device")
}

/// A small image with `loras`, in one step.
fn small(pipeline: &Pipeline, loras: &[(String, f64)]) -> Vec<u8> {
    let spec = RenderSpec::new("a red apple", ImageSize::square(32), 1);
    image_of(pipeline, &sides(pipeline, loras), &spec)
}

fn largest_difference(one: &[u8], other: &[u8]) -> u8 {
    assert_eq!(one.len(), other.len());
    one.iter().zip(other).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or_default()
}

fn f32_resident() -> Placement {
    Placement::resident(DeviceChoice::Cpu, Precision::F32)
}

#[test]
fn every_naming_and_type_makes_the_image_that_diffusers_makes() {
    let (own, expected) = (load(None, &f32_resident()), expected());
    let plain = image(&own, &Arc::default());
    let mut worst = 0;
    for Case { name, loras, model } in cases() {
        let made = match &model {
            None => image(&own, &sides(&own, &loras)),
            Some(file) => image(&load(Some(file), &f32_resident()), &Arc::default()),
        };
        let golden = expected[&name].flatten_all().and_then(|image| image.to_vec1::<u8>()).expect("u8");
        let difference = largest_difference(&made, &golden);
        assert!(difference <= TOLERANCE, "{name}: {difference}");
        worst = worst.max(difference);
    }
    assert!(image(&own, &Arc::default()) == plain, "after all of them");
    println!("largest difference of a pixel over all files and LoRAs: {worst}");
}

/// The mean difference of a pixel, of 255.
fn mean_difference(one: &[u8], other: &[u8]) -> f64 {
    let sum: u64 = one.iter().zip(other).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    f64::from(u32::try_from(sum).expect("a small image"))
        / f64::from(u32::try_from(one.len()).expect("a small image"))
}

const STYLE: &str = "diffusers.safetensors";

#[test]
fn every_tier_and_type_applies_a_lora_and_keeps_nothing_of_it() {
    let style = [(STYLE.to_owned(), 1.0)];
    for (transformer, precision) in [
        (None, Precision::F32),
        (None, Precision::Bf16),
        (Some("fp8.safetensors"), Precision::F32),
        (Some("q4_0.gguf"), Precision::F16),
    ] {
        let placement = Placement::resident(DeviceChoice::Cpu, precision);
        let resident = load(transformer, &placement);
        let (plain, styled) = (small(&resident, &[]), small(&resident, &style));
        let effect = mean_difference(&plain, &styled);
        assert!(effect > 5.0, "{transformer:?}: {effect}");
        for memory in [MemoryTier::Offload, MemoryTier::EightBit, MemoryTier::FourBit, MemoryTier::Low] {
            let pipeline = load(transformer, &Placement { memory, ..placement.clone() });
            let before = small(&pipeline, &[]);
            let made = small(&pipeline, &style);
            let lost = mean_difference(&made, &styled);
            if memory.generates_as(MemoryTier::Resident) {
                assert!(made == styled, "{transformer:?} {memory}");
            } else {
                assert!(lost < effect / 2.0, "{transformer:?} {memory}: {lost} of {effect}");
            }
            assert!(small(&pipeline, &[]) == before, "{transformer:?} {memory}");
        }
    }
}

#[test]
fn a_merged_lora_makes_the_image_of_one_beside_the_layers_and_changes_no_other() {
    for (precision, memory, allowed) in [
        (Precision::F32, MemoryTier::Resident, 1.0),
        (Precision::Bf16, MemoryTier::Resident, 3.0),
        (Precision::F32, MemoryTier::EightBit, 3.0),
    ] {
        let placement = Placement { memory, ..Placement::resident(DeviceChoice::Cpu, precision) };
        let pipeline = load(None, &placement);
        for file in [STYLE, "lokr.safetensors"] {
            let style = [(file.to_owned(), 1.0)];
            let merging = load(None, &Placement { merged: choices(&style), ..placement.clone() });
            let (beside, merged) = (small(&pipeline, &style), small(&merging, &style));
            assert!(mean_difference(&beside, &merged) < allowed, "{precision} {memory} {file}");
            let largest = largest_difference(&beside, &merged);
            assert!(
                precision != Precision::F32 || memory != MemoryTier::Resident || largest <= 1,
                "{file}: {largest}"
            );
            for other in [
                vec![],
                vec![(file.to_owned(), 0.5)],
                vec![style[0].clone(), ("other.safetensors".to_owned(), 1.0)],
            ] {
                assert!(small(&pipeline, &other) == small(&merging, &other), "{other:?}");
            }
        }
    }
}
