use std::sync::Arc;

use futures_util::stream::{self, Stream};
use tokio::sync::mpsc;

use super::{Service, ServiceError, StatedSettings};
use crate::{
    costs::{Budgets, CostModel, DaySpan, Term, simulation::MeasuredUse},
    domain::{KeyId, RequestId},
    ledger::{
        AuditBasis, Charges, CloseError, Closer, Closing, Control, FocusExport, GroupBy, LedgerError, Month,
        MonthReport, MonthSpan, Only, RangeReport, StoredRequest, TermRow, YearReport,
    },
};

/// Figures that nobody has entered yet, so that reports count with the example's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExampleFigures {
    /// Parts of the machine.
    pub hardware: bool,
    /// The price of electricity.
    pub electricity: bool,
}

impl ExampleFigures {
    /// Whether there are any.
    pub const fn any(self) -> bool {
        self.hardware || self.electricity
    }
}

/// What the ledger says about months and requests.
impl Service {
    /// Everything about a month, in groups of each of `kinds`.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] if the ledger fails.
    pub async fn month_report(&self, month: Month, kinds: Vec<GroupBy>) -> Result<MonthReport, ServiceError> {
        let (costs, calendar, now) = (self.costs().clone(), self.parts.calendar.clone(), self.now());
        self.ask_report(move |ledger| ledger.month_report(&costs, month, &kinds, &calendar, now)).await
    }

    /// A year or other months, month by month.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] if the ledger fails.
    pub async fn span_report(&self, span: MonthSpan) -> Result<YearReport, ServiceError> {
        let (costs, calendar, now) = (self.costs().clone(), self.parts.calendar.clone(), self.now());
        self.ask_report(move |ledger| ledger.span_report(&costs, span, &calendar, now)).await
    }

    /// Any days one after the other, in groups of each of `kinds`; with some of `only`, their images alone.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] if the ledger fails.
    pub async fn range_report(
        &self,
        days: DaySpan,
        only: Vec<Only>,
        kinds: Vec<GroupBy>,
    ) -> Result<RangeReport, ServiceError> {
        let (costs, calendar, now) = (self.costs().clone(), self.parts.calendar.clone(), self.now());
        self.ask_report(move |ledger| ledger.range_report(&costs, days, (&only, &kinds), &calendar, now))
            .await
    }

    /// The price of things, with the assets that are recorded now.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] if the ledger fails.
    pub async fn costs_now(&self) -> Result<CostModel, ServiceError> {
        let costs = self.costs().clone();
        self.ask_ledger(move |ledger| ledger.with_assets(&costs)).await
    }

    /// What was measured of the machine's use in the last 30 days; none if nothing was generated.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] if the ledger fails.
    pub async fn measured_use(&self) -> Result<Option<MeasuredUse>, ServiceError> {
        let now = self.now();
        let recent = self.ask_ledger(move |ledger| ledger.recent_use(now)).await?;
        Ok(recent.map(|recent| MeasuredUse {
            images_per_month: recent.images_per_month,
            time_per_image: recent.duration,
            power: recent.power(),
        }))
    }

    /// Which figures are still the example's.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] if the ledger fails.
    pub async fn example_figures(&self) -> Result<ExampleFigures, ServiceError> {
        let (costs, stated) = (self.costs().clone(), self.stated().clone());
        self.ask_ledger(move |ledger| {
            let costs = ledger.with_assets(&costs)?;
            let is_own = |row: &TermRow| {
                let is_electricity = matches!(row.term, Term::Electricity(_) | Term::Spot(_));
                is_electricity && (!row.is_configured() || stated.terms.contains_key(&row.term.name()))
            };
            Ok::<_, LedgerError>(ExampleFigures {
                hardware: costs.uses_example_hardware() && !stated.keys.contains("costs.hardware"),
                electricity: !ledger.terms()?.iter().any(is_own),
            })
        })
        .await
    }

    /// What all keys together may use up.
    pub fn budgets(&self) -> &Budgets {
        &self.parts.settings.budgets
    }

    /// Settings that the configuration states.
    pub fn stated(&self) -> &StatedSettings {
        &self.parts.settings.stated
    }

