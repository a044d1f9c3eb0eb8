//! Every case of cases.json: conditioning, each step's latents, the image.

use std::{collections::HashMap, env, fs, ops::ControlFlow};

use candle_core::{DType, Device, Tensor};
use serde::Deserialize;
use tintype::{
    domain::{ImageSize, RenderSpec, Seed},
    pipeline::{
        DeviceChoice, EMBEDDED_MODEL, Item, ModelFiles, Pipeline, Placement, Precision, standard_normal,
    },
};

use crate::{tiny_models, vectors};

/// ‖ours − reference‖ / ‖reference‖ that a result in f32 may show.
const TOLERANCE: f32 = 1e-4;

#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    pub name: String,
    pub model: String,
    pub prompts: Vec<String>,
    pub negative_prompts: Option<Vec<String>>,
    pub width: u32,
    pub height: u32,
    pub steps: u32,
    pub guidance: f64,
    pub seeds: Vec<u64>,
}

impl Case {
    /// The case's images, one a prompt.
    pub fn images(&self) -> impl Iterator<Item = (RenderSpec, Seed)> {
        (0..self.prompts.len()).map(|i| {
            let spec = RenderSpec {
                negative_prompt: self.negative_prompts.as_ref().map(|prompts| prompts[i].clone()),
                guidance_scale: self.guidance,
                ..RenderSpec::new(
                    self.prompts[i].clone(),
                    ImageSize::new(self.width, self.height).expect("a size"),
                    self.steps,
                )
            };
            (spec, Seed::new(self.seeds[i]))
        })
    }

    pub fn goldens(&self) -> HashMap<String, Tensor> {
        let directory = if self.model == "embedded" { "goldens-embedded" } else { "goldens" };
        let file = tiny_models::parity_dir().join(directory).join(format!("{}.safetensors", self.name));
        candle_core::safetensors::load(&file, &Device::Cpu)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }
}

pub fn cases() -> Vec<Case> {
    cases_in("cases.json")
}

fn cases_in(file: &str) -> Vec<Case> {
    let file = fs::read(tiny_models::parity_dir().join(file)).expect("cases");
    serde_json::from_slice(&file).expect("a list of cases")
}

/// On which device the goldens are held: TINTYPE_TEST_DEVICE, as `--device` has it, or the CPU.
pub fn device() -> DeviceChoice {
    let named = env::var("TINTYPE_TEST_DEVICE").ok();
    named.map_or(DeviceChoice::Cpu, |device| device.parse().expect("TINTYPE_TEST_DEVICE names a device"))
}

pub fn load(model: &str, precision: Precision) -> Pipeline {
    load_as(model, &Placement::resident(device(), precision))
}

pub fn load_as(model: &str, placement: &Placement) -> Pipeline {
    vectors::choose();
    let files = ModelFiles::directory(&tiny_models::directory(model)).expect("a directory");
    Pipeline::load(&files, placement, &|_, _| {}).expect("the model loads")
}

pub fn relative_error(ours: &Tensor, reference: &Tensor) -> f32 {
    let norm = |x: &Tensor| x.sqr()?.sum_all()?.sqrt()?.to_scalar::<f32>();
    let ours = ours.to_dtype(DType::F32).expect("f32");
    let difference = (ours.reshape(reference.shape()).expect("one shape") - reference).expect("one shape");
    norm(&difference).expect("a norm") / norm(reference).expect("a norm")
}

