//! Batches at the gateways of a cluster: one of them looks after all, until it is gone or drained; then another goes on where its
//! lines were noted.

use std::sync::Arc;

use tokio::{sync::watch, task::JoinSet};

use super::attend::run_batches;
use crate::{domain::NodeId, http::State, units::Millis};

/// Between two questions whose turn it is.
const TURN: Millis = Millis::new(1_000);
/// Between two looks for batches of other gateways, if no hint comes.
const LOOK: Millis = Millis::new(5_000);

/// Looks after every open batch while it is this gateway's turn, until [`super::BatchDesk::stop`]. Then another gateway goes on: what is in
/// work is answered there.
pub async fn run_batches_in_turn(state: Arc<State>) {
    let mut driving: Option<(NodeId, JoinSet<()>)> = None;
    let (mut changes, mut looked_at) = (state.service.batch_changes(), state.service.monotonic());
    while !state.batches.is_stopping() {
        let driver = driving.as_ref().map(|(driver, _)| *driver);
        let node = state.service.take_batches(driver).await;
        if driver != node {
            if let Some((_, mut task)) = driving.take() {
                tracing::info!("another gateway looks after batches");
                task.shutdown().await;
            }
            if let Some(node) = node {
                tracing::info!(%node, "this gateway looks after batches");
                state.batches.drive_as(node);
                let mut task = JoinSet::new();
                task.spawn(run_batches(Arc::clone(&state)));
                driving = Some((node, task));
            }
        }
        let is_changed = tokio::select! {
            is_changed = next_change(&mut changes) => is_changed,
            () = state.service.sleep(TURN) => false,
            () = state.batches.stopped() => false,
        };
        let now = state.service.monotonic();
        if driving.is_some() && (is_changed || now.get().saturating_sub(looked_at.get()) >= LOOK.get()) {
            looked_at = now;
            state.batches.wake();
        }
    }
    if let Some((_, mut task)) = driving.take() {
        task.shutdown().await;
    }
}

/// Resolves when a batch was created or cancelled at some gateway.
async fn next_change(changes: &mut Option<watch::Receiver<u64>>) -> bool {
    if let Some(changes) = changes
        && changes.changed().await.is_ok()
    {
        return true;
    }
    std::future::pending().await
}
