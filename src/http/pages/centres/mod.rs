//! What each cost centre is charged for a month, and the statement of one.

mod files;

use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde::Deserialize;

pub(super) use self::files::{all_csv, all_json, one};
use super::{
    costs::rule_key,
    frame::{MoneyColumn, Page, Words},
    places::Section,
    session,
};
use crate::{
    domain::Scope,
    http::{State, api::error::ApiError},
    ledger::{CentreRow, Charge, Charges, Member, Month},
    units::Money,
};

#[derive(Deserialize)]
pub(super) struct CentresQuery {
    pub(super) month: Option<String>,
    pub(super) lang: Option<String>,
}

/// What cost centres are charged in the month that was asked for, or in the running one.
async fn charges(question: &CentresQuery, state: &State) -> Result<Charges, ApiError> {
    let month: Month = match &question.month {
        None => state.service.current_month(),
        Some(text) => text.parse().map_err(|error| ApiError::invalid("month", format!("{error}.")))?,
    };
    Ok(state.service.charges(month).await?)
}

/// GET /admin/centres: every cost centre of a month.
pub(super) async fn show(
    request: HttpRequest,
    question: web::Query<CentresQuery>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let visit = session::enter(&request, &state, Scope::Costs).await?;
    let charges = charges(&question, &state).await?;
    if !visit.wants_page {
        return Ok(super::json(&charges));
    }
    let centres = state.service.ask_ledger(|ledger| ledger.centres()).await?;
    let words = visit.words;
    let title = words.format("centres-title", &[("span", words.month(charges.month).into())]);
    let body = html! {
        (head(words, &charges, &title, charges.month < state.service.current_month()))
        (standing(words, &charges))
        @if centres.is_empty() {
            p.empty { (words.say("centres-none")) }
            pre tabindex="0" { code { (HOW_TO_BEGIN) } }
        } @else {
            (table(words, &charges))
            (members(words, &centres))
        }
        (downloads(words, &charges))
    };
    Ok(Page::new(&visit, Section::Costs, &title).sheet("costs.css").show(&body))
}

/// How the first cost centre comes about. Commands are the same in every language.
const HOW_TO_BEGIN: &str =
    "tintype centre add \"Studio A\"\ntintype centre assign \"Studio A\" --tag autumn --from 2026-12-01";
/// How something comes to belong to one.
const HOW_TO_ASSIGN: &str = "tintype centre assign \"Studio A\" --tag autumn --from 2026-12-01";

fn head(words: Words, charges: &Charges, title: &str, has_next: bool) -> Markup {
    let (previous, next) = (charges.month.previous(), charges.month.next());
    html! {
        div.page-head {
            h1 { (title) }
            nav.pager aria-label=(words.say("costs-months")) {
                a href={ "?month=" (previous) } rel="prev" { "‹ " (words.month(previous)) }
                a href={ "/admin/costs?month=" (charges.month) } { (words.say("centres-all-costs")) }
                @if has_next { a href={ "?month=" (next) } rel="next" { (words.month(next)) " ›" } }
            }
        }
    }
}

/// Whether the figures are final, and by what idle and unused cost is shared.
fn standing(words: Words, charges: &Charges) -> Markup {
    html! {
        div.standing {
            @match &charges.seal {
                Some(_) => span.tag.good { (words.say("costs-closed")) },
                None => span.tag.warn { (words.say("costs-open")) },
            }
            span {
                (words.format("centres-shared-by", &[
                    ("rule", words.say(rule_key(charges.shared_by)).into()),
                    ("percent", charges.mark_up_percent.into()),
                ]))
            }
        }
    }
}

