//! What was generated lately, for whoever asks what a usual month is.

use super::{months::at, *};

fn the_last_thirty_days_are_a_usual_month_once_two_weeks_have_passed() {
    let mut book = Book::new(None);
    let recent = |book: &Book, now: &str| book.ledger.recent_use(at(now)).expect("read");
    assert_eq!(recent(&book, "2026-11-01T00:00:00Z"), None);
    let slow =
        Usage { duration: Millis::new(120), energy: Energy::from_millijoules(6_000), ..receipt().usage };
    let slow = Receipt { usage: slow, ..receipt() };
    book.generate(book.filed(), at("2026-10-20T10:00:00Z"), &[receipt(), slow]);
    let early = recent(&book, "2026-10-25T00:00:00Z").expect("two images");
    // 40 and 120 ms, 2 and 6 J: 50 W.
    let mean = (Millis::new(80), Energy::from_millijoules(4_000));
    assert_eq!((early.duration, early.energy), mean);
    assert_eq!((early.images_per_month, early.power().as_watts()), (None, 50), "five days are no month");
    let usual = recent(&book, "2026-11-10T00:00:00Z").expect("two images");
    assert_eq!((usual.images_per_month, usual.duration), (Some(2), Millis::new(80)));
    assert_eq!(recent(&book, "2026-11-30T00:00:00Z"), None, "longer ago");
}

on_both!(the_last_thirty_days_are_a_usual_month_once_two_weeks_have_passed);
