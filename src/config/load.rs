//! Reading the configuration, and what is refused.

use std::path::Path;

use figment::{
    Figment, Source,
    error::{Actual, Kind},
};

use super::{
    Config, checks,
    environment::{self, Environment},
    stated::StatedKeys,
};
use crate::{costs::CostError, domain::closest, toml_text::TomlText, units::Currency};

/// Names that other programs have for keys of ours.
const NAMES_ELSEWHERE: [(&str, &str); 6] = [
    ("port", "listen"),
    ("host", "listen"),
    ("address", "listen"),
    ("bind", "listen"),
    ("timezone", "time_zone"),
    ("tz", "time_zone"),
];

/// Characters of a reason that are printed: a mistyped file may hold a line without end.
const REASON_CHARS_MAX: usize = 1000;

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
    /// The machine's zone, from the variable TZ, is not known.
    #[error(
        "TZ is `{0}`, which is not a time zone; correct it, or set time_zone to an IANA name such as Asia/Shanghai or \
         Europe/Berlin"
    )]
    MachineZone(String),
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
        let malformed =
            |reason: String| ConfigError::Malformed(at_most(&reason.replace('\n', " "), REASON_CHARS_MAX));
        // Lossy: a variable is a text, and its key knows whether that is to be a number.
        let mut config: Self = figment.extract_lossy().map_err(|error| malformed(in_words(&error)))?;
        checks::check(&config).map_err(malformed)?;
        config.stated = StatedKeys::of(figment);
        Ok(config)
    }
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
            format!("{key} is {}; expected {}", actual(found), in_plain_words(expected))
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

/// What serde calls a type, in words of TOML.
fn in_plain_words(expected: &str) -> &str {
    match expected {
        "a sequence" => "a list, in brackets",
        "a boolean" => "true or false",
        "path string" => "a path, in quotes",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0",
        "a nonzero u8" | "a nonzero u16" | "a nonzero u32" | "a nonzero u64" | "a nonzero usize" => {
            "a whole number above 0"
        }
        "f32" | "f64" => "a number",
        // The name of a type of ours says nothing to whoever writes the file.
        other if other.starts_with("struct ") => "a table of keys",
        other => other,
    }
}

/// The beginning of `text`, if it is longer than anybody reads.
fn at_most(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}

fn actual(found: &Actual) -> String {
    match found {
        Actual::Bool(truth) => format!("`{truth}`"),
        Actual::Unsigned(number) => format!("the number {number}"),
        Actual::Signed(number) => format!("the number {number}"),
        Actual::Float(number) => format!("the number {number}"),
        Actual::Str(text) if text.is_empty() => "empty".into(),
        Actual::Str(text) => format!("the text `{text}`"),
        Actual::Seq => "a list".into(),
        Actual::Map => "a table".into(),
        other => other.to_string(),
    }
}
