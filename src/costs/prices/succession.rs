//! Whether a newer price book only adds to an older one.

use super::{PriceBook, PriceEntry, PriceError};

impl PriceBook {
    /// What of `older` is missing here or is another: months keep the prices that they had. An entry may get its last day, if
    /// that is not before it was read, and its source may be read again.
    pub fn rewritten(&self, older: &Self) -> Vec<PriceError> {
        let rewritten = |entry: &&PriceEntry| !self.entries.iter().any(|newer| continues(newer, entry));
        let error =
            |entry: &PriceEntry| PriceError::Rewritten { sku: entry.name(), from: entry.effective_from };
        older.entries.iter().filter(rewritten).map(error).collect()
    }
}

fn continues(newer: &PriceEntry, older: &PriceEntry) -> bool {
    let terms =
        |entry: &PriceEntry| (entry.name(), entry.price.clone(), entry.currency, entry.effective_from);
    let has_same_end = newer.effective_to == older.effective_to;
    let ends_now =
        older.effective_to.is_none() && newer.effective_to.is_some_and(|last| last >= older.read_on);
    terms(newer) == terms(older) && newer.read_on >= older.read_on && (has_same_end || ends_now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLDER: &str = "[[price]]\nsku = \"a/b\"\nunit = \"image\"\namount = \"0.5\"\ncurrency = \"USD\"\n\
                         effective_from = \"2026-01-01\"\nsource = \"a page\"\nread_on = \"2026-11-01\"\n";

    fn rewritten(newer: &str) -> Vec<String> {
        let [older, newer] = [OLDER, newer].map(|toml| PriceBook::parse(toml).expect("sound"));
        newer.rewritten(&older).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_book_may_add_entries_and_ends_and_change_no_other_thing() {
        let ended = |day: &str| OLDER.replace("source", &format!("effective_to = \"{day}\"\nsource"));
        let next = OLDER
            .replace("2026-01-01", "2026-12-01")
            .replace("0.5", "0.6")
            .replace("2026-11-01", "2026-12-02");
        for sound in [
            OLDER.to_owned(),
            format!("{}{next}", ended("2026-11-30")),
            OLDER.replace("a page", "a page; checked: another").replace("2026-11-01", "2026-11-20"),
            format!("{OLDER}{}", OLDER.replace("a/b", "c/d")),
        ] {
            assert_eq!(rewritten(&sound), Vec::<String>::new(), "{sound}");
        }
        for changed in [
            OLDER.replace("0.5", "0.4"),
            OLDER.replace("USD", "CNY"),
            OLDER.replace("a/b", "c/d"),
            OLDER.replace("2026-01-01", "2026-02-01"),
            OLDER.replace("2026-11-01", "2026-10-31"),
            ended("2026-10-31"),
        ] {
            let said = rewritten(&changed);
            assert!(said.len() == 1 && said[0].starts_with("a/b from 2026-01-01 "), "{said:?}");
        }
    }
}
