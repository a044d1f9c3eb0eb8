use tokenizers::Tokenizer;

use super::{
    error::{LoadError, RenderError},
    source::{ModelFiles, PROMPT_TOKENS_MAX},
};
use crate::domain::RenderSpec;

/// The prompts of a job as the text encoder reads them: counted once, they travel with the job.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PromptTokens {
    /// The prompt.
    pub positive: TextTokens,
    /// The negative prompt, if guidance is on: only guidance looks at it.
    pub negative: Option<TextTokens>,
}

/// A text as token ids, chat template included, cut to what the model reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TextTokens {
    ids: Vec<u32>,
    whole: usize,
}

impl TextTokens {
    /// The ids that the model reads, at most [`PROMPT_TOKENS_MAX`].
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Tokens of the whole text, including those that were cut off.
    pub fn whole(&self) -> usize {
        self.whole
    }

    /// Whether something was cut off.
    pub fn is_cut(&self) -> bool {
        self.whole > self.ids.len()
    }
}

/// Turns a prompt into Qwen3's token ids.
#[derive(Debug)]
pub struct PromptTokenizer {
    tokenizer: Tokenizer,
}

impl PromptTokenizer {
    /// Reads tokenizer.json. `vocabulary` is the number of embeddings that the text encoder has.
    ///
    /// # Errors
    /// [`LoadError`] if the file is missing, is not a tokenizer, or knows more tokens than the text encoder.
    pub fn load(files: &ModelFiles, vocabulary: usize) -> Result<Self, LoadError> {
        let (name, blob) = files.tokenizer()?;
        let invalid = |reason: String| LoadError::invalid(&name, reason);
        let mut tokenizer =
            Tokenizer::from_bytes(&*blob).map_err(|error| invalid(format!("not a tokenizer: {error}")))?;
        for special in ["<|im_start|>", "<|im_end|>"] {
            if tokenizer.token_to_id(special).is_none() {
                return Err(invalid(format!("has no token {special}; expected Qwen's tokenizer")));
            }
        }
        let largest = tokenizer.get_vocab(true).into_values().max().unwrap_or(0);
        if largest as usize >= vocabulary {
            return Err(invalid(format!(
                "has token {largest}, but the text encoder has vocab_size {vocabulary}"
            )));
        }
        tokenizer.with_padding(None).with_truncation(None).map_err(|error| invalid(error.to_string()))?;
        Ok(Self { tokenizer })
    }

    /// Token ids of `prompt` inside the chat template, at most [`PROMPT_TOKENS_MAX`]; the rest is cut off, as the
    /// reference cuts it.
    ///
    /// # Errors
    /// [`RenderError::Tokenise`] if the tokenizer fails.
    pub fn encode(&self, prompt: &str) -> Result<TextTokens, RenderError> {
        let text = format!("<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n");
        let encoding = self
            .tokenizer
            .encode_fast(text, true)
            .map_err(|error| RenderError::Tokenise(error.to_string()))?;
        let ids = encoding.get_ids();
        Ok(TextTokens { ids: ids[..ids.len().min(PROMPT_TOKENS_MAX)].to_vec(), whole: ids.len() })
    }

    /// The prompts of `spec`.
    ///
    /// # Errors
    /// [`RenderError::Tokenise`] if the tokenizer fails.
    pub fn encode_prompts(&self, spec: &RenderSpec) -> Result<PromptTokens, RenderError> {
        let negative = spec.negative_prompt.as_deref().unwrap_or_default();
        let negative = (spec.passes() > 1).then(|| self.encode(negative)).transpose()?;
        Ok(PromptTokens { positive: self.encode(&spec.prompt)?, negative })
    }
}
