use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::http::api::error::ApiError;

/// How long a session lasts without use.
pub(super) const IDLE: SignedDuration = SignedDuration::from_mins(15);

/// What signs sessions and forms: 32 random bytes, kept in the data directory. Losing it only signs everyone out.
#[derive(Clone)]
pub struct SessionSecret([u8; 32]);

/// The claims of a session's cookie (RFC 7519).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    /// The session's id.
    pub(super) sub: String,
    /// Unix seconds at which the cookie was signed.
    pub(super) iat: i64,
    /// Unix seconds at which it ends, unless it is renewed.
    exp: i64,
}

impl SessionSecret {
    /// The secret `bytes`.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The cookie of session `id`, signed at `now`.
    pub(super) fn seal(&self, id: &str, now: Timestamp) -> Result<String, ApiError> {
        let iat = now.as_second();
        let claims = Claims { sub: id.to_owned(), iat, exp: iat + IDLE.as_secs() };
        encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(&self.0))
            .map_err(|error| ApiError::internal(&error))
    }

    /// The claims in `token`, if we signed it and it holds at `now`.
    pub(super) fn open(&self, token: &str, now: Timestamp) -> Option<Claims> {
        let mut validation = Validation::new(Algorithm::HS256);
        // The time comes from our clock, not from the library's.
        validation.validate_exp = false;
        let claims = decode::<Claims>(token, &DecodingKey::from_secret(&self.0), &validation).ok()?.claims;
        (claims.exp > now.as_second()).then_some(claims)
    }

    /// What forms bring back, bound to `binding`: a session, or a visitor's name.
    pub(super) fn form_token(&self, binding: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.form_mac(binding).finalize().into_bytes())
    }

    /// Whether a form brought what was given to it. In constant time.
    pub(super) fn is_form_token(&self, binding: &str, token: &str) -> bool {
        let token = BASE64_URL_SAFE_NO_PAD.decode(token);
        token.is_ok_and(|token| self.form_mac(binding).verify_slice(&token).is_ok())
    }

    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    fn form_mac(&self, binding: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length");
        // A cookie's signature covers `header.claims`, which never begins like this.
        mac.update(b"form ");
        mac.update(binding.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_000_000, 0);

    #[test]
    fn a_cookie_holds_for_its_time_under_its_secret() {
        let secret = SessionSecret::new([7; 32]);
        let token = secret.seal("abc", NOW).expect("sealed");
        let holds = |token: &str, secret: &SessionSecret, seconds| {
            secret
                .open(token, NOW + SignedDuration::from_secs(seconds))
                .map(|claims| (claims.sub, claims.iat))
        };
        let held = Some(("abc".to_owned(), NOW.as_second()));
        assert_eq!(holds(&token, &secret, 0), held);
        assert_eq!(holds(&token, &secret, IDLE.as_secs() - 1), held);
        assert_eq!(holds(&token, &secret, IDLE.as_secs()), None);
        assert_eq!(holds(&token, &SessionSecret::new([8; 32]), 0), None);
        assert_eq!(holds(&token[..token.len() - 2], &secret, 0), None);
    }

    #[test]
    fn an_unsigned_token_opens_nothing() {
        // {"alg":"none"} . {"sub":"abc","iat":0,"exp":9999999999} .
        let forged = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhYmMiLCJpYXQiOjAsImV4cCI6OTk5OTk5OTk5OX0.";
        assert!(SessionSecret::new([7; 32]).open(forged, NOW).is_none());
    }

    #[test]
    fn a_forms_token_belongs_to_one_session() {
        let secret = SessionSecret::new([7; 32]);
        let token = secret.form_token("session a");
        assert!(secret.is_form_token("session a", &token));
        assert!(!secret.is_form_token("session b", &token));
        assert!(!SessionSecret::new([8; 32]).is_form_token("session a", &token));
        assert!(!secret.is_form_token("session a", "") && !secret.is_form_token("session a", "?"));
    }
}
