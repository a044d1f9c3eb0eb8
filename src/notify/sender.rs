use std::{io::Read, sync::Arc, time::Duration};

use ureq::http::{Request, header};
use url::Url;

use super::{MailError, Mailer, WebhookSecret};
use crate::{
    domain::NamedHost,
    outbound::{Outbound, OutboundError, Reach, URL_BYTES_MAX, authority, target},
};

/// From asking for a name's address to the last byte of an answer.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// Bytes of an answer that are read, so that a connection ends well; nothing is done with them.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// Sends messages to endpoints: by https, as Standard Webhooks has it, or as e-mail to `mailto:` addresses.
#[derive(Debug, Clone)]
pub struct NewsSender {
    private_hosts: Arc<[NamedHost]>,
    outbound: Outbound,
    mailer: Option<Mailer>,
}

/// A message, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The same at every attempt, so that a receiver notices what it has.
    pub id: String,
    /// JSON.
    pub body: String,
    /// The endpoint.
    pub url: String,
    /// What signs it.
    pub secret: WebhookSecret,
}

/// Why a URL is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is not a URL, or of another scheme.
    #[error("the URL must begin with https:// and name a host, or with mailto:")]
    NotHttps,
    /// It is too long.
    #[error("the URL is longer than {URL_BYTES_MAX} bytes")]
    TooLong,
    /// It has a user name or a password.
    #[error("the URL has a user name or a password; messages are signed instead")]
    Credentials,
    /// It is a mail address, and the configuration names no mail server.
    #[error("no mail server is configured; set mail.server")]
    NoMail,
    /// It is a mail address that cannot be.
    #[error("the mail address cannot be used; write mailto:ops@example.com, several with commas between")]
    Address,
    /// It is http, and the configuration does not list its host.
    #[error("the URL must begin with https://; {0} is not in webhooks.private_hosts, which allows http")]
    NotPrivate(String),
}

/// Why a message did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The configuration does not allow the endpoint any more.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// It could not be reached.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// The mail server did not take it.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// It answered, but did not accept the message.
    #[error("{host} answered with status {status}")]
    Status {
        /// The host.
        host: String,
        /// Its answer's status.
        status: u16,
    },
}

impl NewsSender {
    /// A sender; `private_hosts` may have any address, and may be reached by http.
    pub fn new(private_hosts: Vec<NamedHost>, outbound: Outbound) -> Self {
        Self { private_hosts: private_hosts.into(), outbound, mailer: None }
    }

    /// The same with a way to send e-mail.
    pub fn with_mailer(self, mailer: Option<Mailer>) -> Self {
        Self { mailer, ..self }
    }

    /// The URL of an endpoint, as it is kept.
    ///
    /// # Errors
    /// [`EndpointError`]. What a name resolves to is looked at with every message.
    pub fn check(&self, url: &str) -> Result<Url, EndpointError> {
        if url.len() > URL_BYTES_MAX {
            return Err(EndpointError::TooLong);
        }
        let url = Url::parse(url.trim()).map_err(|_| EndpointError::NotHttps)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        match url.scheme() {
            "https" => Ok(url),
            "mailto" if self.mailer.is_none() => Err(EndpointError::NoMail),
            "mailto" if Mailer::recipients(&url).is_none() => Err(EndpointError::Address),
            "mailto" => Ok(url),
            "http" if self.is_private(&url) => Ok(url),
            "http" => Err(EndpointError::NotPrivate(authority(&url))),
            _ => Err(EndpointError::NotHttps),
        }
    }

    /// Sends `message` at `now`, in Unix seconds. It blocks. By https, only an answer from 200 to 299 is an acceptance; a redirect is not
    /// followed.
    ///
    /// # Errors
    /// [`DeliveryError`]; the message may have arrived all the same.
    pub fn send(&self, message: &Message, now: i64) -> Result<(), DeliveryError> {
        let Message { id, body, url, secret } = message;
        let url = self.check(url)?;
        if let (Some(mailer), "mailto") = (&self.mailer, url.scheme()) {
            return Ok(mailer.send(&url, id, body)?);
        }
        let request = Request::post(target(&url))
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", now)
            .header("webhook-signature", secret.sign(id, now, body))
            .body(body.clone().into_bytes())
            .map_err(|error| crate::outbound::unreachable(&url, &error))?;
        let reach = if self.is_private(&url) { Reach::Any } else { Reach::Public };
        let answer = self.outbound.send(&url, request, reach, ANSWER_MAX)?;
        let status = answer.status();
        if !status.is_success() {
            return Err(DeliveryError::Status { host: authority(&url), status: status.as_u16() });
        }
        // It is accepted, whatever its answer says.
        let mut rest = Vec::new();
        answer.into_body().into_reader().take(ANSWER_BYTES_MAX).read_to_end(&mut rest).ok();
        Ok(())
    }

    fn is_private(&self, url: &Url) -> bool {
        self.private_hosts.iter().any(|host| host.is_of(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(private: &[&str]) -> NewsSender {
        let hosts = private.iter().map(|host| host.parse().expect("a host")).collect();
        NewsSender::new(hosts, Outbound::new(None).expect("Mozilla's"))
    }

    #[test]
    fn an_endpoint_is_https_unless_the_configuration_lists_its_host() {
        let sender = sender(&["127.0.0.1:9000"]);
        let checked = |url: &str| sender.check(url).map(String::from).map_err(|error| error.to_string());
        assert_eq!(
            checked(" https://Hooks.example.com/a?b#c ").as_deref(),
            Ok("https://hooks.example.com/a?b#c")
        );
        assert!(checked("http://127.0.0.1:9000/a").is_ok());
        for (url, said) in [
            ("http://127.0.0.1:9001/a", "127.0.0.1:9001 is not in webhooks.private_hosts"),
            ("http://hooks.example.com/", "hooks.example.com is not in"),
            ("ftp://hooks.example.com/", "https://"),
            ("hooks.example.com", "https://"),
            ("https://user:secret@hooks.example.com/", "user name"),
        ] {
            assert!(checked(url).is_err_and(|error| error.contains(said)), "{url}");
        }
        assert!(checked(&format!("https://a.test/{}", "a".repeat(8192))).is_err());
    }

    #[test]
    fn nothing_is_sent_to_a_private_address_that_is_not_listed() {
        for url in
            ["https://127.0.0.1:9/", "https://localhost:9/", "https://[::1]:9/", "https://169.254.169.254/"]
        {
            let message = Message {
                id: "evt_1".into(),
                body: "{}".into(),
                url: url.into(),
                secret: WebhookSecret::new([1; 32]),
            };
            let refused = sender(&[]).send(&message, 0).expect_err(url).to_string();
            assert!(refused.contains("no public address"), "{url}: {refused}");
        }
    }
}
