use std::{collections::HashMap, fmt, num::NonZeroU32, sync::Arc, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::StateInformationMiddleware,
    nanos::Nanos,
    state::{NotKeyed, StateStore},
};
use parking_lot::Mutex;

use crate::{domain::KeyId, units::Millis};

type Limiter = RateLimiter<NotKeyed, Arrival, DefaultClock, StateInformationMiddleware>;

/// The algorithm's one number, the theoretical time of the next arrival. Governor's own store cannot give anything
/// back.
#[derive(Debug, Clone, Default)]
struct Arrival(Arc<Mutex<Option<Nanos>>>);

impl StateStore for Arrival {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut arrival = self.0.lock();
        let (measured, next) = measure(*arrival)?;
        *arrival = Some(next);
        Ok(measured)
    }
}

/// A key's limit a minute, what it has used of it, and the limiter that decides.
type KeyLimit = (NonZeroU32, Arrival, Arc<Limiter>);

/// How many of something each key may have a minute, evenly after a first burst of that many (the generic cell rate
/// algorithm of ITU-T I.371). Each key may have a limit of its own.
#[derive(Debug, Default)]
pub(super) struct Rates {
    limiters: Mutex<HashMap<KeyId, KeyLimit>>,
    clock: DefaultClock,
}

/// Where a key stands with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateStanding {
    /// A minute's worth.
    pub limit: u32,
    /// What it may still take at once.
    pub remaining: u32,
    /// When the whole limit will be there again.
    pub reset: Millis,
}

impl RateStanding {
    /// The same, once one of what was taken is given back.
    #[must_use]
    pub fn with_one_back(self) -> Self {
        let interval = 60_000_u64.div_ceil(self.limit.max(1).into());
        let reset = Millis::new(self.reset.get().saturating_sub(interval));
        Self { remaining: self.remaining.saturating_add(1).min(self.limit), reset, ..self }
    }
}

/// A limit was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverRate {
    /// Where the key stands.
    pub standing: RateStanding,
    /// When to try again; none if so many at once are never allowed.
    pub retry_after: Option<Millis>,
}

/// What was taken of a limit. It is given back if it is dropped before [`Taken::keep`]: a refusal uses up nothing.
#[must_use = "what is not kept is given back"]
pub struct Taken {
    standing: RateStanding,
    give_back: Option<Box<dyn FnOnce() + Send>>,
}

impl Taken {
    /// What was taken from wherever `give_back` gives it back to.
    pub(super) fn new(standing: RateStanding, give_back: impl FnOnce() + Send + 'static) -> Self {
        Self { standing, give_back: Some(Box::new(give_back)) }
    }

    /// Uses it up.
    pub fn keep(mut self) -> RateStanding {
        self.give_back = None;
        self.standing
    }
}

impl fmt::Debug for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Taken").field(&self.standing).finish()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(give_back) = self.give_back.take() {
            give_back();
        }
    }
}

/// Moves an arrival back by `nanos`.
fn give_back(Arrival(arrival): &Arrival, nanos: u64) {
    if let Some(at) = &mut *arrival.lock() {
        *at = Nanos::new(at.as_u64().saturating_sub(nanos));
    }
}

impl Rates {
    /// Takes `count` for `key`, of `limit` a minute.
    pub(super) fn take(&self, key: KeyId, limit: NonZeroU32, count: NonZeroU32) -> Result<Taken, OverRate> {
        let (arrival, limiter) = self.limiter(key, limit);
        let quota = Quota::per_minute(limit);
        let interval = quota.replenish_interval();
        let standing = |remaining: u32| RateStanding {
            limit: limit.get(),
            remaining,
            reset: Millis::from_duration_ceil(interval * (limit.get() - remaining.min(limit.get()))),
        };
        match limiter.check_n(count) {
            Ok(Ok(snapshot)) => {
                let nanos = Nanos::from(interval * count.get()).as_u64();
                let standing = standing(snapshot.remaining_burst_capacity());
                Ok(Taken::new(standing, move || give_back(&arrival, nanos)))
            }
            Ok(Err(until)) => {
                let wait: Duration = until.wait_time_from(self.clock.now());
                // Number of permits still missing; the rest are available.
                let missing = wait.as_nanos().div_ceil(interval.as_nanos().max(1));
                let missing = u32::try_from(missing).unwrap_or(u32::MAX);
                let retry_after = Some(Millis::from_duration_ceil(wait));
                Err(OverRate { standing: standing(count.get().saturating_sub(missing)), retry_after })
            }
            Err(_) => Err(OverRate { standing: standing(0), retry_after: None }),
        }
    }

