//! A worker of a cluster: takes requests from the ledger's queue, has this machine's devices generate them, and settles them by
//! its claim. Whoever took one from it meanwhile is in the right.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    ClusterParts, GenerateRequest, OverheadBook, Service, ServiceError, jobs::JobGuard, patience::Patience,
};
use crate::{
    cluster::QueuedJob,
    domain::{
        Caller, Claim, FailureReason, ImageSize, KeyId, KeyLimits, Overhead, Quality, RenderJob, RenderSpec,
        RequestId, Scopes, Seed, Usage,
    },
    engine::{Engine, FailedAttempt, Generated, Order, Priority, Ticket, WorkError, WorkFailure},
    ledger::{Claimed, LedgerError, Reservation, Topic},
};

/// Between two looks into the queue, if no hint comes.
const LOOK: Duration = Duration::from_millis(500);

/// A request that this worker holds, handed to its devices.
struct HeldRequest {
    reservation: Reservation,
    request: GenerateRequest,
    ticket: Ticket,
    open: JobGuard,
}

impl Service {
    /// Takes requests and generates them until `stop`; then finishes what it holds. One device has one batch at a time.
    pub async fn work(self: Arc<Self>, cluster: ClusterParts, stop: CancellationToken) {
        let mut slots = JoinSet::new();
        for _ in 0..self.studio().devices().all.max(1) {
            slots.spawn(Arc::clone(&self).work_slot(cluster.clone(), stop.clone()));
        }
        while slots.join_next().await.is_some() {}
        self.open_requests.close();
        self.open_requests.wait().await;
    }

