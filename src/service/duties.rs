//! What one gateway of a cluster does for all: it looks after batches.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Service, ServiceError, Studio};
use crate::{
    domain::{FailureReason, NodeId, RequestId},
    engine::StopReason,
    ledger::{Duty, LedgerError, Topic},
};

impl Service {
    /// The id by which this node looks after batches, if it is its turn. `driver` is the one by which it did until now.
    pub async fn take_batches(&self, driver: Option<NodeId>) -> Option<NodeId> {
        let node = self.parts.cluster.as_ref()?.lease.node();
        let taken = self.ask_ledger(move |ledger| ledger.take_duty(Duty::Batches, node)).await;
        match taken {
            Ok(is_ours) => is_ours.then_some(node),
            Err(error) => {
                tracing::warn!(%error, "who looks after batches cannot be asked");
                // As long as its lease lasts.
                driver.filter(|driver| self.check_driver(Some(*driver)).is_ok())
            }
        }
    }

    /// Refuses what `driver` does for all nodes once its lease may be over. None is the one server that there is.
    ///
    /// # Errors
    /// [`LedgerError::OffDuty`] then.
    pub fn check_driver(&self, driver: Option<NodeId>) -> Result<(), ServiceError> {
        let (Some(driver), Some(cluster)) = (driver, &self.parts.cluster) else { return Ok(()) };
        let is_ours = cluster.lease.node() == driver && cluster.lease.may_take(self.monotonic());
        if is_ours { Ok(()) } else { Err(LedgerError::OffDuty.into()) }
    }

    /// Announces to the other gateways that a batch was created or cancelled.
    pub fn announce_batch_change(&self) {
        if let Some(cluster) = &self.parts.cluster {
            cluster.news.batch_changed();
        }
    }

    /// Changes with each batch that is created or cancelled at some gateway; none on one machine.
    pub fn batch_changes(&self) -> Option<watch::Receiver<u64>> {
        Some(self.parts.cluster.as_ref()?.news.about(Topic::Batches))
    }

    /// Stops request `id`, which nobody wants any more, wherever it is made.
    pub fn stop_unwanted(self: &Arc<Self>, id: RequestId) {
        match self.studio() {
            Studio::Here(_) => {
                self.stop_job(id, StopReason::Cancelled);
            }
            Studio::Cluster(_) => {
                let service = Arc::clone(self);
                let stopping = async move { service.stop_queued(id, FailureReason::ClientGone).await };
                self.parts.runtime.spawn(stopping);
            }
        }
    }
}