/// Everything an image passes through, for one prompt of a case.
fn check_image(pipeline: &Pipeline, case: &Case, i: usize, goldens: &HashMap<String, Tensor>) -> f32 {
    let (spec, seed) = case.images().nth(i).expect("an image");
    let golden = |name: &str| &goldens[name];
    let row = |name: &str| golden(name).narrow(0, i, 1).expect("a batch row");
    let mut worst = 0f32;
    let mut check = |what: &str, ours: &Tensor, reference: &Tensor| {
        let error = relative_error(ours, reference);
        assert!(error <= TOLERANCE, "{}, image {i}, {what}: relative error {error:.1e}", case.name);
        worst = worst.max(error);
    };

    let conditioning = pipeline.condition(&spec.prompt).expect("conditioning");
    check("conditioning", conditioning.hidden(), golden(&format!("conditioning.{i}")));
    let negative = (case.guidance > 0.0).then(|| {
        let prompt = spec.negative_prompt.as_deref().unwrap_or("");
        pipeline.condition(prompt).expect("conditioning")
    });
    if let Some(negative) = &negative {
        let reference = golden(&format!("negative_conditioning.{i}"));
        check("negative conditioning", negative.hidden(), reference);
    }
    let noise = pipeline.noise(spec.size, seed).expect("noise");
    check("noise", &noise, &row("latents.0"));
    let guidance = negative.as_ref().map(|negative| (negative, case.guidance));
    let latents = pipeline
        .denoise(noise, &conditioning, guidance, case.steps, &mut |step| {
            let what = format!("latents after step {}", step.done);
            check(&what, step.latents, &row(&format!("latents.{}", step.done)));
            ControlFlow::Continue(())
        })
        .expect("latents");

    let image = pipeline.decode(&latents).expect("an image");
    let reference: Vec<u8> = row("image").flatten_all().and_then(|image| image.to_vec1()).expect("bytes");
    assert_eq!(image.size, spec.size);
    assert_eq!(image.rgb.len(), reference.len());
    let off = image.rgb.iter().zip(&reference).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(off <= Some(1), "{}, image {i}: a pixel is off by {off:?}", case.name);
    worst
}

#[test]
fn every_case_equals_diffusers() {
    let cases = cases();
    assert!(cases.len() >= 20, "the goldens are there");
    let mut pipelines: HashMap<&str, Pipeline> = HashMap::new();
    for case in &cases {
        let pipeline = pipelines.entry(&case.model).or_insert_with(|| load(&case.model, Precision::F32));
        let goldens = case.goldens();
        for i in 0..case.prompts.len() {
            let worst = check_image(pipeline, case, i, &goldens);
            println!("{:28} image {i}: worst relative error {worst:.1e}", case.name);
        }
    }
    assert!(pipelines.len() >= 7, "seven models of different shapes");
}

#[test]
fn the_embedded_model_generates_what_diffusers_generates_with_its_weights() {
    let pipeline =
        Pipeline::load(&EMBEDDED_MODEL, &Placement::resident(device(), Precision::F32), &|_, _| {})
            .expect("the embedded model");
    for case in cases_in("embedded_cases.json") {
        let worst = check_image(&pipeline, &case, 0, &case.goldens());
        println!("{:28} worst relative error {worst:.1e}", case.name);
    }
}

#[test]
fn a_model_of_one_size_makes_every_other_size_from_it() {
    let pipeline =
        Pipeline::load(&EMBEDDED_MODEL, &Placement::resident(device(), Precision::F32), &|_, _| {})
            .expect("the embedded model");
    let native = pipeline.limits().native.expect("it generates one size");
    let generate = |size: ImageSize| {
        let spec = RenderSpec::new("a cat", size, 2);
        let prepared = pipeline.prepare(&spec).expect("prepared");
        pipeline
            .generate(&spec, &prepared, Seed::new(3), &mut |_| ControlFlow::Continue(()))
            .expect("generated")
    };
    let generated = generate(native);
    for size in ["256x256", "64x64", "384x256"] {
        let size = size.parse().expect("a size");
        assert_eq!(generate(size), generated.clone().fitted(size));
    }
}

#[test]
fn the_image_of_a_batch_is_the_image_generated_alone() {
    let case = cases().into_iter().find(|case| case.name == "base-pair").expect("base-pair");
    let pipeline = load(&case.model, Precision::F32);
    let (spec, seed) = case.images().next().expect("an image");
    let generate = |seed: Seed| {
        let prepared = pipeline.prepare(&spec).expect("prepared");
        pipeline.generate(&spec, &prepared, seed, &mut |_| ControlFlow::Continue(())).expect("generated")
    };
    let prepared = pipeline.prepare(&spec).expect("prepared");
    for k in 0..3 {
        let in_batch = pipeline
            .generate(&spec, &prepared, seed.for_image(k), &mut |_| ControlFlow::Continue(()))
            .expect("generated");
        assert_eq!(in_batch, generate(Seed::new(seed.get() + u64::from(k))));
    }
    assert_ne!(generate(seed), generate(seed.for_image(1)));
}

