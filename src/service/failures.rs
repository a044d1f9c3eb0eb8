use jiff::Timestamp;

use super::Service;
use crate::{
    domain::{RenderJob, Seed, Usage},
    engine::{Painted, PaintedImage},
    ledger::{FailedWork, Reservation},
};

/// Work that gave no picture.
impl Service {
    /// Ends a request without pictures. Where even that fails, the next start abandons it; all that is left to do is to
    /// say so.
    pub(super) async fn fail(&self, reservation: Reservation, spent: &[Usage], job: &RenderJob) {
        let (now, id) = (self.now(), reservation.id());
        for usage in spent {
            self.metrics().note_failure(*usage);
        }
        let work =
            (0..).zip(spent).filter_map(|(index, usage)| self.failed_work(index, job.seed, *usage, now));
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

    /// What pictures took of devices that failed at them.
    pub(super) fn wasted_work(&self, painted: &Painted, now: Timestamp) -> Vec<FailedWork> {
        let failed =
            |(index, image): (u32, &PaintedImage)| self.failed_work(index, image.seed, image.wasted?, now);
        (0..).zip(&painted.images).filter_map(failed).collect()
    }

    /// Work that gave no picture, priced; none where it cannot be.
    fn failed_work(&self, index: u32, seed: Seed, usage: Usage, now: Timestamp) -> Option<FailedWork> {
        let (wall_energy, electricity) = self.costs().wasted(usage, self.civil(now)).ok()?;
        Some(FailedWork { index, seed, usage, wall_energy, electricity })
    }
}
