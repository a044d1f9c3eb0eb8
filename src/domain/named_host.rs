use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Deserializer, de};
use url::{Host, Url};

/// A host that the configuration lets the server reach: its name or address, and its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedHost {
    host: Host,
    port: u16,
}

/// A text that is not a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a host; write a name or an address, with a port if it is not 443, such as images.example.com:8443"
)]
pub struct NamedHostError(String);

impl NamedHost {
    /// Whether `url` leads to this host and port.
    pub fn is_of(&self, url: &Url) -> bool {
        url.host().is_some_and(|host| host.to_owned() == self.host)
            && url.port_or_known_default() == Some(self.port)
    }

    /// The address, if the host is written as one.
    pub fn address(&self) -> Option<IpAddr> {
        match self.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }
}

impl FromStr for NamedHost {
    type Err = NamedHostError;

    fn from_str(text: &str) -> Result<Self, NamedHostError> {
        let refused = || NamedHostError(text.to_owned());
        let url = Url::parse(&format!("https://{text}")).map_err(|_| refused())?;
        let has_more = text.contains(['/', '?', '#', '@', '\\', '*']) || text.trim() != text;
        match (url.host(), url.port_or_known_default()) {
            (Some(host), Some(port)) if !has_more => Ok(Self { host: host.to_owned(), port }),
            _ => Err(refused()),
        }
    }
}

impl fmt::Display for NamedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            443 => self.host.fmt(f),
            port => write!(f, "{}:{port}", self.host),
        }
    }
}

impl<'de> Deserialize<'de> for NamedHost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> NamedHost {
        text.parse().expect(text)
    }

    #[test]
    fn a_host_is_met_by_name_and_port_alone() {
        let url = |text: &str| Url::parse(text).expect(text);
        let named = host("Images.Example.com");
        assert!(named.is_of(&url("https://images.example.COM/a.png?b#c")));
        assert!(named.is_of(&url("https://images.example.com:443/")));
        for other in [
            "https://images.example.com:8443/",
            "https://images.example.com./",
            "https://a.images.example.com/",
            "https://images.example.com.evil.test/",
            "https://evil.test/images.example.com",
            "https://images.example.com@evil.test/",
        ] {
            assert!(!named.is_of(&url(other)), "{other}");
        }
        assert!(host("cdn.test:8443").is_of(&url("https://cdn.test:8443/a")));
        // Every way to write an address is that address.
        for same in ["https://10.0.0.5/", "https://0x0a.0.0.5/", "https://167772165/", "https://10.5/"] {
            assert!(host("10.0.0.5").is_of(&url(same)), "{same}");
        }
        assert!(host("[fd00::5]:8443").is_of(&url("https://[fd00:0::0:5]:8443/")));
    }

    #[test]
    fn a_host_is_written_as_it_was_read() {
        for text in ["images.example.com", "cdn.test:8443", "10.0.0.5", "[fd00::5]:8443"] {
            assert_eq!(host(text).to_string(), text);
        }
        assert_eq!((host("10.0.0.5").address().is_some(), host("cdn.test").address()), (true, None));
    }

    #[test]
    fn what_is_not_a_host_is_refused() {
        for text in ["", " ", "https://a.test", "a.test/b", "a:b@c.test", "a.test:99999", "a b", "*", "[::1"]
        {
            assert!(text.parse::<NamedHost>().is_err(), "{text}");
        }
    }
}
