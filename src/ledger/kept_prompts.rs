//! Prompts that are kept where the owner wants them, and images with a star. Neither is part of the books: both are deleted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    Ledger, LedgerError,
    store::{Conn, Row, params},
};
use crate::domain::{AskedFor, KeyId, RequestId};

/// What was kept of requests beside the books.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeptOfRequests {
    /// What each asked for, where that is kept.
    pub asked: BTreeMap<RequestId, AskedFor>,
    /// Images with a star: a request, and the image's place in its answer.
    pub favourites: BTreeSet<(RequestId, u32)>,
}

/// When what happened to a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestTimes {
    /// When a device began; none: never, or an earlier version did not note it.
    pub started_at: Option<Timestamp>,
    /// When its answer was first handed over.
    pub answered_at: Option<Timestamp>,
}

impl Ledger {
    /// Keeps what request `id` asked for. What is kept already stays.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn keep_prompt(&self, id: RequestId, asked: &AskedFor) -> Result<(), LedgerError> {
        let insert =
            "INSERT INTO request_prompts (request_id, folded, asked, kept_at_ms) VALUES (?1, ?2, ?3, ?4)
                      ON CONFLICT (request_id) DO NOTHING";
        let (folded, asked) = (asked.prompt.to_lowercase(), serde_json::to_string(asked)?);
        self.store.write(|conn| {
            conn.execute(insert, params![id.to_text(), folded, asked, id.created_at()])?;
            Ok(())
        })
    }

    /// What is kept of the requests `ids`.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a row holds what none should.
    pub fn kept_of(&self, ids: &[RequestId]) -> Result<KeptOfRequests, LedgerError> {
        self.store.read(|conn| {
            let mut kept = KeptOfRequests::default();
            let prompts = "SELECT request_id, asked FROM request_prompts WHERE request_id IN ({ids})";
            conn.for_each_of(prompts, ids, |row| -> Result<(), LedgerError> {
                let asked = serde_json::from_str(&row.get::<String>("asked")?)?;
                kept.asked.insert(request(row)?, asked);
                Ok(())
            })?;
            let stars = "SELECT request_id, image_index FROM favourites WHERE request_id IN ({ids})";
            conn.for_each_of(stars, ids, |row| -> Result<(), LedgerError> {
                kept.favourites.insert(star(row)?);
                Ok(())
            })?;
            Ok(kept)
        })
    }

    /// Gives image `index` of request `id` a star, or takes it away.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses, or there is no such request.
    pub fn set_favourite(
        &self,
        (id, index): (RequestId, u32),
        is_favourite: bool,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let insert = "INSERT INTO favourites (request_id, image_index, starred_at_ms) VALUES (?1, ?2, ?3)
                      ON CONFLICT (request_id, image_index) DO NOTHING";
        let delete = "DELETE FROM favourites WHERE request_id = ?1 AND image_index = ?2";
        self.store.write(|conn| {
            if is_favourite {
                conn.execute(insert, params![id.to_text(), index, now])?;
            } else {
                conn.execute(delete, params![id.to_text(), index])?;
            }
            Ok(())
        })
    }

    /// Every image with a star.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a row holds what none should.
    pub fn favourites(&self) -> Result<BTreeSet<(RequestId, u32)>, LedgerError> {
        let sql = "SELECT request_id, image_index FROM favourites";
        self.store.read(|conn| Ok(conn.query(sql, params![], star)?.into_iter().collect()))
    }

    /// The public id of the key that made request `id`; none if there is no such request.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn owner_of(&self, id: RequestId) -> Result<Option<String>, LedgerError> {
        let sql = "SELECT public_id FROM requests JOIN keys ON keys.id = key_id WHERE requests.id = ?1";
        self.store.read(|conn| conn.query_first(sql, params![id.to_text()], |row| row.get(0)))
    }

    /// When what happened to request `id`, as far as that is known.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn request_times(&self, id: RequestId) -> Result<RequestTimes, LedgerError> {
        let sql = "SELECT started_at_ms, (SELECT min(delivered_at_ms) FROM deliveries WHERE request_id = ?1)
                   FROM requests WHERE id = ?1";
        let found = self.store.read(|conn| {
            conn.query_first(sql, params![id.to_text()], |row| {
                Ok::<_, LedgerError>(RequestTimes { started_at: row.get(0)?, answered_at: row.get(1)? })
            })
        })?;
        Ok(found.unwrap_or_default())
    }

    /// Deletes the prompts that were kept before `prompts_before`, or all if it is none, and the stars of images that were made
    /// before `horizon`. With `spares_favourites`, stars stay, and prompts of requests that have one.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn sweep_kept(
        &self,
        prompts_before: Option<Timestamp>,
        horizon: Timestamp,
        spares_favourites: bool,
    ) -> Result<(), LedgerError> {
        let prompts = "DELETE FROM request_prompts WHERE kept_at_ms < ?1 AND (CAST(?2 AS BIGINT) = 0 OR NOT EXISTS
                           (SELECT 1 FROM favourites WHERE favourites.request_id = request_prompts.request_id))";
        let stars =
            "DELETE FROM favourites WHERE request_id IN (SELECT id FROM requests WHERE created_at_ms < ?1)";
        self.store.write(|conn| {
            match prompts_before {
                Some(before) => conn.execute(prompts, params![before, spares_favourites])?,
                None => conn.execute("DELETE FROM request_prompts", params![])?,
            };
            if !spares_favourites {
                conn.execute(stars, params![horizon])?;
            }
            Ok(())
        })
    }

    /// Deletes what was kept of request `id`: its prompt and its stars.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if the database refuses.
    pub fn drop_kept(&self, id: RequestId) -> Result<(), LedgerError> {
        self.store.write(|conn| {
            for table in ["request_prompts", "favourites"] {
                let delete = format!("DELETE FROM {table} WHERE request_id = ?1");
                conn.execute(&delete, params![id.to_text()])?;
            }
            Ok(())
        })
    }
}

