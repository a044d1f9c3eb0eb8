use std::sync::Arc;

use hashlink::LruCache;

use crate::pipeline::{LoraKey, PromptTokens};

/// Prompts that are kept encoded; on the device each takes a few megabytes.
const KEPT: usize = 16;

/// The prompts that were encoded last: another seed of the same prompt neither waits for the text encoder nor pays for it.
pub(super) struct PromptCache<T>(LruCache<Key, Arc<T>>);

/// A prompt, and the LoRAs that it was encoded with.
type Key = (Arc<PromptTokens>, LoraKey);

impl<T> Default for PromptCache<T> {
    fn default() -> Self {
        Self(LruCache::new(KEPT))
    }
}

impl<T> PromptCache<T> {
    /// The prompts of `tokens` with `loras`, encoded by `encode` if they are not kept.
    ///
    /// # Errors
    /// That of `encode`; then nothing is kept.
    pub(super) fn encoded<E>(
        &mut self,
        tokens: &Arc<PromptTokens>,
        loras: &LoraKey,
        encode: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let key = (Arc::clone(tokens), loras.clone());
        if let Some(kept) = self.0.get(&key) {
            return Ok(Arc::clone(kept));
        }
        let encoded = Arc::new(encode()?);
        self.0.insert(key, Arc::clone(&encoded));
        Ok(encoded)
    }

    /// Forgets the prompts with LoRAs: they hold what those add.
    pub(super) fn forget_loras(&mut self) {
        self.0.retain(|(_, loras), _| loras.is_empty());
    }

    /// Gives the memory back.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::{
        domain::{ImageSize, RenderSpec},
        pipeline::{EMBEDDED_MODEL, PromptTokenizer},
    };

    static TOKENIZER: LazyLock<PromptTokenizer> =
        LazyLock::new(|| PromptTokenizer::load(&EMBEDDED_MODEL, usize::MAX).expect("a tokenizer"));

    fn tokens(prompt: &str, negative_prompt: Option<&str>, guidance_scale: f64) -> Arc<PromptTokens> {
        let spec = RenderSpec {
            negative_prompt: negative_prompt.map(str::to_owned),
            guidance_scale,
            ..RenderSpec::new(prompt, ImageSize::square(64), 8)
        };
        Arc::new(TOKENIZER.encode_prompts(&spec).expect("tokens"))
    }

    /// Which of `asked` are encoded.
    fn encoded(prompts: &mut PromptCache<()>, asked: &[Arc<PromptTokens>]) -> Vec<bool> {
        let was_encoded = |tokens| {
            let mut was = false;
            let encode = || {
                was = true;
                Ok::<_, ()>(())
            };
            prompts.encoded(tokens, &LoraKey::default(), encode).expect("encoded");
            was
        };
        asked.iter().map(was_encoded).collect()
    }

    #[test]
    fn a_prompt_is_encoded_once() {
        // Without guidance the negative prompt makes no difference.
        let asked = [tokens("tea", None, 0.0), tokens("tea", Some("milk"), 0.0), tokens("milk", None, 0.0)];
        assert_eq!(encoded(&mut PromptCache::default(), &asked), [true, false, true]);
        let guided = [tokens("tea", None, 0.0), tokens("tea", None, 4.0), tokens("tea", Some("milk"), 4.0)];
        assert_eq!(encoded(&mut PromptCache::default(), &guided), [true, true, true]);
        let empty = [tokens("tea", None, 4.0), tokens("tea", Some(""), 4.0)];
        assert_eq!(encoded(&mut PromptCache::default(), &empty), [true, false]);
    }

    #[test]
    fn the_prompt_that_was_asked_for_longest_ago_goes_first() {
        let mut prompts = PromptCache::default();
        let numbered = |number: usize| tokens(&number.to_string(), None, 0.0);
        let first: Vec<_> = (0..KEPT).map(numbered).collect();
        encoded(&mut prompts, &first);
        assert_eq!(encoded(&mut prompts, &[numbered(0), numbered(KEPT)]), [false, true]);
        assert_eq!(encoded(&mut prompts, &[numbered(0), numbered(1)]), [false, true]);
        prompts.clear();
        assert_eq!(encoded(&mut prompts, &[numbered(0)]), [true]);
    }

    #[test]
    fn what_could_not_be_encoded_is_tried_again() {
        let (mut prompts, tea) = (PromptCache::<()>::default(), tokens("tea", None, 0.0));
        assert_eq!(prompts.encoded(&tea, &LoraKey::default(), || Err("no memory")), Err("no memory"));
        assert_eq!(encoded(&mut prompts, &[tea]), [true]);
    }
}
