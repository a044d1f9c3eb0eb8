//! JSON as it is stored: amounts are texts, so that no reader takes them for floats.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// `value` as JSON, with each exact number as a text.
pub(super) fn exact_json(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut json = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut json, NumbersAsTexts))?;
    String::from_utf8(json).map_err(serde::ser::Error::custom)
}

/// Only amounts and energies are written as raw fragments.
struct NumbersAsTexts;

impl Formatter for NumbersAsTexts {
    fn write_raw_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        write!(writer, "\"{fragment}\"")
    }
}

#[cfg(test)]
mod tests {
    use crate::units::{Energy, Money};

    #[test]
    fn amounts_become_texts_and_nothing_else_changes() {
        let value = (
            Money::from_nano(-1),
            Energy::from_millijoules(1),
            3,
            "1.5, \"2.5\"",
            [Money::from_nano(i64::MAX)],
        );
        let json = super::exact_json(&value).expect("JSON");
        assert_eq!(json, r#"["-0.000000001","0.000000000277",3,"1.5, \"2.5\"",["9223372036.854775807"]]"#);
    }
}
