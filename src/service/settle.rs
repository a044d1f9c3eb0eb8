use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Answer, AnsweredImage, GenerateRequest, MadeBy, Service, ServiceError, files::MadeFiles,
    patience::Patience,
};
use crate::{
    costs::CostModel,
    domain::{Computation, EditRecord, FailureReason, RenderSpec},
    engine::{Generated, Priority},
    ledger::{FailedWork, Ledger, Reservation, SettledImage, Settlement, Unbooked},
    units::{Currency, Millis},
};

/// What is booked of a request that has its images.
struct Booking {
    images: Vec<SettledImage>,
    failed: Arc<Vec<FailedWork>>,
    prompt_tokens: usize,
    edit: Option<EditRecord>,
    computation: Computation,
    spec: RenderSpec,
    currency: Currency,
    now: Timestamp,
}

impl Booking {
    fn new(
        made: &MadeFiles,
        prompt_tokens: usize,
        failed: Arc<Vec<FailedWork>>,
        (spec, currency, now): (RenderSpec, Currency, Timestamp),
    ) -> Self {
        let row = |image: &AnsweredImage| SettledImage { seed: image.seed, receipt: image.receipt.clone() };
        let images = made.images.iter().map(row).collect();
        let (edit, computation) = (made.edit, made.computation.clone());
        Self { images, failed, prompt_tokens, edit, computation, spec, currency, now }
    }

    fn book(&self, ledger: &Ledger, reservation: Reservation) -> Result<(), Unbooked> {
        let settlement = Settlement {
            images: &self.images,
            failed: &self.failed,
            prompt_tokens: self.prompt_tokens,
            edit: self.edit,
            computation: Some(&self.computation),
        };
        ledger.settle(reservation, &self.spec, self.currency, &settlement, self.now)
    }
}

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
        let failed = Arc::new(failed);
        let batches: Vec<_> = generated.images.iter().map(|image| image.batch).collect();
        let (prompt_tokens, unsettled) = (generated.prompt_tokens, reservation.held());
        let (spec, currency) = (job.spec.clone(), self.costs().currency());
        let book = {
            let failed = Arc::clone(&failed);
            move |made: &MadeFiles, ledger: &Ledger| {
                let booking = Booking::new(made, prompt_tokens, failed, (spec, currency, now));
                let booked = booking.book(ledger, reservation);
                (booking, booked)
            }
        };
        let made_of = (id, unsettled.claim(), now);
        let (made, (booking, booked)) = match self.make_files(generated.images, request, made_of, book).await
        {
            Ok(made) => made,
            Err(error) => {
                self.fail(unsettled, FailureReason::NotStored, &spent, job).await;
                return Err(error);
            }
        };
        let MadeFiles { images, edit, computation } = made;
        let booked = match booked {
            Err(Unbooked { reservation, error }) if error.is_away() => {
                self.book(reservation, move |ledger, reservation| booking.book(ledger, reservation)).await?
            }
            booked => booked,
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
