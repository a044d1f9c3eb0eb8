//! Prompts and stars: kept beside the books, found, and deleted.

use super::{
    months::{at, two_months},
    *,
};
use crate::domain::AskedFor;

on_both!(
    prompts_are_found_by_their_words_and_go_with_their_day_unless_their_image_has_a_star,
    whoever_is_forgotten_has_no_prompts_left,
    a_request_says_when_what_happened_to_it,
);

fn asked(prompt: &str) -> AskedFor {
    AskedFor {
        prompt: prompt.into(),
        negative_prompt: None,
        size: ImageSize::new(64, 64).expect("a size"),
        quality: Quality::Medium,
        steps: 8,
        guidance_scale: 0.0,
        seed: 1,
        images: 1,
        loras: Vec::new(),
        strength: None,
    }
}

/// The ids of all requests of `book`, the oldest first.
fn ids(book: &Book) -> Vec<RequestId> {
    let requests = book.ledger.recent_requests(&RequestFilter::default(), 50).expect("requests");
    requests.iter().rev().map(|request| request.id).collect()
}

fn prompts_are_found_by_their_words_and_go_with_their_day_unless_their_image_has_a_star() {
    let book = two_months();
    let ids = ids(&book);
    let ledger = &book.ledger;
    for (id, prompt) in ids.iter().zip(["A red apple", "RED, shiny apples", "灯塔 100%"]) {
        ledger.keep_prompt(*id, &asked(prompt)).expect("kept");
        ledger.keep_prompt(*id, &asked("another")).expect("what is kept stays");
    }
    let found = |prompt: &str| {
        let filter = RequestFilter { prompt: Some(prompt.into()), ..RequestFilter::default() };
        ledger.recent_requests(&filter, 50).expect("requests").len()
    };
    for (words, count) in
        [("red apple", 2), ("apple red", 0), ("灯塔", 1), ("%", 1), ("_", 0), ("another", 0)]
    {
        assert_eq!(found(words), count, "{words}");
    }
    ledger.set_favourite((ids[0], 0), true, NOON).expect("starred");
    ledger.set_favourite((ids[0], 0), true, NOON).expect("once is enough");
    let starred = RequestFilter { is_favourite: true, ..RequestFilter::default() };
    let starred = ledger.recent_requests(&starred, 50).expect("requests");
    assert_eq!(starred.iter().map(|request| request.id).collect::<Vec<_>>(), [ids[0]]);
    let kept = || {
        let kept = ledger.kept_of(&ids).expect("read");
        (kept.asked.into_keys().collect::<Vec<_>>(), kept.favourites.len())
    };
    // Both of October are old; one has a star.
    let november = at("2026-11-01T00:00:00Z");
    ledger.sweep_kept(Some(november), november, true).expect("swept");
    assert_eq!(kept(), (vec![ids[0], ids[2]], 1));
    ledger.sweep_kept(Some(november), november, false).expect("swept");
    assert_eq!(kept().1, 0, "the star is old too");
    ledger.sweep_kept(Some(november), november, false).expect("swept");
    assert_eq!(kept(), (vec![ids[2]], 0));
    ledger.sweep_kept(None, november, true).expect("swept");
    assert_eq!(kept(), (Vec::new(), 0), "none are to be kept");
    ledger.keep_prompt(ids[2], &asked("x")).expect("kept");
    ledger.drop_kept(ids[2]).expect("dropped");
    assert_eq!(kept(), (Vec::new(), 0));
}

fn whoever_is_forgotten_has_no_prompts_left() {
    let book = two_months();
    let ids = ids(&book);
    for id in &ids {
        book.ledger.keep_prompt(*id, &asked("Alice Example")).expect("kept");
        book.ledger.set_favourite((*id, 0), true, NOON).expect("starred");
    }
    let kept = || {
        let kept = book.ledger.kept_of(&ids).expect("read");
        (kept.asked.len(), kept.favourites.len())
    };
    book.ledger.forget_tag("spring", NOON).expect("forgotten");
    assert_eq!(kept(), (2, 2));
    let public_id = book.ledger.keys().expect("keys")[0].public_id.clone();
    assert_eq!(book.ledger.owner_of(ids[0]).expect("read"), Some(public_id.clone()));
    book.ledger.forget_key(&public_id, "command line", NOON).expect("forgotten");
    assert_eq!(kept(), (0, 0));
    if BACKEND.get() == Backend::Sqlite {
        assert!(!book.holds("Alice Example") && !book.holds("alice example"), "overwritten");
    }
}

fn a_request_says_when_what_happened_to_it() {
    let mut book = Book::new(None);
    let reservation = book.reserve(20, None, 0).expect("reserved");
    let id = reservation.id();
    assert_eq!(book.ledger.request_times(id).expect("read"), RequestTimes::default());
    book.ledger.start(id, NOON).expect("started");
    book.settle(reservation, &[&receipt()]).expect("settled");
    let later = NOON + SignedDuration::from_secs(9);
    book.ledger.note_delivery(id, later).expect("delivered");
    let times = book.ledger.request_times(id).expect("read");
    assert_eq!(times, RequestTimes { started_at: Some(NOON), answered_at: Some(later) });
}
