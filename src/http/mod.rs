//! The doors: OpenAI's wire types under /v1, the operator's pages under /admin. Only this module knows status codes.

mod admin;
mod auth;
mod error;
mod images;
mod models;
mod request_id;
mod wire;

use std::{net::TcpListener, sync::Arc};

use actix_web::{App, HttpResponse, HttpServer, dev::Server, middleware::from_fn, web};

use self::error::ApiError;
pub use self::{admin::SessionSecret, wire::Offer};
use crate::{admit::Door, service::Service};

/// How long a stop waits for connections, once every answer has been made.
const STOP_WAIT_SECS: u64 = 5;
/// Threads that parse requests; the pictures are painted elsewhere.
const HTTP_WORKERS: usize = 2;

/// What every handler may look at.
pub struct State {
    /// The way of a request.
    pub service: Arc<Service>,
    /// What a client may ask for.
    pub offer: Offer,
    /// Scopes and rate limits.
    pub door: Door,
    /// What signs the operator's sessions.
    pub session_secret: SessionSecret,
}

/// The HTTP server on `listener`, not yet polled. It leaves signals to its owner.
///
/// # Errors
/// What the system says of the listener.
pub fn server(listener: TcpListener, state: State) -> std::io::Result<Server> {
    let state = web::Data::new(state);
    let app = move || App::new().app_data(state.clone()).wrap(from_fn(request_id::stamp)).configure(routes);
    Ok(HttpServer::new(app)
        .workers(HTTP_WORKERS)
        .disable_signals()
        // A client that closes its side has hung up: its handler is dropped, and the service notes the non-delivery.
        .h1_allow_half_closed(false)
        .shutdown_timeout(STOP_WAIT_SECS)
        .listen(listener)?
        .run())
}

fn routes(config: &mut web::ServiceConfig) {
    let only = |method: &'static str| {
        web::to(move || async move { Err::<HttpResponse, _>(ApiError::method_not_supported(method)) })
    };
    config
        .app_data(web::QueryConfig::default().error_handler(|error, _| ApiError::query(&error).into()))
        .app_data(web::FormConfig::default().error_handler(|error, _| ApiError::form(&error).into()))
        .service(
            web::resource("/v1/images/generations")
                .route(web::post().to(images::generate))
                .default_service(only("POST")),
        )
        .service(web::resource("/v1/models").route(web::get().to(models::list)).default_service(only("GET")))
        .service(
            web::resource("/v1/models/{id:.+}")
                .route(web::get().to(models::find))
                .default_service(only("GET")),
        )
        .service(web::resource("/healthz").route(web::get().to(healthz)).default_service(only("GET")))
        .service(web::scope("/admin").configure(admin::routes))
        .default_service(web::to(unknown_url));
}

/// Alive, and the model is loaded: nothing is answered before that.
async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "ok" }))
}

async fn unknown_url(request: actix_web::HttpRequest) -> Result<HttpResponse, ApiError> {
    Err(ApiError::unknown_url(request.method().as_str(), request.path()))
}
