/// How alike two words must be for one to be taken for a slip of the other: from 0, nothing in common, to 1, equal.
const LIKENESS_MIN: f64 = 0.8;

/// The known word that is written most like `written`, if one is alike enough that it may have been meant.
pub fn closest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |word: &str| strsim::jaro_winkler(&written.to_lowercase(), &word.to_lowercase());
    let alike = known.into_iter().map(|word| (likeness(word), word));
    let best = alike.filter(|(likeness, _)| *likeness >= LIKENESS_MIN);
    best.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, word)| word)
}

/// ``did you mean `listen`?``, if a known word may have been meant.
pub fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    closest(written, known).map(|meant| format!("did you mean `{meant}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let known = ["listen", "data_dir", "limits", "model", "time_zone"];
        assert_eq!(closest("listn", known), Some("listen"));
        assert_eq!(closest("datadir", known), Some("data_dir"));
        assert_eq!(closest("TimeZone", known), Some("time_zone"));
        assert_eq!(closest("colour", known), None);
        assert_eq!(closest("", known), None);
    }
}
