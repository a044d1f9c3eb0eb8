//! Images that are bought because there is no room here: the choice, the purchase, and the way back into the queue.

use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{
    Answer, AnsweredImage, GenerateRequest, MadeBy, Service, ServiceError, asking::Asking,
    audience::Audience, files::place, quotes::reserved,
};
use crate::{
    admit::{Pass, Refused},
    costs::{BoughtPrice, CostError, Receipt, Spending},
    domain::{Claim, FailureReason, Pixels, RequestId, Seed},
    encode::ReceiptRecord,
    engine::{Order, OverloadReason, Overloaded, Priority, QueueEstimate, Ticket},
    image_store::ImageName,
    ledger::{
        BudgetPeriods, Ledger, Need, NewPurchase, NewRequest, NotAdmitted, OverBudget, Purchase,
        PurchaseForbidden, Reservation, ReserveError, Reserved, Unbooked,
    },
    overflow::{self, Choice, Offered, PurchaseError, Seller, Situation, Stay, StayRule, Wait},
    telemetry::PurchaseOutcome,
    units::{Currency, Millis, Money},
};

/// A purchase that was chosen, and is not written down yet.
pub(super) struct Chosen {
    seller: Seller,
    price: BoughtPrice,
    here: Money,
    why: String,
}

impl Chosen {
    /// The purchase, once it is written down.
    pub(super) fn buying(self, order: Order) -> Buying {
        let bill = Bill { seller: self.seller.name.clone(), price: self.price.price };
        Buying { seller: self.seller, bill, why: self.why, order }
    }
}

/// Who is paid, and what for an image.
struct Bill {
    seller: String,
    price: Money,
}

/// A purchase that is written down, and the order that is handed in here if it fails.
pub(super) struct Buying {
    seller: Seller,
    bill: Bill,
    why: String,
    order: Order,
}

/// What was decided at a gateway: a purchase, or why there is none; neither, if nothing is ever bought.
type Decided = (Option<(Reservation, Box<Buying>)>, Option<String>);

impl Service {
    /// Whether a request's images are bought: a purchase, or why there is none. Neither without a `[[overflow]]`, or for what can
    /// wait.
    pub(super) async fn choose(
        &self,
        request: &GenerateRequest,
        place: Result<QueueEstimate, Overloaded>,
    ) -> Result<(Option<Chosen>, Option<String>), ServiceError> {
        let sellers = self.parts.settings.buyer.sellers();
        if sellers.is_empty() || request.priority != Priority::Live || self.open_requests.is_closed() {
            return Ok((None, None));
        }
        let wait = match place {
            Ok(outlook) => Wait::Of(outlook.eta),
            Err(Overloaded { reason: OverloadReason::NoDevice, .. }) => Wait::NoDevice,
            Err(_) => Wait::Overloaded,
        };
        let able = match able(sellers, request, wait) {
            Ok(able) => able,
            Err(stay) => return Ok((None, Some(self.stays(request, stay)))),
        };
        match self.ask_sellers(request, wait, able).await? {
            Ok(chosen) => {
                let key = &request.caller.public_id;
                tracing::info!(key, seller = chosen.seller.name, "images are bought: {}", chosen.why);
                Ok((Some(chosen), None))
            }
            Err(stay) => {
                tracing::info!(key = request.caller.public_id, "images are not bought: {}", stay.why);
                Ok((None, Some(self.stays(request, stay))))
            }
        }
    }

    /// In a cluster: a purchase that is written down, with the request held by this gateway; or why there is none.
    pub(super) async fn buy_instead(
        &self,
        request: &GenerateRequest,
        random: [u8; 10],
        order: Order,
        asking: &Arc<Asking>,
    ) -> Result<Reserved<Decided>, ServiceError> {
        if self.parts.settings.buyer.sellers().is_empty() {
            return Ok(Reserved::New((None, None)));
        }
        let (key, is_live) = (request.caller.key, request.priority == Priority::Live);
        let place = self.ask_ledger(move |ledger| ledger.queue_place(key, is_live)).await?;
        let (chosen, stays) = self.choose(request, asking.outlook(&place)).await?;
        let Some(chosen) = chosen else { return Ok(Reserved::New((None, stays))) };
        match self.reserve_to_buy(request, random, &chosen, Some(Arc::clone(asking))).await? {
            Ok(reserved) => {
                let bought = |reservation| (Some((reservation, Box::new(chosen.buying(order)))), None);
                Ok(reserved.map(bought))
            }
            Err(why) => Ok(Reserved::New((None, Some(why)))),
        }
    }

