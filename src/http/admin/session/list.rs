use actix_web::{HttpRequest, HttpResponse, http::header, web};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::{LIFETIME, enter, enter_with, secret, take_cookie};
use crate::{
    http::{
        State,
        admin::{
            frame::{Page, Place, Visit, fields},
            json,
        },
        error::ApiError,
    },
    ledger::{LedgerError, SessionRow},
};

#[derive(Deserialize)]
struct End {
    id: String,
}

#[derive(Deserialize)]
struct EndAll {}

/// A session for scripts.
#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    opened_with: &'a str,
    key: Option<&'a str>,
    agent: &'a str,
    opened_at: String,
    seen_at: String,
}

/// GET /admin/sessions: who is signed in.
pub(in crate::http::admin) async fn show(
    request: HttpRequest,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let visit = enter(&request, &state).await?;
    let now = state.service.now();
    let sessions = state.service.ask_ledger(move |ledger| {
        let opened_after = now.checked_sub(LIFETIME).unwrap_or(jiff::Timestamp::MIN);
        let mut sessions = ledger.sessions(opened_after)?;
        // The cookie of one that has rested longer has ended; a minute more, since uses are noted to the minute.
        sessions.retain(|session| now.duration_since(session.seen_at) < secret::IDLE);
        Ok::<_, LedgerError>(sessions)
    });
    let sessions = sessions.await?;
    if !visit.wants_page {
        return Ok(json(&sessions.iter().map(Entry::of).collect::<Vec<_>>()));
    }
    let title = visit.words.say("nav-sessions");
    Ok(Page::new(&visit, Place::Elsewhere, &title).narrow().show(&list(&visit, &sessions, &state)))
}

/// POST /admin/sessions/end: ends one session.
pub(in crate::http::admin) async fn end(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (visit, End { id }) = enter_with(&request, payload, &state).await?;
    let (now, is_own) = (state.service.now(), visit.session_id() == Some(&id));
    state.service.ask_ledger(move |ledger| ledger.end_session(&id, now)).await?;
    if is_own {
        take_cookie(&request, &state);
    }
    Ok(back())
}

/// POST /admin/sessions/end-all: ends every session, this one too.
pub(in crate::http::admin) async fn end_all(
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
    HttpResponse::SeeOther().insert_header((header::LOCATION, "/admin/sessions")).finish()
}

fn list(visit: &Visit, sessions: &[SessionRow], state: &State) -> Markup {
    let words = visit.words;
    html! {
        div.page-head {
            h1 { (words.say("nav-sessions")) }
            form method="post" action="/admin/sessions/end-all" {
                (fields(visit))
                button.danger { (words.say("sessions-end-all")) }
            }
        }
        p.note { (words.tell("sessions-count", &[("count", sessions.len().into())])) }
        div.scroll tabindex="0" role="region" aria-label=(words.say("nav-sessions")) { table.list {
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
        td { (moment(session.opened_at)) }
        td { (moment(session.seen_at)) }
        td { form method="post" action="/admin/sessions/end" {
            (fields(visit))
            button.quiet name="id" value=(session.id) { (words.say("sessions-end")) }
        } }
    } }
}

/// What it was opened with.
fn with(visit: &Visit, session: &SessionRow) -> String {
    let words = visit.words;
    match (&session.key, session.opened_with.as_str()) {
        (Some(key), _) => words.tell("sessions-with-key", &[("key", key.as_str().into())]),
        (None, "password") => words.say("sessions-with-password").into_owned(),
        (None, _) => words.say("sessions-with-link").into_owned(),
    }
}

impl<'a> Entry<'a> {
    fn of(row: &'a SessionRow) -> Self {
        Self {
            id: &row.id,
            opened_with: &row.opened_with,
            key: row.key.as_deref(),
            agent: &row.agent,
            opened_at: row.opened_at.to_string(),
            seen_at: row.seen_at.to_string(),
        }
    }
}
