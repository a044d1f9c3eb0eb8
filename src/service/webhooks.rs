use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use tokio::{sync::oneshot, task::JoinSet};

use super::{Service, ServiceError};
use crate::{
    costs::PriceMatter,
    domain::{EndpointId, LostDevice, NodeId},
    ledger::{DeviceLoss, DueDelivery, LedgerError},
    notify::{Message, NewsSender, WebhookSecret, pause_after},
    telemetry::MessageOutcome,
    units::Millis,
};

/// Between two looks into the outbox.
const LOOK: Millis = Millis::new(1_000);
/// Between two questions whose turn it is.
const TURN: Millis = Millis::new(3_000);
/// Between two looks at the disk and at the price book.
const WATCH: Millis = Millis::new(60_000);
/// How long events are kept that have arrived, or were given up.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Sends what is in the outbox, and watches for what is announced to operators, until `stop`. What is on its way then is sent again
/// after the next start.
pub async fn run_webhooks(service: Arc<Service>, sender: NewsSender, mut stop: oneshot::Receiver<()>) {
    let (mut tasks, mut busy, mut lost) = (JoinSet::new(), HashSet::new(), 0);
    let mut watched_at: Option<Millis> = None;
    loop {
        service.announce_lost_devices(&mut lost, None).await;
        let since = |at: Millis| service.monotonic().get().saturating_sub(at.get());
        if watched_at.is_none_or(|at| since(at) >= WATCH.get()) {
            watched_at = Some(service.monotonic());
            service.announce_conditions().await;
        }
        for (endpoint, messages) in service.due_messages(&busy).await {
            busy.insert(endpoint);
            tasks.spawn(deliver(Arc::clone(&service), sender.clone(), endpoint, messages));
        }
        tokio::select! {
            _ = &mut stop => break,
            () = service.sleep(LOOK) => {}
            Some(ended) = tasks.join_next() => match ended {
                Ok(endpoint) => {
                    busy.remove(&endpoint);
                }
                Err(error) => tracing::error!(%error, "the task of an endpoint ended: a defect"),
            }
        }
    }
    // The last of them may be why the server stops.
    service.announce_lost_devices(&mut lost, None).await;
}

/// The same for a gateway of a cluster: of all of them, one sends at a time. For ever.
pub async fn run_webhooks_in_turn(service: Arc<Service>, sender: NewsSender) {
    // Dropping it stops the sending.
    let mut sending = None;
    loop {
        let leads = service.ask_ledger(|ledger| ledger.lead()).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "whether this gateway sends webhooks cannot be asked");
            false
        });
        match (leads, &sending) {
            (true, None) => {
                let (stop, on_stop) = oneshot::channel::<()>();
                tokio::spawn(run_webhooks(Arc::clone(&service), sender.clone(), on_stop));
                sending = Some(stop);
            }
            (false, Some(_)) => sending = None,
            _ => {}
        }
        service.sleep(TURN).await;
    }
}

/// Sends a few messages to an endpoint, one after the other, and notes what came of each.
async fn deliver(
    service: Arc<Service>,
    sender: NewsSender,
    endpoint: EndpointId,
    messages: Vec<DueDelivery>,
) -> EndpointId {
    for message in messages {
        if let Err(error) = service.deliver(&sender, message).await {
            tracing::error!(%endpoint, %error, "what came of a webhook's message cannot be noted");
        }
    }
    endpoint
}

/// Webhooks: the outbox, emptied.
impl Service {
    /// Deletes events that are no longer of use.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] if the ledger fails.
    pub async fn sweep_webhooks(&self) -> Result<usize, ServiceError> {
        let horizon = self.now().checked_sub(KEPT).unwrap_or(Timestamp::MIN);
        self.ask_ledger(move |ledger| ledger.sweep_webhooks(horizon)).await
    }

    /// Messages whose time has come, by their endpoints; none for those that are `busy`.
    async fn due_messages(&self, busy: &HashSet<EndpointId>) -> HashMap<EndpointId, Vec<DueDelivery>> {
        let now = self.now();
        let due = self.ask_ledger(move |ledger| ledger.due_webhooks(now)).await.unwrap_or_else(|error| {
            tracing::error!(%error, "the outbox of webhooks cannot be read");
            Vec::new()
        });
        let mut messages: HashMap<_, Vec<_>> = HashMap::new();
        for message in due.into_iter().filter(|message| !busy.contains(&message.endpoint)) {
            messages.entry(message.endpoint).or_default().push(message);
        }
        messages
    }

