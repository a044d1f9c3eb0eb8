use jiff::Timestamp;

use super::Service;
use crate::{
    domain::{RenderJob, Seed},
    engine::{FailedAttempt, Generated, GeneratedImage},
    ledger::{FailedWork, Reservation},
};

/// Work that gave no image.
impl Service {
    /// Ends a request without images, and books what was spent on it. If even that fails, the next start abandons it; all
    /// that is left to do is to say so.
    pub(super) async fn fail(&self, reservation: Reservation, spent: &[FailedAttempt], job: &RenderJob) {
        let (now, id) = (self.now(), reservation.id());
        for attempt in spent {
            self.metrics().note_failure(attempt.usage);
        }
        let work = (0..).zip(spent).filter_map(|(row, attempt)| {
            self.failed_work(row, job.seed, *attempt, job.spec.steps_run(), now)
        });
        let work: Vec<_> = work.collect();
        let (spec, currency) = (job.spec.clone(), self.costs().currency());
        let ended = self
            .ask_ledger(move |ledger| {
                ledger.fail(reservation, &spec, currency, &work, now).map_err(|unbooked| *unbooked.error)
            })
            .await;
        if let Err(error) = ended {
            tracing::error!(request = %id, %error, "a failed request stays open until the next start");
        }
    }

    /// What finished images took of devices that failed at them.
    pub(super) fn failed_attempts(
        &self,
        generated: &Generated,
        job: &RenderJob,
        now: Timestamp,
    ) -> Vec<FailedWork> {
        let failed = |(index, image): (u32, &GeneratedImage)| {
            self.failed_work(index, image.seed, image.failed_attempt?, job.spec.steps_run(), now)
        };
        (0..).zip(&generated.images).filter_map(failed).collect()
    }

    /// Work that gave no image, priced; none, with a line in the log, if it cannot be priced.
    fn failed_work(
        &self,
        index: u32,
        seed: Seed,
        attempt: FailedAttempt,
        steps: u32,
        now: Timestamp,
    ) -> Option<FailedWork> {
        let FailedAttempt { usage, steps_done, images_shown } = attempt;
        match self.costs().failed_work(usage, steps_done, steps, self.civil(now)) {
            Ok((wall_energy, cost)) => {
                Some(FailedWork { index, seed, usage, wall_energy, cost, images_shown })
            }
            Err(error) => {
                tracing::error!(%error, "failed work could not be priced, and is not booked");
                None
            }
        }
    }
}
