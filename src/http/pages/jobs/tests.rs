use std::collections::BTreeSet;

use jiff::{SignedDuration, tz::TimeZone};

use super::*;
use crate::{
    domain::{FailureReason, ImageFormat, Seed},
    http::pages::text,
    image_store::ImageName,
    ledger::{EndState, RecentRequest, RecentWork, RequestOutcome},
    service::{AskedImages, JobStage},
    units::{Energy, Millis},
};

const NOW: Timestamp = Timestamp::constant(1_795_000_000, 0);

fn ink() -> LoraUse {
    LoraUse { name: "ink".into(), weight: 0.8, sha256: None }
}

fn id(random: u8) -> RequestId {
    RequestId::new(NOW, [random; 10])
}

fn open(random: u8, stage: JobStage) -> OpenJob {
    OpenJob {
        id: id(random),
        key: "O1z1TrT7XU".into(),
        tag: Some("poster".into()),
        prompt: None,
        asked: AskedImages {
            size: ImageSize::new(1024, 768).expect("a size"),
            steps: 8,
            images: 2,
            loras: (random == 1).then(ink).into_iter().collect(),
        },
        is_stream: true,
        since: NOW - SignedDuration::from_secs(75),
        begun_at: None,
        stage,
        steps_done: 3,
        steps_all: 16,
        preview: (stage == JobStage::Generating).then_some(1),
        overflow: None,
    }
}

fn ended(
    random: u8,
    outcome: RequestOutcome,
    failure: Option<FailureReason>,
    work: Option<RecentWork>,
) -> RecentJob {
    let is_delivered = match outcome {
        RequestOutcome::Delivered => Some(true),
        RequestOutcome::Undelivered => Some(false),
        _ => None,
    };
    let name = ImageName { request: id(random), index: 0, format: ImageFormat::Png, claim: None };
    let request = RecentRequest {
        id: id(random),
        key: "O1z1TrT7XU".into(),
        key_name: "studio 7".into(),
        state: match outcome {
            RequestOutcome::Delivered | RequestOutcome::Undelivered => EndState::Settled,
            RequestOutcome::Failed | RequestOutcome::Cancelled => EndState::Failed,
            RequestOutcome::Abandoned => EndState::Abandoned,
        },
        outcome,
        failure,
        came_at: NOW,
        ended_at: NOW + SignedDuration::from_secs(9),
        tag: None,
        images: 1,
        loras: (random == 4).then(ink).into_iter().collect(),
        is_delivered,
        work,
        purchase: None,
    };
    let kept = is_delivered.map(|_| name).into_iter().collect();
    RecentJob { request, kept, asked: None, favourites: BTreeSet::new() }
}

fn view() -> View {
    let work = RecentWork {
        size: ImageSize::new(512, 512).expect("a size"),
        steps: 8,
        seed: Seed::new(7_000_001),
        duration: Millis::new(12_345),
        energy: Energy::from_millijoules(1_234_567),
        wall_energy: Energy::from_millijoules(1_500_000),
        cost: "0.01234".parse().expect("an amount"),
    };
    View {
        open: vec![
            open(1, JobStage::Generating),
            open(2, JobStage::Waiting { position: 1, wait: Millis::new(4_100) }),
            open(3, JobStage::Stopping),
        ],
        recent: vec![
            ended(4, RequestOutcome::Delivered, None, Some(work)),
            ended(5, RequestOutcome::Undelivered, None, Some(work)),
            ended(6, RequestOutcome::Failed, Some(FailureReason::OutOfMemory), Some(work)),
            ended(7, RequestOutcome::Cancelled, Some(FailureReason::CancelledByOperator), None),
            ended(8, RequestOutcome::Abandoned, None, None),
        ],
        keys: Vec::new(),
        query: JobsQuery::default(),
        now: NOW,
        currency: "CNY".parse().expect("a currency"),
        has_older: true,
        is_cluster: false,
        may_administer: true,
        shows_prompts: false,
    }
}

fn page(words: Words, view: &View) -> Markup {
    let civil = |at| TimeZone::UTC.to_datetime(at);
    html! { (live::section(words, view, &civil, &html! {})) (recent::section(words, view, &civil)) }
}

#[test]
fn every_job_is_listed_with_where_it_is_and_what_it_took() {
    insta::assert_snapshot!(text(&page(Words::ENGLISH, &view())));
    insta::assert_snapshot!("jobs_in_chinese", text(&page(Words::CHINESE, &view())));
}

#[test]
fn a_job_that_is_stopping_is_not_cancelled_twice() {
    let page = page(Words::ENGLISH, &view()).into_string();
    assert!(page.contains(&format!("/admin/jobs/{}/cancel", id(2))));
    assert!(!page.contains(&format!("/admin/jobs/{}/cancel", id(3))));
}

#[test]
fn an_idle_server_says_so() {
    let view = View { open: Vec::new(), recent: Vec::new(), ..view() };
    let text = text(&page(Words::ENGLISH, &view));
    assert!(
        text.contains("No job is running or waiting") && text.contains("No job has ended yet."),
        "{text}"
    );
}
