//! TOML as people write it, for Figment.

use figment::{
    Error, Metadata, Profile, Provider,
    providers::{Format, Toml},
    value::{Dict, Map, Value},
};

/// The name under which the TOML reader hides a date that is written without quotes.
const DATE: &str = "$__toml_private_datetime";

/// TOML in which a date may stand with or without quotes.
pub struct TomlText<P>(P);

impl TomlText<figment::providers::Data<Toml>> {
    /// The text of a file that is there.
    pub fn file(path: &std::path::Path) -> Self {
        Self(Toml::file_exact(path))
    }

    /// A text.
    pub fn string(text: &str) -> Self {
        Self(Toml::string(text))
    }
}

impl<P: Provider> Provider for TomlText<P> {
    fn metadata(&self) -> Metadata {
        self.0.metadata()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let mut data = self.0.data()?;
        data.values_mut().flat_map(Dict::values_mut).for_each(quote_dates);
        Ok(data)
    }
}

/// Turns dates into the text that was written.
fn quote_dates(value: &mut Value) {
    match value {
        Value::Array(_, values) => values.iter_mut().for_each(quote_dates),
        Value::Dict(_, values) => match values.get(DATE) {
            Some(Value::String(_, date)) if values.len() == 1 => *value = Value::from(date.clone()),
            _ => values.values_mut().for_each(quote_dates),
        },
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use jiff::civil::{Date, date};
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Days {
        day: Date,
        row: Vec<PriceRow>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct PriceRow {
        from: Date,
    }

    #[test]
    fn a_date_needs_no_quotes_wherever_it_stands() {
        let read = |text: &str| Figment::from(TomlText::string(text)).extract::<Days>().map_err(Box::new);
        let quoted = read("day = \"2026-01-01\"\n[[row]]\nfrom = \"2026-02-01\"").expect("read");
        assert_eq!(quoted, Days { day: date(2026, 1, 1), row: vec![PriceRow { from: date(2026, 2, 1) }] });
        assert_eq!(read("day = 2026-01-01\nrow = [{ from = 2026-02-01 }]").expect("read"), quoted);
        assert!(read("day = 2026-13-01\nrow = []").is_err());
    }
}
