//! A request's life, top to bottom. Read this file first.
//!
//! place in the queue → money reserved → generated → measured → priced → encoded → kept → settled → answered.
//!
//! All of it happens in a task of its own and the caller only watches that task, so a dropped connection cannot lose a
//! settlement: the job is stopped at its next step, or generated to the end, and either way what it took is booked.

mod admission;
mod asking;
mod audience;
mod batch_plans;
mod books;
mod duties;
mod failures;
mod files;
mod gateway;
mod in_flight;
mod in_transit;
mod jobs;
mod kept;
mod live_load;
mod loras;
mod node;
mod overflow;
mod overheads;
mod parts;
mod patience;
mod queued_jobs;
mod quotes;
mod recent;
mod request;
mod settings;
mod settle;
mod stored_files;
mod studio;
mod tokens;
mod webhooks;
mod worker;

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use self::admission::{Admitted, Fulfilment};
use self::audience::{Audience, Started, join, refuse};
pub use self::books::ExampleFigures;
use self::in_flight::{Admission, InFlight, InWorkGuard};
pub use self::jobs::{AskedImages, JobStage, OpenJob, Preview};
use self::jobs::{JobGuard, OpenJobs};
use self::live_load::{LiveLoad, SettledWork};
pub use self::recent::RecentJob;
pub use self::request::{
    Accepted, Answer, AnsweredImage, GenerateRequest, ImageFile, MadeBy, News, Outcome, PartialFile,
    PartialLora, ServiceError,
};
pub use self::settings::{
    OnDisconnect, OverlongPrompt, PromptEmbedding, ProvenanceSettings, ServiceSettings, StatedSettings,
};
use self::tokens::cut_from;
pub use self::{
    node::{Identity, warn_of_clock},
    overheads::OverheadBook,
    parts::{ClusterParts, Encode, ServiceParts, Storage},
    quotes::Quoted,
    studio::{Studio, Unready},
    webhooks::{run_webhooks, run_webhooks_in_turn},
};
use crate::{
    admit::{Pass, Refused},
    domain::RequestId,
    engine::{Generated, Priority, PromptTokens, StopReason, Ticket, WorkError, WorkFailure},
    ledger::{Reservation, ReserveError, Reserved},
    units::Millis,
};

/// Everything that a request passes through.
pub struct Service {
    parts: ServiceParts,
    in_flight: InFlight,
    open_jobs: OpenJobs,
    open_requests: TaskTracker,
    live_load: LiveLoad,
    settled: SettledWork,
    report_slots: Arc<Semaphore>,
}

/// Reports that are made at one time.
const REPORTS_AT_ONCE: usize = 8;

impl Service {
    /// A service of these parts.
    pub fn new(parts: ServiceParts) -> Self {
        for seller in parts.settings.buyer.sellers() {
            parts.metrics.know_seller(&seller.name, parts.costs.currency());
        }
        Self {
            parts,
            in_flight: InFlight::default(),
            open_jobs: OpenJobs::default(),
            open_requests: TaskTracker::new(),
            live_load: LiveLoad::default(),
            settled: SettledWork::default(),
            report_slots: Arc::new(Semaphore::new(REPORTS_AT_ONCE)),
        }
    }

    /// Takes a request on: it has its place in the queue and its money, or it is refused. `random` makes its id
    /// differ from others of the same millisecond.
    ///
    /// # Errors
    /// [`ServiceError`]; nothing was reserved.
    pub async fn accept(
        self: &Arc<Self>,
        request: GenerateRequest,
        random: [u8; 10],
    ) -> Result<Accepted, Arc<ServiceError>> {
        let tokens = self.tokenise(&request.job).await.map_err(Arc::new)?;
        tracing::trace!("tokens counted");
        let cut_from_tokens = cut_from(&tokens);
        let (partials, on_partial) = mpsc::unbounded_channel();
        let (outcome, on_outcome) = watch::channel(None);
        let begun = watch::Sender::new(false);
        let place = match &request.idempotency_key {
            None => None,
            Some(key) => {
                match self.in_flight.enter(request.caller.key, key, request.body_sha256, &outcome, &begun) {
                    Admission::First(place) => Some(place),
                    Admission::OtherBody => {
                        let refused = Refused::from(ReserveError::IdempotencyKeyReused);
                        return Err(Arc::new(refused.into()));
                    }
                    Admission::Join { outcome, begun } => {
                        let pass = self.pass(&request)?;
                        let outcome = join(outcome, begun).await?;
                        return Ok(Accepted {
                            id: None,
                            pass,
                            outlook: None,
                            images: None,
                            passed_budgets: Vec::new(),
                            partial_loras: Vec::new(),
                            cut_from_tokens,
                            partials: on_partial,
                            outcome,
                        });
                    }
                }
            }
        };
        let (start, on_start) = oneshot::channel();
        let audience = Audience { partials, outcome, begun };
        let life = Arc::clone(self).live(request, tokens, random, start, audience, place);
        self.open_requests.spawn_on(life.in_current_span(), &self.parts.runtime);
        let Started { id, outlook, images, passed_budgets, partial_loras, pass } =
            on_start.await.map_err(|_| Arc::new(ServiceError::Lost))??;
        Ok(Accepted {
            id,
            outlook,
            images,
            passed_budgets,
            partial_loras,
            cut_from_tokens,
            pass,
            partials: on_partial,
            outcome: on_outcome,
        })
    }

