use super::{Service, ServiceError};
use crate::{
    domain::{KeyId, RequestId},
    ledger::{GroupBy, GroupTotals, Month, MonthTotals, PaintedRequest},
};

/// What the ledger tells of months and of requests.
impl Service {
    /// The sums of a month.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] where the ledger fails.
    pub async fn month(&self, month: Month) -> Result<MonthTotals, ServiceError> {
        let (start, end) = (month.start(&self.parts.zone), month.end(&self.parts.zone));
        self.ask_ledger(move |ledger| ledger.totals(start, end)).await
    }

    /// The sums of a month, and the same in groups.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] where the ledger fails.
    pub async fn grouped_month(
        &self,
        month: Month,
        by: GroupBy,
    ) -> Result<(MonthTotals, Vec<GroupTotals>), ServiceError> {
        let zone = self.parts.zone.clone();
        let (start, end) = (month.start(&zone), month.end(&zone));
        self.ask_ledger(move |ledger| ledger.grouped_totals(by, start, end, &zone)).await
    }

    /// The settled request `id` of `key`; none where the key has none with this id.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] where the ledger fails.
    pub async fn painted(&self, id: RequestId, key: KeyId) -> Result<Option<PaintedRequest>, ServiceError> {
        self.ask_ledger(move |ledger| ledger.painted(id, key)).await
    }
}
