use crate::domain::KeyId;

use super::{
    job::Priority,
    queue::{FairQueue, QueuedImage, Waiting},
};

/// The queue of live jobs and the queue of those that can wait. No image of the second is handed out while one of the first can
/// be, so a live job is held up by what a device has in hand and by nothing else.
#[derive(Debug)]
pub(super) struct Queues<J, G> {
    live: FairQueue<J, G>,
    background: FairQueue<J, G>,
}

impl<J, G> Default for Queues<J, G> {
    fn default() -> Self {
        Self { live: FairQueue::default(), background: FairQueue::default() }
    }
}

impl<J: Clone, G: Clone + PartialEq> Queues<J, G> {
    fn of(&mut self, priority: Priority) -> &mut FairQueue<J, G> {
        match priority {
            Priority::Live => &mut self.live,
            Priority::Background => &mut self.background,
        }
    }

    /// Puts a job at the end of its key's lane.
    pub(super) fn push(&mut self, priority: Priority, key: KeyId, waiting: Waiting<J, G>) {
        self.of(priority).push(key, waiting);
    }

    /// Puts an image back at the head of its key's lane, as if it had not been handed out.
    pub(super) fn put_back(&mut self, priority: Priority, key: KeyId, waiting: Waiting<J, G>) {
        self.of(priority).put_back(key, waiting);
    }

    /// Hands out the next batch to one of `takers` workers: `batch_max` images at most, and a fair share of those that wait, since
    /// images side by side on two devices come sooner than in one batch.
    pub(super) fn take(
        &mut self,
        may: impl Fn(&Waiting<J, G>) -> bool,
        batch_max: impl Fn(&G) -> usize,
        takers: usize,
    ) -> Vec<QueuedImage<J>> {
        for queue in [&mut self.live, &mut self.background] {
            let share = queue.images().div_ceil(takers.max(1));
            let batch = queue.take(&may, |group| batch_max(group).min(share));
            if !batch.is_empty() {
                return batch;
            }
        }
        Vec::new()
    }

    /// Takes out a job's remaining images; false if it has none.
    pub(super) fn remove(&mut self, mut is_it: impl FnMut(&J) -> bool) -> bool {
        self.live.remove(&mut is_it) | self.background.remove(is_it)
    }

    /// Takes out every job of which no image has been handed out.
    pub(super) fn remove_unbegun(&mut self) -> Vec<J> {
        [self.live.remove_unbegun(), self.background.remove_unbegun()].concat()
    }

    /// Takes out everything.
    pub(super) fn remove_all(&mut self) -> Vec<J> {
        [self.live.remove_all(), self.background.remove_all()].concat()
    }

    /// Whether no image waits.
    pub(super) fn is_empty(&self) -> bool {
        self.live.is_empty() && self.background.is_empty()
    }

    /// Jobs that would have their turn before a new one.
    pub(super) fn jobs_before(&self, priority: Priority) -> usize {
        self.live.jobs() + if priority == Priority::Live { 0 } else { self.background.jobs() }
    }

    /// Work that would be handed out before the last image of a new job of `key`, which has `work` of its own, if nothing else
    /// came.
    pub(super) fn work_before(&self, priority: Priority, key: KeyId, work: u64) -> u64 {
        match priority {
            Priority::Live => self.live.work_before(key, work),
            Priority::Background => self.live.work().saturating_add(self.background.work_before(key, work)),
        }
    }

    /// Work of live jobs, in pixel-steps.
    pub(super) fn live_work(&self) -> u64 {
        self.live.work()
    }

    /// The jobs in the order in which their next images will be handed out if nothing else comes, each with the work before that.
    pub(super) fn forecast(&self) -> Vec<(J, u64)> {
        let live = self.live.work();
        let later = |(job, before): (J, u64)| (job, live.saturating_add(before));
        self.live.forecast().into_iter().chain(self.background.forecast().into_iter().map(later)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Jobs = Queues<&'static str, char>;

    fn push(queues: &mut Jobs, priority: Priority, key: i64, job: &'static str, images: u32) {
        let waiting = Waiting { job, group: '-', cost: 10, images: 0..images, failed_on: None };
        queues.push(priority, KeyId::new(key), waiting);
    }

    fn take(queues: &mut Jobs, batch_max: usize, takers: usize) -> Vec<&'static str> {
        queues.take(|_| true, |_| batch_max, takers).into_iter().map(|image| image.job).collect()
    }

    #[test]
    fn a_live_job_goes_before_every_image_that_can_wait_and_shares_no_batch_with_one() {
        let mut queues = Jobs::default();
        push(&mut queues, Priority::Background, 1, "night", 5);
        assert_eq!(take(&mut queues, 2, 1), ["night", "night"]);
        push(&mut queues, Priority::Live, 2, "now", 1);
        push(&mut queues, Priority::Live, 1, "now too", 1);
        assert_eq!(take(&mut queues, 1, 1), ["now too"], "its key's work in the background does not count");
        assert_eq!(take(&mut queues, 4, 1), ["now"]);
        assert_eq!(take(&mut queues, 4, 1), ["night"; 3]);
        assert!(queues.is_empty());
    }

    #[test]
    fn keys_share_what_is_left_for_the_background() {
        let mut queues = Jobs::default();
        push(&mut queues, Priority::Background, 1, "flood", 50);
        push(&mut queues, Priority::Background, 2, "few", 2);
        let order: Vec<_> = (0..4).flat_map(|_| take(&mut queues, 1, 1)).collect();
        assert_eq!(order, ["flood", "few", "flood", "few"]);
    }

    #[test]
    fn the_background_is_behind_in_every_forecast_and_before_no_live_job() {
        let mut queues = Jobs::default();
        push(&mut queues, Priority::Background, 1, "night", 2);
        assert_eq!(queues.work_before(Priority::Live, KeyId::new(1), 10), 0);
        push(&mut queues, Priority::Live, 2, "now", 3);
        assert_eq!(queues.work_before(Priority::Background, KeyId::new(1), 10), 30 + 20);
        assert_eq!(queues.forecast(), [("now", 0), ("night", 30)]);
        assert_eq!((queues.jobs_before(Priority::Live), queues.jobs_before(Priority::Background)), (1, 2));
        assert_eq!(take(&mut queues, 4, 2), ["now", "now"], "another device gets its share");
        assert!(queues.remove(|job| *job == "night"));
        assert_eq!(queues.remove_all(), ["now"]);
    }
}
