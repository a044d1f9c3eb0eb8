//! Before any work: may this caller, with this request, now?

mod password;
mod rates;
mod shared;

use std::{collections::HashMap, num::NonZeroU32, sync::Arc};

use parking_lot::Mutex;

pub use self::password::{PasswordError, PasswordHash};
use self::rates::Rates;
pub use self::rates::{OverRate, RateStanding, Taken};
use crate::{
    domain::{Caller, KeyId, KeyLimits, Scope},
    ledger::{Ledger, RateKind, ReserveError},
};

/// Why a request was refused. No work was done and nothing was reserved.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The key lacks the scope.
    #[error("the key has no `{0}` scope")]
    Scope(Scope),
    /// The key may not use the model.
    #[error("the key may not use the model")]
    Model,
    /// The key may not use the LoRA.
    #[error("the key may not use the LoRA `{name}`")]
    Lora {
        /// The name that was asked for.
        name: String,
        /// Names of those that it may use.
        allowed: Vec<String>,
    },
    /// Too many requests a minute.
    #[error("too many requests a minute")]
    Requests(OverRate),
    /// Too many images a minute.
    #[error("too many images a minute")]
    Images(OverRate),
    /// Too many quotes of a page a minute.
    #[error("too many quotes a minute")]
    Quotes(OverRate),
    /// Too many jobs at once.
    #[error("the key has {limit} jobs in work, which is its limit")]
    Concurrent {
        /// How many it may have.
        limit: u32,
    },
    /// No money, or a repeated idempotency key.
    #[error(transparent)]
    Reserve(#[from] ReserveError),
}

/// The door: scopes, models and rates. Budgets are the ledger's, in one transaction with the reservation.
#[derive(Default)]
pub struct Door {
    defaults: KeyLimits,
    requests: Rates,
    images: Rates,
    /// Quotes that pages ask for, and how many a minute a key may have of them; none: any number.
    quotes: (Rates, Option<NonZeroU32>),
    /// Where rates are counted that all gateways of a cluster share; none: here.
    shared: Option<Arc<Ledger>>,
    at_work: Arc<Mutex<HashMap<KeyId, u32>>>,
}

/// Leave to work on one more job. Dropping it makes room for the next.
#[derive(Debug)]
#[must_use = "the job counts as in work until the pass is dropped"]
pub struct Pass {
    key: KeyId,
    at_work: Arc<Mutex<HashMap<KeyId, u32>>>,
}

impl Door {
    /// A door with limits for keys that have none of their own; none: no limit.
    pub fn new(defaults: KeyLimits) -> Self {
        Self { defaults, ..Self::default() }
    }

    /// The same, with rates that all gateways share in `ledger`.
    pub fn shared(defaults: KeyLimits, ledger: Arc<Ledger>) -> Self {
        Self { defaults, shared: Some(ledger), ..Self::default() }
    }

    /// The same, with a limit a minute on the quotes of each key that count as no requests. Every gateway counts its own.
    #[must_use]
    pub fn with_quotes(mut self, per_minute: NonZeroU32) -> Self {
        self.quotes.1 = Some(per_minute);
        self
    }

    /// Whether the caller has `scope`, and may ask once more. Says where it stands, if it has a limit.
    ///
    /// # Errors
    /// [`Refused::Scope`] or [`Refused::Requests`].
    pub fn check(&self, caller: &Caller, scope: Scope) -> Result<Option<RateStanding>, Refused> {
        if !caller.scopes.contains(scope) {
            return Err(Refused::Scope(scope));
        }
        let Some(limit) = self.requests_limit(caller) else { return Ok(None) };
        let taken = self.take(RateKind::Requests, caller.key, limit, NonZeroU32::MIN)?;
        Ok(Some(taken.map_err(Refused::Requests)?.keep()))
    }

    fn requests_limit(&self, caller: &Caller) -> Option<NonZeroU32> {
        caller.limits.requests_per_minute.or(self.defaults.requests_per_minute)
    }

    /// Counts the request that [`Door::check`] counted last as a quote instead: a page asked for a price by itself. Returns where the
    /// caller stands with its quotes, if they have a limit.
    ///
    /// # Errors
    /// [`Refused::Quotes`]; the request is given back then too.
    pub fn count_as_quote(&self, caller: &Caller) -> Result<Option<RateStanding>, Refused> {
        if let Some(limit) = self.requests_limit(caller) {
            match &self.shared {
                Some(ledger) => shared::give_back(ledger, RateKind::Requests, caller.key, limit),
                None => self.requests.give_one_back(caller.key, limit),
            }
        }
        let (quotes, Some(limit)) = &self.quotes else { return Ok(None) };
        let taken = quotes.take(caller.key, *limit, NonZeroU32::MIN).map_err(Refused::Quotes)?;
        Ok(Some(taken.keep()))
    }

