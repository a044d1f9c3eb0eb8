//! Who waits for a request, and what they get: its start, its partial images, its outcome.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::{Outcome, PartialFile, PartialLora, ServiceError};
use crate::{
    admit::{Pass, RateStanding},
    domain::RequestId,
    engine::QueueEstimate,
    ledger::OverBudget,
};

/// How a request begins.
pub(super) struct Started {
    pub(super) id: Option<RequestId>,
    pub(super) outlook: Option<QueueEstimate>,
    pub(super) images: Option<RateStanding>,
    pub(super) passed_budgets: Vec<OverBudget>,
    pub(super) partial_loras: Vec<PartialLora>,
    pub(super) pass: Option<Arc<Pass>>,
}

impl Started {
    /// Of a request that is answered with another's work.
    pub(super) fn joined(pass: Option<Arc<Pass>>) -> Self {
        Self {
            id: None,
            outlook: None,
            images: None,
            passed_budgets: Vec::new(),
            partial_loras: Vec::new(),
            pass,
        }
    }
}

/// Where a request's news goes.
pub(super) struct Audience {
    pub(super) partials: mpsc::UnboundedSender<PartialFile>,
    pub(super) outcome: watch::Sender<Option<Outcome>>,
    pub(super) begun: watch::Sender<bool>,
}

/// Waits until the joined request is accepted. If that one was refused, so is this one.
pub(super) async fn join(
    outcome: watch::Receiver<Option<Outcome>>,
    mut begun: watch::Receiver<bool>,
) -> Result<watch::Receiver<Option<Outcome>>, Arc<ServiceError>> {
    let is_begun = begun.wait_for(|begun| *begun).await.is_ok();
    let refused = outcome.borrow().as_ref().and_then(|outcome| outcome.as_ref().err().cloned());
    match refused {
        Some(error) if !is_begun => Err(error),
        _ => Ok(outcome),
    }
}

/// Ends a request that was refused. Those who joined it get the same refusal.
pub(super) fn refuse(
    error: ServiceError,
    start: oneshot::Sender<Result<Started, Arc<ServiceError>>>,
    audience: &Audience,
) {
    let error = Arc::new(error);
    audience.outcome.send_replace(Some(Err(Arc::clone(&error))));
    start.send(Err(error)).ok();
}
