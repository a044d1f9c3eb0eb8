//! Devices that break while they serve: the engine alone, on models that are broken in part.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use safetensors::{SafeTensors, tensor::TensorView};
use tintype::{
    clock::{Clock, SystemClock},
    domain::{ImageSize, KeyId, Quality, RenderJob, RenderSpec, Seed},
    engine::{
        Engine, EngineSettings, Facts, LoraSet, Order, OverloadReason, Priority, Ticket, WarmUp, WorkFailure,
        WorkerParts,
    },
    meter::{Meter, Powers},
    pipeline::{DeviceChoice, LoadError, ModelFiles, Pipeline, Placement, Precision, RenderError},
    units::Power,
};

use crate::{client::eventually, tiny_models};

/// A weight of the VAE, without which no image is finite.
pub const NOT_FINITE_EVER: (&str, &str) =
    ("vae/diffusion_pytorch_model.safetensors", "decoder.conv_out.bias");
/// What fills up an image's tokens to a multiple of 32: 32x32 has 64 and needs none, 36x36 has 81.
pub const NOT_FINITE_PADDED: (&str, &str) =
    ("transformer/diffusion_pytorch_model.safetensors", "x_pad_token");

/// The directory of a model like `base` but for one tensor, which is not finite.
pub fn broken((file, tensor): (&str, &str)) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("models").join(format!("not-finite-{tensor}"));
    if !target.is_dir() {
        let parent = target.parent().expect("a parent");
        fs::create_dir_all(parent).expect("target is writable");
        let draft = tempfile::tempdir_in(parent).expect("target is writable");
        tiny_models::write("base", draft.path());
        spoil(&draft.path().join(file), tensor);
        // Tests run side by side: the first rename wins.
        let moved = fs::rename(draft.path(), &target);
        assert!(moved.is_ok() || target.is_dir(), "{moved:?}");
    }
    target
}

fn spoil(file: &Path, tensor: &str) {
    let bytes = fs::read(file).expect("weights");
    let weights = SafeTensors::deserialize(&bytes).expect("weights");
    let spoilt = weights.tensor(tensor).expect(tensor);
    let values = f32::NAN.to_le_bytes().repeat(spoilt.data().len() / 4);
    let spoilt = TensorView::new(spoilt.dtype(), spoilt.shape().to_vec(), &values).expect("a view");
    let views = weights.iter().map(|(name, view)| {
        if name == tensor { (name.to_owned(), spoilt.clone()) } else { (name.to_owned(), view) }
    });
    let views: Vec<_> = views.collect();
    fs::write(file, safetensors::serialize(views, None).expect("weights")).expect("written");
}

fn spec(side: u32) -> RenderSpec {
    let size = ImageSize::new(side, side).expect("a size");
    RenderSpec::new("tea", size, 2)
}

pub fn worker(model: PathBuf) -> WorkerParts {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let powers = Powers { busy: Power::from_watts(65), idle: Power::from_watts(0) };
    WorkerParts {
        device: None,
        load: Box::new(move || {
            let files = ModelFiles::directory(&model)?;
            Pipeline::load(&files, &Placement::resident(DeviceChoice::Cpu, Precision::F32), &|_, _| {})
        }),
        meter: Box::new(move |_| Meter::estimating(powers, clock)),
    }
}

pub fn settings() -> EngineSettings {
    EngineSettings { queue_depth_max: 64, batch_max: None, memory_max: None, profiles: None }
}

/// Warms `devices` devices up with an image that works on both models. Checks them with one that fails if a weight is
/// broken, as if it had broken meanwhile.
fn breaking(devices: usize) -> WarmUp {
    let asked = AtomicUsize::new(0);
    Arc::new(move |_: &Facts| {
        let is_start = asked.fetch_add(1, Ordering::Relaxed) < devices;
        spec(if is_start { 32 } else { 36 })
    })
}

fn submit(engine: &Engine, images: u32) -> Ticket {
    let job = RenderJob { spec: spec(36), quality: Quality::default(), seed: Seed::new(7), images };
    let permit = engine.permit(&job, KeyId::new(1), Priority::Live, None).expect("a place");
    let tokens = Arc::new(engine.tokenise(&job.spec).expect("tokens"));
    permit.submit(Order {
        priority: Priority::Live,
        job: Arc::new(job),
        key: KeyId::new(1),
        tokens,
        partials: 0,
        loras: LoraSet::default(),
    })
}

#[test]
fn a_device_that_breaks_while_it_serves_is_lost_and_its_images_are_anothers() {
    let workers = vec![worker(tiny_models::directory("base")), worker(broken(NOT_FINITE_PADDED))];
    let (engine, threads) =
        Engine::start(workers, breaking(2), Arc::new(|_, _| {}), &settings()).expect("started");
    eventually("both generate", || engine.devices().generating == 2);
    let mut wasted = 0;
    eventually("the second is lost", || {
        let generated = submit(&engine, 4).finished.blocking_recv().expect("an end").expect("images");
        assert_eq!(generated.images.len(), 4);
        wasted += generated.images.iter().filter(|image| image.failed_attempt.is_some()).count();
        engine.devices().lost == 1
    });
    assert_eq!(wasted, 1, "it was checked before it had a second one");
    let lost = engine.lost_devices();
    assert_eq!((lost.len(), lost[0].index, lost[0].name.as_str()), (1, 1, "cpu"));
    assert!(lost[0].reason.contains("finite"), "why: {}", lost[0].reason);
    assert!(engine.is_ready());
    engine.drain();
    threads.join();
}

#[test]
fn with_the_last_device_what_waits_is_given_up_and_nothing_hangs() {
    let workers = vec![worker(broken(NOT_FINITE_PADDED))];
    let (engine, threads) =
        Engine::start(workers, breaking(1), Arc::new(|_, _| {}), &settings()).expect("started");
    eventually("it generates", || engine.devices().generating == 1);
    let tickets: Vec<_> = (0..3).map(|_| submit(&engine, 2)).collect();
    let ends = tickets.into_iter().map(|ticket| ticket.finished.blocking_recv().expect("an end"));
    let ends: Vec<_> = ends.map(|end| end.expect_err("no images")).collect();
    assert!(matches!(ends[0].cause, WorkFailure::Failed(RenderError::NotFinite { .. })), "{ends:?}");
    assert_eq!(ends[0].spent.len(), 1);
    for end in &ends[1..] {
        assert!(matches!(end.cause, WorkFailure::NoDevice) && end.spent.is_empty(), "{ends:?}");
    }
    let job = RenderJob { spec: spec(32), quality: Quality::default(), seed: Seed::new(7), images: 1 };
    let refused = engine.permit(&job, KeyId::new(1), Priority::Live, None).err().expect("refused");
    assert_eq!((refused.reason, engine.is_ready()), (OverloadReason::NoDevice, false));
    threads.join();
}

#[test]
fn a_device_that_cannot_be_opened_keeps_the_server_from_starting() {
    let missing = || LoadError::Device { device: "cuda:7".into(), reason: "no such card".into() };
    let absent = WorkerParts { load: Box::new(move || Err(missing())), ..worker(PathBuf::new()) };
    let workers = vec![worker(tiny_models::directory("base")), absent];
    let error = Engine::start(workers, breaking(2), Arc::new(|_, _| {}), &settings()).err();
    assert_eq!(error.expect("refused").to_string(), "device cuda:7: no such card");
}
