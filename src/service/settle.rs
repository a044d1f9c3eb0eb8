use std::sync::Arc;

use super::{
    Answer, AnsweredImage, GenerateRequest, MadeBy, Service, ServiceError, files::MadeFiles,
    patience::Patience,
};
use crate::{
    costs::CostModel,
    domain::FailureReason,
    engine::{Generated, Priority},
    ledger::{Ledger, Reservation, SettledImage, Settlement, Unbooked},
    units::Millis,
};

impl Service {
    /// Prices, encodes, saves and books the images, in this order: each file holds its receipt, and nothing is booked
    /// that could not be sent. While the ledger's database is away, they wait for it.
    pub(super) async fn settle(
        &self,
        reservation: Reservation,
        generated: Generated,
        request: &GenerateRequest,
    ) -> Result<Answer, ServiceError> {
        let (id, now, job) = (reservation.id(), self.now(), &request.job);
        let spent = generated.as_failed(job.spec.steps_run());
        let failed = self.failed_attempts(&generated, job, now).await;
        let batches: Vec<_> = generated.images.iter().map(|image| image.batch).collect();
        let prompt_tokens = generated.prompt_tokens;
        let MadeFiles { images, edit, computation } =
            match self.make_files(generated.images, request, (id, reservation.claim()), now).await {
                Ok(files) => files,
                Err(error) => {
                    self.fail(reservation, FailureReason::NotStored, &spent, job).await;
                    return Err(error);
                }
            };
        let row = |image: &AnsweredImage| SettledImage { seed: image.seed, receipt: image.receipt.clone() };
        let rows: Arc<Vec<_>> = Arc::new(images.iter().map(row).collect());
        let failed = Arc::new(failed);
        let (spec, currency) = (job.spec.clone(), self.costs().currency());
        let booked = {
            let (rows, failed, computation) = (Arc::clone(&rows), Arc::clone(&failed), computation.clone());
            let book = move |ledger: &Ledger, reservation: Reservation| {
                let settlement = Settlement {
                    images: &rows,
                    failed: &failed,
                    prompt_tokens,
                    edit,
                    computation: Some(&computation),
                };
                ledger.settle(reservation, &spec, currency, &settlement, now)
            };
            self.book(reservation, book).await?
        };
        tracing::trace!("settled");
        match booked {
            Ok(()) => {
                for work in &*failed {
                    self.metrics().note_failure(work.usage);
                }
                self.note_images(&images, &batches, request);
                let (size, loras) = (job.spec.size, job.spec.loras.clone());
                let computation = Some(computation);
                let (created, made_by) = (now, MadeBy::default());
                Ok(Answer { id, created, size, images, prompt_tokens, edit, loras, computation, made_by })
            }
            Err(Unbooked { reservation, error }) if error.is_fenced() => {
                self.give_up(&reservation, &spent, &error).await;
                Err((*error).into())
            }
            Err(Unbooked { reservation, error }) => {
                self.fail(reservation, FailureReason::NotStored, &spent, job).await;
                Err((*error).into())
            }
        }
    }

    /// Counts what was settled, for whoever watches.
    fn note_images(&self, images: &[AnsweredImage], batches: &[usize], request: &GenerateRequest) {
        if request.priority == Priority::Live {
            let spent = images.iter().map(|image| image.receipt.usage.duration);
            self.live_load.note(self.monotonic(), spent.fold(Millis::ZERO, Millis::saturating_add));
        }
        for (image, batch) in images.iter().zip(batches) {
            self.settled.note(image.receipt.usage.energy);
            self.metrics().note_image(image.receipt.usage, request.job.spec.steps_run(), *batch);
        }
    }

    /// Books the end of a request by `book`, again and again while the ledger's database is away.
    pub(super) async fn book(
        &self,
        mut reservation: Reservation,
        book: impl Fn(&Ledger, Reservation) -> Result<(), Unbooked> + Send + Sync + 'static,
    ) -> Result<Result<(), Unbooked>, ServiceError> {
        let (id, book) = (reservation.id(), Arc::new(book));
        let mut patience = Patience::default();
        loop {
            let book = Arc::clone(&book);
            match self.ask_ledger(move |ledger| Ok::<_, ServiceError>(book(ledger, reservation))).await? {
                Err(Unbooked { reservation: unbooked, error }) if patience.lasts(&error) => {
                    patience.wait(&error, Some(id)).await;
                    reservation = unbooked;
                }
                booked => return Ok(booked),
            }
        }
    }

    /// [`Service::costs_now`] for what has been generated: waits while the ledger's database is away.
    pub(super) async fn costs_once_reached(&self) -> Result<CostModel, ServiceError> {
        let mut patience = Patience::default();
        loop {
            match self.costs_now().await {
                Err(ServiceError::Ledger(error)) if patience.lasts(&error) => {
                    patience.wait(&error, None).await;
                }
                costs => return costs,
            }
        }
    }
}
