//! The configuration: built-in defaults, then a TOML file, then TINTYPE_… variables. Flags come last, in cli/.
//!
//! Every key stands in config/tintype.toml with its default; a test compares the two.

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::{NonZeroU32, NonZeroUsize},
    path::{Path, PathBuf},
};

use figment::{
    Figment,
    providers::{Env, Format, Toml},
};
use ipnet::IpNet;
use jiff::{SignedDuration, civil::Date, tz::TimeZone};
use serde::Deserialize;

use crate::{
    costs::{Budgets, CostError, CostModel, CostSettings, ExchangeRate, PriceBook},
    domain::{GUIDANCE_MAX, ImageSize, KeyLimits, STEPS_MAX, StepsByQuality},
    engine::EngineSettings,
    meter::Powers,
    pipeline::{DeviceChoice, Precision},
    service::{OnDisconnect, OverlongPrompt, PromptEmbedding, ProvenanceSettings, ServiceSettings},
    telemetry::LogConfig,
    units::{Currency, Millis, Money, Power},
};

/// Variables with our prefix that are no configuration keys.
const OTHER_VARIABLES: [&str; 3] = ["config", "log", "require_clients"];

/// Everything that can be configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port to listen on. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the ledger, secrets and pictures are kept.
    pub data_dir: PathBuf,
    /// Where clients find the server, for links; none: where the request came to.
    pub public_url: Option<String>,
    /// Networks whose X-Forwarded headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// What paints.
    pub model: ModelConfig,
    /// What a client may ask for, and how much of it.
    pub limits: Limits,
    /// Pictures that are kept for links.
    pub pictures: PicturesConfig,
    /// What files say of their making.
    pub metadata: MetadataConfig,
    /// What all keys together may use up.
    pub budgets: Budgets,
    /// The log.
    pub log: LogConfig,
    /// What the device draws.
    pub energy: EnergyConfig,
    /// What it all costs.
    pub costs: CostSettings,
    /// A price book instead of the built-in one.
    pub price_book: Option<PathBuf>,
    /// IANA name of the zone in which days and months are counted; none: the machine's own.
    pub time_zone: Option<String>,
    /// Rates between currencies.
    pub exchange_rate: Vec<ExchangeRate>,
}

/// The `[model]` part.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// A directory in the diffusers layout, a hub repository such as Tongyi-MAI/Z-Image-Turbo, or none: the embedded one.
    pub path: Option<String>,
    /// The id under /v1/models; none: from the path.
    pub id: Option<String>,
    /// Other names that clients have built in and that reach this model too.
    pub aliases: Vec<String>,
    /// Size where a request names none; none: 1024x1024, or 256x256 for the embedded model.
    pub default_size: Option<ImageSize>,
    /// Steps for each quality.
    pub steps: StepsByQuality,
    /// Guidance where a request names none. Turbo models want 0.
    pub guidance_scale: f64,
    /// Where it runs.
    pub device: DeviceChoice,
    /// Number format of its weights.
    pub dtype: Precision,
    /// Pictures of different requests that are painted together; none: 4 on a card, 1 on a CPU.
    pub batch_max: Option<NonZeroUsize>,
    /// Memory that work may take beyond the weights, in MiB; none: what is free.
    pub memory_mib: Option<u64>,
}

/// The `[limits]` part.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests that wait for the device.
    pub queue_depth_max: usize,
    /// Pixels of one picture.
    pub pixels_max: u64,
    /// Characters of a prompt.
    pub prompt_chars_max: usize,
    /// Bytes of a request's body.
    pub body_bytes_max: usize,
    /// What becomes of a prompt with more tokens than the model reads.
    pub overlong_prompt: OverlongPrompt,
    /// Requests a minute for each key; none: no limit.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Pictures a minute for each key; none: no limit.
    pub images_per_minute: Option<NonZeroU32>,
    /// Requests of one key in work; none: no limit.
    pub concurrent_jobs: Option<NonZeroU32>,
    /// Seconds that an answer which is no stream may take to begin.
    pub answer_wait_seconds: u32,
    /// Seconds from a request's acceptance to its answer.
    pub deadline_seconds: u32,
    /// What becomes of a job whose client has gone.
    pub on_disconnect: OnDisconnect,
    /// Connections at one time.
    pub connections_max: usize,
}

