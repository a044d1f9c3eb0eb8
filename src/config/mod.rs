//! The configuration: built-in defaults, then a TOML file, then TINTYPE_… variables. Flags come last, in cli/.
//!
//! Every key stands in config/tintype.toml with its default; a test compares the two.

mod batches;
mod checks;
mod cluster;
mod energy;
mod environment;
mod listen;
mod load;
mod model;
mod networks;
mod overflow;
mod price_book;
mod stated;
mod terms;
mod webhooks;
mod zone;

use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    sync::Arc,
};

use ipnet::IpNet;
use jiff::{SignedDuration, civil::Date};
use serde::Deserialize;

pub use self::{
    batches::BatchesConfig,
    cluster::{ClusterConfig, SecretText},
    energy::EnergyConfig,
    listen::{ListenAddress, ListenAddressError},
    load::ConfigError,
    model::VariantChoice,
    overflow::OverflowConfig,
    stated::StatedKeys,
    webhooks::{MailConfig, WebhooksConfig},
};
use crate::{
    costs::{Budgets, CostModel, CostSettings, ExchangeRate},
    domain::{ConfiguredSteps, ImageSize, KeyLimits, LoraUse, NamedHost},
    engine::{EngineSettings, ProfileStore},
    image_store::{ImagesPlace, LinkKind},
    ledger::PostgresUrl,
    lora_library::LoraLibrary,
    overflow::{Buyer, Seller},
    pipeline::{DeviceList, KernelChoice, LoraChoice, MemoryTier, ModelDigest, Precision},
    service::{OnDisconnect, OverlongPrompt, PromptEmbedding, ProvenanceSettings, ServiceSettings},
    telemetry::LogConfig,
    units::{Currency, Millis, Money},
};

/// Everything that can be configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port to listen on. Port 0 takes a free one.
    pub listen: ListenAddress,
    /// The directory of the ledger, secrets and images.
    pub data_dir: PathBuf,
    /// The ledger in PostgreSQL; none: a file in `data_dir`.
    pub ledger: Option<PostgresUrl>,
    /// Where images are kept; none: in the data directory.
    pub images: Option<ImagesPlace>,
    /// Where clients find the server, for links; none: where the request came to.
    pub public_url: Option<String>,
    /// Networks whose X-Forwarded headers are believed.
    #[serde(deserialize_with = "networks::deserialize")]
    pub trusted_proxies: Vec<IpNet>,
    /// Seconds for which browsers that came over TLS may come by nothing else; 0: not said.
    pub hsts_seconds: u32,
    /// The model.
    pub model: ModelConfig,
    /// What a client may ask for, and how much of it.
    pub limits: Limits,
    /// Images that are edited.
    pub edits: EditsConfig,
    /// How long images are kept, for links.
    pub pictures: ImagesConfig,
    /// Files of batches.
    pub batches: BatchesConfig,
    /// What the nodes of a cluster have in common.
    pub cluster: ClusterConfig,
    /// Where news is sent.
    pub webhooks: WebhooksConfig,
    /// Who sells images while there is no room here, in the order in which they are asked.
    pub overflow: Vec<OverflowConfig>,
    /// How e-mail is sent.
    pub mail: MailConfig,
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
    /// Whether a request without X-Cost-Tag is filed under its body's `user`, which is often an e-mail address.
    pub user_is_tag: bool,
    /// IANA name of the zone in which days and months are counted; none: the machine's own.
    pub time_zone: Option<String>,
    /// Rates between currencies.
    pub exchange_rate: Vec<ExchangeRate>,
    /// Keys with dated values that the file or a variable has.
    #[serde(skip)]
    pub stated: StatedKeys,
}

