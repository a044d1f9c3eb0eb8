//! What the ledger says after the stop.

use std::{collections::BTreeMap, path::Path};

use rusqlite::{Connection, Row};
use tintype::app::LEDGER_FILE;

use crate::{keys::LEAVERS, tally::Tally};

pub struct Books {
    integrity: String,
    /// Requests in each state.
    states: BTreeMap<String, u32>,
    /// Images settled.
    images: u64,
    /// Of them, those whose answer was not handed over.
    undelivered: u64,
    /// Settled requests that were handed over, by their ids.
    delivered: BTreeMap<String, Delivered>,
    /// Requests whose images are not as many as were asked for, or that are not settled and have some.
    uneven: u64,
}

#[derive(Debug)]
struct Delivered {
    images: u64,
    /// The name of the key that asked.
    key: String,
}

impl Books {
    pub fn read(data: &Path) -> Self {
        let ledger = Connection::open(data.join(LEDGER_FILE)).expect("the ledger");
        let one = |sql: &str| u64::from(ledger.query_row(sql, [], |row| row.get::<_, u32>(0)).expect(sql));
        Self {
            integrity: ledger.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checked"),
            states: table(&ledger, "SELECT state, count(*) FROM requests GROUP BY state", |row| row.get(1)),
            images: one("SELECT coalesce(sum(images), 0) FROM entries"),
            undelivered: one("SELECT coalesce(sum(entries.images), 0) FROM entries
                 JOIN requests ON requests.id = request_id WHERE delivered = 0"),
            delivered: table(
                &ledger,
                "SELECT request_id, sum(entries.images), name FROM entries
                 JOIN requests ON requests.id = request_id JOIN keys ON keys.id = key_id
                 WHERE delivered = 1 GROUP BY request_id",
                |row| Ok(Delivered { images: row.get::<_, u32>(1)?.into(), key: row.get(2)? }),
            ),
            uneven: one("SELECT count(*) FROM requests
                 LEFT JOIN (SELECT request_id, sum(images) AS made FROM entries GROUP BY request_id)
                     ON request_id = id
                 WHERE coalesce(made, 0) <> CASE state WHEN 'settled' THEN images ELSE 0 END"),
        }
    }

    /// Images that were handed to a connection whose client had hung up.
    fn to_leavers(&self, tally: &Tally) -> u64 {
        let of_leavers = self.delivered.iter().filter(|(_, request)| request.key == LEAVERS);
        let not_got = of_leavers.filter(|(id, _)| !tally.images_by_request.contains_key(*id));
        not_got.map(|(_, request)| request.images).sum()
    }

    pub fn table(&self, tally: &Tally) -> String {
        let mut table = String::from("| ledger | count |\n| --- | ---: |\n");
        for (state, count) in &self.states {
            table += &format!("| requests {state} | {count} |\n");
        }
        table += &format!("| images settled | {} |\n", self.images);
        table += &format!("| - undelivered | {} |\n", self.undelivered);
        table += &format!("| - to clients that had hung up | {} |\n", self.to_leavers(tally));
        table
    }

    /// Every request has ended, and what is settled is what the clients got, request by request.
    pub fn check(&self, tally: &Tally) {
        assert_eq!(self.integrity, "ok");
        for state in self.states.keys() {
            assert!(
                ["settled", "failed"].contains(&state.as_str()),
                "requests are {state}: {:?}",
                self.states
            );
        }
        assert_eq!(self.uneven, 0, "all images of a request or none");
        let booked = |id: &String| self.delivered.get(id).map(|request| request.images);
        let unbooked: Vec<_> =
            tally.images_by_request.iter().filter(|(id, images)| booked(id) != Some(**images)).collect();
        assert!(unbooked.is_empty(), "got, and not booked as delivered: {unbooked:?}");
        let stayed = self.delivered.iter().filter(|(_, request)| request.key != LEAVERS);
        let lost: Vec<_> = stayed.filter(|(id, _)| !tally.images_by_request.contains_key(*id)).collect();
        assert!(lost.is_empty(), "booked as delivered, and not got: {lost:?}");
        assert_eq!(self.images, tally.images() + self.undelivered + self.to_leavers(tally));
    }
}

/// The rows of a query, by their first column.
fn table<V>(
    ledger: &Connection,
    sql: &str,
    value: impl Fn(&Row<'_>) -> rusqlite::Result<V>,
) -> BTreeMap<String, V> {
    let mut statement = ledger.prepare(sql).expect(sql);
    let rows = statement.query_map([], |row| Ok((row.get(0)?, value(row)?))).expect(sql);
    rows.collect::<Result<_, _>>().expect(sql)
}