/// The `[pictures]` part.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PicturesConfig {
    /// Minutes for which a link holds.
    pub link_minutes: u32,
    /// Days for which pictures are kept, after the day on which they were made.
    pub keep_days: u32,
    /// MiB of the disk that stay free.
    pub free_disk_min_mib: u64,
}

/// The `[metadata]` part.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetadataConfig {
    /// Whether files say how they were made, and that they were generated.
    pub embed: bool,
    /// How the prompt is recorded.
    pub prompt: PromptEmbedding,
    /// Who made them, in the mark for generated content.
    pub producer: String,
}

/// The `[energy]` part.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnergyConfig {
    /// Power of the device while it paints; none: 65 W for a CPU, 350 W for a card.
    pub device_watts: Option<Power>,
    /// Power of the device while it waits; none: 0 W, so that idle hours are not booked.
    pub idle_watts: Option<Power>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            data_dir: "data".into(),
            public_url: None,
            trusted_proxies: Vec::new(),
            model: ModelConfig::default(),
            limits: Limits::default(),
            pictures: PicturesConfig::default(),
            metadata: MetadataConfig::default(),
            budgets: Budgets::default(),
            log: LogConfig::default(),
            energy: EnergyConfig::default(),
            costs: CostSettings::default(),
            price_book: None,
            time_zone: None,
            exchange_rate: vec![
                example_rate(Currency::USD, 6_970_000_000),
                example_rate(Currency::EUR, 8_100_000_000),
            ],
        }
    }
}

/// Rates of the built-in example, which prices in yuan.
fn example_rate(from: Currency, nano: i64) -> ExchangeRate {
    ExchangeRate {
        from,
        to: Currency::CNY,
        rate: Money::from_nano(nano),
        effective_from: jiff::civil::date(2026, 1, 1),
    }
}

impl Default for ModelConfig {
    fn default() -> Self {
        let aliases =
            ["dall-e-2", "dall-e-3", "gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "gpt-image-2"];
        Self {
            path: None,
            id: None,
            aliases: aliases.map(String::from).to_vec(),
            default_size: None,
            steps: StepsByQuality::default(),
            guidance_scale: 0.0,
            device: DeviceChoice::Auto,
            dtype: Precision::Auto,
            batch_max: None,
            memory_mib: None,
        }
    }
}

impl Default for PicturesConfig {
    fn default() -> Self {
        Self { link_minutes: 60, keep_days: 7, free_disk_min_mib: 256 }
    }
}

impl Default for MetadataConfig {
    fn default() -> Self {
        Self { embed: true, prompt: PromptEmbedding::Hash, producer: "Tintype".into() }
    }
}

impl PicturesConfig {
    /// Time for which a link holds.
    pub fn link_lifetime(&self) -> Millis {
        Millis::new(u64::from(self.link_minutes) * 60_000)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue_depth_max: 64,
            pixels_max: 2048 * 2048,
            prompt_chars_max: 32_000,
            body_bytes_max: 1 << 20,
            overlong_prompt: OverlongPrompt::Refuse,
            requests_per_minute: None,
            images_per_minute: None,
            concurrent_jobs: None,
            answer_wait_seconds: 290,
            deadline_seconds: 600,
            on_disconnect: OnDisconnect::Cancel,
            connections_max: 1024,
        }
    }
}

impl Limits {
    /// Limits of a key that has none of its own.
    pub fn of_keys(&self) -> KeyLimits {
        KeyLimits {
            requests_per_minute: self.requests_per_minute,
            images_per_minute: self.images_per_minute,
            concurrent_jobs: self.concurrent_jobs,
        }
    }
}

