use std::time::Duration;

use parking_lot::Mutex;

use crate::{domain::NodeId, units::Millis};

/// How long a node counts as alive without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseSettings {
    /// The lease.
    pub lease: Duration,
}

/// A node's standing with the others: its id, which is another one after each fence, and since when it has been in touch with the
/// database without a break.
#[derive(Debug)]
pub struct Lease {
    settings: LeaseSettings,
    state: Mutex<LeaseState>,
}

#[derive(Debug)]
struct LeaseState {
    node: NodeId,
    /// None: the last question failed.
    in_touch_since: Option<Millis>,
    renewed_at: Millis,
    is_draining: bool,
}

impl LeaseSettings {
    /// Renewals in a lease.
    const RENEWALS: u32 = 6;

    /// Between two renewals: a database that is slow for a moment takes no node for dead.
    pub fn renewal(&self) -> Duration {
        self.lease / Self::RENEWALS
    }

    /// Between two looks for nodes that are gone.
    pub fn look(&self) -> Duration {
        self.lease / 4
    }
}

impl Lease {
    /// The lease of `node`, which joined at `now`.
    pub fn new(node: NodeId, settings: LeaseSettings, now: Millis) -> Self {
        let state = LeaseState { node, in_touch_since: Some(now), renewed_at: now, is_draining: false };
        Self { settings, state: Mutex::new(state) }
    }

    /// How long it is.
    pub fn settings(&self) -> LeaseSettings {
        self.settings
    }

    /// The node's id now.
    pub fn node(&self) -> NodeId {
        self.state.lock().node
    }

    /// Notes a renewal at `now`.
    pub fn note_renewal(&self, now: Millis, is_draining: bool) {
        let mut state = self.state.lock();
        if state.is_older(self.settings.lease / 2, now) {
            state.in_touch_since = None;
        }
        state.in_touch_since.get_or_insert(now);
        state.renewed_at = now;
        state.is_draining = is_draining;
    }

    /// Notes that the database did not answer.
    pub fn note_silence(&self) {
        self.state.lock().in_touch_since = None;
    }

    /// Notes that the node joined, or joined again, as `node`. What happened before, it has not seen; whoever drained it still means it.
    pub fn note_join(&self, node: NodeId, now: Millis) {
        let mut state = self.state.lock();
        *state = LeaseState { node, in_touch_since: Some(now), renewed_at: now, ..*state };
    }

    /// Whether somebody drains it.
    pub fn is_draining(&self) -> bool {
        self.state.lock().is_draining
    }

    /// Whether it may take anything on: its lease lasts by its own clock, and nobody drains it.
    pub fn may_take(&self, now: Millis) -> bool {
        let state = self.state.lock();
        !state.is_draining && !state.is_older(self.settings.lease, now)
    }

    /// Whether it may take others for dead: it has been in touch with the database for a lease, in which whoever lives has
    /// renewed. A database that was frozen has refused nothing, so half a lease without a renewal is a break too.
    pub fn may_reap(&self, now: Millis) -> bool {
        let state = self.state.lock();
        let is_long = |since| has_passed(self.settings.lease, since, now);
        !state.is_older(self.settings.lease / 2, now) && state.in_touch_since.is_some_and(is_long)
    }
}

impl LeaseState {
    /// Whether its last renewal was `span` ago, or longer.
    fn is_older(&self, span: Duration, now: Millis) -> bool {
        has_passed(span, self.renewed_at, now)
    }
}

fn has_passed(span: Duration, since: Millis, now: Millis) -> bool {
    u128::from(now.get().saturating_sub(since.get())) >= span.as_millis()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn after_an_outage_nobody_is_dead_for_a_lease() {
        let settings = LeaseSettings { lease: Duration::from_secs(12) };
        let node = NodeId::new(Timestamp::UNIX_EPOCH, [1; 10]);
        let at = |seconds: u64| Millis::new(seconds * 1000);
        let lease = Lease::new(node, settings, at(0));
        let renew = |seconds: std::ops::RangeInclusive<u64>| {
            seconds.step_by(2).for_each(|second| lease.note_renewal(at(second), false));
        };
        assert_eq!((lease.may_take(at(11)), lease.may_take(at(12))), (true, false), "it has not renewed");
        renew(2..=12);
        assert_eq!((lease.may_reap(at(11)), lease.may_reap(at(12))), (false, true));
        lease.note_silence();
        renew(14..=26);
        assert_eq!((lease.may_reap(at(25)), lease.may_reap(at(26))), (false, true));
        // It was frozen, or the database was: nothing was refused, and all leases are over.
        assert!(!lease.may_reap(at(32)), "the last word of the database is old");
        renew(40..=52);
        assert_eq!((lease.may_reap(at(51)), lease.may_reap(at(52))), (false, true));
        lease.note_renewal(at(53), true);
        assert!(!lease.may_take(at(53)), "it is drained");
        let again = NodeId::new(Timestamp::UNIX_EPOCH, [2; 10]);
        lease.note_join(again, at(54));
        assert!(!lease.may_take(at(54)) && lease.is_draining(), "it is still drained");
        assert_eq!(lease.node(), again);
        assert!(!lease.may_reap(at(54)), "it has seen nobody renew");
    }
}
