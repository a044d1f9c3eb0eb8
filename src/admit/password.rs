use std::fmt;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash as Phc},
};
use rand::Rng;

/// Fewest characters of a password (NIST SP 800-63B-4, for a password that is the only factor: 15).
const PASSWORD_MIN: usize = 15;
/// Most: hashing must not take longer than people wait.
const PASSWORD_MAX: usize = 1024;
/// Bytes of a password's salt.
const SALT_LEN: usize = 16;

/// The operator's password as it is stored: argon2id with the parameters that OWASP recommends, in the form of a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// A password that is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Guessed too soon.
    #[error("the password has {0} characters; take {PASSWORD_MIN} or more, such as five words")]
    Short(usize),
    /// Longer than anybody types.
    #[error("the password has {0} characters; take {PASSWORD_MAX} or fewer")]
    Long(usize),
    /// The hash function refused.
    #[error("the password cannot be hashed; take another")]
    Unhashable,
}

impl PasswordHash {
    /// The hash of `password`, salted from `random`.
    ///
    /// # Errors
    /// [`PasswordError`] if it is too short or too long.
    pub fn new(password: &str, random: &mut impl Rng) -> Result<Self, PasswordError> {
        match password.chars().count() {
            count if count < PASSWORD_MIN => return Err(PasswordError::Short(count)),
            count if count > PASSWORD_MAX => return Err(PasswordError::Long(count)),
            _ => {}
        }
        let mut salt = [0; SALT_LEN];
        random.fill_bytes(&mut salt);
        let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
        Ok(Self(hash.map_err(|_| PasswordError::Unhashable)?.to_string()))
    }

    /// The hash as it was stored.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The hash as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `password` is the one. Takes as long either way, and some 20 ms and 19 MiB.
    pub fn matches(&self, password: &str) -> bool {
        let short_enough = password.len() <= PASSWORD_MAX * 4;
        let stored = Phc::new(&self.0);
        short_enough
            && stored
                .is_ok_and(|stored| Argon2::default().verify_password(password.as_bytes(), &stored).is_ok())
    }
}

/// Without the hash.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a password's hash")
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
    fn a_password_is_kept_as_argon2id_and_recognised() {
        let hash = PasswordHash::new("five words make a password", &mut random()).expect("a hash");
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        let stored = PasswordHash::from_stored(hash.as_str().to_owned());
        assert!(stored.matches("five words make a password"));
        assert!(!stored.matches("five words make a Password") && !stored.matches(""));
        let salted = PasswordHash::new("five words make a password", &mut StdRng::seed_from_u64(2));
        assert_ne!(salted.expect("a hash"), stored);
        assert!(!PasswordHash::from_stored("nonsense".into()).matches("nonsense"));
    }

    #[test]
    fn a_password_has_fifteen_characters_in_any_script() {
        let new = |password: &str| PasswordHash::new(password, &mut random()).map(|_| ());
        assert_eq!(new("fourteen chars"), Err(PasswordError::Short(14)));
        assert_eq!(new("床前明月光疑是地上霜举头望明月"), Ok(()));
        assert_eq!(new(&"x".repeat(1025)), Err(PasswordError::Long(1025)));
    }
}
