use std::sync::Arc;

use hashlink::LruCache;

use crate::domain::RenderSpec;

/// Prompts that are kept encoded; on the device each takes a few megabytes.
const KEPT: usize = 16;

/// The prompts that were encoded last: who asks for another seed of the same prompt does not wait for the text encoder, nor
/// pay for it.
pub(super) struct Prompts<T>(LruCache<Texts, Arc<T>>);

/// What the encoding depends on.
#[derive(PartialEq, Eq, Hash)]
struct Texts {
    prompt: String,
    /// None without guidance, which alone looks at it.
    negative_prompt: Option<String>,
}

impl<T> Default for Prompts<T> {
    fn default() -> Self {
        Self(LruCache::new(KEPT))
    }
}

impl<T> Prompts<T> {
    /// The prompts of `spec`, encoded by `encode` where they are not kept.
    ///
    /// # Errors
    /// That of `encode`; then nothing is kept.
    pub(super) fn encoded<E>(
        &mut self,
        spec: &RenderSpec,
        encode: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let negative_prompt = (spec.passes() > 1).then(|| spec.negative_prompt.clone().unwrap_or_default());
        let texts = Texts { prompt: spec.prompt.clone(), negative_prompt };
        if let Some(kept) = self.0.get(&texts) {
            return Ok(Arc::clone(kept));
        }
        let encoded = Arc::new(encode()?);
        self.0.insert(texts, Arc::clone(&encoded));
        Ok(encoded)
    }

    /// Gives the memory back.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ImageSize;

    fn spec(prompt: &str, negative_prompt: Option<&str>, guidance_scale: f64) -> RenderSpec {
        RenderSpec {
            prompt: prompt.into(),
            negative_prompt: negative_prompt.map(str::to_owned),
            size: ImageSize::square(64),
            steps: 8,
            guidance_scale,
        }
    }

    /// Which of `asked` are encoded.
    fn encoded(prompts: &mut Prompts<()>, asked: &[RenderSpec]) -> Vec<bool> {
        let was_encoded = |spec| {
            let mut was = false;
            let encode = || {
                was = true;
                Ok::<_, ()>(())
            };
            prompts.encoded(spec, encode).expect("encoded");
            was
        };
        asked.iter().map(was_encoded).collect()
    }

    #[test]
    fn a_prompt_is_encoded_once_whatever_else_is_asked_of_its_picture() {
        let larger = RenderSpec { size: ImageSize::square(128), steps: 4, ..spec("tea", None, 0.0) };
        // Without guidance nobody looks at what to avoid.
        let asked = [spec("tea", None, 0.0), larger, spec("tea", Some("milk"), 0.0), spec("milk", None, 0.0)];
        assert_eq!(encoded(&mut Prompts::default(), &asked), [true, false, false, true]);
        let guided = [spec("tea", None, 0.0), spec("tea", None, 4.0), spec("tea", Some("milk"), 4.0)];
        assert_eq!(encoded(&mut Prompts::default(), &guided), [true, true, true]);
        let empty = [spec("tea", None, 4.0), spec("tea", Some(""), 4.0)];
        assert_eq!(encoded(&mut Prompts::default(), &empty), [true, false]);
    }

    #[test]
    fn the_one_that_was_asked_for_longest_ago_goes_first() {
        let mut prompts = Prompts::default();
        let numbered = |number: usize| spec(&number.to_string(), None, 0.0);
        let first: Vec<_> = (0..KEPT).map(numbered).collect();
        encoded(&mut prompts, &first);
        assert_eq!(encoded(&mut prompts, &[numbered(0), numbered(KEPT)]), [false, true]);
        assert_eq!(encoded(&mut prompts, &[numbered(0), numbered(1)]), [false, true]);
        prompts.clear();
        assert_eq!(encoded(&mut prompts, &[numbered(0)]), [true]);
    }

    #[test]
    fn what_could_not_be_encoded_is_tried_again() {
        let (mut prompts, tea) = (Prompts::<()>::default(), spec("tea", None, 0.0));
        assert_eq!(prompts.encoded(&tea, || Err("no memory")), Err("no memory"));
        assert_eq!(encoded(&mut prompts, &[tea]), [true]);
    }
}
