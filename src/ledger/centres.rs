//! Cost centres: who bears costs. A key, or what is filed under a tag, belongs to one from a day on. A tag says it for its
//! requests, whatever their key belongs to.

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use super::{
    Evidence, Ledger, LedgerError, closed_days,
    store::{Conn, Row, params},
};

/// A cost centre, and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CentreRow {
    /// Its number.
    pub id: i64,
    /// What it is called.
    pub name: String,
    /// What ever belonged to it, oldest record first.
    pub members: Vec<MemberRow>,
}

/// That something belongs to a cost centre from a day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberRow {
    /// The centre's number; null: to none any more.
    pub centre: Option<i64>,
    /// What belongs to it.
    #[serde(flatten)]
    pub member: Member,
    /// The first day on which it does.
    pub from: Date,
    /// Who recorded it.
    pub by: String,
    /// By which document.
    pub document: Option<String>,
}

/// What can belong to a cost centre.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Member {
    /// A key, by its public id.
    Key(String),
    /// What is filed under a tag.
    Tag(String),
}

/// Why a member was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum AssignError {
    /// There is no such centre.
    #[error("no cost centre `{0}`; tintype centre list shows them, tintype centre add makes one")]
    Centre(String),
    /// There is no such key.
    #[error("no key `{0}`; tintype key list shows the public ids")]
    Key(String),
    /// The day is closed.
    #[error("--from is in a closed month, whose statements stay as they are; write {0} or a later day")]
    Closed(Date),
    /// The database failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Ledger {
    /// Makes a cost centre. False if there is one of that name.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses.
    pub fn add_centre(
        &self,
        name: &str,
        evidence: &Evidence<'_>,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.store.write(|conn| {
            if centre_named(conn, name)?.is_some() {
                return Ok(false);
            }
            let now = closed_days::after_closings(conn, now)?;
            let sql =
                "INSERT INTO cost_centres (name, document, actor, recorded_at_ms) VALUES (?1, ?2, ?3, ?4)";
            conn.execute(sql, params![name, evidence.document, evidence.actor, now])?;
            Ok(true)
        })
    }

    /// Records that `member` belongs to the centre of that name from `from` on; none: to none.
    ///
    /// # Errors
    /// [`AssignError`]; nothing was written.
    pub fn assign(
        &self,
        member: &Member,
        centre: Option<&str>,
        from: Date,
        evidence: &Evidence<'_>,
        now: Timestamp,
    ) -> Result<(), AssignError> {
        self.store.write(|conn| {
            if let Some(open) = closed_days::first_open_day(conn)?.filter(|open| from < *open) {
                return Err(AssignError::Closed(open));
            }
            let centre = match centre {
                None => None,
                Some(name) => {
                    Some(centre_named(conn, name)?.ok_or_else(|| AssignError::Centre(name.to_owned()))?)
                }
            };
            let (key, label) = match member {
                Member::Key(public_id) => {
                    let sql = "SELECT id FROM keys WHERE public_id = ?1";
                    let key = conn.query_first(sql, params![public_id], |row| row.get::<i64>(0))?;
                    (Some(key.ok_or_else(|| AssignError::Key(public_id.clone()))?), None)
                }
                Member::Tag(tag) => (None, Some(label(conn, tag)?)),
            };
            let now = closed_days::after_closings(conn, now)?;
            let sql = "INSERT INTO cost_centre_members (centre_id, key_id, label_id, first_day, document, actor, recorded_at_ms)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let Evidence { actor, document, .. } = evidence;
            conn.execute(sql, params![centre, key, label, from.to_string(), document, actor, now])?;
            Ok(())
        })
    }

    /// All cost centres, by name.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a row holds what none should.
    pub fn centres(&self) -> Result<Vec<CentreRow>, LedgerError> {
        self.store.read(|conn| {
            let members = members(conn)?;
            let sql = "SELECT id, name FROM cost_centres ORDER BY name";
            conn.query(sql, params![], |row| {
                let id = row.get(0)?;
                let of_it = members.iter().filter(|member| member.centre == Some(id));
                Ok(CentreRow { id, name: row.get(1)?, members: of_it.cloned().collect() })
            })
        })
    }
}

/// Who belongs where.
pub(super) struct Memberships {
    by_member: HashMap<Member, Vec<(Date, Option<i64>)>>,
    /// The centres' names, by their numbers.
    pub(super) names: Vec<(i64, String)>,
}

impl Memberships {
    pub(super) fn read(conn: &Conn<'_>) -> Result<Self, LedgerError> {
        let mut by_member: HashMap<Member, Vec<_>> = HashMap::new();
        for row in members(conn)? {
            by_member.entry(row.member).or_default().push((row.from, row.centre));
        }
        // A stable sort: of two from one day, the later record counts.
        by_member.values_mut().for_each(|rows| rows.sort_by_key(|(from, _)| *from));
        let sql = "SELECT id, name FROM cost_centres ORDER BY id";
        let names = conn.query(sql, params![], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Self { by_member, names })
    }

    /// The centre that bears what was booked on `day` for a key and a tag; none if neither belongs to one.
    pub(super) fn centre_of(&self, key: Option<&str>, tag: Option<&str>, day: Date) -> Option<i64> {
        let of = |member: Option<Member>| {
            let rows = self.by_member.get(&member?)?;
            rows.iter().rfind(|(from, _)| *from <= day)?.1
        };
        of(tag.map(|tag| Member::Tag(tag.to_owned())))
            .or_else(|| of(key.map(|key| Member::Key(key.to_owned()))))
    }
}

fn centre_named(conn: &Conn<'_>, name: &str) -> Result<Option<i64>, LedgerError> {
    conn.query_first("SELECT id FROM cost_centres WHERE name = ?1", params![name], |row| row.get(0))
}

/// The number of a tag's label, which is made if no request has had it yet.
fn label(conn: &Conn<'_>, tag: &str) -> Result<i64, LedgerError> {
    conn.execute("INSERT INTO labels (text) VALUES (?1) ON CONFLICT (text) DO NOTHING", params![tag])?;
    conn.query_one("SELECT id FROM labels WHERE text = ?1", params![tag], |row| row.get(0))
}

fn members(conn: &Conn<'_>) -> Result<Vec<MemberRow>, LedgerError> {
    let sql = "SELECT centre_id, public_id, labels.text AS tag, first_day, document, actor
               FROM cost_centre_members
               LEFT JOIN keys ON keys.id = key_id LEFT JOIN labels ON labels.id = label_id
               ORDER BY cost_centre_members.id";
    conn.query(sql, params![], member_row)
}

fn member_row(row: &Row<'_>) -> Result<MemberRow, LedgerError> {
    let out_of_range = |what| LedgerError::OutOfRange { what };
    let member = match (row.get("public_id")?, row.get("tag")?) {
        (Some(public_id), _) => Member::Key(public_id),
        (None, Some(tag)) => Member::Tag(tag),
        (None, None) => return Err(out_of_range("a member of a cost centre")),
    };
    let from = row.get::<String>("first_day")?.parse();
    Ok(MemberRow {
        centre: row.get("centre_id")?,
        member,
        from: from.map_err(|_| out_of_range("a day of a cost centre"))?,
        by: row.get("actor")?,
        document: row.get("document")?,
    })
}
