use crate::ledger::{Ledger, LedgerError, store::params};

/// What a gateway keeps beside the books, by its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// Whole days for which images stay.
    pub days: i64,
    /// Whether images with a star stay longer.
    pub favourites: bool,
    /// Whether prompts stay as long as images.
    pub prompts: bool,
}

impl Ledger {
    /// What stays if `own` is what this process keeps. Each gateway of a cluster deletes for all: nothing goes that another one keeps
    /// which runs, or did within a day.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn keeping(&self, own: Keeping) -> Result<Keeping, LedgerError> {
        if !self.store.has_queue() {
            return Ok(own);
        }
        let sql = "SELECT coalesce(max(keep_days), 0), coalesce(max(keep_favourites), 0), coalesce(max(keep_prompts), 0)
                   FROM nodes WHERE lease_until > clock_timestamp() - interval '1 day'";
        self.store.read(|conn| {
            conn.query_one(sql, params![], |row| {
                Ok(Keeping {
                    days: own.days.max(row.get(0)?),
                    favourites: own.favourites || row.get(1)?,
                    prompts: own.prompts || row.get(2)?,
                })
            })
        })
    }
}
