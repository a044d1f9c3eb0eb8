//! Who looks after open batches: a task for each, from the start of the server to its end.

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
    sync::Arc,
};

use actix_web::web;
use parking_lot::Mutex;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    caller::caller_of,
    check::{self, Verdict},
    finish,
    object::errors,
    work,
};
use crate::{
    domain::{BatchId, BatchStatus, KeyId, NodeId},
    http::State,
    ledger::BatchRow,
    service::ServiceError,
    units::Millis,
};

/// Lines of one key in work for each device: enough for its batches, and few enough for the memory of sources of edits.
const LINES_A_DEVICE: usize = 8;
/// Time after which a batch is looked after again that could not go on.
const PAUSE: Millis = Millis::new(10_000);

/// What handlers and the tasks of batches share.
#[derive(Default)]
pub struct BatchDesk {
    /// Something was created or cancelled.
    news: watch::Sender<()>,
    stop: CancellationToken,
    /// The node of a cluster that looks after batches: this one. None: the one server that there is.
    driver: Mutex<Option<NodeId>>,
    /// Turns of each key's lines. Keys share the devices by the engine's queue, so each has as many.
    turns: Mutex<HashMap<KeyId, Arc<Semaphore>>>,
}

impl BatchDesk {
    /// Wakes all tasks, since a batch was created or cancelled.
    pub(in crate::http) fn wake(&self) {
        self.news.send_replace(());
    }

    pub(super) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Looks after batches as the node `driver`.
    pub(super) fn drive_as(&self, driver: NodeId) {
        *self.driver.lock() = Some(driver);
    }

    /// The node as which it looks after batches; none: the one server that there is.
    pub(super) fn driver(&self) -> Option<NodeId> {
        *self.driver.lock()
    }

    /// Whether the server stops.
    pub(super) fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Resolves when the server stops.
    pub(super) async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Begins no further line. Those in work end with the service.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// The turns of the lines of `key`, on so many devices.
    pub(super) fn turns(&self, key: KeyId, devices: usize) -> Arc<Semaphore> {
        let turns = || Arc::new(Semaphore::new(devices.max(1).saturating_mul(LINES_A_DEVICE)));
        Arc::clone(self.turns.lock().entry(key).or_insert_with(turns))
    }
}

/// Looks after every open batch until [`BatchDesk::stop`].
pub async fn run_batches(state: Arc<State>) {
    let state = web::Data::from(state);
    let (mut news, mut tasks) = (state.batches.news(), JoinSet::new());
    let mut attended = HashSet::new();
    while !state.batches.is_stopping() {
        news.mark_unchanged();
        match state.service.ask_ledger(|ledger| ledger.open_batches()).await {
            Ok(open) => {
                for BatchRow { id, key, .. } in open.into_iter().filter(|batch| attended.insert(batch.id)) {
                    tasks.spawn(attend(state.clone(), key, id));
                }
            }
            Err(error) => tracing::error!(%error, "open batches cannot be listed"),
        }
        tokio::select! {
            _ = news.changed() => {}
            () = state.batches.stopped() => {}
            Some(ended) = tasks.join_next() => match ended {
                Ok(id) => {
                    attended.remove(&id);
                }
                // It is not begun again before the next start: it would only end so again.
                Err(error) => tracing::error!(%error, "the task of a batch ended: a defect"),
            }
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// Takes a batch from where it is to its end. What hinders it for now is waited for.
async fn attend(state: web::Data<State>, key: KeyId, id: BatchId) -> BatchId {
    while !state.batches.is_stopping() {
        match step(&state, key, id).await {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => break,
            Err(error) => {
                tracing::error!(batch = %id, %error, "a batch cannot go on; it is tried again in 10 s");
                tokio::select! {
                    () = state.service.sleep(PAUSE) => {}
                    () = state.batches.stopped() => {}
                }
            }
        }
    }
    id
}

/// Takes a batch out of the status that it has.
async fn step(state: &web::Data<State>, key: KeyId, id: BatchId) -> Result<ControlFlow<()>, ServiceError> {
    let found = state.service.ask_ledger(move |ledger| ledger.batch(key, id)).await?;
    let Some(batch) = found else { return Ok(ControlFlow::Break(())) };
    match batch.status {
        BatchStatus::Validating => validate(state, &batch).await?,
        BatchStatus::InProgress => work::work(state, batch).await?,
        BatchStatus::Finalizing | BatchStatus::Cancelling => finish::finish(state, batch).await?,
        BatchStatus::Failed | BatchStatus::Completed | BatchStatus::Expired | BatchStatus::Cancelled => {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

async fn validate(state: &web::Data<State>, batch: &BatchRow) -> Result<(), ServiceError> {
    let id = batch.id;
    let Some(caller) = caller_of(state, batch).await? else { return Ok(()) };
    let verdict = check::check(state, &caller, &batch.terms, Some(id)).await?;
    let now = state.service.now();
    match verdict {
        Verdict::Sound(size, _) => {
            tracing::info!(batch = %id, lines = size.total, images = size.images, "a batch is taken on");
            state.service.ask_ledger(move |ledger| ledger.begin_batch(id, size, now)).await
        }
        Verdict::Faulty(faults) => {
            tracing::info!(batch = %id, faults = faults.len(), "a batch's file is refused");
            let faults = errors(&faults);
            state.service.ask_ledger(move |ledger| ledger.fail_batch(id, &faults, now)).await
        }
        Verdict::Unwanted => Ok(()),
    }
}
