use crate::units::Millis;

const FIRST: u64 = 30_000;
/// Pauses double up to this one.
const LONGEST: u64 = 30 * 60_000;
/// Attempts at the longest pause: three days of them.
const AT_LONGEST: u32 = 3 * 24 * 2;
/// Pauses that are shorter: 30 s, 1, 2, 4, 8 and 16 min.
const DOUBLINGS: u32 = 6;

/// The pause before the next attempt, if `attempts` have failed; none if that was the last one.
pub fn pause_after(attempts: u32) -> Option<Millis> {
    if attempts == 0 {
        return Some(Millis::ZERO);
    }
    if attempts <= DOUBLINGS {
        return Some(Millis::new((FIRST << (attempts - 1)).min(LONGEST)));
    }
    (attempts <= DOUBLINGS + AT_LONGEST).then_some(Millis::new(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_half_an_hour_and_go_on_for_three_days() {
        let pauses: Vec<u64> = (1..).map_while(pause_after).map(|pause| pause.get() / 1000).collect();
        assert_eq!(pauses[..8], [30, 60, 120, 240, 480, 960, 1800, 1800]);
        assert_eq!(pauses[6..].iter().sum::<u64>(), 3 * 86_400, "every half hour for three days");
        assert_eq!(pause_after(0), Some(Millis::ZERO));
    }
}
