use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value};

use super::unreadable;
use crate::http::{
    api::{code::Code, error::ApiError},
    text::shortened,
};

/// The fields of a body that nobody has taken yet. null stands for a field that is not there.
pub(super) struct Fields {
    fields: Map<String, Value>,
    /// Whether every value is text, as forms send them.
    are_texts: bool,
}

/// A JSON object, and the first name that it has twice.
struct Object {
    fields: Map<String, Value>,
    repeated: Option<String>,
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ReadObject;
        impl<'de> Visitor<'de> for ReadObject {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut object = Object { fields: Map::new(), repeated: None };
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if object.fields.contains_key(&name) {
                        object.repeated.get_or_insert(name);
                    } else {
                        object.fields.insert(name, value);
                    }
                }
                Ok(object)
            }
        }
        deserializer.deserialize_map(ReadObject)
    }
}

/// Fields in which a number is a text too.
const FOR_TEXT: [&str; 6] = ["prompt", "negative_prompt", "model", "user", "lora", "loras"];

/// The number or the truth that a form's text writes.
fn scalar(text: &str) -> Option<Value> {
    let read = match text.trim() {
        "True" => Some(Value::Bool(true)),
        "False" => Some(Value::Bool(false)),
        text => serde_json::from_str(text).ok(),
    };
    read.filter(|read: &Value| read.is_number() || read.is_boolean())
}

impl Fields {
    /// Reads the fields of a JSON object in UTF-8, with or without a byte order mark.
    pub(super) fn read(body: &[u8]) -> Result<Self, ApiError> {
        let text = unreadable::text_of(body)?;
        match serde_json::from_str(text) {
            Ok(Object { fields, repeated: None }) => Ok(Self { fields, are_texts: false }),
            Ok(Object { repeated: Some(name), .. }) => {
                let message = format!("`{}` is given twice; send it once.", shortened(&name));
                Err(ApiError::invalid(&name, message))
            }
            Err(error) => Err(unreadable::not_an_object(text, &error)),
        }
    }

    /// Fields of a form: numbers and truths are written out.
    pub(super) fn of_texts(fields: Map<String, Value>) -> Self {
        Self { fields, are_texts: true }
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    /// A value other than text: in a form it is read as JSON writes it, and Python's `True` as it is meant.
    fn take_scalar(&mut self, name: &str) -> Option<Value> {
        let value = self.take(name)?;
        Some(value.as_str().filter(|_| self.are_texts).and_then(scalar).unwrap_or(value))
    }

    /// The fields as JSON has them: what is a number or a truth in a form's text is one, unless the field is for text.
    pub(super) fn into_json(self) -> Map<String, Value> {
        let json = |(name, value): (String, Value)| {
            let is_text = FOR_TEXT.contains(&name.as_str());
            let value =
                value.as_str().filter(|_| self.are_texts && !is_text).and_then(scalar).unwrap_or(value);
            (name, value)
        };
        self.fields.into_iter().map(json).collect()
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(name, "a string", &other)),
        }
    }

    pub(super) fn truth(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.take_scalar(name) {
            None => Ok(None),
            Some(Value::Bool(truth)) => Ok(Some(truth)),
            Some(other) => Err(wrong_type(name, "true or false", &other)),
        }
    }

    pub(super) fn integer(&mut self, name: &str, min: u64, max: u64) -> Result<Option<u64>, ApiError> {
        let Some(value) = self.take_scalar(name) else { return Ok(None) };
        let bound = |code, relation, bound| {
            ApiError::parameter(name, code, format!("`{name}` is {value}; it must be at {relation} {bound}."))
        };
        match whole(&value) {
            None => Err(wrong_type(name, "an integer", &value)),
            Some(number) if number > i128::from(max) => Err(bound(Code::IntegerAboveMaxValue, "most", max)),
            Some(number) if number < i128::from(min) => Err(bound(Code::IntegerBelowMinValue, "least", min)),
            Some(number) => Ok(u64::try_from(number).ok()),
        }
    }

    /// Like `integer`, for one that fits into a u32.
    pub(super) fn count(&mut self, name: &str, min: u32, max: u32) -> Result<Option<u32>, ApiError> {
        let number = self.integer(name, min.into(), max.into())?;
        Ok(number.map(|number| u32::try_from(number).unwrap_or(max)))
    }

    pub(super) fn number(&mut self, name: &str, min: f64, max: f64) -> Result<Option<f64>, ApiError> {
        let Some(value) = self.take_scalar(name) else { return Ok(None) };
        match value.as_f64() {
            Some(number) if (min..=max).contains(&number) => Ok(Some(number)),
            Some(_) => {
                let message = format!("`{name}` is {value}; it must be from {min} to {max}.");
                Err(ApiError::invalid(name, message))
            }
            None => Err(wrong_type(name, "a number", &value)),
        }
    }

    /// A word out of `allowed`.
    pub(super) fn one_of(&mut self, name: &str, allowed: &[&str]) -> Result<Option<String>, ApiError> {
        match self.text(name)? {
            Some(word) if !allowed.contains(&word.as_str()) => {
                let message =
                    format!("`{name}` is `{}`; this server offers {}.", shortened(&word), listed(allowed));
                Err(ApiError::invalid(name, message))
            }
            word => Ok(word),
        }
    }

    /// A field that clients call by several names, the first being ours. Two names with two values are refused.
    pub(super) fn by_any_name<T: PartialEq>(
        &mut self,
        names: &[&str],
        mut read: impl FnMut(&mut Self, &str) -> Result<Option<T>, ApiError>,
    ) -> Result<Option<T>, ApiError> {
        let mut found: Option<(&str, T)> = None;
        for name in names {
            match (read(self, name)?, &found) {
                (Some(value), Some((first, other))) if value != *other => {
                    let message = format!("`{name}` and `{first}` say different things; send one of them.");
                    return Err(ApiError::invalid(name, message));
                }
                (Some(value), None) => found = Some((name, value)),
                _ => {}
            }
        }
        Ok(found.map(|(_, value)| value))
    }

    pub(super) fn refuse_the_rest(&self) -> Result<(), ApiError> {
        match self.fields.keys().next() {
            None => Ok(()),
            Some(name) => {
                let message = format!("Unknown parameter: `{}`.", shortened(name));
                Err(ApiError::parameter(name, Code::UnknownParameter, message))
            }
        }
    }
}

/// The integer that `value` is; 2.0 is one too, as in JSON Schema. What passes every bound is the largest there is.
pub(super) fn whole(value: &Value) -> Option<i128> {
    let number = value.as_number()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a whole float; the cast saturates past the largest integer"
    )]
    let of_float = |float: f64| (float.fract() == 0.0).then_some(float as i128);
    number.as_i128().or_else(|| number.as_f64().and_then(of_float))
}

/// `a, b or c`.
fn listed(words: &[&str]) -> String {
    match words {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

fn wrong_type(name: &str, expected: &str, found: &Value) -> ApiError {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    ApiError::parameter(name, Code::InvalidType, format!("`{name}` must be {expected}; it is {found}."))
}
