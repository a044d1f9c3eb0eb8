//! The real application on a free port and an empty data directory.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use tempfile::TempDir;
use tintype::{
    app::{App, AppError, Fitting, Progress},
    clock::{Clock, SystemClock},
    config::Config,
    domain::Calendar,
    ledger::{Ledger, Month, MonthTotals},
    pipeline::{OnLoad, hub::Fetched},
};
use tokio::sync::oneshot;

use self::counter::Trace;
use crate::tiny_models;

#[path = "counter.rs"]
pub mod counter;
#[path = "sums.rs"]
mod sums;

/// A running server with a metered device, or several. Dropping it stops it as Ctrl-C does, waits, and looks whether
/// its books close.
pub struct TestServer {
    pub url: String,
    /// The first key, with both scopes.
    pub key: String,
    pub data: TempDir,
    pub stop: Option<oneshot::Sender<()>>,
    pub thread: Option<JoinHandle<()>>,
    config: Config,
    clock: Arc<dyn Clock>,
    traces: Vec<Trace>,
}

struct Quiet;

impl Progress for Quiet {
    fn fetched(&mut self, _: Fetched<'_>) {}
    fn on_load(&self) -> OnLoad<'_> {
        &|_, _| {}
    }
}

impl TestServer {
    /// A server on the tiny model `base`.
    pub fn start() -> Self {
        Self::start_with(|_| {})
    }

    /// The same, with its configuration changed.
    pub fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_at(Arc::new(SystemClock::start()), change)
    }

    /// The same, by another clock.
    pub fn start_at(clock: Arc<dyn Clock>, change: impl FnOnce(&mut Config)) -> Self {
        let trace = Trace::begin(&clock);
        let fitting = Fitting { counter: Some(trace.counter()), files: None };
        Self::start_fitted(clock, change, vec![trace], vec![fitting])
    }

    /// The same, its devices fitted out, and metered by these.
    pub fn start_fitted(
        clock: Arc<dyn Clock>,
        change: impl FnOnce(&mut Config),
        traces: Vec<Trace>,
        fittings: Vec<Fitting>,
    ) -> Self {
        let data = TempDir::new().expect("a data directory");
        let mut config = Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)).into(),
            data_dir: data.path().to_owned(),
            time_zone: Some("UTC".into()),
            ..Config::default()
        };
        config.model.path = Some(tiny_models::directory("base").display().to_string());
        config.model.default_size = Some("32x32".parse().expect("a size"));
        config.model.steps.medium = std::num::NonZeroU32::new(2);
        // A busy machine is foreseen to be slow. Nothing is refused for that, unless a test is about it.
        config.limits.answer_wait_seconds = 86_400;
        // Files of one seed are compared byte by byte; with metadata they would differ in their ids and times.
        config.metadata.embed = false;
        change(&mut config);
        let (ready, on_ready) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let (served, server_clock) = (config.clone(), Arc::clone(&clock));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async {
                let app = App::build_with(&served, &server_clock, runtime.handle().clone(), Quiet, fittings);
                let app = app.expect("it starts");
                app.introduce(|_| Ok::<_, AppError>(())).expect("the first key is stored");
                // None if the test brought a data directory that has one.
                let key = app.first_key().map_or_else(String::new, |key| key.reveal());
                ready.send((app.address(), key)).expect("the test waits");
                let stop = async { stopped.await.unwrap_or(()) };
                app.run_until_stopped(stop).await.expect("it stops well");
            });
        });
        let (address, key) = on_ready.recv().expect("it starts");
        let url = format!("http://{address}");
        Self { url, key, data, stop: Some(stop), thread: Some(thread), config, clock, traces }
    }

    /// Asks the server to stop, without waiting.
    pub fn ask_to_stop(&mut self) {
        // The counter counts whatever it has not reported yet, as any would in the seconds before the next start.
        self.traces.iter().for_each(Trace::catch_up);
        self.stop.take().map(|stop| stop.send(()));
    }

    /// Stops the server, waits until it has, and looks whether its books close.
    pub fn end(&mut self) {
        self.ask_to_stop();
        let Some(thread) = self.thread.take() else { return };
        let ended = thread.join();
        // A failed test panics already; its server's end is not its cause.
        if !std::thread::panicking() {
            ended.expect("the server stops well");
            for trace in &self.traces {
                sums::assert_closed(&self.config, self.clock.now(), trace);
            }
        }
    }

    pub fn ledger_file(&self) -> PathBuf {
        self.data.path().join("ledger.sqlite3")
    }

    /// A second handle on its ledger, as `tintype key` has.
    pub fn ledger(&self) -> Ledger {
        Ledger::open(&self.ledger_file()).expect("the ledger")
    }

    /// This month's sums, read beside the server.
    pub fn totals(&self) -> MonthTotals {
        let zone = Calendar::UTC;
        let month = Month::of(jiff::Timestamp::now(), &zone);
        // The previous month too: a test may run over midnight of the first.
        self.ledger().totals(month.previous().start(&zone), month.end(&zone)).expect("totals")
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.end();
    }
}
