//! A whole ledger from one database into another: every row of every table, as it is.

use super::{Conn, LedgerError, Param, Store, Value, params, postgres, sqlite};

/// Every table of a ledger. What a row refers to stands in an earlier table, or earlier in its own.
pub(in crate::ledger) const TABLES: &[&str] = &[
    "settings",
    "change_counters",
    "labels",
    "keys",
    "key_events",
    "key_budgets",
    "sessions",
    "sign_in_links",
    "operator_password",
    "assets",
    "asset_retirements",
    "cost_lines",
    "cost_line_ends",
    "terms",
    "cost_centres",
    "cost_centre_members",
    "meter_epochs",
    "rate_cards",
    "computations",
    "requests",
    "objects",
    "request_failures",
    "request_prompts",
    "favourites",
    "entries",
    "purchases",
    "bought_images",
    "purchase_resolutions",
    "overheads",
    "deliveries",
    "month_closings",
    "month_closing_rows",
    "month_reseals",
    "month_reseal_rows",
    "month_statements",
    "month_seal_rows",
    "adjustments",
    "reconciliations",
    "files",
    "batches",
    "batch_lines",
    "webhook_endpoints",
    "webhook_events",
    "webhook_deliveries",
];
/// Rows that are written at once.
const ROWS_AT_ONCE: usize = 200;

/// A value that outlives its row, until it is written.
enum OwnedValue {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl OwnedValue {
    /// None: no column of a ledger holds such a value.
    fn of(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(Self::Null),
            Value::Integer(number) => Some(Self::Integer(number)),
            Value::Text(_) => value.as_str().map(|text| Self::Text(text.to_owned())),
            Value::Blob(bytes) => Some(Self::Blob(bytes.to_owned())),
            Value::Real(_) => None,
        }
    }

    fn as_param(&self) -> Param<'_> {
        match self {
            Self::Null => Param::Null,
            Self::Integer(number) => Param::Integer(*number),
            Self::Text(text) => Param::Text(text),
            Self::Blob(bytes) => Param::Blob(bytes),
        }
    }
}

impl Store {
    /// Copies every row into the empty ledger `target`, in one transaction there, and returns how many.
    ///
    /// # Errors
    /// [`LedgerError`]; then nothing was written. [`LedgerError::NotEmpty`] if somebody has used `target`.
    pub(in crate::ledger) fn copy_into(&self, target: &Self) -> Result<u64, LedgerError> {
        self.read(|from| {
            target.fill(|to| {
                for table in ["keys", "requests", "assets", "cost_lines"] {
                    let is_used =
                        to.query_first(&format!("SELECT 1 FROM {table} LIMIT 1"), &[], |_| Ok(()))?;
                    if is_used.is_some() {
                        return Err(LedgerError::NotEmpty);
                    }
                }
                let mut rows = 0;
                for table in TABLES {
                    // What the migrations put there.
                    to.execute(&format!("DELETE FROM {table}"), &[])?;
                    rows += copy_table(from, to, table)?;
                }
                to.go_on_counting()?;
                Ok(rows)
            })
        })
    }

    /// Writes rows as another ledger has them: triggers, which judge a row by those that are there, are off meanwhile.
    fn fill<T>(&self, work: impl FnOnce(&Conn<'_>) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        self.write(|conn| {
            let triggers = conn.switch_triggers_off()?;
            let done = work(conn)?;
            conn.switch_triggers_on(&triggers)?;
            Ok(done)
        })
    }

    /// How many rows each table has.
    pub(in crate::ledger) fn count_rows(&self) -> Result<Vec<(&'static str, i64)>, LedgerError> {
        self.read(|conn| {
            let count = |table: &&'static str| {
                let sql = format!("SELECT count(*) FROM {table}");
                Ok((*table, conn.query_one(&sql, &[], |row| row.get(0))?))
            };
            TABLES.iter().map(count).collect()
        })
    }
}

fn copy_table(from: &Conn<'_>, to: &Conn<'_>, table: &'static str) -> Result<u64, LedgerError> {
    let columns = from.columns(table)?;
    let names = columns.join(", ");
    let (mut kept, mut rows) = (Vec::new(), 0);
    from.for_each(
        &format!("SELECT {names} FROM {table} ORDER BY 1"),
        &[],
        |row| -> Result<(), LedgerError> {
            for place in 0..columns.len() {
                let value = OwnedValue::of(row.value(place)?);
                kept.push(value.ok_or(LedgerError::OutOfRange { what: table })?);
            }
            rows += 1;
            if kept.len() == columns.len() * ROWS_AT_ONCE {
                insert(to, table, &columns, &kept)?;
                kept.clear();
            }
            Ok(())
        },
    )?;
    if !kept.is_empty() {
        insert(to, table, &columns, &kept)?;
    }
    Ok(rows)
}

fn insert<'a>(
    to: &Conn<'_>,
    table: &str,
    columns: &[String],
    values: &'a [OwnedValue],
) -> Result<(), LedgerError> {
    // A list of VALUES has one type a column, which the first row decides: a parameter that is NULL would have none.
    let width = columns.len();
    let mut params = Vec::new();
    let mut place = |value: &'a OwnedValue| match value {
        OwnedValue::Null => "NULL".to_owned(),
        value => {
            params.push(value.as_param());
            format!("?{}", params.len())
        }
    };
    let rows: Vec<String> = values
        .chunks(width)
        .map(|row| format!("({})", row.iter().map(&mut place).collect::<Vec<_>>().join(", ")))
        .collect();
    let sql = format!("INSERT INTO {table} ({}) VALUES {}", columns.join(", "), rows.join(", "));
    to.execute(&sql, &params)?;
    Ok(())
}

impl Conn<'_> {
    /// The columns of `table` that are written, sorted by name, its key first.
    fn columns(&self, table: &str) -> Result<Vec<String>, LedgerError> {
        let sql = match self {
            Self::Sqlite(_) => sqlite::COLUMNS,
            Self::Postgres(_) => postgres::COLUMNS,
        };
        self.query(sql, params![table], |row| row.get(0))
    }

    /// Returns what switches them on again.
    fn switch_triggers_off(&self) -> Result<Vec<String>, LedgerError> {
        match self {
            Self::Sqlite(_) => {
                let triggers = self
                    .query(sqlite::TRIGGERS, &[], |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)))?;
                for (name, _) in &triggers {
                    self.execute(&format!("DROP TRIGGER {name}"), &[])?;
                }
                Ok(triggers.into_iter().map(|(_, sql)| sql).collect())
            }
            Self::Postgres(_) => {
                for table in TABLES {
                    self.execute(&format!("ALTER TABLE {table} DISABLE TRIGGER USER"), &[])?;
                }
                let on = |table: &&str| format!("ALTER TABLE {table} ENABLE TRIGGER USER");
                Ok(TABLES.iter().map(on).collect())
            }
        }
    }

    fn switch_triggers_on(&self, triggers: &[String]) -> Result<(), LedgerError> {
        triggers.iter().try_for_each(|sql| self.execute(sql, &[]).map(|_| ()))
    }

    /// Lets ids go on after those that were copied. SQLite does so by itself.
    fn go_on_counting(&self) -> Result<(), LedgerError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(_) => {
                for table in self.query(postgres::COUNTED, &[], |row| row.get::<String>(0))? {
                    let sql = format!(
                        "SELECT setval(pg_get_serial_sequence('{table}', 'id'), coalesce(max(id), 0) + 1, FALSE) FROM {table}"
                    );
                    self.query_one(&sql, &[], |_| Ok(()))?;
                }
                Ok(())
            }
        }
    }
}
