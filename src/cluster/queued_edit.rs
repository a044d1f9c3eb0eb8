use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ClusterSecret, paths};
use crate::{
    domain::{Edit, ImageSize, Mask, Pixels, RenderSpec, RequestId, Strength},
    image_store::{Objects, StoreError},
};

/// An edit as its request has it in the queue. Its images are in the store, sealed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueuedEdit {
    source: QueuedPart,
    mask: Option<QueuedPart>,
    /// Its bits, so that it is the same number.
    strength: u64,
    mode: String,
    feather: u32,
    crop: Option<bool>,
}

/// An image in the store: how large it is, and the SHA-256 of its bytes, in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct QueuedPart {
    size: ImageSize,
    sha256: String,
}

/// What a worker cannot edit.
#[derive(Debug, thiserror::Error)]
pub enum QueuedEditError {
    /// It is gone.
    #[error("the image that is to be edited is not in the store any more")]
    Gone,
    /// It is not what was queued.
    #[error("the image that is to be edited was changed, or sealed by another secret")]
    Changed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl QueuedPart {
    fn of(size: ImageSize, bytes: &[u8]) -> Self {
        Self { size, sha256: base16ct::lower::encode_string(&Sha256::digest(bytes)) }
    }

    /// Its bytes, `each` a pixel.
    fn fetch(
        &self,
        path: &str,
        each: usize,
        secret: &ClusterSecret,
        objects: &Objects,
    ) -> Result<Vec<u8>, QueuedEditError> {
        let sealed = objects.get(path)?.ok_or(QueuedEditError::Gone)?;
        let bytes = secret.open(path.as_bytes(), &sealed).ok_or(QueuedEditError::Changed)?;
        let pixels = usize::try_from(self.size.pixels()).map_err(|_| QueuedEditError::Changed)?;
        let is_whole = pixels.checked_mul(each) == Some(bytes.len());
        if is_whole && Self::of(self.size, &bytes) == *self {
            Ok(bytes)
        } else {
            Err(QueuedEditError::Changed)
        }
    }
}

impl QueuedEdit {
    /// What the queue has of `edit`.
    pub(super) fn of(edit: &Edit) -> Self {
        Self {
            source: QueuedPart::of(edit.source.size, &edit.source.rgb),
            mask: edit.mask.as_ref().map(|mask| QueuedPart::of(mask.size, &mask.levels)),
            strength: edit.strength.get().to_bits(),
            mode: edit.mode.as_str().to_owned(),
            feather: edit.feather,
            crop: edit.crop,
        }
    }

    /// The steps of `spec` that are run of each image.
    pub(super) fn steps_run(&self, spec: &RenderSpec) -> u32 {
        let strength = Strength::new(f64::from_bits(self.strength)).ok();
        spec.steps - strength.map_or(0, |strength| strength.steps_left_out(spec.steps))
    }

    /// Reads the images of request `id` from the store.
    ///
    /// # Errors
    /// [`QueuedEditError`] if they are not there as they were queued.
    pub fn fetch(
        &self,
        id: RequestId,
        secret: &ClusterSecret,
        objects: &Objects,
    ) -> Result<Edit, QueuedEditError> {
        let rgb = self.source.fetch(&paths::source(id, 0), 3, secret, objects)?;
        let mask = self.mask.as_ref().map(|mask| {
            let levels = mask.fetch(&paths::source(id, 1), 1, secret, objects)?;
            Ok::<_, QueuedEditError>(Mask { size: mask.size, levels })
        });
        Ok(Edit {
            source: Pixels { size: self.source.size, rgb },
            mask: mask.transpose()?,
            strength: Strength::new(f64::from_bits(self.strength)).map_err(|_| QueuedEditError::Changed)?,
            mode: self.mode.parse().map_err(|_| QueuedEditError::Changed)?,
            feather: self.feather,
            crop: self.crop,
        })
    }
}

/// Puts what request `id` edits into the store, sealed. `draw` draws what is used once.
///
/// # Errors
/// [`StoreError`] if the store does not take it.
pub fn put_sources(
    edit: &Edit,
    id: RequestId,
    secret: &ClusterSecret,
    objects: &Objects,
    mut draw: impl FnMut() -> [u8; 12],
) -> Result<(), StoreError> {
    let mask = edit.mask.as_ref().map(|mask| mask.levels.as_slice());
    for (part, bytes) in [Some(edit.source.rgb.as_slice()), mask].into_iter().flatten().enumerate() {
        let path = paths::source(id, part);
        objects.put(&path, &secret.seal(path.as_bytes(), bytes, draw()))?;
    }
    Ok(())
}

/// Takes what request `id` edited out of the store.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub fn remove_sources(id: RequestId, objects: &Objects) -> Result<(), StoreError> {
    for part in 0..2 {
        objects.remove(&paths::source(id, part))?;
    }
    Ok(())
}