fn table(words: Words, charges: &Charges) -> Markup {
    let column = |amount: fn(&Charge) -> Money| {
        MoneyColumn::new(words, charges.currency, charges.charges.iter().map(amount))
    };
    let images = |charge: &Charge| charge.cost.total().unwrap_or_default();
    let columns = [
        "costs-images",
        "centres-images-cost",
        "costs-failed",
        "centres-idle-share",
        "centres-unused-share",
        "centres-mark-up",
        "centres-total",
    ];
    html! {
        div.card id="charges" {
            div.scroll tabindex="0" role="region" aria-label=(words.say("centres-caption")) { table.cards {
                thead { tr {
                    th scope="col" { (words.say("centres-name")) }
                    @for column in columns { th scope="col" { (words.say(column)) } }
                } }
                tbody { @for charge in &charges.charges {
                    tr {
                        th scope="row" { (name(words, charges, charge)) }
                        td data-label=(words.say("costs-images")) { (words.count(charge.images)) }
                        td data-label=(words.say("centres-images-cost")) { (column(images).show(images(charge))) }
                        td data-label=(words.say("costs-failed")) { (column(|charge| charge.failed_electricity).show(charge.failed_electricity)) }
                        td data-label=(words.say("centres-idle-share")) { (column(|charge| charge.idle_share).show(charge.idle_share)) }
                        td data-label=(words.say("centres-unused-share")) { (column(|charge| charge.unused_share).show(charge.unused_share)) }
                        td data-label=(words.say("centres-mark-up")) { (column(|charge| charge.mark_up).show(charge.mark_up)) }
                        td data-label=(words.say("centres-total")) {
                            (column(|charge| charge.total).show(charge.total))
                            @if let Some(bought) = &charge.overflow {
                                small.wrap {
                                    (words.format("centres-bought", &[
                                        ("count", bought.bought_images.into()),
                                        ("paid", words.amount_text(bought.paid(), charges.currency).into()),
                                    ]))
                                }
                            }
                        }
                    }
                } }
            } }
            p.note {
                (words.format("centres-sum", &[
                    ("total", words.amount_text(charges.all_in_total, charges.currency).into()),
                ]))
            }
        }
    }
}

/// A cost centre with its statements, or what belongs to none.
fn name(words: Words, charges: &Charges, charge: &Charge) -> Markup {
    let (Some(id), Some(name)) = (charge.centre, &charge.name) else {
        return html! { (words.say("centres-unassigned")) };
    };
    let file = |kind: &str| {
        let language = words.language().tag();
        format!("/admin/centres/{id}/{}.{kind}?lang={language}", charges.month)
    };
    html! {
        (name)
        small {
            a href=(file("pdf")) download { "PDF" } " "
            a href=(file("xlsx")) download { "XLSX" } " "
            a href=(file("csv")) download { "CSV" }
        }
    }
}

/// What belongs to each cost centre, and from when on.
fn members(words: Words, centres: &[CentreRow]) -> Markup {
    html! {
        div.card id="members" {
            @if centres.iter().all(|centre| centre.members.is_empty()) {
                h2 { (words.say("centres-members")) }
                p.note { (words.say("centres-no-members")) }
                pre tabindex="0" { code { (HOW_TO_ASSIGN) } }
            } @else { table {
                caption { (words.say("centres-members")) }
                tbody {
                    @for centre in centres {
                        @for member in &centre.members {
                            tr {
                                th scope="row" { (centre.name) }
                                td {
                                    @match &member.member {
                                        Member::Key(id) => { (words.say("centres-key")) " " code { (id) } },
                                        Member::Tag(tag) => { (words.say("centres-tag")) " " code { (tag) } },
                                    }
                                    small {
                                        (words.format("centres-from", &[("day", words.date(member.from).into())]))
                                        @if let Some(document) = &member.document { " · " (document) }
                                    }
                                }
                            }
                        }
                    }
                }
            } }
        }
    }
}

/// The same figures as files.
fn downloads(words: Words, charges: &Charges) -> Markup {
    html! {
        section.no-print.row aria-label=(words.say("costs-files")) {
            a.button.second href={ "/admin/centres.csv?month=" (charges.month) } download { (words.say("costs-csv")) }
            a.button.second href={ "/admin/centres.json?month=" (charges.month) } { "JSON" }
        }
    }
}
