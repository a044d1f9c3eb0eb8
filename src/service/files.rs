use std::sync::Arc;

use jiff::{Timestamp, civil::DateTime};

use super::{
    Answer, AnsweredImage, Audience, Encode, GenerateRequest, ImageFile, MadeBy, PartialFile, Service,
    ServiceError, jobs::JobGuard, patience::Patience,
};
use crate::{
    costs::{CostError, CostModel, Filed, Receipt},
    domain::{Claim, Computation, CostTag, Edit, EditRecord, Encoding, RenderJob, RequestId, Unchanged},
    encode::{Provenance, ReceiptRecord},
    engine::{Facts, GeneratedImage, HashedWeights, Partial},
    image_store::{ImageName, ImageStore, StoreError},
    ledger::{Ledger, LedgerError},
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
    /// image is priced first and says what it cost. `then` follows on the same thread: each way to a thread and back is
    /// time that the client waits. While the ledger's database is away, the images wait for it.
    pub(super) async fn make_files<T: Send + 'static>(
        &self,
        images: Vec<GeneratedImage>,
        request: &GenerateRequest,
        made_of: (RequestId, Option<Claim>, Timestamp),
        then: impl FnOnce(&MadeFiles, &Ledger) -> T + Send + 'static,
    ) -> Result<(MadeFiles, T), ServiceError> {
        let maker = Arc::new(self.file_maker(images.len(), request, made_of));
        let mut patience = Patience::default();
        let mut waiting = (images, then);
        loop {
            let ((images, then), maker) = (waiting, Arc::clone(&maker));
            let keep = maker.keep;
            let made = move |ledger: &Ledger| {
                let costs = match ledger.with_assets(&maker.costs) {
                    Ok(costs) => costs,
                    Err(error) => return Ok(Err((error, images, then))),
                };
                let made = maker.make(&costs, images)?;
                let done = then(&made, ledger);
                Ok::<_, ServiceError>(Ok((made, done)))
            };
            // A bucket may be away, and hold many threads meanwhile.
            let made = if keep { self.ask_ledger(made).await } else { self.ask_ledger_here(made).await };
            match made? {
                Ok(done) => return Ok(done),
                Err((error, images, then)) if patience.lasts(&error) => {
                    patience.wait(&error, None).await;
                    waiting = (images, then);
                }
                Err((error, ..)) => return Err(error.into()),
            }
        }
    }

    fn file_maker(
        &self,
        images: usize,
        request: &GenerateRequest,
        (id, claim, now): (RequestId, Option<Claim>, Timestamp),
    ) -> FileMaker {
        let facts = self.studio().facts();
        FileMaker {
            id,
            claim,
            at: self.civil(now),
            job: Arc::clone(&request.job),
            filed: (request.caller.public_id.clone(), request.tag.clone()),
            encoding: request.encoding,
            keep: request.is_kept(),
            costs: self.costs().clone(),
            facts,
            provenances: (0..).take(images).map(|index| self.provenance(request, id, index, now)).collect(),
            weights: Arc::clone(&self.parts.weights),
            store: Arc::clone(&self.parts.storage.images),
            encode: self.parts.encode,
        }
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

/// What files are made by, on any thread.
struct FileMaker {
    id: RequestId,
    claim: Option<Claim>,
    at: DateTime,
    job: Arc<RenderJob>,
    /// The key's public id, and the tag.
    filed: (String, Option<CostTag>),
    encoding: Encoding,
    keep: bool,
    /// Without what the ledger has recorded.
    costs: CostModel,
    facts: Facts,
    provenances: Vec<Option<Provenance>>,
    weights: Arc<HashedWeights>,
    store: Arc<ImageStore>,
    encode: Encode,
}

impl FileMaker {
    /// Files of `images`, priced by `costs`.
    fn make(&self, costs: &CostModel, images: Vec<GeneratedImage>) -> Result<MadeFiles, ServiceError> {
        tracing::trace!("files begun");
        // The first images after a start may wait here for the hashes of the weights.
        let computation = self.facts.computation(self.weights.get().clone());
        let filed = Filed { key: &self.filed.0, tag: self.filed.1.as_ref().map(CostTag::as_str) };
        let comparison = costs.compare_filed(self.job.product(), filed, self.at.date());
        let usages = images.iter().map(|image| image.usage);
        let receipts = costs.receipts(usages, comparison.as_ref(), self.at)?;
        let mut unchanged = None;
        let images = images.into_iter().zip(receipts).zip(&self.provenances);
        let images = (0..)
            .zip(images)
            .map(|(index, ((image, receipt), provenance))| {
                let mut provenance = provenance.clone();
                if let Some(provenance) = &mut provenance {
                    let record = record(self.id, &receipt, costs.currency()).map_err(CostError::from)?;
                    provenance.receipt = Some(record);
                    provenance.computation = Some(computation.clone());
                }
                let file = (self.encode)(&image.pixels, self.encoding, provenance.as_ref())?;
                tracing::trace!("file encoded");
                let edit = self.job.spec.edit.as_deref();
                if let Some(is_unchanged) = check_outside_mask(edit, &file, self.encoding)? {
                    unchanged = Some(unchanged.unwrap_or(true) && is_unchanged);
                }
                let name =
                    ImageName { request: self.id, index, format: self.encoding.format, claim: self.claim };
                let file = place(file, self.keep.then_some(name), &self.store)?;
                Ok(AnsweredImage { file, seed: image.seed, receipt })
            })
            .collect::<Result<Vec<_>, ServiceError>>()?;
        tracing::trace!("files kept");
        let edit = self.facts.expected_edit(&self.job.spec);
        let edit = edit.map(|edit| EditRecord { unchanged_outside_mask: unchanged, ..edit });
        Ok(MadeFiles { images, edit, computation })
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