#[test]
fn an_images_bytes_do_not_depend_on_its_neighbours() {
    let pipeline = load("base", Precision::F32);
    // 96 tokens, which need no padding, and 60, which need four pads.
    for (guidance_scale, width, height) in [(0.0, 48, 32), (4.0, 48, 32), (0.0, 40, 24), (4.0, 40, 24)] {
        let spec = |prompt: &str| RenderSpec {
            guidance_scale,
            ..RenderSpec::new(prompt, ImageSize::new(width, height).expect("a size"), 5)
        };
        let asked = [(spec("a cat"), 1), (spec("a lighthouse at dawn"), 7), (spec("tea"), 9)];
        let prepared: Vec<_> =
            asked.iter().map(|(spec, _)| pipeline.prepare(spec).expect("prepared")).collect();
        let alone: Vec<_> = asked
            .iter()
            .zip(&prepared)
            .map(|((spec, seed), prepared)| {
                let seed = Seed::new(*seed);
                pipeline
                    .generate(spec, prepared, seed, &mut |_| ControlFlow::Continue(()))
                    .expect("generated")
            })
            .collect();
        let items: Vec<_> = prepared
            .iter()
            .zip(&asked)
            .map(|(prepared, (_, seed))| Item::new(prepared, Seed::new(*seed)))
            .collect();
        let mut batch = pipeline.begin(&asked[0].0, &items).expect("a batch");
        let mut left = vec![0, 1, 2];
        while !batch.is_finished() {
            batch.step().expect("a step");
            // The one in the middle is given up on the way.
            if batch.steps_done() == 2 {
                batch.keep(&[0, 2]).expect("two are left");
                left.remove(1);
            }
        }
        for (item, image) in left.into_iter().enumerate() {
            let latents = batch.item(item).expect("latents");
            assert_eq!(pipeline.decode(&latents).expect("an image"), alone[image], "image {image}");
        }
    }
}

#[test]
fn what_an_image_is_heading_for_comes_closer_with_every_step() {
    let case = cases().swap_remove(0);
    let pipeline = load(&case.model, Precision::F32);
    let (spec, seed) = case.images().next().expect("an image");
    let prepared = pipeline.prepare(&spec).expect("prepared");
    let mut denoising = pipeline.begin(&spec, &[Item::new(&prepared, seed)]).expect("a batch");
    let mut foreseen = Vec::new();
    while !denoising.is_finished() {
        denoising.step().expect("a step");
        foreseen.push(denoising.foresee(0).expect("latents"));
    }
    let last = denoising.item(0).expect("latents");
    let errors: Vec<f32> = foreseen.iter().map(|latents| relative_error(latents, &last)).collect();
    assert!(errors.is_sorted_by(|a, b| a >= b), "{errors:?}");
    assert_eq!(errors.last(), Some(&0.0));
}

#[test]
fn a_step_callback_can_stop_the_image() {
    let case = cases().swap_remove(0);
    let pipeline = load(&case.model, Precision::F32);
    let (spec, seed) = case.images().next().expect("an image");
    let prepared = pipeline.prepare(&spec).expect("prepared");
    let mut steps = 0;
    let stopped = pipeline.generate(&spec, &prepared, seed, &mut |step| {
        steps = step.done;
        if step.done == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(stopped, Err(tintype::pipeline::RenderError::Cancelled)));
    assert_eq!(steps, 2);
}

#[test]
fn a_seeds_noise_is_torchs() {
    let goldens =
        candle_core::safetensors::load(tiny_models::parity_dir().join("noise.safetensors"), &Device::Cpu)
            .expect("noise.safetensors");
    assert!(goldens.len() >= 12);
    for (name, reference) in goldens {
        let seed = name.trim_start_matches("seed").split('_').next().expect("seed…_…");
        let seed = Seed::new(seed.parse().expect("a number"));
        let reference: Vec<f32> = reference.flatten_all().and_then(|x| x.to_vec1()).expect("f32");
        let ours = standard_normal(seed, reference.len());
        for (ours, reference) in ours.iter().zip(&reference) {
            assert!((ours - reference).abs() <= 1e-5, "{name}: {ours} is not {reference}");
        }
    }
}
