use jiff::{Timestamp, civil::DateTime};
use maud::{Markup, html};

use super::{BatchFile, BatchesView, Shown};
use crate::{
    batches::{BatchPlan, PlanReason},
    domain::BatchStatus,
    http::pages::frame::Words,
    units::{Currency, Money},
};

/// How batches are shown: in which words, by which clock on the wall, and what a form brings back, if the visitor may cancel.
pub(super) struct List<'a> {
    pub(super) words: Words,
    pub(super) civil: &'a dyn Fn(Timestamp) -> DateTime,
    pub(super) currency: Currency,
    pub(super) form: Option<Markup>,
}

impl List<'_> {
    /// Open batches, then those that have ended, newest first.
    pub(super) fn body(&self, view: &BatchesView, status: &Markup) -> Markup {
        let words = self.words;
        let oldest = view.ended.last().filter(|_| view.has_older);
        html! {
            div.page-head { h1 { (words.say("nav-batches")) } (status) }
            section id="live" aria-labelledby="live-title" {
                h2 id="live-title" { (words.say("batches-open")) }
                @if view.open.is_empty() { p.empty { (words.say("batches-none-open")) } }
                div.stack { @for batch in &view.open { (self.batch(batch)) } }
            }
            section id="recent" aria-labelledby="recent-title" {
                h2 id="recent-title" { (words.say("batches-ended")) }
                @if view.ended.is_empty() { p.empty { (words.say("batches-none-ended")) } }
                div.stack { @for batch in &view.ended { (self.batch(batch)) } }
                nav.pager aria-label=(words.say("batches-ended")) {
                    @if !view.is_newest { a.button.second href="/admin/batches" { "‹ " (words.say("jobs-newest")) } }
                    @if let Some(oldest) = oldest {
                        a.button.second rel="next" href={ "/admin/batches?before=" (oldest.row.id) } { (words.say("jobs-older")) " ›" }
                    }
                }
            }
        }
    }

    fn batch(&self, batch: &Shown) -> Markup {
        let (words, row) = (self.words, &batch.row);
        let title = format!("title-{}", row.id);
        html! {
            article.card.batch id=(row.id) aria-labelledby=(title) {
                div.head {
                    div {
                        h3 id=(title) {
                            (batch.key_name) " " (self.status(row.status)) " "
                            @if let Some(tag) = &row.terms.tag { span.tag { (tag) } }
                        }
                        small.soft { (self.moment(row.times.created)) " · " code { (row.id) } }
                    }
                    (self.cancel(batch))
                }
                (self.progress(batch))
                dl.facts.wide {
                    @if let Some(plan) = &batch.plan { (self.plan(plan, row.times.expires)) }
                    dt { (words.say("batches-cost")) }
                    dd { (self.cost(batch)) }
                    @if row.status.is_open() {
                        dt { (words.say("batches-window")) }
                        dd { (self.moment(row.times.expires)) }
                    }
                    @if !batch.files.is_empty() {
                        dt { (words.say("batches-files")) }
                        dd.row { @for (file, stored) in &batch.files {
                            a href={ "/admin/batches/" (row.id) "/" (file) } title=(stored.filename) { (words.say(file_word(*file))) }
                        } }
                    }
                    @if row.errors.is_some() {
                        dt { (words.say("batches-refused")) }
                        dd { @for message in faults(row.errors.as_deref()) { p lang="en" { (message) } } }
                    }
                }
            }
        }
    }

    fn status(&self, status: BatchStatus) -> Markup {
        let (class, key) = match status {
            BatchStatus::Validating => ("tag live", "batches-validating"),
            BatchStatus::InProgress => ("tag live", "batches-in-progress"),
            BatchStatus::Finalizing => ("tag live", "batches-finalizing"),
            BatchStatus::Cancelling => ("tag warn", "batches-cancelling"),
            BatchStatus::Completed => ("tag good", "batches-completed"),
            BatchStatus::Failed => ("tag bad", "batches-failed"),
            BatchStatus::Expired => ("tag warn", "batches-expired"),
            BatchStatus::Cancelled => ("tag", "batches-cancelled"),
        };
        html! { span class=(class) { (self.words.say(key)) } }
    }

    fn progress(&self, batch: &Shown) -> Markup {
        let (counts, total) = (batch.row.counts, batch.row.size.total);
        let count = |count: u32| self.words.count(count).into();
        let values = [("done", count(counts.done())), ("total", count(total))];
        let said = self.words.format("batches-progress", &values);
        html! {
            @if total > 0 {
                progress max=(total) value=(counts.done()) aria-label=(said) {}
                p.number {
                    (said)
                    @if counts.failed > 0 { " · " span.loss { (self.words.format("batches-failed-lines", &[("count", counts.failed.into())])) } }
                }
            }
        }
    }

    fn plan(&self, plan: &BatchPlan, expires: Timestamp) -> Markup {
        let words = self.words;
        let misses = plan.ends_at().is_some_and(|end| end > expires);
        html! {
            dt { (words.say("batches-plan")) }
            dd class=[misses.then_some("loss")] {
                @if let Some((start, end)) = plan.starts_at().zip(plan.ends_at()) {
                    span.number { (self.moments(start, end)) } br;
                }
                (words.say(why(plan.reason)))
                small {
                    (words.energy(plan.energy.into())) " · " (words.amount(plan.cost, self.currency))
                    @if plan.saving() > Money::ZERO {
                        " · " span.gain { (self.saved("batches-plan-saves", plan.saving())) }
                    }
                }
            }
        }
    }

    fn cost(&self, batch: &Shown) -> Markup {
        let (words, cost) = (self.words, &batch.cost);
        let saved = cost.electricity_otherwise.minus(cost.cost.electricity).unwrap_or(Money::ZERO);
        html! {
            @match cost.cost.total() {
                Ok(total) => (words.amount(total, self.currency)),
                Err(_) => "–",
            }
            small {
                (words.format("batches-images", &[("count", cost.images.into())])) " · " (words.energy(cost.wall_energy.into()))
                @if saved > Money::ZERO { " · " span.gain { (self.saved("batches-saved", saved)) } }
            }
        }
    }

    fn saved(&self, key: &str, saved: Money) -> String {
        self.words.format(key, &[("amount", self.words.amount_text(saved, self.currency).into())])
    }

    fn cancel(&self, batch: &Shown) -> Markup {
        let (words, row) = (self.words, &batch.row);
        let may_stop = matches!(row.status, BatchStatus::Validating | BatchStatus::InProgress);
        let whose = [("key", batch.key_name.as_str().into())];
        html! { @if let Some(fields) = self.form.as_ref().filter(|_| may_stop) {
            form method="post" action={ "/admin/batches/" (row.id) "/cancel" } data-ask=(words.format("batches-cancel-ask", &whose)) {
                (fields)
                button.danger id={ "cancel-" (row.id) } aria-label=(words.format("batches-cancel-whose", &whose)) { (words.say("jobs-cancel")) }
            }
        } }
    }

    /// From one moment to another, or the one minute that both lie in.
    fn moments(&self, start: Timestamp, end: Timestamp) -> Markup {
        let [from, to] = [start, end].map(|at| self.moment(at));
        let minute = |at| (self.civil)(at).strftime("%Y-%m-%d %H:%M").to_string();
        html! { (from) @if minute(start) != minute(end) { " – " (to) } }
    }

    fn moment(&self, at: Timestamp) -> Markup {
        self.words.moment(at, (self.civil)(at))
    }
}

