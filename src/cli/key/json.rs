use std::num::NonZeroU32;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    domain::Scope,
    ledger::{BudgetStanding, KeyEvent, KeyRow, KeyStanding},
};

/// A key for programs. Moments are in UTC (RFC 3339), budgets as `key set` reads them.
#[derive(Debug, Serialize)]
pub(super) struct KeyJson {
    pub(super) public_id: String,
    name: String,
    scopes: Vec<&'static str>,
    /// `active`, `disabled`, `expired` or `revoked`.
    state: String,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    disabled_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    /// Until when the secret before the last rotation is valid.
    old_secret_until: Option<Timestamp>,
    budgets: Vec<String>,
    /// Null: every model.
    models: Option<Vec<String>>,
    /// Null: every LoRA.
    loras: Option<Vec<String>>,
    /// Null, here and below: as configured.
    requests_per_minute: Option<NonZeroU32>,
    images_per_minute: Option<NonZeroU32>,
    concurrent_jobs: Option<NonZeroU32>,
    /// Whether its prompts may leave the house.
    overflow: bool,
}

impl KeyJson {
    pub(super) fn new(key: &KeyRow, now: Timestamp) -> Self {
        let rules = &key.rules;
        let scopes = Scope::ALL.into_iter().filter(|scope| rules.scopes.contains(*scope));
        Self {
            public_id: key.public_id.clone(),
            name: key.name.clone(),
            scopes: scopes.map(Scope::name).collect(),
            state: key.state(now).to_string(),
            created_at: key.created_at,
            last_used_at: key.last_used_at,
            disabled_at: key.disabled_at,
            revoked_at: key.revoked_at,
            expires_at: rules.expires_at,
            old_secret_until: key.previous_until.filter(|until| *until > now),
            budgets: rules.budgets.iter().map(ToString::to_string).collect(),
            models: rules.models.clone(),
            loras: rules.loras.clone(),
            requests_per_minute: rules.limits.requests_per_minute,
            images_per_minute: rules.limits.images_per_minute,
            concurrent_jobs: rules.limits.concurrent_jobs,
            overflow: rules.may_overflow,
        }
    }
}

/// A key that was made or rotated: the only time that its secret is shown.
#[derive(Debug, Serialize)]
pub(super) struct NewKeyJson {
    /// The whole key.
    pub(super) key: String,
    pub(super) public_id: String,
    /// Until when the secret before it is valid; null if there was none, or it is no longer.
    pub(super) old_secret_until: Option<Timestamp>,
}

/// A key with what it has used up.
#[derive(Debug, Serialize)]
pub(super) struct KeyStandingJson {
    #[serde(flatten)]
    key: KeyJson,
    standing: Vec<BudgetJson>,
    /// Images of the last days, oldest first; the last is today.
    images_by_day: Vec<u32>,
}

/// A budget and what is left of it, in its own unit.
#[derive(Debug, Serialize)]
struct BudgetJson {
    budget: String,
    spent: String,
    left: String,
    resets_at: Timestamp,
}

impl KeyStandingJson {
    pub(super) fn new(standing: &KeyStanding, now: Timestamp) -> Self {
        let budget = |of: &BudgetStanding| BudgetJson {
            budget: of.budget.to_string(),
            spent: of.budget.part_of(&of.spent).to_string(),
            left: of.left().to_string(),
            resets_at: of.resets_at.timestamp(),
        };
        Self {
            key: KeyJson::new(&standing.row, now),
            standing: standing.budgets.iter().map(budget).collect(),
            images_by_day: standing.images_by_day.clone(),
        }
    }
}

/// What happened to a key.
#[derive(Debug, Serialize)]
pub(super) struct KeyEventJson {
    at: Timestamp,
    public_id: String,
    event: String,
    by: String,
    detail: String,
}

impl From<KeyEvent> for KeyEventJson {
    fn from(event: KeyEvent) -> Self {
        Self {
            at: event.at,
            detail: event.detail(),
            event: event.kind.to_string(),
            public_id: event.public_id,
            by: event.actor,
        }
    }
}
