use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{
    image_store::{ImageName, LinkKind},
    service::{Service, ServiceError},
    units::Millis,
};

/// Makes and checks links to images: `/pictures/<name>?expires=<Unix seconds>&signature=<HMAC-SHA256>`. Whoever has the
/// link sees the image until it expires; nobody else can make one.
pub struct Links {
    secret: [u8; 32],
    kind: LinkKind,
    lifetime: Millis,
    /// Of links that stand in files: as long as images are kept.
    longest: Millis,
}

/// What a link stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum LinkIn {
    /// An answer, whose client follows it soon.
    Answer,
    /// A file that somebody may read days later.
    File,
}

/// A link that opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum BadLink {
    /// Not made here, or changed since.
    Forged,
    /// Its time is over.
    Expired,
}

impl Links {
    /// Links of a `kind`, signed with `secret` if they lead here, that hold for `lifetime`, and those in files of batches for
    /// `longest`.
    pub const fn new(secret: [u8; 32], kind: LinkKind, lifetime: Millis, longest: Millis) -> Self {
        Self { secret, kind, lifetime, longest }
    }

    /// Links to `names`, in their order: to `base`, or to the bucket.
    pub(in crate::http) async fn to(
        &self,
        service: &Service,
        names: Vec<ImageName>,
        base: &str,
        stands_in: LinkIn,
    ) -> Result<Vec<(ImageName, String)>, ServiceError> {
        let (now, lifetime) = (service.now().as_second(), self.lifetime_in(stands_in));
        let presigned = match self.kind {
            LinkKind::Proxied => vec![None; names.len()],
            LinkKind::Presigned => service.presigned(names.clone(), lifetime).await?,
        };
        let link = |(name, presigned): (ImageName, Option<String>)| {
            (name, presigned.unwrap_or_else(|| self.link_for(base, name, now, lifetime)))
        };
        Ok(names.into_iter().zip(presigned).map(link).collect())
    }

    const fn lifetime_in(&self, stands_in: LinkIn) -> Millis {
        match stands_in {
            LinkIn::Answer => self.lifetime,
            LinkIn::File => self.longest,
        }
    }

    fn link_for(&self, base: &str, name: ImageName, now: i64, lifetime: Millis) -> String {
        let lifetime = i64::try_from(lifetime.as_secs_ceil()).unwrap_or(i64::MAX);
        let expires = now.saturating_add(lifetime);
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.mac(name, expires).finalize().into_bytes());
        format!("{base}/pictures/{name}?expires={expires}&signature={signature}")
    }

    /// Whether a link was made here and still holds.
    pub(in crate::http) fn check(
        &self,
        name: ImageName,
        expires: i64,
        signature: &str,
        now: i64,
    ) -> Result<(), BadLink> {
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| BadLink::Forged)?;
        // In constant time.
        self.mac(name, expires).verify_slice(&signature).map_err(|_| BadLink::Forged)?;
        if now < expires { Ok(()) } else { Err(BadLink::Expired) }
    }

    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    fn mac(&self, name: ImageName, expires: i64) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("a key of any length");
        mac.update(format!("{name} {expires}").as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::{ImageFormat, RequestId};

    fn name(index: u32) -> ImageName {
        ImageName {
            request: RequestId::new(Timestamp::UNIX_EPOCH, [3; 10]),
            index,
            format: ImageFormat::Png,
            claim: None,
        }
    }

    #[test]
    fn a_link_opens_its_own_image_until_it_expires() {
        let links = Links::new([7; 32], LinkKind::Proxied, Millis::new(60_000), Millis::new(600_000));
        let link = |index, of| links.link_for("http://h", name(index), 1000, links.lifetime_in(of));
        let url = link(0, LinkIn::Answer);
        let (path, query) = url.split_once('?').expect("a query");
        assert_eq!(path, format!("http://h/pictures/{}", name(0)));
        let (expires, signature) = query.split_once("&signature=").expect("a signature");
        assert_eq!(expires, "expires=1060");
        assert_eq!(links.check(name(0), 1060, signature, 1059), Ok(()));
        assert!(link(0, LinkIn::File).contains("expires=1600&"));
        assert_eq!(links.check(name(0), 1060, signature, 1060), Err(BadLink::Expired));
        assert_eq!(links.check(name(0), 1061, signature, 1000), Err(BadLink::Forged));
        assert_eq!(links.check(name(1), 1060, signature, 1000), Err(BadLink::Forged));
        assert_eq!(links.check(name(0), 1060, "", 1000), Err(BadLink::Forged));
        assert_eq!(links.check(name(0), 1060, "é", 1000), Err(BadLink::Forged));
    }
}
