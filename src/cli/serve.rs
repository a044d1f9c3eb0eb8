use std::{
    future::poll_fn,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    task::Poll,
};

use clap::Args;
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{Signal, SignalKind, signal},
};

use super::{
    CliError, DataArgs, ModelArgs,
    output::{note, print, show_once},
    progress::LoadReport,
};
use crate::{
    app::App,
    clock::Clock,
    config::{Config, ListenAddress},
    domain::ApiKey,
    image_store::ImagesPlace,
    ledger::NodeRole,
    os,
};

/// Threads that wait for the disk or encode images.
const BLOCKING_THREADS: usize = 32;

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    place: DataArgs,
    #[command(flatten)]
    model: ModelArgs,
    /// Address and port [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<ListenAddress>,
    /// What this process does in a cluster: gateway, worker or both [default: one machine, which does it all]
    ///
    /// The nodes of a cluster share a ledger in PostgreSQL (--ledger) and a place for images (--images). A gateway answers
    /// clients and needs no device; a worker generates images, and listens for health and metrics alone, if --listen is given.
    #[arg(long)]
    role: Option<NodeRole>,
    /// Where images are kept: a directory, or a bucket of S3 [default: pictures in the data directory]
    ///
    /// A bucket's credentials and server come from the variables AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and
    /// AWS_ENDPOINT_URL.
    #[arg(long, value_name = "DIR|s3://BUCKET/PREFIX")]
    images: Option<ImagesPlace>,
}

impl ServeArgs {
    /// What the process does in a cluster; none: one machine.
    pub(super) const fn role(&self) -> Option<NodeRole> {
        self.role
    }

    /// Whether a flag says where to listen.
    pub(super) const fn has_listen(&self) -> bool {
        self.listen.is_some()
    }

    /// The configuration with what the flags say instead.
    pub(super) fn config(self) -> Result<Config, CliError> {
        let mut config = self.place.config()?;
        config.listen = self.listen.unwrap_or(config.listen);
        config.images = self.images.or(config.images);
        self.model.apply(&mut config);
        Ok(config)
    }
}

pub(super) fn run(args: ServeArgs, clock: &Arc<dyn Clock>) -> Result<(), CliError> {
    let config = args.config()?;
    let runtime = runtime()?;
    runtime.block_on(async {
        tokio::spawn(pass_over_others());
        let app = App::build(&config, clock, runtime.handle().clone(), LoadReport::new())?;
        app.introduce(|app| introduce(greeting(app, &config), app.first_key().is_some()))?;
        Ok::<_, CliError>(app.run_until_stopped(asked_to_stop()).await?)
    })?;
    tracing::info!("stopped");
    Ok(())
}

/// Shows whoever starts a server its `greeting`; one with a first key once, since the key is kept nowhere.
pub(super) fn introduce(greeting: String, has_first_key: bool) -> Result<(), CliError> {
    if has_first_key { show_once(&greeting) } else { print(&(greeting + "\n")) }
}

/// What a server runs on. The ledger has one writer and the encoders want cores: more threads than these would only wait, each with a
/// memory arena of its own.
pub(super) fn runtime() -> Result<Runtime, CliError> {
    Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(|error| CliError::Failed(error.to_string()))
}

/// Resolves at the first Ctrl-C, SIGTERM, SIGQUIT, or SIGHUP, which a terminal sends when it closes. The second one does not
/// wait for the image in hand.
pub(super) async fn asked_to_stop() {
    let Some(mut stops) = Signals::that_stop() else {
        note(&"tintype: signals cannot be received; stop the server by killing it");
        return std::future::pending().await;
    };
    stops.next().await;
    tracing::info!("stopping: finishing the image in hand; send the signal once more to stop at once");
    tokio::spawn(async move {
        stops.next().await;
        std::process::exit(130);
    });
}

/// SIGUSR1 and SIGUSR2 would end a process that does not expect them; log rotation and supervisors send them out of habit.
pub(super) async fn pass_over_others() {
    let kinds = [SignalKind::user_defined1(), SignalKind::user_defined2()];
    let Some(mut others) = Signals::of(&kinds) else { return };
    loop {
        others.next().await;
        tracing::info!("a signal without a meaning here is ignored; the configuration is read at a start");
    }
}

/// Several signals, waited for together.
struct Signals(Vec<Signal>);

impl Signals {
    fn that_stop() -> Option<Self> {
        let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate(), SignalKind::quit()];
        if !os::is_hangup_ignored() {
            kinds.push(SignalKind::hangup());
        }
        Self::of(&kinds)
    }

    fn of(kinds: &[SignalKind]) -> Option<Self> {
        kinds.iter().map(|kind| signal(*kind)).collect::<Result<_, _>>().ok().map(Self)
    }

    async fn next(&mut self) {
        poll_fn(|context| {
            if self.0.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

/// What a newcomer reads: where it listens, the key, two lines to paste, where the costs are.
fn greeting(app: &App, config: &Config) -> String {
    let url = format!("http://{}", reachable(app.address()));
    let (offer, facts) = (app.offer(), app.service().studio().facts());
    let devices = match config.model.device.names() {
        names if names.len() > 1 => names.join(", "),
        _ => facts.device.to_string(),
    };
    let mut lines = vec![
        format!("\nTintype {} at {url}", env!("CARGO_PKG_VERSION")),
        format!("Model   {} ({} on {devices}, memory {})", offer.model, facts.dtype, facts.memory),
    ];
    if config.model.source().is_embedded() {
        lines.push(
            "        a tiny embedded model: emoji-like things at 128x128, in English and Chinese".into(),
        );
        lines.push("        for the real one: tintype serve --model Tongyi-MAI/Z-Image-Turbo".into());
    }
    lines.push(format!("Costs   {url}/admin/costs"));
    if let Some(secret) = app.sign_in_link() {
        lines.push(format!("Sign in {url}{}", secret.path()));
        lines.push("        once, within 15 minutes; tintype admin link prints another".into());
    }
    match app.first_key() {
        Some(key) => lines.push(introduction(&url, key)),
        None => {
            let place = config.data_dir.display();
            lines.push(format!("Keys    are in {place}; tintype key create makes another\n"));
        }
    }
    lines.join("\n")
}

pub(super) fn introduction(url: &str, key: &ApiKey) -> String {
    let key = key.reveal();
    format!(
        r#"Key     {key}
        will not be shown again; it may generate images and open the operator's pages

curl -s {url}/v1/images/generations -H "Authorization: Bearer {key}" -H "Content-Type: application/json" -d '{{"prompt": "a red apple on a blue background"}}' | grep -o '"b64_json":"[^"]*' | cut -d'"' -f4 | base64 -d > image.png

python3 -c 'import base64, openai; open("image.png", "wb").write(base64.b64decode(openai.OpenAI(base_url="{url}/v1", api_key="{key}").images.generate(prompt="a red apple on a blue background").data[0].b64_json))'
"#
    )
}

/// An address to type: a server that listens everywhere is reached here.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        ip if ip.is_unspecified() => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port()),
        _ => address,
    }
}
