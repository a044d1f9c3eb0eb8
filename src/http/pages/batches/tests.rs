use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use maud::html;

use super::*;
use crate::{
    batches::{PlanReason, WorkSpan},
    costs::Breakdown,
    domain::{BatchEndpoint, BatchStatus, FilePurpose, KeyId},
    http::pages::{frame::Words, text},
    ledger::{BatchCounts, BatchSize, BatchTerms},
    units::{Energy, Money},
};

const NOW: Timestamp = Timestamp::constant(1_795_000_000, 0);

fn row(status: BatchStatus, counts: BatchCounts) -> BatchRow {
    let terms = BatchTerms {
        endpoint: BatchEndpoint::Generations,
        input: FileId::new(NOW, [7; 10]),
        window_hours: 24,
        starts_at: None,
        tag: Some("spring".into()),
        metadata: None,
        base_url: String::new(),
        output_seconds: None,
        is_async: false,
    };
    let size = BatchSize { total: 1_300, images: 1_300, work: 1 };
    BatchRow { status, counts, ..BatchRow::imagined(KeyId::new(1), terms, size, NOW) }
}

fn money(nano: i64) -> Money {
    Money::from_nano(nano)
}

fn shown(status: BatchStatus, plan: Option<BatchPlan>) -> Shown {
    let row = row(status, BatchCounts { completed: 12, failed: 3 });
    let file = FileRow {
        id: row.terms.input,
        purpose: FilePurpose::Batch,
        filename: "mugs.jsonl".into(),
        bytes: 7,
        sha256: [0; 32],
        created_at: NOW,
        expires_at: None,
    };
    let cost = BatchCost {
        images: 12,
        wall_energy: Energy::from_millijoules(3_600_000),
        cost: Breakdown { electricity: money(300_000_000), ..Breakdown::default() },
        electricity_otherwise: money(1_200_000_000),
    };
    Shown { row, key_name: "studio".into(), plan, cost, files: vec![(BatchFile::Input, file)] }
}

fn plan() -> BatchPlan {
    let hour = |hours| NOW + SignedDuration::from_hours(hours);
    BatchPlan {
        spans: vec![WorkSpan { start: hour(6), end: hour(8) }],
        reason: PlanReason::CheaperLater,
        energy: Energy::from_millijoules(1_260_000_000),
        cost: money(105_000_000),
        cost_now: money(420_000_000),
    }
}

fn page(words: Words, may_cancel: bool) -> String {
    page_with(words, may_cancel, plan())
}

fn page_with(words: Words, may_cancel: bool, plan: BatchPlan) -> String {
    let civil = |at| TimeZone::UTC.to_datetime(at);
    let currency = "CNY".parse().expect("a currency");
    let list = list::List { words, civil: &civil, currency, form: may_cancel.then(|| html! {}) };
    let refused = BatchRow {
        errors: Some(r#"{"data":[{"line":3,"message":"`size` is wrong."}]}"#.into()),
        ..row(BatchStatus::Failed, BatchCounts::default())
    };
    let ended = Shown { row: refused, files: Vec::new(), ..shown(BatchStatus::Failed, None) };
    let view = BatchesView {
        open: vec![shown(BatchStatus::InProgress, Some(plan))],
        ended: vec![ended],
        has_older: true,
        is_newest: true,
    };
    list.body(&view, &html! {}).0
}

#[test]
fn a_batch_is_shown_with_its_progress_plan_cost_and_files() {
    for (words, said) in [
        (
            Words::ENGLISH,
            [
                "15 of 1,300 requests",
                "3 failed",
                "waits for cheaper hours",
                "350.00 Wh",
                "saves CN¥0.315 compared with starting now",
                "CN¥0.90 saved by waiting",
                "12 images",
            ],
        ),
        (
            Words::CHINESE,
            [
                "已完成 15 条，共 1,300 条",
                "3 条失败",
                "等到电价更低的时段",
                "350.00 Wh",
                "比现在开始省 ¥0.315",
                "错峰已省 ¥0.90",
                "12 张图",
            ],
        ),
    ] {
        let text = text(&maud::PreEscaped(page(words, true))).replace('\u{a0}', " ");
        for part in said.iter().chain(&["studio", "spring", "3: `size` is wrong."]) {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
    let html = page(Words::ENGLISH, true);
    let open = row(BatchStatus::InProgress, BatchCounts::default()).id;
    assert!(html.contains(&format!("/admin/batches/{open}/input")) && html.contains("title=\"mugs.jsonl\""));
}

#[test]
fn a_batch_that_will_miss_its_window_says_so_from_its_first_plan_on() {
    let late = NOW + SignedDuration::from_hours(30);
    let plan = BatchPlan {
        spans: vec![WorkSpan { start: NOW, end: late }],
        reason: PlanReason::MissesWindow,
        ..plan()
    };
    let html = page_with(Words::ENGLISH, false, plan);
    assert!(html.contains("will not finish in its window") && html.contains("class=\"loss\""), "{html}");
}

#[test]
fn only_an_administrator_cancels_and_only_what_is_open() {
    assert_eq!(page(Words::ENGLISH, true).matches("/cancel\"").count(), 1);
    assert_eq!(page(Words::ENGLISH, false).matches("/cancel\"").count(), 0);
}
