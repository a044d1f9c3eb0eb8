//! /admin/webhooks: where news is sent, whether it arrives, and what was given up.

mod list;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::{Deserialize, Serialize};

use super::{
    forms::Nothing,
    frame::{Page, Visit},
    json,
    places::Section,
    refused, see_other,
    session::{enter, enter_with},
};
use crate::{
    domain::{EndpointId, EventKind, Scope},
    http::{State, api::error::ApiError},
    ledger::{EndpointStanding, KeyRow, LedgerError, UndeliveredEvent, WebhookEndpoint},
    notify::WebhookSecret,
};

/// Messages that were given up, on the page.
const DEAD_SHOWN: u32 = 50;
/// Where the page is.
const HERE: &str = "/admin/webhooks";

/// The form for a new endpoint.
#[derive(Debug, Default, Clone, Deserialize)]
struct NewEndpoint {
    #[serde(default)]
    url: String,
    /// A key's public id; empty: every key's events, and the server's own.
    #[serde(default)]
    key: String,
    /// Kinds of events between spaces; empty: all.
    #[serde(default)]
    events: String,
}

/// What the page shows.
struct WebhooksView {
    endpoints: Vec<EndpointStanding>,
    dead: Vec<UndeliveredEvent>,
    keys: Vec<KeyRow>,
    may_administer: bool,
    form: NewEndpoint,
    /// What is wrong with the form.
    problem: Option<Problem>,
}

/// What is wrong with the form: the field, and the key of the words for it with its detail.
struct Problem {
    field: &'static str,
    words: &'static str,
    detail: String,
}

