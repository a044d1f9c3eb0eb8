//! A request's life at a gateway of a cluster: reserved and queued in one commit, followed through the ledger, and answered with
//! the files that its worker left in the store.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{oneshot, watch};

use super::{
    Answer, AnsweredImage, Audience, ClusterParts, GenerateRequest, ImageFile, MadeBy, OnDisconnect,
    PartialLora, Service, ServiceError, Started, Studio,
    admission::{Entered, order},
    asking::Asking,
    audience::refuse,
    in_transit::Looks,
    loras,
    overflow::Buying,
    patience::Patience,
};
use crate::{
    admit::{RateStanding, Taken},
    cluster::{Gate, QueuedJob},
    domain::{FailureReason, RequestId, Usage},
    engine::{FailedAttempt, Order, Priority, PromptTokens, QueueEstimate, WorkError, WorkFailure},
    ledger::{OverBudget, RequestEnd, RequestStand, Reservation, Reserved, new_or_return},
    units::Millis,
};

/// A request that has its place in the cluster, and its money.
struct Queued {
    id: RequestId,
    way: Making,
    outlook: Option<QueueEstimate>,
    images: Option<RateStanding>,
    passed_budgets: Vec<OverBudget>,
    partial_loras: Vec<PartialLora>,
}

/// Where its images are made.
enum Making {
    /// By a worker; with the reason why nothing is bought, unless nothing ever is.
    AtWorker(Option<String>),
    /// By a service that is asked now.
    Bought(Reservation, Box<Buying>),
}

impl Service {
    /// From a place in the cluster's queue to the answer. What becomes of the request is the ledger's: this gateway only
    /// watches, and asks for its end if nobody waits any more.
    pub(super) async fn live_in_cluster(
        self: Arc<Self>,
        gate: &Arc<Gate>,
        mut request: GenerateRequest,
        tokens: Arc<PromptTokens>,
        random: [u8; 10],
        start: oneshot::Sender<Result<Started, Arc<ServiceError>>>,
        audience: &Audience,
    ) {
        let queued = match self.queue(gate, &mut request, tokens, random).await {
            Ok(Reserved::New(queued)) => queued,
            Ok(Reserved::Settled(id)) => return self.answer_again(id, &request, start, audience).await,
            // Another gateway's client sent it first.
            Ok(Reserved::Open(id)) => {
                audience.begun.send_replace(true);
                start.send(Ok(Started::joined(None))).ok();
                let outcome = self.outcome_once_ended(gate, id, None, &request, audience).await;
                return self.hand_over(id, outcome, audience).await;
            }
            Err(error) => return refuse(error, start, audience),
        };
        let Queued { id, way, outlook, images, passed_budgets, partial_loras } = queued;
        let stand = gate.follow(id);
        audience.begun.send_replace(true);
        let started = Started { id: Some(id), outlook, images, passed_budgets, partial_loras, pass: None };
        start.send(Ok(started)).ok();
        let outcome = match way {
            Making::AtWorker(stays) => {
                let outcome = self.outcome_once_ended(gate, id, Some(stand), &request, audience).await;
                let because = |made_by| MadeBy { why: stays, ..made_by };
                outcome.map(|answer| Answer { made_by: because(answer.made_by), ..answer })
            }
            Making::Bought(reservation, buying) => {
                self.make_there(reservation, *buying, &request, (audience, None)).await
            }
        };
        self.hand_over(id, outcome, audience).await;
    }

    /// Puts the request into the queue with its reservation, or buys its images.
    async fn queue(
        self: &Arc<Self>,
        gate: &Arc<Gate>,
        request: &mut GenerateRequest,
        tokens: Arc<PromptTokens>,
        random: [u8; 10],
    ) -> Result<Reserved<Queued>, ServiceError> {
        if gate.is_draining() {
            return Err(WorkFailure::Stopping.unspent().into());
        }
        let Entered { pass: _, loras, images } = new_or_return!(self.enter(request).await?);
        let partial_loras = loras::partial(&request.job, &loras);
        let order = Order { partials: 0, ..order(request, tokens, loras) };
        let cluster = self.parts.cluster.as_ref().ok_or(ServiceError::Lost)?;
        let asking = Arc::new(self.asking(gate, cluster, request, &order));
        let (bought, stays) = new_or_return!(self.buy_instead(request, random, order, &asking).await?);
        if let Some((reservation, buying)) = bought {
            let passed_budgets = reservation.passed_budgets().to_vec();
            self.note_admission(reservation.id(), request, &passed_budgets).await;
            return Ok(Reserved::New(Queued {
                id: reservation.id(),
                way: Making::Bought(reservation, buying),
                outlook: None,
                images: images.map(Taken::keep),
                passed_budgets,
                partial_loras: Vec::new(),
            }));
        }
        let admitted = self.with_new_request(request, random, move |ledger, new| asking.admit(ledger, new));
        let (id, passed_budgets, outlook) = new_or_return!(admitted.await?);
        self.note_admission(id, request, &passed_budgets).await;
        cluster.news.work_waits();
        let (images, outlook) = (images.map(Taken::keep), Some(outlook));
        let way = Making::AtWorker(stays);
        Ok(Reserved::New(Queued { id, way, outlook, images, passed_budgets, partial_loras }))
    }

