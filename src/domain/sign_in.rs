use std::fmt;

use jiff::{SignedDuration, Timestamp};
use rand::{
    Rng,
    distr::{Alphanumeric, Distribution},
};
use sha2::{Digest, Sha256};

use super::SecretHash;

/// Characters of a link's secret: 62⁴³ is 256 bits.
const SECRET_LEN: usize = 43;
/// The secret of a link that signs the operator in once. Shown once; only its hash is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SignInSecret(String);

impl SignInSecret {
    /// How long a link holds.
    pub const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

    /// When a link that is made at `now` ends.
    pub fn expiry(now: Timestamp) -> Timestamp {
        now.saturating_add(Self::LIFETIME).unwrap_or(Timestamp::MAX)
    }

    /// A new secret from `random`.
    pub fn generate(random: &mut impl Rng) -> Self {
        Self(Alphanumeric.sample_iter(random).take(SECRET_LEN).map(char::from).collect())
    }

    /// The secret that a link brought.
    pub fn from_link(text: String) -> Self {
        Self(text)
    }

    /// Its hash.
    pub fn hash(&self) -> SecretHash {
        SecretHash::from_bytes(Sha256::digest(self.0.as_bytes()).into())
    }

    /// The link's end, secret included: for the one time it is shown.
    pub fn path(&self) -> String {
        format!("/admin/sign-in?link={}", self.0)
    }
}

/// Without the secret.
impl fmt::Debug for SignInSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sign-in link")
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn random() -> StdRng {
        StdRng::seed_from_u64(1)
    }

    #[test]
    fn a_link_is_long_and_never_printed_by_chance() {
        let secret = SignInSecret::generate(&mut random());
        let text = secret.path().strip_prefix("/admin/sign-in?link=").expect("a link").to_owned();
        assert_eq!(text.len(), SECRET_LEN);
        assert!(!format!("{secret:?}").contains(&text));
        assert!(SignInSecret::from_link(text).hash().matches(&secret.hash()));
        assert!(!SignInSecret::generate(&mut StdRng::seed_from_u64(2)).hash().matches(&secret.hash()));
    }
}
