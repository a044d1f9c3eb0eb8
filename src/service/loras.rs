use std::sync::Arc;

use super::{Service, ServiceError};
use crate::{
    domain::{LoraUse, RenderJob},
    engine::LoraSet,
    lora_library::LoraLibrary,
};

impl Service {
    /// The LoRAs that there are.
    pub fn lora_library(&self) -> &Arc<LoraLibrary> {
        &self.parts.loras
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
        let (service, mut job) = (Arc::clone(self), RenderJob::clone(job));
        self.blocking(move || {
            let layers = service.engine().layers();
            let read = |of_job: &mut LoraUse| {
                let lora = service.parts.loras.read(&of_job.name, layers)?;
                of_job.sha256 = Some(lora.sha256().to_owned());
                Ok((lora, of_job.weight))
            };
            let set = job.spec.loras.iter_mut().map(read).collect::<Result<_, ServiceError>>()?;
            Ok::<_, ServiceError>((Arc::new(job), LoraSet::new(set)))
        })
        .await
    }
}
