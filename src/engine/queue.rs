use std::collections::{BTreeMap, VecDeque};

use crate::domain::KeyId;

/// Jobs that wait, fair between keys and first in, first out within a key.
///
/// Start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996): each key has a virtual clock that advances by the work
/// its images cost, and the key whose clock is furthest behind is served next. A key that comes back after a rest starts
/// at the present, so idling earns no credit. What is shared out is images, not jobs: a job of ten does not hold up a
/// job of one.
#[derive(Debug)]
pub(super) struct FairQueue<J, G> {
    lanes: BTreeMap<KeyId, Lane<J, G>>,
    /// The virtual clock of the image served last.
    now: u64,
}

#[derive(Debug)]
struct Lane<J, G> {
    jobs: VecDeque<Waiting<J, G>>,
    clock: u64,
}

/// A job with images still to be handed out.
#[derive(Debug)]
pub(super) struct Waiting<J, G> {
    pub(super) job: J,
    /// Only images of one group can share a batch.
    pub(super) group: G,
    /// Work of one image, in pixel-steps.
    pub(super) cost: u64,
    /// Images not handed out yet, by their index.
    pub(super) images: std::ops::Range<u32>,
    /// The worker that failed at them and put them back, for another one.
    pub(super) failed_on: Option<usize>,
}

/// One image of a job, handed out to be generated.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct QueuedImage<J> {
    pub(super) job: J,
    pub(super) index: u32,
}

impl<J, G> Waiting<J, G> {
    fn is_begun(&self) -> bool {
        self.images.start > 0 || self.failed_on.is_some()
    }
}

impl<J, G> Lane<J, G> {
    /// Work that waits in it, in pixel-steps.
    fn work(&self) -> u64 {
        let of = |waiting: &Waiting<J, G>| waiting.cost.saturating_mul(waiting.images.len() as u64);
        self.jobs.iter().map(of).fold(0, u64::saturating_add)
    }

    fn next_cost(&self) -> u64 {
        self.jobs.front().map_or(0, |waiting| waiting.cost)
    }
}

impl<J, G> Default for FairQueue<J, G> {
    fn default() -> Self {
        Self { lanes: BTreeMap::new(), now: 0 }
    }
}

impl<J: Clone, G: Clone + PartialEq> FairQueue<J, G> {
    /// Puts a job at the end of its key's lane.
    pub(super) fn push(&mut self, key: KeyId, waiting: Waiting<J, G>) {
        let lane = self.lanes.entry(key).or_insert(Lane { jobs: VecDeque::new(), clock: 0 });
        if lane.jobs.is_empty() {
            lane.clock = lane.clock.max(self.now);
        }
        lane.jobs.push_back(waiting);
    }

    /// Puts an image back at the head of its key's lane, as if it had not been handed out.
    pub(super) fn put_back(&mut self, key: KeyId, waiting: Waiting<J, G>) {
        let lane = self.lanes.entry(key).or_insert(Lane { jobs: VecDeque::new(), clock: self.now });
        lane.clock = lane.clock.saturating_sub(waiting.cost);
        lane.jobs.push_front(waiting);
    }

    /// Hands out the next image of those that pass `may`, and with it others of its group, as many as `batch_max` says
    /// for that group. Empty if none waits.
    pub(super) fn take(
        &mut self,
        may: impl Fn(&Waiting<J, G>) -> bool,
        batch_max: impl FnOnce(&G) -> usize,
    ) -> Vec<QueuedImage<J>> {
        if self.is_empty() {
            // A busy period is over: what a key has had in it is forgotten.
            self.lanes.clear();
        }
        let Some((clock, key)) = self.next_key(|lane| lane.jobs.iter().any(&may)) else {
            return Vec::new();
        };
        self.now = clock.max(self.now);
        let next = self.lanes[&key].jobs.iter().find(|waiting| may(waiting));
        let Some(group) = next.map(|waiting| waiting.group.clone()) else { return Vec::new() };
        let in_group = |waiting: &Waiting<J, G>| may(waiting) && waiting.group == group;
        let mut batch = Vec::new();
        let limit = batch_max(&group).max(1);
        while batch.len() < limit {
            // The first round finds `key` again: it is the one furthest behind, and its first job that may is of the group.
            let Some((_, key)) = self.next_key(|lane| lane.jobs.iter().any(in_group)) else { break };
            batch.extend(self.hand_out(key, in_group));
        }
        self.forget_rested_lanes();
        batch
    }

