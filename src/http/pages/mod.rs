//! The pages for browsers. Those under /admin ask for a key, as a bearer key of a script or by a browser's session:
//! reading for the costs scope, writing for the admin scope.

mod attend;
mod batches;
mod centres;
mod charts;
mod cookies;
mod costs;
mod forms;
mod frame;
mod gallery;
mod jobs;
mod keys;
mod nodes;
mod places;
mod playground;
mod purchases;
mod receipts;
mod reference;
mod roi;
mod session;
mod settings;
mod signing;
mod webhooks;
mod welcome;

use actix_web::{HttpResponse, HttpResponseBuilder, http::header, middleware::from_fn, web};

use self::frame::Visit;
pub use self::{keys::NewSecrets, session::Attempts, signing::SessionSecret};
use super::api::{
    error::ApiError,
    of_playground,
    routing::{posted, readable, readable_and_posted, unknown_url},
};

/// Everything for browsers: pages under /admin, and the files that they ask for.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(readable("/assets/{version}/{name}", frame::serve_asset))
        .service(readable("/", welcome::show).wrap(from_fn(attend::attend)))
        .service(readable("/docs", reference::show).wrap(from_fn(attend::attend)))
        .service(readable("/playground", playground::show).wrap(from_fn(attend::attend)))
        .service(web::scope(places::ASKED_BY_PAGE).configure(of_playground).wrap(from_fn(session::of_page)))
        .service(web::scope(places::OWN_GALLERY).configure(own_gallery).wrap(from_fn(attend::attend)))
        .service(web::scope("/admin").configure(operator).wrap(from_fn(attend::attend)));
}

/// The images of whoever has a key, for that key alone.
fn own_gallery(config: &mut web::ServiceConfig) {
    config
        .service(readable("", gallery::show))
        .service(posted("/zip", gallery::zip))
        .service(posted("/{name}/delete", gallery::delete))
        .service(posted("/{name}/star", gallery::star))
        .service(readable("/asked/{id}", gallery::asked))
        .service(readable("/pictures/{name}", gallery::image))
        .service(readable("/pictures/{name}/small", gallery::thumbnail))
        .default_service(web::to(unknown_url));
}

fn operator(config: &mut web::ServiceConfig) {
    config
        .service(readable("", home))
        .service(readable("/", home))
        .service(readable("/costs", costs::show))
        .service(readable_and_posted("/costs/close", costs::show_closing, costs::close))
        .service(readable("/costs.json", costs::json))
        .service(readable("/costs.csv", costs::csv))
        .service(readable("/centres", centres::show))
        .service(readable("/centres.json", centres::all_json))
        .service(readable("/centres.csv", centres::all_csv))
        .service(readable("/centres/{id}/{month}.{kind:pdf|xlsx|csv}", centres::one))
        .service(readable("/receipts/{id}", receipts::show))
        .service(readable("/purchases", purchases::show))
        .service(readable_and_posted("/purchases/{id}", purchases::show_one, purchases::resolve))
        .service(readable("/roi", roi::show))
        .service(readable_and_posted("/settings", settings::show, settings::change))
        .service(posted("/settings/effect", settings::effect))
        .service(readable("/jobs", jobs::show))
        .service(readable("/jobs.json", jobs::show_json))
        .service(readable("/jobs/{id}", jobs::show_one))
        .service(posted("/jobs/{id}/cancel", jobs::cancel))
        .service(readable("/jobs/{id}/preview", jobs::preview))
        .service(readable("/nodes", nodes::show))
        .service(readable("/batches", batches::show))
        .service(readable("/batches.json", batches::show_json))
        .service(posted("/batches/{id}/cancel", batches::cancel))
        .service(readable("/batches/{id}/{file:input|output|errors}", batches::file))
        .service(readable_and_posted("/webhooks", webhooks::show, webhooks::create))
        .service(posted("/webhooks/{id}/{act:test|retry|remove}", webhooks::act))
        .service(readable("/gallery", gallery::show))
        .service(posted("/gallery/zip", gallery::zip))
        .service(posted("/gallery/{name}/delete", gallery::delete))
        .service(posted("/gallery/{name}/star", gallery::star))
        .service(readable("/gallery/asked/{id}", gallery::asked))
        .service(readable("/pictures/{name}", gallery::image))
        .service(readable("/pictures/{name}/small", gallery::thumbnail))
        .service(readable_and_posted("/keys", keys::show, keys::create))
        .service(readable_and_posted("/keys/{public_id}", keys::show_one, keys::change))
        .service(readable("/keys/{public_id}/secret", keys::show_secret))
        .service(posted("/keys/{public_id}/rotate", keys::rotate))
        .service(posted("/keys/{public_id}/{switch:disable|enable|revoke}", keys::switch))
        .service(posted("/preferences", frame::prefer))
        .service(readable_and_posted("/sign-in", session::form, session::sign_in))
        .service(posted("/sign-out", session::sign_out))
        .service(readable("/sessions", session::show_list))
        .service(posted("/sessions/end", session::end))
        .service(posted("/sessions/end-all", session::end_all))
        .default_service(web::to(unknown_url));
}

/// GET /admin
async fn home() -> HttpResponse {
    see_other(places::HOME)
}

/// Sends a browser to `place`, a path of this server.
fn see_other(place: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, place.to_owned())).finish()
}

/// Answers a form that came without its box for what cannot be undone: with its page again, and a program with an error, since it
/// would take a redirection for success.
fn unsure(visit: &Visit, place: &str) -> Result<HttpResponse, ApiError> {
    if visit.wants_page { Ok(see_other(place)) } else { Err(ApiError::not_sure()) }
}

/// Refuses a script's form by one of its fields, and says the remedy.
fn refused(field: &str, remedy: &str) -> ApiError {
    ApiError::invalid(field, format!("`{field}`: {remedy}"))
}

/// The same figures for scripts.
fn json(report: &(impl serde::Serialize + ?Sized)) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(report)
}

/// The media type of what is exported as rows.
const CSV: &str = "text/csv; charset=utf-8";

/// An answer that a browser keeps as the file `tintype-{name}`; its body is still to come.
fn download(media_type: &str, name: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .content_type(media_type)
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"tintype-{name}\"")))
        .insert_header((header::CACHE_CONTROL, "no-store"));
    response
}

/// The page's words and figures: tags become spaces, rows become lines.
#[cfg(test)]
fn text(page: &maud::Markup) -> String {
    let ends = ["</tr>", "</div>", "</caption>", "</header>"];
    let html = ends.iter().fold(page.0.clone(), |html, end| html.replace(end, "\n"));
    let words: String = html
        .split('<')
        .map(|part| part.split_once('>').map_or(part, |(_, words)| words).to_owned() + " ")
        .collect();
    let lines = words.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}
