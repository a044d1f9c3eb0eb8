//! A request's life, top to bottom. Read this file first.
//!
//! place in the queue → money reserved → painted → measured → encoded → priced → settled → answered.
//!
//! All of it happens in a task of its own and the caller only awaits that task, so a dropped connection cannot lose a
//! settlement: the pictures are booked at full cost, as undelivered.

use std::sync::Arc;

use jiff::{Timestamp, tz::TimeZone};
use tokio::{runtime::Handle, sync::oneshot};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::{
    admit::{self, Refused},
    clock::Clock,
    costs::{Comparison, CostError, CostModel, Quote, Receipt},
    domain::{Caller, RenderJob, RequestId, Seed, Usage},
    encode::{self, EncodeError},
    engine::{Engine, Painted, Permit, QueueFull, WorkError},
    ledger::{
        FailedWork, Ledger, LedgerError, Month, MonthTotals, NewRequest, Reservation, SettledImage, Unbooked,
    },
};

/// Everything that a request passes through.
pub struct Service {
    engine: Engine,
    ledger: Arc<Ledger>,
    costs: CostModel,
    clock: Arc<dyn Clock>,
    zone: TimeZone,
    model: String,
    runtime: Handle,
    open_requests: TaskTracker,
}

/// A request that has been parsed and may be refused for money or room, but for nothing it says.
#[derive(Debug, Clone)]
pub struct PaintRequest {
    /// Who asks.
    pub caller: Caller,
    /// What is to be painted.
    pub job: RenderJob,
    /// The client's Idempotency-Key header.
    pub idempotency_key: Option<String>,
    /// SHA-256 of the body.
    pub body_sha256: [u8; 32],
}

/// The pictures of a request, settled.
#[derive(Debug)]
pub struct Answer {
    /// The request's id in the ledger.
    pub id: RequestId,
    /// When it was settled.
    pub created: Timestamp,
    /// The pictures.
    pub images: Vec<PaintedImage>,
    /// Tokens of the prompt, chat template included.
    pub prompt_tokens: usize,
}

/// One picture as it goes out.
#[derive(Debug)]
pub struct PaintedImage {
    /// The PNG file.
    pub png: Vec<u8>,
    /// The seed of its noise.
    pub seed: Seed,
    /// What it cost.
    pub receipt: Receipt,
}

/// Why a request gave no pictures.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The queue is full.
    #[error("the queue is full")]
    QueueFull(QueueFull),
    /// Refused at the door.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Painting failed.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// A receipt could not be made.
    #[error(transparent)]
    Cost(#[from] CostError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A picture could not be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A task ended without an answer: a defect, or the process is stopping.
    #[error("the request's task ended without an answer")]
    Lost,
}

impl Service {
    /// A service on `runtime`, which outlives any connection.
    pub fn new(
        engine: Engine,
        ledger: Arc<Ledger>,
        costs: CostModel,
        clock: Arc<dyn Clock>,
        zone: TimeZone,
        model: String,
        runtime: Handle,
    ) -> Self {
        Self { engine, ledger, costs, clock, zone, model, runtime, open_requests: TaskTracker::new() }
    }

