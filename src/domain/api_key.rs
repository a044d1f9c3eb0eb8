use std::{fmt, str::FromStr};

use rand::{Rng, distr::Alphanumeric, distr::Distribution};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Characters of the public id: enough to tell keys apart in a log.
const PUBLIC_LEN: usize = 10;
/// Characters of the secret: 62⁴³ is 256 bits.
const SECRET_LEN: usize = 43;

/// An API key, `tt-<public id>-<secret>`. Shown once; only the secret's hash is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    public_id: String,
    secret: String,
}

/// SHA-256 of a key's secret. The secret is 256 random bits, so a slow password hash would protect nothing more.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

/// A text that is no API key. It does not repeat the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an API key; a key looks like tt-<public id>-<secret>")]
pub struct ApiKeyError;

impl ApiKey {
    /// A new key from `random`.
    pub fn generate(random: &mut impl Rng) -> Self {
        let mut text = |len| Alphanumeric.sample_iter(&mut *random).take(len).map(char::from).collect();
        Self { public_id: text(PUBLIC_LEN), secret: text(SECRET_LEN) }
    }

    /// Another secret for the key with `public_id`, from `random`.
    pub fn rotated(public_id: &str, random: &mut impl Rng) -> Self {
        Self { public_id: public_id.to_owned(), ..Self::generate(random) }
    }

    /// The part that may be shown and logged.
    pub fn public_id(&self) -> &str {
        &self.public_id
    }

    /// The hash of the secret.
    pub fn secret_hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.secret.as_bytes()).into())
    }

    /// The whole key, secret included: for the one time it is shown.
    pub fn reveal(&self) -> String {
        format!("tt-{}-{}", self.public_id, self.secret)
    }
}

impl FromStr for ApiKey {
    type Err = ApiKeyError;

    fn from_str(text: &str) -> Result<Self, ApiKeyError> {
        let alphanumeric = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
        let parts: Vec<_> = text.split('-').collect();
        match parts.as_slice() {
            ["tt", public_id, secret] if alphanumeric(public_id) && alphanumeric(secret) => {
                Ok(Self { public_id: (*public_id).to_owned(), secret: (*secret).to_owned() })
            }
            _ => Err(ApiKeyError),
        }
    }
}

/// Without the secret.
impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tt-{}-…", self.public_id)
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash")
    }
}

/// In time that does not depend on the bytes.
impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.matches(other)
    }
}

impl Eq for SecretHash {}

impl SecretHash {
    /// The hash as it is stored.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash's bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Equality in time that does not depend on the bytes.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn a_key_is_read_back_and_its_secret_is_never_printed() {
        let key = ApiKey::generate(&mut StdRng::seed_from_u64(1));
        let text = key.reveal();
        assert!(text.starts_with("tt-") && text.len() == 3 + PUBLIC_LEN + 1 + SECRET_LEN);
        assert_eq!(text.parse(), Ok(key.clone()));
        assert!(!format!("{key:?}").contains(&key.secret));
        let other = ApiKey::generate(&mut StdRng::seed_from_u64(2));
        assert!(key.secret_hash().matches(&key.secret_hash()));
        assert!(!key.secret_hash().matches(&other.secret_hash()));
    }

    #[test]
    fn a_rotated_key_has_its_public_id_and_another_secret() {
        let mut random = StdRng::seed_from_u64(1);
        let key = ApiKey::generate(&mut random);
        let rotated = ApiKey::rotated(key.public_id(), &mut random);
        assert_eq!(rotated.public_id(), key.public_id());
        assert!(!rotated.secret_hash().matches(&key.secret_hash()));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "sk-abc-def", "tt-abc", "tt--x", "tt-a-b-c", "tt-a-é", "tt-a-b "] {
            assert_eq!(text.parse::<ApiKey>(), Err(ApiKeyError), "{text}");
        }
    }
}