    /// Gives one back to `key`, of `limit` a minute.
    pub(super) fn give_one_back(&self, key: KeyId, limit: NonZeroU32) {
        let (arrival, _) = self.limiter(key, limit);
        give_back(&arrival, Nanos::from(Quota::per_minute(limit).replenish_interval()).as_u64());
    }

    /// The key's limiter; a new one if its limit has been changed.
    fn limiter(&self, key: KeyId, limit: NonZeroU32) -> (Arrival, Arc<Limiter>) {
        let fresh = || {
            let arrival = Arrival::default();
            let quota = Quota::per_minute(limit);
            let limiter = RateLimiter::<NotKeyed, Arrival, DefaultClock>::new(
                quota,
                arrival.clone(),
                self.clock.clone(),
            );
            (limit, arrival, Arc::new(limiter.with_middleware()))
        };
        let mut limiters = self.limiters.lock();
        let entry = limiters.entry(key).or_insert_with(fresh);
        if entry.0 != limit {
            *entry = fresh();
        }
        (entry.1.clone(), Arc::clone(&entry.2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: NonZeroU32 = NonZeroU32::MIN;

    fn number(value: u32) -> NonZeroU32 {
        NonZeroU32::new(value).expect("above 0")
    }

    #[test]
    fn a_key_sees_its_limit_shrink_and_learns_when_to_come_back() {
        let rates = Rates::default();
        let (key, other) = (KeyId::new(1), KeyId::new(2));
        let first = rates.take(key, number(2), ONE).expect("within").keep();
        assert_eq!((first.limit, first.remaining, first.reset), (2, 1, Millis::new(30_000)));
        assert_eq!(rates.take(key, number(2), ONE).expect("within").keep().remaining, 0);
        let over = rates.take(key, number(2), ONE).expect_err("over");
        let wait = over.retry_after.expect("a time").get();
        assert!((29_000..=30_000).contains(&wait), "{wait}");
        assert_eq!(over.standing.remaining, 0);
        rates.take(other, number(2), ONE).expect("each key has its own").keep();
        let over = rates.take(other, number(2), number(2)).expect_err("over");
        assert_eq!(over.standing.remaining, 1, "one would have been let in");
        assert!(rates.take(key, number(5), ONE).is_ok(), "a changed limit holds at once");
    }

    #[test]
    fn a_standing_with_one_back_is_the_one_before() {
        for limit in [1, 7, 60, 1000] {
            let before = RateStanding { limit, remaining: limit, reset: Millis::new(0) };
            let taken = Rates::default().take(KeyId::new(1), number(limit), ONE).expect("within").keep();
            assert_eq!(taken.with_one_back(), before, "{limit}");
        }
    }

    #[test]
    fn more_at_once_than_a_minutes_worth_never_fits() {
        let over = Rates::default().take(KeyId::new(1), number(4), number(5)).expect_err("over");
        assert_eq!(over.retry_after, None);
    }

    #[test]
    fn what_a_refused_request_took_is_given_back() {
        let (rates, key) = (Rates::default(), KeyId::new(1));
        for _ in 0..100 {
            drop(rates.take(key, number(3), number(2)).expect("given back each time"));
        }
        assert_eq!(rates.take(key, number(3), number(2)).expect("within").keep().remaining, 1);
        drop(rates.take(key, number(3), ONE).expect("the last one"));
        assert_eq!(rates.take(key, number(3), ONE).expect("the last one, again").keep().remaining, 0);
        assert!(rates.take(key, number(3), ONE).is_err());
    }
}
