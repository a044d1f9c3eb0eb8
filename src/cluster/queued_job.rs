use serde::{Deserialize, Serialize};

use super::{ClusterSecret, queued_edit::QueuedEdit};
use crate::domain::{
    CostTag, Encoding, ImageFormat, ImageSize, LoraUse, Quality, RenderJob, RenderSpec, RequestId, Seed,
};

/// The form of an image from a text, and that of an edit. A node that does not know one puts the request back for one that does.
const FORMS: [u32; 2] = [1, 2];

/// A request as it travels from its gateway to a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct QueuedJob {
    /// What is asked for. Out of the queue it comes without its edit.
    pub job: RenderJob,
    /// The edit, of one that came out of the queue.
    pub edit: Option<QueuedEdit>,
    /// As what files.
    pub encoding: Encoding,
    /// The most previews of each image; none if the answer is not a stream.
    pub partials: Option<u32>,
    /// Whether somebody waits for it.
    pub is_live: bool,
    /// The public id of the key.
    pub key: String,
    /// What it is filed under.
    pub tag: Option<CostTag>,
}

/// A request that this node cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueuedJobError {
    /// It was sealed by another secret, or was changed.
    #[error("a request in the queue was sealed by another secret")]
    Sealed,
    /// A newer version wrote it.
    #[error("a request in the queue was written by another version")]
    Form,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Written {
    form: u32,
    spec: WrittenSpec,
    images: u32,
    seed: u64,
    quality: Quality,
    format: String,
    format_quality: u8,
    partials: Option<u32>,
    is_live: bool,
    key: String,
    tag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    edit: Option<QueuedEdit>,
}

#[derive(Serialize, Deserialize)]
struct WrittenSpec {
    prompt: String,
    negative_prompt: Option<String>,
    size: ImageSize,
    steps: u32,
    /// Its bits, so that it is the same number.
    guidance_scale: u64,
    loras: Vec<LoraUse>,
}

impl QueuedJob {
    /// Steps that are run of each image.
    pub fn steps_run(&self) -> u32 {
        match &self.edit {
            Some(edit) => edit.steps_run(&self.job.spec),
            None => self.job.spec.steps_run(),
        }
    }

    /// Seals it as request `id`'s. What is edited travels through the store: [`super::put_sources`].
    pub fn seal(&self, id: RequestId, secret: &ClusterSecret, nonce: [u8; 12]) -> Option<Vec<u8>> {
        let RenderJob { spec, images, seed, quality } = &self.job;
        let edit = spec.edit.as_deref().map(QueuedEdit::of);
        let written = Written {
            form: FORMS[usize::from(edit.is_some())],
            spec: WrittenSpec {
                prompt: spec.prompt.clone(),
                negative_prompt: spec.negative_prompt.clone(),
                size: spec.size,
                steps: spec.steps,
                guidance_scale: spec.guidance_scale.to_bits(),
                loras: spec.loras.clone(),
            },
            images: *images,
            seed: seed.get(),
            quality: *quality,
            format: self.encoding.format.as_str().to_owned(),
            format_quality: self.encoding.quality,
            partials: self.partials,
            is_live: self.is_live,
            key: self.key.clone(),
            tag: self.tag.as_ref().map(|tag| tag.as_str().to_owned()),
            edit,
        };
        let text = serde_json::to_vec(&written).ok()?;
        Some(secret.seal(id.to_digits().as_bytes(), &text, nonce))
    }

    /// Opens what was sealed as request `id`'s.
    ///
    /// # Errors
    /// [`QueuedJobError`] if this node cannot read it.
    pub fn open(id: RequestId, sealed: &[u8], secret: &ClusterSecret) -> Result<Self, QueuedJobError> {
        let text = secret.open(id.to_digits().as_bytes(), sealed).ok_or(QueuedJobError::Sealed)?;
        let written: Written = serde_json::from_slice(&text).map_err(|_| QueuedJobError::Form)?;
        if !FORMS.contains(&written.form) {
            return Err(QueuedJobError::Form);
        }
        let format: ImageFormat = written.format.parse().map_err(|()| QueuedJobError::Form)?;
        let tag = written.tag.map(|tag| tag.parse()).transpose().map_err(|_| QueuedJobError::Form)?;
        let spec = RenderSpec {
            negative_prompt: written.spec.negative_prompt,
            guidance_scale: f64::from_bits(written.spec.guidance_scale),
            loras: written.spec.loras,
            ..RenderSpec::new(written.spec.prompt, written.spec.size, written.spec.steps)
        };
        Ok(Self {
            job: RenderJob {
                spec,
                images: written.images,
                seed: Seed::new(written.seed),
                quality: written.quality,
            },
            edit: written.edit,
            encoding: Encoding { format, quality: written.format_quality },
            partials: written.partials,
            is_live: written.is_live,
            key: written.key,
            tag,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::domain::{Edit, Mask, MaskMode, Pixels, Strength};

    #[test]
    fn a_job_comes_out_as_it_went_in() {
        let secret = ClusterSecret::new(b"correct horse battery").expect("long enough");
        let id = RequestId::new(Timestamp::UNIX_EPOCH, [1; 10]);
        let lora = LoraUse { name: "ink".into(), weight: 0.8, sha256: Some("ab".into()) };
        let mut job = QueuedJob {
            job: RenderJob {
                spec: RenderSpec {
                    negative_prompt: Some("text".into()),
                    guidance_scale: 4.1,
                    loras: vec![lora],
                    ..RenderSpec::new("one 苹果", ImageSize::square(64), 8)
                },
                images: 3,
                seed: Seed::new(Seed::MAX),
                quality: Quality::High,
            },
            edit: None,
            encoding: Encoding { format: ImageFormat::Webp, quality: 80 },
            partials: Some(2),
            is_live: true,
            key: "abc".into(),
            tag: Some("studio".parse().expect("a tag")),
        };
        let sealed = job.seal(id, &secret, [3; 12]).expect("sealed");
        assert_eq!(QueuedJob::open(id, &sealed, &secret), Ok(job.clone()));
        let (source, strength) = (ImageSize::square(2), Strength::new(0.25).expect("a strength"));
        let edit = Edit {
            source: Pixels { size: source, rgb: vec![7; 12] },
            mask: Some(Mask { size: source, levels: vec![255, 0, 0, 1] }),
            strength,
            mode: MaskMode::Reference,
            feather: 3,
            crop: Some(false),
        };
        job.job.spec.edit = Some(Arc::new(edit));
        let edited = job.seal(id, &secret, [5; 12]).expect("sealed");
        let edited = QueuedJob::open(id, &edited, &secret).expect("opened");
        assert_eq!((edited.steps_run(), job.steps_run()), (2, 2), "a quarter of 8");
        assert_eq!((edited.edit.is_some(), edited.job.spec.edit), (true, None));
        let other = RequestId::new(Timestamp::UNIX_EPOCH, [2; 10]);
        assert_eq!(QueuedJob::open(other, &sealed, &secret), Err(QueuedJobError::Sealed));
        let newer = secret.seal(id.to_digits().as_bytes(), b"{\"form\":3}", [4; 12]);
        assert_eq!(QueuedJob::open(id, &newer, &secret), Err(QueuedJobError::Form));
    }
}
