//! Before any work: may this caller, with this request, now?

use std::num::NonZeroU32;

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};

use crate::{
    domain::{Caller, KeyId, Scope},
    ledger::{Ledger, NewRequest, Reservation, ReserveError},
    units::Millis,
};

/// Why a request was refused. No work was done and nothing was reserved.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The key lacks the scope.
    #[error("the key has no `{0}` scope")]
    Scope(Scope),
    /// Too many requests a minute.
    #[error("too many requests")]
    RateLimited {
        /// When the next one is welcome.
        retry_after: Millis,
    },
    /// No money, or a repeated idempotency key.
    #[error(transparent)]
    Reserve(#[from] ReserveError),
}

/// The door: scopes, rate limits and budgets.
pub struct Door {
    requests: Option<DefaultKeyedRateLimiter<KeyId>>,
    clock: DefaultClock,
}

impl Door {
    /// A door that lets each key in `requests_per_minute` times a minute, evenly after a first burst, or always.
    pub fn new(requests_per_minute: Option<NonZeroU32>) -> Self {
        let requests = requests_per_minute.map(|limit| RateLimiter::keyed(Quota::per_minute(limit)));
        Self { requests, clock: DefaultClock::default() }
    }

    /// Checks what needs no database.
    ///
    /// # Errors
    /// [`Refused::Scope`] or [`Refused::RateLimited`].
    pub fn check(&self, caller: &Caller, scope: Scope) -> Result<(), Refused> {
        if !caller.scopes.contains(scope) {
            return Err(Refused::Scope(scope));
        }
        let Some(limiter) = &self.requests else { return Ok(()) };
        limiter.check_key(&caller.key).map_err(|until| Refused::RateLimited {
            retry_after: Millis::from_duration_ceil(until.wait_time_from(self.clock.now())),
        })
    }
}

/// Reserves a request's estimated cost against its key's budget.
///
/// # Errors
/// [`Refused::Reserve`]; nothing was written.
pub fn reserve(ledger: &Ledger, request: &NewRequest<'_>) -> Result<Reservation, Refused> {
    Ok(ledger.reserve(request)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Scopes;

    fn caller(key: i64, scopes: Scopes) -> Caller {
        Caller { key: KeyId::new(key), public_id: "abc".into(), scopes }
    }

    #[test]
    fn a_key_without_the_scope_is_turned_away() {
        let door = Door::new(None);
        let painter = caller(1, Scopes { images: true, admin: false });
        assert!(door.check(&painter, Scope::Images).is_ok());
        assert!(matches!(door.check(&painter, Scope::Admin), Err(Refused::Scope(Scope::Admin))));
    }

    #[test]
    fn the_limit_is_each_keys_own() {
        let door = Door::new(NonZeroU32::new(2));
        let (first, second) = (caller(1, Scopes::ALL), caller(2, Scopes::ALL));
        assert!(door.check(&first, Scope::Images).is_ok() && door.check(&first, Scope::Images).is_ok());
        let refused = door.check(&first, Scope::Images);
        assert!(
            matches!(refused, Err(Refused::RateLimited { retry_after }) if retry_after.as_secs_ceil() <= 30)
        );
        assert!(door.check(&second, Scope::Images).is_ok());
    }
}