    /// Counts a live answer that no job stands behind as one of its key's jobs until it is sent.
    fn pass(&self, request: &GenerateRequest) -> Result<Option<Arc<Pass>>, Arc<ServiceError>> {
        let pass = self.pass_of_job(request).map_err(Arc::new)?;
        Ok(pass.map(Arc::new))
    }

    /// Counts a live request as one of its key's jobs. Rates are about clients that wait: what can wait is not held to them.
    fn pass_of_job(&self, request: &GenerateRequest) -> Result<Option<Pass>, ServiceError> {
        // A cluster counts them where it admits them: in the ledger.
        let is_counted = request.priority == Priority::Live && self.studio().engine().is_some();
        let pass = is_counted.then(|| self.door().pass(&request.caller)).transpose();
        Ok(pass?)
    }

    /// Ends the service: the images in hand are finished and settled, waiting requests are refused.
    pub async fn drain(&self) {
        self.studio().drain();
        self.open_requests.close();
        self.open_requests.wait().await;
    }

    /// From a place in the queue to the settled answer. Whatever happens, the reservation is used up.
    async fn live(
        self: Arc<Self>,
        mut request: GenerateRequest,
        tokens: Arc<PromptTokens>,
        random: [u8; 10],
        start: oneshot::Sender<Result<Started, Arc<ServiceError>>>,
        audience: Audience,
        // Kept until the outcome is sent, so that a second request joins this one or finds it settled.
        _place: Option<InWorkGuard>,
    ) {
        if let Studio::Cluster(gate) = self.studio() {
            let gate = Arc::clone(gate);
            return self.live_in_cluster(&gate, request, tokens, random, start, &audience).await;
        }
        let admitted = match self.admit(&mut request, tokens, random).await {
            Ok(Reserved::New(admitted)) => admitted,
            Ok(Reserved::Settled(id)) => return self.answer_again(id, &request, start, &audience).await,
            // The service joins a request that it has in work itself. This one is another process's.
            Ok(Reserved::Open(id)) => return refuse(ServiceError::StillOpen(id), start, &audience),
            Err(error) => return refuse(error, start, &audience),
        };
        let Admitted { reservation, way, stays, outlook, images, partial_loras, pass } = admitted;
        audience.begun.send_replace(true);
        // Where nobody listens, `follow` finds that out.
        let passed_budgets = reservation.passed_budgets().to_vec();
        let id = reservation.id();
        let started = Started { id: Some(id), outlook, images, passed_budgets, partial_loras, pass: None };
        start.send(Ok(started)).ok();
        let outcome = match way {
            Fulfilment::Here(ticket) => {
                self.make_here(reservation, ticket, (&request, stays), (&audience, pass)).await
            }
            Fulfilment::There(buying) => {
                self.make_there(reservation, *buying, &request, (&audience, pass)).await
            }
        };
        self.hand_over(id, outcome, &audience).await;
    }

    /// Follows a job through the queue, and settles it. `stays` is why nothing was bought.
    async fn make_here(
        &self,
        reservation: Reservation,
        ticket: Ticket,
        (request, stays): (&GenerateRequest, Option<String>),
        (audience, pass): (&Audience, Option<Pass>),
    ) -> Result<Answer, ServiceError> {
        let id = reservation.id();
        let (shows_prompt, now) = (self.parts.settings.log_prompts, self.now());
        let open =
            self.open_jobs.enter((id, request), (Some(&ticket.handle), stays.clone()), shows_prompt, now);
        let followed = self.follow(ticket, request, &open, audience).await;
        // Before the answer: whoever has it may ask for the next at once.
        drop(pass);
        tracing::trace!("job ended");
        match followed {
            Ok(generated) => {
                let answer = self.settle(reservation, generated, request).await?;
                Ok(Answer { made_by: self.made_by(id, stays).await, ..answer })
            }
            Err(error) => {
                self.fail(reservation, error.cause.reason(), &error.spent, &request.job).await;
                Err(error.into())
            }
        }
    }

