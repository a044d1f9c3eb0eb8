use std::net::{IpAddr, SocketAddr};

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderValue},
};
use ipnet::IpNet;

use super::connections;

/// How clients reach this server: at a configured URL, through proxies that say so in X-Forwarded headers, or directly.
///
/// A forwarded header is believed only from a trusted proxy. It may come in several lines, which mean the same as one line
/// with commas (RFC 9110, 5.3), and each proxy adds its entry at the end: what stands before the entry of the outermost
/// trusted proxy, anyone may have written.
pub struct PublicAddress {
    /// Without a slash at the end.
    public_url: Option<String>,
    trusted_proxies: Vec<IpNet>,
    hsts: Option<HeaderValue>,
}

impl PublicAddress {
    /// The server that is found at `public_url`, or else where each request says. `hsts_seconds`, if above 0, is how long
    /// browsers that came over TLS may come by nothing else (RFC 6797).
    pub fn new(public_url: Option<String>, trusted_proxies: Vec<IpNet>, hsts_seconds: u32) -> Self {
        let public_url = public_url.map(|url| url.trim_end_matches('/').to_owned());
        let hsts = (hsts_seconds > 0)
            .then(|| HeaderValue::try_from(format!("max-age={hsts_seconds}")).ok())
            .flatten();
        Self { public_url, trusted_proxies, hsts }
    }

    /// Returns the URL at which the client found this server, without a slash at the end.
    pub(super) fn base(&self, request: &HttpRequest) -> String {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        let scheme = if self.is_https(request) { "https" } else { "http" };
        let asked = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
        let host = self.forwarded(request, "x-forwarded-host").or(asked);
        let own = || connections::local_address(request).to_string();
        let host = host.filter(|host| is_authority(host)).map_or_else(own, str::to_owned);
        format!("{scheme}://{host}")
    }

    /// Whether the client came over TLS: by the configured URL, or else by what a trusted proxy says.
    pub(super) fn is_https(&self, request: &HttpRequest) -> bool {
        match &self.public_url {
            Some(url) => url.starts_with("https://"),
            None => self
                .forwarded(request, "x-forwarded-proto")
                .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")),
        }
    }

    /// Returns the value of `Strict-Transport-Security` for the answer to `request`, if one is configured and the client
    /// came over TLS.
    pub(super) fn hsts(&self, request: &HttpRequest) -> Option<&HeaderValue> {
        self.hsts.as_ref().filter(|_| self.is_https(request))
    }

    /// Returns the client's address: the peer's, or the one that the outermost trusted proxy saw.
    pub(super) fn client_address(&self, request: &HttpRequest) -> Option<IpAddr> {
        let peer = peer(request)?;
        let seen = || self.hops(request).find(|hop| !self.is_trusted(hop));
        if self.is_trusted(&peer) { seen().or(Some(peer)) } else { Some(peer) }
    }

    /// Returns the entry of the list `name` that the outermost trusted proxy added. A proxy that replaces the list instead
    /// of adding to it leaves fewer entries: then the first one is meant.
    fn forwarded<'a>(&self, request: &'a HttpRequest, name: &str) -> Option<&'a str> {
        if !self.is_trusted(&peer(request)?) {
            return None;
        }
        // The peer is a trusted proxy, and so is each hop before it up to the first one that is not.
        let behind_peer = self.hops(request).take_while(|hop| self.is_trusted(hop)).count();
        let entries: Vec<_> = entries(request, name).collect();
        let index = entries.len().checked_sub(1)?.saturating_sub(behind_peer);
        entries.get(index).copied()
    }

    /// Returns the addresses in X-Forwarded-For from the end, up to the first entry that is not an address.
    fn hops<'a>(&self, request: &'a HttpRequest) -> impl Iterator<Item = IpAddr> + use<'a> {
        let entries: Vec<_> = entries(request, "x-forwarded-for").collect();
        entries.into_iter().rev().map_while(address)
    }

    /// Whether `address` is that of a trusted proxy.
    pub(super) fn is_trusted(&self, address: &IpAddr) -> bool {
        self.trusted_proxies.iter().any(|net| net.contains(address))
    }
}

fn peer(request: &HttpRequest) -> Option<IpAddr> {
    Some(request.peer_addr()?.ip().to_canonical())
}

/// The entries of the list `name`, of all its lines in order.
fn entries<'a>(request: &'a HttpRequest, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let lines = request.headers().get_all(name).filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|entry| !entry.is_empty())
}

/// An address as proxies write it: alone, in brackets, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let alone = bare.parse::<IpAddr>();
    let address = alone.or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    Some(address.ok()?.to_canonical())
}