/// The `[model]` part.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// A directory in the diffusers layout, a hub repository such as Tongyi-MAI/Z-Image-Turbo, a .safetensors or .gguf
    /// file, or none: the embedded one.
    pub path: Option<String>,
    /// The SHA-256 that the files at `path` must have, as `tintype pull` prints it; none: they are not compared.
    pub sha256: Option<ModelDigest>,
    /// Weights of the text encoder, a file or a folder; none: in `path`, or beside it.
    pub text_encoder: Option<PathBuf>,
    /// Weights of the autoencoder, a file or a folder; none: in `path`, or beside it.
    pub vae: Option<PathBuf>,
    /// A tokenizer.json, or a folder that has one; none: in `path`, or beside it.
    pub tokenizer: Option<PathBuf>,
    /// LoRAs beside those of the data directory: files, or folders of files.
    pub loras: Vec<PathBuf>,
    /// LoRAs that are merged into copies of the layers that they change, `NAME[:WEIGHT]`: a request for one of them alone, at this
    /// weight, is as fast as one without, for the memory of those layers.
    pub loras_merged: Vec<String>,
    /// LoRAs that one request may apply together.
    pub loras_max: usize,
    /// Whether `<lora:name:0.8>` in a prompt applies a LoRA.
    pub loras_in_prompt: bool,
    /// MiB of memory that LoRAs take: one alone, and those that are kept for the next request.
    pub lora_cache_mib: u64,
    /// The id under /v1/models; none: from the path.
    pub id: Option<String>,
    /// Other names that clients have built in and that reach this model too.
    pub aliases: Vec<String>,
    /// Size where a request names none; none: 1024x1024, or 256x256 for the embedded model.
    pub default_size: Option<ImageSize>,
    /// Which Z-Image it is.
    pub variant: VariantChoice,
    /// Steps for each quality; none: the variant's.
    pub steps: ConfiguredSteps,
    /// Guidance if a request names none; none: the variant's.
    pub guidance_scale: Option<f64>,
    /// Where it runs: a copy on each.
    pub device: DeviceList,
    /// Number format of its weights.
    pub dtype: Precision,
    /// Images of different requests that are generated together; none: 4 on a GPU, 1 on a CPU.
    pub batch_max: Option<NonZeroUsize>,
    /// How much of it stays on the device.
    pub memory: MemoryTier,
    /// Whose kernels compute its transformer and its text encoder where the weights have 16 bits.
    pub kernels: KernelChoice,
    /// Memory that work may take beyond the weights, in MiB; none: what is free.
    pub memory_mib: Option<u64>,
}

/// The `[limits]` part.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests that wait for the device.
    pub queue_depth_max: usize,
    /// Pixels of one image.
    pub pixels_max: u64,
    /// Characters of a prompt.
    pub prompt_chars_max: usize,
    /// Bytes of a request's body.
    pub body_bytes_max: usize,
    /// What becomes of a prompt with more tokens than the model reads.
    pub overlong_prompt: OverlongPrompt,
    /// Requests a minute for each key; none: no limit.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Images a minute for each key; none: no limit.
    pub images_per_minute: Option<NonZeroU32>,
    /// Requests of one key in work; none: no limit.
    pub concurrent_jobs: Option<NonZeroU32>,
    /// Quotes a minute of the playground for each key. They count as no requests.
    pub playground_quotes_per_minute: NonZeroU32,
    /// Seconds that an answer may take to begin, unless it is a stream.
    pub answer_wait_seconds: u32,
    /// Seconds from a request's acceptance to its answer.
    pub deadline_seconds: u32,
    /// What becomes of a job whose client has gone.
    pub on_disconnect: OnDisconnect,
    /// MiB that answers on their way to clients hold together.
    pub answers_mib_max: usize,
    /// Connections at one time.
    pub connections_max: usize,
    /// Connections from one address at one time.
    pub connections_per_address_max: usize,
    /// Seconds for which a connection may rest between two requests.
    pub keep_alive_seconds: u32,
}

/// The `[edits]` part.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EditsConfig {
    /// Hosts from which images are fetched by https, where a request names one.
    pub image_hosts: Vec<NamedHost>,
    /// A PEM file of the authorities that sign these hosts' certificates; none: Mozilla's.
    pub image_authorities: Option<PathBuf>,
}

