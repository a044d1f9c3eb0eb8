//! What an operator watches: counters for Prometheus, and the log. Neither ever holds a prompt or a key's secret.

mod later;

use std::{io::IsTerminal, sync::atomic::AtomicU64};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use serde::Deserialize;
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

use self::later::LaterMetrics;
pub use self::later::{MessageOutcome, PurchaseOutcome};
use crate::{
    domain::{BatchId, Usage},
    units::{Currency, Energy, Millis, Money},
};

/// Seconds from one hundredth to about five minutes, doubling: waits and whole requests.
const LONG_SECONDS: [f64; 16] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68];
/// Seconds from one thousandth to about eight, doubling: single steps.
const STEP_SECONDS: [f64; 14] =
    [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192];

/// Heads that are no HTTP are refused with a line of our own; the parser's dispatcher would add an error for each.
const DEFAULT_FILTER: &str = "info,actix_server=warn,actix_http::h1::dispatcher=off,rusqlite_migration=warn";

/// The `[log]` part of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Lines for people, or JSON objects for machines.
    pub format: LogFormat,
    /// Whether prompts are written to the log. They are never, unless this says so.
    pub prompts: bool,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts the log on standard error, filtered by TINTYPE_LOG. Only the first call of a process has an effect.
pub fn start_log(config: &LogConfig) {
    start(config, DEFAULT_FILTER);
}

/// The same for a command whose own lines are what people watch: warnings alone, unless TINTYPE_LOG says otherwise.
pub fn start_quiet_log(config: &LogConfig) {
    start(config, "warn");
}

fn start(config: &LogConfig, usual: &str) {
    let filter = EnvFilter::try_from_env("TINTYPE_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let lines = tracing_subscriber::fmt::layer().with_target(false).with_writer(std::io::stderr);
    let lines = match config.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let log = tracing_subscriber::registry().with(filter).with(lines);
    #[cfg(feature = "otel")]
    let log = log.with(spans_to_collector());
    // A second call would replace nothing; tests start many servers in one process.
    log.try_init().ok();
}

/// Spans to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names, by OTLP over HTTP; none if it names none.
#[cfg(feature = "otel")]
fn spans_to_collector<S>() -> Option<impl Layer<S>>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    use opentelemetry::trace::TracerProvider;

    std::env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT")?;
    // reqwest asks for the process's own; another part may have set it.
    rustls::crypto::ring::default_provider().install_default().ok();
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().build();
    #[expect(clippy::print_stderr, reason = "the log has not begun")]
    let exporter = exporter.inspect_err(|error| eprintln!("tintype: no spans are sent: {error}")).ok()?;
    let resource = opentelemetry_sdk::Resource::builder().with_service_name("tintype").build();
    let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder()
        .with_resource(resource)
        .with_batch_exporter(exporter)
        .build();
    Some(tracing_opentelemetry::layer().with_tracer(provider.tracer("tintype")))
}

