use serde::Deserialize;

use crate::domain::NamedHost;

/// The `[webhooks]` part.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhooksConfig {
    /// Hosts that may have any address, and may be reached by http.
    pub private_hosts: Vec<NamedHost>,
}
