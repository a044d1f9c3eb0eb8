use std::path::PathBuf;

use serde::Deserialize;

use super::{Config, ConfigError};
use crate::{
    domain::NamedHost,
    notify::{MailServer, Mailer},
};

/// The `[webhooks]` part.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhooksConfig {
    /// Hosts that may have any address, and may be reached by http.
    pub private_hosts: Vec<NamedHost>,
}

/// The `[mail]` part.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MailConfig {
    /// The mail server; none: no e-mail is sent.
    pub server: Option<MailServer>,
    /// The sender's address.
    pub from: String,
    /// The authorities that sign the server's certificate, a PEM file; none: Mozilla's.
    pub authorities: Option<PathBuf>,
}

impl Default for MailConfig {
    fn default() -> Self {
        Self { server: None, from: "tintype@localhost".into(), authorities: None }
    }
}

impl Config {
    /// What sends e-mail; none if no mail server is configured.
    ///
    /// # Errors
    /// [`ConfigError`] for a server, a sender or authorities that cannot be.
    pub fn mailer(&self) -> Result<Option<Mailer>, ConfigError> {
        let authorities = content(self.mail.authorities.as_ref())?;
        let mailer = |server| Mailer::new(server, &self.mail.from, authorities.as_deref());
        let mailer = self.mail.server.as_ref().map(mailer);
        mailer.transpose().map_err(|error| ConfigError::Malformed(error.to_string()))
    }
}

/// The bytes of a file that a key may name.
pub(super) fn content(file: Option<&PathBuf>) -> Result<Option<Vec<u8>>, ConfigError> {
    let read = |file: &PathBuf| {
        std::fs::read(file).map_err(|cause| ConfigError::File {
            path: file.display().to_string(),
            reason: cause.to_string(),
        })
    };
    file.map(read).transpose()
}
