//! The lines of a batch, some at a time, through the service and into its files.

use std::{
    collections::HashSet,
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use actix_web::web;
use futures_util::{StreamExt, stream::FuturesUnordered};
use jiff::SignedDuration;
use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    caller::caller_of,
    finish,
    lines::{LineSource, receive},
};
use crate::{
    batches::{Growing, InputLine, PlanReason},
    domain::{BatchStatus, CostTag, FileId, RequestId},
    engine::Priority,
    http::{
        State,
        api::{
            code::Code,
            error::ApiError,
            images::{self, Head},
            links::LinkIn,
            pieces,
            wire::{Asked, Part},
        },
    },
    ledger::{BatchRow, DEATHS_MAX, DoneLines, LedgerError, LineResult},
    service::{Answer, Service, ServiceError},
    units::Millis,
};

/// Pauses after an error that will pass: the first, and the longest.
const PAUSES: [Millis; 2] = [Millis::new(1_000), Millis::new(60_000)];

/// How often a plan is made again: tariffs, pace and load change.
const REPLAN: Millis = Millis::new(60_000);

/// Requests of a batch that the service has in work.
#[derive(Default)]
struct OpenRequests {
    ids: Mutex<HashSet<RequestId>>,
    is_stopped: AtomicBool,
}

impl OpenRequests {
    fn enter(&self, id: RequestId, service: &Arc<Service>) {
        self.ids.lock().insert(id);
        if self.is_stopped.load(Ordering::SeqCst) {
            service.stop_unwanted(id);
        }
    }

    fn leave(&self, id: RequestId) {
        self.ids.lock().remove(&id);
    }

    /// Stops them all at their next step, and those that come still.
    fn stop(&self, service: &Arc<Service>) {
        self.is_stopped.store(true, Ordering::SeqCst);
        let ids: Vec<_> = self.ids.lock().iter().copied().collect();
        for id in ids {
            service.stop_unwanted(id);
        }
    }
}

/// A line that the service is done with.
struct Served {
    line: InputLine,
    request: Option<RequestId>,
    outcome: Result<(Asked, Arc<Answer>), ApiError>,
}

/// A batch in work.
struct Work<'a> {
    state: &'a web::Data<State>,
    batch: Arc<BatchRow>,
    done: HashSet<u32>,
    /// The `custom_id`s of lines that the server died of.
    deadly: HashSet<String>,
    output: Option<Growing>,
    errors: Option<Growing>,
    /// Lines that met an error which will pass.
    again: Vec<InputLine>,
    /// Whether every line was read.
    is_read: bool,
    /// Whether no further line is begun.
    is_halted: bool,
    /// Whether now is the time for it, as planned.
    is_due: bool,
    /// Why it is done when it is, as it was last said.
    reason: Option<PlanReason>,
    pause: Millis,
}

/// Works on the lines of `batch` until all are done, its time is over, it is cancelled, or the server stops.
pub(super) async fn work(state: &web::Data<State>, batch: BatchRow) -> Result<(), ServiceError> {
    let (id, key, files) = (batch.id, batch.key, batch.files);
    let (DoneLines { lines, output_bytes, error_bytes }, deadly) = state
        .service
        .ask_ledger(move |ledger| {
            Ok::<_, LedgerError>((ledger.done_lines(id)?, ledger.deadly_lines(key, id)?))
        })
        .await?;
    let Some(source) = LineSource::open(state, batch.terms.input).await? else {
        return finish::cancel_without_input(state, &batch).await;
    };
    let resume = |file: FileId, bytes| {
        let store = state.service.file_store().clone();
        async move {
            let resumed =
                web::block(move || store.resume(file, bytes)).await.map_err(std::io::Error::other)?;
            resumed.map_err(ServiceError::from)
        }
    };
    let (output, errors) =
        match (resume(files.output, output_bytes).await, resume(files.error, error_bytes).await) {
            (Ok(output), Ok(errors)) => (Some(output), Some(errors)),
            (Err(error), _) | (_, Err(error)) => return finish::begin_again(state, id, error).await,
        };
    let work = Work {
        state,
        output,
        errors,
        batch: Arc::new(batch),
        done: lines,
        deadly,
        again: Vec::new(),
        is_read: false,
        is_halted: false,
        is_due: false,
        reason: None,
        pause: PAUSES[0],
    };
    work.run(source).await
}

