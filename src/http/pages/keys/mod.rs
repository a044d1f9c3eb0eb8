//! /admin/keys: who may generate images, how many, and who changed that.

mod budget_rows;
mod form;
mod history;
mod list;
mod one;
mod secret;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use self::form::{KeyForm, Problem};
pub(super) use self::list::budgets;
pub use self::secret::NewSecrets;
pub(super) use self::secret::show as show_secret;
use super::{
    frame::{Page, Visit, Words},
    json,
    places::Section,
    refused, see_other,
    session::{enter, enter_with},
    unsure,
};
use crate::{
    domain::{ApiKey, Scope},
    http::{State, api::error::ApiError},
    ledger::{
        BudgetPeriods, KeyChange, KeyEdit, KeyEdited, KeyRow, KeyStanding, Ledger, LedgerError, NewKey,
    },
};

/// Days of the sparklines.
const DAYS: usize = 30;

/// How long the old secret still opens after a rotation.
#[derive(Deserialize)]
struct Rotation {
    grace_hours: u16,
}

/// What a key opens from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Switch {
    /// Nothing until it is enabled.
    Disable,
    /// What its rules say.
    Enable,
    /// Nothing, ever again.
    Revoke,
}

/// That a key is to be revoked, said twice.
#[derive(Deserialize)]
struct Confirmation {
    sure: Option<String>,
}

/// A key for scripts, without its secret.
#[derive(Serialize)]
struct KeyBody<'a> {
    public_id: &'a str,
    name: &'a str,
    state: String,
    scopes: String,
    budgets: Vec<BudgetBody>,
    rules: Vec<String>,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    /// Images of the last thirty days, oldest first.
    images_by_day: &'a [u32],
}

#[derive(Serialize)]
struct BudgetBody {
    budget: String,
    left: String,
    begins_anew: Timestamp,
}