    /// Counts by which rule a request stays here, if its key may overflow, and says why.
    fn stays(&self, request: &GenerateRequest, Stay { rule, why }: Stay) -> String {
        if request.caller.may_overflow {
            self.metrics().note_stay(rule.as_str());
        }
        why
    }

    /// Puts prices and caps beside what the images cost here, and chooses.
    async fn ask_sellers(
        &self,
        request: &GenerateRequest,
        wait: Wait,
        sellers: Vec<Seller>,
    ) -> Result<Result<Chosen, Stay>, ServiceError> {
        let now = self.now();
        let (costs, at) = (self.costs().clone(), self.civil(now));
        let usage = reserved(self.studio().foresee(&request.job.spec, 0).usage);
        let budgets = self.parts.settings.budgets.clone();
        let (job, key) = (Arc::clone(&request.job), request.caller.key);
        let periods = BudgetPeriods::of(now, &self.parts.calendar);
        self.ask_ledger(move |ledger| -> Result<_, ServiceError> {
            let quote = ledger.with_assets(&costs)?.quote(&job, None, usage, at)?;
            let (images, here) = (job.images, quote.image.cost.electricity);
            let situation = Situation { wait, images, here, currency: costs.currency() };
            let spending = Spending { money: quote.estimate()?, images, energy: quote.job.wall_energy };
            let need = Need { key, spending, budgets: &budgets, periods: &periods };
            let mut offered = Vec::new();
            for seller in &sellers {
                let price = costs.bought_price(&seller.sku, job.product(), at.date());
                let paid_today = ledger.paid_to(&seller.name, &periods)?;
                let is_covered = match &price {
                    Ok(price) => covers(ledger, &need, price.of(situation.images)?)?,
                    Err(_) => true,
                };
                let price = price.map_err(|error| error.to_string());
                offered.push(Offered { seller, price, paid_today, is_covered });
            }
            Ok(match overflow::decide(&situation, &offered) {
                Choice::Here(stay) => Err(stay),
                Choice::There { offered, price, why } => {
                    Ok(Chosen { seller: sellers[offered].clone(), price, here: situation.here, why })
                }
            })
        })
        .await
    }

    /// Reserves the price there, and with it the work here in case it comes to that, and writes the purchase down. Else why not, in
    /// words; then nothing was written. `asking` is for the queue of a cluster.
    pub(super) async fn reserve_to_buy(
        &self,
        request: &GenerateRequest,
        random: [u8; 10],
        chosen: &Chosen,
        asking: Option<Arc<Asking>>,
    ) -> Result<Result<Reserved, String>, ServiceError> {
        let Chosen { seller, price, here, why } = chosen;
        let (name, a_day_max) = (seller.name.clone(), seller.caps.a_day);
        let (price, here, why) = (price.clone(), *here, why.clone());
        let (size, currency) = (request.job.spec.size, self.costs().currency());
        let reserved = self.with_new_request(request, random, move |ledger, new| {
            let both = new.estimate.plus(price.of(new.images)?).map_err(CostError::from)?;
            let purchase = NewPurchase {
                request: new.id,
                seller: &name,
                images: new.images,
                size,
                price: &price,
                here,
                currency,
                why: &why,
                a_day_max,
            };
            let new = NewRequest { estimate: both, ..new.clone() };
            let reserved = match asking {
                Some(asking) => asking.hold(ledger, &new, &purchase)?,
                None => ledger.reserve_to_buy(&new, &purchase, None),
            };
            match reserved {
                Ok(reserved) => Ok(Ok(reserved)),
                Err(NotAdmitted::Place(PurchaseForbidden::OverDaysCap)) => Ok(Err(Stay::by(
                    StayRule::DayCap,
                    format!("{name}'s cap of the day was reached meanwhile"),
                ))),
                Err(NotAdmitted::Place(PurchaseForbidden::TooManyJobs)) => {
                    Ok(Err(Stay::by(StayRule::Jobs, "the key has as many requests at work as it may have")))
                }
                Err(NotAdmitted::Place(PurchaseForbidden::InDoubt)) => Ok(Err(Stay::by(
                    StayRule::InDoubt,
                    "an earlier purchase under the same Idempotency-Key is in doubt, or was paid for",
                ))),
                Err(NotAdmitted::Reserve(ReserveError::OverBudget(_))) => {
                    Ok(Err(Stay::by(StayRule::Budget, format!("the budget does not cover {name}'s price"))))
                }
                Err(NotAdmitted::Reserve(error)) => Err(Refused::from(error).into()),
            }
        });
        Ok(reserved.await?.map_err(|stay| self.stays(request, stay)))
    }

