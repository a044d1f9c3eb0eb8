use std::path::PathBuf;

use super::{Config, ConfigError};
use crate::costs::{CostError, PriceBook};

/// The name of an imported price book, in the data directory.
const IMPORTED: &str = "prices.toml";

impl Config {
    /// The price book: the configured one, else the one that was imported, else the built-in one.
    ///
    /// # Errors
    /// [`ConfigError`] if it cannot be read.
    pub fn prices(&self) -> Result<PriceBook, ConfigError> {
        let Some(file) = self.price_file() else {
            return Ok(PriceBook::built_in().map_err(CostError::from)?);
        };
        let error = |reason: String| ConfigError::File { path: file.display().to_string(), reason };
        let toml = std::fs::read_to_string(&file).map_err(|cause| error(cause.to_string()))?;
        PriceBook::parse(&toml).map_err(|cause| error(cause.to_string()))
    }

    /// Where the price book is; none: it is the built-in one.
    pub fn price_file(&self) -> Option<PathBuf> {
        self.price_book.clone().or_else(|| Some(self.imported_prices()).filter(|file| file.is_file()))
    }

    /// Where an imported price book is kept.
    pub fn imported_prices(&self) -> PathBuf {
        self.data_dir.join(IMPORTED)
    }
}