    /// What a request brings to the queue.
    fn asking(
        &self,
        gate: &Arc<Gate>,
        cluster: &ClusterParts,
        request: &GenerateRequest,
        order: &Order,
    ) -> Asking {
        let work = gate.facts().limits.work(&request.job.spec);
        Asking {
            gate: Arc::clone(gate),
            shape: order.shape(gate.facts().limits),
            cost: work.saturating_mul(u64::from(request.job.images)),
            job: QueuedJob {
                job: (*request.job).clone(),
                edit: None,
                encoding: request.encoding,
                partials: request.partials,
                is_live: request.priority == Priority::Live,
                key: request.caller.public_id.clone(),
                tag: request.tag.clone(),
            },
            gateway: cluster.lease.node(),
            patience: self.patience(request),
            jobs_max: self.door().jobs_max(&request.caller),
            finishes_alone: self.finishes_alone(request),
            deadline: self.deadline_of(request),
            images: Arc::clone(&self.parts.storage.images),
        }
    }

    /// Hands a request that this gateway held back to the workers, and follows it: its images did not come from elsewhere.
    pub(super) async fn back_to_workers(
        &self,
        reservation: Reservation,
        request: &GenerateRequest,
        audience: &Audience,
    ) -> Result<Answer, ServiceError> {
        let Studio::Cluster(gate) = self.studio() else { return Err(ServiceError::Lost) };
        let id = reservation.id();
        // As a worker that stops does: it has not failed at it.
        if self.is_passed_on(&reservation, FailureReason::ServerStopping, &[]).await {
            return self.outcome_once_ended(gate, id, Some(gate.follow(id)), request, audience).await;
        }
        // It was asked to end meanwhile.
        self.fail(reservation, FailureReason::ClientGone, &[], &request.job).await;
        self.clear_transit(id, request).await;
        Err(WorkFailure::Cancelled.unspent().into())
    }

    /// Whether the request goes on if nobody waits for it any more.
    pub(super) fn finishes_alone(&self, request: &GenerateRequest) -> bool {
        request.idempotency_key.is_some() || self.parts.settings.on_disconnect == OnDisconnect::Finish
    }

    fn deadline_of(&self, request: &GenerateRequest) -> Option<Timestamp> {
        let millis = i64::try_from(self.parts.settings.deadline.get()).ok()?;
        let deadline = self.now().checked_add(SignedDuration::from_millis(millis)).ok()?;
        (request.priority == Priority::Live).then_some(deadline)
    }

    /// Watches a request to its end: what it came to.
    async fn outcome_once_ended(
        &self,
        gate: &Arc<Gate>,
        id: RequestId,
        stand: Option<watch::Receiver<RequestStand>>,
        request: &GenerateRequest,
        audience: &Audience,
    ) -> Result<Answer, ServiceError> {
        let is_own = stand.is_some();
        let stand = stand.unwrap_or_else(|| gate.follow(id));
        let mut looks = Looks::new(id, request, &self.parts);
        let ended = self.follow_stand(gate, (id, stand, is_own), request, audience, &mut looks).await;
        // The last may have come with the end.
        self.pass_on_partials(&mut looks, audience).await;
        if is_own && ended.0.is_some() {
            self.clear_transit(id, request).await;
        }
        match ended {
            (Some(RequestEnd::Settled), _) => self.collect(id, request).await,
            (Some(RequestEnd::Failed(reason)), was_held) => Err(failed(reason, was_held, request)),
            // Its row was lost with the database's last moment, or never written: nothing was charged. Or it goes on without
            // this gateway, and nobody waits here.
            (Some(RequestEnd::Abandoned) | None, _) => Err(WorkFailure::Stopping.unspent().into()),
        }
    }