    /// The device and its queue.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The price of things.
    pub fn costs(&self) -> &CostModel {
        &self.costs
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The month that is running.
    pub fn current_month(&self) -> Month {
        Month::of(self.now(), &self.zone)
    }

    /// Asks the ledger something, off the caller's thread: it waits for the disk.
    ///
    /// # Errors
    /// What the question says; [`ServiceError::Lost`] where the process is stopping.
    pub async fn ask_ledger<T, E>(
        &self,
        question: impl FnOnce(&Ledger) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ServiceError>
    where
        T: Send + 'static,
        E: Send + 'static,
        ServiceError: From<E>,
    {
        let ledger = Arc::clone(&self.ledger);
        self.blocking(move || question(&ledger)).await
    }

    async fn blocking<T, E>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, ServiceError>
    where
        T: Send + 'static,
        E: Send + 'static,
        ServiceError: From<E>,
    {
        Ok(self.runtime.spawn_blocking(work).await.map_err(|_| ServiceError::Lost)??)
    }

    /// The sums of a month.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] where the ledger fails.
    pub async fn month(&self, month: Month) -> Result<MonthTotals, ServiceError> {
        let (start, end) = (month.start(&self.zone), month.end(&self.zone));
        self.ask_ledger(move |ledger| ledger.totals(start, end)).await
    }

    /// Paints a request's pictures and settles them. `random` tells its id from others of the same millisecond.
    ///
    /// # Errors
    /// [`ServiceError`]. What the device spent is in the ledger all the same.
    pub async fn paint(
        self: &Arc<Self>,
        request: PaintRequest,
        random: [u8; 10],
    ) -> Result<Answer, ServiceError> {
        let permit = self.engine.permit().map_err(ServiceError::QueueFull)?;
        let (answer, on_answer) = oneshot::channel();
        let service = Arc::clone(self);
        let life = async move {
            let result = service.live(permit, &request, random).await;
            let settled = result.as_ref().ok().map(|answer| answer.id);
            let delivered = answer.send(result).is_ok();
            if let (Some(id), true) = (settled, delivered) {
                service.note_delivery(id).await;
            }
        };
        self.open_requests.spawn_on(life.in_current_span(), &self.runtime);
        on_answer.await.map_err(|_| ServiceError::Lost)?
    }

    /// Ends the service: the picture in hand is finished and settled, waiting requests are refused.
    pub async fn drain(&self) {
        self.engine.drain();
        self.open_requests.close();
        self.open_requests.wait().await;
    }

    /// From a place in the queue to the settled answer. Whatever happens, the reservation is used up.
    async fn live(
        &self,
        permit: Permit,
        request: &PaintRequest,
        random: [u8; 10],
    ) -> Result<Answer, ServiceError> {
        let (reservation, comparison) = self.reserve(request, random).await?;
        let job = &request.job;
        let ticket = permit.submit(job.clone());
        if ticket.started.await.is_ok() {
            self.note_start(reservation.id()).await;
        }
        match ticket.finished.await {
            Ok(Ok(painted)) => self.settle(reservation, painted, comparison, job).await,
            Ok(Err(error)) => {
                self.fail(reservation, error.usage(), job).await;
                Err(error.into())
            }
            Err(_) => {
                self.fail(reservation, None, job).await;
                Err(ServiceError::Lost)
            }
        }
    }

    /// Prices the job before any work, and reserves what it is expected to cost.
    async fn reserve(
        &self,
        request: &PaintRequest,
        random: [u8; 10],
    ) -> Result<(Reservation, Comparison), ServiceError> {
        let now = self.clock.now();
        let month_start = Month::of(now, &self.zone).start(&self.zone);
        let (job, day) = (&request.job, self.zone.to_datetime(now).date());
        let Quote { estimate, comparison } =
            self.costs.quote(job, self.engine.estimate(job), self.engine.power(), day)?;
        let (request, model) = (request.clone(), self.model.clone());
        let reservation = self
            .ask_ledger(move |ledger| {
                let request = NewRequest {
                    id: RequestId::new(now, random),
                    key: request.caller.key,
                    idempotency_key: request.idempotency_key.as_deref(),
                    body_sha256: request.body_sha256,
                    model: &model,
                    images: request.job.images,
                    estimate,
                    now,
                    month_start,
                };
                admit::reserve(ledger, &request)
            })
            .await?;
        Ok((reservation, comparison))
    }

    /// Encodes, prices and books the pictures, in this order: nothing is booked that could not be sent.
    async fn settle(
        &self,
        reservation: Reservation,
        painted: Painted,
        comparison: Comparison,
        job: &RenderJob,
    ) -> Result<Answer, ServiceError> {
        let (id, now) = (reservation.id(), self.clock.now());
        let (usage, prompt_tokens) = (painted.usage, painted.prompt_tokens);
        let images = match self.encode_and_price(painted, comparison).await {
            Ok(images) => images,
            Err(error) => {
                self.fail(reservation, Some(usage), job).await;
                return Err(error);
            }
        };
        let (spec, currency) = (job.spec.clone(), self.costs.currency());
        let booked = self
            .ask_ledger(move |ledger| -> Result<_, ServiceError> {
                let row =
                    |image: &PaintedImage| SettledImage { seed: image.seed, receipt: image.receipt.clone() };
                let rows: Vec<_> = images.iter().map(row).collect();
                Ok(ledger.settle(reservation, &spec, currency, &rows, now).map(|()| images))
            })
            .await?;
        match booked {
            Ok(images) => Ok(Answer { id, created: now, images, prompt_tokens }),
            Err(Unbooked { reservation, error }) => {
                self.fail(reservation, Some(usage), job).await;
                Err(error.into())
            }
        }
    }

    async fn encode_and_price(
        &self,
        painted: Painted,
        comparison: Comparison,
    ) -> Result<Vec<PaintedImage>, ServiceError> {
        let count = u32::try_from(painted.images.len()).unwrap_or(u32::MAX);
        let receipts = painted
            .usage
            .split(count)
            .map(|usage| self.costs.receipt(usage, comparison.clone()))
            .collect::<Result<Vec<_>, CostError>>()?;
        self.blocking(move || {
            let images = painted.images.into_iter().zip(receipts);
            images
                .map(|((seed, pixels), receipt)| {
                    Ok(PaintedImage { png: encode::png(&pixels)?, seed, receipt })
                })
                .collect::<Result<Vec<_>, EncodeError>>()
        })
        .await
    }

    /// Ends a request without pictures. Where even that fails, the next start abandons it; all that is left to do is to
    /// say so.
    async fn fail(&self, reservation: Reservation, usage: Option<Usage>, job: &RenderJob) {
        let (now, id) = (self.clock.now(), reservation.id());
        let work = usage.and_then(|usage| {
            let (wall_energy, electricity) = self.costs.wasted(usage).ok()?;
            Some(FailedWork { seed: job.seed, usage, wall_energy, electricity })
        });
        let (spec, currency) = (job.spec.clone(), self.costs.currency());
        let ended = self
            .ask_ledger(move |ledger| {
                ledger
                    .fail(reservation, &spec, currency, work.as_ref(), now)
                    .map_err(|unbooked| unbooked.error)
            })
            .await;
        if let Err(error) = ended {
            tracing::error!(request = %id, %error, "a failed request stays open until the next start");
        }
    }

    async fn note_start(&self, id: RequestId) {
        if let Err(error) = self.ask_ledger(move |ledger| ledger.start(id)).await {
            tracing::warn!(request = %id, %error, "cannot note that the request is being painted");
        }
    }

    async fn note_delivery(&self, id: RequestId) {
        if let Err(error) = self.ask_ledger(move |ledger| ledger.note_delivery(id)).await {
            tracing::warn!(request = %id, %error, "cannot note that the answer was delivered");
        }
    }
}
