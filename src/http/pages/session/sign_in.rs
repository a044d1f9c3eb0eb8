use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use maud::{Markup, html};
use rand::distr::{Alphanumeric, SampleString};
use serde::Deserialize;

use super::{agent, give_cookie, identify, take_cookie};
use crate::{
    admit::PasswordHash,
    domain::{ApiKey, Scope, SignInSecret},
    http::{
        State,
        api::{auth, error::ApiError},
        pages::{
            forms::{Nothing, posted, posted_with_token},
            frame::{Page, Visit, Visitor, fields, rich},
            places::{HOME, OWN_GALLERY, Section, is_local},
            see_other,
        },
    },
    ledger::{LedgerError, NewSession, OpenedWith},
    units::Millis,
};

/// Characters of a session's id.
const ID_LEN: usize = 16;

/// What the address of the page says.
#[derive(Deserialize)]
pub(in crate::http::pages) struct SignInQuery {
    link: Option<String>,
    next: Option<String>,
}

/// What the form brings: a key or a password, or the secret of a link.
#[derive(Deserialize)]
struct SignInForm {
    #[serde(default)]
    secret: String,
    link: Option<String>,
    next: Option<String>,
}

/// Why nobody is signed in.
enum Problem {
    Key,
    Scope,
    Password,
    NoPassword,
    Link,
    TooMany(Millis),
}

/// GET /admin/sign-in. A link only opens the page: what looks at it before the operator does must not use it up.
pub(in crate::http::pages) async fn form(
    request: HttpRequest,
    question: web::Query<SignInQuery>,
    state: web::Data<State>,
) -> HttpResponse {
    let visit = Visit::new(&request, &state);
    let SignInQuery { link, next } = question.into_inner();
    match link {
        Some(link) => {
            Page::new(&visit, Section::Elsewhere, &visit.words.say("sign-in")).narrow().show(&html! {
                (heading(&visit))
                p.notice id="kept-note" role="status" hidden { (visit.words.say("sign-in-kept")) }
                form method="post" action="/admin/sign-in" class="card stack" {
                    (fields(&visit))
                    input type="hidden" name="link" value=(link);
                    p { (visit.words.say("sign-in-link-ready")) }
                    button { (visit.words.say("sign-in")) }
                }
            })
        }
        None => secret_page(&visit, next.as_deref(), None),
    }
}

/// POST /admin/sign-in: a key, the password or a link opens a session. A key for images alone opens its own gallery and nothing else.
pub(in crate::http::pages) async fn sign_in(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let form: SignInForm = posted_with_token(&request, payload, &state).await?;
    let next = form.next.clone().filter(|next| is_local(next));
    match check(form, &request, &state).await? {
        Ok((opened_with, home)) => {
            open(opened_with, &request, &state).await?;
            Ok(see_other(next.as_deref().unwrap_or(home)))
        }
        Err(problem) => {
            let visit = Visit::new(&request, &state);
            Ok(secret_page(&visit, next.as_deref(), Some(&problem)))
        }
    }
}

/// POST /admin/sign-out
pub(in crate::http::pages) async fn sign_out(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let visitor = identify(&request, &state).await?.visitor;
    let Nothing {} = posted(&request, payload, &state).await?;
    if let Visitor::Session { id, .. } = visitor {
        let now = state.service.now();
        state.service.ask_ledger(move |ledger| ledger.end_session(&id, now)).await?;
        take_cookie(&request, &state);
    }
    Ok(see_other("/admin/sign-in"))
}

async fn check(
    form: SignInForm,
    request: &HttpRequest,
    state: &State,
) -> Result<Result<(OpenedWith, &'static str), Problem>, ApiError> {
    if let Some(link) = form.link {
        let (secret, now) = (SignInSecret::from_link(link).hash(), state.service.now());
        let is_used = state.service.ask_ledger(move |ledger| ledger.use_sign_in_link(secret, now)).await?;
        return Ok(if is_used { Ok((OpenedWith::Link, HOME)) } else { Err(Problem::Link) });
    }
    let text = form.secret.trim();
    if text.starts_with("tt-") {
        return check_key(text, state).await;
    }
    Ok(check_password(form.secret, request, state).await?.map(|opened_with| (opened_with, HOME)))
}

