//! A server of this process, for as long as a batch takes.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::server::Server;
use crate::{
    app::{App, AppError, BATCH_KEY_NAME, noted_address},
    cli::{
        CliError,
        output::note,
        progress::LoadReport,
        serve::{asked_to_stop, runtime},
    },
    clock::Clock,
    config::Config,
    domain::{ApiKey, Scopes},
    ledger::{KeyRules, KeyState, Ledger, LedgerError, NewKey},
};

/// Who the history of keys names.
const ACTOR: &str = "tintype batch";

/// Serves on a port of this machine while `work` is done.
pub(super) fn serve<T: Send + 'static>(
    mut config: Config,
    clock: &Arc<dyn Clock>,
    work: impl FnOnce(Server) -> Result<T, CliError> + Send + 'static,
) -> Result<T, CliError> {
    config.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into();
    config.public_url = None;
    let runtime = runtime()?;
    let (done, on_done) = oneshot::channel();
    let mut outcome = None;
    runtime.block_on(async {
        let app = App::build(&config, clock, runtime.handle().clone(), LoadReport::new());
        let app = app.inspect_err(|error| name_the_server(error, &config))?;
        let now = clock.now();
        let key = app.service().ask_ledger(move |ledger| own_key(ledger, now)).await;
        let key = key.map_err(|error| CliError::Failed(error.to_string()))?;
        let server = Server::local(&format!("http://{}", app.address()), &key.reveal());
        // A thread of its own: what it waits for must not keep the server from stopping.
        std::thread::spawn(move || done.send(work(server)).ok());
        let stop = async {
            tokio::select! {
                finished = on_done => outcome = finished.ok(),
                () = asked_to_stop() => {}
            }
        };
        Ok::<_, CliError>(app.run_until_stopped(stop).await?)
    })?;
    outcome.unwrap_or_else(|| Err(CliError::Failed("stopped; the same command goes on with it".into())))
}

/// If a server has the data directory, it can do the work.
fn name_the_server(error: &AppError, config: &Config) {
    if let (AppError::DataDir { .. }, Some(address)) = (error, noted_address(&config.data_dir)) {
        note(&format_args!(
            "if a server runs at http://{address}, pass --server http://{address} with a key in TINTYPE_KEY"
        ));
    }
}

/// A secret of the key that these batches are booked on, made at their first time. Nobody keeps it: each time it is another.
fn own_key(ledger: &Ledger, now: Timestamp) -> Result<ApiKey, LedgerError> {
    let is_own = |key: &crate::ledger::KeyRow| {
        key.name == BATCH_KEY_NAME && key.rules.scopes.images && key.state(now) == KeyState::Active
    };
    if let Some(own) = ledger.keys()?.into_iter().find(is_own) {
        let key = ApiKey::rotated(&own.public_id, &mut rand::rng());
        ledger.rotate_key(&key, now, ACTOR, now)?;
        return Ok(key);
    }
    let key = ApiKey::generate(&mut rand::rng());
    let rules = KeyRules { scopes: Scopes::IMAGES, ..KeyRules::default() };
    ledger.create_key(&NewKey { key: &key, name: BATCH_KEY_NAME, rules }, ACTOR, now)?;
    Ok(key)
}
