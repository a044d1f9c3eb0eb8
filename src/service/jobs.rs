use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use parking_lot::Mutex;

use super::{GenerateRequest, Service};
use crate::{
    domain::{ImageFormat, ImageSize, LoraUse, RequestId},
    engine::{JobHandle, Progress, StopReason},
    units::Millis,
};

/// The jobs that wait or are worked on, for an operator who watches. If nobody watches, the only cost is one map entry per
/// job.
#[derive(Default)]
pub(super) struct OpenJobs {
    jobs: Arc<Mutex<BTreeMap<RequestId, JobEntry>>>,
}

/// A job with the hold on it.
struct JobEntry {
    /// As it was when something last happened to it; how far it is now is read when somebody asks.
    job: OpenJob,
    /// None while its images are bought: what is paid for cannot be stopped.
    handle: Option<JobHandle>,
    preview: Option<Preview>,
}

/// The last partial image of a job. One is made for a client that streams, never for an operator who watches.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Which look, from 0.
    pub index: u32,
    /// What kind of file it is.
    pub format: ImageFormat,
    /// The file.
    pub file: Arc<[u8]>,
}

/// What a job is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct AskedImages {
    /// The size of its images.
    pub size: ImageSize,
    /// Denoising steps of each.
    pub steps: u32,
    /// How many they are.
    pub images: u32,
    /// The LoRAs that are applied.
    pub loras: Vec<LoraUse>,
}

/// A job that waits or is worked on.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenJob {
    /// The request's id in the ledger.
    pub id: RequestId,
    /// The public id of the key that asked.
    pub key: String,
    /// What it is filed under.
    pub tag: Option<String>,
    /// The prompt, if prompts are logged.
    pub prompt: Option<String>,
    /// What it is asked for.
    pub asked: AskedImages,
    /// Whether its client reads a stream.
    pub is_stream: bool,
    /// When it was taken on.
    pub since: Timestamp,
    /// When the device began with it.
    pub begun_at: Option<Timestamp>,
    /// Where it is.
    pub stage: JobStage,
    /// Denoising steps done, of all its images.
    pub steps_done: u32,
    /// Denoising steps of all its images.
    pub steps_all: u32,
    /// Which look at it can be had, from 0.
    pub preview: Option<u32>,
    /// Why its images are bought, or are not; none if nothing is ever bought.
    pub overflow: Option<String>,
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
    /// On the device, or between two of its images.
    Generating,
    /// At another service, which is asked for its images.
    Buying,
    /// All steps are done; it is decoded, encoded and booked.
    Finishing,
    /// It was asked to stop, and will at its next step.
    Stopping,
}

/// Keeps a job listed. Dropped with the request's task, whatever becomes of it.
pub(super) struct JobGuard {
    id: RequestId,
    jobs: Arc<Mutex<BTreeMap<RequestId, JobEntry>>>,
}

impl OpenJobs {
    /// Lists a job that was handed in at `now`, with its prompt if that may be shown.
    pub(super) fn enter(
        &self,
        (id, request): (RequestId, &GenerateRequest),
        (handle, overflow): (Option<&JobHandle>, Option<String>),
        shows_prompt: bool,
        now: Timestamp,
    ) -> JobGuard {
        let (spec, images) = (&request.job.spec, request.job.images);
        let job = OpenJob {
            id,
            key: request.caller.public_id.clone(),
            tag: request.tag.as_ref().map(|tag| tag.as_str().to_owned()),
            prompt: shows_prompt.then(|| spec.prompt.clone()),
            asked: AskedImages { size: spec.size, steps: spec.steps, images, loras: spec.loras.clone() },
            is_stream: request.partials.is_some(),
            since: now,
            begun_at: None,
            stage: JobStage::Generating,
            steps_done: 0,
            steps_all: spec.steps_run().saturating_mul(images),
            preview: None,
            overflow,
        };
        self.jobs.lock().insert(id, JobEntry { job, handle: handle.cloned(), preview: None });
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
        self.update(|entry| entry.job.begun_at = Some(now));
    }

    /// Notes a partial image. The file is the client's, and kept once.
    pub(super) fn note_preview(&self, index: u32, format: ImageFormat, file: &Arc<[u8]>) {
        self.update(|entry| {
            entry.job.preview = Some(index);
            entry.preview = Some(Preview { index, format, file: Arc::clone(file) });
        });
    }

    fn update(&self, change: impl FnOnce(&mut JobEntry)) {
        if let Some(entry) = self.jobs.lock().get_mut(&self.id) {
            change(entry);
        }
    }
}

impl Drop for JobGuard {
    fn drop(&mut self) {
        self.jobs.lock().remove(&self.id);
    }
}

impl JobEntry {
    /// The job as it is now. `waiting` are the jobs that wait, in the order of their turns, each with its wait.
    fn now(&self, waiting: &[(JobHandle, Millis)]) -> OpenJob {
        let Some(handle) = &self.handle else {
            return OpenJob { stage: JobStage::Buying, ..self.job.clone() };
        };
        let Progress { steps_done, is_stopping, .. } = handle.progress();
        let turn = (1..).zip(waiting).find(|(_, (waiting, _))| waiting.is_of_same_job(handle));
        let stage = match turn {
            _ if is_stopping => JobStage::Stopping,
            Some((position, (_, wait))) => JobStage::Waiting { position, wait: *wait },
            None if steps_done >= self.job.steps_all => JobStage::Finishing,
            None => JobStage::Generating,
        };
        OpenJob { stage, steps_done, ..self.job.clone() }
    }
}

impl Service {
    /// The jobs that are worked on, in the order of their beginnings, then those that wait, in the order of their turns.
    pub(super) fn open_jobs(&self) -> Vec<OpenJob> {
        let waiting = self.studio().waiting();
        let mut jobs: Vec<_> = self.open_jobs.jobs.lock().values().map(|entry| entry.now(&waiting)).collect();
        jobs.sort_by_key(|job| match job.stage {
            JobStage::Waiting { position, .. } => (true, None, position),
            _ => (false, Some((job.begun_at, job.since)), 0),
        });
        jobs
    }

    /// Stops the job of request `id` for `reason`; false if none is open.
    pub(super) fn stop_job(&self, id: RequestId, reason: StopReason) -> bool {
        let handle = self.open_jobs.jobs.lock().get(&id).and_then(|entry| entry.handle.clone());
        // Not under the lock: a job that waits ends here and now.
        handle.inspect(|handle| handle.stop(reason)).is_some()
    }

    /// The last partial image of request `id`, if its client had one made on this machine.
    pub(super) fn preview_here(&self, id: RequestId) -> Option<Preview> {
        self.open_jobs.jobs.lock().get(&id)?.preview.clone()
    }
}
