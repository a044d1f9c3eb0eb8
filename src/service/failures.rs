use jiff::{Timestamp, civil::DateTime};

use super::{Service, ServiceError};
use crate::{
    costs::{CostModel, Share},
    domain::{FailureReason, RenderJob, Seed},
    engine::{FailedAttempt, Generated, GeneratedImage},
    ledger::{FailedWork, Ledger, Reservation, Unbooked},
};

/// Work that gave no image.
impl Service {
    /// Ends a request without images for `reason`, and books what was spent on it. If even that fails, the next start abandons it; all
    /// that is left to do is to say so.
    pub(super) async fn fail(
        &self,
        reservation: Reservation,
        reason: FailureReason,
        spent: &[FailedAttempt],
        job: &RenderJob,
    ) {
        if self.is_passed_on(&reservation, reason, spent).await {
            return;
        }
        let (now, id) = (self.now(), reservation.id());
        for attempt in spent {
            self.metrics().note_failure(attempt.usage);
        }
        let costs = self.costs_of_failures().await;
        let work = (0..).zip(spent).filter_map(|(row, attempt)| {
            let at = self.civil(now);
            failed_work(&costs, (row, job.seed), *attempt, job.spec.steps_run(), at)
        });
        let work: Vec<_> = work.collect();
        let (spec, currency) = (job.spec.clone(), self.costs().currency());
        let book =
            move |ledger: &Ledger, reservation| ledger.fail(reservation, reason, &spec, currency, &work, now);
        let ended = match self.book(reservation, book).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Unbooked { reservation, error })) if error.is_fenced() => {
                return self.give_up(&reservation, spent, &error).await;
            }
            Ok(Err(unbooked)) => Err(ServiceError::from(*unbooked.error)),
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            tracing::error!(request = %id, %error, "a failed request stays open until the next start");
        }
    }

    /// What finished images took of devices that failed at them.
    pub(super) async fn failed_attempts(
        &self,
        generated: &Generated,
        job: &RenderJob,
        now: Timestamp,
    ) -> Vec<FailedWork> {
        if generated.images.iter().all(|image| image.failed_attempt.is_none()) {
            return Vec::new();
        }
        let costs = self.costs_of_failures().await;
        let failed = |(index, image): (u32, &GeneratedImage)| {
            let at = self.civil(now);
            failed_work(&costs, (index, image.seed), image.failed_attempt?, job.spec.steps_run(), at)
        };
        (0..).zip(&generated.images).filter_map(failed).collect()
    }

    /// The cost model with the ledger's parts and lines; with the configured ones if the ledger cannot be read.
    async fn costs_of_failures(&self) -> CostModel {
        self.costs_once_reached().await.unwrap_or_else(|error| {
            tracing::error!(%error, "failed work is priced with the configured parts");
            self.costs().clone()
        })
    }
}

/// Work that gave no image, priced; none, with a line in the log, if it cannot be priced.
fn failed_work(
    costs: &CostModel,
    (index, seed): (u32, Seed),
    attempt: FailedAttempt,
    steps: u32,
    at: DateTime,
) -> Option<FailedWork> {
    let FailedAttempt { usage, steps_done, images_shown } = attempt;
    let share = Share { steps_done, steps };
    match costs.failed_work(usage, share, at) {
        Ok(priced) => Some(FailedWork { index, seed, usage, priced, share, images_shown }),
        Err(error) => {
            tracing::error!(%error, "failed work could not be priced, and is not booked");
            None
        }
    }
}
