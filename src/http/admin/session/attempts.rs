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

/// Attempts that an address may make at once, and how often it gets one back.
const BY_ADDRESS: (u32, Duration) = (10, Duration::from_secs(30));
/// Attempts at the password from everywhere: some 9,000 a day guess no password of fifteen characters.
const PASSWORDS: (u32, Duration) = (30, Duration::from_secs(10));
/// Addresses remembered before those that have rested are forgotten.
const REMEMBERED_MAX: usize = 10_000;
/// Bits of an IPv6 address that one subscriber has.
const SUBSCRIBER_PREFIX_BITS: u32 = 64;

/// How often signing in may be tried. Kept in memory only, addresses too.
pub struct Attempts {
    by_address: DefaultKeyedRateLimiter<IpAddr>,
    passwords: DefaultDirectRateLimiter,
    clock: DefaultClock,
    /// A password's hash takes 19 MiB: one at a time.
    hashing: Semaphore,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            by_address: RateLimiter::keyed(quota(BY_ADDRESS)),
            passwords: RateLimiter::direct(quota(PASSWORDS)),
            clock: DefaultClock::default(),
            hashing: Semaphore::new(1),
        }
    }
}

impl Attempts {
    /// Takes one from what `address` may try.
    ///
    /// # Errors
    /// How long to wait for the next.
    pub(super) fn take(&self, address: Option<IpAddr>) -> Result<(), Millis> {
        if self.by_address.len() > REMEMBERED_MAX {
            self.by_address.retain_recent();
        }
        let address = subscriber(address.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)));
        self.by_address.check_key(&address).map_err(|until| self.wait(until.wait_time_from(self.clock.now())))
    }

    /// Takes one from what may be tried of passwords. Keys and links are too long to guess and are not counted here, so that
    /// an attacker can lock nobody out who has one.
    ///
    /// # Errors
    /// How long to wait for the next.
    pub(super) fn take_password(&self) -> Result<(), Millis> {
        self.passwords.check().map_err(|until| self.wait(until.wait_time_from(self.clock.now())))
    }

    /// Leave to hash a password.
    pub(super) const fn hashing(&self) -> &Semaphore {
        &self.hashing
    }

    fn wait(&self, wait: Duration) -> Millis {
        Millis::from_duration_ceil(wait)
    }
}

#[expect(clippy::expect_used, reason = "the constants above are no zeros")]
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
    fn each_address_has_ten_attempts_and_then_one_in_half_a_minute() {
        let attempts = Attempts::default();
        for _ in 0..10 {
            assert_eq!(attempts.take(address("192.0.2.1")), Ok(()));
        }
        let wait = attempts.take(address("192.0.2.1")).expect_err("too many").get();
        assert!((29_000..=30_000).contains(&wait), "{wait}");
        assert_eq!(attempts.take(address("192.0.2.2")), Ok(()));
    }

    #[test]
    fn the_addresses_of_one_subscriber_count_together() {
        let attempts = Attempts::default();
        for last in 0..10 {
            assert_eq!(attempts.take(address(&format!("2001:db8::{last}"))), Ok(()));
        }
        assert!(attempts.take(address("2001:db8::ffff:1")).is_err());
        assert_eq!(attempts.take(address("2001:db8:0:1::1")), Ok(()));
    }

    #[test]
    fn passwords_are_counted_from_everywhere() {
        let attempts = Attempts::default();
        assert!((0..30).all(|_| attempts.take_password().is_ok()));
        assert!(attempts.take_password().is_err());
    }
}
