//! What a proxy wrote into requests last, kept for `tintype doctor`: whether its headers arrive is hard to see from outside.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    net::IpAddr,
    path::{Path, PathBuf},
};

use actix_web::HttpRequest;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// Headers that proxies add.
const NAMES: [&str; 6] =
    ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];
/// Those that hold clients' addresses, which are counted and not kept.
const OF_ADDRESSES: [&str; 3] = ["forwarded", "x-forwarded-for", "x-real-ip"];
/// Most characters of a value that are kept.
const VALUE_MAX: usize = 100;
/// How often they are written, at most: a client could change them with each request.
const INTERVAL: SignedDuration = SignedDuration::from_secs(60);

/// The headers of the last request that had any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardedHeaders {
    /// When it came.
    pub at: Timestamp,
    /// Who sent it: the proxy.
    pub peer: Option<IpAddr>,
    /// By their names.
    pub headers: BTreeMap<String, String>,
}

/// Notes headers that proxies add, in a file.
pub struct HeaderNotes {
    file: PathBuf,
    last: Mutex<Option<ForwardedHeaders>>,
}

impl HeaderNotes {
    /// Notes them in `file`.
    pub fn new(file: PathBuf) -> Self {
        Self { file, last: Mutex::new(None) }
    }

    /// Notes those of `request`, if they differ from the last ones.
    pub(super) fn note(&self, request: &HttpRequest, now: Timestamp) {
        let Some(seen) = of(request, now) else { return };
        let mut last = self.last.lock();
        let is_noted = last.as_ref().is_some_and(|last| {
            let is_same = (last.peer, &last.headers) == (seen.peer, &seen.headers);
            is_same || now.duration_since(last.at) < INTERVAL
        });
        if is_noted {
            return;
        }
        let file = self.file.clone();
        *last = Some(seen.clone());
        // Nobody waits for the disk.
        actix_web::rt::task::spawn_blocking(move || {
            if let Err(error) = write(&file, &seen) {
                tracing::debug!(%error, "{}: a proxy's headers cannot be noted", file.display());
            }
        });
    }
}

fn write(file: &Path, seen: &ForwardedHeaders) -> io::Result<()> {
    let aside = file.with_extension("part");
    // A new file is never a link that somebody planted.
    fs::remove_file(&aside).ok();
    File::create_new(&aside)?.write_all(&serde_json::to_vec_pretty(seen)?)?;
    fs::rename(&aside, file)
}

/// The headers of `request` that proxies add; none without any.
fn of(request: &HttpRequest, at: Timestamp) -> Option<ForwardedHeaders> {
    let value = |name: &str| {
        let lines = request.headers().get_all(name).filter_map(|line| line.to_str().ok());
        let text = lines.collect::<Vec<_>>().join(", ");
        let kept = match text.split(',').count() {
            _ if text.is_empty() => return None,
            1 if OF_ADDRESSES.contains(&name) => "1 address".to_owned(),
            count if OF_ADDRESSES.contains(&name) => format!("{count} addresses"),
            _ => text.chars().filter(|c| !c.is_control()).take(VALUE_MAX).collect(),
        };
        Some((name.to_owned(), kept))
    };
    let headers: BTreeMap<_, _> = NAMES.into_iter().filter_map(value).collect();
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    (!headers.is_empty()).then_some(ForwardedHeaders { at, peer, headers })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const NOON: Timestamp = Timestamp::constant(1_795_000_000, 0);

    #[test]
    fn a_proxys_headers_are_kept_without_any_clients_address() {
        let request = TestRequest::default()
            .peer_addr("10.0.0.2:5000".parse().expect("an address"))
            .append_header(("x-forwarded-for", "203.0.113.7, 198.51.100.2"))
            .append_header(("x-forwarded-for", "10.0.0.5"))
            .append_header(("x-forwarded-proto", "https"))
            .append_header(("x-real-ip", "203.0.113.7"))
            .append_header(("accept", "*/*"))
            .to_http_request();
        let seen = of(&request, NOON).expect("headers");
        let headers: Vec<_> = seen.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(
            headers,
            [("x-forwarded-for", "3 addresses"), ("x-forwarded-proto", "https"), ("x-real-ip", "1 address")]
        );
        assert_eq!(seen.peer, Some("10.0.0.2".parse().expect("an address")));
        assert_eq!(of(&TestRequest::default().to_http_request(), NOON), None);
    }

    #[actix_web::test]
    async fn they_are_written_when_they_change_and_not_more_than_once_a_minute() {
        let place = tempfile::TempDir::new().expect("a directory");
        let notes = HeaderNotes::new(place.path().join("proxy.json"));
        let note = |host: &str, seconds: i64| {
            let request = TestRequest::default().append_header(("x-forwarded-host", host)).to_http_request();
            notes.note(&request, NOON + SignedDuration::from_secs(seconds));
            notes.last.lock().clone().expect("noted").headers["x-forwarded-host"].clone()
        };
        assert_eq!(note("one.example", 0), "one.example");
        assert_eq!(note("two.example", 59), "one.example", "too soon");
        assert_eq!(note("two.example", 61), "two.example");
        let seen = notes.last.lock().clone().expect("noted");
        write(&notes.file, &seen).expect("written");
        let text = std::fs::read(&notes.file).expect("a file");
        assert_eq!(serde_json::from_slice::<ForwardedHeaders>(&text).expect("JSON"), seen);
    }
}
