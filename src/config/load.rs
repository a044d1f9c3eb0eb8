//! Reading the configuration, and what is refused.

use std::path::Path;

use figment::{
    Figment, Source,
    error::{Actual, Kind},
};

use super::{
    Config,
    environment::{self, Environment},
    stated::StatedKeys,
};
use crate::{
    costs::CostError,
    domain::{GUIDANCE_MAX, STEPS_MAX, Variant, closest},
    toml_text::TomlText,
    units::Currency,
};

/// Names that other programs have for keys of ours.
const NAMES_ELSEWHERE: [(&str, &str); 6] = [
    ("port", "listen"),
    ("host", "listen"),
    ("address", "listen"),
    ("bind", "listen"),
    ("timezone", "time_zone"),
    ("tz", "time_zone"),
];

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
    /// A default size that the model cannot generate.
    #[error("model.default_size: {0}")]
    DefaultSize(String),
    /// The example's yuan under another currency.
    #[error(
        "costs.currency is {0}, but costs.price_per_kwh, costs.upkeep_per_image or costs.hardware.price is still the \
         example's amount in yuan; set all three in {0}"
    )]
    ExampleAmounts(Currency),
    /// An `[[overflow]]` that cannot be.
    #[error("overflow `{name}`: {reason}")]
    Overflow {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Costs out of range.
    #[error("configuration: {0}")]
    Costs(#[from] CostError),
}

impl Config {
    /// Reads `file`, or tintype.toml in the working directory if there is one, and the environment.
    ///
    /// # Errors
    /// [`ConfigError`], one line that names the key.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let named = file.is_some();
        let file = file.unwrap_or(Path::new("tintype.toml"));
        let figment = match (file.is_file(), named) {
            (true, _) => Figment::from(TomlText::file(file)),
            (false, false) => Figment::new(),
            (false, true) => {
                let path = file.display().to_string();
                return Err(ConfigError::File { path, reason: "no such file".into() });
            }
        };
        Self::extract(&figment.merge(Environment::of_process()))
    }

    pub(super) fn extract(figment: &Figment) -> Result<Self, ConfigError> {
        let malformed = |reason: String| ConfigError::Malformed(reason.replace('\n', " "));
        // Lossy: a variable is a text, and its key knows whether that is to be a number.
        let mut config: Self = figment.extract_lossy().map_err(|error| malformed(in_words(&error)))?;
        if config.model.guidance_scale.is_some_and(|scale| !(0.0..=GUIDANCE_MAX).contains(&scale)) {
            return Err(malformed(format!("model.guidance_scale must be from 0 to {GUIDANCE_MAX}")));
        }
        if config.model.steps.over(Variant::Turbo).largest() > STEPS_MAX {
            return Err(malformed(format!("model.steps: a quality has at most {STEPS_MAX} steps")));
        }
        let above_zero = [
            ("limits.deadline_seconds", u64::from(config.limits.deadline_seconds)),
            ("pictures.keep_days", u64::from(config.pictures.keep_days)),
            ("model.memory_mib", config.model.memory_mib.unwrap_or(1)),
            ("cluster.lease_seconds", u64::from(config.cluster.lease_seconds)),
        ];
        if let Some((key, _)) = above_zero.into_iter().find(|(_, value)| *value == 0) {
            return Err(malformed(format!("{key} must be above 0")));
        }
        if u64::from(config.pictures.link_minutes) > u64::from(config.pictures.keep_days) * 24 * 60 {
            return Err(malformed("pictures.link_minutes must not be longer than pictures.keep_days".into()));
        }
        if let Some(url) = &config.public_url {
            check_public_url(url).map_err(malformed)?;
        }
        config.stated = StatedKeys::of(figment);
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

/// What is wrong, by the name under which it was written: `tintype.toml: unknown key `prot`; did you mean `port`?`
fn in_words(error: &figment::Error) -> String {
    let metadata = error.metadata.as_ref();
    let profile = error.profile.clone().unwrap_or_default();
    let written = |path: &[&str]| match metadata {
        Some(metadata) if metadata.name == environment::NAME => metadata.interpolate(&profile, path),
        _ => path.join("."),
    };
    let path: Vec<&str> = error.path.iter().map(String::as_str).collect();
    let key = written(&path);
    // The path of an unknown key ends with it.
    let section = path.split_last().map_or(&[][..], |(_, section)| section);
    let words = match &error.kind {
        Kind::UnknownField(name, known) => {
            let elsewhere = NAMES_ELSEWHERE.iter().find(|(other, own)| other == name && known.contains(own));
            let meant = elsewhere.map(|(_, own)| *own).or_else(|| closest(name, known.iter().copied()));
            match meant {
                Some(meant) => {
                    format!("unknown key `{key}`; did you mean `{}`?", written(&[section, &[meant]].concat()))
                }
                None => format!("unknown key `{key}`; write one of {}", known.join(", ")),
            }
        }
        Kind::UnknownVariant(word, known) => match closest(word, known.iter().copied()) {
            Some(meant) => format!("{key} is `{word}`; did you mean `{meant}`?"),
            None => format!("{key} is `{word}`; write one of {}", known.join(", ")),
        },
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            format!("{key} is {}; expected {expected}", actual(found))
        }
        Kind::MissingField(name) => {
            let key = written(&[&path[..], &[name]].concat());
            format!("{key} is missing")
        }
        Kind::Message(message) if key.is_empty() => message.clone(),
        Kind::Message(message) => format!("{key}: {message}"),
        other if key.is_empty() => other.to_string(),
        other => format!("{key}: {other}"),
    };
    match metadata.and_then(|metadata| metadata.source.as_ref()) {
        Some(Source::File(file)) => format!("{}: {words}", file.display()),
        _ => words,
    }
}

fn actual(found: &Actual) -> String {
    match found {
        Actual::Bool(truth) => format!("`{truth}`"),
        Actual::Unsigned(number) => format!("the number {number}"),
        Actual::Signed(number) => format!("the number {number}"),
        Actual::Float(number) => format!("the number {number}"),
        Actual::Str(text) => format!("the text `{text}`"),
        Actual::Seq => "a list".into(),
        Actual::Map => "a table".into(),
        other => other.to_string(),
    }
}
