use serde::Deserialize;

/// The `[batches]` part.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchesConfig {
    /// MiB that the uploaded files of one key may have together.
    pub files_mib_max: u32,
    /// Days for which files are kept that name no time of their own.
    pub keep_days: u16,
}

impl Default for BatchesConfig {
    fn default() -> Self {
        Self { files_mib_max: 1024, keep_days: 30 }
    }
}
