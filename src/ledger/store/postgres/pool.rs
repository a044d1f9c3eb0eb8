use std::{fs, future::poll_fn, sync::LazyLock, time::Duration};

use parking_lot::{Condvar, Mutex};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
};
use tokio_postgres::{AsyncMessage, Client, NoTls, Socket, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{PostgresUrl, fault, statement::Statements, wait};
use crate::ledger::LedgerError;

/// Connections that are open at most; whoever comes then waits for one.
const CONNECTIONS_MAX: usize = 16;
/// As many more are open for what waits for no other writer, such as a node's lease: while all others wait for one that hangs, a
/// node stays alive.
const CONNECTIONS_BESIDE: usize = 2;
/// How long somebody waits for a connection.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// How long a connection may take to be made, unless the URL says so.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the answer to one short statement may take. Its process may be frozen while its machine is alive, so that no connection
/// breaks: a node's lease would wait for it for ever.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// For how long a server may be silent before a connection to it is given up, unless the URL says so.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// What the server is asked for at the begin of a connection: to notice within a minute that this machine is gone. By the defaults of
/// operating systems it takes two hours, in which others wait for the locks that it held.
const SESSION: &str =
    "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3";

/// The server's timeline, which is another one after each failover.
const TIMELINE: &str = "SELECT left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)";

/// A connection, the statements that are prepared on it, and the timeline of its server.
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) statements: Statements,
    pub(super) timeline: String,
}

/// The connections to one database. Each is used by one at a time.
pub(super) struct Pool {
    url: PostgresUrl,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    /// Idle or on loan.
    open: usize,
}

impl Pool {
    pub(super) fn new(url: PostgresUrl) -> Self {
        Self { url, state: Mutex::default(), returned: Condvar::new() }
    }

    pub(super) const fn url(&self) -> &PostgresUrl {
        &self.url
    }

    /// A connection that nobody else has, made if none is idle.
    pub(super) fn take(&self) -> Result<Loan<'_>, LedgerError> {
        self.take_of(CONNECTIONS_MAX)
    }

    /// The same for what must not wait behind those who wait for each other.
    pub(super) fn take_beside(&self) -> Result<Loan<'_>, LedgerError> {
        self.take_of(CONNECTIONS_MAX + CONNECTIONS_BESIDE)
    }

    /// One of `most` connections.
    fn take_of(&self, most: usize) -> Result<Loan<'_>, LedgerError> {
        let mut state = self.state.lock();
        loop {
            if let Some(connection) = state.idle.pop() {
                return Ok(Loan { pool: self, connection: Some(connection) });
            }
            if state.open < most {
                state.open += 1;
                break;
            }
            if self.returned.wait_for(&mut state, WAIT_MAX).timed_out() {
                return Err(fault::away(format!(
                    "{}: all {most} connections have been busy for {} s",
                    self.url,
                    WAIT_MAX.as_secs()
                )));
            }
        }
        drop(state);
        // Counted as open from here on, and no more if it cannot be made.
        let mut loan = Loan { pool: self, connection: None };
        let client = connect(&self.url)?;
        let timeline = timeline(&client);
        loan.connection = Some(Connection { client, statements: Statements::default(), timeline });
        Ok(loan)
    }

    /// Closes what is idle: a server that was started again knows none of these connections.
    pub(super) fn forget_idle(&self) {
        let mut state = self.state.lock();
        let idle = std::mem::take(&mut state.idle);
        state.open -= idle.len();
    }
}

/// A connection on loan. One that is broken does not come back.
pub(super) struct Loan<'a> {
    pool: &'a Pool,
    connection: Option<Connection>,
}

impl Loan<'_> {
    pub(super) fn connection(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("a loan has its connection until it is dropped")
    }

    /// Ends the connection: something was asked over it, and nobody answers.
    pub(super) fn give_up(&mut self) -> LedgerError {
        self.connection = None;
        unanswered(&self.pool.url)
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state.lock();
        match self.connection.take() {
            Some(connection) if !connection.client.is_closed() => state.idle.push(connection),
            _ => state.open -= 1,
        }
        drop(state);
        // Not everybody may have what has become free.
        self.pool.returned.notify_all();
    }
}

/// What others tell over a database, for as long as the connection lasts.
pub(in crate::ledger) struct Notices {
    _client: Client,
    texts: UnboundedReceiver<String>,
}

impl Notices {
    /// The next one; none once the connection is broken.
    pub(in crate::ledger) async fn next(&mut self) -> Option<String> {
        self.texts.recv().await
    }
}