    /// Takes `count` images of what the caller may have a minute, if it has a limit. They are given back unless they
    /// are kept, so that a request that is refused for another reason uses up none.
    ///
    /// # Errors
    /// [`Refused::Images`].
    pub fn take_images(&self, caller: &Caller, count: u32) -> Result<Option<Taken>, Refused> {
        let limit = caller.limits.images_per_minute.or(self.defaults.images_per_minute);
        match (limit, NonZeroU32::new(count)) {
            (Some(limit), Some(count)) => {
                let taken = self.take(RateKind::Images, caller.key, limit, count)?;
                taken.map(Some).map_err(Refused::Images)
            }
            _ => Ok(None),
        }
    }

    fn take(
        &self,
        kind: RateKind,
        key: KeyId,
        limit: NonZeroU32,
        count: NonZeroU32,
    ) -> Result<Result<Taken, OverRate>, Refused> {
        match (&self.shared, kind) {
            (Some(ledger), kind) => shared::take(ledger, kind, key, limit, count)
                .map_err(|error| ReserveError::from(error).into()),
            (None, RateKind::Requests) => Ok(self.requests.take(key, limit, count)),
            (None, RateKind::Images) => Ok(self.images.take(key, limit, count)),
        }
    }

    /// How many jobs the caller may have at work; none: any number.
    pub fn jobs_max(&self, caller: &Caller) -> Option<u32> {
        caller.limits.concurrent_jobs.or(self.defaults.concurrent_jobs).map(NonZeroU32::get)
    }

    /// Leave to work on one more of the caller's jobs.
    ///
    /// # Errors
    /// [`Refused::Concurrent`].
    pub fn pass(&self, caller: &Caller) -> Result<Pass, Refused> {
        let limit = self.jobs_max(caller);
        let mut at_work = self.at_work.lock();
        let count = at_work.entry(caller.key).or_insert(0);
        match limit {
            Some(limit) if *count >= limit => Err(Refused::Concurrent { limit }),
            _ => {
                *count += 1;
                Ok(Pass { key: caller.key, at_work: Arc::clone(&self.at_work) })
            }
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut at_work = self.at_work.lock();
        if let Some(count) = at_work.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                at_work.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Scopes;

    fn caller(key: i64, scopes: Scopes, limits: KeyLimits) -> Caller {
        let may_overflow = false;
        Caller {
            key: KeyId::new(key),
            public_id: "abc".into(),
            scopes,
            models: None,
            loras: None,
            limits,
            may_overflow,
        }
    }

    fn limits(number: u32) -> KeyLimits {
        let limit = NonZeroU32::new(number);
        KeyLimits { requests_per_minute: limit, images_per_minute: limit, concurrent_jobs: limit }
    }

    #[test]
    fn a_key_without_the_scope_is_turned_away() {
        let door = Door::default();
        let image_key = caller(1, Scopes::IMAGES, KeyLimits::default());
        assert_eq!(door.check(&image_key, Scope::Images).expect("let in"), None);
        assert!(matches!(door.check(&image_key, Scope::Admin), Err(Refused::Scope(Scope::Admin))));
    }

    #[test]
    fn a_keys_own_limit_comes_before_the_default() {
        let door = Door::new(limits(2));
        let (usual, generous) =
            (caller(1, Scopes::ALL, KeyLimits::default()), caller(2, Scopes::ALL, limits(9)));
        let standing =
            |caller: &Caller| door.take_images(caller, 2).expect("let in").expect("a limit").keep();
        assert_eq!((standing(&usual).remaining, standing(&generous).remaining), (0, 7));
        assert!(matches!(door.take_images(&usual, 1), Err(Refused::Images(_))));
    }

    #[test]
    fn a_quote_counts_as_no_request_and_has_a_limit_of_its_own() {
        let door = Door::new(limits(1)).with_quotes(NonZeroU32::new(2).expect("above 0"));
        let (caller, other) =
            (caller(1, Scopes::ALL, KeyLimits::default()), caller(2, Scopes::ALL, KeyLimits::default()));
        let ask = |caller: &Caller| {
            let request = door.check(caller, Scope::Images).expect("let in").expect("a limit");
            assert_eq!(request.with_one_back().remaining, 1);
            door.count_as_quote(caller)
        };
        let remaining =
            [ask(&caller), ask(&caller)].map(|quote| quote.expect("within").expect("a limit").remaining);
        assert_eq!(remaining, [1, 0]);
        assert!(matches!(ask(&caller), Err(Refused::Quotes(over)) if over.retry_after.is_some()));
        assert!(ask(&other).is_ok(), "each key has its own");
        assert!(door.check(&caller, Scope::Images).is_ok(), "the refused quote took no request");
    }

    #[test]
    fn a_job_that_ends_makes_room_for_the_next() {
        let door = Door::new(limits(2));
        let caller = caller(1, Scopes::ALL, KeyLimits::default());
        let passes = (door.pass(&caller), door.pass(&caller));
        assert!(passes.0.is_ok() && passes.1.is_ok());
        assert!(matches!(door.pass(&caller), Err(Refused::Concurrent { limit: 2 })));
        drop(passes.0);
        assert!(door.pass(&caller).is_ok());
    }
}
