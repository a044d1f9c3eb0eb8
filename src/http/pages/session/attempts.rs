use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

use governor::{
    DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use tokio::sync::Semaphore;

use crate::units::Millis;

/// Passwords that an address may try at once, and how often it gets another try.
const BY_ADDRESS: (u32, Duration) = (10, Duration::from_secs(30));
/// Passwords from everywhere that are checked without delay, and how often one more is.
const FROM_EVERYWHERE: (u32, Duration) = (30, Duration::from_secs(10));
/// How long every other password waits for its check. It is checked then: guesses from many addresses must not turn the
/// operator away.
const SLOWED_BY: Duration = Duration::from_secs(2);
/// Addresses remembered before those that have rested are forgotten.
const REMEMBERED_MAX: usize = 10_000;
/// Bits of an IPv6 address that one subscriber has.
const SUBSCRIBER_PREFIX_BITS: u32 = 64;

/// How often a password may be tried. Keys and links are too long to guess, so they are not counted. Kept in memory only,
/// addresses too.
pub struct Attempts {
    by_address: DefaultKeyedRateLimiter<IpAddr>,
    from_everywhere: DefaultDirectRateLimiter,
    clock: DefaultClock,
    /// A password's hash takes 19 MiB: one at a time.
    hashing: Semaphore,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            by_address: RateLimiter::keyed(quota(BY_ADDRESS)),
            from_everywhere: RateLimiter::direct(quota(FROM_EVERYWHERE)),
            clock: DefaultClock::default(),
            hashing: Semaphore::new(1),
        }
    }
}

impl Attempts {
    /// Takes one from the passwords that `address` may try. Returns how long this one waits for its check.
    ///
    /// # Errors
    /// How long to wait for the next, if the address has used up its tries.
    pub(super) fn take(&self, address: Option<IpAddr>) -> Result<Duration, Millis> {
        if self.by_address.len() > REMEMBERED_MAX {
            self.by_address.retain_recent();
        }
        let address = subscriber(address.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)));
        self.by_address
            .check_key(&address)
            .map_err(|until| Millis::from_duration_ceil(until.wait_time_from(self.clock.now())))?;
        Ok(if self.from_everywhere.check().is_ok() { Duration::ZERO } else { SLOWED_BY })
    }

    /// Leave to hash a password.
    pub(super) const fn hashing(&self) -> &Semaphore {
        &self.hashing
    }
}

#[expect(clippy::expect_used, reason = "the constants above are not zero")]
fn quota((burst, period): (u32, Duration)) -> Quota {
    Quota::with_period(period).expect("above 0").allow_burst(NonZeroU32::new(burst).expect("above 0"))
}

/// Who an address belongs to: whoever has one of IPv6 has 2⁶⁴ of them.
fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let kept = u128::MAX << (128 - SUBSCRIBER_PREFIX_BITS);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & kept))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().expect("an address"))
    }

    #[test]
    fn each_address_has_ten_tries_and_then_one_in_half_a_minute() {
        let attempts = Attempts::default();
        for _ in 0..10 {
            assert_eq!(attempts.take(address("192.0.2.1")), Ok(Duration::ZERO));
        }
        let wait = attempts.take(address("192.0.2.1")).expect_err("too many").get();
        assert!((1..=30_000).contains(&wait), "{wait}");
        assert_eq!(attempts.take(address("192.0.2.2")), Ok(Duration::ZERO));
    }

    #[test]
    fn the_addresses_of_one_subscriber_count_together() {
        let attempts = Attempts::default();
        for last in 0..10 {
            assert!(attempts.take(address(&format!("2001:db8::{last}"))).is_ok());
        }
        assert!(attempts.take(address("2001:db8::ffff:1")).is_err());
        assert!(attempts.take(address("2001:db8:0:1::1")).is_ok());
    }

    #[test]
    fn guesses_from_everywhere_slow_a_fresh_address_and_do_not_turn_it_away() {
        let attempts = Attempts::default();
        for last in 1..=60 {
            assert!(attempts.take(address(&format!("192.0.2.{last}"))).is_ok());
        }
        assert_eq!(attempts.take(address("198.51.100.7")), Ok(SLOWED_BY));
    }
}
