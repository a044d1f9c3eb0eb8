//! Connections that live only while they make progress.
//!
//! actix has one timer for the first head and one for a connection that rests; after any further byte, and while it throws away
//! a chunked body that nobody reads, it has none. So each connection here notes every byte that moves ([`stream`]), knows what it
//! is doing ([`progress`]), and is dropped once its time is up ([`registry`]). See docs/decisions/0013-connections.md.

mod bodies;
mod open_files;
mod progress;
mod refusal;
mod registry;
mod stream;

use std::{
    fmt,
    mem::MaybeUninit,
    net::{IpAddr, Shutdown, SocketAddr, TcpListener},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use actix_http::{HttpService, KeepAlive, Protocol, Request, Response};
use actix_server::{GracefulShutdownSignal, Server, ServerBuilder};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, apply_fn_factory, map_config,
};
use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{AppConfig, Payload, ServiceRequest},
    http::{
        ConnectionType,
        header::{CONTENT_LENGTH, TRANSFER_ENCODING},
    },
    rt::net::TcpStream,
};
use socket2::SockRef;
use tokio::time::{Instant, timeout};

pub(super) use self::registry::Connection;
use self::{
    bodies::{AnswerBody, RequestBody},
    progress::{BodyLength, ConnectionProgress, WRITE_WAIT},
    registry::{Caps, Guest, Overdue, Registry},
    stream::{Stream, send},
};
use super::api::error::ApiError;

/// Threads that read requests and write answers; images are generated elsewhere.
const HTTP_WORKERS: usize = 2;
/// Connections that the system keeps until they are accepted. The standard library asks for 128: a flood fills that, and
/// newcomers then wait for a second.
const BACKLOG: i32 = 1024;
/// How long a stop waits for connections, once every answer has been made.
const STOP_WAIT_SECS: u64 = 5;
/// How long a connection that we end waits for the client to end its side, so that the client can read the last answer.
const LINGER_WAIT: Duration = Duration::from_secs(1);
/// What is read and thrown away meanwhile.
const LINGER_BYTES: usize = 1 << 20;

/// How many connections there may be, and how long they may rest.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Connections at one time.
    pub max: usize,
    /// Connections from one address at one time; trusted proxies excepted.
    pub per_address_max: usize,
    /// How long a connection may rest between two requests.
    pub keep_alive: Duration,
}

/// The address under which a connection reached this server.
#[derive(Debug, Clone, Copy)]
struct LocalAddress(SocketAddr);

/// A server for `app` on `listener`, not yet polled. It leaves signals to its owner. `is_proxy` names the peers that speak for
/// many clients.
///
/// # Errors
/// What the system says of the listener.
pub(super) fn server<F, I, S, B>(
    listener: TcpListener,
    limits: ConnectionLimits,
    is_proxy: impl Fn(IpAddr) -> bool + Clone + Send + 'static,
    app: F,
) -> std::io::Result<Server>
where
    F: Fn() -> I + Clone + Send + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let address = listener.local_addr()?;
    SockRef::from(&listener).listen(BACKLOG)?;
    let registry = Registry::new(caps(limits));
    let builder = builder();
    let stop = builder.graceful_shutdown_signal();
    let factory = move || {
        let stop = stop.clone();
        let app = app().into_factory().map_err(|error: S::Error| error.into().error_response());
        let http = HttpService::build()
            // Deadlines are ours.
            .keep_alive(KeepAlive::Os)
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(Duration::ZERO)
            // A client that closes its side has hung up: its handler is dropped, and its job ends at the next step.
            .h1_allow_half_closed(false)
            .graceful_shutdown_signal(move || notified(stop.clone()))
            .on_connect_ext(move |stream: &Stream, data| {
                data.insert(Arc::clone(stream.connection()));
                data.insert(LocalAddress(address));
            })
            .finish(map_config(app, |()| AppConfig::default()));
        let (registry, is_proxy) = (Arc::clone(&registry), is_proxy.clone());
        apply_fn_factory(http, move |tcp: TcpStream, http: &_| {
            limit_stalled_writes(&tcp);
            let peer = tcp.peer_addr().ok();
            let source = peer.map(|peer| peer.ip().to_canonical()).filter(|peer| !is_proxy(*peer));
            let tcp = Rc::new(tcp);
            let admitted = registry.admit(source, Instant::now()).map(|guest| {
                let stream = Stream::new(Rc::clone(&tcp), Arc::clone(guest.connection()));
                (guest, Service::call(http, (stream, Protocol::Http1, peer)))
            });
            async move {
                match admitted {
                    Ok((guest, requests)) => serve(&guest, limits.keep_alive, &tcp, requests).await,
                    Err(registry::Full) => refuse(&tcp, peer).await,
                }
                Ok(())
            }
        })
    };
    Ok(builder.listen("http", listener, factory)?.run())
}

/// A server that leaves signals to its owner, and counting to the registry: actix would not accept a newcomer at its own
/// limit.
fn builder() -> ServerBuilder {
    let builder = Server::build().workers(HTTP_WORKERS).max_concurrent_connections(usize::MAX);
    builder.disable_signals().shutdown_timeout(STOP_WAIT_SECS)
}

