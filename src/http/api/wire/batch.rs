use jiff::{Timestamp, civil::Time, tz::TimeZone};
use serde_json::{Map, Value};

use super::fields::{Fields, whole};
use crate::{
    domain::BatchEndpoint,
    http::{
        api::{code::Code, error::ApiError},
        text::shortened,
    },
};

/// Every field of the body of POST /v1/batches.
#[cfg(test)]
pub(in crate::http::api) const BATCH_FIELDS: [&str; 7] = [
    "input_file_id",
    "endpoint",
    "completion_window",
    "metadata",
    "output_expires_after",
    "start",
    "dry_run",
];

/// Hours in which a batch may be done.
const HOURS: std::ops::RangeInclusive<u32> = 1..=168;
/// Notes of a client, and characters of their names and values (OpenAI's limits).
const NOTES_MAX: usize = 16;
const NAME_CHARS_MAX: usize = 64;
const VALUE_CHARS_MAX: usize = 512;
/// Seconds for which files are kept (OpenAI's limits).
const KEPT_SECONDS: [i128; 2] = [3_600, 2_592_000];

/// When a batch is to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http::api) enum Start {
    /// In the cheapest hours of its window.
    Cheap,
    /// At once.
    Now,
    /// When the server's clock on the wall next says so.
    At(Time),
}

impl Start {
    /// `cheap`, `now` or a time of day such as `22:00`.
    fn parse(text: &str) -> Option<Self> {
        match text {
            "cheap" => Some(Self::Cheap),
            "now" => Some(Self::Now),
            _ => Time::strptime("%H:%M", text).ok().filter(|_| text.len() == 5).map(Self::At),
        }
    }

    /// The earliest moment to begin at; none if that is for the prices to decide.
    pub(in crate::http::api) fn moment(self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let time = match self {
            Self::Cheap => return None,
            Self::Now => return Some(now),
            Self::At(time) => time,
        };
        let today = zone.to_datetime(now).date();
        let days = [Ok(today), today.tomorrow()].into_iter().flatten();
        let moments = days.filter_map(|day| zone.to_timestamp(day.to_datetime(time)).ok());
        Some(moments.into_iter().find(|moment| *moment >= now).unwrap_or(now))
    }
}

/// A batch that says nothing wrong.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http::api) struct AskedBatch {
    /// The file of its requests.
    pub(in crate::http::api) input: String,
    /// What they ask for.
    pub(in crate::http::api) endpoint: BatchEndpoint,
    /// Hours in which it should be done.
    pub(in crate::http::api) window_hours: u32,
    /// When it is to begin.
    pub(in crate::http::api) start: Start,
    /// Whether only its price and its faults are asked for.
    pub(in crate::http::api) is_dry_run: bool,
    /// Its client's notes, as JSON.
    pub(in crate::http::api) metadata: Option<String>,
    /// Seconds for which its files are kept.
    pub(in crate::http::api) output_seconds: Option<u32>,
}

/// Reads the body of POST /v1/batches.
pub(in crate::http::api) fn parse_batch(body: &[u8]) -> Result<AskedBatch, ApiError> {
    let mut fields = Fields::read(body)?;
    let input = required(&mut fields, "input_file_id")?;
    let endpoint = required(&mut fields, "endpoint")?;
    let endpoint = endpoint.parse().map_err(|_| {
        let message = format!(
            "`endpoint` is `{}`; this server offers {}.",
            shortened(&endpoint),
            BatchEndpoint::WORDS.join(" and ")
        );
        ApiError::invalid("endpoint", message)
    })?;
    let window = required(&mut fields, "completion_window")?;
    let hours = window.strip_suffix('h').filter(|hours| hours.bytes().all(|digit| digit.is_ascii_digit()));
    let hours = hours.and_then(|hours| hours.parse().ok()).filter(|hours| HOURS.contains(hours));
    let window_hours = hours.ok_or_else(|| {
        let message = format!(
            "`completion_window` is `{}`; write 24h, or another number of hours from {}h to {}h.",
            shortened(&window),
            HOURS.start(),
            HOURS.end()
        );
        ApiError::invalid("completion_window", message)
    })?;
    let start = fields.text("start")?.unwrap_or_else(|| "cheap".into());
    let start = Start::parse(&start).ok_or_else(|| {
        let message =
            format!("`start` is `{}`; write cheap, now or a time such as 22:00.", shortened(&start));
        ApiError::invalid("start", message)
    })?;
    let is_dry_run = fields.truth("dry_run")?.unwrap_or(false);
    let metadata = fields.take("metadata").map(metadata).transpose()?;
    let output_seconds = fields.take("output_expires_after").map(output_seconds).transpose()?;
    fields.refuse_the_rest()?;
    Ok(AskedBatch { input, endpoint, window_hours, start, is_dry_run, metadata, output_seconds })
}

fn required(fields: &mut Fields, name: &str) -> Result<String, ApiError> {
    let missing =
        || ApiError::parameter(name, Code::MissingRequiredParameter, format!("`{name}` is missing."));
    fields.text(name)?.ok_or_else(missing)
}

fn object(name: &str, value: Value) -> Result<Map<String, Value>, ApiError> {
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(ApiError::parameter(name, Code::InvalidType, format!("`{name}` must be an object."))),
    }
}

