use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::{Identity, LIFETIME, enter, enter_with, identify, take_cookie};
use crate::{
    domain::Scope,
    http::{
        State,
        api::{auth, error::ApiError},
        pages::{
            forms::posted,
            frame::{Page, Visit, Visitor, fields},
            json,
            places::Section,
            see_other,
            signing::IDLE,
        },
    },
    ledger::{Credential, LedgerError, SessionRow},
};

#[derive(Deserialize)]
struct End {
    id: String,
}

#[derive(Deserialize)]
struct EndAll {}

/// A session for scripts.
#[derive(Serialize)]
struct SessionBody<'a> {
    id: &'a str,
    opened_with: &'static str,
    key: Option<&'a str>,
    agent: &'a str,
    opened_at: String,
    seen_at: String,
}

/// GET /admin/sessions: who is signed in.
pub(in crate::http::pages) async fn show(
    request: HttpRequest,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let visit = enter(&request, &state, Scope::Costs).await?;
    let now = state.service.now();
    let sessions = state.service.ask_ledger(move |ledger| {
        let opened_after = now.checked_sub(LIFETIME).unwrap_or(jiff::Timestamp::MIN);
        let mut sessions = ledger.sessions(opened_after)?;
        // The cookie of one that has rested longer has ended; a minute more, since uses are noted to the minute.
        sessions.retain(|session| now.duration_since(session.seen_at) < IDLE);
        Ok::<_, LedgerError>(sessions)
    });
    let sessions = sessions.await?;
    if !visit.wants_page {
        return Ok(json(&sessions.iter().map(SessionBody::of).collect::<Vec<_>>()));
    }
    let title = visit.words.say("nav-sessions");
    Ok(Page::new(&visit, Section::Elsewhere, &title)
        .narrow()
        .script("ask.js")
        .show(&list(&visit, &sessions, &state)))
}

/// POST /admin/sessions/end: ends one session. The visitor's own one needs no scope.
pub(in crate::http::pages) async fn end(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let Identity { visitor, caller } = identify(&request, &state).await?;
    let End { id } = posted(&request, payload, &state).await?;
    let is_own = matches!(&visitor, Visitor::Session { id: own, .. } if *own == id);
    if let (Some(caller), false) = (&caller, is_own) {
        auth::admit(&request, &state, caller, Scope::Admin).await?;
    }
    let now = state.service.now();
    state.service.ask_ledger(move |ledger| ledger.end_session(&id, now)).await?;
    if is_own {
        take_cookie(&request, &state);
    }
    Ok(back())
}

/// POST /admin/sessions/end-all: ends every session, this one too.
pub(in crate::http::pages) async fn end_all(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (_, EndAll {}) = enter_with(&request, payload, &state).await?;
    let now = state.service.now();
    state.service.ask_ledger(move |ledger| ledger.end_sessions(now)).await?;
    take_cookie(&request, &state);
    Ok(back())
}

fn back() -> HttpResponse {
    see_other("/admin/sessions")
}

fn list(visit: &Visit, sessions: &[SessionRow], state: &State) -> Markup {
    let words = visit.words;
    html! {
        div.page-head {
            h1 { (words.say("nav-sessions")) }
            @if visit.may_administer() {
                form method="post" action="/admin/sessions/end-all" data-ask=(words.say("sessions-end-all-ask")) {
                    (fields(visit))
                    button.danger { (words.say("sessions-end-all")) }
                }
            }
        }
        p.note { (words.format("sessions-count", &[("count", sessions.len().into())])) }
        div.scroll tabindex="0" role="region" aria-label=(words.say("nav-sessions")) { table.list.cards {
            thead { tr {
                th scope="col" { (words.say("sessions-browser")) }
                th scope="col" { (words.say("sessions-opened")) }
                th scope="col" { (words.say("sessions-seen")) }
                th scope="col" { span.hidden { (words.say("sessions-end")) } }
            } }
            tbody { @for session in sessions { (line(visit, session, state)) } }
        } }
    }
}

fn line(visit: &Visit, session: &SessionRow, state: &State) -> Markup {
    let words = visit.words;
    let moment = |at| words.moment(at, state.service.civil(at));
    html! { tr {
        th scope="row" {
            (session.agent) " "
            @if visit.session_id() == Some(&session.id) { span.tag { (words.say("sessions-this")) } }
            small { (with(visit, session)) }
        }
        td data-label=(words.say("sessions-opened")) { (moment(session.opened_at)) }
        td data-label=(words.say("sessions-seen")) { (moment(session.seen_at)) }
        td {
            @if visit.may_administer() || visit.session_id() == Some(&session.id) {
                form method="post" action="/admin/sessions/end" {
                    (fields(visit))
                    button.quiet name="id" value=(session.id) { (words.say("sessions-end")) }
                }
            }
        }
    } }
}

/// What it was opened with.
fn with(visit: &Visit, session: &SessionRow) -> String {
    let words = visit.words;
    match session.opened_with {
        Credential::Key => {
            let key = session.key.as_deref().unwrap_or_default();
            words.format("sessions-with-key", &[("key", key.into())])
        }
        Credential::Password => words.say("sessions-with-password").into_owned(),
        Credential::Link => words.say("sessions-with-link").into_owned(),
    }
}

impl<'a> SessionBody<'a> {
    fn of(row: &'a SessionRow) -> Self {
        Self {
            id: &row.id,
            opened_with: row.opened_with.as_str(),
            key: row.key.as_deref(),
            agent: &row.agent,
            opened_at: row.opened_at.to_string(),
            seen_at: row.seen_at.to_string(),
        }
    }
}
