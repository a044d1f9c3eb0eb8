//! Open jobs for an operator who watches: this process's own, or those of the whole cluster.

use std::collections::HashMap;

use super::{AskedImages, JobStage, OpenJob, Service, ServiceError, Studio};
use crate::{
    cluster::{Gate, QueuedJob},
    domain::{FailureReason, ImageSize, RequestId},
    engine::StopReason,
    ledger::QueuedRequest,
    units::Millis,
};

impl Service {
    /// The jobs that are worked on, then those that wait, in the order of their turns, wherever they are made.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] if the ledger fails.
    pub async fn jobs(&self) -> Result<Vec<OpenJob>, ServiceError> {
        let Studio::Cluster(gate) = self.studio() else { return Ok(self.open_jobs()) };
        let queued = self.ask_ledger(|ledger| ledger.queued()).await?;
        let shows_prompts = self.parts.settings.log_prompts;
        let looks =
            if queued.iter().any(|request| request.is_held) { self.looks().await } else { HashMap::new() };
        let (mut position, mut work_ahead) = (0, 0_u64);
        let jobs = queued.into_iter().map(|request| {
            let wait = gate.foresee_work(work_ahead).0;
            // What is bought keeps no worker busy.
            work_ahead = work_ahead.saturating_add(if request.is_bought { 0 } else { request.cost });
            position += usize::from(!request.is_held);
            let preview = looks.get(&request.id).copied();
            OpenJob { preview, ..open_job(gate, request, (position, wait), shows_prompts) }
        });
        Ok(jobs.collect())
    }

    /// Asks for the end of a job in an operator's name, wherever it is made; false if it is not open.
    pub async fn cancel_job(&self, id: RequestId) -> bool {
        match self.studio() {
            Studio::Here(_) => self.stop_job(id, StopReason::CancelledByOperator),
            Studio::Cluster(_) => self.stop_queued(id, FailureReason::CancelledByOperator).await,
        }
    }
}

/// A request of the queue as a page shows it. What a gateway cannot open is shown without what was asked for.
fn open_job(
    gate: &Gate,
    request: QueuedRequest,
    (position, wait): (usize, Millis),
    shows_prompt: bool,
) -> OpenJob {
    let opened = QueuedJob::open(request.id, &request.spec, gate.secret()).ok();
    let spec = opened.as_ref().map(|opened| &opened.job.spec);
    let steps_run = opened.as_ref().map_or(0, QueuedJob::steps_run);
    let steps_all = steps_run.saturating_mul(request.images);
    OpenJob {
        id: request.id,
        key: request.key,
        tag: request.tag,
        prompt: spec.filter(|_| shows_prompt).map(|spec| spec.prompt.clone()),
        asked: AskedImages {
            size: spec.map_or(ImageSize::square(1), |spec| spec.size),
            steps: spec.map_or(0, |spec| spec.steps),
            images: request.images,
            loras: spec.map(|spec| spec.loras.clone()).unwrap_or_default(),
        },
        is_stream: opened.as_ref().is_some_and(|opened| opened.partials.is_some()),
        since: request.id.created_at(),
        begun_at: None,
        stage: match (request.is_stopping, request.is_held) {
            (_, true) if request.is_bought => JobStage::Buying,
            (true, _) => JobStage::Stopping,
            (false, false) => JobStage::Waiting { position, wait },
            (false, true) if steps_all > 0 && request.steps_done >= steps_all => JobStage::Finishing,
            (false, true) => JobStage::Generating,
        },
        steps_done: request.steps_done,
        steps_all,
        preview: None,
        overflow: None,
    }
}