    /// Batch after batch. What follows a batch's last step (files, money) does not hold up the next.
    async fn work_slot(self: Arc<Self>, cluster: ClusterParts, stop: CancellationToken) {
        let mut hints = cluster.news.about(Topic::Work);
        while !stop.is_cancelled() {
            let held = self.take(&cluster).await;
            if held.is_empty() {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = wait_for_hint(&mut hints) => {}
                }
                continue;
            }
            let mut batch = JoinSet::new();
            for HeldRequest { reservation, request, ticket, open } in held {
                let service = Arc::clone(&self);
                batch.spawn(async move {
                    let ended = service.follow_held(ticket, &request, open.id()).await;
                    (reservation, request, open, ended)
                });
            }
            while let Some(ended) = batch.join_next().await {
                let Ok((reservation, request, open, ended)) = ended else { continue };
                self.open_requests.spawn(Arc::clone(&self).end_held(reservation, request, open, ended));
            }
        }
    }

    /// Waits for the end of a request that the devices have. Its previews go where its gateway finds them.
    async fn follow_held(
        &self,
        ticket: Ticket,
        request: &GenerateRequest,
        id: RequestId,
    ) -> Result<Generated, WorkError> {
        let Ticket { partials: mut on_partial, mut finished, .. } = ticket;
        loop {
            tokio::select! {
                biased;
                Some(partial) = on_partial.recv() => self.show_elsewhere(partial, request, id).await,
                ended = &mut finished => {
                    return ended.unwrap_or_else(|_| Err(WorkFailure::Panicked.unspent()));
                }
            }
        }
    }

    /// The next batch of the queue, handed to the devices; empty if there is none, or this worker may take none.
    async fn take(self: &Arc<Self>, cluster: &ClusterParts) -> Vec<HeldRequest> {
        let Some(engine) = self.studio().engine() else { return Vec::new() };
        if !engine.is_ready() || !cluster.lease.may_take(self.monotonic()) {
            return Vec::new();
        }
        // What cannot be kept would be generated in vain.
        let store = Arc::clone(&self.parts.storage.images);
        if let Err(error) = self.blocking(move || store.check_room()).await {
            tracing::warn!(%error, "nothing is taken from the queue, since images cannot be kept");
            return Vec::new();
        }
        let (node, model, images_max) = (cluster.lease.node(), self.parts.model.clone(), engine.batch_max());
        let claim = Claim::new(rand::random());
        let claimed = self.ask_ledger(move |ledger| ledger.claim(&model, node, images_max, claim));
        let claimed = claimed.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the queue could not be asked");
            Vec::new()
        });
        let mut held = Vec::new();
        for claimed in claimed {
            cluster.news.request_ended();
            match self.hand_in(engine, cluster, claimed).await {
                Ok(ticket) => held.push(ticket),
                Err((reservation, request, error)) => {
                    let id = reservation.id();
                    tracing::warn!(request = %id, %error, "a request from the queue could not be begun");
                    self.give_back(reservation, request.as_deref()).await;
                }
            }
        }
        held
    }

    /// Opens a request, and hands it to the devices.
    async fn hand_in(
        self: &Arc<Self>,
        engine: &Engine,
        cluster: &ClusterParts,
        claimed: Claimed,
    ) -> Result<HeldRequest, (Reservation, Option<Box<GenerateRequest>>, ServiceError)> {
        let Claimed { reservation, key, spec, attempt } = claimed;
        let id = reservation.id();
        let opened = match QueuedJob::open(id, &spec, &cluster.secret) {
            Ok(opened) => opened,
            Err(error) => return Err((reservation, None, ServiceError::Prompt(error.to_string()))),
        };
        let opened = match self.with_sources(id, opened, &cluster.secret).await {
            Ok(opened) => opened,
            Err(error) => return Err((reservation, None, error)),
        };
        let mut request = request_of(opened, key);
        if attempt > 1 {
            tracing::info!(request = %id, attempt, "a request is tried again");
        }
        let order = match self.order(&mut request).await {
            Ok(order) => order,
            Err(error) => return Err((reservation, Some(Box::new(request)), error)),
        };
        let permit = match engine.permit(&order.job, order.key, order.priority, None) {
            Ok(permit) => permit,
            Err(error) => {
                return Err((reservation, Some(Box::new(request)), ServiceError::Overloaded(error)));
            }
        };
        let ticket = permit.submit(order);
        let shows_prompt = self.parts.settings.log_prompts;
        let open =
            self.open_jobs.enter((id, &request), (Some(&ticket.handle), None), shows_prompt, self.now());
        open.note_begin(self.now());
        Ok(HeldRequest { reservation, request, ticket, open })
    }

    /// What the devices are asked for. A LoRA that is another one here is none of this request's.
    async fn order(self: &Arc<Self>, request: &mut GenerateRequest) -> Result<Order, ServiceError> {
        let tokens = self.tokenise(&request.job).await?;
        let (job, loras) = self.read_loras(&request.job).await?;
        if job.spec.loras != request.job.spec.loras {
            return Err(ServiceError::Prompt(
                "a LoRA of this name has another content on this machine".into(),
            ));
        }
        request.job = job;
        let (job, key, priority) = (Arc::clone(&request.job), request.caller.key, request.priority);
        let partials = request.partials.unwrap_or(0);
        Ok(Order { job, key, priority, tokens, loras, partials })
    }

    /// Settles a request, or ends it without images, or puts it back for another worker.
    async fn end_held(
        self: Arc<Self>,
        reservation: Reservation,
        request: GenerateRequest,
        open: JobGuard,
        ended: Result<Generated, WorkError>,
    ) {
        let id = reservation.id();
        match ended {
            Ok(generated) => match self.settle(reservation, generated, &request).await {
                Ok(_) => tracing::debug!(request = %id, "settled"),
                Err(error) => tracing::warn!(request = %id, %error, "images could not be settled"),
            },
            Err(error) => {
                self.fail(reservation, error.cause.reason(), &error.spent, &request.job).await;
            }
        }
        drop(open);
        if request.job.spec.edit.is_some() {
            self.remove_sources_if_ended(id).await;
        }
        if let Some(cluster) = &self.parts.cluster {
            cluster.news.request_ended();
        }
    }

    /// Puts a request back of which nothing was begun. One that nobody can do ends.
    async fn give_back(&self, reservation: Reservation, request: Option<&GenerateRequest>) {
        let job = request.map_or_else(unreadable, |request| RenderJob::clone(&request.job));
        self.fail(reservation, FailureReason::GenerationFailed, &[], &job).await;
    }

    /// Whether a request that this worker failed at was put back for another one, or is another's by now. What was spent on it
    /// is nobody's image, and is booked as that.
    pub(super) async fn is_passed_on(
        &self,
        reservation: &Reservation,
        reason: FailureReason,
        spent: &[FailedAttempt],
    ) -> bool {
        use FailureReason::{GenerationFailed, NoDevice, NotStored, ServerStopping};
        let is_of_worker = matches!(reason, GenerationFailed | NoDevice | NotStored | ServerStopping);
        if reservation.claim().is_none() || !is_of_worker {
            return false;
        }
        let mut patience = Patience::default();
        let is_passed_on = loop {
            let held = reservation.held();
            match self.ask_ledger(move |ledger| ledger.put_back(&held, reason)).await {
                Ok(is_put_back) => break is_put_back,
                Err(ServiceError::Ledger(error)) if patience.lasts(&error) => {
                    patience.wait(&error, Some(reservation.id())).await;
                }
                Err(ServiceError::Ledger(error)) => break error.is_fenced(),
                Err(_) => break false,
            }
        };
        if is_passed_on {
            tracing::info!(request = %reservation.id(), %reason, "a request goes to another worker");
            self.book_lost(spent.iter().map(|attempt| attempt.usage)).await;
            if let Some(cluster) = &self.parts.cluster {
                cluster.news.work_waits();
            }
        }
        is_passed_on
    }

    /// Gives up what came too late: the request is another worker's, or ended. Files of this claim are nobody's.
    pub(super) async fn give_up(
        &self,
        reservation: &Reservation,
        spent: &[FailedAttempt],
        error: &LedgerError,
    ) {
        let id = reservation.id();
        tracing::warn!(request = %id, %error, "what was generated came too late, and is given up");
        let store = Arc::clone(&self.parts.storage.images);
        if let Some(claim) = reservation.claim() {
            let removed = self.blocking(move || store.remove_claimed(id, claim)).await;
            if let Err(error) = removed {
                tracing::warn!(request = %id, %error, "files that nobody names are left to the sweep");
            }
        }
        self.book_lost(spent.iter().map(|attempt| attempt.usage)).await;
    }

    /// Books energy of this machine that gave no image of any request, in its meter's own epoch.
    async fn book_lost(&self, usages: impl IntoIterator<Item = Usage>) {
        let book = OverheadBook {
            ledger: Arc::clone(&self.parts.ledger),
            costs: self.costs().clone(),
            clock: Arc::clone(&self.parts.clock),
            calendar: self.parts.calendar.clone(),
        };
        let usages = Usage::sums_by_epoch(usages);
        let booked = self.blocking(move || {
            usages.into_iter().for_each(|usage| book.enter(Overhead::Gap, usage));
            Ok::<_, ServiceError>(())
        });
        if booked.await.is_err() {
            tracing::error!("energy that gave no image could not be booked");
        }
    }
}

