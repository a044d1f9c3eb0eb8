use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::KeyId;

/// One of this many places in the queue is kept for keys that hold none.
const SHARE_KEPT_FREE: usize = 8;

/// Places that each key holds.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<HashMap<KeyId, usize>>);

/// A place in the queue, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    key: KeyId,
    held: Arc<Held>,
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    /// A place for `key` out of `depth`; none if all are taken, or only those that are kept for other keys are left.
    pub(super) fn take(slots: &Arc<Semaphore>, held: &Arc<Held>, key: KeyId, depth: usize) -> Option<Self> {
        let mut by_key = held.0.lock();
        let holds = by_key.get(&key).copied().unwrap_or(0);
        if holds > 0 && slots.available_permits() <= depth / SHARE_KEPT_FREE {
            return None;
        }
        let permit = Arc::clone(slots).try_acquire_owned().ok()?;
        by_key.insert(key, holds + 1);
        drop(by_key);
        Some(Self { key, held: Arc::clone(held), _permit: permit })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut by_key = self.held.0.lock();
        if let Some(holds) = by_key.get_mut(&self.key) {
            *holds -= 1;
            if *holds == 0 {
                by_key.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_places_are_for_keys_that_hold_none() {
        let (slots, held) = (Arc::new(Semaphore::new(8)), Arc::new(Held::default()));
        let take = |key| Slot::take(&slots, &held, KeyId::new(key), 8);
        let mut flood: Vec<_> = std::iter::from_fn(|| take(1)).collect();
        assert_eq!(flood.len(), 7);
        let other = take(2);
        assert!(other.is_some() && take(2).is_none() && take(3).is_none());
        flood.pop();
        assert!(take(1).is_none(), "it is kept again");
        assert!(take(3).is_some());
    }

    #[test]
    fn a_queue_of_one_takes_one() {
        let (slots, held) = (Arc::new(Semaphore::new(1)), Arc::new(Held::default()));
        let first = Slot::take(&slots, &held, KeyId::new(1), 1);
        assert!(first.is_some() && Slot::take(&slots, &held, KeyId::new(2), 1).is_none());
        drop(first);
        assert!(Slot::take(&slots, &held, KeyId::new(2), 1).is_some());
    }
}
