//! What a request brings to the queue of a cluster beside what is reserved for it.

use std::sync::Arc;

use jiff::Timestamp;

use super::ServiceError;
use crate::{
    admit::Refused,
    cluster::{Gate, QueuedJob, put_sources, remove_sources},
    domain::{Claim, NodeId, RequestId},
    engine::{Overloaded, Priority, QueueEstimate},
    image_store::ImageStore,
    ledger::{
        HeldPurchase, Ledger, NewPurchase, NewQueued, NewRequest, NotAdmitted, OverBudget, PurchaseForbidden,
        QueuePlace, Reserved,
    },
    units::Millis,
};

/// A request that asks for a place.
pub(super) struct Asking {
    pub(super) gate: Arc<Gate>,
    pub(super) job: QueuedJob,
    pub(super) shape: String,
    pub(super) cost: u64,
    pub(super) gateway: NodeId,
    pub(super) patience: Option<Millis>,
    pub(super) jobs_max: Option<u32>,
    pub(super) finishes_alone: bool,
    pub(super) deadline: Option<Timestamp>,
    pub(super) images: Arc<ImageStore>,
}

impl Asking {
    /// Reserves the money and takes the place in one commit, if the key may have one more job and the queue is not too long.
    pub(super) fn admit(
        &self,
        ledger: &Ledger,
        new: &NewRequest<'_>,
    ) -> Result<Reserved<(RequestId, Vec<OverBudget>, QueueEstimate)>, ServiceError> {
        let mut outlook = QueueEstimate { position: 0, eta: Millis::ZERO };
        let judge = |place: &QueuePlace| -> Result<(), Box<ServiceError>> {
            if let Some(limit) = self.jobs_max().filter(|limit| place.open_of_key >= *limit as usize) {
                return Err(Box::new(Refused::Concurrent { limit }.into()));
            }
            outlook = self.judge(place).map_err(|error| Box::new(ServiceError::Overloaded(error)))?;
            Ok(())
        };
        match self.with_sources(new.id, |queued| ledger.admit(new, queued, judge))? {
            Ok(admitted) => Ok(admitted
                .map(|(reservation, _)| (reservation.id(), reservation.passed_budgets().to_vec(), outlook))),
            Err(NotAdmitted::Reserve(error)) => Err(Refused::from(error).into()),
            Err(NotAdmitted::Place(error)) => Err(*error),
        }
    }

    /// Reserves the money and writes `purchase` down, with the request in the queue, where its gateway holds it.
    pub(super) fn hold(
        &self,
        ledger: &Ledger,
        new: &NewRequest<'_>,
        purchase: &NewPurchase<'_>,
    ) -> Result<Result<Reserved, NotAdmitted<PurchaseForbidden>>, ServiceError> {
        self.with_sources(new.id, |queued| {
            let claim = Claim::new(rand::random());
            let held = HeldPurchase { queued: *queued, claim, jobs_max: self.jobs_max() };
            ledger.reserve_to_buy(new, purchase, Some(&held))
        })
    }

    /// What it has ahead of it, or why it gets no place.
    pub(super) fn judge(&self, place: &QueuePlace) -> Result<QueueEstimate, Overloaded> {
        let priority = if self.job.is_live { Priority::Live } else { Priority::Background };
        self.gate.judge(&self.job.job, place, (priority, self.patience))
    }

    /// The same while nothing is written. If no worker has a device, there is no place.
    pub(super) fn outlook(&self, place: &QueuePlace) -> Result<QueueEstimate, Overloaded> {
        if self.gate.view().workers.devices().generating == 0 {
            return Err(Overloaded::NO_DEVICE);
        }
        self.judge(place)
    }

    /// Live requests that its key may have at work; none for what can wait.
    fn jobs_max(&self) -> Option<u32> {
        self.jobs_max.filter(|_| self.job.is_live)
    }

    /// What `admit` gives of the request in the queue. What it edits is in the store before it is, and is taken away if it does not get
    /// there.
    fn with_sources<T, E>(
        &self,
        id: RequestId,
        admit: impl FnOnce(&NewQueued<'_>) -> Result<Reserved<T>, E>,
    ) -> Result<Result<Reserved<T>, E>, ServiceError> {
        let (secret, objects) = (self.gate.secret(), self.images.objects());
        let spec = self.job.seal(id, secret, rand::random()).ok_or(ServiceError::Lost)?;
        let edit = self.job.job.spec.edit.as_deref();
        if let Some(edit) = edit {
            put_sources(edit, id, secret, objects, rand::random)?;
        }
        let admitted = admit(&NewQueued {
            gateway: self.gateway,
            shape: &self.shape,
            cost: self.cost,
            is_live: self.job.is_live,
            finishes_alone: self.finishes_alone,
            deadline: self.deadline,
            spec: &spec,
        });
        if edit.is_some()
            && !matches!(admitted, Ok(Reserved::New(_)))
            && let Err(error) = remove_sources(id, objects)
        {
            tracing::warn!(request = %id, %error, "what was to be edited is left to the sweep");
        }
        Ok(admitted)
    }
}
