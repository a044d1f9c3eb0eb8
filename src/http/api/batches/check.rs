//! A batch's file, looked through before the first image: everything that can be known of each line.

use std::{collections::HashSet, io::ErrorKind};

use actix_web::web;

use super::lines::LineSource;
use crate::{
    batches::{InputLine, LineError},
    costs::{Breakdown, CostError, CostModel},
    domain::{BatchEndpoint, BatchId, BatchStatus, Caller},
    http::{
        State,
        api::{
            edits,
            error::ApiError,
            images,
            wire::{self, Asked, Delivery},
        },
    },
    ledger::{BatchSize, BatchTerms},
    service::ServiceError,
};

/// Lines of a batch (OpenAI's limit).
const LINES_MAX: usize = 50_000;
/// Faults that are reported at most; the next try reports the rest.
const FAULTS_MAX: usize = 100;
/// How many lines are looked through before the batch is looked at again: it may have been cancelled.
const LINES_BETWEEN: u32 = 500;

/// What is wrong, and in which line, if it is about one.
pub(super) type Fault = (Option<u32>, LineError);

/// What a look through the file found.
pub(super) enum Verdict {
    /// Every line is a request that can be made: how much it all is, and what it is expected to cost now.
    Sound(BatchSize, Breakdown),
    /// Some are not.
    Faulty(Vec<Fault>),
    /// The batch is not to be validated any more.
    Unwanted,
}

/// A look through a file in progress.
#[derive(Default)]
struct Look {
    ids: HashSet<String>,
    size: BatchSize,
    /// What its images are expected to cost at the prices of now.
    expected: Breakdown,
    faults: Vec<Fault>,
}

/// Looks through the file that `terms` name, whose key is `caller`'s. `batch` is the batch whose file it is, unless only its price is
/// asked for: it may be cancelled meanwhile.
pub(super) async fn check(
    state: &web::Data<State>,
    caller: &Caller,
    terms: &BatchTerms,
    batch: Option<BatchId>,
) -> Result<Verdict, ServiceError> {
    let Some(mut source) = LineSource::open(state, terms.input).await? else {
        let message = "The content of the input file is lost; upload it again.".into();
        return Ok(Verdict::Faulty(vec![(None, LineError { code: "file_not_found", message, param: None })]));
    };
    let mut look = Look::default();
    let costs = state.service.costs_now().await?;
    loop {
        let (number, line) = match source.next().await {
            Ok(None) => break,
            Ok(Some(line)) => line,
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                look.fault(
                    None,
                    LineError { code: "invalid_json_line", message: format!("{error}."), param: None },
                );
                break;
            }
            Err(error) => return Err(error.into()),
        };
        if number % LINES_BETWEEN == 0 && !is_wanted(state, caller, batch).await? {
            return Ok(Verdict::Unwanted);
        }
        if look.ids.len() == LINES_MAX {
            let message = format!("The file has more than {LINES_MAX} requests.");
            look.fault(None, LineError { code: "too_many_tasks", message, param: None });
            break;
        }
        if let Err(error) = look.take(number, &line, (state, caller), (terms.endpoint, &costs)).await? {
            look.fault(Some(number), error);
        }
        if look.faults.len() >= FAULTS_MAX {
            break;
        }
    }
    if look.ids.is_empty() && look.faults.is_empty() {
        let message = "The file has no requests.".into();
        look.fault(None, LineError { code: "empty_file", message, param: None });
    }
    Ok(if look.faults.is_empty() {
        Verdict::Sound(look.size, look.expected)
    } else {
        Verdict::Faulty(look.faults)
    })
}

async fn is_wanted(state: &State, caller: &Caller, batch: Option<BatchId>) -> Result<bool, ServiceError> {
    let (key, Some(id)) = (caller.key, batch) else { return Ok(true) };
    let now = state.service.ask_ledger(move |ledger| ledger.batch(key, id)).await?;
    Ok(!state.batches.is_stopping() && now.is_some_and(|batch| batch.status == BatchStatus::Validating))
}

impl Look {
    fn fault(&mut self, line: Option<u32>, error: LineError) {
        self.faults.push((line, error));
    }

    /// Looks at line `number`. The outer error is the server's, the inner one the line's.
    async fn take(
        &mut self,
        number: u32,
        line: &[u8],
        (state, caller): (&web::Data<State>, &Caller),
        (endpoint, costs): (BatchEndpoint, &CostModel),
    ) -> Result<Result<(), LineError>, ServiceError> {
        let line = match InputLine::parse(number, line, endpoint) {
            Ok(line) => line,
            Err(error) => return Ok(Err(error)),
        };
        if !self.ids.insert(line.custom_id.clone()) {
            let message = format!("The custom_id `{}` is used by an earlier line.", line.custom_id);
            let param = Some("custom_id".into());
            return Ok(Err(LineError { code: "duplicate_custom_id", message, param }));
        }
        match request(&line, endpoint, state, caller).await {
            Ok(asked) => {
                let (spec, images) = (&asked.job.spec, u64::from(asked.job.images));
                let work = state.service.studio().facts().limits.work(spec).saturating_mul(images);
                self.size.total += 1;
                self.size.images = self.size.images.saturating_add(images);
                self.size.work = self.size.work.saturating_add(work);
                let usage = state.service.studio().foresee(spec, 0).usage;
                let at = state.service.civil(state.service.now());
                let quote = costs.quote(&asked.job, None, usage, at)?;
                self.expected = self.expected.plus(&quote.job.cost).map_err(CostError::from)?;
                Ok(Ok(()))
            }
            Err(error) if error.is_fault_of_server() => Err(ServiceError::Lost),
            Err(error) => Ok(Err(LineError {
                code: error.reason(),
                message: error.to_string(),
                param: error.param().map(|param| format!("body.{param}")),
            })),
        }
    }
}

/// The request of a line, if it could be made now.
pub(super) async fn request(
    line: &InputLine,
    endpoint: BatchEndpoint,
    state: &web::Data<State>,
    caller: &Caller,
) -> Result<Asked, ApiError> {
    let asked = match endpoint {
        BatchEndpoint::Generations if line.body.len() > state.offer.body_bytes_max => {
            return Err(ApiError::body_too_large(state.offer.body_bytes_max));
        }
        BatchEndpoint::Generations => wire::parse(line.body.as_bytes(), &state.offer, images::draw_seed)?,
        BatchEndpoint::Edits => edits::check_json(&line.body, state).await?,
    };
    images::check_rights(caller, &asked, state)?;
    if matches!(asked.delivery, Delivery::Stream { .. }) {
        return Err(ApiError::invalid(
            "stream",
            "A request that can wait is not streamed; leave `stream` out.",
        ));
    }
    if asked.is_dry_run {
        return Err(ApiError::invalid("dry_run", "A request that can wait is made; leave `dry_run` out."));
    }
    let (service, job) = (state.service.clone(), asked.job.clone());
    let checked = web::block(move || service.check_job(&job)).await;
    checked.map_err(|error| ApiError::internal(&error))??;
    Ok(asked)
}
