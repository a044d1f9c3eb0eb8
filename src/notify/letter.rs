use serde_json::Value;

use crate::domain::EventKind;

/// An event as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) subject: String,
    pub(super) text: String,
}

impl Letter {
    /// The letter of an event's JSON.
    pub(super) fn of(body: &str) -> Result<Self, serde_json::Error> {
        let event: Value = serde_json::from_str(body)?;
        let kind = event["type"].as_str().unwrap_or_default();
        let (subject, advice) = kind.parse::<EventKind>().map_or((kind, ""), |kind| words(kind));
        let empty = serde_json::Map::new();
        let data = event["data"].as_object().unwrap_or(&empty);
        let subject = match data.get("device").and_then(Value::as_str) {
            Some(device) => format!("{subject}: {device}"),
            None => subject.to_owned(),
        };
        let lines =
            data.iter().map(|(name, value)| format!("{}: {}\n", name.replace('_', " "), plain(name, value)));
        let at = event["created_at"].as_i64().and_then(|at| jiff::Timestamp::from_second(at).ok());
        let at = at.map(|at| format!("\nAt {at}.\n")).unwrap_or_default();
        let advice = if advice.is_empty() { String::new() } else { format!("\n{advice}\n") };
        let text = format!("{subject}.\n\n{}{at}{advice}", lines.collect::<String>());
        Ok(Self { subject: format!("[Tintype] {subject}"), text })
    }
}

/// What happened, and what to do.
const fn words(kind: EventKind) -> (&'static str, &'static str) {
    match kind {
        EventKind::ImageCompleted => ("Images are ready", ""),
        EventKind::ImageFailed => ("A request has no images", "/admin/jobs shows why."),
        EventKind::BatchCompleted => ("A batch is complete", ""),
        EventKind::BatchFailed => ("A batch has failed", "/admin/batches shows why."),
        EventKind::BatchExpired => ("A batch has expired", "What was made in time is in its output file."),
        EventKind::BatchCancelled => ("A batch was cancelled", ""),
        EventKind::BudgetPassed => {
            ("A soft budget was passed", "Requests are still accepted. /admin/keys shows every budget.")
        }
        EventKind::BudgetRefused => (
            "A budget refused a request",
            "Requests are refused until it resets. /admin/keys shows every budget.",
        ),
        EventKind::DeviceLost => {
            ("A device was lost", "A restart of the server tries it again. Its log says why.")
        }
        EventKind::MonthClosed => (
            "A month was closed",
            "Keep this message: its hash shows later whether the month is as it was closed.",
        ),
        EventKind::DiskFull => (
            "The disk has no room for images",
            "New images are not kept. Free some space, or lower pictures.keep_days.",
        ),
        EventKind::PriceEnds => (
            "A list price ends",
            "Images after that day are compared with nothing. Add the next price to the price book, or compare with another service.",
        ),
        EventKind::Test => ("A test", ""),
    }
}

/// A value without quotes; moments as dates.
fn plain(name: &str, value: &Value) -> String {
    match value {
        Value::Null => "all keys".into(),
        Value::String(text) => text.clone(),
        Value::Number(number) if name.ends_with("_at") => {
            let at = number.as_i64().and_then(|at| jiff::Timestamp::from_second(at).ok());
            at.map_or_else(|| number.to_string(), |at| at.to_string())
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_named_with_what_is_left_and_when_it_resets() {
        let body = r#"{"id":"evt_1","object":"event","created_at":1795442399,"type":"budget.passed",
                       "data":{"key":null,"budget":"soft 400 a month","left":"0.00","needed":"0.37","resets_at":1796083200}}"#;
        let letter = Letter::of(body).expect("JSON");
        assert_eq!(letter.subject, "[Tintype] A soft budget was passed");
        for line in
            ["key: all keys", "budget: soft 400 a month", "resets at: 2026-12-01T00:00:00Z", "At 2026-11-23"]
        {
            assert!(letter.text.contains(line), "{line} in {}", letter.text);
        }
    }

    #[test]
    fn a_lost_device_is_named_with_its_reason() {
        let body = r#"{"id":"evt_2","object":"event","created_at":1795442399,"type":"device.lost",
                       "data":{"lost":1,"devices":2,"index":1,"device":"cuda:1","reason":"an illegal memory access"}}"#;
        let letter = Letter::of(body).expect("JSON");
        assert_eq!(letter.subject, "[Tintype] A device was lost: cuda:1");
        for line in ["device: cuda:1", "reason: an illegal memory access", "lost: 1"] {
            assert!(letter.text.contains(line), "{line} in {}", letter.text);
        }
    }

    #[test]
    fn every_kind_of_event_has_words() {
        for kind in EventKind::ALL {
            let (subject, _) = words(kind);
            assert!(!subject.is_empty() && !subject.ends_with('.'), "{kind}");
        }
        assert_eq!(Letter::of(r#"{"type":"later.kind"}"#).expect("JSON").subject, "[Tintype] later.kind");
    }
}
