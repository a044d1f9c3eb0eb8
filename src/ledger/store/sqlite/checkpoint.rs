//! Brings the write-ahead log into the database while no booking waits for it.
//!
//! SQLite does so by itself in the commit with which the log reaches 1,000 pages: that booking then writes hundreds of
//! pages and flushes twice more, and its client waits. A connection of its own does the same beside the one that writes
//! (`PASSIVE`: it waits for nobody, and nobody waits for it), and the log begins again at its first page. SQLite's own
//! limit stays for whoever writes without ever calling it.

use std::{
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};

/// Commits after which it is worth it: a dozen requests, and about half of what SQLite waits for.
const COMMITS: u32 = 48;

#[derive(Default)]
pub(super) struct Checkpointer {
    /// Since the log was brought in.
    commits: AtomicU32,
    /// Opened when it is first needed. Whoever finds it in use has nothing to do.
    connection: Mutex<Option<Connection>>,
}

impl Checkpointer {
    pub(super) fn note_commit(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn is_due(&self) -> bool {
        self.commits.load(Ordering::Relaxed) >= COMMITS
    }

    /// Brings the log of `file` in, if that is due and nobody is at it.
    pub(super) fn run(&self, file: &Path) {
        let Some(mut connection) = self.connection.try_lock() else { return };
        if !self.is_due() {
            return;
        }
        self.commits.store(0, Ordering::Relaxed);
        let brought_in = open(&mut connection, file)
            .and_then(|connection| connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())));
        if let Err(error) = brought_in {
            // A disk may be full. The log goes on from where it is.
            tracing::warn!(%error, "the ledger's log could not be brought into the database");
        }
    }
}

fn open<'a>(kept: &'a mut Option<Connection>, file: &Path) -> rusqlite::Result<&'a Connection> {
    let connection = match kept.take() {
        Some(connection) => connection,
        None => {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(file, flags)?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection
        }
    };
    Ok(kept.insert(connection))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages in the log, and how many of them are in the database.
    fn log(file: &Path) -> (i64, i64) {
        let connection = Connection::open(file).expect("the database");
        let sql = "PRAGMA wal_checkpoint(NOOP)";
        connection.query_row(sql, [], |row| Ok((row.get(1)?, row.get(2)?))).expect("counted")
    }

    #[test]
    fn the_log_is_brought_in_once_it_is_due() {
        let place = tempfile::TempDir::new().expect("a directory");
        let file = place.path().join("a.sqlite3");
        let writer = Connection::open(&file).expect("a database");
        writer.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).expect("a log");
        writer.execute_batch("CREATE TABLE t (x)").expect("a table");
        let checkpointer = Checkpointer::default();
        for _ in 0..COMMITS {
            checkpointer.run(&file);
            assert!(log(&file).1 == 0, "it is not due");
            writer.execute("INSERT INTO t VALUES (1)", []).expect("written");
            checkpointer.note_commit();
        }
        checkpointer.run(&file);
        let (pages, brought_in) = log(&file);
        assert!(pages > 0 && pages == brought_in, "{brought_in} of {pages}");
        assert!(!checkpointer.is_due());
    }
}
