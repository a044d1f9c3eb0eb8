use std::fmt;

use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, KeyType, Salt},
};

/// The one secret that all nodes of a cluster have. Every key is derived from it by HKDF (RFC 5869), so that none says anything
/// of another.
#[derive(Clone)]
pub struct ClusterSecret(Vec<u8>);

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretUse {
    /// Signs the sessions of the operator's pages.
    Sessions,
    /// Signs links to images.
    Links,
    /// Seals what waits in the queue.
    Queue,
    /// Is compared when a node joins; it opens nothing.
    Check,
}

/// Bytes before a sealed text.
const NONCE: usize = 12;

struct Bytes32;

impl KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}

impl SecretUse {
    const fn info(self) -> &'static [u8] {
        match self {
            Self::Sessions => b"tintype sessions",
            Self::Links => b"tintype links",
            Self::Queue => b"tintype queue",
            Self::Check => b"tintype check",
        }
    }
}

impl ClusterSecret {
    /// Bytes that a secret has at least.
    pub const BYTES_MIN: usize = 16;

    /// The secret in `bytes`; none if they are too few, or all alike.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let is_drawn = bytes.first().is_some_and(|first| bytes.iter().any(|byte| byte != first));
        (bytes.len() >= Self::BYTES_MIN && is_drawn).then(|| Self(bytes.to_vec()))
    }

    /// The key for `of`.
    #[expect(clippy::expect_used, reason = "32 bytes are one block of HKDF")]
    pub fn key(&self, of: SecretUse) -> [u8; 32] {
        let mut key = [0; 32];
        let secret = Salt::new(HKDF_SHA256, b"tintype cluster 1").extract(&self.0);
        let expanded = secret.expand(&[of.info()], Bytes32).and_then(|material| material.fill(&mut key));
        expanded.expect("one block");
        key
    }

    /// Seals `text` for whoever has the secret; nobody opens it as anything but `name`'s. `nonce` is used once.
    #[expect(clippy::expect_used, reason = "a key of 32 bytes, and a text shorter than 256 GB")]
    pub fn seal(&self, name: &[u8], text: &[u8], nonce: [u8; NONCE]) -> Vec<u8> {
        let mut sealed = text.to_vec();
        let done = self.sealing_key().seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(name),
            &mut sealed,
        );
        done.expect("short enough");
        [nonce.as_slice(), &sealed].concat()
    }

    /// What was sealed as `name`'s; none if it was not, or was sealed by another secret.
    pub fn open(&self, name: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = sealed.to_vec();
        let length = self.sealing_key().open_in_place(nonce, Aad::from(name), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }

    #[expect(clippy::expect_used, reason = "a key of 32 bytes")]
    fn sealing_key(&self) -> LessSafeKey {
        let key = UnboundKey::new(&CHACHA20_POLY1305, &self.key(SecretUse::Queue));
        LessSafeKey::new(key.expect("32 bytes"))
    }
}

/// Never shown.
impl fmt::Debug for ClusterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterSecret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> ClusterSecret {
        ClusterSecret::new(text.as_bytes()).expect("long enough")
    }

    #[test]
    fn each_use_has_a_key_of_its_own_and_the_same_on_every_node() {
        let uses = [SecretUse::Sessions, SecretUse::Links, SecretUse::Queue, SecretUse::Check];
        let keys = uses.map(|of| secret("correct horse battery").key(of));
        assert_eq!(keys, uses.map(|of| secret("correct horse battery").key(of)));
        for (i, key) in keys.iter().enumerate() {
            assert!(keys[i + 1..].iter().all(|other| other != key));
            assert_ne!(*key, secret("correct horse batterz").key(uses[i]));
        }
    }

    #[test]
    fn what_is_sealed_is_opened_by_its_secret_under_its_name_alone() {
        let (own, other) = (secret("correct horse battery"), secret("another horse battery"));
        let sealed = own.seal(b"one", b"a red apple", [7; 12]);
        assert!(!sealed.windows(5).any(|part| part == b"apple"));
        assert_eq!(own.open(b"one", &sealed).as_deref(), Some(b"a red apple".as_slice()));
        assert_eq!((own.open(b"two", &sealed), other.open(b"one", &sealed)), (None, None));
        for place in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[place] ^= 1;
            assert_eq!(own.open(b"one", &bent), None, "byte {place}");
        }
        assert_eq!((own.open(b"one", &[]), own.open(b"one", &sealed[..20])), (None, None));
    }

    #[test]
    fn a_secret_that_anybody_guesses_is_none() {
        assert!(ClusterSecret::new(b"short").is_none() && ClusterSecret::new(&[0; 32]).is_none());
        assert_eq!(format!("{:?}", secret("correct horse battery")), "ClusterSecret");
    }
}
