use std::{path::Path, str::FromStr};

use super::CliError;
use crate::pipeline::LoraChoice;

/// Where LoRAs are kept in the data directory.
const LIBRARY: &str = "loras";

/// `NAME_OR_FILE[:WEIGHT]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LoraArg {
    name: String,
    weight: f64,
}

impl FromStr for LoraArg {
    type Err = String;

    /// Splits at the last colon if a number follows it: names may have colons.
    fn from_str(text: &str) -> Result<Self, String> {
        let weighted = text.rsplit_once(':').and_then(|(name, weight)| {
            let weight: f64 = weight.trim().parse().ok()?;
            Some(Self { name: name.to_owned(), weight })
        });
        let lora = weighted.unwrap_or_else(|| Self { name: text.to_owned(), weight: 1.0 });
        match lora.name.is_empty() || !lora.weight.is_finite() {
            true => Err("write a file, or the name of one in the library, and :WEIGHT if it is not 1".into()),
            false => Ok(lora),
        }
    }
}

impl LoraArg {
    /// The file: itself, or the one of that name in the library of `data_dir`.
    pub(super) fn choice(&self, data_dir: &Path) -> Result<LoraChoice, CliError> {
        let library = data_dir.join(LIBRARY);
        let in_library = || {
            let is_name = !self.name.contains(['/', '\\']) && !self.name.starts_with('.');
            let file = library.join(format!("{}.safetensors", self.name));
            (is_name && file.is_file()).then_some(file)
        };
        let direct = Path::new(&self.name);
        let file = direct.is_file().then(|| direct.to_owned()).or_else(in_library);
        let file = file.ok_or_else(|| {
            CliError::Usage(format!(
                "--lora {}: no such file, and no {0}.safetensors in {}",
                self.name,
                library.display()
            ))
        })?;
        Ok(LoraChoice { file, weight: self.weight })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_is_what_follows_the_last_colon_if_it_is_a_number() {
        let arg = |text: &str| text.parse::<LoraArg>().map(|arg| (arg.name, arg.weight));
        assert_eq!(arg("style"), Ok(("style".into(), 1.0)));
        assert_eq!(arg("style:0.8"), Ok(("style".into(), 0.8)));
        assert_eq!(arg("style:-0.5"), Ok(("style".into(), -0.5)));
        assert_eq!(arg("C:\\loras\\a.safetensors"), Ok(("C:\\loras\\a.safetensors".into(), 1.0)));
        assert_eq!(arg("a:b:2"), Ok(("a:b".into(), 2.0)));
        for text in ["", ":1", "a:inf", "a:NaN"] {
            assert!(arg(text).is_err(), "{text}");
        }
    }
}
