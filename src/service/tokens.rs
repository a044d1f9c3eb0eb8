use std::sync::Arc;

use super::{OverlongPrompt, Service, ServiceError};
use crate::{
    domain::{RenderJob, RenderSpec},
    engine::{Engine, PromptTokens},
};

/// Bytes of prompts that are split into tokens in less time than it takes to reach another thread.
const SHORT_PROMPT_BYTES: usize = 512;

/// Tokens of the whole prompt, if it was cut.
pub(super) fn cut_from(tokens: &PromptTokens) -> Option<usize> {
    tokens.positive.is_cut().then(|| tokens.positive.whole())
}

impl Service {
    /// Whether the service would take `job`, as far as its prompts and its LoRAs decide. It takes milliseconds, and reads the
    /// disk.
    ///
    /// # Errors
    /// [`ServiceError`] for what would be refused.
    pub fn check_job(&self, job: &RenderJob) -> Result<(), ServiceError> {
        self.tokens_of(job)?;
        self.with_loras(RenderJob::clone(job)).map(|_| ())
    }

    /// Splits the prompts into tokens, long ones off the caller's thread. A prompt that is too long is refused here, or cut, as the operator decided.
    pub(super) async fn tokenise(
        self: &Arc<Self>,
        job: &Arc<RenderJob>,
    ) -> Result<Arc<PromptTokens>, ServiceError> {
        let RenderSpec { prompt, negative_prompt, .. } = &job.spec;
        if prompt.len() + negative_prompt.as_ref().map_or(0, String::len) <= SHORT_PROMPT_BYTES {
            return self.tokens_of(job).map(Arc::new);
        }
        let (service, job) = (Arc::clone(self), Arc::clone(job));
        // A long prompt takes milliseconds, which other connections should not wait for.
        self.blocking(move || service.tokens_of(&job).map(Arc::new)).await
    }

    fn tokens_of(&self, job: &RenderJob) -> Result<PromptTokens, ServiceError> {
        let tokens = self.studio().tokenise(&job.spec)?;
        let texts = [("prompt", Some(&tokens.positive)), ("negative_prompt", tokens.negative.as_ref())];
        let too_long =
            texts.into_iter().find_map(|(field, text)| Some((field, text.filter(|text| text.is_cut())?)));
        match (too_long, self.parts.settings.overlong_prompt) {
            (Some((field, text)), OverlongPrompt::Refuse) => Err(ServiceError::PromptTooLong {
                field,
                tokens: text.whole(),
                max: Engine::PROMPT_TOKENS_MAX,
            }),
            _ => Ok(tokens),
        }
    }
}
