use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::StateInformationMiddleware,
    state::{InMemoryState, NotKeyed},
};

use crate::{domain::KeyId, units::Millis};

type Limiter = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

/// How many of something each key may have a minute, evenly after a first burst of that many (the generic cell rate
/// algorithm of ITU-T I.371). Each key may have a limit of its own.
#[derive(Debug, Default)]
pub(super) struct Rates {
    limiters: Mutex<HashMap<KeyId, (NonZeroU32, Arc<Limiter>)>>,
    clock: DefaultClock,
}

/// Where a key stands with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// A minute's worth.
    pub limit: u32,
    /// What it may still take at once.
    pub remaining: u32,
    /// When the whole limit will be there again.
    pub reset: Millis,
}

/// A limit was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverRate {
    /// Where the key stands.
    pub standing: Standing,
    /// When to try again; none where so many at once are never allowed.
    pub retry_after: Option<Millis>,
}

impl Rates {
    /// Takes `count` for `key`, of `limit` a minute.
    pub(super) fn take(
        &self,
        key: KeyId,
        limit: NonZeroU32,
        count: NonZeroU32,
    ) -> Result<Standing, OverRate> {
        let limiter = self.limiter(key, limit);
        let quota = Quota::per_minute(limit);
        let standing = |remaining: u32| Standing {
            limit: limit.get(),
            remaining,
            reset: Millis::from_duration_ceil(
                quota.replenish_interval() * (limit.get() - remaining.min(limit.get())),
            ),
        };
        match limiter.check_n(count) {
            Ok(Ok(snapshot)) => Ok(standing(snapshot.remaining_burst_capacity())),
            Ok(Err(until)) => {
                let wait: Duration = until.wait_time_from(self.clock.now());
                // So many of what was asked for are missing; the others are there.
                let interval = quota.replenish_interval().as_nanos().max(1);
                let missing = u32::try_from(wait.as_nanos().div_ceil(interval)).unwrap_or(u32::MAX);
                let retry_after = Some(Millis::from_duration_ceil(wait));
                Err(OverRate { standing: standing(count.get().saturating_sub(missing)), retry_after })
            }
            Err(_) => Err(OverRate { standing: standing(0), retry_after: None }),
        }
    }

    /// The key's limiter; a new one where its limit has been changed.
    fn limiter(&self, key: KeyId, limit: NonZeroU32) -> Arc<Limiter> {
        let mut limiters = self.limiters.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let fresh = || (limit, Arc::new(RateLimiter::direct(Quota::per_minute(limit)).with_middleware()));
        let entry = limiters.entry(key).or_insert_with(fresh);
        if entry.0 != limit {
            *entry = fresh();
        }
        Arc::clone(&entry.1)
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
    fn a_key_sees_its_limit_shrink_and_is_told_when_to_come_back() {
        let rates = Rates::default();
        let (key, other) = (KeyId::new(1), KeyId::new(2));
        let first = rates.take(key, number(2), ONE).expect("within");
        assert_eq!((first.limit, first.remaining, first.reset), (2, 1, Millis::new(30_000)));
        assert_eq!(rates.take(key, number(2), ONE).expect("within").remaining, 0);
        let over = rates.take(key, number(2), ONE).expect_err("over");
        let wait = over.retry_after.expect("a time").get();
        assert!((29_000..=30_000).contains(&wait), "{wait}");
        assert_eq!(over.standing.remaining, 0);
        assert!(rates.take(other, number(2), ONE).is_ok(), "each key has its own");
        let over = rates.take(other, number(2), number(2)).expect_err("over");
        assert_eq!(over.standing.remaining, 1, "one would have been let in");
        assert!(rates.take(key, number(5), ONE).is_ok(), "a changed limit holds at once");
    }

    #[test]
    fn more_at_once_than_a_minutes_worth_never_fits() {
        let over = Rates::default().take(KeyId::new(1), number(4), number(5)).expect_err("over");
        assert_eq!(over.retry_after, None);
    }
}