/// Deletes what was kept of the requests of a key.
pub(super) fn forget_key(conn: &Conn<'_>, key: KeyId) -> Result<(), LedgerError> {
    forget(conn, "key_id", key.get())
}

/// Deletes what was kept of the requests that are filed under a label.
pub(super) fn forget_tag(conn: &Conn<'_>, label: i64) -> Result<(), LedgerError> {
    forget(conn, "tag_id", label)
}

fn forget(conn: &Conn<'_>, column: &str, of: i64) -> Result<(), LedgerError> {
    for table in ["request_prompts", "favourites"] {
        let delete =
            format!("DELETE FROM {table} WHERE request_id IN (SELECT id FROM requests WHERE {column} = ?1)");
        conn.execute(&delete, params![of])?;
    }
    Ok(())
}

/// What a search for `text` compares folded prompts with: its words, in their order.
pub(super) fn pattern(text: &str) -> String {
    let words = text.split_whitespace().map(|word| {
        let mut escaped = String::with_capacity(word.len());
        for c in word.to_lowercase().chars() {
            // The statement's escape, and what LIKE would take for any text.
            if matches!(c, '!' | '%' | '_') {
                escaped.push('!');
            }
            escaped.push(c);
        }
        escaped
    });
    format!("%{}%", words.collect::<Vec<_>>().join("%"))
}

fn request(row: &Row<'_>) -> Result<RequestId, LedgerError> {
    let id = RequestId::from_digits(&row.get::<String>("request_id")?);
    id.ok_or(LedgerError::OutOfRange { what: "request_id" })
}

fn star(row: &Row<'_>) -> Result<(RequestId, u32), LedgerError> {
    Ok((request(row)?, row.get("image_index")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_the_words_in_their_order_and_no_signs_of_its_own() {
        assert_eq!(pattern(" Red  Apple "), "%red%apple%");
        assert_eq!(pattern("100% a_b!"), "%100!%%a!_b!!%");
        assert_eq!(pattern("苹果"), "%苹果%");
    }
}
