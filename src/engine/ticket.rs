use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::{
    job::{Generated, Job, Listeners, Order, Partial, Progress, StopReason, WorkError, WorkFailure},
    line::Shared,
    queue::Waiting,
    shape::Shape,
    slot::Slot,
};
use crate::units::Millis;

/// A place in the queue, taken before any money is reserved.
pub struct Permit {
    pub(super) slot: Slot,
    /// Of one image.
    pub(super) work: u64,
    /// Of its images.
    pub(super) shape: Shape,
    pub(super) shared: Arc<Shared>,
    pub(super) outlook: QueueEstimate,
}

/// What a new job has ahead of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueEstimate {
    /// Jobs that wait before it, at most.
    pub position: usize,
    /// Time until a device begins with it, by the pace measured so far, at most.
    pub eta: Millis,
}

/// A job's future: its start, what it looks like on the way, its end.
pub struct Ticket {
    /// Resolves when a device begins, or errs where none ever will.
    pub started: oneshot::Receiver<()>,
    /// Images on their way.
    pub partials: mpsc::UnboundedReceiver<Partial>,
    /// Resolves with the images, or with what went wrong.
    pub finished: oneshot::Receiver<Result<Generated, WorkError>>,
    /// Stops it, and reports how far it is.
    pub handle: JobHandle,
}

/// A handle to a job: stops it, and reports how far it is.
#[derive(Clone)]
pub struct JobHandle {
    pub(super) job: Arc<Job>,
    pub(super) shared: Arc<Shared>,
}

impl Permit {
    /// What the job has ahead of it.
    pub fn outlook(&self) -> QueueEstimate {
        self.outlook
    }

    /// Hands in the job.
    pub fn submit(self, order: Order) -> Ticket {
        let (on_start, started) = oneshot::channel();
        let (on_partial, partials) = mpsc::unbounded_channel();
        let (on_finish, finished) = oneshot::channel();
        let (key, priority) = (order.key, order.priority);
        let (cost, images) = (self.work, 0..order.job.images);
        let job = Arc::new(Job::new(
            order,
            (self.work, self.shape),
            self.slot,
            Listeners { on_start, on_partial, on_finish },
        ));
        let group = job.group.clone();
        let handle = JobHandle { job: Arc::clone(&job), shared: Arc::clone(&self.shared) };
        let refused = {
            let mut line = self.shared.line();
            match (line.is_draining, line.is_lost()) {
                (true, _) => Some((job, WorkFailure::Stopping)),
                (_, true) => Some((job, WorkFailure::NoDevice)),
                _ => {
                    line.queue.push(priority, key, Waiting { job, group, cost, images, failed_on: None });
                    None
                }
            }
        };
        match refused {
            Some((job, failure)) => job.give_up(failure),
            None => self.shared.tell(),
        }
        Ticket { started, partials, finished, handle }
    }
}

impl JobHandle {
    /// How far the job is.
    pub fn progress(&self) -> Progress {
        self.job.progress()
    }

    /// Whether both hold one job.
    pub fn is_of_same_job(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.job, &other.job)
    }

    /// Stops the job for `reason`: it leaves the queue, or where a device is at it, ends at the next step. Its end
    /// comes through [`Ticket::finished`], with what was spent on it.
    pub fn stop(&self, reason: StopReason) {
        self.job.ask_to_stop(reason);
        if self.shared.remove(&self.job) {
            self.job.give_up(reason.into());
        }
    }
}
