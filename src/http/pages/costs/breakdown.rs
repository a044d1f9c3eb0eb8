//! A month by keys, tags, sizes and qualities.

use maud::{Markup, html};

use super::account::Account;
use crate::{
    domain::Quality,
    http::pages::{
        charts::{Bar, Chart, Mark, Money2d, Width, bars},
        places::HOME,
    },
    ledger::{BoughtReport, GroupBy, GroupReport, Groups},
};

/// More groups than these are drawn as one; the table has all.
const BARS_MAX: usize = 8;
/// A longer table is folded.
const ROWS_MAX: usize = 6;
/// Height of a bar, and of what stands around them.
const BAR_HEIGHT: u32 = 34;
const FRAME_HEIGHT: u32 = 40;

pub(super) fn show(account: &Account<'_>) -> Markup {
    let groups = account.groups.iter().filter(|groups| !groups.groups.is_empty());
    html! { div.columns.pair.groups { @for groups in groups { (figure(account, groups)) } } }
}

fn figure(account: &Account<'_>, groups: &Groups) -> Markup {
    let words = account.words;
    let title = words.say(title_of(groups.by));
    let is_only = groups.groups.len() == 1;
    html! {
        figure.card.chart id={ "by-" (groups.by) } {
            figcaption.row {
                h2 { (title) }
                @if let Some(span) = &account.span {
                    a.csv.no-print href={ "/admin/costs.csv?" (span) "&by=" (groups.by) } download aria-label={ (words.say("costs-csv")) (words.colon()) (title) } { (words.say("costs-csv")) }
                }
            }
            // One bar says no more than its table.
            @if !is_only { (chart(account, groups, &title)) }
            @if groups.groups.len() > ROWS_MAX {
                details { summary { (words.say("costs-every-group")) } (table(account, groups, &title)) }
            } @else { (table(account, groups, &title)) }
            @if groups.by == GroupBy::Tag && is_only && groups.groups[0].group.is_none() {
                p.note { (words.say("costs-tag-how")) }
            }
        }
    }
}

fn chart(account: &Account<'_>, groups: &Groups, title: &str) -> Markup {
    let words = account.words;
    let items = items(account, groups);
    let rows = u32::try_from(items.len()).unwrap_or(0);
    let first = groups.groups.first();
    let description = first.map_or_else(String::new, |first| {
        let values = [
            ("step", name(account, groups.by, first).into()),
            ("total", account.money(first.figures.total).into()),
        ];
        words.format("costs-dearest", &values)
    });
    let id = format!("chart-by-{}", groups.by);
    let height = rows * BAR_HEIGHT + FRAME_HEIGHT;
    let chart = Chart { id: &id, title, description: &description, width: Width::Half, height };
    html! {
        (chart.drawn(|area| bars(area, &items, &|range, value| account.tick(range, value))))
    }
}

/// The dearest groups, and all others as one.
fn items(account: &Account<'_>, groups: &Groups) -> Vec<Bar> {
    let length = |group: &GroupReport| group.figures.total.to_chart();
    let is_many = groups.groups.len() > BARS_MAX;
    let (shown, others) = groups.groups.split_at(if is_many { BARS_MAX - 1 } else { groups.groups.len() });
    let mark = |group: &GroupReport| Mark {
        said: [
            name(account, groups.by, group).as_str(),
            account.words.colon(),
            &account.money(group.figures.total),
        ]
        .concat(),
        page: page(account, groups.by, group),
    };
    let mut items: Vec<_> = shown
        .iter()
        .map(|group| Bar { label: name(account, groups.by, group), length: length(group), mark: mark(group) })
        .collect();
    if is_many {
        let count = i64::try_from(others.len()).unwrap_or(0);
        let label = account.words.format("costs-others", &[("count", count.into())]);
        items.push(Bar { label, length: others.iter().map(length).sum(), mark: Mark::default() });
    }
    items
}

