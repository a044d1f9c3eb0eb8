//! What was booked for a request, and how each figure comes about.

use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

use super::{
    frame::{Page, Words},
    places::Section,
    session,
};
use crate::{
    costs::{CostError, WorkingLine, WorkingWord},
    domain::{RequestId, Scope},
    http::{State, api::error::ApiError},
    ledger::{BookedEntry, EntryChange},
};

/// GET /admin/receipts/{id}: every entry of a request, with the working of its figures.
pub(super) async fn show(
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let visit = session::enter(&request, &state, Scope::Costs).await?;
    let id = RequestId::from_digits(&id).ok_or_else(ApiError::job_not_found)?;
    let entries = state.service.ask_ledger(move |ledger| ledger.booked_entries(id)).await?;
    if entries.is_empty() {
        return Err(ApiError::job_not_found());
    }
    let words = visit.words;
    let title = words.say("receipts-title");
    let moment = |entry: &BookedEntry| {
        let at = state.service.civil(entry.entered_at);
        words.moment(entry.entered_at, at)
    };
    let shown = entries.iter().map(|entry| Ok((entry, moment(entry), working(words, entry)?)));
    let shown = shown.collect::<Result<Vec<_>, CostError>>()?;
    let body = html! {
        div.page-head { h1 { (title) } a href="/admin/jobs" { (words.say("receipts-all")) } }
        p { code { (id) } }
        @for (entry, at, lines) in &shown { (card(words, entry, at, lines)) }
    };
    Ok(Page::new(&visit, Section::Jobs, &title).sheet("costs.css").show(&body))
}

/// How each figure comes about, or the figures alone where that is not kept; and whether they are what was booked.
struct Working {
    lines: Vec<WorkingLine>,
    is_reproduced: Option<bool>,
}

fn working(words: Words, entry: &BookedEntry) -> Result<Working, CostError> {
    let say = |word| words.say(key(word)).into_owned();
    Ok(Working { lines: entry.working(&say)?.unwrap_or_default(), is_reproduced: entry.is_reproduced()? })
}

fn card(words: Words, entry: &BookedEntry, at: &Markup, working: &Working) -> Markup {
    html! {
        div.card {
            h2 { (words.format(if entry.is_image { "receipts-image" } else { "receipts-work" }, &[
                ("number", (i64::from(entry.index) + 1).into()),
            ])) }
            p.note {
                (words.format("receipts-entry", &[("entry", entry.id.to_string().into())])) (words.comma()) (at)
                @if let Some(change) = &entry.change { " · " (changed(words, change)) }
            }
            table {
                @if working.lines.is_empty() { (figures(words, entry)) } @else {
                    tbody { @for line in &working.lines {
                        tr {
                            th scope="row" { (line.name) small.wrap { (line.formula) } }
                            td { (line.result) }
                        }
                    } }
                }
            }
            @match working.is_reproduced {
                Some(true) => p.note { span.tag.good { (words.say("receipts-reproduced")) } },
                Some(false) => p.notice.warn { (words.say("receipts-not-reproduced")) },
                None => p.note { (words.say("receipts-no-prices")) },
            }
        }
    }
}

/// The figures of an entry whose prices are not kept.
fn figures(words: Words, entry: &BookedEntry) -> Markup {
    let row = |name: &str, amount| {
        html! { tr { th scope="row" { (words.say(name)) } td { (words.amount(amount, entry.currency)) } } }
    };
    html! { tbody {
        (row("costs-electricity", entry.cost.electricity))
        (row("costs-depreciation", entry.cost.depreciation))
        (row("costs-upkeep", entry.cost.upkeep))
        (row("costs-standard", entry.cost.total().unwrap_or_default()))
    } }
}

fn changed(words: Words, change: &EntryChange) -> String {
    let key = if change.is_reversal { "receipts-reversal" } else { "receipts-correction" };
    let actor = change.actor.as_deref().unwrap_or("–");
    words.format(
        key,
        &[
            ("entry", change.entry.to_string().into()),
            ("actor", actor.into()),
            ("reason", change.reason.as_str().into()),
        ],
    )
}

const fn key(word: WorkingWord) -> &'static str {
    match word {
        WorkingWord::EnergyAtThePlug => "costs-energy-plug",
        WorkingWord::Electricity => "costs-electricity",
        WorkingWord::Upkeep => "costs-upkeep",
        WorkingWord::StandardCost => "costs-standard",
        WorkingWord::At => "receipts-at",
        WorkingWord::AKilowattHour => "receipts-a-kwh",
        WorkingWord::Tariff => "receipts-tariff",
        WorkingWord::Images => "receipts-images",
        WorkingWord::AnImage => "receipts-an-image",
        WorkingWord::OfWhichLeft => "receipts-left",
        WorkingWord::Steps => "receipts-steps",
        WorkingWord::Of => "receipts-of",
        WorkingWord::AnHour => "receipts-an-hour",
        WorkingWord::AMonth => "receipts-a-month",
        WorkingWord::AYear => "receipts-a-year",
        WorkingWord::AMegapixel => "receipts-a-megapixel",
        WorkingWord::Pixels => "receipts-pixels",
        WorkingWord::ReadOn => "receipts-read-on",
    }
}
