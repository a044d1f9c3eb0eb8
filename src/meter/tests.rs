use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering},
};

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::clock::ManualClock;

const POWERS: Powers = Powers { busy: Power::from_watts(450), idle: Power::from_watts(20) };

/// A counter whose reading the test sets.
#[derive(Clone, Default)]
struct Trace(Arc<Mutex<Option<u64>>>);

impl Trace {
    fn say(&self, millijoules: impl Into<Option<u64>>) {
        *self.0.lock().expect("no panic") = millijoules.into();
    }
}

impl EnergyCounter for Trace {
    fn total(&mut self) -> Option<Energy> {
        self.0.lock().expect("no panic").map(Energy::from_millijoules)
    }

    fn source(&self) -> EnergySource {
        EnergySource::Metered
    }

    fn device(&self) -> &str {
        "GPU-1"
    }
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH))
}

/// A meter on a trace that begins at 1,000 mJ, in epoch 1.
fn traced(clock: &Arc<ManualClock>) -> (Meter, Trace) {
    let trace = Trace::default();
    trace.say(1_000);
    let epochs = AtomicU32::new(0);
    let begin: BeginEpoch = Box::new(move |_, _, _| Some(epochs.fetch_add(1, Ordering::Relaxed) + 1));
    (Meter::counting(Box::new(trace.clone()), begin, POWERS, clock.clone()), trace)
}

fn mj(energy: Energy) -> u64 {
    energy.as_millijoules()
}

/// Energy of the idleness so far.
fn idle(meter: &mut Meter) -> u64 {
    meter.take_idle().into_iter().map(|idle| mj(idle.energy)).sum()
}

#[test]
fn watts_and_time_make_joules() {
    let clock = clock();
    let mut meter = Meter::estimating(POWERS, clock.clone());
    clock.advance(Millis::new(1_000));
    let window = meter.open();
    clock.advance(Millis::new(15_000));
    let usage = meter.close(window);
    assert_eq!((mj(usage.energy), usage.source, usage.epoch), (6_750_000, EnergySource::Estimated, None));
    let idle = meter.take_idle();
    assert_eq!((idle[0].duration, mj(idle[0].energy)), (Millis::new(1_000), 20_000));
    assert_eq!((idle.len(), meter.take_idle()), (1, vec![]));
}

#[test]
fn work_too_short_for_the_clock_is_not_free() {
    let mut meter = Meter::estimating(POWERS, clock());
    let window = meter.open();
    assert_eq!(mj(meter.close(window).energy), 450);
}

#[test]
fn the_counters_differences_are_the_pieces() {
    let clock = clock();
    let (mut meter, trace) = traced(&clock);
    trace.say(1_300);
    let window = meter.open();
    clock.advance(Millis::new(10));
    trace.say(6_000);
    let usage = meter.close(window);
    assert_eq!((mj(usage.energy), usage.source, usage.epoch), (4_700, EnergySource::Metered, Some(1)));
    assert_eq!(idle(&mut meter), 300);
}

#[test]
fn work_shorter_than_the_counters_tick_is_estimated_and_owed() {
    let clock = clock();
    let (mut meter, trace) = traced(&clock);
    let window = meter.open();
    clock.advance(Millis::new(10));
    let usage = meter.close(window);
    assert_eq!((mj(usage.energy), usage.source), (4_500, EnergySource::Estimated));
    trace.say(1_000 + 6_000);
    clock.advance(Millis::new(50));
    meter.rest();
    assert_eq!(idle(&mut meter), 1_500, "the counter's 6,000 less the 4,500 that were booked before");
}

#[test]
fn a_counter_that_falls_begins_an_epoch() {
    let clock = clock();
    let (mut meter, trace) = traced(&clock);
    let window = meter.open();
    clock.advance(Millis::new(10));
    trace.say(700);
    let usage = meter.close(window);
    assert_eq!((mj(usage.energy), usage.epoch), (700, Some(2)), "what was counted since the reload");
}

#[test]
fn a_counter_that_cannot_be_read_is_bridged_by_an_estimate() {
    let clock = clock();
    let (mut meter, trace) = traced(&clock);
    let window = meter.open();
    clock.advance(Millis::new(10));
    trace.say(None);
    let usage = meter.close(window);
    assert_eq!((mj(usage.energy), usage.epoch), (4_500, None), "outside of the epoch's sum");
    trace.say(9_000);
    let window = meter.open();
    let _ = meter.close(window);
    assert_eq!(idle(&mut meter), 8_000, "and counted when it is back");
}

proptest! {
    /// A step of a history: time, what the counter counts in it, whether it is work, and whether the driver was
    /// reloaded.
    #[test]
    fn the_pieces_of_an_epoch_add_up_to_what_was_counted(
        steps in prop::collection::vec((0..50_u64, 0..20_000_u64, any::<bool>(), 0..12_u8), 1..60),
    ) {
        let clock = clock();
        let (mut meter, trace) = traced(&clock);
        let (mut total, mut epoch) = (1_000, 1);
        let mut counted = std::collections::BTreeMap::from([(1, 0)]);
        let mut booked = std::collections::BTreeMap::new();
        let mut book = |usage: Usage| {
            *booked.entry(usage.epoch.expect("an epoch")).or_insert(0) += mj(usage.energy);
        };
        for (millis, energy, is_work, dice) in steps {
            let window = is_work.then(|| meter.open());
            clock.advance(Millis::new(millis));
            // A reload cannot be seen where the counter has passed its old total already.
            if dice == 0 && energy < total {
                (total, epoch) = (energy, epoch + 1);
                counted.insert(epoch, energy);
            } else {
                total += energy;
                *counted.get_mut(&epoch).expect("begun") += energy;
            }
            trace.say(total);
            match window {
                Some(window) => book(meter.close(window)),
                None => meter.rest(),
            }
            meter.take_idle().into_iter().for_each(&mut book);
        }
        // Time enough for the counter to catch up with what was estimated.
        trace.say(total + 100_000_000);
        *counted.get_mut(&epoch).expect("begun") += 100_000_000;
        meter.rest();
        meter.take_idle().into_iter().for_each(&mut book);
        prop_assert_eq!(booked.get(&epoch), counted.get(&epoch));
    }
}
