//! What every picture of the load must look like, painted by the library: one at a time, before the load.

use std::ops::ControlFlow;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tintype::{
    domain::{Encoding, RenderSpec, Seed},
    encode::encode,
    pipeline::{DeviceChoice, Item, ModelFiles, Pipeline, Placement, Precision, Prepared},
};

use crate::tiny_models;

/// Most pictures of one request.
const IMAGES_MAX: u64 = 3;
/// Seeds of which every subject is painted.
const SEEDS: u64 = 12;

/// What decides a picture's file, but its seed.
struct Subject {
    prompt: &'static str,
    size: &'static str,
    steps: u32,
    format: &'static str,
    quality: u8,
}

/// The first two may share a batch; the third and fourth have latents that need padding. The last is the one that is
/// streamed: its one look is after half of the steps.
const SUBJECTS: [Subject; 6] = [
    Subject { prompt: "a lighthouse at dawn", size: "32x32", steps: 2, format: "png", quality: 100 },
    Subject { prompt: "a red bicycle in rain", size: "32x32", steps: 2, format: "png", quality: 100 },
    Subject { prompt: "茶", size: "16x16", steps: 1, format: "jpeg", quality: 80 },
    Subject { prompt: "a red bicycle in rain", size: "40x24", steps: 2, format: "webp", quality: 80 },
    Subject { prompt: "a lighthouse at dawn", size: "48x32", steps: 3, format: "png", quality: 100 },
    Subject { prompt: "a harbour at night", size: "32x32", steps: 4, format: "png", quality: 100 },
];
const STREAMED: usize = SUBJECTS.len() - 1;

/// A request's pictures: a subject, from a first seed on.
#[derive(Clone, Copy)]
pub struct Work {
    subject: usize,
    pub seed: u64,
    pub images: u64,
}

impl Work {
    /// One of the works; every number names one.
    pub fn of(number: usize) -> Self {
        let seed = number as u64 % (SEEDS - IMAGES_MAX + 1);
        Self { subject: number % SUBJECTS.len(), seed, images: 1 + number as u64 / 7 % IMAGES_MAX }
    }

    /// One of the works that are streamed.
    pub fn streamed(number: usize) -> Self {
        Self { subject: STREAMED, seed: number as u64 % SEEDS, images: 1 }
    }

    /// The body that asks for it, as base64.
    pub fn body(&self) -> Value {
        let Subject { prompt, size, steps, format, quality } = &SUBJECTS[self.subject];
        json!({
            "prompt": prompt, "size": size, "steps": steps, "seed": self.seed, "n": self.images,
            "output_format": format, "output_compression": quality,
        })
    }

    /// The same, with other fields.
    pub fn body_with(&self, fields: &[(&str, Value)]) -> Value {
        let mut body = self.body();
        for (name, value) in fields {
            body[*name] = value.clone();
        }
        body
    }
}

/// Every file that may come, in base64.
pub struct Gallery {
    /// By subject and seed.
    files: Vec<Vec<String>>,
    /// The streamed subject on its way, by seed.
    partials: Vec<String>,
}

impl Gallery {
    pub fn paint() -> Self {
        let model = ModelFiles::directory(&tiny_models::directory("base")).expect("a model");
        let pipeline =
            Pipeline::load(&model, &Placement::resident(DeviceChoice::Cpu, Precision::Auto), &|_, _| {})
                .expect("a model");
        let files = SUBJECTS.iter().map(|subject| {
            let spec = spec(subject);
            let prepared = pipeline.prepare(&spec).expect("a prompt");
            (0..SEEDS).map(|seed| finished(&pipeline, subject, &spec, &prepared, Seed::new(seed))).collect()
        });
        let streamed = spec(&SUBJECTS[STREAMED]);
        let prepared = pipeline.prepare(&streamed).expect("a prompt");
        let partials = (0..SEEDS).map(|seed| halfway(&pipeline, &streamed, &prepared, Seed::new(seed)));
        Self { files: files.collect(), partials: partials.collect() }
    }

    /// Picture `index` of a work, finished.
    pub fn file(&self, work: Work, index: u64) -> &str {
        &self.files[work.subject][place(work.seed + index)]
    }

    /// A streamed work on its way.
    pub fn partial(&self, work: Work) -> &str {
        &self.partials[place(work.seed)]
    }
}

fn place(seed: u64) -> usize {
    usize::try_from(seed).expect("seeds are few")
}

fn spec(subject: &Subject) -> RenderSpec {
    RenderSpec {
        prompt: subject.prompt.into(),
        negative_prompt: None,
        size: subject.size.parse().expect("a size"),
        steps: subject.steps,
        guidance_scale: 0.0,
        edit: None,
        loras: Vec::new(),
    }
}

fn finished(
    pipeline: &Pipeline,
    subject: &Subject,
    spec: &RenderSpec,
    prepared: &Prepared,
    seed: Seed,
) -> String {
    let encoding = Encoding { format: subject.format.parse().expect("a format"), quality: subject.quality };
    let pixels = pipeline.paint(spec, prepared, seed, &mut |_| ControlFlow::Continue(()));
    BASE64_STANDARD.encode(encode(&pixels.expect("a picture"), encoding, None).expect("a file"))
}

fn halfway(pipeline: &Pipeline, spec: &RenderSpec, prepared: &Prepared, seed: Seed) -> String {
    let mut walk = pipeline.begin(spec, &[Item::new(prepared, seed)]).expect("begun");
    for _ in 0..spec.steps / 2 {
        walk.step().expect("a step");
    }
    let pixels = pipeline.decode(&walk.foresee(0).expect("a look")).expect("a picture");
    BASE64_STANDARD.encode(encode(&pixels, Encoding::default(), None).expect("a file"))
}
