//! /admin/purchases: what was bought because there was no room here, and the form that says what was found out about a purchase
//! in doubt.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use jiff::{Timestamp, civil::DateTime};
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    frame::{Page, Visit, Words, fields},
    json,
    places::Section,
    see_other,
    session::{enter, enter_with},
    unsure,
};
use crate::{
    domain::{RequestId, Scope},
    http::{State, api::error::ApiError},
    ledger::{LedgerError, PurchaseFinding, PurchaseRecord, PurchaseRow, PurchaseStanding, ResolveError},
    units::Money,
};

/// Purchases on the page, the newest ones.
const SHOWN: u32 = 200;
/// Where the page is.
const HERE: &str = "/admin/purchases";

/// Reads a moment from the clock on the wall.
type Civil<'a> = &'a dyn Fn(Timestamp) -> DateTime;

/// What the form brings back.
#[derive(Debug, Default, Clone, Deserialize)]
pub(super) struct FindingForm {
    /// `paid` or `not_paid`.
    #[serde(default)]
    finding: String,
    /// What was paid, in the seller's currency.
    #[serde(default)]
    amount: String,
    #[serde(default)]
    note: String,
    sure: Option<String>,
}

/// GET /admin/purchases
pub(super) async fn show(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, ApiError> {
    let visit = enter(&request, &state, Scope::Costs).await?;
    let purchases = state.service.ask_ledger(|ledger| ledger.purchases(false, SHOWN)).await?;
    if !visit.wants_page {
        let records: Vec<_> = purchases.iter().map(PurchaseRecord::from).collect();
        return Ok(json(&serde_json::json!({ "purchases": records })));
    }
    let words = visit.words;
    let title = words.say("purchases-title");
    let body = html! {
        div.page-head { h1 { (title) } }
        p.note { (words.say("purchases-what")) }
        @if purchases.is_empty() { p.empty { (words.say("purchases-none")) } } @else {
            (table(words, &purchases, visit.may_administer(), &|at| state.service.civil(at)))
        }
    };
    Ok(Page::new(&visit, Section::Costs, &title).sheet("costs.css").show(&body))
}

/// GET /admin/purchases/{id}: what is in doubt, and the form.
pub(super) async fn show_one(
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let visit = enter(&request, &state, Scope::Admin).await?;
    let row = doubtful(&id, &state).await?;
    Ok(page(&visit, &row, &FindingForm::default(), None))
}

/// POST /admin/purchases/{id}: records the finding, if the box is checked.
pub(super) async fn resolve(
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (visit, form): (Visit, FindingForm) = enter_with(&request, payload, &state).await?;
    let id = RequestId::from_digits(&id).ok_or_else(ApiError::job_not_found)?;
    if form.sure.is_none() {
        return unsure(&visit, &format!("{HERE}/{id}"));
    }
    let refused = match finding(&form) {
        Ok(finding) => {
            let (note, actor, now) =
                (form.note.clone(), visit.visitor.actor().to_owned(), state.service.now());
            let resolved = state.service.ask_ledger(move |ledger| {
                match ledger.resolve_purchase(id, finding, (&note, &actor), now) {
                    Ok(row) => Ok(Ok(row)),
                    Err(ResolveError::Ledger(error)) => Err(error),
                    Err(refused) => Ok(Err(NotRecorded::from(refused))),
                }
            });
            match resolved.await? {
                Ok(row) => return Ok(resolved_answer(&visit, &row)),
                Err(refused) => refused,
            }
        }
        Err(refused) => refused,
    };
    let NotRecorded { message, reason } = refused;
    if !visit.wants_page {
        return Err(ApiError::invalid("finding", format!("{reason}.")));
    }
    let row = doubtful(&id.to_text(), &state).await?;
    Ok(page(&visit, &row, &form, Some(message)))
}

/// Why a finding was not recorded.
struct NotRecorded {
    /// The words for whoever reads the page.
    message: &'static str,
    /// The same for scripts.
    reason: String,
}

impl From<ResolveError> for NotRecorded {
    fn from(error: ResolveError) -> Self {
        let message = match &error {
            ResolveError::Amount => "purchases-bad-amount",
            ResolveError::Note => "purchases-bad-note",
            ResolveError::Before(_) => "purchases-resolved-already",
            ResolveError::Unknown(_) | ResolveError::NotDoubtful { .. } | ResolveError::Ledger(_) => {
                "purchases-not-in-doubt"
            }
        };
        Self { message, reason: error.to_string() }
    }
}

fn resolved_answer(visit: &Visit, row: &PurchaseRow) -> HttpResponse {
    let (request, by) = (row.request, visit.visitor.actor());
    tracing::info!(%request, by, paid = %row.purchase.paid()[1], "a doubt about a purchase was resolved on a page");
    if visit.wants_page { see_other(HERE) } else { json(&PurchaseRecord::from(row)) }
}

/// What the form says was found out.
///
/// # Errors
/// What is wrong with it.
fn finding(form: &FindingForm) -> Result<PurchaseFinding, NotRecorded> {
    match form.finding.as_str() {
        "not_paid" => Ok(PurchaseFinding::NotPaid),
        "paid" => {
            let amount = form.amount.trim().parse::<Money>().map_err(|error| NotRecorded {
                message: "purchases-bad-amount",
                reason: format!("amount: {error}"),
            })?;
            Ok(PurchaseFinding::Paid(amount))
        }
        _ => Err(NotRecorded {
            message: "purchases-bad-finding",
            reason: "finding is paid or not_paid".into(),
        }),
    }
}

/// The purchase of the request `id`, resolved or not.
async fn doubtful(id: &str, state: &State) -> Result<PurchaseRow, ApiError> {
    let id = RequestId::from_digits(id).ok_or_else(ApiError::job_not_found)?;
    let found = state.service.ask_ledger(move |ledger| -> Result<_, LedgerError> { ledger.purchase_row(id) });
    found.await?.ok_or_else(ApiError::job_not_found)
}

fn table(words: Words, purchases: &[PurchaseRow], may_administer: bool, civil: Civil<'_>) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(words.say("purchases-title")) { table.list.cards id="purchases" {
            thead { tr {
                th scope="col" { (words.say("purchases-when")) }
                th scope="col" { (words.say("purchases-seller")) }
                th.number scope="col" { (words.say("purchases-images")) }
                th.number scope="col" { (words.say("purchases-paid")) }
                th scope="col" { (words.say("purchases-state")) }
            } }
            tbody { @for row in purchases { (line(words, row, may_administer, civil)) } }
        } }
    }
}

