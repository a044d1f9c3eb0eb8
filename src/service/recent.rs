use std::sync::Arc;

use super::{Service, ServiceError};
use crate::{
    image_store::ImageName,
    ledger::{LedgerError, RecentRequest, RequestFilter},
};

/// A request that has ended, with the images of it that are still kept.
#[derive(Debug, Clone, PartialEq)]
pub struct RecentJob {
    /// What the ledger says of it.
    pub request: RecentRequest,
    /// Its images on the disk, in order.
    pub kept: Vec<ImageName>,
}

impl Service {
    /// The `limit` requests that came last and have ended, of those that `filter` wants, newest first.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] if the ledger fails. If the store does, no image is seen.
    pub async fn recent_jobs(
        &self,
        filter: RequestFilter,
        limit: usize,
    ) -> Result<Vec<RecentJob>, ServiceError> {
        let (requests, claims) = self
            .ask_ledger(move |ledger| {
                let requests = ledger.recent_requests(&filter, limit)?;
                let ids: Vec<_> = requests.iter().map(|request| request.id).collect();
                Ok::<_, LedgerError>((requests, ledger.claims_of(&ids)?))
            })
            .await?;
        let store = Arc::clone(&self.parts.storage.images);
        self.blocking(move || {
            // Only what was settled was kept.
            let images =
                |request: &RecentRequest| if request.is_delivered.is_some() { request.images } else { 0 };
            let wanted = |request: &RecentRequest| {
                let (id, claim) = (request.id, claims.get(&request.id).copied());
                (0..images(request)).map(move |index| (id, index, claim))
            };
            let wanted: Vec<_> = requests.iter().flat_map(wanted).collect();
            let found = store.find(&wanted).unwrap_or_else(|error| {
                tracing::warn!(%error, "which images are kept cannot be seen");
                vec![None; wanted.len()]
            });
            let mut found = found.into_iter();
            let with_kept = |request: RecentRequest| {
                let kept = found.by_ref().take(images(&request) as usize).flatten().collect();
                RecentJob { request, kept }
            };
            Ok::<_, ServiceError>(requests.into_iter().map(with_kept).collect())
        })
        .await
    }
}