    /// What each cost centre is charged for `month`.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] if the ledger fails.
    pub async fn charges(&self, month: Month) -> Result<Charges, ServiceError> {
        let (costs, calendar, now) = (self.costs().clone(), self.parts.calendar.clone(), self.now());
        self.ask_report(move |ledger| ledger.charges(&costs, month, &calendar, now)).await
    }

    /// All controls of the books, whether or not they hold.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] if the ledger fails.
    pub async fn audit(&self) -> Result<Vec<Control>, ServiceError> {
        let (costs, calendar, now) = (self.costs().clone(), self.parts.calendar.clone(), self.now());
        let tolerance_percent = AuditBasis::TOLERANCE_PERCENT;
        let images = Arc::clone(&self.parts.storage.images);
        let kept = self.blocking(move || images.kept()).await?;
        self.ask_report(move |ledger| {
            ledger.audit(
                &AuditBasis { costs: &costs, calendar: &calendar, kept: &kept, tolerance_percent },
                now,
            )
        })
        .await
    }

    /// Closes `month` in the name of `actor`; why not, if it cannot be closed.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] if the ledger fails.
    pub async fn close_month(
        &self,
        month: Month,
        actor: String,
    ) -> Result<Result<Closing, CloseError>, ServiceError> {
        let (costs, calendar, now) = (self.costs().clone(), self.parts.calendar.clone(), self.now());
        let operator = self.operator().to_owned();
        let closed = self.ask_report(move |ledger| {
            let closer = Closer { costs: &costs, calendar: &calendar, operator: &operator, actor: &actor };
            match ledger.close_month(month, &closer, now) {
                Ok(closing) => Ok(Ok(closing)),
                Err(CloseError::Ledger(error)) => Err(error),
                Err(refused) => Ok(Err(refused)),
            }
        });
        closed.await
    }

    /// Who runs the server, as exports and statements say.
    pub fn operator(&self) -> &str {
        &self.parts.settings.operator
    }

    /// How `month` was closed; none while it is open.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] if the ledger fails.
    pub async fn closing(&self, month: Month) -> Result<Option<Closing>, ServiceError> {
        let closings = self.ask_ledger(|ledger| ledger.closings()).await?;
        Ok(closings.into_iter().find(|closing| closing.month == month))
    }

    /// The entries of `month` as FOCUS rows in a CSV file, part by part as somebody reads it. One part is read ahead, while
    /// the one before it is on its way; a reader that is slow, or has gone, has the ledger asked for no more.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] if the ledger fails, at the beginning or in the stream.
    pub async fn focus_csv(
        self: &Arc<Self>,
        month: Month,
    ) -> Result<impl Stream<Item = Result<String, ServiceError>> + use<>, ServiceError> {
        let (costs, calendar, now) = (self.costs().clone(), self.parts.calendar.clone(), self.now());
        let operator = self.parts.settings.operator.clone();
        let first = self
            .ask_report(move |ledger| {
                let mut export = ledger.focus_export(&costs, month, &calendar, &operator, now)?;
                Ok::<_, LedgerError>((ledger.focus_rows(&mut export)?, export))
            })
            .await?;
        let (written, mut ready) = mpsc::channel(1);
        tokio::spawn(Arc::clone(self).export(first, written));
        Ok(stream::poll_fn(move |context| ready.poll_recv(context)))
    }

    /// Hands `part` and all that follow over, until there are no more or nobody wants them.
    async fn export(
        self: Arc<Self>,
        mut part: (Option<String>, FocusExport),
        written: mpsc::Sender<Result<String, ServiceError>>,
    ) {
        while let (Some(rows), mut export) = part {
            if written.send(Ok(rows)).await.is_err() {
                return;
            }
            let next = self
                .ask_report(move |ledger| Ok::<_, LedgerError>((ledger.focus_rows(&mut export)?, export)));
            part = match next.await {
                Ok(next) => next,
                Err(error) => {
                    written.send(Err(error)).await.ok();
                    return;
                }
            };
        }
    }

    /// The settled request `id` of `key`; none if the key has none with this id.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`] if the ledger fails.
    pub async fn stored_request(
        &self,
        id: RequestId,
        key: KeyId,
    ) -> Result<Option<StoredRequest>, ServiceError> {
        self.ask_ledger(move |ledger| ledger.stored_request(id, key)).await
    }
}