    /// Buys the images of a request and settles it. If that fails, its order goes into the queue here, once.
    pub(super) async fn make_there(
        self: &Arc<Self>,
        reservation: Reservation,
        buying: Buying,
        request: &GenerateRequest,
        (audience, pass): (&Audience, Option<Pass>),
    ) -> Result<Answer, ServiceError> {
        let id = reservation.id();
        let Buying { seller, bill, why, order } = buying;
        let shows_prompt = self.parts.settings.log_prompts;
        let open = self.open_jobs.enter((id, request), (None, Some(why)), shows_prompt, self.now());
        open.note_begin(self.now());
        let began = self.monotonic();
        match self.buy(id, seller, request).await {
            Ok(images) => self.settle_bought(reservation, images, request, (audience, &bill)).await,
            Err(error) => {
                drop(open);
                self.note_failed_purchase(id, &error, request, &bill).await;
                if reservation.claim().is_some() {
                    return self.back_to_workers(reservation, request, audience).await;
                }
                let waited = Millis::new(self.monotonic().get().saturating_sub(began.get()));
                match self.back_into_the_queue(request, order, waited, audience) {
                    Ok(ticket) => {
                        self.make_here(reservation, ticket, (request, None), (audience, pass)).await
                    }
                    Err(refused) => {
                        let (reason, error) = *refused;
                        self.fail(reservation, reason, &[], &request.job).await;
                        Err(error)
                    }
                }
            }
        }
    }

    /// Asks the seller, on a thread that may wait.
    async fn buy(
        &self,
        id: RequestId,
        seller: Seller,
        request: &GenerateRequest,
    ) -> Result<Vec<Pixels>, PurchaseError> {
        let (buyer, job) = (self.parts.settings.buyer.clone(), Arc::clone(&request.job));
        let idempotency_key = idempotency_key(id, request);
        let bought = self.blocking(move || Ok::<_, ServiceError>(buyer.buy(&seller, &job, &idempotency_key)));
        bought.await.unwrap_or_else(|error| Err(PurchaseError::Doubtful(error.to_string())))
    }

    /// Books what is in doubt. If the ledger cannot be written, the purchase stays open, and the next start books it.
    async fn note_failed_purchase(
        &self,
        id: RequestId,
        error: &PurchaseError,
        request: &GenerateRequest,
        bill: &Bill,
    ) {
        let counted = if error.is_doubtful() { PurchaseOutcome::Doubtful } else { PurchaseOutcome::Failed };
        self.count(counted, request, bill);
        let (is_doubtful, outcome, now) = (error.is_doubtful(), error.to_string(), self.now());
        tracing::warn!(request = %id, is_doubtful, "images were not bought, and are made here: {error}");
        let ended = self.ask_ledger(move |ledger| ledger.end_purchase(id, is_doubtful, &outcome, now)).await;
        if let Err(error) = ended {
            tracing::error!(request = %id, %error, "a purchase stays open until the next start");
        }
    }

