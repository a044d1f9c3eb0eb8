//! Costs of any days: they add up to their month, and to its seal once it is closed.

use super::{
    months::{at, month, two_months},
    *,
};
use crate::costs::DaySpan;

on_both!(days_add_up_to_their_month_open_or_closed, images_that_are_counted_alone_are_those_of_their_group);

const KINDS: [GroupBy; 2] = [GroupBy::Tag, GroupBy::Day];

fn range(book: &Book, from: &str, to: &str, only: &[Only]) -> RangeReport {
    let day = |text: &str| text.parse::<jiff::civil::Date>().expect("a day");
    let days = DaySpan { first: day(from), end: day(to).tomorrow().expect("a day") };
    let costs = model_in(Currency::CNY);
    let now = at("2026-12-04T00:00:00Z");
    book.ledger.range_report(&costs, days, (only, &KINDS), &Calendar::UTC, now).expect("a report")
}

fn days_add_up_to_their_month_open_or_closed() {
    let book = two_months();
    let costs = model_in(Currency::CNY);
    let plus = |a: Money, b: Money| a.plus(b).expect("in range");
    for is_closed in [false, true] {
        if is_closed {
            book.close("2026-10").expect("closed");
        }
        let now = at("2026-12-04T00:00:00Z");
        let whole = book.ledger.month_report(&costs, month("2026-10"), &KINDS, &Calendar::UTC, now);
        let whole = whole.expect("a report");
        let same = range(&book, "2026-10-01", "2026-10-31", &[]);
        assert_eq!(same.figures, whole.figures, "closed: {is_closed}");
        assert_eq!(format!("{:?}", same.whole), format!("{:?}", whole.whole), "closed: {is_closed}");
        assert_eq!(same.services, whole.services);
        let days = whole.days.as_ref().expect("days");
        assert_eq!(same.days.len(), days.len());
        let first = range(&book, "2026-10-01", "2026-10-30", &[]);
        let last = range(&book, "2026-10-31", "2026-10-31", &[]);
        assert_eq!((first.figures.images, last.figures.images), (2, 1));
        assert_eq!(plus(first.figures.total, last.figures.total), whole.figures.total);
        let of_groups = |report: &RangeReport, kind: usize| {
            report.groups[kind].groups.iter().map(|group| group.figures.total).fold(Money::ZERO, plus)
        };
        for kind in 0..KINDS.len() {
            assert_eq!(of_groups(&first, kind), first.figures.total, "groups add up to their days");
        }
        let over_the_end = range(&book, "2026-10-31", "2026-11-01", &[]);
        assert_eq!(over_the_end.figures.images, 2, "days of two months");
        assert_eq!(over_the_end.days.len(), 2);
    }
}

fn images_that_are_counted_alone_are_those_of_their_group() {
    let book = two_months();
    let spring = Only { by: GroupBy::Tag, group: Some("spring".into()) };
    let untagged = Only { by: GroupBy::Tag, group: None };
    let all = range(&book, "2026-10-01", "2026-11-30", &[]);
    let [of_spring, of_none] =
        [spring.clone(), untagged.clone()].map(|only| range(&book, "2026-10-01", "2026-11-30", &[only]));
    assert_eq!((of_spring.figures.images, of_none.figures.images), (2, 2));
    let sum = of_spring.figures.total.plus(of_none.figures.total).expect("in range");
    assert_eq!(sum, all.figures.total);
    assert_eq!(
        (of_spring.whole.is_none(), &of_spring.only),
        (true, &vec![spring.clone()]),
        "nothing else is theirs"
    );
    assert_eq!(range(&book, "2026-10-01", "2026-11-30", &[spring, untagged]).figures.images, 0);
    let file = all.to_csv().expect("a file");
    assert!(
        file.lines().next().is_some_and(|head| head.ends_with(",paid_total,lost_images,lost_total,from,to")),
        "{file}"
    );
    assert!(file.lines().nth(1).is_some_and(|row| row.ends_with(",2026-10-01,2026-11-30")), "{file}");
}