/// The session that a key opens, and the page that it begins at.
async fn check_key(
    text: &str,
    state: &State,
) -> Result<Result<(OpenedWith, &'static str), Problem>, ApiError> {
    let (Ok(key), Some(caller)) = (text.parse::<ApiKey>(), auth::by_key(text, state).await?) else {
        return Ok(Err(Problem::Key));
    };
    let may_read = [Scope::Costs, Scope::Admin].into_iter().any(|scope| caller.scopes.contains(scope));
    let home = match (may_read, caller.scopes.contains(Scope::Images)) {
        (true, _) => HOME,
        (false, true) => OWN_GALLERY,
        (false, false) => return Ok(Err(Problem::Scope)),
    };
    Ok(Ok((OpenedWith::Key(caller.key, key.secret_hash()), home)))
}

async fn check_password(
    password: String,
    request: &HttpRequest,
    state: &State,
) -> Result<Result<OpenedWith, Problem>, ApiError> {
    match state.attempts.take(state.address.client_address(request)) {
        Ok(delay) => tokio::time::sleep(delay).await,
        Err(wait) => return Ok(Err(Problem::TooMany(wait))),
    }
    let _turn = state.attempts.hashing().acquire().await.map_err(|error| ApiError::internal(&error))?;
    let checked = state.service.ask_ledger(move |ledger| {
        let stored = ledger.operator_password()?.map(PasswordHash::from_stored);
        Ok::<_, LedgerError>(match stored {
            Some(stored) if stored.matches(&password) => Ok(OpenedWith::Password),
            Some(_) => Err(Problem::Password),
            None => Err(Problem::NoPassword),
        })
    });
    Ok(checked.await?)
}

async fn open(opened_with: OpenedWith, request: &HttpRequest, state: &State) -> Result<(), ApiError> {
    let user_agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let (agent, now) = (agent::short(user_agent.unwrap_or("")), state.service.now());
    let id = Alphanumeric.sample_string(&mut rand::rng(), ID_LEN);
    give_cookie(&id, request, state, now)?;
    let stored = state.service.ask_ledger(move |ledger| {
        ledger.open_session(NewSession { id: &id, opened_with, agent: &agent }, now)
    });
    stored.await?;
    tracing::info!(opened_with = opened_with.credential().as_str(), "somebody signed in");
    Ok(())
}

fn heading(visit: &Visit) -> Markup {
    html! { div.page-head { h1 { (visit.words.say("sign-in-title")) } } }
}

fn secret_page(visit: &Visit, next: Option<&str>, problem: Option<&Problem>) -> HttpResponse {
    let words = visit.words;
    let body = html! {
        (heading(visit))
        p.notice id="kept-note" role="status" hidden { (words.say("sign-in-kept")) }
        form method="post" action="/admin/sign-in" class="card stack" {
            (fields(visit))
            @if let Some(next) = next { input type="hidden" name="next" value=(next); }
            // Password managers want a name beside a password.
            input type="text" name="user" value="operator" autocomplete="username" hidden;
            div.field {
                label for="secret" { (words.say("sign-in-secret")) }
                input id="secret" name="secret" type="password" autocomplete="current-password" required autofocus
                    aria-describedby=[problem.map(|_| "problem")] aria-invalid=[problem.map(|_| "true")];
                @if let Some(problem) = problem {
                    p.problem id="problem" role="alert" { (rich(&problem.text(visit))) }
                }
            }
            button { (words.say("sign-in")) }
        }
        details.note {
            summary { (words.say("sign-in-help")) }
            p { (rich(&words.say("sign-in-help-link"))) }
            p { (rich(&words.say("sign-in-help-password"))) }
            p { (rich(&words.say("sign-in-help-key"))) }
        }
    };
    let status = match problem {
        None => StatusCode::OK,
        Some(Problem::TooMany(_)) => StatusCode::TOO_MANY_REQUESTS,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let title = words.say("sign-in-title");
    let mut response = Page::new(visit, Section::Elsewhere, &title).narrow().status(status).show(&body);
    if let Some(Problem::TooMany(wait)) = problem {
        response.headers_mut().insert(header::RETRY_AFTER, wait.as_secs_ceil().max(1).into());
    }
    response
}

impl Problem {
    fn text(&self, visit: &Visit) -> String {
        let words = visit.words;
        match self {
            Self::Key => words.say("sign-in-wrong-key").into_owned(),
            Self::Scope => words.say("sign-in-no-scope").into_owned(),
            Self::Password => words.say("sign-in-wrong-password").into_owned(),
            Self::NoPassword => words.say("sign-in-no-password").into_owned(),
            Self::Link => words.say("sign-in-wrong-link").into_owned(),
            Self::TooMany(wait) => {
                words.format("sign-in-too-many", &[("seconds", wait.as_secs_ceil().max(1).into())])
            }
        }
    }
}
