use std::net::IpAddr;

use actix_web::{HttpRequest, http::header};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use ipnet::IpNet;
use sha2::Sha256;

use crate::{pictures::PictureName, units::Millis};

/// Makes and checks links to pictures: `/pictures/<name>?expires=<Unix seconds>&signature=<HMAC-SHA256>`. Whoever has the
/// link sees the picture, until it expires; nobody can make one.
pub struct Links {
    secret: [u8; 32],
    lifetime: Millis,
    public_url: Option<String>,
    trusted_proxies: Vec<IpNet>,
}

/// A link that opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadLink {
    /// Not made here, or changed since.
    Forged,
    /// Its time is over.
    Expired,
}

impl Links {
    /// Links signed with `secret` that hold for `lifetime`. They begin with `public_url`, or with what the client asked
    /// for: the Host header, or X-Forwarded-Proto and -Host from a peer among `trusted_proxies`.
    pub fn new(
        secret: [u8; 32],
        lifetime: Millis,
        public_url: Option<String>,
        trusted_proxies: Vec<IpNet>,
    ) -> Self {
        let public_url = public_url.map(|url| url.trim_end_matches('/').to_owned());
        Self { secret, lifetime, public_url, trusted_proxies }
    }

    /// Whether clients come by TLS, as far as that is configured.
    pub(super) fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.starts_with("https://"))
    }

    /// The client's address: the peer's, or what the proxy that is trusted wrote last.
    pub(super) fn client_address(&self, request: &HttpRequest) -> Option<IpAddr> {
        let peer = request.peer_addr()?.ip().to_canonical();
        let is_proxy = |address: &IpAddr| self.trusted_proxies.iter().any(|net| net.contains(address));
        if !is_proxy(&peer) {
            return Some(peer);
        }
        let hops = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
        let hops: Vec<_> = hops.flat_map(|value| value.split(',')).map(str::trim).collect();
        // From the end: what stands before the first address that no proxy of ours has, anyone may have written.
        let hops = hops.iter().rev().map_while(|hop| Some(hop.parse::<IpAddr>().ok()?.to_canonical()));
        hops.into_iter().find(|hop| !is_proxy(hop)).or(Some(peer))
    }

    /// A link to `name` that holds from `now` (Unix seconds) on.
    pub(super) fn link(&self, base: &str, name: PictureName, now: i64) -> String {
        let lifetime = i64::try_from(self.lifetime.as_secs_ceil()).unwrap_or(i64::MAX);
        let expires = now.saturating_add(lifetime);
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.mac(name, expires).finalize().into_bytes());
        format!("{base}/pictures/{name}?expires={expires}&signature={signature}")
    }

    /// Whether a link was made here and still holds.
    pub(super) fn check(
        &self,
        name: PictureName,
        expires: i64,
        signature: &str,
        now: i64,
    ) -> Result<(), BadLink> {
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| BadLink::Forged)?;
        // In constant time.
        self.mac(name, expires).verify_slice(&signature).map_err(|_| BadLink::Forged)?;
        if now < expires { Ok(()) } else { Err(BadLink::Expired) }
    }

    /// Where the client found this server, without a slash at the end.
    pub(super) fn base(&self, request: &HttpRequest) -> String {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
        let is_proxy = peer.is_some_and(|peer| self.trusted_proxies.iter().any(|net| net.contains(&peer)));
        let forwarded = |name: &str| {
            // The proxy that is trusted wrote the last one; what is before it, anyone may have.
            let value = header(name).filter(|_| is_proxy)?;
            value.rsplit(',').next().map(str::trim)
        };
        let scheme = match forwarded("x-forwarded-proto") {
            Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
            _ => "http",
        };
        let host = forwarded("x-forwarded-host").or_else(|| header(header::HOST.as_str()));
        let own = || request.app_config().local_addr().to_string();
        let host = host.filter(|host| is_authority(host)).map_or_else(own, str::to_owned);
        format!("{scheme}://{host}")
    }

    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    fn mac(&self, name: PictureName, expires: i64) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("a key of any length");
        mac.update(format!("{name} {expires}").as_bytes());
        mac
    }
}

