use super::{Service, ServiceError};
use crate::{
    domain::{KeyId, RequestId},
    ledger::{GroupBy, Month, MonthReport, PaintedRequest},
};

/// What the ledger tells of months and of requests.
impl Service {
    /// Everything about a month, in groups where they are asked for.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] where the ledger fails.
    pub async fn month_report(&self, month: Month, by: Option<GroupBy>) -> Result<MonthReport, ServiceError> {
        let (costs, zone, now) = (self.costs().clone(), self.parts.zone.clone(), self.now());
        self.ask_ledger(move |ledger| ledger.month_report(&costs, month, by, &zone, now)).await
    }

    /// The settled request `id` of `key`; none where the key has none with this id.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] where the ledger fails.
    pub async fn painted(&self, id: RequestId, key: KeyId) -> Result<Option<PaintedRequest>, ServiceError> {
        self.ask_ledger(move |ledger| ledger.painted(id, key)).await
    }
}
