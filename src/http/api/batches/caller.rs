use super::object::errors;
use crate::{
    batches::LineError,
    domain::{Caller, Scope},
    http::State,
    ledger::{BatchRow, KeyRefusal},
    service::ServiceError,
};

/// The caller whose batch it is. If the key opens nothing any more, the batch is cancelled.
pub(super) async fn caller_of(state: &State, batch: &BatchRow) -> Result<Option<Caller>, ServiceError> {
    let (id, key, now) = (batch.id, batch.key, state.service.now());
    let found = state.service.ask_ledger(move |ledger| ledger.caller_of(key, now)).await?;
    let refusal = match found {
        Ok(caller) if caller.scopes.contains(Scope::Images) => return Ok(Some(caller)),
        Ok(_) => "has no `images` scope any more".to_owned(),
        Err(refusal @ KeyRefusal::Unknown) => format!("is {refusal}"),
        Err(refusal) => format!("is {refusal} now"),
    };
    tracing::info!(batch = %id, "a batch is cancelled: its key {refusal}");
    let message = format!("The batch is cancelled, since its key {refusal}.");
    let faults = errors(&[(None, LineError { code: "invalid_api_key", message, param: None })]);
    state.service.ask_ledger(move |ledger| ledger.cancel_batch(id, Some(&faults), now)).await?;
    state.wake_batches();
    Ok(None)
}
