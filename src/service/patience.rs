use std::time::Duration;

use crate::{domain::RequestId, ledger::LedgerError};

/// Pauses while the ledger's database cannot be reached, one after the other; the last one is repeated.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];
/// Tries at booking what was generated: ten minutes, in which a database fails over or is started again.
const TRIES: usize = 124;

/// How often the ledger was asked in vain.
#[derive(Default)]
pub(super) struct Patience {
    tries: usize,
}

impl Patience {
    /// Whether it is worth asking again after `error`.
    pub(super) const fn lasts(&self, error: &LedgerError) -> bool {
        error.is_away() && self.tries < TRIES
    }

    /// Waits before the ledger is asked again. The log says so once.
    pub(super) async fn wait(&mut self, error: &LedgerError, request: Option<RequestId>) {
        if self.tries == 0 {
            let request = request.map(tracing::field::display);
            tracing::warn!(request, %error, "what was made is booked once the ledger is reached");
        }
        tokio::time::sleep(PAUSES[self.tries.min(PAUSES.len() - 1)]).await;
        self.tries += 1;
    }
}