impl Work<'_> {
    async fn run(self, source: LineSource) -> Result<(), ServiceError> {
        let (id, state) = (self.batch.id, self.state);
        let ended = self.run_lines(source).await;
        state.service.metrics().note_plan(id, None);
        ended
    }

    async fn run_lines(mut self, mut source: LineSource) -> Result<(), ServiceError> {
        let service = &self.state.service;
        let turns = self.state.batches.turns(self.batch.key, service.studio().devices().all);
        let left = service.now().duration_until(self.batch.times.expires).max(SignedDuration::ZERO);
        let mut expiry = service.sleep(Millis::new(u64::try_from(left.as_millis()).unwrap_or(u64::MAX)));
        let mut news = self.state.batches.news();
        let open = Arc::new(OpenRequests::default());
        let mut in_work = FuturesUnordered::new();
        let mut pause = None;
        let mut replan = service.sleep(self.plan().await?);
        let (mut is_expired, mut may_be_cancelled) = (false, true);
        while !(in_work.is_empty() && (self.is_halted || self.is_read && self.again.is_empty())) {
            if std::mem::take(&mut may_be_cancelled) && self.is_cancelled().await? {
                self.is_halted = true;
                open.stop(service);
                continue;
            }
            let wants_more =
                self.is_due && !self.is_halted && pause.is_none() && !(self.is_read && self.again.is_empty());
            tokio::select! {
                biased;
                () = self.state.batches.stopped(), if !self.is_halted => self.is_halted = true,
                () = &mut expiry, if !self.is_halted => {
                    (self.is_halted, is_expired) = (true, true);
                    open.stop(service);
                }
                changed = news.changed(), if !self.is_halted => {
                    may_be_cancelled = changed.is_ok();
                    replan = service.sleep(self.plan().await?);
                }
                Some(served) = in_work.next() => pause = self.take(served).await?.map(|span| service.sleep(span)).or(pause),
                () = sleeping(&mut pause), if pause.is_some() => pause = None,
                () = &mut replan, if !self.is_halted => {
                    // Another process may have cancelled it too.
                    may_be_cancelled = true;
                    replan = service.sleep(self.plan().await?);
                }
                Ok(turn) = Arc::clone(&turns).acquire_owned(), if wants_more => {
                    if let Some(line) = self.next_line(&mut source).await? {
                        let (state, batch) = (self.state.clone(), Arc::clone(&self.batch));
                        in_work.push(serve(state, batch, line, Arc::clone(&open), turn));
                    }
                }
            }
        }
        if is_expired || !self.is_halted {
            let (id, now) = (self.batch.id, service.now());
            service.ask_ledger(move |ledger| ledger.finalize_batch(id, now)).await?;
        }
        Ok(())
    }

    /// Plans the rest, and notes whether now is the time for it. Returns the time until the next plan.
    async fn plan(&mut self) -> Result<Millis, ServiceError> {
        let (id, service) = (self.batch.id, &self.state.service);
        let open = service.ask_ledger(|ledger| ledger.open_batches()).await?;
        let Some(batch) = open.iter().find(|batch| batch.id == id) else { return Ok(REPLAN) };
        let plan = service.plan_batch(batch, &open).await?;
        let wait = plan.wait(service.now());
        self.is_due = wait.is_zero();
        let begins_at = plan.starts_at().filter(|_| !self.is_due).map(|at| at.as_second());
        service.metrics().note_plan(id, begins_at);
        if self.reason.replace(plan.reason) != Some(plan.reason) {
            let [starts_at, ends_at] =
                [plan.starts_at(), plan.ends_at()].map(|at| at.map(|at| at.to_string()));
            let (reason, saving) = (plan.reason, plan.saving());
            if reason == PlanReason::MissesWindow {
                tracing::warn!(batch = %id, ?ends_at, expires = %batch.times.expires, "a batch will miss its window");
            } else {
                tracing::info!(batch = %id, %reason, ?starts_at, ?ends_at, %saving, "a batch is planned");
            }
        }
        let wait = Millis::new(u64::try_from(wait.as_millis()).unwrap_or(0));
        Ok(if self.is_due { REPLAN } else { wait.min(REPLAN) })
    }

    /// Whether it is not wanted any more, as the ledger has it.
    async fn is_cancelled(&self) -> Result<bool, ServiceError> {
        let (key, id) = (self.batch.key, self.batch.id);
        let now = self.state.service.ask_ledger(move |ledger| ledger.batch(key, id)).await?;
        Ok(now.is_none_or(|batch| batch.status != BatchStatus::InProgress))
    }

    /// The next line that is not done.
    async fn next_line(&mut self, source: &mut LineSource) -> Result<Option<InputLine>, ServiceError> {
        if let Some(line) = self.again.pop() {
            return Ok(Some(line));
        }
        while let Some((number, line)) = source.next().await? {
            if self.done.contains(&number) {
                continue;
            }
            // It was sound when it was validated.
            let line = InputLine::parse(number, &line, self.batch.terms.endpoint).map_err(|error| {
                let input = self.batch.terms.input;
                ServiceError::File(std::io::Error::other(format!(
                    "line {number} of {input}: {}",
                    error.message
                )))
            })?;
            if !self.deadly.contains(&line.custom_id) {
                return Ok(Some(line));
            }
            tracing::error!(batch = %self.batch.id, line = number, "a line that the server died of is given up");
            let outcome = Err(ApiError::deadly_line(DEATHS_MAX));
            self.take(Served { line, request: None, outcome }).await?;
        }
        self.is_read = true;
        Ok(None)
    }

    /// Writes down what came of a line. Returns the pause to make if it met an error that will pass.
    async fn take(&mut self, served: Served) -> Result<Option<Millis>, ServiceError> {
        let Served { line, request, outcome } = served;
        let (is_error, parts) = match &outcome {
            Ok((asked, answer)) => (false, self.answered(&line, asked, answer).await),
            // What is stopped with the batch, or by the end of its key, has words of its own in the batch's last lines.
            Err(error) if self.is_halted && error.is_cancellation() => return Ok(None),
            Err(error) if error.code() == Code::InvalidApiKey => return Ok(None),
            Err(error) if error.is_passing() => {
                tracing::info!(batch = %self.batch.id, line = line.number, "a line has to wait: {error}");
                self.again.push(line);
                let [first, longest] = PAUSES;
                let pause = self.pause.max(first);
                self.pause = Millis::new(pause.get() * 2).min(longest);
                return Ok(Some(pause));
            }
            Err(error) => (true, Ok(vec![Part::Text(finish::refused(&self.batch, &line, request, error))])),
        };
        self.pause = PAUSES[0];
        let parts = parts.map_err(|error| ServiceError::File(std::io::Error::other(error.to_string())))?;
        let file_bytes = self.append(is_error, parts).await?;
        let (id, result) = (self.batch.id, LineResult { line: line.number, request, is_error, file_bytes });
        let driver = self.state.batches.driver();
        self.state.service.ask_ledger(move |ledger| ledger.note_line(id, result, driver)).await?;
        self.state.service.metrics().note_line(is_error);
        self.done.insert(line.number);
        Ok(None)
    }

    /// The line of the file of answers.
    async fn answered(
        &self,
        line: &InputLine,
        asked: &Asked,
        answer: &Answer,
    ) -> Result<Vec<Part>, ApiError> {
        let base = &self.batch.terms.base_url;
        let body = images::parts_of(asked, answer, self.state, (base, LinkIn::File)).await?;
        Ok(finish::answered(&self.batch, line, answer.id, body))
    }

    /// Puts a line on the disk, and returns the length of its file with it.
    async fn append(&mut self, is_error: bool, parts: Vec<Part>) -> Result<u64, ServiceError> {
        // Another node may write the file by now.
        self.state.service.check_driver(self.state.batches.driver())?;
        let place = if is_error { &mut self.errors } else { &mut self.output };
        let lost = || std::io::Error::other("a line was written in part");
        let mut file = place.take().ok_or_else(lost)?;
        let room = parts.iter().map(Part::len).sum();
        self.state.service.file_store().check_room_for(room)?;
        let mut pieces = std::pin::pin!(pieces::stream_of(parts, self.state.clone(), None, None));
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            let written = web::block(move || file.write_all(&piece).map(|()| file)).await;
            file = written.map_err(std::io::Error::other)??;
        }
        self.state.service.check_driver(self.state.batches.driver())?;
        let synced = web::block(move || file.sync().map(|()| file)).await;
        file = synced.map_err(std::io::Error::other)??;
        let length = file.length();
        *place = Some(file);
        Ok(length)
    }
}

