use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Answer, AnsweredImage, Audience, GenerateRequest, ImageFile, MadeBy, PartialFile, Service, ServiceError,
    jobs::JobGuard,
};
use crate::{
    costs::{CostError, Receipt},
    domain::{Claim, Computation, Edit, EditRecord, Encoding, RequestId, Unchanged},
    encode::{Provenance, ReceiptRecord},
    engine::{GeneratedImage, Partial},
    image_store::{ImageName, ImageStore, StoreError},
    ledger::LedgerError,
    source_image::unchanged_in_file,
    units::{Currency, RangeError},
};

/// A request's images as files, and what is booked beside them.
pub(super) struct MadeFiles {
    pub(super) images: Vec<AnsweredImage>,
    pub(super) edit: Option<EditRecord>,
    pub(super) computation: Computation,
}

/// Pixels to files and back from the disk.
impl Service {
    /// Sends a preview of an image to whoever watches. One that cannot be encoded is left out: only the last image
    /// counts.
    pub(super) async fn show(
        &self,
        partial: Partial,
        request: &GenerateRequest,
        open: &JobGuard,
        audience: &Audience,
    ) {
        let index = partial.index;
        if let Some(file) = self.encode_partial(partial, request, open.id()).await {
            let file: Arc<[u8]> = file.into();
            open.note_preview(index, request.encoding.format, &file);
            audience.partials.send(PartialFile { index, file }).ok();
        }
    }

    /// A preview as a file; none, with a line in the log, if it cannot be encoded.
    pub(super) async fn encode_partial(
        &self,
        partial: Partial,
        request: &GenerateRequest,
        id: RequestId,
    ) -> Option<Vec<u8>> {
        let provenance = self.provenance(request, id, partial.image, self.now());
        let (encoding, encode) = (request.encoding, self.parts.encode);
        let encoded = self.blocking(move || encode(&partial.pixels, encoding, provenance.as_ref())).await;
        encoded.inspect_err(|error| tracing::warn!(request = %id, %error, "left out a partial image")).ok()
    }

    /// Files that hold their receipts, on disk where they are to be kept. Encoding costs nothing that is booked, so an
    /// image is priced first and says what it cost.
    pub(super) async fn make_files(
        &self,
        images: Vec<GeneratedImage>,
        request: &GenerateRequest,
        (id, claim): (RequestId, Option<Claim>),
        now: Timestamp,
    ) -> Result<MadeFiles, ServiceError> {
        let facts = self.studio().facts();
        let expected = facts.expected_edit(&request.job.spec);
        let (costs, at, job) = (self.costs_once_reached().await?, self.civil(now), &request.job);
        let comparison = costs.compare_filed(job.product(), request.filed(), at.date());
        let provenances: Vec<_> =
            (0..).take(images.len()).map(|index| self.provenance(request, id, index, now)).collect();
        let (encoding, keep) = (request.encoding, request.is_kept());
        let (store, currency) = (Arc::clone(&self.parts.storage.images), self.costs().currency());
        let (edit, encode) = (job.spec.edit.clone(), self.parts.encode);
        let weights = Arc::clone(&self.parts.weights);
        self.blocking(move || {
            tracing::trace!("files begun");
            let mut unchanged = None;
            // The first images after a start may wait here for the hashes of the weights.
            let computation = facts.computation(weights.get().clone());
            let usages = images.iter().map(|image| image.usage);
            let receipts = costs.receipts(usages, comparison.as_ref(), at)?;
            let images = images.into_iter().zip(receipts).zip(provenances);
            let images = (0..)
                .zip(images)
                .map(|(index, ((image, receipt), mut provenance))| {
                    if let Some(provenance) = &mut provenance {
                        provenance.receipt = Some(record(id, &receipt, currency).map_err(CostError::from)?);
                        provenance.computation = Some(computation.clone());
                    }
                    let file = encode(&image.pixels, encoding, provenance.as_ref())?;
                    tracing::trace!("file encoded");
                    if let Some(is_unchanged) = check_outside_mask(edit.as_deref(), &file, encoding)? {
                        unchanged = Some(unchanged.unwrap_or(true) && is_unchanged);
                    }
                    let name = ImageName { request: id, index, format: encoding.format, claim };
                    let file = place(file, keep.then_some(name), &store)?;
                    Ok(AnsweredImage { file, seed: image.seed, receipt })
                })
                .collect::<Result<Vec<_>, ServiceError>>()?;
            tracing::trace!("files kept");
            let edit = expected.map(|edit| EditRecord { unchanged_outside_mask: unchanged, ..edit });
            Ok::<_, ServiceError>(MadeFiles { images, edit, computation })
        })
        .await
    }

