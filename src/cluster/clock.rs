use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::{
    clock::{Clock, Sleep},
    units::Millis,
};

/// A difference that somebody should do something about.
const WARN_FROM: SignedDuration = SignedDuration::from_secs(1);

/// The clock by which a node books: the machine's, corrected by what it differs from the database's, so that all nodes have one time
/// and no entry of a wrong clock lands in a month that was closed.
pub struct SharedClock {
    own: Arc<dyn Clock>,
    state: Mutex<Comparison>,
}

/// What the last comparisons gave.
#[derive(Debug, Default)]
struct Comparison {
    /// By how much the machine's clock is ahead; negative: it is behind.
    ahead: SignedDuration,
    is_compared: bool,
    is_far: bool,
}

impl SharedClock {
    /// The clock of a machine that was not compared yet.
    pub fn new(own: Arc<dyn Clock>) -> Self {
        Self { own, state: Mutex::default() }
    }

    /// What the machine's own clock says.
    pub fn own_now(&self) -> Timestamp {
        self.own.now()
    }

    /// Notes that the database's clock said `theirs` between two looks at the machine's own, `before` and `after`. What was known
    /// stays as long as it fits in between: time that is measured again and again should not jump. Returns the difference if it is
    /// one that somebody should see, once.
    pub fn compare(&self, before: Timestamp, theirs: Timestamp, after: Timestamp) -> Option<SignedDuration> {
        let (least, most) = (before.duration_since(theirs), after.duration_since(theirs));
        if most < least {
            // The machine's clock was set in between: the next comparison will do.
            return None;
        }
        let mut state = self.state.lock();
        if !state.is_compared || state.ahead < least || state.ahead > most {
            // In the middle; in between there is room for no difference at all, if the clocks agree.
            let is_right = least <= SignedDuration::ZERO && most >= SignedDuration::ZERO;
            state.ahead = if is_right { SignedDuration::ZERO } else { least + (most - least) / 2 };
        }
        state.is_compared = true;
        let is_far = state.ahead.abs() > WARN_FROM;
        let was_far = std::mem::replace(&mut state.is_far, is_far);
        (state.is_far && !was_far).then_some(state.ahead)
    }

    /// Milliseconds by which the machine's clock is ahead of the database's; none before they were compared.
    pub fn ahead_ms(&self) -> Option<i64> {
        let state = self.state.lock();
        let millis = i64::try_from(state.ahead.as_millis()).unwrap_or(i64::MAX);
        state.is_compared.then_some(millis)
    }
}

impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        let now = self.own.now();
        now.checked_sub(self.state.lock().ahead).unwrap_or(now)
    }

    fn monotonic(&self) -> Millis {
        self.own.monotonic()
    }

    fn sleep(&self, span: Millis) -> Sleep {
        self.own.sleep(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn a_clock_that_is_ten_minutes_off_books_by_the_databases() {
        let right = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
        for off in [600, -600].map(SignedDuration::from_secs) {
            let clock = SharedClock::new(Arc::new(ManualClock::at(right + off)));
            assert_eq!((clock.now(), clock.ahead_ms()), (right + off, None));
            let own = clock.own_now();
            assert_eq!(clock.compare(own, right, own), Some(off), "said");
            assert_eq!((clock.now(), clock.ahead_ms()), (right, Some(off.as_secs() * 1000)));
            assert_eq!(clock.compare(own, right, own), None, "once");
            // A slow answer says less, and changes nothing.
            let slow = own + SignedDuration::from_secs(5);
            assert_eq!(clock.compare(own, right + SignedDuration::from_secs(1), slow), None);
            assert_eq!(clock.now(), right);
        }
    }

    #[test]
    fn clocks_that_agree_are_left_alone() {
        let clock = SharedClock::new(Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH)));
        let millis = SignedDuration::from_millis;
        let own = clock.own_now();
        assert_eq!(clock.compare(own, own + millis(3), own + millis(20)), None);
        assert_eq!((clock.ahead_ms(), clock.now()), (Some(0), own));
        // Drifted by as little as 30 ms.
        assert_eq!(clock.compare(own + millis(50), own + millis(20), own + millis(50)), None);
        assert_eq!(clock.ahead_ms(), Some(30));
        // Set back while it was asked.
        assert_eq!(clock.compare(own, own, own - millis(90)), None);
        assert_eq!(clock.ahead_ms(), Some(30));
    }
}
