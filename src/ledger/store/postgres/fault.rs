use std::{error::Error, fmt};

use tokio_postgres::error::{DbError, SqlState};

use crate::ledger::{LedgerError, StoreFault};

/// "cached plan must not change result type", in whatever language: nothing else that we ask for is "not supported".
const PLAN_CHANGED: &str = "0A000";

/// What PostgreSQL, or the connection to it, says of an error, in a line.
#[derive(Debug)]
struct Said(String);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Said {}

impl From<tokio_postgres::Error> for LedgerError {
    fn from(error: tokio_postgres::Error) -> Self {
        let text = match error.as_db_error() {
            Some(said) => said.message().to_owned(),
            // Its own text is what failed; why is in its sources.
            None => causes(&error),
        };
        Self::Store { fault: fault(&error), source: Box::new(Said(text)) }
    }
}

/// An error and what it comes from.
pub(super) fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// An error of the ledger's connection, in our words.
pub(super) fn away(what: impl Into<String>) -> LedgerError {
    LedgerError::Store { fault: StoreFault::Away, source: Box::new(Said(what.into())) }
}

fn fault(error: &tokio_postgres::Error) -> StoreFault {
    error.code().map_or(StoreFault::Away, fault_of)
}

/// By the classes of appendix A of PostgreSQL's manual.
fn fault_of(code: &SqlState) -> StoreFault {
    match code.code() {
        "53100" => StoreFault::DatabaseFull,
        "25006" => StoreFault::DatabaseReadOnly,
        "42501" => StoreFault::NotAllowed,
        "XX001" | "XX002" => StoreFault::DatabaseDamaged,
        // A table has got columns since the statement was prepared. It is prepared again for whoever asks next.
        PLAN_CHANGED => StoreFault::Away,
        // A transaction that said nothing for too long was ended, and its connection with it.
        "25P03" => StoreFault::Away,
        state => match state.get(..2) {
            // Constraints, and what triggers refuse.
            Some("23") => StoreFault::Refused,
            // Connections, resources, and a server that stops or starts.
            Some("08" | "53" | "57") => StoreFault::Away,
            _ => StoreFault::Other,
        },
    }
}

/// Whether a statement gives other columns than when it was prepared.
pub(super) fn is_of_plan(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| code.code() == PLAN_CHANGED)
}

/// Whether nothing more can come over this connection, so that another may do better.
pub(super) fn is_of_connection(error: &tokio_postgres::Error) -> bool {
    fault(error) == StoreFault::Away
}

/// Whether the database says that there is no such thing.
pub(super) fn is_missing(error: &DbError) -> bool {
    *error.code() == SqlState::UNDEFINED_TABLE
}