/// Hears what is announced in the database at `url`.
pub(super) fn listen(url: &PostgresUrl) -> Result<Notices, LedgerError> {
    let (sender, texts) = unbounded_channel();
    let client = connect_with(url, move |text| {
        sender.send(text).ok();
    })?;
    wait(client.batch_execute("LISTEN tintype"))?;
    Ok(Notices { _client: client, texts })
}

/// The timeline of the server: two of them count transactions by the same numbers. Empty where it does not say.
pub(super) fn timeline(client: &Client) -> String {
    wait(client.query_one(TIMELINE, &[])).map(|row| row.get(0)).unwrap_or_default()
}

/// The answer to a short statement; none if it takes too long.
pub(super) fn timely<F: Future>(asked: F) -> Option<F::Output> {
    let _clock = SOCKETS.enter();
    wait(tokio::time::timeout(ANSWER_MAX, asked)).ok()
}

/// What a short statement that took too long is for whoever asked.
pub(super) fn unanswered(url: &PostgresUrl) -> LedgerError {
    fault::away(format!("{url}: it has not answered for {} s", ANSWER_MAX.as_secs()))
}

/// A connection of its own, beside the pool's.
pub(super) fn connect(url: &PostgresUrl) -> Result<Client, LedgerError> {
    connect_with(url, |_| {})
}

/// The same; what others tell goes to `on_notice`.
fn connect_with(
    url: &PostgresUrl,
    on_notice: impl Fn(String) + Send + 'static,
) -> Result<Client, LedgerError> {
    let mut config = tokio_postgres::Config::clone(&url.config);
    let timeout = config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT);
    config.connect_timeout(timeout);
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(SILENCE_MAX).keepalives_idle(SILENCE_MAX);
    }
    let connected =
        if url.may_use_tls() { begin(config, tls(url)?, on_notice) } else { begin(config, NoTls, on_notice) };
    let client = connected.map_err(|causes| {
        let hint = if causes.contains("certificate") {
            "; name the certificate that is to be trusted (?sslrootcert=FILE), or switch TLS off (?sslmode=disable)"
        } else {
            ""
        };
        fault::away(format!("{url}: {causes}{hint}"))
    })?;
    wait(client.batch_execute(SESSION))?;
    Ok(client)
}

/// What reads and writes the sockets of all connections. Whoever asks waits on a thread of its own, which may be one that runs
/// other tasks: no runtime is entered there.
static SOCKETS: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("postgres").enable_all().build();
    runtime.expect("a thread can be started")
});

/// What the connection came to, or why there is none. A server that takes connections and says nothing is given up: its process may
/// be frozen while its machine is alive.
fn begin<T>(
    config: tokio_postgres::Config,
    tls: T,
    on_notice: impl Fn(String) + Send + 'static,
) -> Result<Client, String>
where
    T: MakeTlsConnect<Socket, Stream: Send, TlsConnect: Send> + Send + 'static,
    <T::TlsConnect as tokio_postgres::tls::TlsConnect<Socket>>::Future: Send,
{
    let hosts = u32::try_from(config.get_hosts().len().max(1)).unwrap_or(u32::MAX);
    let limit = config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT).saturating_mul(hosts);
    let connected = SOCKETS.spawn(async move {
        let connected = tokio::time::timeout(limit, config.connect(tls)).await;
        let (client, mut connection) = connected
            .map_err(|_| format!("it has not answered for {} s", limit.as_secs()))?
            .map_err(|error| fault::causes(&error))?;
        tokio::spawn(async move {
            while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
                match message {
                    Ok(AsyncMessage::Notification(notice)) => on_notice(notice.payload().to_owned()),
                    Ok(_) => {}
                    // What ends a connection is said to whoever asks over it.
                    Err(error) => {
                        tracing::debug!(%error, "a connection to PostgreSQL ended");
                        break;
                    }
                }
            }
        });
        Ok(client)
    });
    wait(connected).expect("connecting does not panic")
}

/// TLS that verifies the server, by the certificates of the URL or those that browsers trust.
fn tls(url: &PostgresUrl) -> Result<MakeRustlsConnect, LedgerError> {
    let mut roots = RootCertStore::empty();
    match &url.root_certificates {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(file) => {
            let failed =
                |reason: String| fault::away(format!("{url}: sslrootcert {}: {reason}", file.display()));
            let text = fs::read(file).map_err(|error| failed(error.to_string()))?;
            for certificate in CertificateDer::pem_slice_iter(&text) {
                let certificate = certificate.map_err(|error| failed(error.to_string()))?;
                roots.add(certificate).map_err(|error| failed(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(failed("it has no certificate in PEM".into()));
            }
        }
    }
    let provider = rustls::crypto::ring::default_provider();
    let config = ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .map_err(|error| fault::away(format!("{url}: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
