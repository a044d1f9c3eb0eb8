use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{PartialLora, Service, ServiceError};
use crate::{
    domain::{LoraUse, RenderJob},
    engine::LoraSet,
    lora_library::LoraLibrary,
};

/// Longer than a request waits that was accepted with it; lines of batches do so for a day.
const REMOVED_STAYS: SignedDuration = SignedDuration::from_hours(48);

/// Those of `job` of which the model lacks layers; `set` has the files of the same LoRAs.
pub(super) fn partial(job: &RenderJob, set: &LoraSet) -> Vec<PartialLora> {
    let named = job.spec.loras.iter().zip(set.gaps());
    named.filter_map(|(lora, gap)| Some(PartialLora { name: lora.name.clone(), gap: gap? })).collect()
}

impl Service {
    /// The LoRAs that there are.
    pub fn lora_library(&self) -> &Arc<LoraLibrary> {
        &self.parts.storage.loras
    }

    /// Takes the files of shared LoRAs away that were removed a while ago. Returns how many.
    ///
    /// # Errors
    /// [`ServiceError::Store`] if the store fails.
    pub async fn sweep_loras(&self) -> Result<usize, ServiceError> {
        let horizon = self.now().checked_sub(REMOVED_STAYS).unwrap_or(Timestamp::MIN);
        let loras = Arc::clone(self.lora_library());
        self.blocking(move || Ok::<_, ServiceError>(loras.sweep(horizon)?)).await
    }

    /// Reads the LoRAs of `job`, off the caller's thread: their files may be large. Returns the job with their hashes.
    ///
    /// # Errors
    /// [`ServiceError::Lora`] if there is none of a name, or one does not fit the model.
    pub(super) async fn read_loras(
        self: &Arc<Self>,
        job: &Arc<RenderJob>,
    ) -> Result<(Arc<RenderJob>, LoraSet), ServiceError> {
        if job.spec.loras.is_empty() {
            return Ok((Arc::clone(job), LoraSet::default()));
        }
        let (service, job) = (Arc::clone(self), RenderJob::clone(job));
        self.blocking(move || service.with_loras(job)).await
    }

    /// `job` with the hashes of its LoRAs, and those LoRAs.
    pub(super) fn with_loras(&self, mut job: RenderJob) -> Result<(Arc<RenderJob>, LoraSet), ServiceError> {
        let layers = self.studio().layers();
        let read = |of_job: &mut LoraUse| {
            let loras = &self.parts.storage.loras;
            let lora = match &of_job.sha256 {
                // It was accepted with this one.
                Some(sha256) => loras.read_of_hash(&of_job.name, sha256, layers)?,
                None => loras.read(&of_job.name, layers)?,
            };
            of_job.sha256 = Some(lora.sha256().to_owned());
            Ok((lora, of_job.weight))
        };
        let set = job.spec.loras.iter_mut().map(read).collect::<Result<_, ServiceError>>()?;
        Ok((Arc::new(job), LoraSet::new(set)))
    }
}