async fn notified(stop: GracefulShutdownSignal) {
    stop.notified().await;
}

/// Answers a newcomer for whom there is no place.
async fn refuse(tcp: &TcpStream, peer: Option<SocketAddr>) {
    tracing::warn!(?peer, "refused a connection: all within its cap are at work");
    timeout(LINGER_WAIT, tcp.writable()).await.ok();
    send(tcp, &refusal::raw(&ApiError::connections_full()));
}

/// The caps that fit into the limit of open files. One address never gets them all.
fn caps(limits: ConnectionLimits) -> Caps {
    let all = open_files::make_room_for(limits.max.max(1));
    Caps { all, per_address: limits.per_address_max.clamp(1, (all * 3 / 4).max(1)) }
}

/// Serves the requests of a connection until its client, its last answer, or its deadline ends it.
async fn serve(
    guest: &Guest,
    keep_alive: Duration,
    tcp: &TcpStream,
    requests: impl Future<Output = Result<(), actix_http::error::DispatchError>>,
) {
    let connection = guest.connection();
    let mut requests = Box::pin(requests);
    let overdue = loop {
        let overdue = tokio::select! {
            // What went wrong is in its answer, or there is nobody left to hear it.
            _ended = &mut requests => None,
            overdue = connection.overdue(keep_alive) => Some(overdue),
        };
        // On a busy machine a request may lie there unread. Its client is not silent.
        let is_silent = || !connection.ask(ConnectionProgress::waits_for_bytes) || !has_unread_bytes(tcp);
        if overdue != Some(Overdue::Evicted) || is_silent() || guest.return_at(Instant::now()).is_err() {
            break overdue;
        }
    };
    // Its hold on the socket goes, and its job is stopped.
    drop(requests);
    match overdue {
        Some(Overdue::Evicted) => return,
        Some(Overdue::SlowHead) => send(tcp, &refusal::raw(&ApiError::head_too_slow())),
        Some(Overdue::Silent) | None => {}
    }
    tokio::select! {
        () = linger(tcp) => {}
        () = connection.evicted() => {}
    }
}

/// Whether the client has sent something that was not read.
fn has_unread_bytes(tcp: &TcpStream) -> bool {
    SockRef::from(tcp).peek(&mut [MaybeUninit::uninit()]).is_ok_and(|bytes| bytes > 0)
}

/// Ends our side, and reads a little more: closing a socket with unread bytes would take the last answer from the client.
async fn linger(tcp: &TcpStream) {
    if SockRef::from(tcp).shutdown(Shutdown::Write).is_err() {
        return;
    }
    let discard = async {
        let (mut buffer, mut left) = ([0; 4096], LINGER_BYTES);
        while left > 0 && tcp.readable().await.is_ok() {
            match tcp.try_read(&mut buffer) {
                Ok(0) => return,
                Ok(read) => left = left.saturating_sub(read),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
        // A client that goes on sending has its second to read the answer, and nothing more is read of it.
        std::future::pending::<()>().await;
    };
    timeout(LINGER_WAIT, discard).await.ok();
}

/// A client that takes nothing of its answer for this long is cut off by the system (tcp(7), TCP_USER_TIMEOUT), also after the
/// connection was closed here.
fn limit_stalled_writes(tcp: &TcpStream) {
    if let Err(error) = SockRef::from(tcp).set_tcp_user_timeout(Some(WRITE_WAIT)) {
        tracing::warn!(%error, "a connection has no limit on stalled writes");
    }
}

/// Notes that a request began, and gives its body a deadline.
pub(super) fn begin(request: &mut ServiceRequest) -> Option<Arc<Connection>> {
    let connection = request.request().conn_data::<Arc<Connection>>().cloned()?;
    let (headers, now) = (request.headers(), Instant::now());
    let announced = || headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
    let length = if headers.contains_key(TRANSFER_ENCODING) {
        BodyLength::Chunked
    } else {
        BodyLength::Bytes(announced().unwrap_or(0))
    };
    connection.update(|progress| progress.begin(length, now));
    let payload = request.take_payload();
    if !matches!(payload, Payload::None) {
        let body = RequestBody::new(payload, Arc::clone(&connection), now);
        request.set_payload(Payload::Stream { payload: Box::pin(body) });
    }
    Some(connection)
}

/// Lets `response` say when it is complete. It ends its connection if the rest of the request's body was refused.
pub(super) fn finish(
    mut response: HttpResponse<BoxBody>,
    connection: Option<&Arc<Connection>>,
) -> HttpResponse<BoxBody> {
    let Some(connection) = connection else { return response };
    if connection.is_closed_to_reading() {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    response.map_body(|_, body| BoxBody::new(AnswerBody::new(body, Arc::clone(connection))))
}

/// The address under which `request` reached this server.
pub(super) fn local_address(request: &HttpRequest) -> SocketAddr {
    match request.conn_data::<LocalAddress>() {
        Some(LocalAddress(address)) => *address,
        None => request.app_config().local_addr(),
    }
}
