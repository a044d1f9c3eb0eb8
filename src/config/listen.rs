use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, de};

/// The port of an address that names none.
const DEFAULT_PORT: u16 = 8080;

/// Where to listen: an address or a name, and a port. Port 0 takes a free one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress {
    host: String,
    port: u16,
}

/// A text that is not an address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an address; write 127.0.0.1:8080, localhost:8080, [::1]:8080, or 0.0.0.0:8080 to be reached from other \
     machines"
)]
pub struct ListenAddressError(String);

impl ListenAddress {
    /// Binds it. A name is resolved, and the first of its addresses that can be had is taken.
    ///
    /// # Errors
    /// The system's reason.
    pub fn bind(&self) -> std::io::Result<TcpListener> {
        TcpListener::bind((self.host.as_str(), self.port))
    }

    /// Whether only this machine reaches it.
    pub fn is_local(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// The same as an address to type: a server that listens everywhere is reached on this machine.
    pub fn reachable(&self) -> String {
        let host = match self.host.parse::<IpAddr>() {
            Ok(ip) if ip.is_unspecified() => "127.0.0.1",
            _ => &self.host,
        };
        Self { host: host.to_owned(), port: self.port }.to_string()
    }
}

impl Default for ListenAddress {
    fn default() -> Self {
        SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)).into()
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }
}

/// `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`
impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.parse::<Ipv6Addr>() {
            Ok(_) => write!(f, "[{}]:{}", self.host, self.port),
            Err(_) => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// As people write it: an address or a name, with a port or without; `:8080` for every network, as Go and Docker have
/// it; `8080` for this machine alone.
impl FromStr for ListenAddress {
    type Err = ListenAddressError;

    fn from_str(text: &str) -> Result<Self, ListenAddressError> {
        let error = || ListenAddressError(text.to_owned());
        let written = text.trim();
        if let Ok(address) = written.parse::<SocketAddr>() {
            return Ok(address.into());
        }
        let bare = written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(written);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Ok(SocketAddr::new(ip, DEFAULT_PORT).into());
        }
        if let Ok(port) = written.parse::<u16>() {
            return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into());
        }
        let (host, port) = match written.split_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| error())?),
            None => (written, DEFAULT_PORT),
        };
        match host {
            "" | "*" if written.contains(':') => Ok(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into()),
            name if is_host_name(name) => Ok(Self { host: name.to_owned(), port }),
            _ => Err(error()),
        }
    }
}

/// Whether it may be a name: letters, digits, hyphens and points, and not a number or an address with a slip in it.
fn is_host_name(text: &str) -> bool {
    let may_hold = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let last = text.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    text.chars().all(may_hold) && last.chars().any(|c| c.is_ascii_alphabetic())
}

/// A text, or the number of a port.
impl<'de> Deserialize<'de> for ListenAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = ListenAddress;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address such as 127.0.0.1:8080")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ListenAddress, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, port: u64) -> Result<ListenAddress, E> {
                port.to_string().parse().map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, port: i64) -> Result<ListenAddress, E> {
                port.to_string().parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_as_people_write_it() {
        for (text, meant) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("127.0.0.1", "127.0.0.1:8080"),
            ("0.0.0.0:0", "0.0.0.0:0"),
            ("localhost:9000", "localhost:9000"),
            ("localhost", "localhost:8080"),
            ("gpu-1.studio.example:80", "gpu-1.studio.example:80"),
            (":9000", "0.0.0.0:9000"),
            ("*:9000", "0.0.0.0:9000"),
            ("9000", "127.0.0.1:9000"),
            (" 9000\n", "127.0.0.1:9000"),
            ("[::1]:9000", "[::1]:9000"),
            ("[::]", "[::]:8080"),
            ("::1", "[::1]:8080"),
        ] {
            assert_eq!(
                text.parse::<ListenAddress>().map(|read| read.to_string()),
                Ok(meant.into()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_ways_to_write_one() {
        for text in [
            "",
            ":",
            "*",
            "localhost:",
            "localhost:http",
            "127.0.0.1:65536",
            "1.2.3",
            "127.0.0.256:80",
            "a b:80",
            "http://localhost:8080",
            "::1:99999",
            "99999",
            "-1",
            "[::1",
        ] {
            let error = text.parse::<ListenAddress>().expect_err(text).to_string();
            assert!(error.contains("`") && error.contains("127.0.0.1:8080"), "{error}");
        }
    }

    #[test]
    fn everywhere_is_typed_as_this_machine() {
        let typed = |text: &str| text.parse::<ListenAddress>().expect("an address").reachable();
        assert_eq!(typed(":9000"), "127.0.0.1:9000");
        assert_eq!(typed("[::]:9000"), "127.0.0.1:9000");
        assert_eq!(typed("[::1]:9000"), "[::1]:9000");
        assert_eq!(typed("studio:9000"), "studio:9000");
    }
}
