use std::sync::Arc;

use tokio::sync::mpsc;

use crate::{
    clock::Clock,
    costs::CostModel,
    domain::{Calendar, Overhead, Usage},
    ledger::{Epoch, Ledger},
    meter::BeginEpoch,
    units::Millis,
};

/// Books energy that went into no request, as the device's thread reports it.
#[derive(Clone)]
pub struct OverheadBook {
    /// Where it is booked.
    pub ledger: Arc<Ledger>,
    /// What it costs.
    pub costs: CostModel,
    /// When it is booked.
    pub clock: Arc<dyn Clock>,
    /// In whose days: a tariff goes by the clock on the wall.
    pub calendar: Calendar,
}

impl OverheadBook {
    /// Books what comes, until nothing will come any more. A row that cannot be booked is logged; the next start
    /// finds it as a gap, if the device counts its energy.
    pub async fn keep(self, mut overheads: mpsc::UnboundedReceiver<(Overhead, Usage)>) {
        while let Some((kind, usage)) = overheads.recv().await {
            let book = self.clone();
            let booked = tokio::task::spawn_blocking(move || book.enter(kind, usage)).await;
            if booked.is_err() {
                tracing::error!("the energy of an idle hour could not be booked");
            }
        }
    }

    /// What a meter asks for the number of an epoch. A gap in it is booked at once. Where the ledger fails, energy is
    /// booked in no epoch.
    pub fn epochs(&self) -> BeginEpoch {
        let book = self.clone();
        Box::new(move |device, source, total| {
            match book.ledger.begin_epoch(device, source, total, book.clock.now()) {
                Ok(Epoch { id, gap }) => {
                    let usage = Usage { duration: Millis::ZERO, energy: gap, source, epoch: Some(id) };
                    book.enter(Overhead::Gap, usage);
                    Some(id)
                }
                Err(error) => {
                    tracing::error!(%error, device, "the meter's epoch could not be begun");
                    None
                }
            }
        })
    }

    /// Books one piece. What costs nothing and took nothing makes no row.
    pub fn enter(&self, kind: Overhead, usage: Usage) {
        let (currency, now) = (self.costs.currency(), self.clock.now());
        let at = self.calendar.to_datetime(now);
        let costs = self.ledger.with_assets(&self.costs).unwrap_or_else(|error| {
            tracing::error!(%error, "idle energy is priced with the configured tariff");
            self.costs.clone()
        });
        let price = match kind {
            Overhead::Idle | Overhead::Gap => costs.idle(usage, at),
            Overhead::WarmUp => costs.wasted(usage, at),
        };
        let price = match price {
            Ok(price) if price.wall_energy.as_millijoules() == 0 => return,
            Ok(price) => price,
            Err(error) => return tracing::error!(%error, kind = kind.as_str(), "energy could not be priced"),
        };
        if let Err(error) = self.ledger.book_overhead(kind, usage, &price, currency, now) {
            tracing::error!(%error, kind = kind.as_str(), "energy could not be booked");
        }
    }
}
