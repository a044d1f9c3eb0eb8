use jiff::{Timestamp, civil::DateTime};
use maud::{Markup, html};

use super::{GalleryView, HERE};
use crate::{
    http::pages::frame::{Visit, Words, fields},
    image_store::ImageName,
    service::RecentJob,
};

/// Reads a moment from the clock on the wall.
type Civil<'a> = &'a dyn Fn(Timestamp) -> DateTime;

pub(super) fn body(visit: &Visit, view: &GalleryView, civil: Civil<'_>) -> Markup {
    let words = visit.words;
    let names: Vec<_> = view.images().map(|(_, name)| name.to_string()).collect();
    html! {
        div.page-head {
            h1 { (words.say("nav-gallery")) }
            @if !names.is_empty() { (download(visit, &names)) }
        }
        p.note { (words.format("gallery-kept", &[("days", view.keep_days.into())])) }
        (view.query.form(words, &view.keys, HERE))
        @if names.is_empty() {
            p.empty { (words.say(if view.query.is_any() { "gallery-none-found" } else { "gallery-none" })) }
        } @else {
            ul.gallery { @for (job, name) in view.images() { (image(visit, view, job, name, civil)) } }
        }
        nav.pager aria-label=(words.say("nav-gallery")) {
            @if !view.query.is_newest() { a.button.second href=(view.query.address(HERE, None)) { "‹ " (words.say("jobs-newest")) } }
            @if let Some(older) = view.older {
                a.button.second href=(view.query.address(HERE, Some(older))) rel="next" { (words.say("jobs-older")) " ›" }
            }
        }
        dialog id="lightbox" aria-label=(words.say("jobs-image")) {
            div.frame { img alt=""; }
            div.details {}
            div.row {
                button.second type="button" data-step="-1" aria-label=(words.say("gallery-previous")) { "‹" }
                button.second type="button" data-step="1" aria-label=(words.say("gallery-next")) { "›" }
                button.second type="button" data-zoom aria-pressed="false" { (words.say("gallery-zoom")) }
                button.second type="button" data-close { (words.say("gallery-close")) }
            }
        }
    }
}

/// All images of the page in one file; with a script, those that are chosen.
fn download(visit: &Visit, names: &[String]) -> Markup {
    let words = visit.words;
    html! {
        form.row id="download" method="post" action={ (HERE) "/zip" } data-all=(words.say("gallery-download-all"))
            data-chosen=(words.say("gallery-download-chosen")) {
            (fields(visit))
            input type="hidden" name="names" value=(names.join(","));
            button.second { (words.say("gallery-download-all")) }
        }
    }
}

fn image(visit: &Visit, view: &GalleryView, job: &RecentJob, name: ImageName, civil: Civil<'_>) -> Markup {
    let words = visit.words;
    let address = format!("/admin/pictures/{name}");
    html! {
        li id={ "image-" (name.request.to_digits()) "-" (name.index) } {
            label.hidden-check { input type="checkbox" value=(name) aria-label=(words.say("gallery-choose")); }
            a.open href=(address) { img src={ (address) "/small" } alt=(words.say("jobs-image")) loading="lazy" width="200" height="200"; }
            div.caption {
                span { (job.request.key_name) } @if let Some(tag) = &job.request.tag { " " span.tag { (tag) } }
                small { (words.moment(job.request.came_at, civil(job.request.came_at))) }
            }
            div.more {
                (details(words, view, job))
                div.row {
                    a.button.second href=(address) download=(name) { (words.say("gallery-download")) }
                    a.button.second href={ "/admin/receipts/" (job.request.id) } { (words.say("gallery-receipt")) }
                    form method="post" action={ (HERE) "/" (name) "/delete" } {
                        (fields(visit))
                        button.danger { (words.say("gallery-delete")) }
                    }
                }
            }
        }
    }
}

fn details(words: Words, view: &GalleryView, job: &RecentJob) -> Markup {
    html! { @if let Some(work) = &job.request.work {
        dl {
            dt { (words.say("jobs-asked")) }
            dd { (work.size.width()) "\u{a0}×\u{a0}" (work.size.height()) }
            dt { (words.say("gallery-seed")) }
            dd.number { (work.seed.to_string()) }
            dt { (words.say("gallery-steps")) }
            dd.number { (words.count(work.steps)) }
            dt { (words.say("jobs-cost")) }
            dd { (words.amount(work.cost, view.currency)) }
        }
    } }
}
