use serde::{Deserialize, Serialize};

use super::ClusterSecret;
use crate::domain::{
    CostTag, Encoding, ImageFormat, ImageSize, LoraUse, Quality, RenderJob, RenderSpec, RequestId, Seed,
};

/// The form that is written. A node that does not know it puts the request back for one that does.
const FORM: u32 = 1;

/// A request as it travels from its gateway to a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct QueuedJob {
    /// What is asked for.
    pub job: RenderJob,
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
    /// Seals it as request `id`'s. None for an edit, whose source does not travel.
    pub fn seal(&self, id: RequestId, secret: &ClusterSecret, nonce: [u8; 12]) -> Option<Vec<u8>> {
        let RenderJob { spec, images, seed, quality } = &self.job;
        if spec.edit.is_some() {
            return None;
        }
        let written = Written {
            form: FORM,
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
        if written.form != FORM {
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
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_job_comes_out_as_it_went_in() {
        let secret = ClusterSecret::new(b"correct horse battery").expect("long enough");
        let id = RequestId::new(Timestamp::UNIX_EPOCH, [1; 10]);
        let lora = LoraUse { name: "ink".into(), weight: 0.8, sha256: Some("ab".into()) };
        let job = QueuedJob {
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
            encoding: Encoding { format: ImageFormat::Webp, quality: 80 },
            partials: Some(2),
            is_live: true,
            key: "abc".into(),
            tag: Some("studio".parse().expect("a tag")),
        };
        let sealed = job.seal(id, &secret, [3; 12]).expect("no edit");
        assert_eq!(QueuedJob::open(id, &sealed, &secret), Ok(job));
        let other = RequestId::new(Timestamp::UNIX_EPOCH, [2; 10]);
        assert_eq!(QueuedJob::open(other, &sealed, &secret), Err(QueuedJobError::Sealed));
        let newer = secret.seal(id.to_digits().as_bytes(), b"{\"form\":2}", [4; 12]);
        assert_eq!(QueuedJob::open(id, &newer, &secret), Err(QueuedJobError::Form));
    }
}
