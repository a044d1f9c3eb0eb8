use std::io;

use jiff::{SignedDuration, Timestamp};

use super::{Service, ServiceError};
use crate::{batches::FileStore, domain::FileId, image_store::ObjectReader};

/// A file's row is written this soon after its upload began, at the latest.
const ROW_FOLLOWS: SignedDuration = SignedDuration::from_hours(24);

/// Files that clients upload and batches write.
impl Service {
    /// Where their bytes are.
    pub fn file_store(&self) -> &FileStore {
        &self.parts.storage.files
    }

    /// The bytes of `id`, open, and how many they are; none if they are not here.
    ///
    /// # Errors
    /// [`ServiceError::File`] if the disk fails.
    pub async fn open_stored_file(&self, id: FileId) -> Result<Option<(ObjectReader, u64)>, ServiceError> {
        let store = self.parts.storage.files.clone();
        self.blocking(move || store.open_file(id)).await
    }

    /// Removes the bytes of files that nobody can ask for any more: deleted, expired, or without a row. Returns how many.
    ///
    /// # Errors
    /// [`ServiceError`] if the disk or the ledger fails.
    pub async fn sweep_files(&self) -> Result<usize, ServiceError> {
        let now = self.now();
        let horizon = now.checked_sub(ROW_FOLLOWS).unwrap_or(Timestamp::MIN);
        let store = self.parts.storage.files.clone();
        let old = self.blocking(move || store.begun_before(horizon)).await?;
        self.remove_without_use(old).await
    }

    /// Removes the bytes of those of `ids` that nobody can ask for any more. Returns how many.
    ///
    /// # Errors
    /// [`ServiceError`] if the disk or the ledger fails.
    pub async fn remove_without_use(&self, ids: Vec<FileId>) -> Result<usize, ServiceError> {
        let (now, store) = (self.now(), self.parts.storage.files.clone());
        let without = self.ask_ledger(move |ledger| ledger.files_without_use(ids, now)).await?;
        self.blocking(move || {
            let removed = without.into_iter().map(|id| store.remove(id)).collect::<io::Result<Vec<_>>>()?;
            Ok::<_, io::Error>(removed.into_iter().filter(|was_there| *was_there).count())
        })
        .await
    }
}