fn metadata(value: Value) -> Result<String, ApiError> {
    let name = "metadata";
    let notes = object(name, value)?;
    if notes.len() > NOTES_MAX {
        let message = format!("`{name}` has {} entries; at most {NOTES_MAX} are kept.", notes.len());
        return Err(ApiError::invalid(name, message));
    }
    for (key, value) in &notes {
        let Some(value) = value.as_str() else {
            let message = format!("`{name}.{}` must be a string.", shortened(key));
            return Err(ApiError::parameter(name, Code::InvalidType, message));
        };
        if key.chars().count() > NAME_CHARS_MAX || value.chars().count() > VALUE_CHARS_MAX {
            let message = format!(
                "`{name}.{}` is too long; names have at most {NAME_CHARS_MAX} characters, and values {VALUE_CHARS_MAX}.",
                shortened(key)
            );
            return Err(ApiError::parameter(name, Code::StringAboveMaxLength, message));
        }
    }
    Ok(Value::Object(notes).to_string())
}

fn output_seconds(value: Value) -> Result<u32, ApiError> {
    let name = "output_expires_after";
    let mut terms = object(name, value)?;
    let invalid = |message: String| ApiError::invalid(name, message);
    if terms.remove("anchor") != Some(Value::String("created_at".into())) {
        return Err(invalid(format!("`{name}.anchor` must be created_at.")));
    }
    let [least, most] = KEPT_SECONDS;
    // 3600.0 is an integer too, as in JSON Schema.
    let seconds = terms.remove("seconds").as_ref().and_then(whole);
    let seconds = seconds.filter(|seconds| (least..=most).contains(seconds));
    match (seconds.and_then(|seconds| u32::try_from(seconds).ok()), terms.keys().next()) {
        (_, Some(other)) => {
            let message = format!("Unknown parameter: `{name}.{}`.", shortened(other));
            Err(ApiError::parameter(name, Code::UnknownParameter, message))
        }
        (Some(seconds), None) => Ok(seconds),
        (None, None) => Err(invalid(format!("`{name}.seconds` must be an integer from {least} to {most}."))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(field: &str, value: Value) -> Vec<u8> {
        let mut body = json!({
            "input_file_id": "file-1", "endpoint": "/v1/images/generations", "completion_window": "24h",
            "metadata": { "project": "spring" }, "output_expires_after": { "anchor": "created_at", "seconds": 3600 },
        });
        if !field.is_empty() {
            body[field] = value;
        }
        body.to_string().into_bytes()
    }

    #[test]
    fn every_field_of_a_batch_is_read() {
        let expected = AskedBatch {
            input: "file-1".into(),
            endpoint: BatchEndpoint::Generations,
            window_hours: 24,
            start: Start::Cheap,
            is_dry_run: false,
            metadata: Some(r#"{"project":"spring"}"#.into()),
            output_seconds: Some(3600),
        };
        assert_eq!(parse_batch(&body("", Value::Null)).expect("read"), expected);
        let bare = body("metadata", Value::Null);
        assert_eq!(parse_batch(&bare).expect("read").metadata, None);
        for hours in [1, 24, 168] {
            let asked = parse_batch(&body("completion_window", json!(format!("{hours}h")))).expect("read");
            assert_eq!(asked.window_hours, hours);
        }
    }

    #[test]
    fn a_time_of_day_is_the_next_one() {
        let start = |text: &str| parse_batch(&body("start", json!(text))).expect("read").start;
        let zone = TimeZone::get("Asia/Shanghai").expect("a zone");
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let now = at("2026-11-29T13:30:00Z");
        let moment = |text: &str| start(text).moment(now, &zone);
        assert_eq!((moment("cheap"), moment("now")), (None, Some(now)));
        assert_eq!(moment("22:00"), Some(at("2026-11-29T14:00:00Z")));
        assert_eq!(moment("21:30"), Some(now));
        assert_eq!(moment("21:29"), Some(at("2026-11-30T13:29:00Z")), "tomorrow's");
    }

    #[test]
    fn what_a_batch_cannot_be_is_refused_by_its_name() {
        let long = "x".repeat(VALUE_CHARS_MAX + 1);
        for (field, value) in [
            ("input_file_id", Value::Null),
            ("input_file_id", json!(7)),
            ("endpoint", json!("/v1/chat/completions")),
            ("completion_window", Value::Null),
            ("completion_window", json!("0h")),
            ("completion_window", json!("169h")),
            ("completion_window", json!("+1h")),
            ("completion_window", json!("1d")),
            ("completion_window", json!("h")),
            ("dry_run", json!("yes")),
            ("start", json!("24:00")),
            ("start", json!("9:00")),
            ("start", json!("later")),
            ("metadata", json!([])),
            ("metadata", json!({ "n": 1 })),
            ("metadata", json!({ "long": long })),
            ("metadata", (0..17).map(|n| (n.to_string(), json!("x"))).collect::<Map<_, _>>().into()),
            ("output_expires_after", json!({ "anchor": "created_at", "seconds": 3599 })),
            ("output_expires_after", json!({ "anchor": "created_at", "seconds": 3600.5 })),
            ("output_expires_after", json!({ "anchor": "created_at", "seconds": "3600" })),
            ("output_expires_after", json!({ "anchor": "now", "seconds": 3600 })),
            ("output_expires_after", json!({ "anchor": "created_at", "seconds": 3600, "x": 1 })),
            ("colour", json!("red")),
        ] {
            let error = parse_batch(&body(field, value.clone())).expect_err(field);
            assert_eq!(error.param(), Some(field), "{value}");
        }
    }
}