    /// The end of a request, and whether a worker held it; no end, if it goes on when this gateway stops. Its own gateway asks for its
    /// end if its client has gone, or its time is up.
    async fn follow_stand(
        &self,
        gate: &Gate,
        (id, mut stand, is_own): (RequestId, watch::Receiver<RequestStand>, bool),
        request: &GenerateRequest,
        audience: &Audience,
        looks: &mut Looks,
    ) -> (Option<RequestEnd>, bool) {
        let may_cancel = is_own && !self.finishes_alone(request);
        let mut deadline = match request.priority {
            Priority::Live if is_own => self.parts.clock.sleep(self.parts.settings.deadline),
            _ => Box::pin(std::future::pending()),
        };
        let queued_at = self.monotonic();
        let (mut was_held, mut is_stopped) = (false, false);
        loop {
            match *stand.borrow_and_update() {
                RequestStand::Ended(end) => return (Some(end), was_held),
                RequestStand::Held if !was_held => {
                    was_held = true;
                    let wait = self.monotonic().get().saturating_sub(queued_at.get());
                    self.metrics().note_queue_wait(Millis::new(wait));
                }
                RequestStand::Held | RequestStand::Waiting => {}
            }
            tokio::select! {
                changed = stand.changed() => if changed.is_err() {
                    return (None, was_held);
                },
                () = audience.outcome.closed(), if may_cancel && !is_stopped => {
                    tracing::info!(request = %id, "the client has gone; its request is stopped");
                    is_stopped = true;
                    self.stop_queued(id, FailureReason::ClientGone).await;
                }
                // It goes on without this gateway, and others answer whoever comes back.
                () = left_alone(gate, audience), if !may_cancel => return (None, was_held),
                () = looks.is_time() => self.pass_on_partials(looks, audience).await,
                () = &mut deadline, if !is_stopped => {
                    is_stopped = true;
                    self.stop_queued(id, FailureReason::DeadlinePassed).await;
                }
            }
        }
    }

    /// Asks for the end of a request in the cluster's queue; false if it is not open.
    pub(super) async fn stop_queued(&self, id: RequestId, reason: FailureReason) -> bool {
        let now = self.now();
        let stopped = self.ask_ledger(move |ledger| ledger.stop_queued(id, reason, now)).await;
        if let Some(cluster) = &self.parts.cluster {
            cluster.news.request_ended();
        }
        stopped.unwrap_or_else(|error| {
            // The reaper ends it: nobody renews what it waits for, or its time is up.
            tracing::warn!(request = %id, %error, "a request could not be stopped");
            false
        })
    }

    /// The answer of a settled request. Images that nobody asked to keep leave the store with it.
    async fn collect(&self, id: RequestId, request: &GenerateRequest) -> Result<Answer, ServiceError> {
        let mut patience = Patience::default();
        let answer = loop {
            match self.gather(id, request).await {
                Err(ServiceError::Ledger(error)) if patience.lasts(&error) => {
                    patience.wait(&error, Some(id)).await;
                }
                gathered => break gathered?,
            }
        };
        if request.is_kept() {
            return Ok(answer);
        }
        let store = Arc::clone(&self.parts.storage.images);
        self.blocking(move || {
            let take = |image: AnsweredImage| {
                let ImageFile::Kept { name, .. } = image.file else { return Ok(image) };
                let file = store.get(name)?.ok_or(ServiceError::NoLongerKept(id))?;
                // It is booked, and has to be answered all the same.
                if let Err(error) = store.remove(name) {
                    tracing::warn!(request = %id, %error, "an image that nobody keeps is left to the sweep");
                }
                Ok(AnsweredImage { file: ImageFile::InMemory(file.into()), ..image })
            };
            let images = answer.images.into_iter().map(take).collect::<Result<_, ServiceError>>()?;
            Ok::<_, ServiceError>(Answer { images, ..answer })
        })
        .await
    }
}

/// Resolves once nobody waits for a request at a gateway that stops.
async fn left_alone(gate: &Gate, audience: &Audience) {
    gate.drained().await;
    audience.outcome.closed().await;
}

/// Why a request gave no images, as its client gets it.
fn failed(reason: FailureReason, was_held: bool, request: &GenerateRequest) -> ServiceError {
    let cause = match reason {
        FailureReason::ClientGone => WorkFailure::Cancelled,
        FailureReason::CancelledByOperator => WorkFailure::CancelledByOperator,
        FailureReason::DeadlinePassed => WorkFailure::DeadlinePassed,
        FailureReason::ServerStopping => WorkFailure::Stopping,
        FailureReason::NoDevice => WorkFailure::NoDevice,
        FailureReason::OutOfMemory => WorkFailure::OutOfMemory { size: request.job.spec.size, largest: None },
        FailureReason::GenerationFailed | FailureReason::NotStored => WorkFailure::Elsewhere(reason),
    };
    let nothing = FailedAttempt { usage: Usage::NONE, steps_done: 0, images_shown: 0 };
    WorkError { cause, spent: if was_held { vec![nothing] } else { Vec::new() } }.into()
}
