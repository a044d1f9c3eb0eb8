use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::check::{Fault, Verdict};
use crate::{
    batches::{BatchPlan, PlanReason, WorkSpan},
    costs::Breakdown,
    domain::KeyId,
    http::State,
    ledger::{BatchCost, BatchRow, BatchSize, BatchTerms, BatchTimes},
    service::ServiceError,
    units::{Currency, Energy, Money},
};

/// A batch, as OpenAI describes one.
#[derive(Debug, Serialize)]
pub(in crate::http) struct BatchBody {
    id: String,
    object: &'static str,
    endpoint: &'static str,
    model: String,
    errors: Option<Value>,
    input_file_id: String,
    completion_window: String,
    status: &'static str,
    output_file_id: Option<String>,
    error_file_id: Option<String>,
    #[serde(flatten)]
    times: TimesBody,
    request_counts: CountsBody,
    metadata: Option<Value>,
    tintype: ExtensionBody,
}

/// What OpenAI's batches do not have.
#[derive(Debug, Serialize)]
struct ExtensionBody {
    /// When the rest is done; null once nothing is left to do.
    plan: Option<PlanBody>,
    cost: CostBody,
}

/// When the rest of a batch is done, and what its electricity costs then.
#[derive(Debug, Serialize)]
struct PlanBody {
    starts_at: Option<i64>,
    ends_at: Option<i64>,
    misses_window: bool,
    reason: &'static str,
    why: String,
    energy_kwh: Energy,
    currency: String,
    electricity: Money,
    electricity_now: Money,
    saving: Money,
    hours: Vec<SpanBody>,
}

#[derive(Debug, Serialize)]
struct SpanBody {
    starts_at: i64,
    ends_at: i64,
}

/// What a batch has cost so far.
#[derive(Debug, Serialize)]
struct CostBody {
    currency: String,
    images: u64,
    wall_energy_kwh: Energy,
    #[serde(flatten)]
    cost: Breakdown,
    total: Option<Money>,
    /// Against the price of electricity when the batch was created.
    saved_by_waiting: Option<Money>,
}

/// When what happened, in Unix seconds.
#[derive(Debug, Serialize)]
struct TimesBody {
    created_at: i64,
    in_progress_at: Option<i64>,
    expires_at: i64,
    finalizing_at: Option<i64>,
    completed_at: Option<i64>,
    failed_at: Option<i64>,
    expired_at: Option<i64>,
    cancelling_at: Option<i64>,
    cancelled_at: Option<i64>,
}

#[derive(Debug, Serialize)]
struct CountsBody {
    total: u32,
    completed: u32,
    failed: u32,
}

/// `row` as it is now, among the batches that are `open`.
pub(super) async fn body(
    row: &BatchRow,
    open: &[BatchRow],
    state: &State,
) -> Result<BatchBody, ServiceError> {
    let mut bodies = bodies(&[row], open, state).await?;
    bodies.pop().ok_or(ServiceError::Lost)
}

/// The same of several, in their order.
pub(in crate::http) async fn bodies(
    rows: &[&BatchRow],
    open: &[BatchRow],
    state: &State,
) -> Result<Vec<BatchBody>, ServiceError> {
    let standings = state.service.batch_standings(rows, open).await?;
    let bodies = rows.iter().zip(standings);
    Ok(bodies.map(|(row, (plan, cost))| body_of(row, plan.as_ref(), &cost, state)).collect())
}

fn body_of(row: &BatchRow, plan: Option<&BatchPlan>, cost: &BatchCost, state: &State) -> BatchBody {
    let parsed = |json: &Option<String>| json.as_deref().and_then(|json| serde_json::from_str(json).ok());
    let (files, currency) = (row.files, state.service.costs().currency());
    BatchBody {
        id: row.id.to_string(),
        object: "batch",
        endpoint: row.terms.endpoint.as_str(),
        model: state.offer.model.clone(),
        errors: parsed(&row.errors),
        input_file_id: row.terms.input.to_string(),
        completion_window: format!("{}h", row.terms.window_hours),
        status: row.status.as_str(),
        output_file_id: files.has_output.then(|| files.output.to_string()),
        error_file_id: files.has_errors.then(|| files.error.to_string()),
        times: row.times.into(),
        request_counts: CountsBody {
            total: row.size.total,
            completed: row.counts.completed,
            failed: row.counts.failed,
        },
        metadata: parsed(&row.terms.metadata),
        tintype: ExtensionBody {
            plan: plan.map(|plan| PlanBody::of(plan, row, currency)),
            cost: CostBody::of(cost, currency),
        },
    }
}

