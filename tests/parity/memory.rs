//! Tiers of memory: what leaves the device comes back unchanged, and fewer bits lose what is said of them.

use std::ops::ControlFlow;

use tintype::{
    domain::{RenderSpec, Seed},
    pipeline::{EMBEDDED_MODEL, MemoryTier, ModelFiles, Pipeline, Pixels, Placement, Precision},
};

use crate::{
    goldens::{cases, device},
    tiny_models,
};

fn load(files: &ModelFiles, precision: Precision, memory: MemoryTier) -> Pipeline {
    let placement = Placement { memory, ..Placement::resident(device(), precision) };
    let pipeline = Pipeline::load(files, &placement, &|_, _| {}).expect("the model loads");
    assert_eq!(pipeline.memory_tier(), memory);
    pipeline
}

fn generate(pipeline: &Pipeline, spec: &RenderSpec, seed: Seed) -> Pixels {
    let prepared = pipeline.prepare(spec).expect("prepared");
    pipeline.generate(spec, &prepared, seed, &mut |_| ControlFlow::Continue(())).expect("generated")
}

#[test]
fn a_model_whose_layers_come_and_go_generates_the_same_pixels() {
    let mut models: Vec<String> = Vec::new();
    for case in cases() {
        if models.contains(&case.model) {
            continue;
        }
        let files = ModelFiles::directory(&tiny_models::directory(&case.model)).expect("a model");
        let (spec, seed) = case.images().next().expect("an image");
        for precision in [Precision::F32, Precision::F16] {
            let of = |memory| generate(&load(&files, precision, memory), &spec, seed);
            let resident = of(MemoryTier::Resident);
            for memory in [MemoryTier::Offload, MemoryTier::Low] {
                assert_eq!(of(memory), resident, "{} in {precision:?}, {memory}", case.model);
            }
        }
        models.push(case.model);
    }
    assert!(models.len() >= 7, "sharded, with and without prefix, with and without biases");
}

/// Root mean square of the differences, of 255.
#[expect(clippy::cast_precision_loss, reason = "images are small")]
fn difference(a: &Pixels, b: &Pixels) -> f64 {
    let squares = a.rgb.iter().zip(&b.rgb).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    (squares.sum::<f64>() / b.rgb.len() as f64).sqrt()
}

/// The figures stand in docs/decisions/0011-memory-tiers.md.
#[test]
fn eight_bits_are_hardly_seen_and_four_bits_are() {
    let prompts =
        ["a red apple", "a blue house on a yellow background", "一只绿色的猫", "a star", "an orange car"];
    let images = |precision, memory| {
        let pipeline = load(&EMBEDDED_MODEL, precision, memory);
        let size = pipeline.limits().native.expect("one size");
        prompts.map(|prompt| {
            let (prompt, steps) = (prompt.to_owned(), 8);
            let spec = RenderSpec::new(prompt, size, steps);
            generate(&pipeline, &spec, Seed::new(7))
        })
    };
    let exact = images(Precision::F32, MemoryTier::Resident);
    let mean = |precision, memory| {
        let differences: Vec<f64> =
            images(precision, memory).iter().zip(&exact).map(|(a, b)| difference(a, b)).collect();
        println!("{precision:?} {memory}: {differences:.2?} of 255");
        differences.iter().sum::<f64>() / f64::from(u32::try_from(differences.len()).expect("a few"))
    };
    let (bf16, eight) =
        (mean(Precision::Bf16, MemoryTier::Resident), mean(Precision::F32, MemoryTier::EightBit));
    let four = mean(Precision::F32, MemoryTier::FourBit);
    assert!(eight < 1.5 && eight < 2.0 * bf16, "{eight}, {bf16}");
    assert!(eight < four && four < 12.0, "{four}");
    let half = mean(Precision::F16, MemoryTier::EightBit);
    assert!(half < 1.5, "the other product sees the same blocks: {half}");
}

#[test]
fn an_image_decoded_in_no_room_at_all_is_the_same() {
    let placement = Placement::resident(device(), Precision::F32);
    let of = |work_bytes_max| {
        let placement = Placement { work_bytes_max, ..placement.clone() };
        let pipeline = Pipeline::load(&EMBEDDED_MODEL, &placement, &|_, _| {}).expect("the model loads");
        let (prompt, size) = ("a red apple".to_owned(), pipeline.limits().native.expect("one size"));
        let spec = RenderSpec::new(prompt, size, 4);
        generate(&pipeline, &spec, Seed::new(3))
    };
    let (whole, strips) = (of(None), of(Some(0)));
    assert!(whole.rgb.iter().zip(&strips.rgb).all(|(a, b)| a.abs_diff(*b) <= 1));
    assert!(difference(&strips, &whole) < 0.01, "one number in 10,000 may be 1/255 apart");
}
