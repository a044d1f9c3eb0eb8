use std::path::PathBuf;

use crate::domain::ImageSize;

/// Why a model could not be loaded. Each is one line that names the file and what was expected of it.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file or directory that the diffusers layout asks for is not there.
    #[error("{path}: no such {what}; expected {expected}")]
    Missing {
        /// The file.
        path: String,
        /// `file` or `directory`.
        what: &'static str,
        /// What belongs there.
        expected: String,
    },
    /// A file could not be read.
    #[error("{path}: cannot read: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file is there and does not say what a Z-Image model says.
    #[error("{path}: {reason}")]
    Invalid {
        /// The file.
        path: String,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// A weight is missing, or has another shape or type than the configuration asks for.
    #[error("{0}")]
    Weight(String),
    /// The device asked for is not there.
    #[error("device {device}: {reason}")]
    Device {
        /// The device, as it was asked for.
        device: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// A model's files, or a LoRA's, are not those that `model.sha256` or `--sha256` names.
    #[error(
        "{path}: what it holds has the SHA-256 {found}, and model.sha256 or --sha256 asks for {pinned}; fetch it again, or \
         pin what you trust"
    )]
    Pinned {
        /// The model's file or directory.
        path: String,
        /// What was configured.
        pinned: String,
        /// What was found.
        found: String,
    },
    /// A model could not be fetched from the hub.
    #[error("cannot fetch {repository}: {reason}")]
    Hub {
        /// The repository, for example `Tongyi-MAI/Z-Image-Turbo`.
        repository: String,
        /// What went wrong and what to do.
        reason: String,
    },
}

impl LoadError {
    /// What is wrong, without saying where the file is.
    pub fn reason(&self) -> &str {
        match self {
            Self::Invalid { reason, .. } => reason,
            _ => "its file cannot be read",
        }
    }

    pub(super) fn invalid(path: impl Into<String>, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        // candle adds a backtrace where the environment asks for one.
        let line = reason.lines().next().unwrap_or_default();
        Self::Invalid { path: path.into(), reason: cut(line, REASON_MAX) }
    }

    pub(super) fn missing_file(path: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Missing { path: path.into(), what: "file", expected: expected.into() }
    }

    pub(super) fn missing_directory(path: &std::path::Path, expected: impl Into<String>) -> Self {
        Self::Missing {
            path: PathBuf::from(path).display().to_string(),
            what: "directory",
            expected: expected.into(),
        }
    }

    /// What candle says while it builds a layer, on one line.
    pub(super) fn from_candle(component: &str, error: &candle_core::Error) -> Self {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or("unknown error");
        if line.starts_with(component) || line.contains(".safetensors") {
            Self::Weight(line.to_owned())
        } else {
            Self::Weight(format!("{component}: {line}"))
        }
    }
}

/// Longest reason that is shown: a file may quote itself in it.
const REASON_MAX: usize = 500;
/// Longest value of a file that is shown.
const VALUE_MAX: usize = 60;

/// A value from a file, short enough for a line.
pub(super) fn short(value: &str) -> String {
    cut(value, VALUE_MAX)
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Why an image could not be generated.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A size that the model cannot generate.
    #[error("size {size} is not possible; both sides must be multiples of {factor}, at most {side_max}")]
    Size {
        /// The size asked for.
        size: ImageSize,
        /// VAE factor × patch size.
        factor: u32,
        /// The longest side for which the model has positions.
        side_max: u32,
    },
    /// The prompt could not be turned into tokens.
    #[error("the prompt cannot be tokenised: {0}")]
    Tokenise(String),
    /// The model cannot edit: its VAE has no encoder.
    #[error(
        "this model cannot edit images: its vae has no encoder weights (encoder.*); use a model with a whole VAE"
    )]
    NoEncoder,
    /// The caller asked to stop between two steps.
    #[error("the image was cancelled")]
    Cancelled,
    /// The numbers ran out of their format: an image of NaN is not sent.
    #[error("the image is not finite in {dtype}; try another dtype")]
    NotFinite {
        /// The number format.
        dtype: &'static str,
    },
    /// The device or the library failed.
    #[error("the device failed: {0}")]
    Device(#[from] candle_core::Error),
}

impl RenderError {
    /// Whether the device may be at fault: it said so, or its numbers are none. For want of memory it is not.
    pub fn blames_device(&self) -> bool {
        matches!(self, Self::Device(_) | Self::NotFinite { .. }) && !self.is_out_of_memory()
    }

    /// Whether the device had no memory left. The library passes on what the driver says.
    pub fn is_out_of_memory(&self) -> bool {
        match self {
            Self::Device(error) => {
                let text = error.to_string().to_lowercase().replace('_', " ");
                text.contains("out of memory") || text.contains("alloc failed")
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drivers_words_for_no_memory_are_known() {
        let device = |text: &str| RenderError::Device(candle_core::Error::msg(text));
        assert!(device("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")").is_out_of_memory());
        assert!(device("CublasError(CUBLAS_STATUS_ALLOC_FAILED)").is_out_of_memory());
        assert!(!device("CUBLAS_STATUS_EXECUTION_FAILED").is_out_of_memory());
        assert!(device("CUBLAS_STATUS_EXECUTION_FAILED").blames_device());
        assert!(RenderError::NotFinite { dtype: "f16" }.blames_device());
        assert!(!device("out of memory").blames_device() && !RenderError::Cancelled.blames_device());
    }
}