/// The key of the words for a reason.
fn why(reason: PlanReason) -> &'static str {
    match reason {
        PlanReason::Asked => "batches-why-asked",
        PlanReason::FlatPrice => "batches-why-flat-price",
        PlanReason::CheapestNow => "batches-why-cheapest-now",
        PlanReason::CheaperLater => "batches-why-cheaper-later",
        PlanReason::NoTimeToWait => "batches-why-no-time",
        PlanReason::MissesWindow => "batches-why-misses-window",
    }
}

fn file_word(file: BatchFile) -> &'static str {
    match file {
        BatchFile::Input => "batches-input",
        BatchFile::Output => "batches-output",
        BatchFile::Errors => "batches-errors",
    }
}

/// The first few of what is wrong with a batch's file, as the API says it.
fn faults(errors: Option<&str>) -> Vec<String> {
    const SHOWN: usize = 3;
    let errors: serde_json::Value =
        errors.and_then(|errors| serde_json::from_str(errors).ok()).unwrap_or_default();
    let faults = errors["data"].as_array().into_iter().flatten().take(SHOWN);
    let said = |fault: &serde_json::Value| {
        let message = fault["message"].as_str().unwrap_or_default();
        fault["line"].as_u64().map_or_else(|| message.to_owned(), |line| format!("{line}: {message}"))
    };
    faults.map(said).collect()
}
