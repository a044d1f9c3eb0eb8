use std::{collections::HashMap, error::Error, mem};

use bytes::BytesMut;
use tokio_postgres::{
    GenericClient, Statement,
    types::{FromSql, IsNull, ToSql, Type, to_sql_checked},
};

use super::{
    super::{Param, Value},
    fault, wait,
};

/// Statements that a connection keeps prepared, by their text and the kinds of their parameters.
#[derive(Default)]
pub(super) struct Statements {
    kept: HashMap<(String, Vec<ParamKind>), Statement>,
    are_stale: bool,
}

/// What a parameter is. A NULL has no kind of its own: the database finds out what belongs there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum ParamKind {
    Null,
    Integer,
    Text,
    Blob,
}

impl ParamKind {
    const fn of(param: &Param<'_>) -> Self {
        match param {
            Param::Null => Self::Null,
            Param::Integer(_) => Self::Integer,
            Param::Text(_) => Self::Text,
            Param::Blob(_) => Self::Blob,
        }
    }

    fn sql_type(self) -> Type {
        match self {
            Self::Null => Type::UNKNOWN,
            Self::Integer => Type::INT8,
            Self::Text => Type::TEXT,
            Self::Blob => Type::BYTEA,
        }
    }
}

impl Statements {
    /// `sql` with `?1`, `?2`, … prepared for `params`.
    pub(super) fn prepare(
        &mut self,
        client: &impl GenericClient,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Statement, tokio_postgres::Error> {
        let key = (sql.to_owned(), params.iter().map(ParamKind::of).collect::<Vec<_>>());
        if let Some(statement) = self.kept.get(&key) {
            return Ok(statement.clone());
        }
        // Texts that are put together with a month or a column are few; this is a bound all the same.
        if self.kept.len() >= super::STATEMENTS_KEPT {
            self.kept.clear();
        }
        let types: Vec<Type> = key.1.iter().map(|kind| kind.sql_type()).collect();
        let statement = wait(client.prepare_typed(&numbered(sql), &types))?;
        self.kept.insert(key, statement.clone());
        Ok(statement)
    }

    /// Forgets everything if `error` says that a table has other columns than when a statement was prepared: the newest node of a
    /// rolling upgrade brings the schema up to date while older ones serve.
    pub(super) fn heed(&mut self, error: &tokio_postgres::Error) {
        if fault::is_of_plan(error) {
            self.kept.clear();
            self.are_stale = true;
        }
    }

    /// Whether they were forgotten since this was asked last.
    pub(super) fn take_stale(&mut self) -> bool {
        mem::take(&mut self.are_stale)
    }
}

/// `sql` with PostgreSQL's `$1` for `?1`. A question mark in a text stays.
fn numbered(sql: &str) -> String {
    let mut is_text = false;
    sql.chars()
        .map(|c| {
            is_text ^= c == '\'';
            if c == '?' && !is_text { '$' } else { c }
        })
        .collect()
}

impl ToSql for Param<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) => number.to_sql(kind, out),
            // The one character that a text there cannot have.
            Self::Text(text) if text.contains('\0') => text.replace('\0', "\u{fffd}").to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Blob(bytes) => bytes.to_sql(kind, out),
        }
    }

    // Statements are prepared for the kinds of their parameters.
    fn accepts(_kind: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Numbers of any width, and truth as SQLite has it: 0 and 1.
impl<'a> FromSql<'a> for Value<'a> {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *kind {
            Type::INT8 => Self::Integer(i64::from_sql(kind, raw)?),
            Type::INT4 => Self::Integer(i32::from_sql(kind, raw)?.into()),
            Type::INT2 => Self::Integer(i16::from_sql(kind, raw)?.into()),
            Type::BOOL => Self::Integer(bool::from_sql(kind, raw)?.into()),
            Type::FLOAT8 => Self::Real(f64::from_sql(kind, raw)?),
            Type::BYTEA => Self::Blob(raw),
            _ => Self::Text(raw),
        })
    }

    fn from_sql_null(_kind: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    // A NUMERIC is a sum that was not cast: it is not read as something else.
    fn accepts(kind: &Type) -> bool {
        *kind != Type::NUMERIC
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_and_texts_stay() {
        assert_eq!(numbered("SELECT ?1, 'why?' WHERE a = ?12"), "SELECT $1, 'why?' WHERE a = $12");
        assert_eq!(numbered("SELECT 'it''s ?1', ?2"), "SELECT 'it''s ?1', $2");
    }
}