    /// Watches a job to its end, shows it on the way, and stops it where nobody waits any more or its time is up.
    async fn follow(
        &self,
        ticket: Ticket,
        request: &GenerateRequest,
        open: &JobGuard,
        audience: &Audience,
    ) -> Result<Generated, WorkError> {
        let Ticket { mut started, partials: mut on_partial, mut finished, handle } = ticket;
        let id = open.id();
        let settings = &self.parts.settings;
        let finishes_alone = self.finishes_alone(request);
        let mut deadline = match request.priority {
            Priority::Live => self.parts.clock.sleep(settings.deadline),
            // Its batch has one.
            Priority::Background => Box::pin(std::future::pending()),
        };
        let queued_at = self.monotonic();
        let (mut is_waiting, mut is_stopped) = (true, false);
        loop {
            tokio::select! {
                biased;
                Some(partial) = on_partial.recv() => self.show(partial, request, open, audience).await,
                begun = &mut started, if is_waiting => {
                    is_waiting = false;
                    if begun.is_ok() {
                        open.note_begin(self.now());
                        let wait = self.monotonic().get().saturating_sub(queued_at.get());
                        self.metrics().note_queue_wait(Millis::new(wait));
                        self.note_start(id).await;
                    }
                }
                ended = &mut finished => {
                    let panicked = WorkError { cause: WorkFailure::Panicked, spent: Vec::new() };
                    return ended.unwrap_or(Err(panicked));
                }
                () = audience.outcome.closed(), if !finishes_alone && !is_stopped => {
                    tracing::info!(request = %id, "the client has gone; its job is stopped");
                    is_stopped = true;
                    handle.stop(StopReason::Cancelled);
                }
                () = &mut deadline, if !is_stopped => {
                    is_stopped = true;
                    handle.stop(StopReason::DeadlinePassed);
                }
            }
        }
    }

    /// Sends a settled answer again. It was generated and booked the first time.
    async fn answer_again(
        &self,
        id: RequestId,
        request: &GenerateRequest,
        start: oneshot::Sender<Result<Started, Arc<ServiceError>>>,
        audience: &Audience,
    ) {
        let gathered = match self.pass(request) {
            Ok(pass) => self.gather(id, request).await.map(|answer| (answer, pass)).map_err(Arc::new),
            Err(error) => Err(error),
        };
        match gathered {
            Ok((answer, pass)) => {
                audience.outcome.send_replace(Some(Ok(Arc::new(answer))));
                audience.begun.send_replace(true);
                if start.send(Ok(Started::joined(pass))).is_ok() {
                    self.note_delivery(id).await;
                }
            }
            Err(error) => {
                audience.outcome.send_replace(Some(Err(Arc::clone(&error))));
                start.send(Err(error)).ok();
            }
        }
    }

    async fn note_start(&self, id: RequestId) {
        let now = self.now();
        match self.ask_ledger_here(move |ledger| ledger.start(id, now)).await {
            Ok(()) if self.parts.ledger.has_long_log() => {
                let ledger = Arc::clone(&self.parts.ledger);
                // Nobody waits for it: the device has only begun.
                self.parts.runtime.spawn_blocking(move || ledger.shorten_log());
            }
            Ok(()) => {}
            Err(error) => {
                tracing::warn!(request = %id, %error, "cannot note that the request has started");
            }
        }
    }

    /// Gives everybody who waits what became of request `id`, and notes that it was delivered if somebody did.
    async fn hand_over(&self, id: RequestId, outcome: Result<Answer, ServiceError>, audience: &Audience) {
        let is_settled = outcome.is_ok();
        let is_awaited = audience.outcome.receiver_count() > 0;
        audience.outcome.send_replace(Some(outcome.map(Arc::new).map_err(Arc::new)));
        if is_settled && is_awaited {
            self.note_delivery(id).await;
        }
    }

    async fn note_delivery(&self, id: RequestId) {
        let now = self.now();
        if let Err(error) = self.ask_ledger_here(move |ledger| ledger.note_delivery(id, now)).await {
            tracing::warn!(request = %id, %error, "cannot note that the answer was delivered");
        }
    }
}
