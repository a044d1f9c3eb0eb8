use std::{
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Sender},
    },
    thread,
};

use super::fault::Fault;

/// Files in work at one time. More would not be faster, and hubs answer 429 to them.
const AT_ONCE: usize = 4;

enum Event<E, R> {
    Progress(E),
    Done(usize, Result<R, Fault>),
}

/// Reports events of one piece of work to the thread that waits for all of them.
pub(super) struct Reporter<'a, E, R>(&'a Sender<Event<E, R>>);

impl<E, R> Reporter<'_, E, R> {
    /// # Errors
    /// [`Fault::stopped`] once another piece has failed: then nobody waits for this one.
    pub(super) fn report(&self, event: E) -> Result<(), Fault> {
        self.0.send(Event::Progress(event)).map_err(|_| Fault::stopped())
    }
}

/// What `work` gives for each of `items`, several at a time; the first fault ends it. `on_event` is called on this thread.
pub(super) fn in_parallel<T: Sync, E: Send, R: Send>(
    items: &[T],
    on_event: &mut dyn FnMut(E),
    work: impl Fn(&T, &Reporter<'_, E, R>) -> Result<R, Fault> + Sync,
) -> Result<Vec<R>, Fault> {
    let next = AtomicUsize::new(0);
    let (sender, events) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(items.len()) {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(place) else { return };
                    if sender.send(Event::Done(place, work(item, &Reporter(&sender)))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
        for event in events {
            match event {
                Event::Progress(event) => on_event(event),
                Event::Done(place, result) => results[place] = Some(result?),
            }
        }
        results.into_iter().collect::<Option<_>>().ok_or_else(Fault::stopped)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_places_and_the_first_fault_ends_it() {
        let items: Vec<u32> = (0..50).collect();
        let mut heard = 0;
        let doubled = in_parallel(&items, &mut |_: u32| heard += 1, |item, reporter| {
            reporter.report(*item)?;
            Ok(item * 2)
        });
        assert_eq!(doubled.expect("no fault"), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        assert_eq!(heard, 50);

        // The first four are in work together; three of them end only because the fourth fails.
        let failed: Result<Vec<u32>, _> =
            in_parallel(&items, &mut |_: u32| {}, |item, reporter| match item {
                3 => Err(Fault::Final("three".into())),
                _ => loop {
                    reporter.report(*item)?;
                },
            });
        assert_eq!(failed.expect_err("a fault").to_string(), "three");
    }
}
