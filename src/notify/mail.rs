use std::{error::Error as _, fmt, io, net::IpAddr, sync::mpsc, thread, time::Duration};

use lettre::{
    Address, Message, SmtpTransport, Transport,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        self, SmtpTransportBuilder,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
    },
};
use rustls::{
    CertificateError,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde::Deserialize;
use url::{Host, Url};

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
    /// The configured authorities cannot be used.
    #[error("mail.authorities: {0}")]
    Authorities(String),
    /// A message that cannot be written.
    #[error("the mail cannot be written: {0}")]
    Malformed(String),
    /// The server cannot be reached, or did not take the message.
    #[error("the mail server did not take the message: {0}")]
    Refused(String),
    /// The certificate of the server cannot be trusted: nothing was sent.
    #[error("the mail server's certificate was refused: {0}")]
    Certificate(String),
    /// The server took the connection, and refused the user or the password.
    #[error("the mail server refused the sign-in: {0}")]
    SignIn(String),
    /// The server cannot be reached, or does not speak SMTP as configured.
    #[error("the mail server cannot be used: {0}")]
    Unusable(String),
    /// The server did not answer in time.
    #[error("the mail server did not answer within {} s", .0.as_secs())]
    Silent(Duration),
}

impl MailServer {
    /// The server at `url`.
    pub fn new(url: &str) -> Self {
        Self(url.to_owned())
    }

    /// Whether a user and a password are sent to it. A user without a password is not sent.
    pub fn signs_in(&self) -> bool {
        self.url().is_some_and(|url| url.password().is_some())
    }

    /// Whether a password is sent to it without TLS, and leaves this machine.
    pub fn exposes_password(&self) -> bool {
        let is_here = |url: &Url| match url.host() {
            // The host of a URL whose scheme is none of the web's is not parsed as an address.
            Some(Host::Domain(name)) => {
                name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            }
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        self.url().is_some_and(|url| self.signs_in() && tls_of(&url) == MailTls::None && !is_here(&url))
    }

    fn url(&self) -> Option<Url> {
        Url::parse(&self.0).ok()
    }
}

/// Its URL without the password.
impl fmt::Display for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.url().and_then(|mut url| url.set_password(None).is_ok().then_some(url));
        match shown {
            Some(url) => write!(f, "{url}"),
            None => f.write_str("mail.server"),
        }
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
    /// Sends through `server`, as `from`. Its certificate must be signed by the authorities in `authorities`, a PEM file, or by
    /// Mozilla's.
    ///
    /// # Errors
    /// [`MailError`] for a server, a sender or authorities that cannot be. The server is not asked yet.
    pub fn new(server: &MailServer, from: &str, authorities: Option<&[u8]>) -> Result<Self, MailError> {
        let refused = |error: &dyn fmt::Display| MailError::Server(error.to_string());
        let transport = SmtpTransport::from_url(&server.0).map_err(|error| refused(&error))?;
        let transport = match authorities {
            Some(pem) => transport_with(transport, &server.0, pem)?,
            None => transport,
        };
        let from = from.parse::<Mailbox>().map_err(|_| MailError::From(from.to_owned()))?;
        Ok(Self { transport: transport.timeout(Some(PATIENCE)).build(), from })
    }

    /// The addresses in a `mailto:` URL; none if one of them cannot be, or there is more than addresses.
    pub(super) fn recipients(url: &Url) -> Option<Vec<Address>> {
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
        self.transport.send(&message).map_err(|error| match certificate_fault(&error) {
            Some(fault) => MailError::Certificate(advice(fault)),
            None => MailError::Refused(error.to_string()),
        })?;
        Ok(())
    }

    /// Connects as for a mail, with TLS and the sign-in that are configured, and sends nothing. It blocks for `patience` at most;
    /// a server that says nothing keeps a thread for a while longer.
    ///
    /// # Errors
    /// [`MailError`] for a server that cannot be reached, is not trusted, refuses the sign-in, or does not answer in time.
    pub fn try_server(&self, patience: Duration) -> Result<(), MailError> {
        let (said, answer) = mpsc::channel();
        let transport = self.transport.clone();
        // lettre's own patience is for each read and write, and none bounds the look-up of the host's name.
        thread::spawn(move || said.send(transport.test_connection()));
        match answer.recv_timeout(patience) {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(MailError::Unusable("it broke off after the sign-in".into())),
            Ok(Err(error)) => Err(fault_of(&error)),
            Err(_) => Err(MailError::Silent(patience)),
        }
    }
}

/// Replies to a sign-in that fails (RFC 4954, section 6).
const SIGN_IN_REPLIES: [u16; 5] = [454, 530, 534, 535, 538];

/// Why a server that was tried cannot be used.
fn fault_of(error: &smtp::Error) -> MailError {
    match (certificate_fault(error), error.status()) {
        (Some(fault), _) => MailError::Certificate(advice(fault)),
        (None, Some(status)) if SIGN_IN_REPLIES.contains(&status.into()) => {
            MailError::SignIn(error.to_string())
        }
        _ => MailError::Unusable(error.to_string()),
    }
}

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MailTls {
    None,
    FirstByte,
    Required,
    Opportunistic,
}

