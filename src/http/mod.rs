//! The doors: OpenAI's wire types under /v1, the operator's pages under /admin. Only this module knows status codes.

mod admin;
mod auth;
mod error;
mod health;
mod images;
mod links;
mod models;
mod openapi;
mod pictures;
mod rates;
mod receipts;
mod stream;
mod watch;
mod wire;

use std::{any::Any, net::TcpListener, sync::Arc, time::Duration};

use actix_cors::Cors;
use actix_web::{
    App, FromRequest, Handler, HttpResponse, HttpServer, Responder, dev::Server, http::header,
    middleware::from_fn, web,
};
use socket2::SockRef;

use self::error::ApiError;
pub use self::{
    admin::{Attempts, SessionSecret},
    links::Links,
    wire::{FIELDS, Offer},
};
use crate::service::Service;

/// How long a stop waits for connections, once every answer has been made.
const STOP_WAIT_SECS: u64 = 5;
/// Threads that parse requests; the pictures are painted elsewhere.
const HTTP_WORKERS: usize = 2;
/// How long a request's head may take to arrive.
const HEAD_WAIT: Duration = Duration::from_secs(10);
/// How long a request's body may take to arrive.
const BODY_WAIT: Duration = Duration::from_secs(60);
/// How long an answer may be stuck on its way to the client.
const WRITE_WAIT: Duration = Duration::from_secs(60);
/// How long a browser may remember what it was allowed.
const CORS_MAX_AGE_SECS: usize = 3600;
/// Headers that a page from elsewhere may read.
const EXPOSED_HEADERS: [&str; 13] = [
    "x-request-id",
    "retry-after",
    "x-should-retry",
    "x-queue-position",
    "x-queue-eta-ms",
    "x-tintype-warning",
    "content-disposition",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-limit-images",
    "x-ratelimit-remaining-images",
    "x-ratelimit-reset-images",
];

/// What every handler may look at.
pub struct State {
    /// The way of a request.
    pub service: Arc<Service>,
    /// What a client may ask for.
    pub offer: Offer,
    /// What signs the operator's sessions.
    pub session_secret: SessionSecret,
    /// How often signing in may be tried.
    pub attempts: Attempts,
    /// Links to pictures.
    pub links: Links,
    /// Connections at one time.
    pub connections_max: usize,
}

/// The HTTP server on `listener`, not yet polled. It leaves signals to its owner.
///
/// # Errors
/// What the system says of the listener.
pub fn server(listener: TcpListener, state: State) -> std::io::Result<Server> {
    let connections_max = state.connections_max.div_ceil(HTTP_WORKERS);
    let state = web::Data::new(state);
    let app = move || App::new().app_data(state.clone()).wrap(from_fn(watch::watch)).configure(routes);
    Ok(HttpServer::new(app)
        .workers(HTTP_WORKERS)
        .max_connections(connections_max)
        .client_request_timeout(HEAD_WAIT)
        .on_connect(|connection, _| limit_stalled_writes(connection))
        .disable_signals()
        // A client that closes its side has hung up: its handler is dropped, and its job ends at the next step.
        .h1_allow_half_closed(false)
        .shutdown_timeout(STOP_WAIT_SECS)
        .listen(listener)?
        .run())
}

/// A client that takes nothing of its answer for this long is cut off by the system (tcp(7), TCP_USER_TIMEOUT).
fn limit_stalled_writes(connection: &dyn Any) {
    let Some(stream) = connection.downcast_ref::<actix_web::rt::net::TcpStream>() else { return };
    if let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(WRITE_WAIT)) {
        tracing::warn!(%error, "a connection has no limit on stalled writes");
    }
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .app_data(web::QueryConfig::default().error_handler(|error, _| ApiError::query(&error).into()))
        .app_data(web::FormConfig::default().error_handler(|error, _| ApiError::form(&error).into()))
        .service(
            web::scope("/v1")
                .service(
                    web::resource("/images/generations")
                        .route(web::post().to(images::generate))
                        .default_service(only("POST")),
                )
                .service(readable("/models", models::list))
                .service(readable("/models/{id:.+}", models::find))
                .service(readable("/receipts/{id}", receipts::find))
                .default_service(web::to(unknown_url))
                .wrap(cors()),
        )
        .service(
            web::scope("/pictures")
                .service(readable("/{name}", pictures::show))
                .default_service(web::to(unknown_url))
                .wrap(cors()),
        )
        .service(readable("/openapi.json", openapi::document).wrap(cors()))
        .service(readable("/healthz", health::alive))
        .service(readable("/readyz", health::ready))
        .service(readable("/metrics", health::metrics))
        .configure(admin::routes)
        .default_service(web::to(unknown_url));
}

/// A resource that is read: by GET, and by HEAD, as probes do.
fn readable<F, Args>(path: &str, handler: F) -> actix_web::Resource
where
    F: Handler<Args> + Clone,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path)
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
        .default_service(only("GET, HEAD"))
}

/// Refuses every method but `methods`.
fn only(methods: &'static str) -> actix_web::Route {
    web::to(move || async move { Err::<HttpResponse, _>(ApiError::method_not_supported(methods)) })
}

/// Any page may ask with a key of its own; none is sent by the browser alone, so no cookie opens /v1.
fn cors() -> Cors {
    Cors::default()
        .allow_any_origin()
        .send_wildcard()
        .allowed_methods(["GET", "POST"])
        .allow_any_header()
        .expose_headers(EXPOSED_HEADERS.map(header::HeaderName::from_static))
        .max_age(CORS_MAX_AGE_SECS)
}

async fn unknown_url(request: actix_web::HttpRequest) -> Result<HttpResponse, ApiError> {
    Err(ApiError::unknown_url(request.method().as_str(), request.path()))
}
