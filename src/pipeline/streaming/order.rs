//! In which order layers come to a card, so that each comes while the one before it is worked with.
//!
//! A card has two streams: work, and copies out of the host's memory. Each does what it is given in its order, and neither knows
//! of the other but by events. Nothing here is of CUDA, so that tests can try every way in which the two may fall.

/// The host's buffers: one is filled while the other is copied.
pub(super) const BUFFERS: usize = 2;

/// A card, its two streams and the host's buffers; in tests a model of them.
pub(super) trait Streams {
    /// A moment of a stream.
    type Event: Clone;
    /// A layer's memory on the card. It is given back, in the order of the work, when it is dropped.
    type Room;
    type Error;

    /// The host waits until `event` has come.
    fn await_event(&mut self, event: &Self::Event) -> Result<(), Self::Error>;
    /// The host writes `layer` into `buffer`.
    fn fill(&mut self, buffer: usize, layer: usize) -> Result<(), Self::Error>;
    /// Memory for what `buffer` holds, in the order of the work: it may be what work that was given before still reads.
    fn allocate(&mut self, buffer: usize) -> Result<Self::Room, Self::Error>;
    /// The moment when all work that was given is done.
    fn mark_work(&mut self) -> Result<Self::Event, Self::Error>;
    /// Copies that are given from now on wait for `event`.
    fn copies_wait(&mut self, event: &Self::Event) -> Result<(), Self::Error>;
    /// Begins to copy `buffer` into `room`.
    fn copy(&mut self, buffer: usize, room: &mut Self::Room) -> Result<(), Self::Error>;
    /// The moment when all copies that were given are done.
    fn mark_copies(&mut self) -> Result<Self::Event, Self::Error>;
    /// Work that is given from now on waits for `event`.
    fn work_waits(&mut self, event: &Self::Event) -> Result<(), Self::Error>;
    /// After a failure: the host waits until no copy is on its way.
    fn settle(&mut self);
}

/// When the last copy out of each buffer ends. Kept from run to run, as the buffers are.
pub(super) struct Ends<E>([Option<E>; BUFFERS]);

impl<E> Default for Ends<E> {
    fn default() -> Self {
        Self([const { None }; BUFFERS])
    }
}

/// What `step` makes of `start` with each of `count` layers in its turn. A layer's work is given after the copies of the next.
pub(super) fn convey<S: Streams, T>(
    streams: &mut S,
    ends: &mut Ends<S::Event>,
    count: usize,
    start: T,
    mut step: impl FnMut(&mut S, T, S::Room) -> Result<T, S::Error>,
) -> Result<T, S::Error> {
    let (mut x, mut coming) = (start, None);
    for layer in 0..count {
        let (room, copied) = match coming.take() {
            Some(came) => came,
            None => fetch(streams, ends, layer)?,
        };
        let received = streams.work_waits(&copied);
        let next = received.and_then(|()| {
            if layer + 1 < count { fetch(streams, ends, layer + 1).map(Some) } else { Ok(None) }
        });
        coming = match next {
            Ok(next) => next,
            Err(error) => {
                streams.settle();
                return Err(error);
            }
        };
        x = match step(streams, x, room) {
            Ok(x) => x,
            Err(error) => {
                // What is on its way must not outlive its room.
                streams.settle();
                return Err(error);
            }
        };
    }
    Ok(x)
}

/// A layer on its way, and the moment of its arrival.
fn fetch<S: Streams>(
    streams: &mut S,
    ends: &mut Ends<S::Event>,
    layer: usize,
) -> Result<(S::Room, S::Event), S::Error> {
    let buffer = layer % BUFFERS;
    if let Some(end) = ends.0[buffer].take() {
        streams.await_event(&end)?;
    }
    streams.fill(buffer, layer)?;
    let mut room = streams.allocate(buffer)?;
    let sent = send(streams, buffer, &mut room);
    if sent.is_err() {
        streams.settle();
    }
    let copied = sent?;
    ends.0[buffer] = Some(copied.clone());
    Ok((room, copied))
}

