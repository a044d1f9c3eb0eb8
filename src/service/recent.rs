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
    /// [`ServiceError::Ledger`] if the ledger fails.
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
            let with_kept = |request: RecentRequest| {
                // Only what was settled was kept.
                let indices = 0..if request.is_delivered.is_some() { request.images } else { 0 };
                let claim = claims.get(&request.id).copied();
                let kept = indices.filter_map(|index| store.find(request.id, index, claim)).collect();
                RecentJob { request, kept }
            };
            Ok::<_, ServiceError>(requests.into_iter().map(with_kept).collect())
        })
        .await
    }
}
