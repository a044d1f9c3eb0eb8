use std::sync::LazyLock;

use regex::Regex;

/// A text that cannot be a name or a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// It has no character, or too many.
    #[error("1 to {max} characters are allowed; got {got}")]
    Length {
        /// The most characters.
        max: usize,
        /// How many there are.
        got: usize,
    },
    /// It has a character that would change how the text around it is shown.
    #[error("U+{0:04X} is not allowed: it controls how text is shown")]
    Control(u32),
    /// Nobody would see it.
    #[error("it shows nothing")]
    Invisible,
}

/// Most characters of a text that is kept in the books, such as a document or a reason.
pub const TEXT_CHARS_MAX: usize = 500;
/// Most characters of a key's name.
pub const KEY_NAME_MAX: usize = 64;

/// Checks what people call something, such as a key's name or a tag: 1 to `max` characters, none of which moves the cursor,
/// ends a line, rings a bell or turns the direction of the text in a terminal, a page or a spreadsheet.
///
/// # Errors
/// [`LabelError`] for the length, or for the first character that is not allowed.
pub fn check_label(text: &str, max: usize) -> Result<(), LabelError> {
    let got = text.chars().count();
    if !(1..=max).contains(&got) {
        return Err(LabelError::Length { max, got });
    }
    match text.chars().find(|c| is_control(*c)) {
        Some(c) => Err(LabelError::Control(c.into())),
        None if is_invisible(text) => Err(LabelError::Invisible),
        None => Ok(()),
    }
}

/// Whether it changes how the text around it is shown: control characters, line and paragraph separators, and the controls
/// of bidirectional text (Unicode 17, Bidi_Control).
pub fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether `text` shows nothing: white space, control and format characters, fillers, and what else is ignored in display.
pub fn is_invisible(text: &str) -> bool {
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
    fn a_label_shows_as_it_was_written() {
        let longest = "项".repeat(64);
        for text in ["a", "studio 7", "设计部", "=2+3", "Zoë", "👩‍🎨", longest.as_str()] {
            assert_eq!(check_label(text, 64), Ok(()), "{text}");
        }
        for c in [
            '\n', '\r', '\t', '\0', '\u{7}', '\u{1b}', '\u{7f}', '\u{85}', '\u{2028}', '\u{202e}',
            '\u{2066}', '\u{200f}',
        ] {
            assert_eq!(check_label(&format!("a{c}b"), 64), Err(LabelError::Control(c.into())));
        }
        for text in [" ", "\u{200b}", "\u{3164}"] {
            assert_eq!(check_label(text, 64), Err(LabelError::Invisible));
        }
        assert_eq!(check_label("", 64), Err(LabelError::Length { max: 64, got: 0 }));
        assert_eq!(check_label(&"x".repeat(65), 64), Err(LabelError::Length { max: 64, got: 65 }));
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