fn send<S: Streams>(streams: &mut S, buffer: usize, room: &mut S::Room) -> Result<S::Event, S::Error> {
    let vacated = streams.mark_work()?;
    streams.copies_wait(&vacated)?;
    streams.copy(buffer, room)?;
    streams.mark_copies()
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::VecDeque, rc::Rc};

    use super::*;

    const WORK: usize = 0;
    const COPIES: usize = 1;

    /// What a stream is given. What takes time has a beginning and an end, and anything may come between.
    #[derive(Debug, Clone, Copy)]
    enum Given {
        Wait(usize),
        Mark(usize),
        CopyBegins { memory: usize },
        CopyEnds { buffer: usize, memory: usize },
        Work { memory: usize, layer: usize },
    }

    /// What the order forgets, to see that the model notices.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Forgets {
        Nothing,
        HostWaits,
        CopiesWait,
        WorkWaits,
    }

    /// A card whose streams go on whenever the dice say so.
    struct Model {
        queues: [VecDeque<Given>; 2],
        events: Vec<bool>,
        buffers: [Option<usize>; BUFFERS],
        /// Copies out of a buffer that were begun, or are to be.
        readers: [usize; BUFFERS],
        memory: Vec<Option<usize>>,
        /// Given back by work that may not have been done yet.
        free: Rc<RefCell<Vec<usize>>>,
        dice: u64,
        forgets: Forgets,
        faults: Vec<String>,
        worked: Vec<usize>,
    }

    struct ModelRoom {
        memory: usize,
        free: Rc<RefCell<Vec<usize>>>,
    }

    impl Drop for ModelRoom {
        fn drop(&mut self) {
            self.free.borrow_mut().push(self.memory);
        }
    }

    impl Model {
        fn new(seed: u64, forgets: Forgets) -> Self {
            Self {
                queues: Default::default(),
                events: Vec::new(),
                buffers: [None; BUFFERS],
                readers: [0; BUFFERS],
                memory: Vec::new(),
                free: Rc::default(),
                dice: seed,
                forgets,
                faults: Vec::new(),
                worked: Vec::new(),
            }
        }

        fn roll(&mut self, sides: u64) -> u64 {
            self.dice =
                self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.dice >> 33) % sides
        }

        fn give(&mut self, stream: usize, given: Given) {
            self.queues[stream].push_back(given);
            for _ in 0..self.roll(4) {
                let stream = usize::from(self.roll(2) == 0);
                self.go_on(stream);
            }
        }

        fn mark(&mut self, stream: usize) -> usize {
            self.events.push(false);
            let event = self.events.len() - 1;
            self.give(stream, Given::Mark(event));
            event
        }

        /// Does the next thing of a stream, if it can be done; false if not.
        fn go_on(&mut self, stream: usize) -> bool {
            let Some(next) = self.queues[stream].front().copied() else { return false };
            match next {
                Given::Wait(event) if !self.events[event] => return false,
                Given::Wait(_) => {}
                Given::Mark(event) => self.events[event] = true,
                // Until it ends, there is no layer there.
                Given::CopyBegins { memory } => self.memory[memory] = None,
                Given::CopyEnds { buffer, memory } => {
                    self.memory[memory] = self.buffers[buffer];
                    self.readers[buffer] -= 1;
                }
                Given::Work { memory, layer } => {
                    if self.memory[memory] != Some(layer) {
                        self.faults.push(format!("layer {layer} is used where {:?} is", self.memory[memory]));
                    }
                    self.worked.push(layer);
                }
            }
            self.queues[stream].pop_front();
            true
        }

        /// Everything that was given, to its end.
        fn finish(&mut self) {
            while self.go_on(COPIES) || self.go_on(WORK) {}
            if self.queues.iter().any(|queue| !queue.is_empty()) {
                self.faults.push("the streams wait for each other".into());
            }
        }
    }

    impl Streams for Model {
        type Event = usize;
        type Room = ModelRoom;
        type Error = String;

        fn await_event(&mut self, event: &usize) -> Result<(), String> {
            while self.forgets != Forgets::HostWaits && !self.events[*event] {
                if !self.go_on(COPIES) && !self.go_on(WORK) {
                    return Err("the host waits for nothing".into());
                }
            }
            Ok(())
        }

        fn fill(&mut self, buffer: usize, layer: usize) -> Result<(), String> {
            if self.readers[buffer] > 0 {
                self.faults.push(format!("buffer {buffer} is filled while it is read"));
            }
            self.buffers[buffer] = Some(layer);
            Ok(())
        }

        fn allocate(&mut self, _: usize) -> Result<ModelRoom, String> {
            let free = Rc::clone(&self.free);
            let reused = free.borrow_mut().pop();
            let memory = reused.unwrap_or_else(|| {
                self.memory.push(None);
                self.memory.len() - 1
            });
            Ok(ModelRoom { memory, free })
        }

        fn mark_work(&mut self) -> Result<usize, String> {
            Ok(self.mark(WORK))
        }

        fn copies_wait(&mut self, event: &usize) -> Result<(), String> {
            if self.forgets != Forgets::CopiesWait {
                self.give(COPIES, Given::Wait(*event));
            }
            Ok(())
        }

        fn copy(&mut self, buffer: usize, room: &mut ModelRoom) -> Result<(), String> {
            self.readers[buffer] += 1;
            self.give(COPIES, Given::CopyBegins { memory: room.memory });
            self.give(COPIES, Given::CopyEnds { buffer, memory: room.memory });
            Ok(())
        }

        fn mark_copies(&mut self) -> Result<usize, String> {
            Ok(self.mark(COPIES))
        }

        fn work_waits(&mut self, event: &usize) -> Result<(), String> {
            if self.forgets != Forgets::WorkWaits {
                self.give(WORK, Given::Wait(*event));
            }
            Ok(())
        }

        fn settle(&mut self) {
            self.finish();
        }
    }

    const LAYERS: usize = 7;

    /// Two runs with the same buffers, as two steps of an image: the faults, and the layers in the order of their work.
    fn run(seed: u64, forgets: Forgets) -> (Vec<String>, Vec<usize>) {
        let (mut model, mut ends) = (Model::new(seed, forgets), Ends::default());
        for _ in 0..2 {
            let done = convey(&mut model, &mut ends, LAYERS, 0, |model, layer, room| {
                model.give(WORK, Given::Work { memory: room.memory, layer });
                Ok(layer + 1)
            });
            assert_eq!(done, Ok(LAYERS));
        }
        model.finish();
        assert!(model.memory.len() <= BUFFERS, "{} layers at once", model.memory.len());
        (model.faults, model.worked)
    }

    #[test]
    fn no_layer_is_used_before_it_came_and_no_buffer_is_filled_while_it_is_read() {
        let twice: Vec<usize> = (0..LAYERS).chain(0..LAYERS).collect();
        for seed in 0..5_000 {
            assert_eq!(run(seed, Forgets::Nothing), (Vec::new(), twice.clone()), "seed {seed}");
        }
    }

    #[test]
    fn each_wait_is_needed() {
        for forgets in [Forgets::HostWaits, Forgets::CopiesWait, Forgets::WorkWaits] {
            let is_seen = (0..5_000).any(|seed| !run(seed, forgets).0.is_empty());
            assert!(is_seen, "{forgets:?}");
        }
    }

    #[test]
    fn a_step_that_fails_leaves_no_copy_on_its_way() {
        for seed in 0..500 {
            let (mut model, mut ends) = (Model::new(seed, Forgets::Nothing), Ends::default());
            let failed = convey(&mut model, &mut ends, LAYERS, 0, |_, layer: usize, _| match layer {
                3 => Err("no".to_owned()),
                layer => Ok(layer + 1),
            });
            assert_eq!((failed, model.readers), (Err("no".into()), [0; BUFFERS]));
        }
    }
}
