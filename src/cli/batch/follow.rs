use std::time::Duration;

use indicatif::ProgressBar;

use super::{
    server::{Batch, Server},
    time_left::time_left,
};
use crate::{
    cli::{CliError, output::note, progress},
    clock::Clock,
    units::{Millis, Money},
};

/// Pauses between two looks: the first, and the longest.
const LOOKS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(2)];
/// How long a server may be away, as while it is started again.
const AWAY_MAX: Millis = Millis::new(600_000);

/// Watches a batch, and shows how far it is: a bar on a terminal, a line for every tenth elsewhere.
pub(super) struct Follow<'a> {
    pub(super) server: &'a Server,
    pub(super) clock: &'a dyn Clock,
    /// What all of it was expected to cost.
    pub(super) expected: Option<Money>,
}

impl Follow<'_> {
    /// Waits until the batch `id` has ended.
    pub(super) fn to_its_end(&self, id: &str) -> Result<Batch, CliError> {
        let bar = progress::line_bar();
        let (mut pause, mut tenth, mut seen) = (LOOKS[0], 0, self.clock.monotonic());
        loop {
            match self.server.batch(id) {
                Ok(batch) => {
                    seen = self.clock.monotonic();
                    if batch.has_ended() {
                        bar.finish_and_clear();
                        return Ok(batch);
                    }
                    self.show(&batch, &bar, &mut tenth);
                }
                Err(CliError::Failed(_)) if self.is_away_since(seen) => {}
                Err(error) => return Err(error),
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(LOOKS[1]);
        }
    }

    fn is_away_since(&self, seen: Millis) -> bool {
        self.clock.monotonic().get().saturating_sub(seen.get()) < AWAY_MAX.get()
    }

    fn show(&self, batch: &Batch, bar: &ProgressBar, tenth: &mut u32) {
        let (total, done) =
            (batch.request_counts.total, batch.request_counts.completed + batch.request_counts.failed);
        let state = self.state(batch, done);
        bar.set_length(total.into());
        bar.set_position(done.into());
        bar.set_message(state.clone());
        let reached = (done * 10).checked_div(total).unwrap_or(0);
        if bar.is_hidden() && reached > *tenth {
            *tenth = reached;
            note(&format_args!("{done} of {total} lines, {state}"));
        }
    }

    /// `3.21 CNY, about 18.9 left, 12 min`
    fn state(&self, batch: &Batch, done: u32) -> String {
        let (total, cost) = (batch.request_counts.total, &batch.tintype.cost);
        let spent = cost.total.unwrap_or(Money::ZERO);
        let left = money_left(spent, self.expected, done, total)
            .map_or_else(String::new, |left| format!(", about {} left", left.to_rounded_string(4)));
        let now = self.clock.now();
        let time = match &batch.tintype.plan {
            Some(plan) if plan.starts_at.is_some_and(|at| at > now.as_second()) => {
                format!(", {}", plan.line(&now, &cost.currency))
            }
            Some(plan) => plan.ends_at.map_or_else(String::new, |at| format!(", {}", time_left(at, &now))),
            None => format!(", {}", batch.status),
        };
        format!("{} {}{left}{time}", spent.to_rounded_string(4), cost.currency)
    }
}

/// What the lines that are not done will cost: as those that are, or as was expected.
fn money_left(spent: Money, expected: Option<Money>, done: u32, total: u32) -> Option<Money> {
    let left = i128::from(total.saturating_sub(done));
    let (sum, of) = if done > 0 { (spent, done) } else { (expected?, total) };
    let nano = i128::from(sum.as_nano()) * left / i128::from(of.max(1));
    i64::try_from(nano).ok().map(Money::from_nano)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_left_is_counted_from_the_lines_that_are_done() {
        let money = Money::from_nano;
        assert_eq!(money_left(money(30), Some(money(1000)), 3, 10), Some(money(70)));
        assert_eq!(money_left(Money::ZERO, Some(money(1000)), 0, 10), Some(money(1000)));
        assert_eq!(money_left(Money::ZERO, None, 0, 10), None);
        assert_eq!(money_left(money(30), None, 10, 10), Some(Money::ZERO));
        assert_eq!(money_left(Money::ZERO, Some(money(5)), 0, 0), Some(Money::ZERO));
    }
}
