use std::{borrow::Cow, sync::LazyLock};

use regex::Regex;

/// Most characters of a client's text that an answer repeats.
const SHOWN_CHARS: usize = 80;

/// `text`, cut where it is too long to be repeated in a message.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN_CHARS) {
        None => text.into(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()).into(),
    }
}

/// Whether `text` shows nothing: white space, control and format characters, fillers, and what else is ignored in display.
pub(super) fn is_invisible(text: &str) -> bool {
    #[expect(clippy::expect_used, reason = "a constant, read by the test below")]
    static INVISIBLE: LazyLock<Regex> = LazyLock::new(|| {
        // U+2800 is the braille pattern without dots.
        Regex::new(r"^[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\x{2800}]*$")
            .expect("a regular expression")
    });
    INVISIBLE.is_match(text)
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

    #[test]
    fn what_shows_nothing_is_invisible() {
        for text in [
            "",
            " \t\n",
            "\u{200b}",
            "\u{feff}",
            "\0",
            "\u{2060}\u{200d}",
            "\u{3164}\u{ffa0}",
            "\u{ad}",
            "\u{fe0f}",
            "\u{e0020}",
            "\u{2800}",
            "\u{3000}",
            "\u{202e}",
            "\u{7f}",
        ] {
            assert!(is_invisible(text), "{text:?}");
        }
        for text in ["x", "\u{200b}x", "苹果", "👩\u{200d}🎨", ".", "\u{e000}"] {
            assert!(!is_invisible(text), "{text:?}");
        }
    }
}