    async fn deliver(&self, sender: &NewsSender, due: DueDelivery) -> Result<(), ServiceError> {
        let DueDelivery { event, endpoint, url, secret, body, attempts } = due;
        let sent = match secret.parse::<WebhookSecret>() {
            Ok(secret) => {
                let message = Message { id: event.clone(), body, url, secret };
                let (sender, now) = (sender.clone(), self.now().as_second());
                let sending = move || Ok::<_, ServiceError>(sender.send(&message, now));
                self.blocking(sending).await?.map_err(|error| error.to_string())
            }
            Err(error) => Err(format!("the secret of the endpoint is not one: {error}")),
        };
        let now = self.now();
        match sent {
            Ok(()) => {
                self.metrics().note_message(MessageOutcome::Delivered);
                tracing::debug!(%event, %endpoint, "a webhook's message has arrived");
                self.ask_ledger(move |ledger| ledger.note_webhook_delivered(&event, endpoint, now)).await
            }
            Err(reason) => {
                let pause = pause_after(attempts.saturating_add(1));
                let next = pause.and_then(|pause| {
                    let pause = i64::try_from(pause.get()).ok()?;
                    now.checked_add(SignedDuration::from_millis(pause)).ok()
                });
                let outcome = if next.is_some() { MessageOutcome::Retried } else { MessageOutcome::Dead };
                self.metrics().note_message(outcome);
                tracing::warn!(%event, %endpoint, reason, next = ?next.map(|next| next.to_string()), "a webhook's message has not arrived");
                self.ask_ledger(move |ledger| {
                    ledger.note_webhook_failed(&event, endpoint, &reason, (now, next))
                })
                .await
            }
        }
    }

    /// Writes events for a disk without room, and for prices that end, and counts what waits for a person.
    async fn announce_conditions(&self) {
        let (store, today, now) = (Arc::clone(&self.parts.storage.images), self.today(), self.now());
        let announced = async {
            let free_mib = self.blocking(move || store.lacks_room()).await?;
            let notices = self.costs_now().await?.price_notices(today);
            let standing = self.ask_ledger(move |ledger| -> Result<_, LedgerError> {
                if let Some(free_mib) = free_mib {
                    ledger.announce_full_disk(free_mib, today, now)?;
                }
                for notice in &notices {
                    let until = match notice.matter {
                        PriceMatter::Ends { on } => on,
                        PriceMatter::Ended { since } => since.yesterday().unwrap_or(since),
                        _ => continue,
                    };
                    ledger.announce_price_end(&notice.sku, until, now)?;
                }
                Ok((ledger.purchases_in_doubt()?, ledger.count_dead_letters()?))
            });
            let (in_doubt, dead_letters) = standing.await?;
            self.metrics().note_standing(in_doubt, dead_letters);
            Ok::<_, ServiceError>(())
        };
        if let Err(error) = announced.await {
            tracing::error!(%error, "what an operator should know cannot be announced");
        }
    }

    /// Writes an event for each device of this process that was lost beside the `announced` ones. In a cluster a worker says so
    /// itself, as the `node` of a machine.
    pub async fn announce_lost_devices(&self, announced: &mut usize, node: Option<(NodeId, &str)>) {
        let Some(engine) = self.studio().engine() else { return };
        let (devices, now) = (engine.devices().all, self.now());
        for (place, LostDevice { index, name, reason }) in
            engine.lost_devices().into_iter().enumerate().skip(*announced)
        {
            let loss = DeviceLoss {
                lost: place + 1,
                devices,
                index,
                device: name,
                reason,
                node: node.map(|(id, _)| id.to_string()),
                machine: node.map(|(_, machine)| machine.to_owned()),
            };
            let occasion = loss.node.clone().unwrap_or_else(|| now.as_millisecond().to_string());
            match self.ask_ledger(move |ledger| ledger.announce_lost_device(&loss, &occasion, now)).await {
                Ok(()) => *announced = place + 1,
                Err(error) => {
                    tracing::error!(%error, "the loss of a device cannot be announced");
                    return;
                }
            }
        }
    }
}
