use std::sync::Arc;

use jiff::Timestamp;

use super::{Service, ServiceError};
use crate::{costs::Quote, domain::RenderJob};

/// What a job is expected to take and to cost, before anything is done for it.
#[derive(Debug)]
pub struct Quoted {
    /// When it was asked for: the moment whose prices it has.
    pub created: Timestamp,
    /// Time, energy and money.
    pub quote: Quote,
    /// Whether pictures of its kind were measured; else its time is estimated.
    pub is_measured: bool,
    /// Tokens of the whole prompt, where it would be cut.
    pub cut_from_tokens: Option<usize>,
}

impl Service {
    /// What `job` is expected to take and cost, were it asked for now and not streamed. Nothing is painted, written, or taken
    /// from a limit on pictures.
    ///
    /// # Errors
    /// [`ServiceError`] for a prompt that would be refused, or a price that is missing.
    pub async fn quote(self: &Arc<Self>, job: RenderJob) -> Result<Quoted, ServiceError> {
        let (_, cut_from_tokens) = self.count_tokens(&job.spec).await?;
        let (created, foreseen) = (self.now(), self.engine().foresee(&job.spec, 0));
        let (costs, at) = (self.costs().clone(), self.civil(created));
        let quote = self
            .ask_ledger(move |ledger| -> Result<_, ServiceError> {
                Ok(ledger.with_assets(&costs)?.quote(&job, foreseen.usage, at)?)
            })
            .await?;
        Ok(Quoted { created, quote, is_measured: foreseen.is_measured, cut_from_tokens })
    }
}
