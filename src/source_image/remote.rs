use std::{
    io::{self, Read, Write},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use ureq::{
    Body,
    http::{Request, Response, header},
};
use url::Url;

use super::FILE_BYTES_MAX;
use crate::{
    domain::NamedHost,
    outbound::{Outbound, OutboundError, Reach, URL_BYTES_MAX, authority, target, unreachable},
};

/// From asking for a name's address to the last byte of one answer.
const ANSWER_MAX: Duration = Duration::from_secs(20);
const REDIRECTS_MAX: u32 = 3;

/// Fetches images by https from hosts that the configuration names. It connects to public addresses only, unless the configuration
/// names the address itself.
#[derive(Debug, Clone)]
pub struct ImageFetcher {
    hosts: Arc<[NamedHost]>,
    outbound: Outbound,
}

/// Why an image was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The text is not an https URL.
    #[error("the URL must begin with https:// and name a host")]
    NotHttps,
    /// The URL is too long.
    #[error("the URL is longer than {URL_BYTES_MAX} bytes")]
    TooLong,
    /// The URL has a user name or a password.
    #[error("the URL has a user name or a password; this server sends none")]
    Credentials,
    /// The configuration does not name the host.
    #[error(
        "this server fetches no images from {0}; send the image itself, or ask the operator to add the host"
    )]
    HostNotAllowed(String),
    /// The host could not be reached, or must not be.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// The host leads from one URL to the next.
    #[error("the host redirects more than {REDIRECTS_MAX} times")]
    Redirects,
    /// The host answered without an image.
    #[error("{host} answered with status {status}")]
    Status {
        /// The host.
        host: String,
        /// Its answer's status.
        status: u16,
    },
    /// The file has more bytes than are read.
    #[error("the file has more than {FILE_BYTES_MAX} bytes")]
    TooManyBytes,
    /// The file could not be kept.
    #[error("the file could not be kept: {0}")]
    Unkept(io::Error),
}

impl ImageFetcher {
    /// A fetcher for `hosts`.
    pub fn new(hosts: Vec<NamedHost>, outbound: Outbound) -> Self {
        Self { hosts: hosts.into(), outbound }
    }

    /// Whether no host is allowed.
    pub fn is_off(&self) -> bool {
        self.hosts.is_empty()
    }

    /// Writes the file at `url` to `file`. It blocks.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn fetch(&self, url: &str, file: &mut impl Write) -> Result<(), FetchError> {
        if url.len() > URL_BYTES_MAX {
            return Err(FetchError::TooLong);
        }
        let mut url = Url::parse(url).map_err(|_| FetchError::NotHttps)?;
        // Only the configuration can lead to an address that is not public, a redirect never.
        let mut named_address = self.allowed(&url)?.address();
        for _ in 0..=REDIRECTS_MAX {
            let answer = self.ask(&url, named_address.take())?;
            if !answer.status().is_redirection() {
                return copy(&url, answer, file);
            }
            let location = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            let next = location.and_then(|location| url.join(location).ok());
            url = next.ok_or_else(|| status(&url, &answer))?;
            self.allowed(&url)?;
        }
        Err(FetchError::Redirects)
    }

    /// The host of `url`, if the configuration names it.
    fn allowed(&self, url: &Url) -> Result<&NamedHost, FetchError> {
        if url.scheme() != "https" {
            return Err(FetchError::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::Credentials);
        }
        let host = self.hosts.iter().find(|host| host.is_of(url));
        host.ok_or_else(|| FetchError::HostNotAllowed(authority(url)))
    }

    /// The answer to one request, with no redirect followed.
    fn ask(&self, url: &Url, named_address: Option<IpAddr>) -> Result<Response<Body>, FetchError> {
        let request = Request::get(target(url))
            .header(header::ACCEPT, "image/png, image/jpeg, image/webp")
            .header(header::ACCEPT_ENCODING, "identity")
            .body(Vec::new())
            .map_err(|error| unreachable(url, &error))?;
        let reach = named_address.map_or(Reach::Public, Reach::Named);
        Ok(self.outbound.send(url, request, reach, ANSWER_MAX)?)
    }
}

/// Writes the body of a 200 to `file`.
fn copy(url: &Url, answer: Response<Body>, file: &mut impl Write) -> Result<(), FetchError> {
    if answer.status() != 200 {
        return Err(status(url, &answer));
    }
    let body = answer.into_body();
    if body.content_length().is_some_and(|bytes| bytes > FILE_BYTES_MAX as u64) {
        return Err(FetchError::TooManyBytes);
    }
    let mut body = body.into_reader();
    let (mut piece, mut bytes) = (vec![0; 16 << 10], 0);
    loop {
        let read = body.read(&mut piece).map_err(|error| unreachable(url, &error))?;
        bytes += read;
        match read {
            0 => return Ok(()),
            _ if bytes > FILE_BYTES_MAX => return Err(FetchError::TooManyBytes),
            read => file.write_all(&piece[..read]).map_err(FetchError::Unkept)?,
        }
    }
}

fn status(url: &Url, answer: &Response<Body>) -> FetchError {
    FetchError::Status { host: authority(url), status: answer.status().as_u16() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(hosts: &[&str], url: &str) -> String {
        let hosts = hosts.iter().map(|host| host.parse().expect("a host")).collect();
        let fetcher = ImageFetcher::new(hosts, Outbound::new(None).expect("Mozilla's"));
        fetcher.fetch(url, &mut Vec::new()).expect_err("refused").to_string()
    }

    #[test]
    fn what_the_configuration_does_not_name_is_not_asked() {
        for (url, said) in [
            ("not a URL", "https://"),
            ("ftp://images.test/a.png", "https://"),
            ("http://images.test/a.png", "https://"),
            ("https://other.test/a.png", "from other.test"),
            ("https://images.test:8443/a.png", "from images.test:8443"),
            ("https://127.0.0.1/a.png", "from 127.0.0.1"),
            ("https://[::ffff:127.0.0.1]/a.png", "from [::ffff:7f00:1]"),
            ("https://2130706433/a.png", "from 127.0.0.1"),
            ("https://user@images.test/a.png", "user name"),
            ("https://:secret@images.test/a.png", "user name"),
        ] {
            let message = refused(&["images.test"], url);
            assert!(message.contains(said), "{url}: {message}");
        }
        assert!(
            refused(&["images.test"], &format!("https://images.test/{}", "a".repeat(8192))).contains("8192")
        );
        let off = ImageFetcher::new(Vec::new(), Outbound::new(None).expect("Mozilla's"));
        assert!(off.is_off());
    }

    #[test]
    fn a_name_that_leads_to_this_machine_is_refused_before_it_is_reached() {
        // Every system resolves it to loopback alone (RFC 6761).
        assert_eq!(
            refused(&["localhost:9"], "https://localhost:9/a.png"),
            "localhost:9 has no public address"
        );
    }

    fn copied(bytes: usize) -> Result<usize, FetchError> {
        let body = Body::builder().reader(io::repeat(0).take(bytes as u64));
        let answer = Response::builder().status(200).body(body).expect("an answer");
        let mut length = Counter(0);
        copy(&Url::parse("https://images.test").expect("a URL"), answer, &mut length).map(|()| length.0)
    }

    struct Counter(usize);

    impl Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_file_that_does_not_say_its_length_is_cut_off_at_the_limit() {
        assert_eq!(copied(FILE_BYTES_MAX).expect("a file"), FILE_BYTES_MAX);
        assert!(matches!(copied(FILE_BYTES_MAX + 1), Err(FetchError::TooManyBytes)));
    }
}
