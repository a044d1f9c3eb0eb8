//! What a key's history says of a change: data, which a page and the command line put into their own words.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::KeyChange;

/// What was noted of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyNote {
    /// Something was set.
    Set(KeyChange),
    /// Until when the secret before a rotation opens.
    OldSecretUntil(Timestamp),
    /// Words of another version that say neither.
    Words(String),
}

/// `budgets 12.50 a month`, `old secret until 2026-11-24T09:41:00Z`
impl fmt::Display for KeyNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(change) => fmt::Display::fmt(change, f),
            Self::OldSecretUntil(until) => write!(f, "old secret until {until:.0}"),
            Self::Words(words) => f.write_str(words),
        }
    }
}

/// Notes as they are kept: a JSON array of objects with a member each, or nothing.
pub(in crate::ledger) fn to_text(notes: &[KeyNote]) -> String {
    if notes.is_empty() {
        return String::new();
    }
    Value::from_iter(notes.iter().map(KeyNote::to_json)).to_string()
}

/// Reads [`to_text`], and the sentences that earlier versions kept: `name studio; budgets 20.00 a month`.
pub(in crate::ledger) fn of_text(text: &str) -> Vec<KeyNote> {
    match serde_json::from_str::<Vec<Value>>(text) {
        Ok(notes) => notes
            .into_iter()
            .map(|note| KeyNote::of_json(&note).unwrap_or_else(|| KeyNote::Words(note.to_string())))
            .collect(),
        Err(_) if text.is_empty() => Vec::new(),
        Err(_) => sentences(text).into_iter().map(KeyNote::of_sentence).collect(),
    }
}

impl KeyNote {
    fn to_json(&self) -> Value {
        match self {
            Self::Set(change) => match change {
                KeyChange::Name(name) => json!({ "name": name }),
                KeyChange::Scopes(scopes) => json!({ "scopes": scopes.to_string() }),
                KeyChange::Budgets(budgets) => {
                    json!({ "budgets": budgets.iter().next().map(|_| budgets.to_string()) })
                }
                KeyChange::Expiry(at) => json!({ "expires_at": at.map(|at| format!("{at:.0}")) }),
                KeyChange::Models(models) => json!({ "models": models }),
                KeyChange::Loras(loras) => json!({ "loras": loras }),
                KeyChange::RequestsPerMinute(limit) => json!({ "requests_per_minute": limit }),
                KeyChange::ImagesPerMinute(limit) => json!({ "images_per_minute": limit }),
                KeyChange::ConcurrentJobs(limit) => json!({ "concurrent_jobs": limit }),
                KeyChange::MayOverflow(may) => json!({ "overflow": may }),
            },
            Self::OldSecretUntil(until) => json!({ "old_secret_until": format!("{until:.0}") }),
            Self::Words(words) => json!({ "words": words }),
        }
    }

    fn of_json(note: &Value) -> Option<Self> {
        let (name, value) = note.as_object()?.iter().next()?;
        let text = || value.as_str();
        let limit = || serde_json::from_value(value.clone()).ok();
        Some(Self::Set(match name.as_str() {
            "name" => KeyChange::Name(text()?.to_owned()),
            "scopes" if text()?.is_empty() => KeyChange::Scopes(<_>::default()),
            "scopes" => KeyChange::Scopes(text()?.parse().ok()?),
            "budgets" if value.is_null() => KeyChange::Budgets(<_>::default()),
            "budgets" => KeyChange::Budgets(text()?.parse().ok()?),
            "expires_at" => {
                KeyChange::Expiry(if value.is_null() { None } else { Some(text()?.parse().ok()?) })
            }
            "models" => KeyChange::Models(serde_json::from_value(value.clone()).ok()?),
            "loras" => KeyChange::Loras(serde_json::from_value(value.clone()).ok()?),
            "requests_per_minute" => KeyChange::RequestsPerMinute(limit()?),
            "images_per_minute" => KeyChange::ImagesPerMinute(limit()?),
            "concurrent_jobs" => KeyChange::ConcurrentJobs(limit()?),
            "overflow" => KeyChange::MayOverflow(value.as_bool()?),
            "old_secret_until" => return Some(Self::OldSecretUntil(text()?.parse().ok()?)),
            "words" => return Some(Self::Words(text()?.to_owned())),
            _ => return None,
        }))
    }

