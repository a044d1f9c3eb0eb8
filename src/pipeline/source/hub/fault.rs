use std::{fmt, time::Duration};

/// Why the hub did not give what was asked for.
#[derive(Debug)]
pub(super) enum Fault {
    /// It may go better in a while: at once by default, or after what the hub asks for.
    Passing { reason: String, retry_after: Option<Duration> },
    /// Asking again would not help.
    Final(String),
}

impl Fault {
    pub(super) fn passing(reason: impl fmt::Display) -> Self {
        Self::Passing { reason: reason.to_string(), retry_after: None }
    }

    /// Another file's fault ended the fetch.
    pub(super) fn stopped() -> Self {
        Self::Final("the fetch was ended".into())
    }

    /// An answer that no hub gives.
    pub(super) fn hostile(what: impl fmt::Display) -> Self {
        Self::Final(format!(
            "the hub's answer cannot be used: {what}; nothing of it was kept; set HF_ENDPOINT (for \
             ModelScope MODELSCOPE_DOMAIN) to a hub you trust"
        ))
    }

    pub(super) fn disk(error: &std::io::Error, path: &std::path::Path) -> Self {
        Self::Final(format!(
            "{}: {error}; free disk space, or set HF_HUB_CACHE (for ModelScope MODELSCOPE_CACHE) to another place",
            path.display()
        ))
    }

    /// The fault of an answer with `status`, if it is one.
    pub(super) fn of_status(status: u16, retry_after: Option<Duration>) -> Option<Self> {
        match status {
            200..=399 => None,
            // A connection that went on and a file that has grown shorter look alike.
            416 => Some(Self::passing("the hub has fewer bytes of the file than it said (HTTP 416)")),
            401 | 403 => Some(Self::Final(format!(
                "the hub refuses access (HTTP {status}); accept the model's terms on its page and set \
                 HF_TOKEN (for ModelScope MODELSCOPE_API_TOKEN)"
            ))),
            404 => Some(Self::Final(
                "the hub has no such repository or revision, or no such file in it (HTTP 404); check the name".into(),
            )),
            408 | 429 | 500..=599 => {
                Some(Self::Passing { reason: format!("the hub answered HTTP {status}"), retry_after })
            }
            _ => Some(Self::Final(format!("the hub answered HTTP {status}"))),
        }
    }
}

impl From<ureq::Error> for Fault {
    fn from(error: ureq::Error) -> Self {
        let text = error.to_string();
        Self::passing(text.lines().next().unwrap_or("unknown error"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passing { reason, .. } => write!(
                f,
                "{reason}; check the network and HTTPS_PROXY, or set HF_ENDPOINT to a mirror, or fetch it from the other hub \
                 (--model modelscope:OWNER/NAME), or copy the model here and pass its directory with --model"
            ),
            Self::Final(reason) => f.write_str(reason),
        }
    }
}
