use std::{
    cell::RefCell,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use tokio_postgres::{Error, Portal, Statement, Transaction};

use super::{OwnedParam, Param, Queries, as_sql, statement::Statements, wait};
use crate::ledger::LedgerError;

/// Rows of a long answer that are fetched at once.
pub(super) const ROWS_AT_ONCE: i32 = 2_000;
/// Held by whoever writes, for the length of a transaction.
const WRITING: i64 = 0x5469_6e74_0002;
/// Waits until nobody writes. A writer that is frozen or cut off in the middle would keep all others waiting: it has ten seconds for
/// each next word, and then its transaction is rolled back.
const TAKE_TURN: &str =
    "SELECT set_config('idle_in_transaction_session_timeout', '10s', TRUE), pg_advisory_xact_lock(?1)";

/// A transaction on one connection.
pub(super) struct Session<'a> {
    transaction: &'a Transaction<'a>,
    statements: RefCell<&'a mut Statements>,
    timeline: &'a str,
    /// In the order in which they were sent.
    unanswered: RefCell<Vec<Unanswered<'a>>>,
}

/// A statement that was sent, and whose answer nobody has waited for yet.
struct Unanswered<'a> {
    answer: Pin<Box<dyn Future<Output = Result<u64, Error>> + 'a>>,
    /// What it is if not one row was changed.
    otherwise: Option<LedgerError>,
}

/// A transaction that writes, as it is asked for again.
pub(super) struct WriteId {
    pub(super) transaction: String,
    pub(super) timeline: String,
}

impl<'a> Session<'a> {
    /// What `work` gives inside `transaction`, once all that it sent is answered.
    pub(super) fn work<T, E: From<LedgerError>>(
        transaction: &'a Transaction<'a>,
        statements: &'a mut Statements,
        timeline: &'a str,
        work: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let session = Self {
            transaction,
            statements: RefCell::new(statements),
            timeline,
            unanswered: RefCell::default(),
        };
        let done = work(&session)?;
        session.hear_all()?;
        Ok(done)
    }

    /// Waits until nobody writes.
    pub(super) fn lock_writing(&self) -> Result<(), LedgerError> {
        self.execute(TAKE_TURN, &[Param::Integer(WRITING)])?;
        Ok(())
    }

    /// Counts this write, and returns the transaction's id.
    pub(super) fn note_write(&self) -> Result<WriteId, LedgerError> {
        let count = "UPDATE ledger_writes SET writes = writes + 1 RETURNING pg_current_xact_id()::text";
        let transaction = self.query_all(count, &[])?.first().map(|row| row.get::<_, String>(0));
        let transaction = transaction.ok_or(LedgerError::OutOfRange { what: "ledger_writes" })?;
        Ok(WriteId { transaction, timeline: self.timeline.to_owned() })
    }

    fn prepare(&self, sql: &str, params: &[Param<'_>]) -> Result<Statement, LedgerError> {
        let prepared = self.statements.borrow_mut().prepare(self.transaction, sql, params);
        self.heard(prepared)
    }

    /// Waits for the answers to all that was sent; the first that is an error is the transaction's.
    fn hear_all(&self) -> Result<(), LedgerError> {
        let mut heard = Ok(());
        for Unanswered { answer, otherwise } in self.unanswered.take() {
            let changed = wait(answer);
            if heard.is_ok() {
                heard = match (changed, otherwise) {
                    (Ok(1), _) | (Ok(_), None) => Ok(()),
                    (Ok(_), Some(error)) => Err(error),
                    (Err(error), _) => Err(error.into()),
                };
            }
        }
        heard
    }

    /// An answer. If it is an error, one before it may be why: after the first, a transaction refuses all else.
    fn heard<T>(&self, answer: Result<T, Error>) -> Result<T, LedgerError> {
        match answer {
            Ok(answer) => Ok(answer),
            Err(error) => {
                self.statements.borrow_mut().heed(&error);
                self.hear_all()?;
                Err(error.into())
            }
        }
    }
}

impl Queries for Session<'_> {
    fn execute(&self, sql: &str, params: &[Param<'_>]) -> Result<usize, LedgerError> {
        let statement = self.prepare(sql, params)?;
        let changed = self.heard(wait(self.transaction.execute(&statement, &as_sql(params))))?;
        usize::try_from(changed).map_err(|_| LedgerError::OutOfRange { what: "rows changed" })
    }

    fn send(
        &self,
        sql: &str,
        params: &[Param<'_>],
        otherwise: Option<LedgerError>,
    ) -> Result<(), LedgerError> {
        let statement = self.prepare(sql, params)?;
        let (transaction, params) =
            (self.transaction, params.iter().copied().map(Param::to_owned).collect::<Vec<_>>());
        let mut answer = Box::pin(async move {
            let params = params.iter().map(OwnedParam::as_param);
            transaction.execute_raw(&statement, params).await
        });
        // The first look at it sends the statement. Nobody has to be woken: its answer is waited for later.
        let answer: Pin<Box<dyn Future<Output = _>>> =
            match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => answer,
                Poll::Ready(answered) => Box::pin(async { answered }),
            };
        self.unanswered.borrow_mut().push(Unanswered { answer, otherwise });
        Ok(())
    }

    fn query_all(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<tokio_postgres::Row>, LedgerError> {
        let statement = self.prepare(sql, params)?;
        self.heard(wait(self.transaction.query(&statement, &as_sql(params))))
    }

    fn open(&self, sql: &str, params: &[Param<'_>]) -> Result<Portal, LedgerError> {
        let statement = self.prepare(sql, params)?;
        self.heard(wait(self.transaction.bind(&statement, &as_sql(params))))
    }

    fn fetch(&self, portal: &Portal) -> Result<Vec<tokio_postgres::Row>, LedgerError> {
        self.heard(wait(self.transaction.query_portal(portal, ROWS_AT_ONCE)))
    }
}
