use std::sync::Arc;

use jiff::Timestamp;

use super::{PartialLora, Service, ServiceError};
use crate::{
    costs::{Filed, Quote, Spending},
    domain::{Caller, CostTag, EditRecord, LoraUse, RenderJob, Usage},
    ledger::{BudgetPeriods, Need, OverBudget},
};

/// What is reserved for an image that is expected to take `usage`: a quarter more, because an image that takes a little
/// longer than the last one should not exceed a budget.
pub(super) fn reserved(usage: Usage) -> Usage {
    usage.scale_percent_ceil(125)
}

/// What a job is expected to take and to cost, before anything is done for it.
#[derive(Debug)]
pub struct Quoted {
    /// When it was asked for: the moment whose prices it has.
    pub created: Timestamp,
    /// Time, energy and money.
    pub quote: Quote,
    /// Whether images of its kind were measured; if not, its time is estimated.
    pub is_measured: bool,
    /// How it will run as an edit; none for images from noise.
    pub edit: Option<EditRecord>,
    /// The budget that would refuse it now.
    pub over_budget: Option<OverBudget>,
    /// Tokens of the whole prompt, if it would be cut.
    pub cut_from_tokens: Option<usize>,
    /// The LoRAs of which the model lacks layers.
    pub partial_loras: Vec<PartialLora>,
    /// The LoRAs that would be applied.
    pub loras: Vec<LoraUse>,
}

impl Service {
    /// What `job` is expected to take and cost, were it asked for by `caller` now, filed under `tag` and not streamed, and
    /// whether the budgets cover it. Nothing is generated, written, or taken from a limit on images.
    ///
    /// # Errors
    /// [`ServiceError`] for a prompt that would be refused, or a price that is missing.
    pub async fn quote(
        self: &Arc<Self>,
        job: Arc<RenderJob>,
        caller: &Caller,
        tag: Option<&CostTag>,
    ) -> Result<Quoted, ServiceError> {
        let cut_from_tokens = super::cut_from(&*self.tokenise(&job).await?);
        let (job, set) = self.read_loras(&job).await?;
        let partial_loras = super::loras::partial(&job, &set);
        let loras = job.spec.loras.clone();
        let (created, foreseen) = (self.now(), self.studio().foresee(&job.spec, 0));
        let edit = self.studio().facts().expected_edit(&job.spec);
        let (costs, at) = (self.costs().clone(), self.civil(created));
        let (key, public_id, tag) = (caller.key, caller.public_id.clone(), tag.cloned());
        let (budgets, calendar) = (self.parts.settings.budgets.clone(), self.parts.calendar.clone());
        let (quote, over_budget) = self
            .ask_ledger(move |ledger| -> Result<_, ServiceError> {
                let costs = ledger.with_assets(&costs)?;
                let reserved = costs.quote(&job, None, reserved(foreseen.usage), at)?;
                let spending = Spending {
                    money: reserved.estimate()?,
                    images: job.images,
                    energy: reserved.job.wall_energy,
                };
                let periods = BudgetPeriods::of(created, &calendar);
                let need = Need { key, spending, budgets: &budgets, periods: &periods };
                let passed = ledger.passed_budgets(&need)?;
                let filed = Filed { key: &public_id, tag: tag.as_ref().map(CostTag::as_str) };
                let quote = costs.quote(&job, Some(filed), foreseen.usage, at)?;
                Ok((quote, OverBudget::refusing(&passed).cloned()))
            })
            .await?;
        let is_measured = foreseen.is_measured;
        Ok(Quoted { created, quote, is_measured, edit, over_budget, cut_from_tokens, partial_loras, loras })
    }
}
