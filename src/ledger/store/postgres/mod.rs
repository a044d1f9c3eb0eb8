//! The ledger in PostgreSQL: one body of SQL for both databases, one writer at a time, and a view of one moment for whoever
//! reads.
//!
//! Writers take turns by an advisory lock, whichever process they are in: what holds of SQLite's one writer holds here. Of one
//! process only two stand in line for it. A commit whose answer is lost is looked up by its transaction's id, so that nothing is
//! booked twice, and nothing that was booked is called lost.

mod fault;
mod pool;
mod schema;
mod session;
mod statement;
#[cfg(test)]
pub(in crate::ledger) mod testing;
mod url;

use std::{collections::HashMap, future::Future, thread, time::Duration};

use futures_executor::block_on;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio_postgres::{Client, IsolationLevel, Portal, Transaction, types::ToSql};

use self::{
    pool::{Connection, Loan, Pool},
    session::{Session, WriteId},
};
use super::{Conn, Examined, OwnedParam, Param, Places, Row, Value};
use crate::ledger::LedgerError;

pub(in crate::ledger) use self::pool::Notices;
pub use self::url::{PostgresUrl, PostgresUrlError};

/// Reads what the ledger at `url` says of itself, beside a running server or without one. Writes nothing. None if there is no
/// ledger.
///
/// # Errors
/// [`LedgerError`] if the database cannot be asked, is another program's or a newer one's, or its schema was altered.
pub fn examine_database(url: &PostgresUrl) -> Result<Option<Examined>, LedgerError> {
    let pool = Pool::new(url.clone());
    let migrations_missing = {
        let mut loan = pool.take()?;
        let client = &mut loan.connection().client;
        let Some(missing) = schema::missing(client, url)? else { return Ok(None) };
        schema::check(client, url)?;
        missing
    };
    let store = PostgresStore::over(pool);
    store.read(|conn| {
        let zone = "SELECT CAST(term AS JSON) ->> 'value' FROM terms WHERE name = 'time_zone'
                    ORDER BY from_ms DESC NULLS LAST, id DESC LIMIT 1";
        Ok(Some(Examined {
            migrations_missing,
            zone: conn.query_first(zone, &[], |row| row.get(0))?,
            latest: conn.query_one("SELECT max(entered_at_ms) FROM entries", &[], |row| row.get(0))?,
        }))
    })
}

/// The columns of table ?1 that are written: its key first, the others by name.
pub(super) const COLUMNS: &str = "
    SELECT column_name::text FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = ?1 AND is_generated = 'NEVER'
    ORDER BY ordinal_position <> 1, column_name";
/// Every table that counts its own ids.
pub(super) const COUNTED: &str = "
    SELECT table_name::text FROM information_schema.columns
    WHERE table_schema = current_schema() AND is_identity = 'YES' ORDER BY table_name";
/// Statements that a connection keeps prepared.
const STATEMENTS_KEPT: usize = 256;
/// Held by the server, for as long as it runs.
const SERVING: i64 = 0x5469_6e74_0003;
/// Held by the one node that leads.
const LEADING: i64 = 0x5469_6e74_0004;
/// Writers of this process that stand in the database's line at once: one that writes, and one that is next without a word of ours in
/// between. The others wait here, where waiting takes no connection and no process of the database's machine.
const WRITERS_AT_ONCE: usize = 2;
/// Rows of the queue that may have gone or come before its table is looked after.
const CHANGED_MAX: i64 = 1_000;
/// Clears away what a key or a tag that is forgotten has in its rows. PostgreSQL's own daemon waits until a fifth of a table has changed,
/// which a few forgotten rows of a large one never do.
const FORGET: &str =
    "VACUUM keys, key_events, labels, requests, request_prompts, files, batches, webhook_endpoints,
                      webhook_deliveries";
/// How often the outcome of a commit is asked for again, each time after twice as long: up to half a minute in all.
const OUTCOME_TRIES: u32 = 9;

/// The ledger's database.
pub(in crate::ledger) struct PostgresStore {
    pool: Pool,
    writers: Semaphore,
    /// The server's own connection, whose lock says that it runs.
    server: Mutex<Option<Client>>,
}