    fn count(&self, outcome: PurchaseOutcome, request: &GenerateRequest, bill: &Bill) {
        let paid = bill.price.times(request.job.images).unwrap_or(bill.price);
        self.metrics().note_purchase(&bill.seller, outcome, (paid, self.costs().currency()));
    }

    /// A place in the queue for what was not bought, if somebody still waits for it.
    fn back_into_the_queue(
        &self,
        request: &GenerateRequest,
        order: Order,
        waited: Millis,
        audience: &Audience,
    ) -> Result<Ticket, Box<(FailureReason, ServiceError)>> {
        if audience.outcome.receiver_count() == 0 && !self.finishes_alone(request) {
            return Err(Box::new((FailureReason::ClientGone, ServiceError::Lost)));
        }
        let engine =
            self.studio().engine().ok_or_else(|| Box::new((FailureReason::NoDevice, ServiceError::Lost)))?;
        let patience = self.patience(request);
        let patience = patience.map(|patience| Millis::new(patience.get().saturating_sub(waited.get())));
        let permit =
            engine.permit(&request.job, order.key, order.priority, patience).map_err(|overloaded| {
                let reason = match overloaded.reason {
                    OverloadReason::NoDevice => FailureReason::NoDevice,
                    _ => FailureReason::DeadlinePassed,
                };
                Box::new((reason, ServiceError::Overloaded(overloaded)))
            })?;
        Ok(permit.submit(order))
    }

    /// Encodes, keeps and books images that were bought.
    async fn settle_bought(
        &self,
        reservation: Reservation,
        images: Vec<Pixels>,
        request: &GenerateRequest,
        (audience, bill): (&Audience, &Bill),
    ) -> Result<Answer, ServiceError> {
        let (id, now, size) = (reservation.id(), self.now(), request.job.spec.size);
        let images = match self.files_of_bought((id, reservation.claim()), images, request, now).await {
            Ok(images) => images,
            Err(error) => {
                let outcome = "the images came, and could not be kept";
                return self.give_up_bought(reservation, (outcome, error), request, (audience, bill)).await;
            }
        };
        let is_held = reservation.claim().is_some();
        let book = move |ledger: &Ledger, reservation| ledger.settle_bought(reservation, now);
        match self.book(reservation, book).await? {
            Ok(()) => {
                self.count(PurchaseOutcome::Bought, request, bill);
                if is_held {
                    self.clear_transit(id, request).await;
                }
                let made_by = self.made_by(id, None).await;
                Ok(Answer {
                    id,
                    created: now,
                    size,
                    images,
                    prompt_tokens: 0,
                    edit: None,
                    loras: Vec::new(),
                    computation: None,
                    made_by,
                })
            }
            // This gateway was taken for dead: the purchase is in doubt, and a worker makes the images.
            Err(Unbooked { reservation, error }) if error.is_fenced() => {
                self.give_up(&reservation, &[], &error).await;
                self.back_to_workers(reservation, request, audience).await
            }
            Err(Unbooked { reservation, error }) => {
                let outcome = ("the images came, and could not be booked", (*error).into());
                self.give_up_bought(reservation, outcome, request, (audience, bill)).await
            }
        }
    }

    /// Ends a request whose images were paid for and cannot be handed over. In a cluster a worker makes them.
    async fn give_up_bought(
        &self,
        reservation: Reservation,
        (outcome, error): (&str, ServiceError),
        request: &GenerateRequest,
        (audience, bill): (&Audience, &Bill),
    ) -> Result<Answer, ServiceError> {
        let doubt = PurchaseError::Doubtful(outcome.into());
        self.note_failed_purchase(reservation.id(), &doubt, request, bill).await;
        if reservation.claim().is_some() {
            return self.back_to_workers(reservation, request, audience).await;
        }
        self.fail(reservation, FailureReason::NotStored, &[], &request.job).await;
        Err(error)
    }