/// A host, and a port perhaps: what may be put into a link.
fn is_authority(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte);
    !text.is_empty() && text.len() <= 255 && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use jiff::Timestamp;

    use super::*;
    use crate::domain::{ImageFormat, RequestId};

    fn name(index: u32) -> PictureName {
        PictureName {
            request: RequestId::new(Timestamp::UNIX_EPOCH, [3; 10]),
            index,
            format: ImageFormat::Png,
        }
    }

    fn links(public_url: Option<&str>, proxies: &[&str]) -> Links {
        let proxies = proxies.iter().map(|net| net.parse().expect("a network")).collect();
        Links::new([7; 32], Millis::new(60_000), public_url.map(str::to_owned), proxies)
    }

    #[test]
    fn a_link_opens_its_own_picture_until_it_expires() {
        let links = links(None, &[]);
        let url = links.link("http://h", name(0), 1000);
        let (path, query) = url.split_once('?').expect("a query");
        assert_eq!(path, format!("http://h/pictures/{}", name(0)));
        let (expires, signature) = query.split_once("&signature=").expect("a signature");
        assert_eq!(expires, "expires=1060");
        assert_eq!(links.check(name(0), 1060, signature, 1059), Ok(()));
        assert_eq!(links.check(name(0), 1060, signature, 1060), Err(BadLink::Expired));
        assert_eq!(links.check(name(0), 1061, signature, 1000), Err(BadLink::Forged));
        assert_eq!(links.check(name(1), 1060, signature, 1000), Err(BadLink::Forged));
        assert_eq!(links.check(name(0), 1060, "", 1000), Err(BadLink::Forged));
        assert_eq!(links.check(name(0), 1060, "é", 1000), Err(BadLink::Forged));
    }

    #[test]
    fn a_link_begins_where_the_client_found_the_server() {
        let peer = "10.0.0.2:50000".parse().expect("an address");
        let request = || TestRequest::default().peer_addr(peer).insert_header(("host", "paint.local:8080"));
        let forwarded = || {
            let request = request().insert_header(("x-forwarded-proto", "https"));
            request.insert_header(("x-forwarded-host", "claimed, paint.example"))
        };
        let base = |links: Links, request: TestRequest| links.base(&request.to_http_request());
        assert_eq!(base(links(None, &[]), request()), "http://paint.local:8080");
        assert_eq!(base(links(None, &[]), forwarded()), "http://paint.local:8080", "not from just anyone");
        assert_eq!(base(links(None, &["10.0.0.0/8"]), forwarded()), "https://paint.example");
        assert_eq!(base(links(Some("https://p.example/"), &[]), forwarded()), "https://p.example");
        let evil = TestRequest::default().insert_header(("host", "evil/<script>"));
        assert_eq!(base(links(None, &[]), evil), "http://127.0.0.1:8080");
    }

    #[test]
    fn a_client_has_the_address_that_a_trusted_proxy_saw() {
        let address = |peer: &str, forwarded: &str| {
            let peer = format!("{peer}:1234").parse().expect("an address");
            let request =
                TestRequest::default().peer_addr(peer).insert_header(("x-forwarded-for", forwarded));
            let proxies = ["127.0.0.1/32", "10.0.0.0/8"];
            links(None, &proxies).client_address(&request.to_http_request()).map(|found| found.to_string())
        };
        let is = |found: &str| Some(found.to_owned());
        assert_eq!(address("192.0.2.1", "198.51.100.7"), is("192.0.2.1"), "no proxy of ours");
        assert_eq!(
            address("127.0.0.1", "203.0.113.9, 198.51.100.7"),
            is("198.51.100.7"),
            "the first is anyone's word"
        );
        assert_eq!(address("127.0.0.1", "198.51.100.7, 10.1.2.3"), is("198.51.100.7"), "two proxies of ours");
        assert_eq!(address("127.0.0.1", "198.51.100.7, nonsense"), is("127.0.0.1"));
        assert_eq!(address("127.0.0.1", ""), is("127.0.0.1"));
    }
}