/// What can be asked inside a transaction.
pub(in crate::ledger) trait Queries {
    /// Runs a statement that gives no rows, and returns how many it changed.
    fn execute(&self, sql: &str, params: &[Param<'_>]) -> Result<usize, LedgerError>;
    /// Sends a statement that gives no rows, and waits for no answer; of one that must change one row, `otherwise` is the error if it
    /// does not.
    fn send(
        &self,
        sql: &str,
        params: &[Param<'_>],
        otherwise: Option<LedgerError>,
    ) -> Result<(), LedgerError>;
    /// Every row of the answer at once.
    fn query_all(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<tokio_postgres::Row>, LedgerError>;
    /// Begins an answer that is fetched in parts.
    fn open(&self, sql: &str, params: &[Param<'_>]) -> Result<Portal, LedgerError>;
    /// The next part of it; the last one has fewer rows than [`session::ROWS_AT_ONCE`].
    fn fetch(&self, portal: &Portal) -> Result<Vec<tokio_postgres::Row>, LedgerError>;
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    /// To read.
    View(IsolationLevel),
    /// To write while nobody else does.
    Alone,
}

/// What became of a transaction whose commit was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CommitOutcome {
    Committed,
    Aborted,
    Unknown,
}

impl PostgresStore {
    /// Connects to the ledger at `url`, making it and bringing its schema up to date as needed.
    pub(in crate::ledger) fn open(url: &PostgresUrl) -> Result<Self, LedgerError> {
        let pool = Pool::new(url.clone());
        {
            let mut loan = pool.take()?;
            let client = &mut loan.connection().client;
            schema::migrate(client, url)?;
            schema::check(client, url)?;
        }
        Ok(Self::over(pool))
    }

    fn over(pool: Pool) -> Self {
        Self { pool, writers: Semaphore::new(WRITERS_AT_ONCE), server: Mutex::default() }
    }

    /// Whether there is a ledger at `url`.
    pub(in crate::ledger) fn is_there(url: &PostgresUrl) -> Result<bool, LedgerError> {
        schema::is_there(&pool::connect(url)?)
    }

    /// Takes the ledger for one server, until this is dropped or the database ends the connection.
    pub(in crate::ledger) fn take_for_server(&self) -> Result<(), LedgerError> {
        self.hold(
            "SELECT pg_try_advisory_lock($1)",
            "another server uses this ledger; stop it, or give this one a database of its own",
        )
    }

    /// Takes the ledger for one of several nodes, beside other nodes.
    pub(in crate::ledger) fn share(&self) -> Result<(), LedgerError> {
        self.hold(
            "SELECT pg_try_advisory_lock_shared($1)",
            "a server without --role uses this ledger alone; stop it, or start it with --role",
        )
    }

    /// Whether this process leads, on the connection that says that it runs: once that is gone, another one leads.
    pub(in crate::ledger) fn lead(&self) -> Result<bool, LedgerError> {
        let mut server = self.server.lock();
        let Some(client) = server.as_ref() else { return Ok(false) };
        let answer = pool::timely(client.query_one("SELECT pg_try_advisory_lock($1)", &[&LEADING]));
        // A node that renews its lease looks at this connection, too.
        let Some(answer) = answer else {
            *server = None;
            return Ok(false);
        };
        Ok(answer?.get(0))
    }

    /// What others tell over the database, on a connection of its own.
    pub(in crate::ledger) fn notices(&self) -> Result<Notices, LedgerError> {
        pool::listen(self.pool.url())
    }

    /// Holds the server's lock by `sql`, if that is possible.
    fn hold(&self, sql: &str, finding: &str) -> Result<(), LedgerError> {
        let mut server = self.server.lock();
        if server.as_ref().is_some_and(|client| !client.is_closed()) {
            return Ok(());
        }
        let url = self.pool.url();
        let client = pool::connect(url)?;
        let answer = pool::timely(client.query_one(sql, &[&SERVING]));
        let is_free: bool = answer.ok_or_else(|| pool::unanswered(url))??.get(0);
        if !is_free {
            return Err(LedgerError::Database { url: url.to_string(), finding: finding.into() });
        }
        *server = Some(client);
        Ok(())
    }

    /// Reads the ledger as it is at one moment. Waits for nobody.
    pub(in crate::ledger) fn read<T, E: From<LedgerError>>(
        &self,
        work: impl FnOnce(&Conn<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.in_view(IsolationLevel::RepeatableRead, |session| work(&Conn::Postgres(session)))
    }

    /// Writes in one transaction, alone: all of `work` is done, or, if it fails, none.
    pub(in crate::ledger) fn write<T, E: From<LedgerError>>(
        &self,
        work: impl FnOnce(&Conn<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        // Never closed: it is an error only then.
        let turn = wait(self.writers.acquire()).ok();
        let ((done, id), ended) = self.in_transaction(Purpose::Alone, |session| -> Result<_, E> {
            session.lock_writing()?;
            let done = work(&Conn::Postgres(session))?;
            Ok((done, session.note_write()?))
        })?;
        drop(turn);
        match ended {
            Ok(()) => Ok(done),
            Err(error) if fault::is_of_connection(&error) => match self.outcome(&id) {
                CommitOutcome::Committed => Ok(done),
                CommitOutcome::Aborted => Err(LedgerError::from(error).into()),
                CommitOutcome::Unknown => {
                    let url = self.pool.url();
                    let id = id.transaction;
                    Err(fault::away(format!("{url}: whether transaction {id} was committed is not known"))
                        .into())
                }
            },
            Err(error) => Err(LedgerError::from(error).into()),
        }
    }

    /// Reads between two writes: no write is under way, and none is missing.
    pub(in crate::ledger) fn read_latest<T, E: From<LedgerError>>(
        &self,
        work: impl FnOnce(&Conn<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.in_view(IsolationLevel::ReadCommitted, |session| {
            session.lock_writing()?;
            work(&Conn::Postgres(session))
        })
    }

    /// A number that is another one after each write, whoever makes it.
    ///
    /// Every request of a client asks for it, so it takes one round trip.
    pub(in crate::ledger) fn version(&self) -> Result<i64, LedgerError> {
        let rows = self.ask("SELECT writes FROM ledger_writes", &[])?;
        let row = rows.first().ok_or(LedgerError::OutOfRange { what: "ledger_writes" })?;
        Ok(row.try_get(0)?)
    }

    /// Runs one statement, which alone is a transaction: one round trip.
    pub(in crate::ledger) fn ask(
        &self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<tokio_postgres::Row>, LedgerError> {
        self.ask_over(Pool::take, sql, params)
    }

    /// The same over a connection that no writer waits in.
    pub(in crate::ledger) fn ask_beside(
        &self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<tokio_postgres::Row>, LedgerError> {
        self.ask_over(Pool::take_beside, sql, params)
    }

    fn ask_over(
        &self,
        take: fn(&Pool) -> Result<Loan<'_>, LedgerError>,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<tokio_postgres::Row>, LedgerError> {
        let mut is_second = false;
        loop {
            let mut loan = take(&self.pool)?;
            let Connection { client, statements, .. } = loan.connection();
            let answer = match statements.prepare(&*client, sql, params) {
                Ok(statement) => pool::timely(client.query(&statement, &as_sql(params))),
                Err(error) => Some(Err(error)),
            };
            let Some(answer) = answer else { return Err(loan.give_up()) };
            match answer {
                Ok(rows) => return Ok(rows),
                Err(error) => {
                    statements.heed(&error);
                    self.retry_once(&error, &mut is_second).map_err(|()| LedgerError::from(error))?;
                }
            }
        }
    }

    /// Gives the room of rows that were rewritten back, so that what was in them is overwritten.
    pub(in crate::ledger) fn drop_old_rows(&self) -> Result<(), LedgerError> {
        let mut loan = self.pool.take()?;
        if let Err(error) = wait(loan.connection().client.batch_execute(FORGET)) {
            let error = LedgerError::from(error);
            tracing::warn!(%error, "rows that were forgotten could not be cleared yet; run VACUUM in the database");
        }
        Ok(())
    }

    /// Clears rows away that have left the queue, and counts those that are there, if there were many. PostgreSQL's own daemon comes once
    /// a minute; until then whoever counts what waits reads over what has gone, and a full queue is searched as if it were empty.
    pub(in crate::ledger) fn clear_queue(&self) -> Result<(), LedgerError> {
        let changed = "SELECT greatest(n_dead_tup, n_mod_since_analyze) FROM pg_stat_user_tables
                       WHERE relid = CAST('queue' AS regclass)";
        let changed: Option<i64> = self.ask_beside(changed, &[])?.first().map(|row| row.get(0));
        if changed.is_some_and(|changed| changed >= CHANGED_MAX) {
            let mut loan = self.pool.take_beside()?;
            let vacuum = "VACUUM (ANALYZE, TRUNCATE FALSE, SKIP_LOCKED) queue";
            wait(loan.connection().client.batch_execute(vacuum))?;
        }
        Ok(())
    }

    /// What `work` reads in a transaction that writes nothing.
    fn in_view<T, E: From<LedgerError>>(
        &self,
        isolation: IsolationLevel,
        work: impl FnOnce(&Session<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let (read, ended) = self.in_transaction(Purpose::View(isolation), work)?;
        ended.map_err(LedgerError::from)?;
        Ok(read)
    }

    /// What `work` gave, and how its commit ended.
    fn in_transaction<T, E: From<LedgerError>>(
        &self,
        purpose: Purpose,
        work: impl FnOnce(&Session<'_>) -> Result<T, E>,
    ) -> Result<(T, Result<(), tokio_postgres::Error>), E> {
        let mut is_second = false;
        loop {
            let mut loan = self.pool.take()?;
            let Connection { client, statements, timeline } = loan.connection();
            match begin(client, purpose) {
                Ok(transaction) => {
                    let done = Session::work(&transaction, statements, timeline, work);
                    if statements.take_stale() {
                        self.pool.forget_idle();
                    }
                    return Ok((done?, wait(transaction.commit())));
                }
                Err(error) => {
                    self.retry_once(&error, &mut is_second).map_err(|()| LedgerError::from(error))?;
                }
            }
        }
    }

    /// A connection that lay idle may be that of a server which has been started again since: then a new one may do better,
    /// once. Nothing has been asked over it yet.
    fn retry_once(&self, error: &tokio_postgres::Error, is_second: &mut bool) -> Result<(), ()> {
        if *is_second || !fault::is_of_connection(error) {
            return Err(());
        }
        *is_second = true;
        self.pool.forget_idle();
        Ok(())
    }

    /// Asks what became of the transaction `id`, over connections of its own, until the database answers. After a failover nobody can
    /// say: its number may be another transaction's by now.
    fn outcome(&self, id: &WriteId) -> CommitOutcome {
        for attempt in 0..OUTCOME_TRIES {
            thread::sleep(Duration::from_millis(50 << attempt));
            let asked = pool::connect(self.pool.url()).and_then(|client| {
                if pool::timeline(&client) != id.timeline {
                    return Ok(None);
                }
                let status = "SELECT pg_xact_status($1::text::xid8)";
                Ok(wait(client.query_one(status, &[&id.transaction]))?.get::<_, Option<String>>(0))
            });
            match asked.as_ref().map(Option::as_deref) {
                Ok(Some("committed")) => return CommitOutcome::Committed,
                Ok(Some("aborted")) => return CommitOutcome::Aborted,
                // It is still going on, or the database is away.
                Ok(Some(_)) | Err(_) => {}
                Ok(None) => return CommitOutcome::Unknown,
            }
        }
        CommitOutcome::Unknown
    }
}

/// Waits on this thread, which may be one that runs other tasks; the sockets are on a thread of their own.
fn wait<F: Future>(future: F) -> F::Output {
    block_on(future)
}

fn begin(client: &mut Client, purpose: Purpose) -> Result<Transaction<'_>, tokio_postgres::Error> {
    let (isolation, is_read_only) = match purpose {
        Purpose::View(isolation) => (isolation, true),
        Purpose::Alone => (IsolationLevel::ReadCommitted, false),
    };
    wait(client.build_transaction().isolation_level(isolation).read_only(is_read_only).start())
}

/// Hands `each` row over, as they come. `each` may ask over the same connection.
pub(super) fn for_each<E: From<LedgerError>>(
    queries: &dyn Queries,
    sql: &str,
    params: &[Param<'_>],
    mut each: impl FnMut(&Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let portal = queries.open(sql, params)?;
    let places = Places::default();
    loop {
        let rows = queries.fetch(&portal)?;
        for row in &rows {
            each(&Row::Postgres(row, &places))?;
        }
        if i32::try_from(rows.len()).is_ok_and(|count| count < session::ROWS_AT_ONCE) {
            return Ok(());
        }
    }
}

pub(super) fn query_first<T>(
    queries: &dyn Queries,
    sql: &str,
    params: &[Param<'_>],
    read: impl FnOnce(&Row<'_>) -> Result<T, LedgerError>,
) -> Result<Option<T>, LedgerError> {
    let rows = queries.query_all(sql, params)?;
    rows.first().map(|row| read(&Row::Postgres(row, &Places::default()))).transpose()
}

/// What `read` gives of each row.
pub(super) fn read_all<T>(
    rows: &[tokio_postgres::Row],
    mut read: impl FnMut(&Row<'_>) -> Result<T, LedgerError>,
) -> Result<Vec<T>, LedgerError> {
    let places = Places::default();
    rows.iter().map(|row| read(&Row::Postgres(row, &places))).collect()
}

fn as_sql<'a>(params: &'a [Param<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|param| param as &(dyn ToSql + Sync)).collect()
}

/// Where each column of `row` stands; of two with one name, the first.
pub(super) fn places(row: &tokio_postgres::Row) -> HashMap<String, usize> {
    let names = row.columns().iter().map(|column| column.name().to_owned());
    names.enumerate().collect::<Vec<_>>().into_iter().rev().map(|(place, name)| (name, place)).collect()
}

pub(super) fn value(row: &tokio_postgres::Row, place: usize) -> Result<Value<'_>, LedgerError> {
    Ok(row.try_get(place)?)
}