    /// What an image's file says about how it was made.
    pub(super) fn provenance(
        &self,
        request: &GenerateRequest,
        id: RequestId,
        index: u32,
        now: Timestamp,
    ) -> Option<Provenance> {
        let settings = self.parts.settings.provenance.as_ref()?;
        let seed = request.job.seed.for_image(index);
        let produced_id = format!("{}_{index}", id.to_digits());
        Some(settings.of(&request.job.spec, seed, &self.parts.model, produced_id, now))
    }

    /// A settled answer from the ledger and the disk.
    pub(super) async fn gather(
        &self,
        id: RequestId,
        request: &GenerateRequest,
    ) -> Result<Answer, ServiceError> {
        let (settled, claim) = self
            .ask_ledger(move |ledger| {
                Ok::<_, LedgerError>((ledger.settled(id)?, ledger.claims_of(&[id])?.remove(&id)))
            })
            .await?;
        let settled = settled.ok_or(ServiceError::NoLongerKept(id))?;
        let (format, store) = (request.encoding.format, Arc::clone(&self.parts.storage.images));
        self.blocking(move || {
            let images = (0..)
                .zip(settled.images)
                .map(|(index, image)| {
                    let name = ImageName { request: id, index, format, claim };
                    let bytes = store.length(name)?.ok_or(ServiceError::NoLongerKept(id))?;
                    let file = ImageFile::Kept { name, bytes };
                    Ok(AnsweredImage { file, seed: image.seed, receipt: image.receipt })
                })
                .collect::<Result<_, ServiceError>>()?;
            Ok::<_, ServiceError>(Answer {
                id,
                created: settled.settled_at,
                size: settled.size,
                images,
                prompt_tokens: settled.prompt_tokens,
                edit: settled.edit,
                loras: settled.loras,
                computation: settled.computation,
                made_by: MadeBy { purchase: settled.purchase, why: None },
            })
        })
        .await
    }
}

/// Whether an encoded answer to `edit` has every pixel outside the mask as the source has it; none if nothing is
/// promised. The file is decoded again for it.
///
/// # Errors
/// [`ServiceError::ChangedOutsideMask`] if a lossless file has not.
fn check_outside_mask(
    edit: Option<&Edit>,
    file: &[u8],
    encoding: Encoding,
) -> Result<Option<bool>, ServiceError> {
    let Some(edit) = edit.filter(|edit| edit.keeps_outside()) else { return Ok(None) };
    let is_unchanged = unchanged_in_file(edit, file).is_some_and(Unchanged::is_all);
    if is_unchanged || !encoding.is_lossless() {
        Ok(Some(is_unchanged))
    } else {
        Err(ServiceError::ChangedOutsideMask)
    }
}

/// What an image's file says about its receipt.
fn record(id: RequestId, receipt: &Receipt, currency: Currency) -> Result<ReceiptRecord, RangeError> {
    Ok(ReceiptRecord {
        request: id,
        currency,
        cost: receipt.cost,
        total: receipt.standard()?,
        energy: receipt.usage.energy,
        wall_energy: receipt.wall_energy,
        energy_source: receipt.usage.source,
        duration: receipt.usage.duration,
    })
}

/// An image's file: in the store under `name`, on the disk before this returns, or in memory for its answer alone.
pub(super) fn place(
    file: Vec<u8>,
    name: Option<ImageName>,
    store: &ImageStore,
) -> Result<ImageFile, StoreError> {
    let Some(name) = name else { return Ok(ImageFile::InMemory(file.into())) };
    store.put(name, &file)?;
    Ok(ImageFile::Kept { name, bytes: file.len() as u64 })
}
