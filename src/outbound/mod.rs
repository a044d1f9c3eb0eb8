//! Requests to other servers, by URLs that somebody else wrote.
//!
//! No redirect is followed, no proxy is used, and no credentials are sent. Unless the configuration says so, only public addresses are
//! connected to, whatever a name resolves to at that moment.

mod public_address;

use std::{net::IpAddr, sync::Arc, time::Duration};

use ureq::{
    Agent, Body,
    http::{Request, Response, Uri},
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{DefaultConnector, NextTimeout},
    },
};
use url::Url;

use self::public_address::is_public;

/// To find and reach a host.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Bytes of a URL; longer ones are not read by most servers.
pub const URL_BYTES_MAX: usize = 8192;

/// Whose certificates are believed; by default, those that Mozilla's authorities sign.
#[derive(Debug, Clone, Default)]
pub struct Outbound {
    tls: TlsConfig,
}

/// The addresses that may be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Public ones.
    Public,
    /// Public ones, and one that the configuration names.
    Named(IpAddr),
    /// Any: the configuration names the host.
    Any,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The host has no address that may be connected to.
    #[error("{0} has no public address")]
    NotPublic(String),
    /// No connection was made: nothing was sent.
    #[error("{host} cannot be reached: {reason}")]
    NotConnected {
        /// The host.
        host: String,
        /// What went wrong.
        reason: String,
    },
    /// It broke off: nobody knows what arrived.
    #[error("{host} cannot be reached: {reason}")]
    Unreachable {
        /// The host.
        host: String,
        /// What went wrong.
        reason: String,
    },
}

impl Outbound {
    /// Certificates must be signed by the authorities in `authorities`, a PEM file, or by Mozilla's.
    ///
    /// # Errors
    /// A sentence if the file holds no certificate.
    pub fn new(authorities: Option<&[u8]>) -> Result<Self, &'static str> {
        let mut tls = TlsConfig::builder();
        if let Some(pem) = authorities {
            let certificates = parse_pem(pem).filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            });
            let certificates: Vec<Certificate<'static>> = certificates.collect();
            if certificates.is_empty() {
                return Err("no certificate in PEM");
            }
            tls = tls.root_certs(RootCerts::Specific(Arc::new(certificates)));
        }
        Ok(Self { tls: tls.build() })
    }

    /// Sends `request`, made for `url`, and waits for `longest` until the last byte of the answer. It blocks.
    ///
    /// # Errors
    /// [`OutboundError`].
    pub fn send(
        &self,
        url: &Url,
        request: Request<Vec<u8>>,
        reach: Reach,
        longest: Duration,
    ) -> Result<Response<Body>, OutboundError> {
        let config = Agent::config_builder()
            .user_agent(concat!("tintype/", env!("CARGO_PKG_VERSION")))
            .tls_config(self.tls.clone())
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_resolve(Some(CONNECT_MAX))
            .timeout_connect(Some(CONNECT_MAX))
            .timeout_global(Some(longest))
            .build();
        let resolver = Within { reach, resolver: DefaultResolver::default() };
        // A new agent, so that no connection is kept and each request is resolved and checked.
        let agent = Agent::with_parts(config, DefaultConnector::default(), resolver);
        agent.run(request).map_err(|error| match error {
            ureq::Error::Other(error) if error.is::<NoPublicAddress>() => {
                OutboundError::NotPublic(authority(url))
            }
            error if is_before_sending(&error) => {
                OutboundError::NotConnected { host: authority(url), reason: error.to_string() }
            }
            error => unreachable(url, &error),
        })
    }
}

/// Whether `error` came before the first byte of a request could be sent.
fn is_before_sending(error: &ureq::Error) -> bool {
    use ureq::{Error, Timeout};
    matches!(
        error,
        Error::HostNotFound
            | Error::ConnectionFailed
            | Error::BadUri(_)
            | Error::Timeout(Timeout::Resolve | Timeout::Connect)
    ) || matches!(error, Error::Io(cause) if cause.kind() == std::io::ErrorKind::ConnectionRefused)
}

/// The host and the port, as an error names them.
pub fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// `error`, met on the way to `url` or back.
pub fn unreachable(url: &Url, error: &dyn std::error::Error) -> OutboundError {
    OutboundError::Unreachable { host: authority(url), reason: error.to_string() }
}

/// `url` as a request has it: without the part that stays with the sender.
pub fn target(url: &Url) -> String {
    let mut target = url.clone();
    target.set_fragment(None);
    target.into()
}

/// Resolves names as the system does, and leaves out every address that may not be connected to.
#[derive(Debug)]
struct Within {
    reach: Reach,
    resolver: DefaultResolver,
}

/// A name that leads to no public address.
#[derive(Debug, thiserror::Error)]
#[error("no public address")]
struct NoPublicAddress;

impl Reach {
    fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Public => is_public(address),
            Self::Named(named) => named == address || is_public(address),
            Self::Any => true,
        }
    }
}

impl Resolver for Within {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.resolver.resolve(uri, config, timeout)?;
        let mut allowed = self.resolver.empty();
        for address in found.iter().filter(|address| self.reach.allows(address.ip())) {
            allowed.push(*address);
        }
        if allowed.is_empty() { Err(ureq::Error::Other(Box::new(NoPublicAddress))) } else { Ok(allowed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_not_public_is_reached_only_if_it_is_named() {
        let [own, other, public]: [IpAddr; 3] =
            ["10.0.0.5", "10.0.0.6", "93.184.216.34"].map(|address| address.parse().expect("an address"));
        for (reach, allowed) in [
            (Reach::Public, [false, false, true]),
            (Reach::Named(own), [true, false, true]),
            (Reach::Any, [true, true, true]),
        ] {
            assert_eq!([own, other, public].map(|address| reach.allows(address)), allowed, "{reach:?}");
        }
    }

    #[test]
    fn authorities_are_certificates() {
        assert_eq!(Outbound::new(Some(b"no PEM")).expect_err("refused"), "no certificate in PEM");
    }
}
