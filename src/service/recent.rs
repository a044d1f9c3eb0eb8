use std::sync::Arc;

use super::{Service, ServiceError};
use crate::{domain::RequestId, ledger::RecentRequest, pictures::PictureName};

/// A request that has ended, with the pictures of it that are still kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentJob {
    /// What the ledger says of it.
    pub request: RecentRequest,
    /// Its pictures on the disk, in order.
    pub pictures: Vec<PictureName>,
}

impl Service {
    /// The `limit` requests that came last and have ended, newest first; where `before` is given, those that came before
    /// that one.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] where the ledger fails.
    pub async fn recent_jobs(
        &self,
        before: Option<RequestId>,
        limit: usize,
    ) -> Result<Vec<RecentJob>, ServiceError> {
        let pictures = Arc::clone(&self.parts.pictures);
        self.ask_ledger(move |ledger| {
            let requests = ledger.recent_requests(before, limit)?;
            let with_pictures = |request: RecentRequest| {
                // Only what was settled was kept.
                let indices = 0..if request.is_delivered.is_some() { request.images } else { 0 };
                let pictures = indices.filter_map(|index| pictures.find(request.id, index)).collect();
                RecentJob { request, pictures }
            };
            Ok::<_, ServiceError>(requests.into_iter().map(with_pictures).collect())
        })
        .await
    }
}