/// An endpoint, for scripts.
#[derive(Serialize)]
struct EndpointBody {
    id: String,
    url: String,
    /// The key's public id; null: all keys.
    key: Option<String>,
    events: Vec<&'static str>,
    waiting: u32,
    delivered_at: Option<i64>,
    failed_at: Option<i64>,
    error: Option<String>,
    /// Only for whoever may add endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

#[derive(Serialize)]
struct DeadBody {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    endpoint: String,
    created_at: i64,
    attempts: u32,
    error: Option<String>,
}

/// GET /admin/webhooks
pub(super) async fn show(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, ApiError> {
    let visit = enter(&request, &state, Scope::Costs).await?;
    let view = view(&visit, NewEndpoint::default(), None, &state).await?;
    if visit.wants_page {
        return Ok(page(&visit, &view, StatusCode::OK, &state));
    }
    let endpoints = view.endpoints.iter().map(|one| body(one, &view)).collect::<Vec<_>>();
    let dead = view.dead.iter().map(|dead| DeadBody {
        id: dead.event.clone(),
        kind: dead.kind.clone(),
        endpoint: dead.endpoint.to_string(),
        created_at: dead.created_at.as_second(),
        attempts: dead.attempts,
        error: dead.error.clone(),
    });
    let dead = dead.collect::<Vec<_>>();
    Ok(json(&serde_json::json!({ "endpoints": endpoints, "dead_letters": dead })))
}

/// POST /admin/webhooks: adds an endpoint.
pub(super) async fn create(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (visit, form): (Visit, NewEndpoint) = enter_with(&request, payload, &state).await?;
    let keys = state.service.ask_ledger(|ledger| ledger.keys()).await?;
    let endpoint = match endpoint(&form, &keys, &state) {
        Ok(endpoint) => endpoint,
        Err(problem) if visit.wants_page => {
            let view = view(&visit, form, Some(problem), &state).await?;
            return Ok(page(&visit, &view, StatusCode::BAD_REQUEST, &state));
        }
        Err(problem) => {
            return Err(refused(problem.field, &format!("{}.", problem.detail)));
        }
    };
    let (row, id) = (endpoint.clone(), endpoint.id);
    state.service.ask_ledger(move |ledger| ledger.add_webhook(&row)).await?;
    tracing::info!(%id, url = endpoint.url, by = visit.visitor.actor(), "an endpoint of webhooks was added");
    if visit.wants_page {
        return Ok(see_other(&format!("{HERE}#{id}")));
    }
    Ok(json(&serde_json::json!({ "id": id.to_string(), "url": endpoint.url, "secret": endpoint.secret })))
}

/// POST /admin/webhooks/{id}/{test|retry|remove}
pub(super) async fn act(
    request: HttpRequest,
    payload: web::Payload,
    place: web::Path<(String, String)>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (visit, Nothing {}) = enter_with(&request, payload, &state).await?;
    let (id, act) = place.into_inner();
    let endpoint: EndpointId = id.parse().map_err(|_| ApiError::endpoint_not_found())?;
    let (now, occasion) = (state.service.now(), format!("{:032x}", rand::random::<u128>()));
    let (what, by) = (act.clone(), visit.visitor.actor().to_owned());
    let done = state.service.ask_ledger(move |ledger| match act.as_str() {
        "test" => ledger.test_webhook(endpoint, &occasion, now),
        "retry" => ledger.retry_dead_letters(endpoint, now).map(|_| true),
        _ => ledger.remove_webhook(endpoint, now),
    });
    if !done.await? {
        return Err(ApiError::endpoint_not_found());
    }
    tracing::info!(id = %endpoint, act = what, by, "an administrator has used an endpoint of webhooks");
    if visit.wants_page {
        return Ok(see_other(HERE));
    }
    Ok(json(&serde_json::json!({ "id": endpoint.to_string(), "done": what })))
}

/// The endpoint that a form asks for.
fn endpoint(form: &NewEndpoint, keys: &[KeyRow], state: &State) -> Result<WebhookEndpoint, Problem> {
    let problem = |field, words, detail: String| Problem { field, words, detail };
    let url = state.elsewhere.webhooks.check(&form.url);
    let url = url.map_err(|error| problem("url", "webhooks-problem-url", error.to_string()))?;
    let key = match form.key.trim() {
        "" => None,
        public_id => {
            let key = keys.iter().find(|key| key.public_id == public_id);
            let unknown = || problem("key", "webhooks-problem-key", "no key has this public id".into());
            Some(key.ok_or_else(unknown)?.id)
        }
    };
    let kinds = form.events.split_whitespace().map(str::parse).collect::<Result<Vec<EventKind>, _>>();
    let mut kinds = kinds.map_err(|error| problem("events", "webhooks-problem-events", error))?;
    if kinds.is_empty() {
        kinds = EventKind::chosen().collect();
    }
    let now = state.service.now();
    let id = EndpointId::new(now, rand::random());
    let secret = WebhookSecret::new(rand::random()).reveal();
    Ok(WebhookEndpoint { id, key, url: url.into(), secret, kinds, created_at: now })
}

fn page(visit: &Visit, view: &WebhooksView, status: StatusCode, state: &State) -> HttpResponse {
    let title = visit.words.say("nav-webhooks");
    let body = list::body(visit, view, &|at| state.service.civil(at));
    Page::new(visit, Section::Webhooks, &title)
        .sheet("webhooks.css")
        .script("copy.js")
        .status(status)
        .show(&body)
}

async fn view(
    visit: &Visit,
    form: NewEndpoint,
    problem: Option<Problem>,
    state: &State,
) -> Result<WebhooksView, ApiError> {
    let read = state.service.ask_ledger(|ledger| -> Result<_, LedgerError> {
        Ok((ledger.webhooks()?, ledger.dead_letters(DEAD_SHOWN)?, ledger.keys()?))
    });
    let (endpoints, dead, keys) = read.await?;
    Ok(WebhooksView { endpoints, dead, keys, may_administer: visit.may_administer(), form, problem })
}

fn body(standing: &EndpointStanding, view: &WebhooksView) -> EndpointBody {
    let endpoint = &standing.endpoint;
    EndpointBody {
        id: endpoint.id.to_string(),
        url: endpoint.url.clone(),
        key: view.key_of(endpoint).map(|key| key.public_id.clone()),
        events: endpoint.kinds.iter().map(|kind| kind.as_str()).collect(),
        waiting: standing.waiting,
        delivered_at: standing.delivered_at.map(|at| at.as_second()),
        failed_at: standing.failed_at.map(|at| at.as_second()),
        error: standing.error.clone(),
        secret: view.may_administer.then(|| endpoint.secret.clone()),
    }
}

impl WebhooksView {
    /// The key whose events an endpoint gets.
    fn key_of(&self, endpoint: &WebhookEndpoint) -> Option<&KeyRow> {
        self.keys.iter().find(|key| Some(key.id) == endpoint.key)
    }
}
