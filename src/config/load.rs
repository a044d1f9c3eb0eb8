//! Reading the configuration, and what cannot be one.

use std::path::Path;

use figment::{
    Figment,
    providers::{Env, Format, Toml},
};

use super::Config;
use crate::{
    costs::CostError,
    domain::{GUIDANCE_MAX, STEPS_MAX},
    units::Currency,
};

/// Variables with our prefix that are no configuration keys.
const OTHER_VARIABLES: [&str; 3] = ["config", "log", "require_clients"];

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

    pub(super) fn extract(figment: Figment) -> Result<Self, ConfigError> {
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
        if let Some(url) = &config.public_url {
            check_public_url(url).map_err(malformed)?;
        }
        Ok(config)
    }
}

/// Pages and links begin at the root of a host, so a public URL is a scheme and a host.
fn check_public_url(url: &str) -> Result<(), String> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).ok_or_else(|| {
        format!("public_url is `{url}`; write it with http:// or https://, such as https://paint.example")
    })?;
    let host = rest.strip_suffix('/').unwrap_or(rest);
    if host.contains(['/', '?', '#']) {
        return Err(format!(
            "public_url is `{url}`, which has a path; the pages need a host name of their own, such as \
             https://paint.example"
        ));
    }
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@') {
        return Err(format!("public_url is `{url}`, which names no host; write it as https://paint.example"));
    }
    Ok(())
}
