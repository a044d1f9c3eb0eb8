//! OpenAI's routes under /v1, links to images, and the document that describes both.

pub(super) mod auth;
pub(super) mod batches;
pub(super) mod code;
pub(super) mod edits;
pub(super) mod error;
pub(super) mod files;
mod images;
mod kept_images;
pub(super) mod links;
mod lists;
mod loras;
mod models;
pub(super) mod openapi;
pub(super) mod pieces;
pub(super) mod rates;
mod receipts;
pub(super) mod routing;
mod stream;
pub(super) mod wire;

use actix_cors::Cors;
use actix_web::{http::header::HeaderName, web};

use self::batches::asynchronous;
pub(in crate::http) use self::images::read_body;
use self::routing::{posted, readable, readable_and_deleted, readable_and_posted, unknown_url};

/// How long a browser may remember what it was allowed.
const CORS_MAX_AGE_SECS: usize = 3600;
/// Headers that a page from elsewhere may read.
const EXPOSED_HEADERS: [&str; 14] = [
    "x-request-id",
    "retry-after",
    "x-should-retry",
    "x-queue-position",
    "x-queue-eta-ms",
    "x-tintype-warning",
    "x-tintype-made-by",
    "content-disposition",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-limit-images",
    "x-ratelimit-remaining-images",
    "x-ratelimit-reset-images",
];

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            web::scope("/v1")
                .service(posted("/images/generations", images::generate))
                .service(posted("/images/edits", edits::edit))
                .service(posted("/images/variations", edits::vary))
                .service(readable("/models", models::list))
                .service(readable("/models/{id:.+}", models::find))
                .service(readable("/loras", loras::list))
                .service(readable("/receipts/{id}", receipts::find))
                .service(readable_and_posted("/files", files::list, files::upload))
                .service(readable_and_deleted("/files/{id}", files::find, files::delete))
                .service(readable("/files/{id}/content", files::content))
                .service(readable_and_posted("/batches", batches::list, batches::create))
                .service(readable("/batches/{id}", batches::find))
                .service(posted("/batches/{id}/cancel", batches::cancel))
                .service(posted("/async/images/generations", asynchronous::generate))
                .service(posted("/async/images/edits", asynchronous::edit))
                .service(readable("/async/{id}", asynchronous::find))
                .service(readable("/async/images/generations/{id}", asynchronous::find))
                .service(readable("/async/images/edits/{id}", asynchronous::find))
                .default_service(web::to(unknown_url))
                .wrap(cors()),
        )
        .service(
            web::scope("/pictures")
                .service(readable("/{name}", kept_images::show))
                .default_service(web::to(unknown_url))
                .wrap(cors()),
        )
        .service(readable("/openapi.json", openapi::document).wrap(cors()));
}

/// What the playground asks for under its own address, where a session may stand for a key. No other site's page is allowed to.
pub(super) fn of_playground(config: &mut web::ServiceConfig) {
    config
        .service(posted("/images/generations", images::generate))
        .service(posted("/images/edits", edits::edit))
        .service(readable("/loras", loras::list))
        .service(readable("/receipts/{id}", receipts::find))
        .default_service(web::to(unknown_url));
}

/// Any page may ask with a key of its own; none is sent by the browser alone, so no cookie opens /v1.
fn cors() -> Cors {
    Cors::default()
        .allow_any_origin()
        .send_wildcard()
        .allowed_methods(["GET", "POST", "DELETE"])
        .allow_any_header()
        .expose_headers(EXPOSED_HEADERS.map(HeaderName::from_static))
        .max_age(CORS_MAX_AGE_SECS)
}