/// What a batch would be: the body of a 200 to one with `dry_run`.
#[derive(Debug, Serialize)]
pub(super) struct QuoteBody {
    object: &'static str,
    endpoint: &'static str,
    model: String,
    input_file_id: String,
    completion_window: String,
    errors: Option<Value>,
    requests: u32,
    images: u64,
    plan: Option<PlanBody>,
    currency: String,
    /// At the prices of now.
    #[serde(flatten)]
    expected: Breakdown,
    total: Option<Money>,
}

/// What a batch of `key` with these terms would be, by what a look through its file found.
pub(super) async fn quote(
    key: KeyId,
    terms: BatchTerms,
    verdict: Verdict,
    open: &[BatchRow],
    state: &State,
) -> Result<QuoteBody, ServiceError> {
    let (size, expected, faults) = match verdict {
        Verdict::Sound(size, expected) => (size, expected, None),
        Verdict::Faulty(faults) => (BatchSize::default(), Breakdown::default(), Some(listed(&faults))),
        Verdict::Unwanted => (BatchSize::default(), Breakdown::default(), None),
    };
    let (service, currency) = (&state.service, state.service.costs().currency());
    let row = BatchRow::imagined(key, terms, size, service.now());
    let plan = if faults.is_none() { Some(service.plan_batch(&row, open).await?) } else { None };
    Ok(QuoteBody {
        object: "batch.quote",
        endpoint: row.terms.endpoint.as_str(),
        model: state.offer.model.clone(),
        input_file_id: row.terms.input.to_string(),
        completion_window: format!("{}h", row.terms.window_hours),
        errors: faults,
        requests: size.total,
        images: size.images,
        plan: plan.map(|plan| PlanBody::of(&plan, &row, currency)),
        currency: currency.to_string(),
        expected,
        total: expected.total().ok(),
    })
}

impl BatchBody {
    pub(super) fn id(&self) -> String {
        self.id.clone()
    }
}

impl PlanBody {
    fn of(plan: &BatchPlan, row: &BatchRow, currency: Currency) -> Self {
        let seconds = |at: Option<Timestamp>| at.map(Timestamp::as_second);
        let span =
            |span: &WorkSpan| SpanBody { starts_at: span.start.as_second(), ends_at: span.end.as_second() };
        Self {
            starts_at: seconds(plan.starts_at()),
            ends_at: seconds(plan.ends_at()),
            misses_window: plan.ends_at().is_some_and(|end| end > row.times.expires),
            reason: plan.reason.as_str(),
            why: why(plan.reason).into(),
            energy_kwh: plan.energy,
            currency: currency.to_string(),
            electricity: plan.cost,
            electricity_now: plan.cost_now,
            saving: plan.saving(),
            hours: plan.spans.iter().map(span).collect(),
        }
    }
}

/// A reason, for people.
fn why(reason: PlanReason) -> &'static str {
    match reason {
        PlanReason::Asked => "It begins when it was asked to.",
        PlanReason::FlatPrice => {
            "Electricity costs the same in every hour of its window, so it is done at once."
        }
        PlanReason::CheapestNow => "No later hour of its window is cheaper, so it is done at once.",
        PlanReason::CheaperLater => "Later hours of its window are cheaper, and leave enough time.",
        PlanReason::NoTimeToWait => "There is no time to wait for cheaper hours, so it is done at once.",
        PlanReason::MissesWindow => {
            "By the pace so far it will not be done when its window ends. What is done by then is kept."
        }
    }
}

impl CostBody {
    fn of(cost: &BatchCost, currency: Currency) -> Self {
        Self {
            currency: currency.to_string(),
            images: cost.images,
            wall_energy_kwh: cost.wall_energy,
            cost: cost.cost,
            total: cost.cost.total().ok(),
            saved_by_waiting: cost.electricity_otherwise.minus(cost.cost.electricity).ok(),
        }
    }
}

impl From<BatchTimes> for TimesBody {
    fn from(times: BatchTimes) -> Self {
        let seconds = |at: Option<Timestamp>| at.map(Timestamp::as_second);
        Self {
            created_at: times.created.as_second(),
            in_progress_at: seconds(times.in_progress),
            expires_at: times.expires.as_second(),
            finalizing_at: seconds(times.finalizing),
            completed_at: seconds(times.completed),
            failed_at: seconds(times.failed),
            expired_at: seconds(times.expired),
            cancelling_at: seconds(times.cancelling),
            cancelled_at: seconds(times.cancelled),
        }
    }
}

/// Faults of a file, each with its line if it is about one, as JSON.
pub(super) fn errors(faults: &[Fault]) -> String {
    listed(faults).to_string()
}

fn listed(faults: &[Fault]) -> Value {
    let fault = |(line, error): &Fault| json!({ "code": error.code, "message": error.message, "param": error.param, "line": line });
    json!({ "object": "list", "data": faults.iter().map(fault).collect::<Vec<_>>() })
}
