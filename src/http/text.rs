use std::borrow::Cow;

/// Most characters of a client's text that an answer repeats.
const SHOWN_CHARS: usize = 80;

/// `text`, cut where it is too long to be repeated in a message.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN_CHARS) {
        None => text.into(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(shortened("short"), "short");
        let long = "苹".repeat(81);
        assert_eq!(shortened(&long), format!("{}…", "苹".repeat(80)));
        assert_eq!(shortened(&long[3..]), long[3..]);
    }
}