fn table(account: &Account<'_>, groups: &Groups, title: &str) -> Markup {
    let words = account.words;
    let figures = || groups.groups.iter().map(|group| &group.figures);
    let totals = account.column(figures().map(|figures| figures.total));
    let costs = account.column(figures().filter_map(|figures| figures.cost_per_image));
    let savings = account.column(figures().filter_map(|figures| figures.saving));
    let columns =
        ["costs-images", "costs-energy-short", "costs-total", "costs-each", "costs-by-standard-cost"];
    html! {
        div.scroll tabindex="0" role="region" aria-label=(title) { table.cards {
            thead { tr {
                th scope="col" { (words.say("costs-group")) }
                @for column in columns { th scope="col" { (words.say(column)) } }
            } }
            tbody { @for group in &groups.groups { tr {
                th scope="row" {
                    @match page(account, groups.by, group) {
                        Some(page) => a href=(page) { (name(account, groups.by, group)) },
                        None => (name(account, groups.by, group)),
                    }
                    @if group.title.is_some() { @if let Some(id) = &group.group { small { code { (id) } } } }
                    @if let Some(bought) = &group.overflow { (bought_beside(account, bought)) }
                }
                td data-label=(words.say("costs-images")) { (account.count(group.figures.images)) }
                td data-label=(words.say("costs-energy-short")) { (words.energy(group.figures.wall_energy_kwh)) }
                td data-label=(words.say("costs-total")) { (totals.text(group.figures.total)) }
                td data-label=(words.say("costs-each")) {
                    @match group.figures.cost_per_image { Some(each) => (costs.text(each)), None => "–" }
                }
                td data-label=(words.say("costs-by-standard-cost")) { (account.saved_in(savings, group.figures.saving)) }
            } } }
        } }
    }
}

/// The key of a kind's title.
pub(super) const fn title_of(by: GroupBy) -> &'static str {
    match by {
        GroupBy::Key => "costs-by-key",
        GroupBy::Tag => "costs-by-tag",
        GroupBy::Size => "costs-by-size",
        GroupBy::Quality => "costs-by-quality",
        GroupBy::Model => "costs-by-model",
        GroupBy::Lora => "costs-by-lora",
        GroupBy::Day => "costs-by-day",
    }
}

/// What was bought elsewhere for a group, which is in none of its figures.
fn bought_beside(account: &Account<'_>, bought: &BoughtReport) -> Markup {
    let values = [("count", bought.bought_images.into()), ("paid", account.money(bought.paid()).into())];
    html! { small.wrap { (account.words.format("costs-overflow-group", &values)) } }
}

/// What a group leads to: its own images in the same time; where it stands alone already, a key's page or a tag's jobs.
fn page(account: &Account<'_>, by: GroupBy, group: &GroupReport) -> Option<String> {
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let may_stand_alone = matches!(by, GroupBy::Key | GroupBy::Tag | GroupBy::Size | GroupBy::Quality);
    if let Some(span) = account.span.as_ref().filter(|_| may_stand_alone && !account.narrowed.contains(&by)) {
        let name = encoded(group.group.as_deref().unwrap_or(""));
        return Some(format!("{HOME}?{span}&{by}={name}"));
    }
    match (by, &group.group) {
        (GroupBy::Key, Some(public_id)) => Some(format!("/admin/keys/{}", encoded(public_id))),
        (GroupBy::Tag, Some(tag)) => Some(format!("/admin/jobs?tag={}", encoded(tag))),
        _ => None,
    }
}

/// What a group is called.
pub(super) fn name(account: &Account<'_>, by: GroupBy, group: &GroupReport) -> String {
    match (by, &group.title, &group.group) {
        (_, Some(title), _) => title.clone(),
        (GroupBy::Size, None, Some(size)) => size.replace('x', "\u{a0}×\u{a0}"),
        (GroupBy::Quality, None, Some(quality)) => match quality.parse::<Quality>() {
            Ok(quality) => account.words.quality(quality).into_owned(),
            Err(_) => quality.clone(),
        },
        (_, None, Some(group)) => group.clone(),
        (GroupBy::Tag, None, None) => account.words.say("costs-no-tag").into_owned(),
        (GroupBy::Lora, None, None) => account.words.say("costs-no-lora").into_owned(),
        (_, None, None) => account.words.say("costs-not-noted").into_owned(),
    }
}
