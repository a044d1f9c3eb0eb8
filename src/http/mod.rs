//! The server: connections, and the table of routes. Only this room knows status codes.

mod address;
mod api;
mod health;
mod pages;
mod routing;
mod watch;

use std::{any::Any, net::TcpListener, sync::Arc, time::Duration};

use actix_web::{App, HttpServer, dev::Server, middleware::from_fn, web};
use socket2::SockRef;

pub use self::{
    address::PublicAddress,
    api::{
        links::Links,
        wire::{FIELDS, Offer},
    },
    pages::{Attempts, NewSecrets, SessionSecret},
};
use self::{
    api::error::ApiError,
    routing::{readable, unknown_url},
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

/// What every handler may look at.
pub struct State {
    /// The way of a request.
    pub service: Arc<Service>,
    /// What a client may ask for.
    pub offer: Offer,
    /// What signs the operator's sessions.
    pub session_secret: SessionSecret,
    /// How often a password may be tried.
    pub attempts: Attempts,
    /// Secrets of new keys that wait to be shown.
    pub new_secrets: NewSecrets,
    /// Where clients find the server.
    pub address: PublicAddress,
    /// Links to images.
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
        .service(readable("/healthz", health::alive))
        .service(readable("/readyz", health::ready))
        .service(readable("/metrics", health::metrics))
        .configure(api::routes)
        .configure(pages::routes)
        .default_service(web::to(unknown_url));
}