/// The end of a pause, if there is one.
async fn sleeping(pause: &mut Option<crate::clock::Sleep>) {
    match pause {
        Some(pause) => pause.await,
        None => std::future::pending().await,
    }
}

/// A line's request, from its body to its answer. `_turn` is its turn among those of its key.
async fn serve(
    state: web::Data<State>,
    batch: Arc<BatchRow>,
    line: InputLine,
    open: Arc<OpenRequests>,
    _turn: OwnedSemaphorePermit,
) -> Served {
    let mut request = None;
    let outcome = answer_of(&state, &batch, &line, &open, &mut request).await;
    if let Some(id) = request {
        open.leave(id);
    }
    let request = outcome.as_ref().ok().map(|(_, answer)| answer.id).or(request);
    Served { line, request, outcome }
}

async fn answer_of(
    state: &State,
    batch: &BatchRow,
    line: &InputLine,
    open: &OpenRequests,
    request: &mut Option<RequestId>,
) -> Result<(Asked, Arc<Answer>), ApiError> {
    let caller = caller_of(state, batch).await?.ok_or_else(ApiError::invalid_key)?;
    let received = receive(line, batch.terms.endpoint, state).await?;
    images::check_rights(&caller, &received.asked, state)?;
    let head = Head {
        caller,
        idempotency_key: Some(format!("{}/{}", batch.id, line.custom_id)),
        tag: line
            .tag
            .clone()
            .or_else(|| batch.terms.tag.as_deref().and_then(|tag| tag.parse::<CostTag>().ok())),
        priority: Priority::Background,
    };
    let (asked, generate) = received.into_request(head);
    let accepted = state.service.accept(generate, rand::random()).await;
    let accepted = accepted.map_err(|error| ApiError::from(&*error))?;
    *request = accepted.id;
    if let Some(id) = accepted.id {
        open.enter(id, &state.service);
    }
    let answer = accepted.answer().await.map_err(|error| ApiError::from(&*error))?;
    state.service.check_kept(&answer).await?;
    Ok((asked, answer))
}
