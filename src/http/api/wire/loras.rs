use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Offer, fields::Fields};
use crate::{
    domain::{LORA_WEIGHT_MAX, LoraUse},
    http::{api::error::ApiError, text::shortened},
};

/// How a request may name LoRAs.
#[derive(Debug, Clone, Copy)]
pub struct LoraTerms {
    /// LoRAs of one request.
    pub max: usize,
    /// Whether `<lora:name:0.8>` in a prompt applies a LoRA.
    pub in_prompt: bool,
}

/// A LoRA as clients write it, by our names and those of other servers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedLora {
    #[serde(alias = "lora_name")]
    name: String,
    #[serde(default = "one", alias = "scale", alias = "strength", alias = "multiplier")]
    weight: f64,
}

const fn one() -> f64 {
    1.0
}

/// A LoRA that was applied, as answers name it.
#[derive(Serialize)]
pub(super) struct LoraBody<'a> {
    name: &'a str,
    weight: f64,
    sha256: Option<&'a str>,
}

/// `loras` as answers name them.
pub(super) fn bodies(loras: &[LoraUse]) -> Vec<LoraBody<'_>> {
    loras
        .iter()
        .map(|lora| LoraBody { name: &lora.name, weight: lora.weight, sha256: lora.sha256.as_deref() })
        .collect()
}

/// The LoRAs of a request: its field `lora`, and, if the operator allows that, `<lora:name:0.8>` in the prompt, which are
/// taken out of it.
pub(super) fn loras(
    fields: &mut Fields,
    prompt: &mut String,
    offer: &Offer,
) -> Result<Vec<LoraUse>, ApiError> {
    let read = |fields: &mut Fields, name: &str| fields.take(name).map(|value| written(&value)).transpose();
    let mut loras = fields.by_any_name(&["lora", "loras"], read)?.unwrap_or_default();
    if offer.loras.in_prompt {
        loras.extend(take_from(prompt));
    }
    let invalid = |message: String| ApiError::invalid("lora", message);
    if loras.len() > offer.loras.max {
        let (given, most) = (loras.len(), offer.loras.max);
        return Err(invalid(format!("{given} LoRAs are given; at most {most} are allowed.")));
    }
    for (place, LoraUse { name, weight, .. }) in loras.iter().enumerate() {
        if !(-LORA_WEIGHT_MAX..=LORA_WEIGHT_MAX).contains(weight) {
            return Err(invalid(format!(
                "The weight of `{}` is {weight}; it must be from -{LORA_WEIGHT_MAX} to {LORA_WEIGHT_MAX}.",
                shortened(name)
            )));
        }
        if loras[..place].iter().any(|other| other.name == *name) {
            return Err(invalid(format!("`{}` is given twice; send it once.", shortened(name))));
        }
    }
    Ok(loras)
}

/// A name, an object or a list of these. A text with an object or a list in it is read as JSON: a form has no other types.
fn written(value: &Value) -> Result<Vec<LoraUse>, ApiError> {
    match value {
        Value::Array(list) => list.iter().map(one_of).collect(),
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            match serde_json::from_str::<Value>(text) {
                Ok(value @ (Value::Array(_) | Value::Object(_))) => written(&value),
                _ => Err(not_a_lora("a text that is not valid JSON")),
            }
        }
        one => Ok(vec![one_of(one)?]),
    }
}

fn one_of(value: &Value) -> Result<LoraUse, ApiError> {
    let written = match value {
        Value::String(name) => AskedLora { name: name.clone(), weight: one() },
        Value::Object(_) => AskedLora::deserialize(value).map_err(|error| not_a_lora(&error.to_string()))?,
        other => return Err(not_a_lora(&other.to_string())),
    };
    if written.name.is_empty() {
        return Err(not_a_lora("an empty name"));
    }
    Ok(LoraUse { name: written.name, weight: written.weight, sha256: None })
}

fn not_a_lora(found: &str) -> ApiError {
    let message = format!(
        "`lora` must be a name, an object such as {{\"name\": \"style\", \"weight\": 0.8}}, or a list of these; found: {}.",
        shortened(found)
    );
    ApiError::invalid("lora", message)
}