impl EnergyConfig {
    /// The device's power, configured or usual for its kind.
    pub fn powers(&self, is_cpu: bool) -> Powers {
        let usual = Power::from_watts(if is_cpu { 65 } else { 350 });
        Powers { busy: self.device_watts.unwrap_or(usual), idle: self.idle_watts.unwrap_or_default() }
    }
}

/// A configuration that cannot be used: one line that names the key and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file or variable that does not parse.
    #[error("configuration: {0}")]
    Malformed(String),
    /// A file that was named is not there or cannot be read.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A zone that is not known.
    #[error("time_zone: `{0}` is not a time zone; write an IANA name such as Asia/Shanghai or Europe/Berlin")]
    TimeZone(String),
    /// A default size that the model cannot paint.
    #[error("model.default_size: {0}")]
    DefaultSize(String),
    /// The example's yuan under another currency.
    #[error(
        "costs.currency is {0}, but costs.price_per_kwh, costs.upkeep_per_image or costs.hardware.price is still the \
         example's amount in yuan; set all three in {0}"
    )]
    ExampleAmounts(Currency),
    /// Costs that cannot be.
    #[error("configuration: {0}")]
    Costs(#[from] CostError),
}

impl Config {
    /// Reads `file`, or tintype.toml in the working directory where there is one, and the environment.
    ///
    /// # Errors
    /// [`ConfigError`], one line that names the key.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let named = file.is_some();
        let file = file.unwrap_or(Path::new("tintype.toml"));
        let figment = match (file.is_file(), named) {
            (true, _) => Figment::from(Toml::file_exact(file)),
            (false, false) => Figment::new(),
            (false, true) => {
                let path = file.display().to_string();
                return Err(ConfigError::File { path, reason: "no such file".into() });
            }
        };
        Self::extract(figment.merge(Env::prefixed("TINTYPE_").ignore(&OTHER_VARIABLES).split("__")))
    }

    fn extract(figment: Figment) -> Result<Self, ConfigError> {
        let malformed = |reason: String| ConfigError::Malformed(reason.replace('\n', " "));
        let config: Self = figment.extract().map_err(|error| malformed(error.to_string()))?;
        if !(0.0..=GUIDANCE_MAX).contains(&config.model.guidance_scale) {
            return Err(malformed(format!("model.guidance_scale must be from 0 to {GUIDANCE_MAX}")));
        }
        if config.model.steps.largest() > STEPS_MAX {
            return Err(malformed(format!("model.steps: a quality has at most {STEPS_MAX} steps")));
        }
        let above_zero = [
            ("limits.deadline_seconds", u64::from(config.limits.deadline_seconds)),
            ("pictures.keep_days", u64::from(config.pictures.keep_days)),
            ("model.memory_mib", config.model.memory_mib.unwrap_or(1)),
        ];
        if let Some((key, _)) = above_zero.into_iter().find(|(_, value)| *value == 0) {
            return Err(malformed(format!("{key} must be above 0")));
        }
        if u64::from(config.pictures.link_minutes) > u64::from(config.pictures.keep_days) * 24 * 60 {
            return Err(malformed("pictures.link_minutes must not pass pictures.keep_days".into()));
        }
        if let Some(url) = &config.public_url
            && !(url.starts_with("http://") || url.starts_with("https://"))
        {
            return Err(malformed(format!(
                "public_url is `{url}`; write it with http:// or https://, such as https://paint.example"
            )));
        }
        Ok(config)
    }

    /// How the engine is to work.
    pub fn engine_settings(&self) -> EngineSettings {
        EngineSettings {
            queue_depth_max: self.limits.queue_depth_max,
            batch_max: self.model.batch_max.map(NonZeroUsize::get),
            memory_max: self.model.memory_mib.map(|mib| mib.saturating_mul(1 << 20)),
        }
    }

    /// What the operator decided about requests.
    pub fn service_settings(&self) -> ServiceSettings {
        let seconds = |seconds: u32| Millis::new(u64::from(seconds) * 1000);
        let provenance =
            || ProvenanceSettings { prompt: self.metadata.prompt, producer: self.metadata.producer.clone() };
        ServiceSettings {
            on_disconnect: self.limits.on_disconnect,
            deadline: seconds(self.limits.deadline_seconds),
            answer_wait_max: seconds(self.limits.answer_wait_seconds),
            overlong_prompt: self.limits.overlong_prompt,
            provenance: self.metadata.embed.then(provenance),
            keep_pictures: SignedDuration::from_hours(24 * i64::from(self.pictures.keep_days)),
            log_prompts: self.log.prompts,
            budgets: self.budgets.clone(),
            operator: self.metadata.producer.clone(),
        }
    }

    /// The zone in which days and months are counted.
    ///
    /// # Errors
    /// [`ConfigError::TimeZone`] for a name that is not known.
    pub fn zone(&self) -> Result<TimeZone, ConfigError> {
        match &self.time_zone {
            None => Ok(TimeZone::system()),
            Some(name) => TimeZone::get(name).map_err(|_| ConfigError::TimeZone(name.clone())),
        }
    }

    /// The cost model, checked against the price book for `today`.
    ///
    /// # Errors
    /// [`ConfigError`] for a price book that cannot be read, or costs that cannot be.
    pub fn cost_model(&self, today: Date) -> Result<CostModel, ConfigError> {
        let example = CostSettings::default();
        let has_tariff = self.costs.tariff.iter().any(|row| row.effective_from <= today);
        let unset = (self.costs.price_per_kwh == example.price_per_kwh && !has_tariff)
            || self.costs.hardware.price == example.hardware.price
            || (self.costs.upkeep_per_image == example.upkeep_per_image
                && self.costs.upkeep_per_year.is_none());
        if self.costs.currency != example.currency && unset {
            return Err(ConfigError::ExampleAmounts(self.costs.currency));
        }
        Ok(CostModel::new(self.costs.clone(), self.prices()?, self.exchange_rate.clone(), today)?)
    }

    /// A model of these costs in `currency` that compares with `sku`: prices and rates, for a scenario that is not this
    /// machine's.
    ///
    /// # Errors
    /// [`ConfigError`] for a price book that cannot be read, or a sku that has no price or no rate on `today`.
    pub fn price_list(&self, currency: Currency, sku: &str, today: Date) -> Result<CostModel, ConfigError> {
        let costs = CostSettings { currency, compare_with: sku.to_owned(), ..self.costs.clone() };
        Ok(CostModel::new(costs, self.prices()?, self.exchange_rate.clone(), today)?)
    }

    fn prices(&self) -> Result<PriceBook, ConfigError> {
        let Some(file) = &self.price_book else {
            return Ok(PriceBook::built_in().map_err(CostError::from)?);
        };
        let error = |reason: String| ConfigError::File { path: file.display().to_string(), reason };
        let toml = std::fs::read_to_string(file).map_err(|cause| error(cause.to_string()))?;
        PriceBook::parse(&toml).map_err(|cause| error(cause.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(toml: &str) -> Result<Config, ConfigError> {
        Config::extract(Figment::from(Toml::string(toml)))
    }

    fn is_setting(line: &str) -> bool {
        let key = line.split(" = ").next().unwrap_or_default();
        line.contains(" = ") && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    }

    #[test]
    fn the_shipped_file_says_every_default_and_nothing_else() {
        let shipped = include_str!("../config/tintype.toml");
        // Every commented key, uncommented, must parse, and change nothing but what has no default.
        let uncommented: String = shipped
            .lines()
            .map(|line| line.strip_prefix("# ").filter(|rest| is_setting(rest)).unwrap_or(line))
            .filter(|line| !line.contains(" = none"))
            .collect::<Vec<_>>()
            .join("\n");
        let config = parse(&uncommented).expect("config/tintype.toml");
        assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
        for section in [
            "[model]",
            "[model.steps]",
            "[limits]",
            "[pictures]",
            "[metadata]",
            "[log]",
            "[energy]",
            "[costs]",
            "[costs.hardware]",
            "[[exchange_rate]]",
        ] {
            assert!(shipped.contains(section), "{section}");
        }
    }

    #[test]
    fn the_tariff_in_the_shipped_file_can_be_used() {
        let shipped = include_str!("../config/tintype.toml");
        let rows: String =
            shipped.lines().filter_map(|line| line.strip_prefix("#     ")).collect::<Vec<_>>().join("\n");
        let config = parse(&rows).expect("a tariff");
        assert_eq!(config.costs.tariff.len(), 2);
        config.cost_model(jiff::civil::date(2026, 11, 23)).expect("a cost model");
    }

    #[test]
    fn a_wrong_key_or_value_is_named_in_one_line() {
        for (toml, name) in [
            ("colour = 1", "colour"),
            ("[model]\ndtype = \"f8\"", "f8"),
            ("[costs]\nprice_per_kwh = \"cheap\"", "cheap"),
            (
                "[[costs.tariff]]\neffective_from = \"2026-01-01\"\nprice_per_kwh = \"1\"\nhours = \"night\"",
                "night",
            ),
            ("[model]\ndefault_size = \"big\"", "big"),
            ("listen = 8080", "listen"),
            ("[model]\nguidance_scale = -1.0", "guidance_scale"),
            ("[model.steps]\nmax = 101", "model.steps"),
            ("public_url = \"paint.example\"", "public_url"),
            ("trusted_proxies = [\"10.0.0.0/33\"]", "trusted_proxies"),
            ("[limits]\ndeadline_seconds = 0", "deadline_seconds"),
            ("[pictures]\nkeep_days = 0", "keep_days"),
            ("[pictures]\nkeep_days = 1\nlink_minutes = 1441", "link_minutes"),
            ("[limits]\non_disconnect = \"wait\"", "on_disconnect"),
        ] {
            let error = parse(toml).expect_err("refused").to_string();
            assert!(error.contains(name) && error.lines().count() == 1, "{error}");
        }
    }

    #[test]
    fn the_examples_yuan_are_not_taken_for_euros() {
        let today = jiff::civil::date(2026, 11, 23);
        let config = parse("[costs]\ncurrency = \"EUR\"").expect("parsed");
        assert!(matches!(config.cost_model(today), Err(ConfigError::ExampleAmounts(_))));
        let euros = "[costs]\ncurrency = \"EUR\"\nprice_per_kwh = \"0.35\"\nupkeep_per_image = \"0.004\"\n[costs.hardware]\nprice = \"2100\"\n\
                     residual = \"800\"\n[[exchange_rate]]\nfrom = \"USD\"\nto = \"EUR\"\nrate = \"0.86\"\n\
                     effective_from = \"2026-01-01\"";
        let model = parse(euros).expect("parsed").cost_model(today).expect("a cost model");
        assert_eq!(model.currency(), Currency::EUR);
    }

    #[test]
    fn an_amount_may_be_a_bare_number() {
        let config = parse("[costs]\nprice_per_kwh = 0.35\nupkeep_per_image = 1").expect("parsed");
        assert_eq!(config.costs.price_per_kwh.to_string(), "0.35");
        assert_eq!(config.costs.upkeep_per_image.to_string(), "1.00");
    }

    #[test]
    fn a_zone_that_is_none_is_named() {
        let config = parse("time_zone = \"Mars/Olympus\"").expect("parsed");
        assert!(config.zone().expect_err("refused").to_string().contains("Mars/Olympus"));
    }
}
