//! Every case of edit_cases.json: the encoder's latents, each step's latents, the image; and what edits promise of
//! their own.

use std::{collections::HashMap, fs, ops::ControlFlow, sync::Arc};

use candle_core::{Device, Tensor};
use serde::Deserialize;
use tintype::{
    domain::{Edit, ImageSize, Mask, MaskMode, Pixels, RenderSpec, Seed, Strength},
    pipeline::{Item, Pipeline, Precision, RenderError},
};

use crate::{
    goldens::{self, relative_error},
    tiny_models,
};

/// ‖ours − reference‖ / ‖reference‖ that a result in f32 may show.
const TOLERANCE: f32 = 1e-4;

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    model: String,
    prompts: Vec<String>,
    negative_prompts: Option<Vec<String>>,
    width: u32,
    height: u32,
    steps: u32,
    strength: f64,
    guidance: f64,
    seeds: Vec<u64>,
}

impl Case {
    fn all() -> Vec<Self> {
        let file = fs::read(tiny_models::parity_dir().join("edit_cases.json")).expect("cases");
        serde_json::from_slice(&file).expect("a list of cases")
    }

    /// The edit of the case, as the goldens have it.
    fn edit(&self, goldens: &HashMap<String, Tensor>) -> Edit {
        let size = ImageSize::new(self.width, self.height).expect("a size");
        let mask = goldens.get("mask").map(|levels| Mask { size, levels: bytes(levels) });
        Edit {
            source: Pixels { size, rgb: bytes(&goldens["source"]) },
            mask,
            strength: Strength::new(self.strength).expect("a strength"),
            mode: MaskMode::Reference,
            feather: 0,
            crop: None,
        }
    }

    fn specs(&self, edit: &Arc<Edit>, size: ImageSize) -> Vec<RenderSpec> {
        let negative = |i: usize| self.negative_prompts.as_ref().map(|prompts| prompts[i].clone());
        let spec = |(i, prompt): (usize, &String)| RenderSpec {
            prompt: prompt.clone(),
            negative_prompt: negative(i),
            size,
            steps: self.steps,
            guidance_scale: self.guidance,
            edit: Some(Arc::clone(edit)),
            loras: Vec::new(),
        };
        self.prompts.iter().enumerate().map(spec).collect()
    }
}

fn bytes(tensor: &Tensor) -> Vec<u8> {
    tensor.flatten_all().and_then(|tensor| tensor.to_vec1()).expect("bytes")
}

