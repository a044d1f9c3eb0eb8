use maud::{Markup, html};

use super::{Civil, HERE, View, loras, size};
use crate::{
    domain::FailureReason,
    http::pages::frame::Words,
    image_store::ImageName,
    ledger::{Purchase, PurchaseStanding, RecentRequest, RecentWork, RequestOutcome},
    service::RecentJob,
    units::Currency,
};

/// Thumbnails shown for a request; a count stands for the rest.
const SHOWN: usize = 4;

/// The requests that have ended, newest first, and the way to older ones.
pub(super) fn section(words: Words, view: &View, civil: Civil<'_>) -> Markup {
    let oldest = view.recent.last().filter(|_| view.has_older);
    html! {
        section id="recent" aria-labelledby="recent-title" {
            h2 id="recent-title" { (words.say("jobs-ended")) }
            @if view.recent.is_empty() {
                p.empty { (words.say(if view.query.is_any() { "jobs-none-found" } else { "jobs-none-ended" })) }
            } @else {
                div.scroll tabindex="0" role="region" aria-labelledby="recent-title" { table.list.jobs.ended {
                    thead { tr {
                        th scope="col" { (words.say("jobs-kept")) }
                        th scope="col" { (words.say("jobs-key")) }
                        th scope="col" { (words.say("jobs-asked")) }
                        th.number scope="col" { (words.say("jobs-time")) }
                        th.number scope="col" { (words.say("jobs-energy")) }
                        th.number scope="col" { (words.say("jobs-cost")) }
                        th scope="col" { (words.say("jobs-state")) }
                    } }
                    tbody { @for job in &view.recent { (line(words, job, view, civil)) } }
                } }
                p.note { (words.say("jobs-states-how")) }
            }
            nav.pager aria-label=(words.say("jobs-ended")) {
                @if !view.query.is_newest() {
                    a.button.second href=(view.query.address(HERE, None)) { "‹ " (words.say("jobs-newest")) }
                }
                @if let Some(oldest) = oldest {
                    a.button.second href=(view.query.address(HERE, Some(oldest.request.id))) rel="next" { (words.say("jobs-older")) " ›" }
                }
            }
        }
    }
}

fn line(words: Words, job: &RecentJob, view: &View, civil: Civil<'_>) -> Markup {
    let request = &job.request;
    html! { tr {
        td.kept { @if view.may_administer { (thumbnails(words, &job.kept)) } }
        th scope="row" {
            (request.key_name) " " @if let Some(tag) = &request.tag { span.tag { (tag) } }
            small { (words.moment(request.came_at, civil(request.came_at))) }
            @if let Some(asked) = &job.asked { p.prompt { (asked.prompt) } }
            small.id { a href={ (HERE) "/" (request.id.to_text()) } { code { (request.id) } } }
        }
        @match (&request.work, request.purchase.as_ref().filter(|purchase| purchase.is_bought())) {
            (None, Some(purchase)) => {
                (bought(words, purchase, view.currency))
            }
            (None, None) => {
                td.asked { span.soft { (words.format("jobs-images", &[("count", request.images.into())])) } }
                td.number.time { "–" } td.number.energy { "–" } td.number.cost { "–" }
            }
            (Some(work), _) => { (figures(words, request, work, view.currency)) }
        }
        td.state { (state(words, request)) }
    } }
}

fn figures(words: Words, request: &RecentRequest, work: &RecentWork, currency: Currency) -> Markup {
    let device = words.energy_text(work.energy.into());
    html! {
        td.asked {
            (size(work.size))
            small {
                (words.format("jobs-images", &[("count", request.images.into())])) " · "
                (words.format("jobs-steps", &[("count", work.steps.into())]))
            }
            small { (words.format("jobs-seed", &[("seed", work.seed.to_string().into())])) }
            (loras(&request.loras))
        }
        td.number.time { (words.time_text(work.duration)) }
        td.number.energy {
            (words.energy(work.wall_energy.into()))
            small { (words.format("jobs-energy-device", &[("energy", device.into())])) }
        }
        td.number.cost {
            a href={ "/admin/receipts/" (request.id) } { (words.amount(work.cost, currency)) }
        }
    }
}