/// The `[pictures]` part.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImagesConfig {
    /// Minutes for which a link holds.
    pub link_minutes: u32,
    /// Where links lead.
    pub links: LinkKind,
    /// Days for which images are kept, after the day on which they were made.
    pub keep_days: u32,
    /// MiB of the disk that stay free.
    pub free_disk_min_mib: u64,
    /// Whether prompts are kept, as long as images are, to find and repeat them.
    pub keep_prompts: bool,
    /// Whether images with a star are kept until somebody deletes them.
    pub keep_favourites: bool,
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

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: ListenAddress::default(),
            data_dir: "data".into(),
            ledger: None,
            images: None,
            public_url: None,
            trusted_proxies: Vec::new(),
            hsts_seconds: 0,
            model: ModelConfig::default(),
            limits: Limits::default(),
            edits: EditsConfig::default(),
            pictures: ImagesConfig::default(),
            batches: BatchesConfig::default(),
            cluster: ClusterConfig::default(),
            webhooks: WebhooksConfig::default(),
            overflow: Vec::new(),
            mail: MailConfig::default(),
            metadata: MetadataConfig::default(),
            budgets: Budgets::default(),
            log: LogConfig::default(),
            energy: EnergyConfig::default(),
            costs: CostSettings::default(),
            price_book: None,
            time_zone: None,
            user_is_tag: false,
            exchange_rate: vec![
                example_rate(Currency::USD, 6_970_000_000),
                example_rate(Currency::EUR, 8_100_000_000),
            ],
            stated: StatedKeys::default(),
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
            sha256: None,
            text_encoder: None,
            vae: None,
            tokenizer: None,
            loras: Vec::new(),
            loras_merged: Vec::new(),
            loras_max: 4,
            loras_in_prompt: false,
            lora_cache_mib: 2048,
            id: None,
            aliases: aliases.map(String::from).to_vec(),
            default_size: None,
            variant: VariantChoice::Auto,
            steps: ConfiguredSteps::default(),
            guidance_scale: None,
            device: DeviceList::default(),
            dtype: Precision::Auto,
            batch_max: None,
            memory: MemoryTier::Auto,
            kernels: KernelChoice::Auto,
            memory_mib: None,
        }
    }
}

impl Default for ImagesConfig {
    fn default() -> Self {
        Self {
            link_minutes: 60,
            links: LinkKind::default(),
            keep_days: 7,
            free_disk_min_mib: 256,
            keep_prompts: false,
            keep_favourites: false,
        }
    }
}

impl Default for MetadataConfig {
    fn default() -> Self {
        Self { embed: true, prompt: PromptEmbedding::Hash, producer: "Tintype".into() }
    }
}

impl ImagesConfig {
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
            playground_quotes_per_minute: NonZeroU32::MIN.saturating_add(299),
            answer_wait_seconds: 290,
            deadline_seconds: 600,
            on_disconnect: OnDisconnect::Cancel,
            answers_mib_max: 256,
            connections_max: 1024,
            connections_per_address_max: 256,
            keep_alive_seconds: 75,
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

impl Config {
    /// How the engine is to work, and where it keeps what it measures.
    pub fn engine_settings(&self, profiles: ProfileStore) -> EngineSettings {
        EngineSettings {
            queue_depth_max: self.limits.queue_depth_max,
            batch_max: self.model.batch_max.map(NonZeroUsize::get),
            memory_max: self.model.work_bytes_max(),
            profiles: Some(Arc::new(profiles)),
        }
    }