/// Takes `<lora:name>` and `<lora:name:weight>` out of `prompt`. What only looks like them stays.
fn take_from(prompt: &mut String) -> Vec<LoraUse> {
    const BEGIN: &str = "<lora:";
    let (mut loras, mut kept, mut rest) = (Vec::new(), String::new(), prompt.as_str());
    while let Some(start) = rest.find(BEGIN) {
        let inner = &rest[start + BEGIN.len()..];
        let found = inner.find('>').and_then(|end| {
            let (name, weight) = match inner[..end].rsplit_once(':') {
                Some((name, weight)) => (name, weight.trim().parse().ok()?),
                None => (&inner[..end], one()),
            };
            let is_lora = !name.trim().is_empty() && f64::is_finite(weight);
            is_lora.then(|| (LoraUse { name: name.trim().to_owned(), weight, sha256: None }, end))
        });
        match found {
            Some((lora, end)) => {
                kept.push_str(&rest[..start]);
                loras.push(lora);
                rest = &inner[end + 1..];
            }
            None => {
                kept.push_str(&rest[..start + BEGIN.len()]);
                rest = inner;
            }
        }
    }
    kept.push_str(rest);
    if !loras.is_empty() {
        *prompt = kept.trim().to_owned();
    }
    loras
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(loras: &[LoraUse]) -> Vec<(&str, f64)> {
        loras.iter().map(|lora| (lora.name.as_str(), lora.weight)).collect()
    }

    #[test]
    fn every_way_of_writing_a_lora_is_read() {
        for (json, expected) in [
            (r#""style""#, vec![("style", 1.0)]),
            (r#"{"name": "style"}"#, vec![("style", 1.0)]),
            (r#"{"name": "style", "scale": 0.8}"#, vec![("style", 0.8)]),
            (r#"{"lora_name": "style", "strength": -0.5}"#, vec![("style", -0.5)]),
            (r#"[{"name": "a", "multiplier": 2}, "b"]"#, vec![("a", 2.0), ("b", 1.0)]),
            (r#""[{\"name\": \"a\", \"weight\": 2}]""#, vec![("a", 2.0)]),
            (r#"[]"#, vec![]),
        ] {
            let loras = written(&serde_json::from_str(json).expect("JSON")).expect(json);
            assert_eq!(named(&loras), expected, "{json}");
        }
        for json in [
            r#"1"#,
            r#"true"#,
            r#"[1]"#,
            r#"[["a"]]"#,
            r#""""#,
            r#"{"weight": 1}"#,
            r#"{"name": "a", "weight": "1"}"#,
            r#"{"name": "a", "path": "/etc/passwd"}"#,
            r#"{"name": "a", "weight": 1, "scale": 2}"#,
            r#""[1""#,
        ] {
            assert!(written(&serde_json::from_str(json).expect("JSON")).is_err(), "{json}");
        }
    }

    #[test]
    fn a_prompt_gives_its_loras_away_and_keeps_the_rest() {
        let taken = |prompt: &str| {
            let mut prompt = prompt.to_owned();
            let loras = take_from(&mut prompt);
            (prompt, loras.into_iter().map(|lora| (lora.name, lora.weight)).collect::<Vec<_>>())
        };
        let lora = |name: &str, weight: f64| (name.to_owned(), weight);
        assert_eq!(taken("a cat <lora:ink:0.8>"), ("a cat".into(), vec![lora("ink", 0.8)]));
        let both = ("tea, two".to_owned(), vec![lora("a", 1.0), lora("b c", -2.0)]);
        assert_eq!(taken("<lora:a>tea<lora:b c:-2>, two"), both);
        for prompt in ["a < b", "<lora:", "<lora:>", "<lora:a:much>", "<lora::1>", "<lora:a:inf>"] {
            assert_eq!(taken(prompt), (prompt.to_owned(), vec![]), "{prompt}");
        }
    }
}
