use std::{fmt, path::PathBuf, str::FromStr, sync::Arc};

use serde::Deserialize;
use tokio_postgres::config::{Host, SslMode};
use url::form_urlencoded::{self, Serializer};

/// Where a ledger in PostgreSQL is: `postgres://user:password@host:5432/database`, as libpq writes it.
///
/// Of libpq's options, those of tokio-postgres hold (`connect_timeout`, `options`, `target_session_attrs`, a directory of
/// sockets as `host`), and `sslmode` and `sslrootcert`. A certificate is always verified where there is TLS.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct PostgresUrl {
    pub(super) config: Arc<tokio_postgres::Config>,
    /// Certificates in PEM that are trusted; none: those that browsers trust.
    pub(super) root_certificates: Option<PathBuf>,
    /// Without its password.
    shown: String,
}

/// A text that is not such a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; write it as postgres://user:password@host:5432/database")]
pub struct PostgresUrlError(String);

impl FromStr for PostgresUrl {
    type Err = PostgresUrlError;

    fn from_str(text: &str) -> Result<Self, PostgresUrlError> {
        let failed = |reason: &str| PostgresUrlError(reason.to_owned());
        if !["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
            return Err(failed("it does not begin with postgres://"));
        }
        let (base, options) = text.split_once('?').unwrap_or((text, ""));
        let mut root_certificates = None;
        let mut kept = Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(options.as_bytes()) {
            match (&*name, &*value) {
                ("sslrootcert", file) => root_certificates = Some(PathBuf::from(file)),
                // Certificates are verified in any case.
                ("sslmode", "verify-ca" | "verify-full") => {
                    kept.append_pair("sslmode", "require");
                }
                (name, value) => {
                    kept.append_pair(name, value);
                }
            }
        }
        // tokio-postgres reads a plus as it is, which a form writes for a space.
        let readable = format!("{base}?{}", kept.finish().replace('+', "%20"));
        let mut config = tokio_postgres::Config::from_str(&readable).map_err(|error| {
            let cause =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            failed(&format!("it cannot be read ({cause})"))
        })?;
        if config.get_dbname().is_none() {
            return Err(failed("it names no database"));
        }
        if config.get_hosts().is_empty() {
            return Err(failed("it names no host"));
        }
        config.application_name("tintype");
        Ok(Self { shown: shown(&config), config: Arc::new(config), root_certificates })
    }
}

impl TryFrom<String> for PostgresUrl {
    type Error = PostgresUrlError;

    fn try_from(text: String) -> Result<Self, PostgresUrlError> {
        text.parse()
    }
}

/// What may be shown of it.
fn shown(config: &tokio_postgres::Config) -> String {
    let user = config.get_user().map(|user| format!("{user}@")).unwrap_or_default();
    let hosts: Vec<String> = config
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(index, host)| match host {
            Host::Tcp(name) => {
                let ports = config.get_ports();
                let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
                format!("{name}:{port}")
            }
            Host::Unix(directory) => directory.display().to_string(),
        })
        .collect();
    let database = config.get_dbname().unwrap_or_default();
    format!("postgres://{user}{}/{database}", hosts.join(","))
}

impl PostgresUrl {
    /// Whether connections may be encrypted.
    pub(super) fn may_use_tls(&self) -> bool {
        self.config.get_ssl_mode() != SslMode::Disable
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, String> {
        text.parse::<PostgresUrl>().map(|url| url.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (text, expected) in [
            ("postgres://tintype:secret@db.studio:5433/books", "postgres://tintype@db.studio:5433/books"),
            ("postgresql://db/books", "postgres://db:5432/books"),
            (
                "postgres://u@/books?host=/run/postgresql&sslmode=disable",
                "postgres://u@/run/postgresql/books",
            ),
            (
                "postgres://u:p@one,two:5433/b?target_session_attrs=read-write",
                "postgres://u@one:5432,two:5433/b",
            ),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(expected), "{text}");
        }
        let url: PostgresUrl = "postgres://u:secret@db/b".parse().expect("a URL");
        assert!(!format!("{url:?} {url}").contains("secret"));
    }

    #[test]
    fn what_is_not_such_a_url_is_refused_with_the_form() {
        for (text, said) in [
            ("books.sqlite3", "begin with postgres://"),
            ("mysql://db/books", "begin with postgres://"),
            ("postgres://db", "names no database"),
            ("postgres://db/b?sslmode=perhaps", "cannot be read"),
            ("postgres://db/b?colour=blue", "cannot be read"),
        ] {
            let error = shown(text).expect_err(text);
            assert!(
                error.contains(said) && error.ends_with("postgres://user:password@host:5432/database"),
                "{error}"
            );
            assert!(!error.contains("secret"));
        }
    }

    #[test]
    fn certificates_are_named_as_libpq_names_them() {
        let url: PostgresUrl =
            "postgres://db/b?sslmode=verify-full&sslrootcert=/etc/ca.pem".parse().expect("a URL");
        assert_eq!(url.root_certificates, Some(PathBuf::from("/etc/ca.pem")));
        assert_eq!(url.config.get_ssl_mode(), SslMode::Require);
        assert!(!"postgres://db/b?sslmode=disable".parse::<PostgresUrl>().expect("a URL").may_use_tls());
    }
}
