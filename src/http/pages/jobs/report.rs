use jiff::Timestamp;
use serde::Serialize;

use super::View;
use crate::{
    domain::{FailureReason, LoraUse},
    http::api::wire::PurchaseBody,
    ledger::RequestTimes,
    service::{JobStage, OpenJob, RecentJob},
    units::{Energy, Money},
};

/// The page as JSON.
#[derive(Serialize)]
pub(super) struct JobsBody<'a> {
    currency: String,
    open: Vec<OpenJobBody<'a>>,
    recent: Vec<EndedJobBody<'a>>,
}

/// A job that waits or runs.
#[derive(Serialize)]
struct OpenJobBody<'a> {
    id: String,
    key: &'a str,
    key_name: Option<&'a str>,
    tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<&'a str>,
    size: String,
    steps: u32,
    images: u32,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    loras: &'a [LoraUse],
    stream: bool,
    since: Timestamp,
    begun_at: Option<Timestamp>,
    state: &'static str,
    /// Its place from 1, and the longest it still waits; only while it waits.
    position: Option<usize>,
    wait_ms: Option<u64>,
    /// Denoising steps of all its images.
    steps_done: u32,
    steps_all: u32,
    preview: Option<String>,
    /// Why its images are bought, or are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    overflow: Option<&'a str>,
}

/// A request that has ended, with the sums over its images.
#[derive(Serialize)]
struct EndedJobBody<'a> {
    id: String,
    key: &'a str,
    key_name: &'a str,
    tag: Option<&'a str>,
    /// Where prompts are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<&'a str>,
    state: &'a str,
    delivered: Option<bool>,
    /// Why it gave no image.
    failure: Option<&'static str>,
    #[serde(flatten)]
    times: TimesBody,
    images: u32,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    loras: &'a [LoraUse],
    #[serde(flatten)]
    work: Option<WorkBody>,
    /// What was bought for it, or was to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase: Option<PurchaseBody>,
    pictures: Vec<String>,
}

#[derive(Serialize)]
struct TimesBody {
    came_at: Timestamp,
    ended_at: Timestamp,
}

#[derive(Serialize)]
struct WorkBody {
    size: String,
    steps: u32,
    /// The seed of the first image.
    seed: u64,
    duration_ms: u64,
    energy_kwh: Energy,
    wall_energy_kwh: Energy,
    cost: Money,
}

pub(super) fn body(view: &View) -> JobsBody<'_> {
    JobsBody {
        currency: view.currency.to_string(),
        open: view.open.iter().map(|job| open(job, view)).collect(),
        recent: view.recent.iter().map(ended).collect(),
    }
}

/// A job that has ended, with when what happened to it.
#[derive(Serialize)]
pub(super) struct OneJobBody<'a> {
    #[serde(flatten)]
    job: EndedJobBody<'a>,
    started_at: Option<Timestamp>,
    answered_at: Option<Timestamp>,
}

pub(super) fn one(job: &RecentJob, times: RequestTimes) -> OneJobBody<'_> {
    OneJobBody { job: ended(job), started_at: times.started_at, answered_at: times.answered_at }
}

fn open<'a>(job: &'a OpenJob, view: &'a View) -> OpenJobBody<'a> {
    let (state, position, wait) = match job.stage {
        JobStage::Waiting { position, wait } => ("waiting", Some(position), Some(wait.get())),
        JobStage::Generating => ("painting", None, None),
        JobStage::Buying => ("buying", None, None),
        JobStage::Finishing => ("finishing", None, None),
        JobStage::Stopping => ("stopping", None, None),
    };
    OpenJobBody {
        id: job.id.to_text(),
        key: &job.key,
        key_name: view.key_name(&job.key),
        tag: job.tag.as_deref(),
        prompt: job.prompt.as_deref(),
        size: job.asked.size.to_string(),
        steps: job.asked.steps,
        images: job.asked.images,
        loras: &job.asked.loras,
        stream: job.is_stream,
        since: job.since,
        begun_at: job.begun_at,
        state,
        position,
        wait_ms: wait,
        steps_done: job.steps_done,
        steps_all: job.steps_all,
        preview: job.preview.map(|look| format!("/admin/jobs/{}/preview?look={look}", job.id)),
        overflow: job.overflow.as_deref(),
    }
}

fn ended(job: &RecentJob) -> EndedJobBody<'_> {
    let request = &job.request;
    EndedJobBody {
        id: request.id.to_text(),
        key: &request.key,
        key_name: &request.key_name,
        tag: request.tag.as_deref(),
        prompt: job.asked.as_ref().map(|asked| asked.prompt.as_str()),
        state: request.state.as_str(),
        delivered: request.is_delivered,
        failure: request.failure.map(FailureReason::as_str),
        times: TimesBody { came_at: request.came_at, ended_at: request.ended_at },
        images: request.images,
        loras: &request.loras,
        work: request.work.as_ref().map(|work| WorkBody {
            size: work.size.to_string(),
            steps: work.steps,
            seed: work.seed.get(),
            duration_ms: work.duration.get(),
            energy_kwh: work.energy,
            wall_energy_kwh: work.wall_energy,
            cost: work.cost,
        }),
        purchase: request.purchase.as_ref().map(PurchaseBody::from),
        pictures: job.kept.iter().map(|name| format!("/admin/pictures/{name}")).collect(),
    }
}
