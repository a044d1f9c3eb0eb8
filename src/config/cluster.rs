use std::{fmt, path::PathBuf};

use serde::{Deserialize, Deserializer};

/// The `[cluster]` part: what the nodes of a cluster have in common.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterConfig {
    /// A file with the secret that all nodes have.
    pub secret_file: Option<PathBuf>,
    /// The secret itself.
    pub secret: Option<SecretText>,
    /// Seconds that a node counts as alive without a word.
    pub lease_seconds: u32,
}

/// A secret, which is never shown.
#[derive(Clone)]
pub struct SecretText(String);

impl SecretText {
    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText")
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self { secret_file: None, secret: None, lease_seconds: 12 }
    }
}
