use std::sync::Arc;

use proptest::prelude::*;
use tokio::sync::Semaphore;

use super::*;
use crate::{
    domain::{EnergySource, ImageSize, KeyId, Quality, RenderJob, RenderSpec, Seed},
    engine::slot::Held,
    pipeline::{EMBEDDED_MODEL, LoraSet, PromptTokenizer},
    units::{Energy, Millis},
};

const STEPS: u32 = 8;

type OnFinish = oneshot::Receiver<Result<Generated, WorkError>>;

fn job(images: u32) -> (Job, mpsc::UnboundedReceiver<Partial>, OnFinish) {
    let spec = RenderSpec::new("x", ImageSize::square(16), STEPS);
    let tokenizer = PromptTokenizer::load(&EMBEDDED_MODEL, usize::MAX).expect("a tokenizer");
    let tokens = Arc::new(tokenizer.encode_prompts(&spec).expect("tokens"));
    let job = Arc::new(RenderJob { spec, images, seed: Seed::new(7), quality: Quality::default() });
    let (key, held) = (KeyId::new(1), Arc::new(Held::default()));
    let slot = Slot::take(&Arc::new(Semaphore::new(1)), &held, key, 1).expect("a place");
    let shape = Shape { pixels: 256, passes: 1, is_edit: false };
    let (on_start, _) = oneshot::channel();
    let (on_partial, partials) = mpsc::unbounded_channel();
    let (on_finish, finished) = oneshot::channel();
    let order = Order { job, key, priority: Priority::Live, tokens, loras: LoraSet::default(), partials: 3 };
    (Job::new(order, (100, shape), slot, Listeners { on_start, on_partial, on_finish }), partials, finished)
}

fn pixels() -> Pixels {
    Pixels { size: ImageSize::square(16), rgb: vec![0; 16 * 16 * 3] }
}

fn usage(millis: u64, epoch: Option<u32>) -> Usage {
    let energy = Energy::from_millijoules(millis);
    Usage { duration: Millis::new(millis), energy, source: EnergySource::Metered, epoch }
}

proptest! {
    /// Whatever the moment at which a client hangs up, the images of which it has seen something are counted.
    #[test]
    fn what_was_shown_is_counted_whenever_the_client_hangs_up(
        progress in prop::collection::vec((0..=STEPS, any::<bool>(), any::<bool>()), 1..10),
    ) {
        let (job, mut partials, mut finished) = job(u32::try_from(progress.len()).expect("few"));
        for (index, &(steps, shows, is_put_back)) in (0..).zip(&progress) {
            job.take_in_hand(index);
            job.note_steps(index, steps);
            if shows && steps > 0 {
                job.show(Partial { image: index, index: 0, pixels: pixels() });
            }
            job.spend(index, usage(u64::from(steps) + 1, Some(1)), 1);
            if is_put_back {
                job.put_back(index);
                job.take_in_hand(index);
                job.note_steps(index, 1);
                job.spend(index, usage(1, Some(2)), 1);
            }
        }
        for index in (0..).take(progress.len()) {
            job.lay_down(index, Err(WorkFailure::Cancelled));
        }
        let error = finished.try_recv().expect("an end").expect_err("cancelled");
        let mut seen = 0;
        while partials.try_recv().is_ok() {
            seen += 1;
        }
        prop_assert_eq!(error.spent.iter().map(|attempt| attempt.images_shown).sum::<u32>(), seen);
        let steps: u64 = error.spent.iter().map(|attempt| attempt.steps_done).sum();
        let least: u64 = progress
            .iter()
            .map(|&(steps, shows, _)| u64::from(if shows && steps > 0 { STEPS } else { steps }))
            .sum();
        prop_assert!(steps >= least, "{steps} of {least}");
        let spent: u64 = error.spent.iter().map(|attempt| attempt.usage.duration.get()).sum();
        let took: u64 = progress.iter().map(|&(steps, _, twice)| u64::from(steps) + 1 + u64::from(twice)).sum();
        prop_assert_eq!(spent, took, "nothing is lost and nothing is booked twice");
    }
}

#[test]
fn an_image_that_another_device_finished_is_not_counted_as_shown_besides() {
    let (job, _partials, mut finished) = job(1);
    job.take_in_hand(0);
    job.note_steps(0, 3);
    job.show(Partial { image: 0, index: 0, pixels: pixels() });
    job.spend(0, usage(3, Some(1)), 1);
    assert!(job.put_back(0) && !job.put_back(0));
    job.take_in_hand(0);
    job.note_steps(0, STEPS);
    job.spend(0, usage(8, Some(2)), 1);
    job.lay_down(0, Ok(pixels()));
    let generated = finished.try_recv().expect("an end").expect("images");
    let attempt = generated.images[0].failed_attempt.expect("the first device's");
    assert_eq!((attempt.steps_done, attempt.images_shown), (3, 0));
    let failed = generated.as_failed(STEPS);
    assert_eq!(
        failed.iter().map(|attempt| attempt.images_shown).sum::<u32>(),
        1,
        "if it cannot be handed over"
    );
}

#[test]
fn a_job_never_ends_with_fewer_images_than_were_asked_for() {
    let (job, _partials, mut finished) = job(2);
    job.take_in_hand(0);
    job.take_in_hand(1);
    job.spend(0, usage(8, None), 1);
    job.lay_down(0, Ok(pixels()));
    // The second is laid down without what it took: a defect, which must not be a shorter answer.
    job.lay_down(1, Ok(pixels()));
    let error = finished.try_recv().expect("an end").expect_err("an image is missing");
    assert!(matches!(error.cause, WorkFailure::Incomplete));
}

#[test]
fn the_first_reason_to_stop_holds() {
    let (job, ..) = job(1);
    assert_eq!(job.stop_reason(), None);
    job.ask_to_stop(StopReason::DeadlinePassed);
    job.ask_to_stop(StopReason::Cancelled);
    assert_eq!(job.stop_reason(), Some(StopReason::DeadlinePassed));
}