/// What lettre makes of `url`.
fn tls_of(url: &Url) -> MailTls {
    let tls = url.query_pairs().find(|(name, _)| name == "tls");
    match (url.scheme(), tls.as_ref().map(|(_, value)| value.as_ref())) {
        ("smtps", _) => MailTls::FirstByte,
        (_, Some("required")) => MailTls::Required,
        (_, Some("opportunistic")) => MailTls::Opportunistic,
        _ => MailTls::None,
    }
}

/// The same transport, with the authorities in `pem` in place of Mozilla's.
fn transport_with(
    transport: SmtpTransportBuilder,
    server: &str,
    pem: &[u8],
) -> Result<SmtpTransportBuilder, MailError> {
    let refused = |error: &dyn fmt::Display| MailError::Authorities(error.to_string());
    if !CertificateDer::pem_slice_iter(pem).any(|certificate| certificate.is_ok()) {
        return Err(refused(&"no certificate in PEM"));
    }
    let url = Url::parse(server).map_err(|error| MailError::Server(error.to_string()))?;
    let parameters = TlsParameters::builder(url.host_str().unwrap_or_default().to_owned())
        .certificate_store(CertificateStore::None)
        .add_root_certificate(Certificate::from_pem(pem).map_err(|error| refused(&error))?)
        .build()
        .map_err(|error| refused(&error))?;
    match tls_of(&url) {
        MailTls::FirstByte => Ok(transport.tls(Tls::Wrapper(parameters))),
        MailTls::Required => Ok(transport.tls(Tls::Required(parameters))),
        MailTls::Opportunistic => Ok(transport.tls(Tls::Opportunistic(parameters))),
        MailTls::None => {
            Err(refused(&"mail.server is reached without TLS; write smtps://… or ?tls=required"))
        }
    }
}

/// What was wrong with the server's certificate, if that is what failed.
fn certificate_fault(error: &smtp::Error) -> Option<&CertificateError> {
    let cause = error.source()?.downcast_ref::<io::Error>()?;
    match cause.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(fault) => Some(fault),
        _ => None,
    }
}

/// What is wrong, and what to do.
fn advice(fault: &CertificateError) -> String {
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired; renew it on the mail server, and check the clock of this machine".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet; check the clock of this machine".into()
        }
        CertificateError::UnknownIssuer => {
            "no known authority has signed it; name a PEM file with its authority as mail.authorities".into()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name; write the name that it is for in mail.server".into()
        }
        other => other.to_string(),
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
    fn authorities_that_cannot_be_used_are_refused_by_their_key() {
        let refused = |server: &str, pem: &[u8]| {
            let mailer = Mailer::new(&MailServer::new(server), "a@b.example", Some(pem));
            mailer.err().map(|error| error.to_string()).unwrap_or_default()
        };
        let server = "smtps://mail.example";
        assert_eq!(refused(server, b"none"), "mail.authorities: no certificate in PEM");
        let garbage = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(refused(server, garbage).starts_with("mail.authorities: "), "{}", refused(server, garbage));
    }

    #[test]
    fn a_server_or_a_sender_that_cannot_be_is_refused_by_its_key_and_no_password_is_shown() {
        let refused = |server: &str, from: &str| {
            Mailer::new(&MailServer::new(server), from, None)
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default()
        };
        assert!(refused("mail.example", "a@b.example").starts_with("mail.server: "));
        assert!(refused("http://mail.example", "a@b.example").starts_with("mail.server: "));
        assert!(refused("smtp://127.0.0.1", "nobody").starts_with("mail.from: `nobody`"));
        assert_eq!(refused("smtps://user:secret@mail.example", "Tintype <a@b.example>"), "");
        let server = MailServer::new("smtps://user:secret@mail.example:465");
        assert_eq!(format!("{server:?} {server}"), "MailServer(…) smtps://user@mail.example:465");
        assert_eq!(MailServer::new("user:secret@mail.example").to_string(), "mail.server");
    }

    #[test]
    fn a_password_is_exposed_without_tls_and_beyond_this_machine_alone() {
        let exposes = |url: &str| MailServer::new(url).exposes_password();
        assert!(exposes("smtp://user:secret@mail.example") && exposes("smtp://user:secret@192.0.2.1:25"));
        for safe in [
            "smtp://mail.example",
            "smtp://user@mail.example",
            "smtp://user:secret@127.0.0.1",
            "smtp://user:secret@[::1]:25",
            "smtp://user:secret@localhost",
            "smtps://user:secret@mail.example",
            "smtp://user:secret@mail.example?tls=required",
        ] {
            assert!(!exposes(safe), "{safe}");
        }
    }

    #[test]
    fn a_server_that_says_nothing_is_given_up() {
        // The system takes the connection, and nobody speaks.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = MailServer::new(&format!("smtp://{}", silent.local_addr().expect("an address")));
        let mailer = Mailer::new(&server, "a@b.example", None).expect("a mailer");
        let patience = Duration::from_millis(20);
        assert!(matches!(mailer.try_server(patience), Err(MailError::Silent(given)) if given == patience));
    }
}
