//! Bytes on a connection to a server, with a key whose budget is nothing: an answer is HTTP, and the server goes on.
//!
//! A byte 1 stands for the key, which no chance finds.
#![no_main]

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{Arc, LazyLock, mpsc},
    time::Duration,
};

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use tintype::{
    app::{App, AppError, Progress},
    clock::{Clock, SystemClock},
    config::Config,
    domain::{ApiKey, Scopes},
    ledger::{KeyRules, Ledger, NewKey},
    pipeline::{OnLoad, hub::Fetched},
};

struct Quiet;

impl Progress for Quiet {
    fn fetched(&mut self, _: Fetched<'_>) {}
    fn on_load(&self) -> OnLoad<'_> {
        &|_, _| {}
    }
}

/// The server's address and its key.
static SERVER: LazyLock<(SocketAddr, String)> = LazyLock::new(|| {
    let (ready, on_ready) = mpsc::channel();
    std::thread::spawn(move || {
        let data = TempDir::new_in("/dev/shm").expect("a directory in memory");
        let config = Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)).into(),
            data_dir: data.path().to_owned(),
            time_zone: Some("UTC".into()),
            ..Config::default()
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let app = App::build(&config, &clock, runtime.handle().clone(), Quiet).expect("it starts");
            app.introduce(|_| Ok::<_, AppError>(())).expect("the first key is stored");
            let ledger = Ledger::open(&data.path().join("ledger.sqlite3")).expect("the ledger");
            let key = ApiKey::generate(&mut rand::rng());
            let budgets = "0 images a month".parse().expect("a budget");
            let rules = KeyRules { scopes: Scopes::ALL, budgets, ..KeyRules::default() };
            let new = NewKey { key: &key, name: "fuzz", rules };
            ledger.create_key(&new, "fuzz", clock.now()).expect("a key");
            ready.send((app.address(), key.reveal())).expect("somebody waits");
            app.run_until_stopped(std::future::pending()).await.expect("it runs");
        });
    });
    on_ready.recv().expect("it starts")
});

fuzz_target!(|bytes: &[u8]| {
    let (address, key) = &*SERVER;
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    let text = bytes.split(|byte| *byte == b'\x01').collect::<Vec<_>>().join(key.as_bytes());
    stream.write_all(&text).ok();
    stream.shutdown(Shutdown::Write).ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{}", String::from_utf8_lossy(&answer));
});