/// A host, and a port perhaps: what may be put into a link.
fn is_authority(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte);
    !text.is_empty() && text.len() <= 255 && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const HOST: &str = "x-forwarded-host";
    const PROTO: &str = "x-forwarded-proto";
    const FOR: &str = "x-forwarded-for";

    fn at(public_url: Option<&str>, proxies: &[&str]) -> PublicAddress {
        let proxies = proxies.iter().map(|net| net.parse().expect("a network")).collect();
        PublicAddress::new(public_url.map(str::to_owned), proxies, 0)
    }

    /// A request from `peer` with each header as a line of its own.
    fn from(peer: &str, headers: &[(&str, &str)]) -> HttpRequest {
        let peer = format!("{peer}:50000").parse().expect("an address");
        let request = TestRequest::default().peer_addr(peer).insert_header(("host", "paint.local:8080"));
        let request = headers.iter().fold(request, |request, header| request.append_header(*header));
        request.to_http_request()
    }

    #[test]
    fn a_link_begins_where_the_client_found_the_server() {
        let forwarded = from("10.0.0.2", &[(PROTO, "https"), (HOST, "claimed, paint.example")]);
        let direct = from("10.0.0.2", &[]);
        assert_eq!(at(None, &[]).base(&direct), "http://paint.local:8080");
        assert_eq!(at(None, &[]).base(&forwarded), "http://paint.local:8080", "not from just anyone");
        assert_eq!(at(None, &["10.0.0.0/8"]).base(&forwarded), "https://paint.example");
        assert_eq!(at(Some("https://p.example/"), &[]).base(&forwarded), "https://p.example");
        let evil = TestRequest::default().insert_header(("host", "evil/<script>")).to_http_request();
        assert_eq!(at(None, &[]).base(&evil), "http://127.0.0.1:8080");
    }

    #[test]
    fn lines_of_a_header_are_entries_of_one_list() {
        let trusting = at(None, &["127.0.0.1/32"]);
        let forged = [(HOST, "forged.example"), (PROTO, "http")];
        let lines = [&forged[..], &[(HOST, "paint.example"), (PROTO, "https")]].concat();
        let list = [(HOST, "forged.example, paint.example"), (PROTO, "http,https")];
        for headers in [&lines[..], &list] {
            assert_eq!(trusting.base(&from("127.0.0.1", headers)), "https://paint.example");
        }
        let lines = [(FOR, "198.51.100.66"), (FOR, "203.0.113.7")];
        let client = trusting.client_address(&from("127.0.0.1", &lines));
        assert_eq!(client, Some("203.0.113.7".parse().expect("an address")));
    }

    #[test]
    fn each_trusted_proxy_in_a_row_has_added_an_entry() {
        let trusting = at(None, &["127.0.0.1/32", "10.0.0.0/8"]);
        let base = |headers: &[(&str, &str)]| trusting.base(&from("127.0.0.1", headers));
        let hops = (FOR, "203.0.113.7, 10.0.0.5");
        let appended = [hops, (PROTO, "https, http"), (HOST, "paint.example, 10.0.0.5:8080")];
        assert_eq!(base(&appended), "https://paint.example");
        let forged = [hops, (PROTO, "http, https, http"), (HOST, "forged, paint.example, 10.0.0.5:8080")];
        assert_eq!(base(&forged), "https://paint.example", "no proxy of ours wrote the first");
        let replaced = [hops, (PROTO, "https"), (HOST, "paint.example")];
        assert_eq!(
            base(&replaced),
            "https://paint.example",
            "the inner proxy passed on what the outer one said"
        );
        let one = [(FOR, "203.0.113.7"), (PROTO, "https, http"), (HOST, "paint.example, inner.local")];
        assert_eq!(base(&one), "http://inner.local", "only one proxy is ours");
    }

    #[test]
    fn tls_is_what_the_url_or_a_trusted_proxy_says() {
        let secured = from("10.0.0.2", &[(PROTO, "HTTPS")]);
        assert!(at(None, &["10.0.0.0/8"]).is_https(&secured));
        assert!(!at(None, &[]).is_https(&secured), "not from just anyone");
        assert!(!at(Some("http://p.example"), &["10.0.0.0/8"]).is_https(&secured), "the URL was configured");
        assert!(at(Some("https://p.example"), &[]).is_https(&from("192.0.2.1", &[])));
    }

    #[test]
    fn browsers_are_held_to_tls_only_where_they_came_by_it() {
        let lasting = PublicAddress::new(None, vec!["10.0.0.0/8".parse().expect("a network")], 600);
        let secured = from("10.0.0.2", &[(PROTO, "https")]);
        assert_eq!(lasting.hsts(&secured).map(HeaderValue::as_bytes), Some(&b"max-age=600"[..]));
        assert_eq!(lasting.hsts(&from("10.0.0.2", &[])), None);
        assert_eq!(at(Some("https://p.example"), &[]).hsts(&secured), None, "not configured");
    }

    #[test]
    fn a_client_has_the_address_that_a_trusted_proxy_saw() {
        let trusting = at(None, &["127.0.0.1/32", "10.0.0.0/8"]);
        let client = |peer: &str, forwarded: &str| {
            let found = trusting.client_address(&from(peer, &[(FOR, forwarded)]));
            found.map(|address| address.to_string()).unwrap_or_default()
        };
        assert_eq!(client("192.0.2.1", "198.51.100.7"), "192.0.2.1", "no proxy of ours");
        assert_eq!(
            client("127.0.0.1", "203.0.113.9, 198.51.100.7"),
            "198.51.100.7",
            "the first is anyone's word"
        );
        assert_eq!(client("127.0.0.1", "198.51.100.7, 10.1.2.3"), "198.51.100.7", "two proxies of ours");
        assert_eq!(client("127.0.0.1", "198.51.100.7, nonsense"), "127.0.0.1");
        assert_eq!(client("127.0.0.1", ""), "127.0.0.1");
        for (written, address) in [
            ("198.51.100.7:443", "198.51.100.7"),
            ("[2001:db8::7]:443", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            ("198.51.100.7:443, 10.1.2.3:50000", "198.51.100.7"),
        ] {
            assert_eq!(client("127.0.0.1", written), address, "{written}");
        }
    }
}
