use jiff::Timestamp;
use maud::{Markup, html};

use super::{Civil, View, loras, size, span};
use crate::{
    http::pages::frame::Words,
    service::{JobStage, OpenJob},
};

/// Running jobs, then waiting jobs.
pub(super) fn section(words: Words, view: &View, civil: Civil<'_>, fields: &Markup) -> Markup {
    html! {
        section id="live" aria-labelledby="live-title" {
            h2 id="live-title" { (words.say("jobs-open")) }
            @if view.open.is_empty() {
                p.empty { (words.say("jobs-none-open")) }
            } @else {
                div.scroll tabindex="0" role="region" aria-labelledby="live-title" { table.list.jobs {
                    thead { tr {
                        th scope="col" { (words.say("jobs-key")) }
                        th scope="col" { (words.say("jobs-asked")) }
                        th scope="col" { (words.say("jobs-stage")) }
                        th scope="col" { (words.say("jobs-since")) }
                        th scope="col" { span.hidden { (words.say("jobs-cancel")) } }
                    } }
                    tbody { @for job in &view.open { (line(words, job, view, civil, fields)) } }
                } }
            }
        }
    }
}

fn line(words: Words, job: &OpenJob, view: &View, civil: Civil<'_>, fields: &Markup) -> Markup {
    let name = view.key_name(&job.key).unwrap_or(&job.key);
    html! { tr id={ "job-" (job.id) } {
        th scope="row" {
            div.who {
                @if let Some(look) = job.preview {
                    img.look src={ "/admin/jobs/" (job.id) "/preview?look=" (look) } alt=(words.say("jobs-look"))
                        width="64" height="64";
                }
                div {
                    (name) " " @if let Some(tag) = &job.tag { span.tag { (tag) } }
                    @if let Some(prompt) = &job.prompt { p.prompt { (prompt) } }
                    small { code { (job.id) } }
                }
            }
        }
        td {
            (size(job.asked.size))
            small {
                (words.format("jobs-images", &[("count", job.asked.images.into())])) " · "
                (words.format("jobs-steps", &[("count", job.asked.steps.into())]))
                @if job.is_stream { " · " (words.say("jobs-stream")) }
            }
            (loras(&job.asked.loras))
            @if let Some(why) = &job.overflow { small.overflow { (why) } }
        }
        td { (stage(words, job)) }
        td {
            (span(words, seconds_since(job.since, view.now)))
            small { (words.moment(job.since, civil(job.since))) }
        }
        td {
            @if view.may_administer && !matches!(job.stage, JobStage::Stopping | JobStage::Buying) {
                form method="post" action={ "/admin/jobs/" (job.id) "/cancel" } data-ask=(words.format("jobs-cancel-ask", &[("key", name.into())])) {
                    (fields)
                    button.danger id={ "cancel-" (job.id) } aria-label=(words.format("jobs-cancel-whose", &[("key", name.into())])) {
                        (words.say("jobs-cancel"))
                    }
                }
            }
        }
    } }
}

fn stage(words: Words, job: &OpenJob) -> Markup {
    let tag = |class: &str, key: &str| html! { span class=(class) { (words.say(key)) } };
    match job.stage {
        JobStage::Waiting { position, wait } => html! {
            (tag("tag", "jobs-waiting")) " " (words.format("jobs-position", &[("position", position.into())]))
            small { (words.format("jobs-wait", &[("span", span(words, wait.as_secs_ceil()).into())])) }
        },
        JobStage::Generating => {
            let steps = [("done", job.steps_done.into()), ("all", job.steps_all.into())];
            let steps = words.format("jobs-progress", &steps);
            html! {
                (tag("tag live", "jobs-generating")) " "
                progress max=(job.steps_all) value=(job.steps_done) aria-label=(words.say("jobs-generating")) {}
                small { (steps) }
            }
        }
        JobStage::Buying => tag("tag live", "jobs-buying"),
        JobStage::Finishing => tag("tag live", "jobs-finishing"),
        JobStage::Stopping => tag("tag warn", "jobs-stopping"),
    }
}

fn seconds_since(since: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.as_second() - since.as_second()).unwrap_or(0)
}
