use std::sync::Arc;

use actix_web::{
    dev::Extensions,
    http::header::{HeaderMap, HeaderName, HeaderValue},
};

use crate::{
    admit::{RateStanding, Refused},
    service::{Accepted, ServiceError},
    units::Millis,
};

/// Where a request's key stands with its limits: said in every answer, so that clients can slow down in time.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::http) struct Standings {
    requests: Option<RateStanding>,
    images: Option<RateStanding>,
    quotes: Option<RateStanding>,
}

impl Standings {
    pub(in crate::http) fn note_requests(
        extensions: &mut Extensions,
        checked: &Result<Option<RateStanding>, Refused>,
    ) {
        Self::entry(extensions).requests = match checked {
            Ok(standing) => *standing,
            Err(Refused::Requests(over)) => Some(over.standing),
            Err(_) => None,
        };
    }

    /// Notes that the request counts as a quote instead.
    pub(in crate::http) fn note_quotes(
        extensions: &mut Extensions,
        counted: &Result<Option<RateStanding>, Refused>,
    ) {
        let entry = Self::entry(extensions);
        entry.requests = entry.requests.map(RateStanding::with_one_back);
        entry.quotes = match counted {
            Ok(standing) => *standing,
            Err(Refused::Quotes(over)) => Some(over.standing),
            Err(_) => None,
        };
    }

    pub(in crate::http) fn note_images(
        extensions: &mut Extensions,
        accepted: &Result<Accepted, Arc<ServiceError>>,
    ) {
        Self::entry(extensions).images = match accepted {
            Ok(accepted) => accepted.images,
            Err(error) => match &**error {
                ServiceError::Refused(Refused::Images(over)) => Some(over.standing),
                _ => None,
            },
        };
    }

    fn entry(extensions: &mut Extensions) -> &mut Self {
        if !extensions.contains::<Self>() {
            extensions.insert(Self::default());
        }
        #[expect(clippy::expect_used, reason = "it was put in by the line above")]
        extensions.get_mut::<Self>().expect("the standings")
    }

    /// Writes `x-ratelimit-{limit,remaining,reset}-{requests,images}`, as OpenAI does, and the same for a page's quotes.
    pub(in crate::http) fn write(self, headers: &mut HeaderMap) {
        let standings = [("requests", self.requests), ("images", self.images), ("quotes", self.quotes)];
        for (what, standing) in standings {
            let Some(standing) = standing else { continue };
            let values = [
                ("limit", standing.limit.to_string()),
                ("remaining", standing.remaining.to_string()),
                ("reset", span(standing.reset)),
            ];
            for (name, value) in values {
                let name = HeaderName::try_from(format!("x-ratelimit-{name}-{what}"));
                if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
                    headers.insert(name, value);
                }
            }
        }
    }
}

/// A span as OpenAI writes it: `0s`, `7s`, `6m0s`.
fn span(span: Millis) -> String {
    let seconds = span.as_secs_ceil();
    match seconds / 60 {
        0 => format!("{seconds}s"),
        minutes => format!("{minutes}m{}s", seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_written_as_the_sdks_read_it() {
        let spans = [(0, "0s"), (1, "1s"), (59_001, "1m0s"), (360_000, "6m0s"), (90_000, "1m30s")];
        for (millis, text) in spans {
            assert_eq!(span(Millis::new(millis)), text);
        }
    }
}
