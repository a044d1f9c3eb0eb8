//! From a request to its place and its money: in this order, so that a full queue writes nothing.

use std::sync::Arc;

use super::{GenerateRequest, PartialLora, Service, ServiceError, loras, overflow::Buying, quotes::reserved};
use crate::{
    admit::{Door, Pass, RateStanding, Refused, Taken},
    domain::{Caller, RequestId, Scope},
    engine::{LoraSet, Order, Permit, Priority, PromptTokens, QueueEstimate, Ticket},
    ledger::{BudgetPeriods, Ledger, NewRequest, OverBudget, Reservation, Reserved, new_or_return},
    units::Millis,
};

/// A request that has its place and its money.
pub(super) struct Admitted {
    pub(super) reservation: Reservation,
    pub(super) way: Fulfilment,
    /// Why nothing is bought; none if nothing is ever bought.
    pub(super) stays: Option<String>,
    pub(super) outlook: Option<QueueEstimate>,
    pub(super) images: Option<RateStanding>,
    pub(super) partial_loras: Vec<PartialLora>,
    /// Held while the job is at work.
    pub(super) pass: Option<Pass>,
}

/// Where a request's images are made.
pub(super) enum Fulfilment {
    /// In the queue.
    Here(Ticket),
    /// By a service that is asked now.
    There(Box<Buying>),
}

/// A request that nothing but its place and its money can refuse any more.
pub(super) struct Entered {
    pub(super) pass: Option<Pass>,
    pub(super) loras: LoraSet,
    /// Given back unless they are kept.
    pub(super) images: Option<Taken>,
}

/// What a device is asked for.
pub(super) fn order(request: &GenerateRequest, tokens: Arc<PromptTokens>, loras: LoraSet) -> Order {
    Order {
        job: Arc::clone(&request.job),
        key: request.caller.key,
        priority: request.priority,
        tokens,
        loras,
        partials: request.partials.unwrap_or(0),
    }
}

impl Service {
    /// Lets the request in, takes a place in the queue, reserves the money, hands the job in. A request that was answered
    /// before needs none of it, and is found first.
    pub(super) async fn admit(
        self: &Arc<Self>,
        request: &mut GenerateRequest,
        tokens: Arc<PromptTokens>,
        random: [u8; 10],
    ) -> Result<Reserved<Admitted>, ServiceError> {
        let Entered { pass, loras, images } = new_or_return!(self.enter(request).await?);
        let patience = self.patience(request);
        let engine = self.studio().engine().ok_or(ServiceError::Lost)?;
        let permit = engine.permit(&request.job, request.caller.key, request.priority, patience);
        let outlook = permit.as_ref().map(Permit::outlook).map_err(|overloaded| *overloaded);
        let (chosen, mut stays) = self.choose(request, outlook).await?;
        if let Some(chosen) = chosen {
            match self.reserve_to_buy(request, random, &chosen, None).await? {
                Ok(reserved) => {
                    let reservation = new_or_return!(reserved);
                    self.note_admission(reservation.id(), request, reservation.passed_budgets()).await;
                    let way = Fulfilment::There(Box::new(chosen.buying(order(request, tokens, loras))));
                    let images = images.map(Taken::keep);
                    let partial_loras = Vec::new();
                    let admitted =
                        Admitted { reservation, way, stays, outlook: None, images, partial_loras, pass };
                    return Ok(Reserved::New(admitted));
                }
                Err(why) => stays = Some(why),
            }
        }
        let permit = permit.map_err(ServiceError::Overloaded)?;
        let reserved = self.with_new_request(request, random, |ledger, new| {
            Ok(ledger.reserve(new).map_err(Refused::from)?)
        });
        let reservation = new_or_return!(reserved.await?);
        self.note_admission(reservation.id(), request, reservation.passed_budgets()).await;
        let images = images.map(Taken::keep);
        let (outlook, partial_loras) = (Some(permit.outlook()), loras::partial(&request.job, &loras));
        let way = Fulfilment::Here(permit.submit(order(request, tokens, loras)));
        Ok(Reserved::New(Admitted { reservation, way, stays, outlook, images, partial_loras, pass }))
    }

