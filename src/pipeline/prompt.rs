use tokenizers::Tokenizer;

use super::{
    error::{LoadError, RenderError},
    source::{ModelFiles, PROMPT_TOKENS_MAX},
};

/// Turns a prompt into Qwen3's token ids.
#[derive(Debug)]
pub struct PromptTokenizer {
    tokenizer: Tokenizer,
}

impl PromptTokenizer {
    /// Reads tokenizer.json. `vocabulary` is the number of embeddings that the text encoder has.
    ///
    /// # Errors
    /// [`LoadError`] where the file is missing, is no tokenizer, or knows more tokens than the text encoder.
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
    /// [`RenderError::Tokenise`] where the tokenizer fails.
    pub fn encode(&self, prompt: &str) -> Result<Vec<u32>, RenderError> {
        let mut ids = self.encode_whole(prompt)?;
        ids.truncate(PROMPT_TOKENS_MAX);
        Ok(ids)
    }

    /// Tokens of the whole `prompt`, chat template included, however many they are.
    ///
    /// # Errors
    /// [`RenderError::Tokenise`] where the tokenizer fails.
    pub fn count(&self, prompt: &str) -> Result<usize, RenderError> {
        Ok(self.encode_whole(prompt)?.len())
    }

    fn encode_whole(&self, prompt: &str) -> Result<Vec<u32>, RenderError> {
        let text = format!("<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n");
        let encoding = self
            .tokenizer
            .encode_fast(text, true)
            .map_err(|error| RenderError::Tokenise(error.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }
}
