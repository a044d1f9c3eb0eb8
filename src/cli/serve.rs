use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{CliError, ModelArgs, Place, progress::LoadReport};
use crate::{app::App, clock::Clock, config::Config, domain::ApiKey};

/// Threads that wait for the disk or encode pictures.
const BLOCKING_THREADS: usize = 32;

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    model: ModelArgs,
    /// Address and port [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
}

impl ServeArgs {
    fn config(self) -> Result<Config, CliError> {
        let mut config = self.place.config()?;
        config.listen = self.listen.unwrap_or(config.listen);
        self.model.apply(&mut config);
        Ok(config)
    }
}

pub(super) fn run(args: ServeArgs, clock: &Arc<dyn Clock>) -> Result<(), CliError> {
    let config = args.config()?;
    // The ledger has one writer and the encoders want cores: more threads than these would only wait, each with a memory
    // arena of its own.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(|error| CliError::Failed(error.to_string()))?;
    runtime.block_on(async {
        let app = App::build(&config, clock, runtime.handle().clone(), LoadReport::new())?;
        greet(&app, &config);
        app.run_until_stopped(asked_to_stop()).await
    })?;
    tracing::info!("stopped");
    Ok(())
}

/// Resolves at the first Ctrl-C or SIGTERM. The second one does not wait for the picture.
async fn asked_to_stop() {
    let signals = || Some((signal(SignalKind::interrupt()).ok()?, signal(SignalKind::terminate()).ok()?));
    let Some((mut interrupt, mut terminate)) = signals() else {
        tracing::error!("signals cannot be received; stop the server by killing it");
        return std::future::pending().await;
    };
    let mut next = async move || {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    };
    next().await;
    tracing::info!("stopping: finishing the picture in hand; once more to stop at once");
    tokio::spawn(async move {
        next().await;
        std::process::exit(130);
    });
}

/// What a newcomer reads: where it listens, the key, two lines to paste, where the costs are.
fn greet(app: &App, config: &Config) {
    let url = format!("http://{}", reachable(app.address()));
    let (offer, facts) = (app.offer(), app.service().engine().facts());
    println!("\nTintype {} at {url}", env!("CARGO_PKG_VERSION"));
    let devices = match config.model.device.names() {
        names if names.len() > 1 => names.join(", "),
        _ => facts.device.to_owned(),
    };
    println!("Model   {} ({} on {devices}, memory {})", offer.model, facts.dtype, facts.memory);
    if config.model.source().is_embedded() {
        println!("        a tiny embedded model: emoji-like things at 128x128, in English and Chinese");
        println!("        for the real one: tintype serve --model Tongyi-MAI/Z-Image-Turbo");
    }
    println!("Costs   {url}/admin/costs");
    if let Some(secret) = app.sign_in_link() {
        println!("Sign in {url}{}", secret.path());
        println!("        once, within 15 minutes; tintype admin link prints another");
    }
    match app.first_key() {
        Some(key) => introduce(&url, key),
        None => println!("Keys    are in {}; tintype key create makes another\n", config.data_dir.display()),
    }
}

fn introduce(url: &str, key: &ApiKey) {
    let key = key.reveal();
    println!("Key     {key}");
    println!("        shown this once; it may paint and read costs\n");
    println!(
        r#"curl -s {url}/v1/images/generations -H "Authorization: Bearer {key}" -H "Content-Type: application/json" -d '{{"prompt": "a red apple on a blue background"}}' | grep -o '"b64_json":"[^"]*' | cut -d'"' -f4 | base64 -d > picture.png"#
    );
    println!();
    println!(
        r#"python3 -c 'import base64, openai; open("picture.png", "wb").write(base64.b64decode(openai.OpenAI(base_url="{url}/v1", api_key="{key}").images.generate(prompt="a red apple on a blue background").data[0].b64_json))'"#
    );
    println!();
}

/// An address to type: a server that listens everywhere is reached here.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        ip if ip.is_unspecified() => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port()),
        _ => address,
    }
}
