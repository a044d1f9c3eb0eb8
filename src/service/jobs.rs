use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use jiff::Timestamp;

use super::{PaintRequest, Service};
use crate::{
    domain::{ImageFormat, ImageSize, RequestId},
    engine::{JobHandle, Progress, StopReason},
    units::Millis,
};

/// The jobs that wait or are painted, for an operator who watches. Nobody watching costs an entry a job.
#[derive(Default)]
pub(super) struct OpenJobs {
    jobs: Arc<Mutex<Entries>>,
}

type Entries = BTreeMap<RequestId, Entry>;

struct Entry {
    facts: Facts,
    handle: JobHandle,
    begun_at: Option<Timestamp>,
    preview: Option<Preview>,
}

/// What was asked for.
#[derive(Debug, Clone)]
struct Facts {
    key: String,
    tag: Option<String>,
    prompt: String,
    size: ImageSize,
    steps: u32,
    images: u32,
    is_stream: bool,
    since: Timestamp,
}

/// The last look at a picture on its way. One is made for a client that streams, never for who watches.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Which look, from 0.
    pub index: u32,
    /// What kind of file it is.
    pub format: ImageFormat,
    /// The file.
    pub file: Arc<[u8]>,
}

/// A job that waits or is painted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenJob {
    /// The request's id in the ledger.
    pub id: RequestId,
    /// The public id of the key that asked.
    pub key: String,
    /// What it is filed under.
    pub tag: Option<String>,
    /// The prompt, where prompts are logged.
    pub prompt: Option<String>,
    /// The size of its pictures.
    pub size: ImageSize,
    /// Denoising steps of each.
    pub steps: u32,
    /// How many they are.
    pub images: u32,
    /// Whether its client reads a stream.
    pub is_stream: bool,
    /// When it was taken on.
    pub since: Timestamp,
    /// When the device began with it.
    pub begun_at: Option<Timestamp>,
    /// Where it is.
    pub stage: JobStage,
    /// Denoising steps done, of all its pictures.
    pub steps_done: u32,
    /// Denoising steps of all its pictures.
    pub steps_all: u32,
    /// Which look at it can be had, from 0.
    pub preview: Option<u32>,
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStage {
    /// In the queue.
    Waiting {
        /// Its place, from 1.
        position: usize,
        /// Time until the device begins with it, by the pace measured so far, at most.
        wait: Millis,
    },
    /// On the device, or between two of its pictures.
    Painting,
    /// Painted; decoded, encoded and booked.
    Finishing,
    /// It was asked to stop, and will at its next step.
    Stopping,
}

/// Keeps a job listed. Dropped with the request's task, whatever becomes of it.
pub(super) struct JobGuard {
    id: RequestId,
    jobs: Arc<Mutex<Entries>>,
}

impl OpenJobs {
    /// Lists a job that was handed in at `now`.
    pub(super) fn enter(
        &self,
        id: RequestId,
        request: &PaintRequest,
        handle: &JobHandle,
        now: Timestamp,
    ) -> JobGuard {
        let spec = &request.job.spec;
        let facts = Facts {
            key: request.caller.public_id.clone(),
            tag: request.tag.as_ref().map(|tag| tag.as_str().to_owned()),
            prompt: spec.prompt.clone(),
            size: spec.size,
            steps: spec.steps,
            images: request.job.images,
            is_stream: request.partials.is_some(),
            since: now,
        };
        let entry = Entry { facts, handle: handle.clone(), begun_at: None, preview: None };
        lock(&self.jobs).insert(id, entry);
        JobGuard { id, jobs: Arc::clone(&self.jobs) }
    }
}

impl JobGuard {
    /// The request.
    pub(super) fn id(&self) -> RequestId {
        self.id
    }

    /// Notes that the device has begun.
    pub(super) fn note_begin(&self, now: Timestamp) {
        self.change(|entry| entry.begun_at = Some(now));
    }

    /// Notes a look at its picture. The file is the client's, and kept once.
    pub(super) fn note_preview(&self, index: u32, format: ImageFormat, file: &Arc<[u8]>) {
        let preview = Preview { index, format, file: Arc::clone(file) };
        self.change(|entry| entry.preview = Some(preview));
    }

    fn change(&self, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = lock(&self.jobs).get_mut(&self.id) {
            change(entry);
        }
    }
}

impl Drop for JobGuard {
    fn drop(&mut self) {
        lock(&self.jobs).remove(&self.id);
    }
}

impl Service {
    /// The jobs that are painted, in the order of their beginnings, then those that wait, in the order of their turns.
    pub fn open_jobs(&self) -> Vec<OpenJob> {
        let waiting = self.engine().waiting();
        let show_prompt = self.parts.settings.log_prompts;
        let mut jobs: Vec<_> = lock(&self.open_jobs.jobs)
            .iter()
            .map(|(id, entry)| {
                let is_it = |(handle, _): &(JobHandle, Millis)| handle.is_of_same_job(&entry.handle);
                let turn = waiting.iter().position(is_it).map(|turn| (turn + 1, waiting[turn].1));
                open_job(*id, entry, turn, show_prompt)
            })
            .collect();
        jobs.sort_by_key(|job| match job.stage {
            JobStage::Waiting { position, .. } => (true, None, position),
            _ => (false, Some((job.begun_at, job.since)), 0),
        });
        jobs
    }

    /// Stops the job of request `id`, for the operator; false where none is open.
    pub fn cancel_job(&self, id: RequestId) -> bool {
        let handle = lock(&self.open_jobs.jobs).get(&id).map(|entry| entry.handle.clone());
        // Not under the lock: a job that waits ends here and now.
        handle.inspect(|handle| handle.stop(StopReason::CancelledByOperator)).is_some()
    }

    /// The last look at the picture of request `id`, where its client had one made.
    pub fn preview(&self, id: RequestId) -> Option<Preview> {
        lock(&self.open_jobs.jobs).get(&id)?.preview.clone()
    }
}

fn open_job(id: RequestId, entry: &Entry, turn: Option<(usize, Millis)>, show_prompt: bool) -> OpenJob {
    let Progress { steps_done, steps: steps_all, is_begun: _, is_stopping } = entry.handle.progress();
    let stage = match turn {
        _ if is_stopping => JobStage::Stopping,
        Some((position, wait)) => JobStage::Waiting { position, wait },
        None if steps_done >= steps_all => JobStage::Finishing,
        None => JobStage::Painting,
    };
    let Facts { key, tag, prompt, size, steps, images, is_stream, since } = entry.facts.clone();
    OpenJob {
        id,
        key,
        tag,
        prompt: show_prompt.then_some(prompt),
        size,
        steps,
        images,
        is_stream,
        since,
        begun_at: entry.begun_at,
        stage,
        steps_done,
        steps_all,
        preview: entry.preview.as_ref().map(|preview| preview.index),
    }
}

fn lock(jobs: &Mutex<Entries>) -> MutexGuard<'_, Entries> {
    jobs.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
