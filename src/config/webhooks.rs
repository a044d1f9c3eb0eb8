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
}

impl Default for MailConfig {
    fn default() -> Self {
        Self { server: None, from: "tintype@localhost".into() }
    }
}

impl Config {
    /// What sends e-mail; none if no mail server is configured.
    ///
    /// # Errors
    /// [`ConfigError`] for a server or a sender that cannot be.
    pub fn mailer(&self) -> Result<Option<Mailer>, ConfigError> {
        let mailer = self.mail.server.as_ref().map(|server| Mailer::new(server, &self.mail.from));
        mailer.transpose().map_err(|error| ConfigError::Malformed(error.to_string()))
    }
}
