use std::ffi::OsString;

use figment::{
    Error, Metadata, Profile, Provider,
    value::{Dict, Map, Value},
};

/// What Figment calls this source of values.
pub(super) const NAME: &str = "variable";
/// What our variables begin with.
const PREFIX: &str = "TINTYPE_";
/// Variables with our prefix that are not keys of the configuration.
const OTHER_VARIABLES: [&str; 4] = ["CONFIG", "LOG", "KEY", "SERVER"];
/// What those begin with that tell our tests what they may not skip.
const OF_TESTS: &str = "REQUIRE_";

/// Keys of the configuration from variables: TINTYPE_MODEL__ID is `id` of `[model]`.
pub(super) struct Environment {
    variables: Vec<(OsString, OsString)>,
}

impl Environment {
    /// The variables of this process.
    pub(super) fn of_process() -> Self {
        Self { variables: std::env::vars_os().collect() }
    }
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named(NAME).interpolater(|_, keys| {
            format!("{PREFIX}{}", keys.iter().map(|key| key.to_uppercase()).collect::<Vec<_>>().join("__"))
        })
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let mut keys = Dict::new();
        for (name, text) in &self.variables {
            let Some(name) = name.to_str() else { continue };
            let Some(text) = text.to_str() else {
                // To pass over it would be to count with a default, or in another directory.
                if key_of(name).is_some() {
                    return Err(Error::from(format!("{name} is not UTF-8; write its value as UTF-8")));
                }
                continue;
            };
            let Some(name) = key_of(name).filter(|name| !is_service_link(name, text)) else { continue };
            let path: Vec<_> = name.split("__").map(str::to_lowercase).collect();
            insert(&mut keys, &path, value(text));
        }
        Ok(Map::from([(Profile::Default, keys)]))
    }
}

/// What follows our prefix, in capitals.
fn key_of(name: &str) -> Option<String> {
    let name = name.to_uppercase();
    let key = name.strip_prefix(PREFIX)?;
    (!OTHER_VARIABLES.contains(&key) && !key.starts_with(OF_TESTS)).then(|| key.to_owned())
}

/// Whether it is a variable that Kubernetes sets for a Service called `tintype` or `tintype-…`, or that Docker sets for a
/// link: TINTYPE_SERVICE_HOST, TINTYPE_PORT=tcp://10.96.12.7:8080, TINTYPE_PORT_8080_TCP_ADDR, TINTYPE_DB_SERVICE_PORT.
fn is_service_link(key: &str, text: &str) -> bool {
    let words: Vec<&str> = key.split('_').collect();
    let is_number = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_digit());
    let is_protocol = |word: &str| ["TCP", "UDP", "SCTP"].contains(&word);
    let is_url = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| text.starts_with(scheme));
    match words.as_slice() {
        [.., "PORT"] if is_url => true,
        [.., "PORT", port, protocol] | [.., "PORT", port, protocol, "PROTO" | "PORT" | "ADDR"]
            if is_number(port) && is_protocol(protocol) =>
        {
            true
        }
        words => {
            words.windows(2).any(|pair| pair == ["SERVICE", "PORT"]) || words.ends_with(&["SERVICE", "HOST"])
        }
    }
}

/// Text, unless it is a list or a table: whether `360` is a number is decided by the key, which knows.
fn value(text: &str) -> Value {
    match text.parse::<Value>() {
        Ok(Value::String(_, unquoted)) => unquoted.into(),
        Ok(list @ (Value::Array(..) | Value::Dict(..))) => as_text(list),
        _ => text.trim().into(),
    }
}

/// A list or table of texts.
fn as_text(value: Value) -> Value {
    match value {
        Value::Array(_, values) => values.into_iter().map(as_text).collect::<Vec<_>>().into(),
        Value::Dict(_, values) => {
            values.into_iter().map(|(key, value)| (key, as_text(value))).collect::<Dict>().into()
        }
        Value::Char(_, c) => c.to_string().into(),
        Value::Bool(_, truth) => truth.to_string().into(),
        Value::Num(_, number) => match (number.to_u128(), number.to_i128(), number.to_f64()) {
            (Some(number), ..) => number.to_string().into(),
            (_, Some(number), _) => number.to_string().into(),
            (_, _, Some(number)) => number.to_string().into(),
            _ => number.into(),
        },
        other => other,
    }
}