/// GET /admin/keys: every key, and a form for another.
pub(super) async fn show(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, ApiError> {
    let visit = enter(&request, &state, Scope::Costs).await?;
    let keys = standings(&state).await?;
    if visit.wants_page {
        Ok(list_page(&visit, &keys, &KeyForm::blank(), &[], &state))
    } else {
        let now = state.service.now();
        Ok(json(&keys.iter().map(|key| KeyBody::of(key, now)).collect::<Vec<_>>()))
    }
}

/// POST /admin/keys: creates a key; its secret is shown once.
pub(super) async fn create(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (visit, form): (_, KeyForm) = enter_with(&request, payload, &state).await?;
    let now = state.service.now();
    let rules = match form.rules(None, state.service.zone(), now) {
        Ok(rules) => rules,
        Err(problems) if visit.wants_page => {
            return Ok(list_page(&visit, &standings(&state).await?, &form, &problems, &state));
        }
        Err(problems) => return Err(refusal(visit.words, &problems)),
    };
    let key = ApiKey::generate(&mut rand::rng());
    let (stored, name, actor) = (key.clone(), form.name.trim().to_owned(), visit.visitor.actor().to_owned());
    let created = state.service.ask_ledger(move |ledger| {
        ledger.create_key(&NewKey { key: &stored, name: &name, rules }, &actor, now)
    });
    created.await?;
    tracing::info!(key = key.public_id(), by = visit.visitor.actor(), "a key was created on a page");
    Ok(secret::answer(&visit, &state, key, "keys-made"))
}

/// GET /admin/keys/{public_id}: one key, its rules and its history.
pub(super) async fn show_one(
    request: HttpRequest,
    public_id: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let visit = enter(&request, &state, Scope::Costs).await?;
    let key = standing(&public_id, &state).await?;
    let form = KeyForm::of(&key.row, state.service.zone());
    one::page(&visit, &key, &form, &[], &state).await
}

/// POST /admin/keys/{public_id}: changes the name and the rules that differ.
pub(super) async fn change(
    request: HttpRequest,
    public_id: web::Path<String>,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (visit, form): (_, KeyForm) = enter_with(&request, payload, &state).await?;
    let row = row(&public_id, &state).await?.ok_or_else(ApiError::key_not_found)?;
    let rules = match form.rules(row.rules.expires_at, state.service.zone(), state.service.now()) {
        Ok(rules) => rules,
        Err(problems) if !visit.wants_page => return Err(refusal(visit.words, &problems)),
        Err(problems) => {
            let key = standing(&public_id, &state).await?;
            return one::page(&visit, &key, &form, &problems, &state).await;
        }
    };
    let name = form.name.trim();
    let mut changes: Vec<_> =
        (name != row.name).then(|| KeyChange::Name(name.to_owned())).into_iter().collect();
    changes.extend(rules.changes_since(&row.rules));
    if !changes.is_empty() {
        let edit = move |ledger: &Ledger, id: &str, actor: &str, now| {
            ledger.edit_key(id, KeyEdit::Change(&changes), actor, now)
        };
        let edited = alter(&visit, &public_id, &state, edit).await?;
        check_edited(edited, &public_id, &state).await?;
    }
    Ok(back_to(&public_id))
}

/// POST /admin/keys/{public_id}/rotate: another secret, shown once.
pub(super) async fn rotate(
    request: HttpRequest,
    public_id: web::Path<String>,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (visit, Rotation { grace_hours }) = enter_with(&request, payload, &state).await?;
    let key = ApiKey::rotated(&public_id, &mut rand::rng());
    let (stored, grace) = (key.clone(), SignedDuration::from_hours(grace_hours.into()));
    let rotate = move |ledger: &Ledger, _: &str, actor: &str, now: Timestamp| {
        ledger.rotate_key(&stored, now.checked_add(grace).unwrap_or(now), actor, now)
    };
    if !alter(&visit, &public_id, &state, rotate).await? {
        // A secret that opens nothing is not shown.
        return Err(why_unchanged(&public_id, &state).await?);
    }
    tracing::info!(key = key.public_id(), by = visit.visitor.actor(), "a key was rotated on a page");
    Ok(secret::answer(&visit, &state, key, "keys-rotated"))
}

/// POST /admin/keys/{public_id}/disable, enable or revoke: what the key opens from now on. It is revoked, for good,
/// only where the box beside it is checked.
pub(super) async fn switch(
    request: HttpRequest,
    path: web::Path<(String, Switch)>,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (visit, Confirmation { sure }) = enter_with(&request, payload, &state).await?;
    let (public_id, switch) = path.into_inner();
    let edit = match switch {
        Switch::Disable => KeyEdit::Disable,
        Switch::Enable => KeyEdit::Enable,
        Switch::Revoke => KeyEdit::Revoke,
    };
    if switch == Switch::Revoke && sure.is_none() {
        return unsure(&visit, &format!("/admin/keys/{public_id}"));
    }
    let edit = move |ledger: &Ledger, id: &str, actor: &str, now| ledger.edit_key(id, edit, actor, now);
    let edited = alter(&visit, &public_id, &state, edit).await?;
    check_edited(edited, &public_id, &state).await?;
    Ok(back_to(&public_id))
}

/// Changes a key in the visitor's name.
async fn alter<T: Send + 'static>(
    visit: &Visit,
    public_id: &str,
    state: &State,
    change: impl FnOnce(&Ledger, &str, &str, Timestamp) -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, ApiError> {
    let (id, actor, now) = (public_id.to_owned(), visit.visitor.actor().to_owned(), state.service.now());
    Ok(state.service.ask_ledger(move |ledger| change(ledger, &id, &actor, now)).await?)
}

/// Refuses an edit that was not made, and says why.
async fn check_edited(edited: KeyEdited, public_id: &str, state: &State) -> Result<(), ApiError> {
    match edited {
        KeyEdited::Done => Ok(()),
        KeyEdited::Unchanged => Err(why_unchanged(public_id, state).await?),
        KeyEdited::LastAdmin => Err(ApiError::last_admin_key()),
    }
}

/// Why a change to a key changed nothing: what is not revoked refuses only to be what it is already.
async fn why_unchanged(public_id: &str, state: &State) -> Result<ApiError, ApiError> {
    Ok(match row(public_id, state).await? {
        None => ApiError::key_not_found(),
        Some(KeyRow { revoked_at: Some(_), .. }) => ApiError::key_revoked(),
        Some(KeyRow { disabled_at: Some(_), .. }) => ApiError::key_disabled(),
        Some(_) => ApiError::key_enabled(),
    })
}

/// A key's rules, without what it has used up.
async fn row(public_id: &str, state: &State) -> Result<Option<KeyRow>, ApiError> {
    let public_id = public_id.to_owned();
    Ok(state.service.ask_ledger(move |ledger| ledger.key(&public_id)).await?)
}

async fn standings(state: &State) -> Result<Vec<KeyStanding>, ApiError> {
    let (now, calendar) = (state.service.now(), state.service.calendar().clone());
    let standings = state.service.ask_report(move |ledger| {
        ledger.key_standings(&BudgetPeriods::of(now, &calendar), DAYS, &calendar, now)
    });
    Ok(standings.await?)
}

async fn standing(public_id: &str, state: &State) -> Result<KeyStanding, ApiError> {
    let (public_id, now) = (public_id.to_owned(), state.service.now());
    let calendar = state.service.calendar().clone();
    let standing = state.service.ask_ledger(move |ledger| {
        ledger.key_standing(&public_id, &BudgetPeriods::of(now, &calendar), DAYS, &calendar, now)
    });
    standing.await?.ok_or_else(ApiError::key_not_found)
}

fn back_to(public_id: &str) -> HttpResponse {
    see_other(&format!("/admin/keys/{public_id}"))
}

/// What a script hears of the first problem.
fn refusal(words: Words, problems: &[Problem]) -> ApiError {
    let (field, message) = problems.first().copied().unwrap_or(("name", "keys-bad-name"));
    refused(field, &words.say(message))
}

fn list_page(
    visit: &Visit,
    keys: &[KeyStanding],
    form: &KeyForm,
    problems: &[Problem],
    state: &State,
) -> HttpResponse {
    let title = visit.words.say("nav-keys");
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let body = list::body(visit, keys, form, problems, &state.service);
    Page::new(visit, Section::Keys, &title).sheet("charts.css").sheet("keys.css").status(status).show(&body)
}

impl<'a> KeyBody<'a> {
    fn of(key: &'a KeyStanding, now: Timestamp) -> Self {
        let KeyRow { public_id, name, rules, created_at, last_used_at, .. } = &key.row;
        let budget = |standing: &crate::ledger::BudgetStanding| BudgetBody {
            budget: standing.budget.to_string(),
            left: standing.left().to_string(),
            begins_anew: standing.resets_at.timestamp(),
        };
        Self {
            public_id,
            name,
            state: key.row.state(now).to_string(),
            scopes: rules.scopes.to_string(),
            budgets: key.budgets.iter().map(budget).collect(),
            rules: rules.as_changes().iter().map(ToString::to_string).collect(),
            created_at: *created_at,
            last_used_at: *last_used_at,
            images_by_day: &key.images_by_day,
        }
    }
}