/// A request as this machine's service takes it. Its images are kept: its gateway answers with them.
fn request_of(queued: QueuedJob, key: KeyId) -> GenerateRequest {
    let caller = Caller {
        key,
        public_id: queued.key,
        scopes: Scopes::IMAGES,
        models: None,
        loras: None,
        limits: KeyLimits::default(),
        may_overflow: false,
    };
    GenerateRequest {
        caller,
        job: Arc::new(queued.job),
        priority: if queued.is_live { Priority::Live } else { Priority::Background },
        tag: queued.tag,
        encoding: queued.encoding,
        keep: true,
        partials: queued.partials,
        idempotency_key: None,
        body_sha256: [0; 32],
        source_memory: None,
        is_of_this_model: true,
    }
}

/// What stands for a request that this node cannot read. Nothing is booked on it.
fn unreadable() -> RenderJob {
    let spec = RenderSpec::new("", ImageSize::square(1), 1);
    RenderJob { spec, images: 1, seed: Seed::new(0), quality: Quality::default() }
}

/// Resolves with the next hint, or once it is time to look without one.
async fn wait_for_hint(hints: &mut watch::Receiver<u64>) {
    tokio::select! {
        changed = hints.changed() => if changed.is_err() {
            tokio::time::sleep(LOOK).await;
        },
        () = tokio::time::sleep(LOOK) => {}
    }
}