/// Counters and histograms, in the OpenMetrics text format.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    queue_depth: Gauge,
    ready: Gauge,
    devices: Family<StateLabels, Gauge>,
    queue_wait: Histogram,
    step: Histogram,
    batch: Histogram,
    images: Counter,
    joules: Family<EnergyLabels, Counter<f64, AtomicU64>>,
    refusals: Family<ReasonLabels, Counter>,
    http: Family<HttpLabels, Histogram>,
    clock: Family<ClockLabels, Gauge<f64, AtomicU64>>,
    later: LaterMetrics,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EnergyLabels {
    /// `image` or `failed`.
    work: &'static str,
    source: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClockLabels {
    /// `database`.
    of: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HttpLabels {
    route: String,
    status: u16,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("tintype");
        let (queue_depth, ready) = (Gauge::default(), Gauge::default());
        let (queue_wait, step) = (Histogram::new(LONG_SECONDS), Histogram::new(STEP_SECONDS));
        let batch = Histogram::new([1.0, 2.0, 4.0, 8.0, 16.0]);
        let (images, joules, refusals) = (Counter::default(), Family::default(), Family::default());
        let http = Family::<HttpLabels, Histogram>::new_with_constructor(|| Histogram::new(LONG_SECONDS));
        registry.register("queue_depth", "Jobs that wait for the device", queue_depth.clone());
        registry.register("ready", "1 while images can be generated", ready.clone());
        let devices = Family::<StateLabels, Gauge>::default();
        registry.register("devices", "Devices, by what becomes of them", devices.clone());
        let seconds = || Unit::Seconds;
        registry.register_with_unit("queue_wait", "Time that jobs waited", seconds(), queue_wait.clone());
        registry.register_with_unit(
            "step",
            "Device time of one denoising step, VAE included",
            seconds(),
            step.clone(),
        );
        registry.register("images", "Images generated and settled", images.clone());
        registry.register_with_unit("device_energy", "Energy of the device", Unit::Joules, joules.clone());
        registry.register("refusals", "Answers that were errors, by their code", refusals.clone());
        registry.register_with_unit(
            "http_request",
            "Time from a request to its answer's head",
            seconds(),
            http.clone(),
        );
        let clock = Family::<ClockLabels, _>::default();
        registry.register_with_unit(
            "clock_ahead",
            "How far this machine's clock is ahead of another",
            seconds(),
            clock.clone(),
        );
        registry.register("batch_images", "Images generated together, a count for each image", batch.clone());
        let later = LaterMetrics::registered(&mut registry);
        Self {
            registry,
            queue_depth,
            ready,
            devices,
            queue_wait,
            step,
            batch,
            images,
            joules,
            refusals,
            http,
            clock,
            later,
        }
    }
}

impl Metrics {
    /// An image of `steps` steps, generated in a batch of `batch`, was settled.
    pub fn note_image(&self, usage: Usage, steps: u32, batch: usize) {
        self.images.inc();
        self.batch.observe(f64::from(u32::try_from(batch).unwrap_or(u32::MAX)));
        self.step.observe(seconds(usage.duration) / f64::from(steps.max(1)));
        self.note_energy("image", usage);
    }

    /// Work ended without an image.
    pub fn note_failure(&self, usage: Usage) {
        self.note_energy("failed", usage);
    }

    fn note_energy(&self, work: &'static str, usage: Usage) {
        let labels = EnergyLabels { work, source: usage.source.as_str() };
        self.joules.get_or_create(&labels).inc_by(joules(usage.energy));
    }

    /// A job left the queue.
    pub fn note_queue_wait(&self, wait: Millis) {
        self.queue_wait.observe(seconds(wait));
    }

    /// This machine's clock is so many milliseconds ahead of the database's of a cluster.
    #[expect(clippy::cast_precision_loss, reason = "a metric is a float by its format")]
    pub fn note_clock(&self, ahead_ms: i64) {
        self.clock.get_or_create(&ClockLabels { of: "database" }).set(ahead_ms as f64 / 1000.0);
    }

    /// An answer was an error with this code.
    pub fn note_refusal(&self, reason: &'static str) {
        self.refusals.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Images may be bought from `seller`, for this currency: its counters stand there from now on.
    pub fn know_seller(&self, seller: &str, currency: Currency) {
        self.later.know_seller(seller, currency);
    }

    /// A purchase from `seller` has ended; `paid` is what it cost, or perhaps did.
    pub fn note_purchase(&self, seller: &str, outcome: PurchaseOutcome, paid: (Money, Currency)) {
        self.later.note_purchase(seller, outcome, paid);
    }

    /// `rule` kept a request here, of which images could have been bought.
    pub fn note_stay(&self, rule: &'static str) {
        self.later.note_stay(rule);
    }

    /// An attempt to send a webhook's message has ended.
    pub fn note_message(&self, outcome: MessageOutcome) {
        self.later.note_message(outcome);
    }

    /// A line of a batch is done.
    pub fn note_line(&self, is_error: bool) {
        self.later.note_line(is_error);
    }

    /// So many purchases are in doubt, and so many messages were given up.
    pub fn note_standing(&self, in_doubt: i64, dead_letters: i64) {
        self.later.note_standing(in_doubt, dead_letters);
    }

    /// A batch is to begin at this Unix second; none: it does not wait.
    pub fn note_plan(&self, batch: BatchId, begins_at: Option<i64>) {
        self.later.note_plan(batch, begins_at);
    }

    /// An answer's head went out on `route`, the pattern and not the path.
    pub fn note_answer(&self, route: String, status: u16, took: Millis) {
        self.http.get_or_create(&HttpLabels { route, status }).observe(seconds(took));
    }

    /// Everything, in the OpenMetrics text format, with the queue and the devices, by state, as they are at this
    /// moment.
    ///
    /// # Errors
    /// [`std::fmt::Error`] if a metric cannot be written; a defect.
    pub fn render(
        &self,
        queue_depth: usize,
        is_ready: bool,
        devices: [(&'static str, usize); 3],
    ) -> Result<String, std::fmt::Error> {
        let count = |value| i64::try_from(value).unwrap_or(i64::MAX);
        self.queue_depth.set(count(queue_depth));
        for (state, devices) in devices {
            self.devices.get_or_create(&StateLabels { state }).set(count(devices));
        }
        self.ready.set(i64::from(is_ready));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a metric is a float by its format; the ledger keeps the integer"
)]
fn seconds(span: Millis) -> f64 {
    span.get() as f64 / 1000.0
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a metric is a float by its format; the ledger keeps the integer"
)]
fn joules(energy: Energy) -> f64 {
    energy.as_millijoules() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::EnergySource;

    #[test]
    fn what_happened_is_counted_under_its_name() {
        let metrics = Metrics::default();
        let usage = Usage {
            duration: Millis::new(800),
            energy: Energy::from_millijoules(52_500),
            source: EnergySource::Estimated,
            epoch: None,
        };
        metrics.note_image(usage, 8, 1);
        metrics.note_failure(usage);
        metrics.note_refusal("server_overloaded");
        metrics.note_answer("/v1/images/generations".into(), 200, Millis::new(810));
        metrics.know_seller("acme", Currency::CNY);
        let paid = (Money::from_nano(278_800_999), Currency::CNY);
        metrics.note_purchase("acme", PurchaseOutcome::Doubtful, paid);
        metrics.note_stay("day_cap");
        metrics.note_message(MessageOutcome::Dead);
        metrics.note_line(true);
        metrics.note_standing(1, 2);
        let batch = |number| BatchId::new(jiff::Timestamp::UNIX_EPOCH, [number; 10]);
        for (number, at) in [(1, Some(90)), (2, Some(60)), (2, None)] {
            metrics.note_plan(batch(number), at);
        }
        let text = metrics.render(3, true, [("starting", 0), ("painting", 1), ("lost", 1)]).expect("text");
        for line in [
            "tintype_queue_depth 3",
            "tintype_ready 1",
            "tintype_devices{state=\"lost\"} 1",
            "tintype_images_total 1",
            "tintype_device_energy_joules_total{work=\"image\",source=\"estimated\"} 52.5",
            "tintype_refusals_total{reason=\"server_overloaded\"} 1",
            "tintype_http_request_seconds_count{route=\"/v1/images/generations\",status=\"200\"} 1",
            "tintype_step_seconds_bucket{le=\"0.128\"} 1",
            "tintype_overflow_purchases_total{seller=\"acme\",outcome=\"doubtful\"} 1",
            "tintype_overflow_purchases_total{seller=\"acme\",outcome=\"bought\"} 0",
            "tintype_overflow_spend_micro_total{seller=\"acme\",currency=\"CNY\",outcome=\"doubtful\"} 278800",
            "tintype_overflow_refusals_total{rule=\"day_cap\"} 1",
            "tintype_overflow_in_doubt 1",
            "tintype_webhook_messages_total{outcome=\"dead\"} 1",
            "tintype_webhook_messages_total{outcome=\"delivered\"} 0",
            "tintype_webhook_dead_letters 2",
            "tintype_batch_lines_total{outcome=\"failed\"} 1",
            "tintype_batch_planned_start_seconds 90",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} is not in\n{text}");
        }
    }
}
