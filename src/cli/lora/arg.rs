use std::{path::Path, str::FromStr};

use crate::{
    cli::CliError, config::Config, domain::LoraUse, lora_library::LORAS_DIRECTORY, pipeline::LoraChoice,
};

/// `NAME_OR_FILE[:WEIGHT]`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::cli) struct LoraArg(LoraUse);

impl FromStr for LoraArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read: LoraUse = text.parse()?;
        // A file may be called `a:1`.
        let is_whole_file = Path::new(text).is_file() && !Path::new(&read.name).is_file();
        Ok(Self(if is_whole_file { LoraUse { name: text.to_owned(), weight: 1.0, ..read } } else { read }))
    }
}

impl LoraArg {
    /// The file: itself, or the one of that name in the library.
    pub(in crate::cli) fn choice(&self, config: &Config) -> Result<LoraChoice, CliError> {
        let LoraUse { name, weight, .. } = &self.0;
        let direct = Path::new(name);
        let direct = direct.is_file().then(|| direct.to_owned());
        let file = direct.or_else(|| config.lora_library().file(name)).ok_or_else(|| {
            let folder = config.data_dir.join(LORAS_DIRECTORY);
            CliError::Usage(format!(
                "--lora {name}: no such file, and no {name}.safetensors in {}",
                folder.display()
            ))
        })?;
        Ok(LoraChoice { file, weight: *weight })
    }

    /// Its name or file, as it was given.
    pub(in crate::cli) fn name(&self) -> &str {
        &self.0.name
    }

    /// As files name it, once `file` has been read.
    pub(in crate::cli) fn used(&self, sha256: String) -> LoraUse {
        LoraUse { sha256: Some(sha256), ..self.0.clone() }
    }
}
