//! The server: connections, and the table of routes. Only this room knows status codes.

mod address;
mod api;
mod connections;
mod forwarded_headers;
mod health;
mod pages;
mod request_id;
mod text;
mod watch;

use std::{net::TcpListener, path::PathBuf, sync::Arc};

use actix_web::{App, dev::Server, middleware::from_fn, web};

pub use self::{
    address::PublicAddress,
    api::{
        batches::{BatchDesk, run_batches, run_batches_in_turn},
        edits::SourceMemory,
        files::FileTerms,
        links::Links,
        pieces::AnswerMemory,
        wire::{EDIT_FIELDS, FIELDS, LoraTerms, Offer},
    },
    connections::ConnectionLimits,
    forwarded_headers::{ForwardedHeaders, HeaderNotes},
    pages::{Attempts, NewSecrets, SessionSecret},
};
use self::{
    api::error::ApiError,
    api::routing::{no_such_url, readable, unknown_url},
};
use crate::{notify::NewsSender, service::Service, source_image::ImageFetcher};

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
    /// What a proxy wrote into requests last.
    pub header_notes: HeaderNotes,
    /// Links to images.
    pub links: Links,
    /// Where bodies are kept that are too long for memory, until they are read.
    pub bodies: PathBuf,
    /// How many bytes of files a key may have, and for how long.
    pub file_terms: FileTerms,
    /// What looks after batches.
    pub batches: BatchDesk,
    /// What images hold that wait to be edited.
    pub source_memory: SourceMemory,
    /// What reaches other servers.
    pub elsewhere: Elsewhere,
    /// What answers on their way hold.
    pub answer_memory: AnswerMemory,
}

impl State {
    /// Wakes whoever looks after batches, here or at another gateway, since one was created or cancelled.
    fn wake_batches(&self) {
        self.batches.wake();
        self.service.announce_batch_change();
    }
}

/// What reaches other servers.
pub struct Elsewhere {
    /// Fetches images that bodies name by URLs.
    pub images: ImageFetcher,
    /// Sends news to endpoints.
    pub webhooks: NewsSender,
}

/// The HTTP server on `listener`, not yet polled. It leaves signals to its owner.
///
/// # Errors
/// What the system says of the listener.
pub fn server(
    listener: TcpListener,
    limits: ConnectionLimits,
    state: Arc<State>,
    routes: Routes,
) -> std::io::Result<Server> {
    let state = web::Data::from(state);
    let peers = web::Data::clone(&state);
    let routes = match routes {
        Routes::All => all_routes,
        Routes::Health => health_routes,
    };
    let app = move || App::new().app_data(state.clone()).wrap(from_fn(watch::watch)).configure(routes);
    connections::server(listener, limits, move |peer| peers.address.is_trusted(&peer), app)
}

/// What a server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routes {
    /// Everything.
    All,
    /// Whether it is alive and ready, and its metrics: of a worker, which has no clients.
    Health,
}

fn health_routes(config: &mut web::ServiceConfig) {
    config
        .service(readable("/healthz", health::alive))
        .service(readable("/readyz", health::ready))
        .service(readable("/metrics", health::metrics))
        .default_service(web::to(unknown_url));
}

fn all_routes(config: &mut web::ServiceConfig) {
    config
        .app_data(web::PathConfig::default().error_handler(|_, request| no_such_url(request).into()))
        .app_data(web::QueryConfig::default().error_handler(|error, _| ApiError::query(&error).into()))
        .app_data(web::FormConfig::default().error_handler(|error, _| ApiError::form(&error).into()))
        .configure(api::routes)
        .configure(pages::routes)
        .configure(health_routes);
}