    /// What the door says. Rates that gateways share are in the ledger's database, which may be slow.
    async fn at_door<T: Send + 'static>(
        self: &Arc<Self>,
        ask: impl FnOnce(&Door) -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        if self.parts.cluster.is_none() {
            return Ok(ask(self.door()));
        }
        let service = Arc::clone(self);
        self.blocking(move || Ok::<_, ServiceError>(ask(service.door()))).await
    }

    /// Whether `caller` has `scope`, and may ask once more; where it stands, if it has a limit.
    ///
    /// # Errors
    /// [`ServiceError`] if nobody could be asked; what refuses the caller is in the answer.
    pub async fn check_at_door(
        self: &Arc<Self>,
        caller: &Caller,
        scope: Scope,
    ) -> Result<Result<Option<RateStanding>, Refused>, ServiceError> {
        let caller = caller.clone();
        self.at_door(move |door| door.check(&caller, scope)).await
    }

    /// Counts the request that was counted last as a quote instead: a page asked for a price by itself. Where the caller stands with
    /// its quotes, if they have a limit.
    ///
    /// # Errors
    /// [`ServiceError`] if nobody could be asked; what refuses the caller is in the answer.
    pub async fn count_as_quote(
        self: &Arc<Self>,
        caller: &Caller,
    ) -> Result<Result<Option<RateStanding>, Refused>, ServiceError> {
        let caller = caller.clone();
        self.at_door(move |door| door.count_as_quote(&caller)).await
    }

    /// Finds a repeat, and looks at all that may refuse a request before its place is asked for.
    pub(super) async fn enter(
        self: &Arc<Self>,
        request: &mut GenerateRequest,
    ) -> Result<Reserved<Entered>, ServiceError> {
        if let Some(idempotency_key) = request.idempotency_key.clone() {
            let (key, body_sha256) = (request.caller.key, request.body_sha256);
            let repeat = self.ask_ledger(move |ledger| {
                ledger.find_repeat(key, &idempotency_key, body_sha256).map_err(Refused::from)
            });
            new_or_return!(repeat.await?);
        }
        let pass = self.pass_of_job(request)?;
        let loras;
        (request.job, loras) = self.read_loras(&request.job).await?;
        let is_live = request.priority == Priority::Live;
        let images = if is_live {
            let (caller, images) = (request.caller.clone(), request.job.images);
            self.at_door(move |door| door.take_images(&caller, images)).await??
        } else {
            None
        };
        if request.is_kept() {
            let store = Arc::clone(&self.parts.storage.images);
            self.blocking(move || store.check_room()).await?;
        }
        Ok(Reserved::New(Entered { pass, loras, images }))
    }

    /// How long the answer is awaited; none: as long as it takes. A stream begins to answer at once, so its client can wait.
    pub(super) fn patience(&self, request: &GenerateRequest) -> Option<Millis> {
        let waits = request.priority == Priority::Live && request.partials.is_none();
        waits.then_some(self.parts.settings.answer_wait_max)
    }

    /// Prices the job before any work, and asks the ledger to reserve what it is expected to cost.
    pub(super) async fn with_new_request<T: Send + 'static>(
        &self,
        request: &GenerateRequest,
        random: [u8; 10],
        reserve: impl FnOnce(&Ledger, &NewRequest<'_>) -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let now = self.now();
        let periods = BudgetPeriods::of(now, &self.parts.calendar);
        let (job, at, costs) = (Arc::clone(&request.job), self.civil(now), self.costs().clone());
        let partials = request.partials.unwrap_or(0);
        let usage = reserved(self.studio().foresee(&job.spec, partials).usage);
        let budgets = self.parts.settings.budgets.clone();
        let (key, body_sha256) = (request.caller.key, request.body_sha256);
        let (idempotency_key, model) = (request.idempotency_key.clone(), self.parts.model.clone());
        let tag = request.tag.clone();
        self.ask_ledger_here(move |ledger| -> Result<_, ServiceError> {
            tracing::trace!("ledger asked");
            let costs = ledger.with_assets(&costs)?;
            let quote = costs.quote(&job, None, usage, at)?;
            tracing::trace!("quoted");
            let request = NewRequest {
                id: RequestId::new(now, random),
                key,
                idempotency_key: idempotency_key.as_deref(),
                body_sha256,
                model: &model,
                quality: job.quality,
                tag: tag.as_ref(),
                loras: &job.spec.loras,
                images: job.images,
                estimate: quote.estimate()?,
                wall_energy: quote.job.wall_energy,
                budgets: &budgets,
                now,
                periods,
            };
            reserve(ledger, &request)
        })
        .await
    }

    /// Logs that a request was taken on, and the soft budgets that it passes first. Keeps what it asks for, where prompts are kept.
    pub(super) async fn note_admission(
        &self,
        id: RequestId,
        request: &GenerateRequest,
        passed: &[OverBudget],
    ) {
        let key = &request.caller.public_id;
        if self.parts.settings.log_prompts {
            tracing::info!(request = %id, key, prompt = request.job.spec.prompt, "taken on");
        } else {
            tracing::debug!(request = %id, key, "taken on");
        }
        for over in passed.iter().filter(|over| over.was_within()) {
            tracing::warn!(request = %id, key, "a soft budget is passed: {over}");
        }
        if self.parts.settings.keep_prompts {
            self.keep_prompt(id, &request.job).await;
        }
    }
}