    /// Files that say where they were bought, on disk where they are to be kept.
    async fn files_of_bought(
        &self,
        (id, claim): (RequestId, Option<Claim>),
        images: Vec<Pixels>,
        request: &GenerateRequest,
        now: Timestamp,
    ) -> Result<Vec<AnsweredImage>, ServiceError> {
        let purchase = self.ask_ledger(move |ledger| ledger.purchase(id)).await?.ok_or(ServiceError::Lost)?;
        let currency = self.costs().currency();
        let provenances: Vec<_> = (0..)
            .take(images.len())
            .map(|index| {
                let mut provenance = self.provenance(request, id, index, now)?;
                provenance.model = purchase.price.sku.clone();
                provenance.bought_from = Some(purchase.seller.clone());
                provenance.receipt = Some(record(id, &purchase, currency));
                Some(provenance)
            })
            .collect();
        let (encoding, keep, encode) = (request.encoding, request.is_kept(), self.parts.encode);
        let store = Arc::clone(&self.parts.storage.images);
        self.blocking(move || {
            let file = |(index, (pixels, provenance)): (u32, (Pixels, _))| {
                let file = encode(&pixels, encoding, Option::as_ref(&provenance))?;
                let name = ImageName { request: id, index, format: encoding.format, claim };
                let file = place(file, keep.then_some(name), &store)?;
                Ok(AnsweredImage { file, seed: Seed::new(0), receipt: Receipt::of_nothing() })
            };
            (0..).zip(images.into_iter().zip(provenances)).map(file).collect::<Result<_, ServiceError>>()
        })
        .await
    }

    /// Where the images of a settled request were made. It is decoration: if the ledger cannot be read, nothing is said.
    pub(super) async fn made_by(&self, id: RequestId, why: Option<String>) -> MadeBy {
        if self.parts.settings.buyer.sellers().is_empty() {
            return MadeBy { purchase: None, why };
        }
        let purchase = self.ask_ledger(move |ledger| ledger.purchase(id)).await;
        MadeBy { purchase: purchase.unwrap_or_default(), why }
    }
}

/// Those of `sellers` that can make what is asked for, if the key's prompts may leave and the wait is long enough for one.
fn able(sellers: &[Seller], request: &GenerateRequest, wait: Wait) -> Result<Vec<Seller>, Stay> {
    if !request.caller.may_overflow {
        return Err(Stay::by(StayRule::Key, "this key's prompts may not leave the house"));
    }
    if request.is_of_this_model {
        let why = "a seed, steps or guidance are asked for, which are this model's";
        return Err(Stay::by(StayRule::Model, why));
    }
    let mut stay = Stay::by(StayRule::Wares, "");
    let mut able = Vec::new();
    for seller in sellers {
        let lacks = seller.lacks(&request.job).map(|why| Stay::by(StayRule::Wares, why));
        let short = || overflow::short_wait(wait, seller).map(|why| Stay::by(StayRule::Wait, why));
        match lacks.or_else(short) {
            Some(reason) => stay = reason,
            None => able.push(seller.clone()),
        }
    }
    if able.is_empty() { Err(stay) } else { Ok(able) }
}

/// Whether the hard budgets cover `price` beside the work here.
fn covers(ledger: &Ledger, need: &Need<'_>, price: Money) -> Result<bool, ServiceError> {
    let mut need = *need;
    need.spending.money = need.spending.money.plus(price).map_err(CostError::from)?;
    Ok(OverBudget::refusing(&ledger.passed_budgets(&need)?).is_none())
}

/// The same for every attempt at one request of a client, so that a seller that remembers it charges once.
fn idempotency_key(id: RequestId, request: &GenerateRequest) -> String {
    match &request.idempotency_key {
        None => id.to_text(),
        Some(key) => {
            let text = format!("{}\n{key}", request.caller.public_id);
            base16ct::lower::encode_string(&Sha256::digest(text))
        }
    }
}

/// What a bought image's file says of its cost.
fn record(id: RequestId, purchase: &Purchase, currency: Currency) -> ReceiptRecord {
    let Receipt { usage, wall_energy, cost, .. } = Receipt::of_nothing();
    ReceiptRecord {
        request: id,
        currency,
        cost,
        total: purchase.price.price,
        energy: usage.energy,
        wall_energy,
        energy_source: usage.source,
        duration: usage.duration,
    }
}