fn line(words: Words, row: &PurchaseRow, may_administer: bool, civil: Civil<'_>) -> Markup {
    let (purchase, [list, paid]) = (&row.purchase, row.purchase.paid());
    html! { tr id=(row.request) {
        th scope="row" { (words.moment(row.begun_at, civil(row.begun_at))) small { code { (row.request) } } }
        td data-label=(words.say("purchases-seller")) { (purchase.seller) small { code { (purchase.price.sku) } } }
        td.number data-label=(words.say("purchases-images")) { (words.count(purchase.images)) }
        td.number data-label=(words.say("purchases-paid")) { (words.amount(paid, row.currency)) small { (list) " " (purchase.price.list_currency) } }
        td data-label=(words.say("purchases-state")) {
            (standing(words, row))
            @if !purchase.is_bought() { @if let Some(outcome) = &purchase.outcome { small.wrap lang="en" { (outcome) } } }
            @if let Some(found) = &purchase.resolution {
                small.wrap { (words.moment(found.recorded_at, civil(found.recorded_at))) " · " (found.actor) " " (found.note) }
            }
            @if purchase.is_in_doubt() && may_administer {
                a.button.second href={ (HERE) "/" (row.request) } { (words.say("purchases-resolve")) }
            }
        }
    } }
}

fn standing(words: Words, row: &PurchaseRow) -> Markup {
    let (class, key) = match row.purchase.standing() {
        PurchaseStanding::Open => ("tag live", "purchases-open"),
        PurchaseStanding::Bought => ("tag good", "purchases-bought"),
        PurchaseStanding::Refused => ("tag", "purchases-refused"),
        PurchaseStanding::Doubtful => ("tag warn", "purchases-doubtful"),
        PurchaseStanding::NotPaid => ("tag", "purchases-not-paid"),
        PurchaseStanding::Lost => ("tag bad", "purchases-lost"),
    };
    html! { span class=(class) { (words.say(key)) } }
}

fn page(visit: &Visit, row: &PurchaseRow, form: &FindingForm, problem: Option<&'static str>) -> HttpResponse {
    let (words, purchase) = (visit.words, &row.purchase);
    let title = words.say("purchases-resolve-title");
    let [list, paid] = purchase.paid();
    let body = html! {
        div.page-head { h1 { (title) } a href=(HERE) { (words.say("purchases-back")) } }
        p { code { (row.request) } " " (standing(words, row)) }
        p {
            (words.format("purchases-resolve-what", &[
                ("seller", purchase.seller.as_str().into()),
                ("count", purchase.images.into()),
                ("list", format!("{list} {}", purchase.price.list_currency).into()),
                ("paid", words.amount_text(paid, row.currency).into()),
            ]))
        }
        @if let Some(outcome) = &purchase.outcome { p.note lang="en" { (outcome) } }
        @if let Some(problem) = problem { p.notice.warn role="alert" { (words.say(problem)) } }
        @if purchase.is_in_doubt() { (finding_form(visit, row, form)) }
    };
    let status = if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    Page::new(visit, Section::Costs, &title).narrow().status(status).show(&body)
}

fn finding_form(visit: &Visit, row: &PurchaseRow, form: &FindingForm) -> Markup {
    let words = visit.words;
    let amount =
        if form.amount.is_empty() { row.purchase.paid()[0].to_string() } else { form.amount.clone() };
    let is_paid = form.finding == "paid";
    html! {
        form.card.stack method="post" action={ (HERE) "/" (row.request) } {
            (fields(visit))
            label.check {
                input type="radio" name="finding" value="not_paid" required checked[form.finding == "not_paid"];
                (words.say("purchases-form-not-paid"))
            }
            label.check {
                input type="radio" name="finding" value="paid" required checked[is_paid];
                (words.say("purchases-form-paid"))
            }
            div.field {
                label for="amount" {
                    (words.format("purchases-form-amount", &[
                        ("currency", row.purchase.price.list_currency.to_string().into()),
                    ]))
                }
                input type="text" inputmode="decimal" id="amount" name="amount" value=(amount) autocomplete="off";
            }
            div.field {
                label for="note" { (words.say("purchases-form-note")) }
                input type="text" id="note" name="note" value=(form.note) maxlength="500" autocomplete="off";
            }
            label.check { input type="checkbox" name="sure" required; (words.say("purchases-form-sure")) }
            div.row { button { (words.say("purchases-form-record")) } }
        }
    }
}
