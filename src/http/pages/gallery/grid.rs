use jiff::{Timestamp, civil::DateTime};
use maud::{Markup, html};

use super::{GalleryView, Keeping, reach::Reach};
use crate::{
    http::pages::{
        frame::{Words, fields},
        jobs::FilterOffer,
    },
    image_store::ImageName,
    service::RecentJob,
};

/// Reads a moment from the clock on the wall.
type Civil<'a> = &'a dyn Fn(Timestamp) -> DateTime;

pub(super) fn body(reach: &Reach, view: &GalleryView, title: &str, civil: Civil<'_>) -> Markup {
    let words = reach.visit.words;
    let names: Vec<_> = view.images().map(|(_, name)| name.to_string()).collect();
    let offer =
        FilterOffer { place: reach.place, keys: &view.keys, prompts: view.keeping.prompts, stars: true };
    html! {
        div.page-head {
            h1 { (title) }
            @if !names.is_empty() { (download(reach, &names)) }
        }
        p.note { (kept(words, &view.keeping)) }
        @if reach.key.is_some() { p.note { (words.say("gallery-own")) } }
        (view.query.form(words, &offer))
        @if names.is_empty() {
            p.empty { (words.say(if view.query.is_any() { "gallery-none-found" } else { "gallery-none" })) }
        } @else {
            ul.gallery { @for (job, name) in view.images() { (image(reach, view, job, name, civil)) } }
        }
        nav.pager aria-label=(title) {
            @if !view.query.is_newest() { a.button.second href=(view.query.address(reach.place, None)) { "‹ " (words.say("jobs-newest")) } }
            @if let Some(older) = view.older {
                a.button.second href=(view.query.address(reach.place, Some(older))) rel="next" { (words.say("jobs-older")) " ›" }
            }
        }
        (lightbox(words))
    }
}

/// What is kept here, and for how long.
fn kept(words: Words, keeping: &Keeping) -> Markup {
    let prompts = if keeping.prompts { "gallery-prompts-kept" } else { "gallery-prompts-not-kept" };
    let stars = if keeping.favourites { "gallery-stars-kept" } else { "gallery-stars-not-kept" };
    html! {
        (words.format("gallery-kept", &[("days", keeping.days.into())])) " "
        (words.say(prompts)) " " (words.say(stars))
    }
}

fn lightbox(words: Words) -> Markup {
    html! {
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
fn download(reach: &Reach, names: &[String]) -> Markup {
    let words = reach.visit.words;
    html! {
        form.row id="download" method="post" action={ (reach.place) "/zip" } data-all=(words.say("gallery-download-all"))
            data-chosen=(words.say("gallery-download-chosen")) {
            (fields(&reach.visit))
            input type="hidden" name="names" value=(names.join(","));
            button.second { (words.say("gallery-download-all")) }
        }
    }
}

fn image(reach: &Reach, view: &GalleryView, job: &RecentJob, name: ImageName, civil: Civil<'_>) -> Markup {
    let words = reach.visit.words;
    let (address, is_favourite) = (reach.image(name), job.favourites.contains(&name.index));
    html! {
        li id={ "image-" (name.request.to_digits()) "-" (name.index) } class=[is_favourite.then_some("favourite")] {
            label.hidden-check { input type="checkbox" value=(name) aria-label=(words.say("gallery-choose")); }
            a.open href=(address) { img src={ (address) "/small" } alt=(words.say("jobs-image")) loading="lazy" width="200" height="200"; }
            div.caption {
                @if let Some(asked) = &job.asked { p.asked { (asked.prompt) } }
                span { (job.request.key_name) } @if let Some(tag) = &job.request.tag { " " span.tag { (tag) } }
                small { (words.moment(job.request.came_at, civil(job.request.came_at))) }
            }
            div.more {
                (details(words, view, job))
                div.row {
                    (star(reach, name, is_favourite))
                    a.button.second href=(address) download=(name) { (words.say("gallery-download")) }
                    @if !reach.is_own() {
                        a.button.second href={ "/admin/jobs/" (job.request.id.to_text()) } { (words.say("gallery-job")) }
                        a.button.second href={ "/admin/receipts/" (job.request.id) } { (words.say("gallery-receipt")) }
                    }
                }
                (again(reach, view, job, name))
                form method="post" action={ (reach.place) "/" (name) "/delete" } data-ask=(words.say("gallery-delete-ask")) {
                    (fields(&reach.visit))
                    button.danger { (words.say("gallery-delete")) }
                }
            }
        }
    }
}

fn star(reach: &Reach, name: ImageName, is_favourite: bool) -> Markup {
    html! {
        form data-star method="post" action={ (reach.place) "/" (name) "/star" } {
            (fields(&reach.visit))
            input type="hidden" name="on" value=(if is_favourite { "0" } else { "1" });
            button.second aria-pressed=(is_favourite) { "★ " (reach.visit.words.say("gallery-favourite")) }
        }
    }
}

/// The ways to the playground with what the image was made from.
fn again(reach: &Reach, view: &GalleryView, job: &RecentJob, name: ImageName) -> Markup {
    let words = reach.visit.words;
    let from = if reach.is_own() { "own" } else { "all" };
    let place =
        |take: &str| format!("/playground?from={from}&again={}&take={take}", name.request.to_digits());
    html! {
        div.row {
            @if job.asked.is_some() {
                a.button.second href=(place("prompt")) { (words.say("gallery-again-prompt")) }
            }
            @if job.asked.is_some() || job.request.work.is_some() {
                a.button.second href={ (place("seed")) "&image=" (name.index) } { (words.say("gallery-again-seed")) }
                a.button.second href=(place("all")) { (words.say("gallery-again-all")) }
            }
            @if view.can_edit {
                a.button.second href={ "/playground?from=" (from) "&edit=" (name) } { (words.say("gallery-edit")) }
            }
        }
    }
}

fn details(words: Words, view: &GalleryView, job: &RecentJob) -> Markup {
    html! { @if let Some(work) = &job.request.work {
        dl.facts {
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
