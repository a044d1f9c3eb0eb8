use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::domain::{BatchEndpoint, CostTag};

/// Characters of a `custom_id`.
pub const CUSTOM_ID_CHARS_MAX: usize = 512;

/// A request of a batch's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputLine {
    /// Its number, from 1.
    pub number: u32,
    /// What its client calls it.
    pub custom_id: String,
    /// What it is filed under; none: as its batch.
    pub tag: Option<CostTag>,
    /// The body of the request, as it is written.
    pub body: String,
}

/// What is wrong with a line of a batch's file, in OpenAI's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineError {
    /// What kind of fault it is.
    pub code: &'static str,
    /// What is wrong, and what to do.
    pub message: String,
    /// The field that is wrong.
    pub param: Option<String>,
}

/// A line as JSON has it.
#[derive(Deserialize)]
struct RawLine<'a> {
    custom_id: Option<Value>,
    method: Option<Value>,
    url: Option<Value>,
    tag: Option<Value>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

impl InputLine {
    /// Reads line `number` of a batch for `endpoint`. The body is only looked at as far as it is an object.
    ///
    /// # Errors
    /// [`LineError`] for the first thing that is wrong.
    pub fn parse(number: u32, line: &[u8], endpoint: BatchEndpoint) -> Result<Self, LineError> {
        let not_json = |message: String| LineError { code: "invalid_json_line", message, param: None };
        let text = std::str::from_utf8(line).map_err(|_| not_json("This line is not UTF-8.".into()))?;
        if !text.trim_start().starts_with('{') {
            return Err(not_json("This line is not a JSON object.".into()));
        }
        let RawLine { custom_id, method, url, tag, body } = serde_json::from_str(text)
            .map_err(|error| not_json(format!("This line is not parseable as a JSON object: {error}.")))?;
        let custom_id = of_text("custom_id", custom_id)?;
        if custom_id.is_empty() || custom_id.chars().count() > CUSTOM_ID_CHARS_MAX {
            let message = format!("`custom_id` must have 1 to {CUSTOM_ID_CHARS_MAX} characters.");
            return Err(invalid("custom_id", message));
        }
        let method = of_text("method", method)?;
        if method != "POST" {
            return Err(invalid("method", "`method` must be POST.".into()));
        }
        let url = of_text("url", url)?;
        if url != endpoint.as_str() {
            let message = format!("`url` must be the batch's endpoint, {endpoint}.");
            return Err(LineError { code: "url_mismatch", message, param: Some("url".into()) });
        }
        let tag = tag.filter(|tag| !tag.is_null()).map(|tag| of_text("tag", Some(tag))).transpose()?;
        let tag = tag.map(|tag| tag.parse::<CostTag>()).transpose();
        let tag = tag.map_err(|error| invalid("tag", format!("`tag` is refused: {error}.")))?;
        let body = body.map(RawValue::get).filter(|body| *body != "null").ok_or_else(|| missing("body"))?;
        if !body.starts_with('{') {
            return Err(invalid("body", "`body` must be an object: the request's.".into()));
        }
        Ok(Self { number, custom_id, tag, body: body.to_owned() })
    }
}

fn missing(name: &'static str) -> LineError {
    let message = format!("`{name}` is missing; a line has custom_id, method, url and body.");
    LineError { code: "missing_required_parameter", message, param: Some(name.into()) }
}

fn invalid(name: &'static str, message: String) -> LineError {
    LineError { code: "invalid_value", message, param: Some(name.into()) }
}

fn of_text(name: &'static str, value: Option<Value>) -> Result<String, LineError> {
    match value {
        None | Some(Value::Null) => Err(missing(name)),
        Some(Value::String(text)) => Ok(text),
        Some(_) => {
            let message = format!("`{name}` must be a string.");
            Err(LineError { code: "invalid_type", message, param: Some(name.into()) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<InputLine, LineError> {
        InputLine::parse(7, line.as_bytes(), BatchEndpoint::Generations)
    }

    #[test]
    fn a_line_keeps_its_body_as_it_is_written() {
        let line = parse(
            r#"{"custom_id": "a", "method": "POST", "url": "/v1/images/generations", "body": {"prompt":  "x", "n": 1.0}}"#,
        );
        let body = r#"{"prompt":  "x", "n": 1.0}"#.to_owned();
        assert_eq!(line, Ok(InputLine { number: 7, custom_id: "a".into(), tag: None, body }));
    }

    #[test]
    fn whatever_is_wrong_with_a_line_has_openais_code_and_its_field() {
        let with = |field: &str, value: &str| {
            let fields = [
                ("custom_id", "\"a\""),
                ("method", "\"POST\""),
                ("url", "\"/v1/images/generations\""),
                ("tag", "\"spring\""),
                ("body", "{}"),
            ];
            let value = |(name, usual): (&str, &str)| {
                format!("\"{name}\": {}", if name == field { value } else { usual })
            };
            parse(&format!("{{{}}}", fields.map(value).join(", ")))
        };
        let tag =
            |line: Result<InputLine, LineError>| line.expect("a line").tag.map(|tag| tag.as_str().to_owned());
        assert_eq!((tag(with("", "")), tag(with("tag", "null"))), (Some("spring".into()), None));
        let long = format!("\"{}\"", "x".repeat(CUSTOM_ID_CHARS_MAX + 1));
        for (field, value, code) in [
            ("custom_id", "null", "missing_required_parameter"),
            ("custom_id", "7", "invalid_type"),
            ("custom_id", "\"\"", "invalid_value"),
            ("custom_id", &long, "invalid_value"),
            ("method", "\"GET\"", "invalid_value"),
            ("url", "\"/v1/images/edits\"", "url_mismatch"),
            ("url", "\"/v1/chat/completions\"", "url_mismatch"),
            ("tag", "7", "invalid_type"),
            ("tag", "\"\"", "invalid_value"),
            ("body", "null", "missing_required_parameter"),
            ("body", "[]", "invalid_value"),
        ] {
            let error = with(field, value).expect_err(value);
            assert_eq!((error.code, error.param.as_deref()), (code, Some(field)), "{error:?}");
        }
        for line in ["", "[", "[]", "\"x\"", "{\"custom_id\": \"a\"", "{} {}"] {
            assert_eq!(parse(line).expect_err(line).code, "invalid_json_line", "{line}");
        }
        let not_text = InputLine::parse(1, &[0xff], BatchEndpoint::Generations);
        assert_eq!(not_text.expect_err("refused").code, "invalid_json_line");
    }
}