fn insert(keys: &mut Dict, path: &[String], value: Value) {
    match path {
        [] => {}
        [key] => {
            keys.insert(key.clone(), value);
        }
        [section, rest @ ..] => {
            let section = keys.entry(section.clone()).or_insert_with(|| Dict::new().into());
            if !matches!(section, Value::Dict(..)) {
                *section = Dict::new().into();
            }
            if let Value::Dict(_, keys) = section {
                insert(keys, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ConfigError};

    fn config(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let variables = variables.iter().map(|(name, text)| (name.into(), text.into())).collect();
        Config::extract(&figment::Figment::from(Environment { variables }))
    }

    #[test]
    fn a_variable_is_read_as_its_key_takes_it() {
        let config = config(&[
            ("TINTYPE_METADATA__PRODUCER", "360"),
            ("TINTYPE_MODEL__ID", "007"),
            ("TINTYPE_MODEL__ALIASES", "[4090, true, dall-e-3, 1.5]"),
            ("TINTYPE_MODEL__STEPS__LOW", "3"),
            ("TINTYPE_MODEL__GUIDANCE_SCALE", "1.5"),
            ("TINTYPE_METADATA__EMBED", "false"),
            ("tintype_limits__requests_per_minute", "60"),
            ("TINTYPE_ENERGY__DEVICE_WATTS", "350"),
            ("TINTYPE_COSTS__PRICE_PER_KWH", "1.20"),
            ("TINTYPE_BUDGETS", "[\"20 a month\", \"5 images a day\"]"),
            ("TINTYPE_LISTEN", "9000"),
            ("TINTYPE_TIME_ZONE", "\"Asia/Shanghai\""),
            ("TINTYPE_DATA_DIR", "2026"),
        ])
        .expect("a configuration");
        assert_eq!((config.metadata.producer.as_str(), config.model.id.as_deref()), ("360", Some("007")));
        assert_eq!(config.model.aliases, ["4090", "true", "dall-e-3", "1.5"]);
        let (low, guidance_scale) = (config.model.steps.low, config.model.guidance_scale);
        assert_eq!((low.map(|steps| steps.get()), guidance_scale), (Some(3), Some(1.5)));
        assert!(!config.metadata.embed);
        assert_eq!(config.limits.requests_per_minute.map(|limit| limit.get()), Some(60));
        assert_eq!(config.costs.price_per_kwh.to_string(), "1.20");
        assert_eq!(config.budgets.to_string(), "20.00 a month, 5 images a day");
        assert_eq!(config.listen.to_string(), "127.0.0.1:9000");
        assert_eq!(config.time_zone.as_deref(), Some("Asia/Shanghai"));
        assert_eq!(config.data_dir.to_str(), Some("2026"));
        for word in ["true", "no", "1e3", "0x10", "-1"] {
            let config = self::config(&[("TINTYPE_METADATA__PRODUCER", word)]).expect("text");
            assert_eq!(config.metadata.producer, word);
        }
    }

    #[test]
    fn what_kubernetes_and_docker_set_is_passed_over() {
        config(&[
            ("TINTYPE_REQUIRE_CLIENTS", "1"),
            ("TINTYPE_PORT", "tcp://10.96.12.7:8080"),
            ("TINTYPE_SERVICE_HOST", "10.96.12.7"),
            ("TINTYPE_SERVICE_PORT", "8080"),
            ("TINTYPE_SERVICE_PORT_HTTP_METRICS", "8080"),
            ("TINTYPE_PORT_8080_TCP", "tcp://10.96.12.7:8080"),
            ("TINTYPE_PORT_8080_TCP_PROTO", "tcp"),
            ("TINTYPE_PORT_8080_TCP_PORT", "8080"),
            ("TINTYPE_PORT_8080_TCP_ADDR", "10.96.12.7"),
            ("TINTYPE_PORT_53_UDP_ADDR", "fd00::1"),
            ("TINTYPE_GPU_2_PORT", "udp://[fd00::1]:53"),
            ("TINTYPE_GPU_2_SERVICE_HOST", "fd00::1"),
            ("TINTYPE_GPU_2_SERVICE_PORT_GRPC", "9000"),
            ("TINTYPE_GPU_2_PORT_132_SCTP_PROTO", "sctp"),
        ])
        .expect("the defaults");
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_not_utf_8_is_named_and_never_passed_over() {
        use std::os::unix::ffi::OsStringExt;
        let config = |name: &str| {
            let variables = vec![(name.into(), OsString::from_vec(b"/srv/\xff".to_vec()))];
            Config::extract(&figment::Figment::from(Environment { variables }))
        };
        let error = config("TINTYPE_DATA_DIR").expect_err("refused").to_string();
        assert!(error.contains("TINTYPE_DATA_DIR is not UTF-8"), "{error}");
        for other in ["TINTYPE_KEY", "PATH"] {
            config(other).expect("not a key of the configuration");
        }
    }

    #[test]
    fn a_variable_that_is_none_of_ours_is_named_with_what_was_meant() {
        for (name, value, words) in [
            ("TINTYPE_PORT", "8080", ["TINTYPE_PORT", "TINTYPE_LISTEN"]),
            ("TINTYPE_LISTN", "8080", ["TINTYPE_LISTN", "TINTYPE_LISTEN"]),
            ("TINTYPE_MODEL__DTYP", "f16", ["TINTYPE_MODEL__DTYP", "TINTYPE_MODEL__DTYPE"]),
            ("TINTYPE_LIMITS__DEADLINE_SECONDS", "soon", ["TINTYPE_LIMITS__DEADLINE_SECONDS", "soon"]),
        ] {
            let error = config(&[(name, value)]).expect_err("refused").to_string();
            assert!(words.iter().all(|word| error.contains(word)), "{error}");
        }
    }
}