    /// Reads what an earlier version wrote of one thing.
    fn of_sentence(sentence: &str) -> Self {
        Self::read_sentence(sentence).unwrap_or_else(|| Self::Words(sentence.to_owned()))
    }

    fn read_sentence(sentence: &str) -> Option<Self> {
        let begin = BEGINNINGS.into_iter().find(|begin| sentence.starts_with(begin))?;
        let value = &sentence[begin.len()..];
        let is_none = value == "none";
        let limit = || if is_none { Some(None) } else { value.parse().ok().map(Some) };
        Some(Self::Set(match begin {
            "name " => KeyChange::Name(value.to_owned()),
            "scopes " => KeyChange::Scopes(value.parse().ok()?),
            "budgets " => KeyChange::Budgets(if is_none { <_>::default() } else { value.parse().ok()? }),
            "expires " => KeyChange::Expiry(if is_none { None } else { Some(value.parse().ok()?) }),
            "models " => KeyChange::Models((!is_none).then(|| value.split(',').map(str::to_owned).collect())),
            "requests a minute " => KeyChange::RequestsPerMinute(limit()?),
            "images a minute " => KeyChange::ImagesPerMinute(limit()?),
            "concurrent jobs " => KeyChange::ConcurrentJobs(limit()?),
            _ => return Some(Self::OldSecretUntil(value.parse().ok()?)),
        }))
    }
}

/// How the sentences of earlier versions begin.
const BEGINNINGS: [&str; 9] = [
    "name ",
    "scopes ",
    "budgets ",
    "expires ",
    "models ",
    "requests a minute ",
    "images a minute ",
    "concurrent jobs ",
    "old secret until ",
];

/// The sentences of a detail. A name may have a semicolon in it: what begins like nothing that can be set goes on with what
/// stands before it.
fn sentences(detail: &str) -> Vec<&str> {
    let begins_one = |at: usize| BEGINNINGS.iter().any(|begin| detail[at..].starts_with(begin));
    let mut sentences = Vec::new();
    let mut start = 0;
    for (end, _) in detail.match_indices("; ").filter(|(at, _)| begins_one(at + 2)) {
        sentences.push(&detail[start..end]);
        start = end + 2;
    }
    sentences.push(&detail[start..]);
    sentences
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::domain::Scopes;

    fn every_change() -> Vec<KeyNote> {
        let limit = NonZeroU32::new(4);
        let changes = [
            KeyChange::Name("scopes; or not; 工作室".into()),
            KeyChange::Scopes(Scopes::ALL),
            KeyChange::Budgets("20 a month, soft 5 kWh a day".parse().expect("budgets")),
            KeyChange::Expiry(Some(Timestamp::constant(1_795_000_000, 0))),
            KeyChange::Budgets(<_>::default()),
            KeyChange::Expiry(None),
            KeyChange::Models(Some(vec!["a".into(), "b".into()])),
            KeyChange::Models(None),
            KeyChange::RequestsPerMinute(limit),
            KeyChange::ImagesPerMinute(limit),
            KeyChange::ConcurrentJobs(None),
        ];
        let until = KeyNote::OldSecretUntil(Timestamp::constant(1_795_000_000, 0));
        changes.into_iter().map(KeyNote::Set).chain([until]).collect()
    }

    #[test]
    fn notes_are_read_back_as_they_were_kept() {
        let notes = every_change();
        assert_eq!(of_text(&to_text(&notes)), notes);
        assert_eq!(of_text(&to_text(&[])), []);
        let loras =
            [KeyNote::Set(KeyChange::Loras(Some(vec!["ink".into()]))), KeyNote::Set(KeyChange::Loras(None))];
        assert_eq!(of_text(&to_text(&loras)), loras);
        let tricky = [KeyNote::Set(KeyChange::Name("x; scopes admin; budgets 1 a day".into()))];
        assert_eq!(of_text(&to_text(&tricky)), tricky, "whatever a name says");
    }

    #[test]
    fn sentences_of_earlier_versions_are_read_on() {
        let notes = every_change();
        let detail = notes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        assert_eq!(of_text(&detail), notes);
        assert_eq!(of_text("budgets none"), [KeyNote::Set(KeyChange::Budgets(<_>::default()))]);
        assert_eq!(of_text("words of a later version"), [KeyNote::Words("words of a later version".into())]);
    }
}