    /// Takes out a job's remaining images; false if it has none.
    pub(super) fn remove(&mut self, mut is_it: impl FnMut(&J) -> bool) -> bool {
        let mut found = false;
        for lane in self.lanes.values_mut() {
            lane.jobs.retain(|waiting| {
                let it = is_it(&waiting.job);
                found |= it;
                !it
            });
        }
        self.forget_rested_lanes();
        found
    }

    /// Takes out every job of which no image has been handed out.
    pub(super) fn remove_unbegun(&mut self) -> Vec<J> {
        let mut removed = Vec::new();
        for lane in self.lanes.values_mut() {
            let (begun, unbegun): (VecDeque<_>, VecDeque<_>) =
                std::mem::take(&mut lane.jobs).into_iter().partition(Waiting::is_begun);
            lane.jobs = begun;
            removed.extend(unbegun.into_iter().map(|waiting| waiting.job));
        }
        removed
    }

    /// Takes out everything.
    pub(super) fn remove_all(&mut self) -> Vec<J> {
        let lanes = std::mem::take(&mut self.lanes).into_values();
        lanes.flat_map(|lane| lane.jobs).map(|waiting| waiting.job).collect()
    }

    /// Whether no image waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.values().all(|lane| lane.jobs.is_empty())
    }

    /// Images still to be handed out.
    pub(super) fn images(&self) -> usize {
        self.lanes.values().flat_map(|lane| &lane.jobs).map(|waiting| waiting.images.len()).sum()
    }

    /// Jobs with images still to be handed out.
    pub(super) fn jobs(&self) -> usize {
        self.lanes.values().map(|lane| lane.jobs.len()).sum()
    }

    /// Work of all that waits, in pixel-steps.
    pub(super) fn work(&self) -> u64 {
        self.lanes.values().map(Lane::work).fold(0, u64::saturating_add)
    }

    /// Work that would be handed out before the last image of a new job of `key`, which has `work` of its own, if nothing
    /// else came: all that waits in its lane, and of every other lane as much as its turn brings.
    pub(super) fn work_before(&self, key: KeyId, work: u64) -> u64 {
        let (clock, own) = self.lanes.get(&key).map_or((0, 0), |lane| (lane.clock, lane.work()));
        let finish = clock.max(self.now).saturating_add(own).saturating_add(work);
        let others = self.lanes.iter().filter(|(other, _)| **other != key);
        let ahead = others.map(|(_, lane)| {
            let turn = finish.saturating_sub(lane.clock).saturating_add(lane.next_cost());
            lane.work().min(turn)
        });
        ahead.fold(own, u64::saturating_add)
    }

    /// The jobs in the order in which their next images will be handed out if nothing else comes, each with the work
    /// before that. Batches may bring an image forward.
    pub(super) fn forecast(&self) -> Vec<(J, u64)> {
        let mut turns = Vec::new();
        for (key, lane) in &self.lanes {
            let mut clock = lane.clock;
            for waiting in &lane.jobs {
                for image in 0..waiting.images.len() {
                    turns.push((clock, *key, waiting, image == 0));
                    clock = clock.saturating_add(waiting.cost);
                }
            }
        }
        // The key furthest behind is served next, so images go by the clock that their lane will have. Stable: a lane's
        // own order stays.
        turns.sort_by_key(|(clock, key, ..)| (*clock, *key));
        let (mut order, mut before) = (Vec::with_capacity(self.jobs()), 0_u64);
        for (_, _, waiting, is_first) in turns {
            if is_first {
                order.push((waiting.job.clone(), before));
            }
            before = before.saturating_add(waiting.cost);
        }
        order
    }

    /// The key furthest behind, of those with jobs that pass `wanted`; the older key where two are even.
    fn next_key(&self, wanted: impl Fn(&Lane<J, G>) -> bool) -> Option<(u64, KeyId)> {
        let waiting = self.lanes.iter().filter(|(_, lane)| !lane.jobs.is_empty() && wanted(lane));
        waiting.map(|(key, lane)| (lane.clock, *key)).min()
    }

    /// The next image of the first job in `key`'s lane that passes `wanted`.
    fn hand_out(&mut self, key: KeyId, wanted: impl Fn(&Waiting<J, G>) -> bool) -> Option<QueuedImage<J>> {
        let lane = self.lanes.get_mut(&key)?;
        let place = lane.jobs.iter().position(wanted)?;
        let waiting = &mut lane.jobs[place];
        let index = waiting.images.next()?;
        lane.clock = lane.clock.saturating_add(waiting.cost);
        let image = QueuedImage { job: waiting.job.clone(), index };
        if waiting.images.is_empty() {
            lane.jobs.remove(place);
        }
        Some(image)
    }

    /// An empty lane is kept while its clock is ahead, or its key would be served again too soon.
    fn forget_rested_lanes(&mut self) {
        let now = self.now;
        self.lanes.retain(|_, lane| !lane.jobs.is_empty() || lane.clock > now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Queue = FairQueue<&'static str, char>;

    fn push(queue: &mut Queue, key: i64, job: &'static str, group: char, images: u32) {
        queue.push(KeyId::new(key), Waiting { job, group, cost: 10, images: 0..images, failed_on: None });
    }

    fn drain(queue: &mut Queue, batch_max: usize) -> Vec<Vec<&'static str>> {
        let batches = std::iter::from_fn(|| {
            Some(queue.take(|_| true, |_| batch_max)).filter(|batch| !batch.is_empty())
        });
        batches.map(|batch| batch.into_iter().map(|image| image.job).collect()).collect()
    }

    #[test]
    fn one_key_is_served_first_in_first_out() {
        let mut queue = Queue::default();
        for job in ["a", "b", "c"] {
            push(&mut queue, 1, job, '-', 1);
        }
        assert_eq!(drain(&mut queue, 1), [["a"], ["b"], ["c"]]);
    }

    #[test]
    fn a_hundred_jobs_of_one_key_do_not_hold_up_anothers_one() {
        let mut queue = Queue::default();
        for _ in 0..100 {
            push(&mut queue, 1, "flood", '-', 1);
        }
        assert_eq!(queue.take(|_| true, |_| 1).len(), 1);
        push(&mut queue, 2, "one", '-', 1);
        let order = drain(&mut queue, 1);
        assert!(order.iter().position(|batch| batch[0] == "one") <= Some(1));
        assert_eq!(order.len(), 100);
    }

    #[test]
    fn a_job_of_ten_does_not_hold_up_a_job_of_one() {
        let mut queue = Queue::default();
        push(&mut queue, 1, "ten", '-', 10);
        assert_eq!(queue.take(|_| true, |_| 1)[0], QueuedImage { job: "ten", index: 0 });
        push(&mut queue, 2, "one", '-', 1);
        assert_eq!(queue.take(|_| true, |_| 1)[0].job, "one");
        assert_eq!(queue.take(|_| true, |_| 1)[0], QueuedImage { job: "ten", index: 1 });
    }

    #[test]
    fn the_forecast_is_what_is_handed_out() {
        let mut queue = Queue::default();
        push(&mut queue, 1, "a", '-', 3);
        push(&mut queue, 1, "b", '-', 1);
        assert_eq!(queue.take(|_| true, |_| 1)[0].job, "a");
        push(&mut queue, 2, "c", '-', 2);
        push(&mut queue, 3, "d", '-', 1);
        let forecast = queue.forecast();
        assert_eq!(forecast, [("c", 0), ("d", 10), ("a", 20), ("b", 50)]);
        let handed_out = drain(&mut queue, 1).concat();
        assert_eq!(handed_out, ["c", "d", "a", "c", "a", "b"]);
    }

    #[test]
    fn idling_earns_no_credit() {
        let mut queue = Queue::default();
        for _ in 0..50 {
            push(&mut queue, 1, "busy", '-', 1);
        }
        for _ in 0..40 {
            queue.take(|_| true, |_| 1);
        }
        for _ in 0..10 {
            push(&mut queue, 2, "late", '-', 1);
        }
        let order: Vec<_> = drain(&mut queue, 1).concat();
        let busy_in_first_ten = order[..10].iter().filter(|job| **job == "busy").count();
        assert!((4..=6).contains(&busy_in_first_ten), "{order:?}");
    }

    #[test]
    fn a_key_that_comes_back_after_a_rest_starts_at_the_present() {
        let mut queue = Queue::default();
        queue.push(
            KeyId::new(1),
            Waiting { job: "costly", group: '-', cost: 1_000, images: 0..1, failed_on: None },
        );
        assert_eq!(drain(&mut queue, 1), [["costly"]]);
        for _ in 0..10 {
            push(&mut queue, 2, "b", '-', 1);
        }
        push(&mut queue, 1, "a", '-', 1);
        let order = drain(&mut queue, 1).concat();
        assert!(order.iter().position(|job| *job == "a") <= Some(1), "{order:?}");
    }

    #[test]
    fn anothers_flood_is_hardly_before_a_new_job() {
        let mut queue = Queue::default();
        for _ in 0..50 {
            push(&mut queue, 1, "flood", '-', 1);
        }
        queue.take(|_| true, |_| 1);
        assert_eq!(queue.work_before(KeyId::new(1), 10), 490, "its own flood is");
        let foreseen = queue.work_before(KeyId::new(2), 10);
        push(&mut queue, 2, "one", '-', 1);
        let before = drain(&mut queue, 1).concat().iter().position(|job| *job == "one").expect("served");
        assert!(foreseen >= 10 * before as u64 && foreseen <= 30, "{foreseen}, {before}");
    }

    #[test]
    fn a_stop_leaves_the_jobs_that_have_begun() {
        let mut queue = Queue::default();
        push(&mut queue, 1, "begun", '-', 3);
        push(&mut queue, 2, "waiting", '-', 3);
        queue.take(|_| true, |_| 1);
        assert_eq!(queue.remove_unbegun(), ["waiting"]);
        assert_eq!(drain(&mut queue, 1), [["begun"], ["begun"]]);
    }

    #[test]
    fn an_image_that_a_worker_failed_at_is_anothers_next() {
        let mut queue = Queue::default();
        push(&mut queue, 1, "tried", '-', 2);
        push(&mut queue, 2, "other", '-', 1);
        let tried = queue.take(|_| true, |_| 1);
        let back = Waiting { job: "tried", group: '-', cost: 10, images: 0..1, failed_on: Some(0) };
        queue.put_back(KeyId::new(1), back);
        assert_eq!((queue.images(), queue.remove_unbegun()), (3, vec!["other"]), "it has begun");
        let not_on = |worker| move |waiting: &Waiting<_, _>| waiting.failed_on != Some(worker);
        assert_eq!(queue.take(not_on(0), |_| 1), [QueuedImage { job: "tried", index: 1 }]);
        assert_eq!(queue.take(not_on(0), |_| 1), [], "the other one is not for it");
        assert_eq!(queue.take(not_on(1), |_| 1), tried);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_batch_is_of_one_group_and_shared_between_keys() {
        let mut queue = Queue::default();
        push(&mut queue, 1, "a", 'x', 3);
        push(&mut queue, 1, "b", 'y', 1);
        push(&mut queue, 2, "c", 'x', 2);
        assert_eq!(drain(&mut queue, 4), [vec!["a", "c", "a", "c"], vec!["a"], vec!["b"]]);
    }

    #[test]
    fn a_removed_job_is_not_served() {
        let mut queue = Queue::default();
        push(&mut queue, 1, "a", '-', 2);
        push(&mut queue, 2, "b", '-', 1);
        assert!(queue.remove(|job| *job == "a") && !queue.remove(|job| *job == "a"));
        assert_eq!((queue.jobs(), queue.lanes.values().map(Lane::work).sum::<u64>()), (1, 10));
        assert_eq!(drain(&mut queue, 1), [["b"]]);
    }

    proptest! {
        #[test]
        fn every_image_is_handed_out_once(
            jobs in prop::collection::vec((0..4_i64, 0..3_u8, 1..5_u32), 0..40),
            batch_max in 1..6_usize,
        ) {
            let mut queue = FairQueue::default();
            for (job, (key, group, images)) in jobs.iter().enumerate() {
                queue.push(KeyId::new(*key), Waiting { job, group: *group, cost: 7, images: 0..*images, failed_on: None });
            }
            let mut handed = Vec::new();
            loop {
                let batch = queue.take(|_| true, |_| batch_max);
                if batch.is_empty() { break; }
                prop_assert!(batch.len() <= batch_max);
                prop_assert!(batch.iter().all(|image| jobs[image.job].1 == jobs[batch[0].job].1));
                handed.extend(batch.into_iter().map(|image| (image.job, image.index)));
            }
            handed.sort_unstable();
            let all: Vec<_> =
                jobs.iter().enumerate().flat_map(|(job, (_, _, n))| (0..*n).map(move |i| (job, i))).collect();
            prop_assert_eq!(handed, all);
            prop_assert_eq!((queue.jobs(), queue.lanes.values().map(Lane::work).sum::<u64>()), (0, 0));
        }
    }
}
