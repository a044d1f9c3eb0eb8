use crate::{
    domain::words,
    ledger::{
        Ledger, LedgerError,
        store::{Notices, params},
    },
};

/// What nodes tell each other: only that it is worth looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Something waits in the queue.
    Work,
    /// A request has begun or ended.
    Ends,
    /// A batch was created or cancelled.
    Batches,
    /// An image on its way can be looked at.
    Partials,
}

words!(Topic, "a topic": Work = "work", Ends = "ends", Batches = "batches", Partials = "partials");

/// Hints as they come, until the connection breaks.
pub struct Hints(Notices);

impl Hints {
    /// The next one; none once the connection is broken.
    pub async fn next(&mut self) -> Option<Topic> {
        loop {
            if let Ok(topic) = self.0.next().await?.parse() {
                return Some(topic);
            }
        }
    }
}

impl Ledger {
    /// Announces `topic` to the other nodes, in a commit that holds nothing else.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn hint(&self, topic: Topic) -> Result<(), LedgerError> {
        let sql = "SELECT CAST(pg_notify('tintype', ?1) AS TEXT)";
        self.store.ask_beside(sql, params![topic.as_str()], |_| Ok(()))?;
        Ok(())
    }

    /// Hears what the other nodes tell, over a connection of its own.
    ///
    /// # Errors
    /// [`LedgerError`] if the database cannot be reached.
    pub fn hints(&self) -> Result<Hints, LedgerError> {
        self.store.notices().map(Hints)
    }
}