fn load_goldens(name: &str) -> HashMap<String, Tensor> {
    let file = tiny_models::parity_dir().join("goldens-edits").join(format!("{name}.safetensors"));
    candle_core::safetensors::load(&file, &Device::Cpu)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn generate(pipeline: &Pipeline, spec: &RenderSpec, seed: Seed) -> Pixels {
    let prepared = pipeline.prepare(spec).expect("prepared");
    pipeline.generate(spec, &prepared, seed, &mut |_| ControlFlow::Continue(())).expect("an image")
}

#[test]
fn every_encoder_equals_diffusers() {
    let models = [
        ("base", 32, 24),
        ("sharded", 48, 32),
        ("wide", 24, 40),
        ("no-qk-norm", 32, 24),
        ("other-constants", 20, 24),
        ("dynamic-shift", 64, 48),
        ("linear-shift", 24, 40),
        ("published-style", 48, 80),
        ("overflow", 24, 20),
    ];
    for (model, width, height) in models {
        let (pipeline, goldens) =
            (goldens::load(model, Precision::F32), load_goldens(&format!("encoder-{model}")));
        let size = ImageSize::new(width, height).expect("a size");
        let image = Pixels { size, rgb: bytes(&goldens["image"]) };
        let distribution = pipeline.encode(&image).expect("latents");
        let noise =
            tintype::pipeline::standard_normal(Seed::new(width.into()), distribution.mean().elem_count());
        let noise = Tensor::from_vec(noise, distribution.mean().shape(), &Device::Cpu).expect("noise");
        for (what, ours) in [
            ("mean", distribution.mean().clone()),
            ("std", distribution.deviation().clone()),
            ("sample", distribution.sample(&noise).expect("a sample")),
        ] {
            let error = relative_error(&ours, &goldens[what]);
            println!("{model:16} {what:7} {error:.1e}");
            assert!(error <= TOLERANCE, "{model}, {what}: relative error {error:.1e}");
        }
    }
}

#[test]
fn every_edit_equals_diffusers() {
    let cases = Case::all();
    assert!(cases.len() >= 30, "the goldens are there");
    let mut pipelines: HashMap<&str, Pipeline> = HashMap::new();
    for case in &cases {
        let pipeline =
            pipelines.entry(&case.model).or_insert_with(|| goldens::load(&case.model, Precision::F32));
        check(pipeline, case);
    }
}

/// The images of a case, each alone and all of them in one batch where their prompts allow it.
fn check(pipeline: &Pipeline, case: &Case) {
    let goldens = load_goldens(&case.name);
    let edit = case.edit(&goldens);
    let size = pipeline.limits().answered(&edit);
    let mut worst = 0f32;
    for (i, spec) in case.specs(&Arc::new(edit), size).iter().enumerate() {
        let seed = Seed::new(case.seeds[i]);
        let prepared = pipeline.prepare(spec).expect("prepared");
        let edit = pipeline.prepare_edit(spec).expect("encoded");
        let item = Item { prepared: &prepared, edit: edit.as_ref(), seed };
        let mut denoising = pipeline.begin(spec, &[item]).expect("begun");
        let mut compare = |step: usize, latents: &Tensor| {
            let reference = goldens[&format!("latents.{step}")].narrow(0, i, 1).expect("a batch row");
            let error = relative_error(latents, &reference);
            assert!(error <= TOLERANCE, "{}, image {i}, step {step}: relative error {error:.1e}", case.name);
            worst = worst.max(error);
        };
        compare(0, denoising.latents());
        let mut steps = 0;
        while !denoising.is_finished() {
            denoising.step().expect("a step");
            steps += 1;
            compare(steps, denoising.latents());
        }
        assert_eq!(steps, spec.steps_run() as usize);
        assert!(!goldens.contains_key(&format!("latents.{}", steps + 1)), "{}: as many steps", case.name);
        let image = pipeline.image(denoising.latents(), spec).expect("an image");
        assert_eq!(image, generate(pipeline, spec, seed), "alone and through a batch");
        let reference = bytes(&goldens["image"].narrow(0, i, 1).expect("a batch row"));
        assert_eq!((image.size, image.rgb.len()), (size, reference.len()), "{}", case.name);
        let off = image.rgb.iter().zip(&reference).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(off <= Some(1), "{}, image {i}: a pixel is off by {off:?}", case.name);
    }
    println!("{:28} worst relative error {worst:.1e}", case.name);
}

/// A case of `name` in [`MaskMode::Exact`], and its specification.
fn exact(name: &str, change: impl FnOnce(&mut Edit)) -> (Case, RenderSpec) {
    let case = Case::all().into_iter().find(|case| case.name == name).expect("a case");
    let mut edit = Edit { mode: MaskMode::Exact, feather: 2, ..case.edit(&load_goldens(name)) };
    change(&mut edit);
    let size = edit.source.size;
    let spec = case.specs(&Arc::new(edit), size).remove(0);
    (case, spec)
}

#[test]
fn an_exact_edit_leaves_every_pixel_outside_the_mask_as_it_was() {
    for name in
        ["mask-half", "mask-strokes", "mask-strokes-one-step", "mask-grey", "mask-scaled-down", "mask-guided"]
    {
        for crop in [None, Some(false), Some(true)] {
            let (case, spec) = exact(name, |edit| edit.crop = crop);
            let image =
                generate(&goldens::load(&case.model, Precision::F32), &spec, Seed::new(case.seeds[0]));
            let edit = spec.edit.as_deref().expect("an edit");
            assert_eq!(image.size, edit.source.size);
            let counted = edit.unchanged_outside_mask(&image).expect("a mask");
            assert!(counted.is_all() && counted.outside > 0, "{name}: {counted:?}");
            let changed =
                image.rgb.chunks(3).zip(edit.source.rgb.chunks(3)).filter(|(a, b)| a != b).count() as u64;
            let edited = edit.edited_pixels();
            assert!(changed * 10 >= edited * 9, "{name}: {changed} of {edited} pixels are repainted");
        }
    }
}

#[test]
fn a_seed_and_its_neighbour_in_a_batch_are_the_images_alone() {
    for name in ["mask-batch", "batch"] {
        let (case, spec) = exact(name, |_| {});
        let pipeline = goldens::load(&case.model, Precision::F32);
        let seed = Seed::new(7);
        let (prepared, edit) =
            (pipeline.prepare(&spec).expect("prepared"), pipeline.prepare_edit(&spec).expect("encoded"));
        let items =
            [0, 1, 2].map(|i| Item { prepared: &prepared, edit: edit.as_ref(), seed: seed.for_image(i) });
        let mut batch = pipeline.begin(&spec, &items).expect("a batch");
        batch.step().expect("a step");
        batch.keep(&[0, 2]).expect("two are left");
        while !batch.is_finished() {
            batch.step().expect("a step");
        }
        for (item, i) in [0, 2].into_iter().enumerate() {
            let image = pipeline.image(&batch.item(item).expect("latents"), &spec).expect("an image");
            assert_eq!(image, generate(&pipeline, &spec, seed.for_image(i)), "{name}, image {i}");
        }
    }
}

#[test]
fn an_edit_of_an_odd_size_is_padded_not_scaled() {
    let (case, spec) = exact("scaled-down", |edit| edit.strength = Strength::new(0.1).expect("a strength"));
    let pipeline = goldens::load(&case.model, Precision::F32);
    let edit = spec.edit.as_deref().expect("an edit");
    let frame = pipeline.limits().frame(edit);
    assert_eq!(frame.place.size, edit.source.size);
    assert_eq!(frame.canvas, "40x52".parse().expect("a size"));
    assert_eq!(generate(&pipeline, &spec, Seed::new(1)).size, edit.source.size);
}

#[test]
fn a_model_without_an_encoder_says_so() {
    let directory = tiny_models::written_once("base-without-encoder", |target| {
        tiny_models::write("base", target);
        let file = target.join("vae/diffusion_pytorch_model.safetensors");
        let mut tensors = candle_core::safetensors::load(&file, &Device::Cpu).expect("the VAE");
        tensors.retain(|name, _| !name.starts_with("encoder."));
        candle_core::safetensors::save(&tensors, &file).expect("writable");
    });
    let files = tintype::pipeline::ModelFiles::directory(&directory).expect("a directory");
    let placement =
        tintype::pipeline::Placement::resident(tintype::pipeline::DeviceChoice::Cpu, Precision::F32);
    let pipeline = Pipeline::load(&files, &placement, &|_, _| {}).expect("it generates");
    let (_, spec) = exact("mask-half", |_| {});
    assert!(!pipeline.can_edit());
    let refused = pipeline.prepare_edit(&spec);
    assert!(matches!(&refused, Err(RenderError::NoEncoder)), "{refused:?}");
    assert!(RenderError::NoEncoder.to_string().contains("encoder"));
}
