/// The words of an enum of plain cases, in one place: `ALL` and `WORDS`, in the order that is written; `as_str` and
/// `Display`; and `FromStr`, whose error lists the words.
macro_rules! words {
    ($type:ident, $what:literal: $($case:ident = $word:literal),+ $(,)?) => {
        impl $type {
            /// All of them.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$case),+];
            /// The words of [`Self::ALL`].
            pub const WORDS: [&'static str; [$($word),+].len()] = [$($word),+];

            /// The word for it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$case => $word),+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> std::result::Result<Self, String> {
                let found = Self::ALL.into_iter().find(|case| case.as_str() == text);
                found.ok_or_else(|| crate::domain::words::unknown(text, $what, &Self::WORDS))
            }
        }
    };
}

pub(crate) use words;

/// What is wrong with a text that is none of `words`, which name `what`.
pub(crate) fn unknown(text: &str, what: &str, words: &[&str]) -> String {
    match words {
        [all @ .., last] if !all.is_empty() => {
            format!("`{text}` is not {what}; write {} or {last}", all.join(", "))
        }
        words => format!("`{text}` is not {what}; write {}", words.concat()),
    }
}

#[cfg(test)]
mod tests {
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Light {
        Red,
        Amber,
        Green,
    }

    words!(Light, "a light": Red = "red", Amber = "amber", Green = "green");

    #[test]
    fn every_word_is_read_back_and_any_other_is_answered_with_the_words() {
        for (light, word) in Light::ALL.into_iter().zip(Light::WORDS) {
            assert_eq!((word.parse(), light.to_string().as_str()), (Ok(light), word));
        }
        assert_eq!("Red".parse::<Light>(), Err("`Red` is not a light; write red, amber or green".into()));
        assert_eq!(super::unknown("x", "a letter", &["a", "b"]), "`x` is not a letter; write a or b");
        assert_eq!(super::unknown("x", "a letter", &["a"]), "`x` is not a letter; write a");
    }
}
