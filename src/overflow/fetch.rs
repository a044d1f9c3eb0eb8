//! An image that a seller's answer has as a URL: fetched from the seller's own host, or from one that the configuration lists.

use std::{io::Read, time::Duration};

use ureq::http::{Request, header};
use url::Url;

use super::Seller;
use crate::outbound::{Outbound, Reach, URL_BYTES_MAX, authority, target};

/// Bytes of a file: a PNG of 4 megapixels, with room.
const FILE_BYTES_MAX: u64 = 36 << 20;
/// From asking for a file to its last byte, at most: an answer may have ten of them.
const FILE_TIME_MAX: Duration = Duration::from_secs(60);

/// The file at `url`, which `seller` has answered with. The seller's key is not sent, and no redirect is followed.
///
/// # Errors
/// Why there is no file, in words.
pub(super) fn file(outbound: &Outbound, seller: &Seller, url: &str) -> Result<Vec<u8>, String> {
    if url.len() > URL_BYTES_MAX {
        return Err(format!("its URL has more than {URL_BYTES_MAX} bytes"));
    }
    let url = Url::parse(url).map_err(|error| format!("its URL cannot be read: {error}"))?;
    let reach = reach(seller, &url)?;
    let failed = |error: &dyn std::fmt::Display| format!("its image could not be fetched: {error}");
    let request = Request::get(target(&url))
        .header(header::ACCEPT, "image/png, image/jpeg, image/webp")
        .header(header::ACCEPT_ENCODING, "identity")
        .body(Vec::new())
        .map_err(|error| failed(&error))?;
    let timeout = Duration::from_millis(seller.timeout.get()).min(FILE_TIME_MAX);
    let answer = outbound.send(&url, request, reach, timeout).map_err(|error| failed(&error))?;
    let status = answer.status();
    if status != 200 {
        return Err(format!(
            "its image could not be fetched: {} answered with status {status}",
            authority(&url)
        ));
    }
    let too_large = || format!("its image has more than {FILE_BYTES_MAX} bytes");
    if answer.body().content_length().is_some_and(|bytes| bytes > FILE_BYTES_MAX) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let mut reader = answer.into_body().into_reader().take(FILE_BYTES_MAX + 1);
    reader.read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX { Err(too_large()) } else { Ok(bytes) }
}

/// The addresses that the host of `url` may have.
///
/// # Errors
/// Why it is not asked, in words.
fn reach(seller: &Seller, url: &Url) -> Result<Reach, String> {
    let is_web = url.scheme() == "https" || (url.scheme() == "http" && seller.base_url.scheme() == "http");
    if !is_web || !url.username().is_empty() || url.password().is_some() {
        return Err("its URL is not fetched: it must begin with https://, without a user name".into());
    }
    let place = |url: &Url| (url.host().map(|host| host.to_owned()), url.port_or_known_default());
    if place(url) == place(&seller.base_url) {
        return Ok(seller.reach);
    }
    match seller.image_hosts.iter().find(|host| host.is_of(url)) {
        Some(host) => Ok(host.address().map_or(Reach::Public, Reach::Named)),
        None => Err(format!("its image is at {}, which is not in image_hosts", authority(url))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overflow::seller::tests::seller;

    #[test]
    fn only_the_sellers_host_and_listed_ones_are_asked() {
        let mut acme = seller("acme", "https://api.acme.test/v1/");
        acme.reach = Reach::Public;
        acme.image_hosts =
            vec!["cdn.acme.test".parse().expect("a host"), "10.0.0.5".parse().expect("a host")];
        let reach = |url: &str| reach(&acme, &Url::parse(url).expect("a URL"));
        assert_eq!(reach("https://api.acme.test/files/a.png?x=1"), Ok(Reach::Public));
        assert_eq!(reach("https://cdn.acme.test/a.png"), Ok(Reach::Public));
        assert_eq!(reach("https://10.0.0.5/a.png"), Ok(Reach::Named([10, 0, 0, 5].into())));
        for (url, said) in [
            ("http://api.acme.test/a.png", "https://"),
            ("https://user@api.acme.test/a.png", "user name"),
            ("https://api.acme.test:8443/a.png", "not in image_hosts"),
            ("https://evil.test/a.png", "evil.test, which is not in image_hosts"),
            ("https://169.254.169.254/latest", "not in image_hosts"),
            ("file:///etc/passwd", "https://"),
        ] {
            assert!(reach(url).is_err_and(|error| error.contains(said)), "{url}");
        }
    }

    #[test]
    fn a_listed_name_that_leads_to_this_machine_is_not_reached() {
        let mut acme = seller("acme", "https://api.acme.test/v1/");
        acme.image_hosts = vec!["localhost:9".parse().expect("a host")];
        let refused = file(&Outbound::default(), &acme, "https://localhost:9/a.png").expect_err("refused");
        assert!(refused.contains("no public address"), "{refused}");
    }
}