    /// The LoRAs that are merged into copies of layers.
    ///
    /// # Errors
    /// [`ConfigError`] if one is not written `NAME[:WEIGHT]`, or there is none of a name.
    pub fn merged_loras(&self) -> Result<Vec<LoraChoice>, ConfigError> {
        let library = self.lora_library();
        let choice = |text: &String| {
            let invalid =
                |reason: String| ConfigError::Malformed(format!("model.loras_merged: `{text}`: {reason}"));
            let LoraUse { name, weight, .. } = text.parse().map_err(invalid)?;
            let file = library.file(&name).ok_or_else(|| {
                invalid("there is no such LoRA; tintype lora list shows those that there are".into())
            })?;
            Ok(LoraChoice { file, weight })
        };
        self.model.loras_merged.iter().map(choice).collect()
    }

    /// The LoRAs that there are.
    pub fn lora_library(&self) -> LoraLibrary {
        let bytes_max = self.model.lora_cache_mib.saturating_mul(1 << 20);
        LoraLibrary::new(&self.data_dir, self.model.loras.clone(), bytes_max)
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
            keep_images: SignedDuration::from_hours(24 * i64::from(self.pictures.keep_days)),
            keep_prompts: self.pictures.keep_prompts,
            keep_favourites: self.pictures.keep_favourites,
            log_prompts: self.log.prompts,
            budgets: self.budgets.clone(),
            operator: self.metadata.producer.clone(),
            buyer: Buyer::default(),
            stated: self.stated_settings(),
        }
    }

    /// The certificates of `edits.image_authorities`, a PEM file.
    ///
    /// # Errors
    /// [`ConfigError::File`] if it cannot be read.
    pub fn image_authorities(&self) -> Result<Option<Vec<u8>>, ConfigError> {
        webhooks::content(self.edits.image_authorities.as_ref())
    }

    /// The amounts of money that are still the example's.
    pub fn example_amounts(&self, today: Date) -> Vec<&'static str> {
        let (costs, example) = (&self.costs, CostSettings::default());
        let has_tariff = costs.tariff.iter().any(|row| row.effective_from <= today);
        let unset = [
            ("costs.price_per_kwh", costs.price_per_kwh == example.price_per_kwh && !has_tariff),
            ("costs.hardware.price", costs.hardware.price == example.hardware.price),
            (
                "costs.upkeep_per_image",
                costs.upkeep_per_image == example.upkeep_per_image && costs.upkeep_per_year.is_none(),
            ),
        ];
        unset.into_iter().filter(|(_, is_unset)| *is_unset).map(|(key, _)| key).collect()
    }

    /// The cost model; `today` decides whether the tariff has begun.
    ///
    /// # Errors
    /// [`ConfigError`] for a price book that cannot be read, or costs out of range.
    pub fn cost_model(&self, today: Date) -> Result<CostModel, ConfigError> {
        if self.costs.currency != CostSettings::default().currency && !self.example_amounts(today).is_empty()
        {
            return Err(ConfigError::ExampleAmounts(self.costs.currency));
        }
        let model = CostModel::new(self.costs.clone(), self.prices()?, self.exchange_rate.clone())?;
        Ok(model.with_stated_comparison(self.stated.has("costs.compare_with")))
    }

    /// Those that sell images while there is no room here.
    ///
    /// # Errors
    /// [`ConfigError`], one line that names the `[[overflow]]` and its key.
    pub fn sellers(&self, costs: &CostModel, today: Date) -> Result<Vec<Seller>, ConfigError> {
        overflow::sellers(&self.overflow, costs, today)
    }

    /// A model of these costs in `currency` that compares with `sku`: prices and rates, for a scenario that is not this
    /// machine's.
    ///
    /// # Errors
    /// [`ConfigError`] for a price book that cannot be read, or a sku that the price book has never had.
    pub fn price_list(&self, currency: Currency, sku: &str) -> Result<CostModel, ConfigError> {
        let costs = CostSettings { currency, compare_with: sku.to_owned(), ..self.costs.clone() };
        Ok(CostModel::new(costs, self.prices()?, self.exchange_rate.clone())?)
    }
}

#[cfg(test)]
mod tests;
