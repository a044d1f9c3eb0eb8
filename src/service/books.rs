use super::{Service, ServiceError};
use crate::{
    domain::{KeyId, RequestId},
    ledger::{GroupBy, Groups, Month, MonthReport, PaintedRequest, Year, YearReport},
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

    /// A year, month by month.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] where the ledger fails.
    pub async fn year_report(&self, year: Year) -> Result<YearReport, ServiceError> {
        let (costs, zone, now) = (self.costs().clone(), self.parts.zone.clone(), self.now());
        self.ask_ledger(move |ledger| ledger.year_report(&costs, year, &zone, now)).await
    }

    /// A month in groups of several kinds.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] where the ledger fails.
    pub async fn month_groups(
        &self,
        month: Month,
        kinds: &'static [GroupBy],
    ) -> Result<Vec<Groups>, ServiceError> {
        let zone = self.parts.zone.clone();
        self.ask_ledger(move |ledger| ledger.month_groups(month, kinds, &zone)).await
    }

    /// The settled request `id` of `key`; none where the key has none with this id.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] where the ledger fails.
    pub async fn painted(&self, id: RequestId, key: KeyId) -> Result<Option<PaintedRequest>, ServiceError> {
        self.ask_ledger(move |ledger| ledger.painted(id, key)).await
    }
}
