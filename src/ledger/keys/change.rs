use std::{fmt, num::NonZeroU32};

use jiff::Timestamp;

use crate::{
    costs::Budgets,
    domain::{KeyId, Scopes},
    ledger::{
        LedgerError,
        budgets::write_budgets,
        store::{Conn, ToParam},
    },
};

/// One thing about a key that can be set. None takes a limit away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyChange {
    /// What its owner calls it.
    Name(String),
    /// What it may do.
    Scopes(Scopes),
    /// What it may use up in a day or a month, in the place of all that it had.
    Budgets(Budgets),
    /// From when on it opens nothing.
    Expiry(Option<Timestamp>),
    /// Ids of the models that it may use, at least one.
    Models(Option<Vec<String>>),
    /// Names of the LoRAs that it may use, at least one.
    Loras(Option<Vec<String>>),
    /// Requests a minute.
    RequestsPerMinute(Option<NonZeroU32>),
    /// Images a minute.
    ImagesPerMinute(Option<NonZeroU32>),
    /// Jobs at one time.
    ConcurrentJobs(Option<NonZeroU32>),
    /// Whether its prompts may leave the house, for images that are bought.
    MayOverflow(bool),
}

/// `budgets 12.50 a month`, as in the log; what is taken away is `none`.
impl fmt::Display for KeyChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn or_none(value: &Option<impl ToString>) -> String {
            value.as_ref().map_or_else(|| "none".into(), ToString::to_string)
        }
        match self {
            Self::Name(name) => write!(f, "name {name}"),
            Self::Scopes(scopes) => write!(f, "scopes {scopes}"),
            Self::Budgets(budgets) => write!(f, "budgets {budgets}"),
            Self::Expiry(at) => write!(f, "expires {}", or_none(&at.map(|at| format!("{at:.0}")))),
            Self::Models(names) => {
                write!(f, "models {}", or_none(&names.as_ref().map(|names| names.join(","))))
            }
            Self::Loras(names) => {
                write!(f, "loras {}", or_none(&names.as_ref().map(|names| names.join(","))))
            }
            Self::RequestsPerMinute(limit) => write!(f, "requests a minute {}", or_none(limit)),
            Self::ImagesPerMinute(limit) => write!(f, "images a minute {}", or_none(limit)),
            Self::ConcurrentJobs(limit) => write!(f, "concurrent jobs {}", or_none(limit)),
            Self::MayOverflow(may) => write!(f, "overflow {}", if *may { "yes" } else { "no" }),
        }
    }
}

impl KeyChange {
    pub(super) fn write(&self, conn: &Conn<'_>, key: KeyId) -> Result<(), LedgerError> {
        let set = |column: &str, value: &dyn ToParam| {
            let sql = format!("UPDATE keys SET {column} = ?2 WHERE id = ?1");
            conn.execute(&sql, &[key.get().to_param(), value.to_param()]).map(|_| ())
        };
        match self {
            Self::Name(name) => set("name", name),
            Self::Scopes(scopes) => {
                set("scope_images", &scopes.images)?;
                set("scope_costs", &scopes.costs)?;
                set("scope_admin", &scopes.admin)
            }
            Self::Budgets(budgets) => write_budgets(conn, key, budgets),
            Self::Expiry(at) => set("expires_at_ms", at),
            Self::Models(names) => set("models", &names.as_deref().map(name_json)),
            Self::Loras(names) => set("loras", &names.as_deref().map(name_json)),
            Self::RequestsPerMinute(limit) => set("requests_per_minute", &limit.map(NonZeroU32::get)),
            Self::ImagesPerMinute(limit) => set("images_per_minute", &limit.map(NonZeroU32::get)),
            Self::ConcurrentJobs(limit) => set("concurrent_jobs", &limit.map(NonZeroU32::get)),
            Self::MayOverflow(may) => set("may_overflow", may),
        }
    }
}

fn name_json(names: &[String]) -> String {
    serde_json::Value::from(names).to_string()
}