fn thumbnails(words: Words, kept: &[ImageName]) -> Markup {
    html! {
        @if kept.is_empty() { span.soft { (words.say("jobs-not-kept")) } }
        div.thumbs { @for name in kept.iter().take(SHOWN) {
            @let address = format!("/admin/pictures/{name}");
            a href=(address) target="_blank" { img src={ (address) "/small" } alt=(words.say("jobs-image")) loading="lazy" width="64" height="64"; }
        } }
        @if kept.len() > SHOWN { small { "+" (kept.len() - SHOWN) } }
    }
}

/// What came of a request, and why.
pub(super) fn state(words: Words, request: &RecentRequest) -> Markup {
    let class = match request.outcome {
        RequestOutcome::Delivered => "tag good",
        RequestOutcome::Undelivered => "tag warn",
        RequestOutcome::Cancelled => "tag",
        RequestOutcome::Failed | RequestOutcome::Abandoned => "tag bad",
    };
    html! {
        span class=(class) { (words.say(word_of(request.outcome))) }
        @if let Some(reason) = request.failure { small { (words.say(why(reason))) } }
        @if let Some(purchase) = &request.purchase {
            small.overflow {
                (words.format(word_of_purchase(purchase), &[("seller", purchase.seller.as_str().into())])) (words.colon()) (purchase.why)
                @if !purchase.is_bought() { @if let Some(outcome) = &purchase.outcome { "; " (outcome) } }
            }
        }
    }
}

fn bought(words: Words, purchase: &Purchase, currency: Currency) -> Markup {
    let cost = purchase.price.price.times(purchase.images).unwrap_or_default();
    html! {
        td.asked {
            (size(purchase.size))
            small { (words.format("jobs-images", &[("count", purchase.images.into())])) }
        }
        td.number.time { "–" } td.number.energy { "–" }
        td.number.cost {
            (words.amount(cost, currency))
            small { (purchase.price.list) " " (purchase.price.list_currency) }
        }
    }
}

/// The key of the words for what came of a purchase.
fn word_of_purchase(purchase: &Purchase) -> &'static str {
    match purchase.standing() {
        PurchaseStanding::Open => "jobs-purchase-open",
        PurchaseStanding::Bought => "jobs-purchase-bought",
        PurchaseStanding::Doubtful => "jobs-purchase-doubtful",
        PurchaseStanding::NotPaid | PurchaseStanding::Lost => "jobs-purchase-resolved",
        PurchaseStanding::Refused => "jobs-purchase-refused",
    }
}

/// The key of the word for an outcome.
pub(super) fn word_of(outcome: RequestOutcome) -> &'static str {
    match outcome {
        RequestOutcome::Delivered => "jobs-delivered",
        RequestOutcome::Undelivered => "jobs-undelivered",
        RequestOutcome::Failed => "jobs-failed",
        RequestOutcome::Cancelled => "jobs-cancelled",
        RequestOutcome::Abandoned => "jobs-abandoned",
    }
}

/// The key of the words for a reason.
pub(super) fn why(reason: FailureReason) -> &'static str {
    match reason {
        FailureReason::ClientGone => "jobs-why-client-gone",
        FailureReason::CancelledByOperator => "jobs-why-operator",
        FailureReason::DeadlinePassed => "jobs-why-deadline",
        FailureReason::ServerStopping => "jobs-why-stopping",
        FailureReason::NoDevice => "jobs-why-no-device",
        FailureReason::OutOfMemory => "jobs-why-memory",
        FailureReason::GenerationFailed => "jobs-why-failed",
        FailureReason::NotStored => "jobs-why-not-stored",
    }
}
