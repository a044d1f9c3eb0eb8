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
        state.in_touch_since.get_or_insert(now);
        state.renewed_at = now;
        state.is_draining = is_draining;
    }

    /// Notes that the database did not answer.
    pub fn note_silence(&self) {
        self.state.lock().in_touch_since = None;
    }

    /// Notes that the node joined again as `node`.
    pub fn note_join(&self, node: NodeId, now: Millis) {
        let mut state = self.state.lock();
        *state =
            LeaseState { node, in_touch_since: state.in_touch_since, renewed_at: now, is_draining: false };
    }

    /// Whether it may take anything on: its lease lasts by its own clock, and nobody drains it.
    pub fn may_take(&self, now: Millis) -> bool {
        let state = self.state.lock();
        let since = now.get().saturating_sub(state.renewed_at.get());
        !state.is_draining && u128::from(since) < self.settings.lease.as_millis()
    }

    /// Whether it may take others for dead: it has been in touch with the database for a lease, in which whoever lives has
    /// renewed.
    pub fn may_reap(&self, now: Millis) -> bool {
        let since = self.state.lock().in_touch_since;
        since.is_some_and(|since| {
            u128::from(now.get().saturating_sub(since.get())) >= self.settings.lease.as_millis()
        })
    }
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
        assert_eq!((lease.may_reap(at(11)), lease.may_reap(at(12))), (false, true));
        assert_eq!((lease.may_take(at(11)), lease.may_take(at(12))), (true, false), "it has not renewed");
        lease.note_silence();
        lease.note_renewal(at(60), false);
        assert_eq!((lease.may_reap(at(71)), lease.may_reap(at(72))), (false, true));
        lease.note_renewal(at(72), true);
        assert!(!lease.may_take(at(72)), "it is drained");
        let again = NodeId::new(Timestamp::UNIX_EPOCH, [2; 10]);
        lease.note_join(again, at(73));
        assert!(lease.may_take(at(73)) && lease.node() == again);
    }
}
