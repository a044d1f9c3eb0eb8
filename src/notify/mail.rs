use std::{fmt, time::Duration};

use lettre::{
    Address, Message, SmtpTransport, Transport,
    message::{Mailbox, header::ContentType},
};
use serde::Deserialize;
use url::Url;

use super::letter::Letter;

/// From the connection to the last answer of the mail server.
const PATIENCE: Duration = Duration::from_secs(15);

/// A mail server: `smtps://user:password@mail.example`, `smtp://user:password@mail.example:587?tls=required` for STARTTLS, or
/// `smtp://127.0.0.1:25` without TLS.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct MailServer(String);

/// Sends e-mail.
#[derive(Clone)]
pub struct Mailer {
    transport: SmtpTransport,
    from: Mailbox,
}

/// Why no e-mail can be sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The configured server is not one.
    #[error(
        "mail.server: {0}; write smtps://user:password@mail.example, or smtp://mail.example:587?tls=required"
    )]
    Server(String),
    /// The configured sender is not an address.
    #[error("mail.from: `{0}` is not a mail address; write tintype@example.com")]
    From(String),
    /// A message that cannot be written.
    #[error("the mail cannot be written: {0}")]
    Malformed(String),
    /// The server cannot be reached, or did not take the message.
    #[error("the mail server did not take the message: {0}")]
    Refused(String),
}

impl MailServer {
    /// The server at `url`.
    pub fn new(url: &str) -> Self {
        Self(url.to_owned())
    }
}

/// Without the password.
impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailServer(…)")
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("from", &self.from).finish_non_exhaustive()
    }
}

impl Mailer {
    /// Sends through `server`, as `from`.
    ///
    /// # Errors
    /// [`MailError`] for a server or a sender that cannot be. Neither is asked yet.
    pub fn new(server: &MailServer, from: &str) -> Result<Self, MailError> {
        let refused = |error: &dyn fmt::Display| MailError::Server(error.to_string());
        let transport = SmtpTransport::from_url(&server.0).map_err(|error| refused(&error))?;
        let from = from.parse::<Mailbox>().map_err(|_| MailError::From(from.to_owned()))?;
        Ok(Self { transport: transport.timeout(Some(PATIENCE)).build(), from })
    }

    /// The addresses in a `mailto:` URL; none if one of them cannot be, or there is more than addresses.
    pub fn recipients(url: &Url) -> Option<Vec<Address>> {
        if url.query().is_some() || url.fragment().is_some() {
            return None;
        }
        url.path().split(',').map(|address| address.trim().parse().ok()).collect()
    }

    /// Sends the event `id`, whose JSON is `body`, to the addresses in `url`. It blocks.
    ///
    /// # Errors
    /// [`MailError`]; the message may have arrived all the same.
    pub fn send(&self, url: &Url, id: &str, body: &str) -> Result<(), MailError> {
        let malformed = |error: &dyn fmt::Display| MailError::Malformed(error.to_string());
        let recipients = Self::recipients(url).ok_or_else(|| MailError::Malformed("no address".into()))?;
        let Letter { subject, text } = Letter::of(body).map_err(|error| malformed(&error))?;
        // The same at every attempt, so that a mailbox notices what it has.
        let message_id = format!("<{id}@{}>", self.from.email.domain());
        let builder =
            Message::builder().from(self.from.clone()).subject(subject).message_id(Some(message_id));
        let builder =
            recipients.into_iter().fold(builder, |builder, address| builder.to(Mailbox::new(None, address)));
        let message =
            builder.header(ContentType::TEXT_PLAIN).body(text).map_err(|error| malformed(&error))?;
        self.transport.send(&message).map_err(|error| MailError::Refused(error.to_string()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_url_has_addresses_and_nothing_else() {
        let recipients = |url: &str| {
            let addresses = Mailer::recipients(&Url::parse(url).expect("a URL"))?;
            Some(addresses.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(recipients("mailto:ops@example.com"), Some(vec!["ops@example.com".into()]));
        let both = vec!["a@example.com".to_owned(), "b@example.com".to_owned()];
        assert_eq!(recipients("mailto:a@example.com, b@example.com"), Some(both));
        for url in ["mailto:", "mailto:nobody", "mailto:a@b.example?subject=x", "mailto:a@b.example,"] {
            assert_eq!(recipients(url), None, "{url}");
        }
    }

    #[test]
    fn a_server_or_a_sender_that_cannot_be_is_refused_by_its_key_and_no_password_is_shown() {
        let refused = |server: &str, from: &str| {
            Mailer::new(&MailServer::new(server), from)
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default()
        };
        assert!(refused("mail.example", "a@b.example").starts_with("mail.server: "));
        assert!(refused("http://mail.example", "a@b.example").starts_with("mail.server: "));
        assert!(refused("smtp://127.0.0.1", "nobody").starts_with("mail.from: `nobody`"));
        assert_eq!(refused("smtps://user:secret@mail.example", "Tintype <a@b.example>"), "");
        assert_eq!(format!("{:?}", MailServer::new("smtps://user:secret@mail.example")), "MailServer(…)");
    }
}
