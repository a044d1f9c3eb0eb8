//! /admin/nodes: the machines of a cluster, with their devices, what they hold, and what their images took.

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::{Timestamp, civil::DateTime};
use maud::{Markup, Render, html};
use serde::Serialize;

use super::{
    frame::{Page, Words},
    json,
    places::Section,
    session::enter,
};
use crate::{
    domain::Scope,
    http::{State, api::error::ApiError},
    ledger::{NodeRole, NodeRow},
    units::{Energy, EnergyBalance},
};

/// Milliseconds from which on a clock is marked.
const CLOCK_OFF_MS: i64 = 1_000;

/// A node, for scripts.
#[derive(Serialize)]
struct NodeBody<'a> {
    id: String,
    role: &'static str,
    machine: &'a str,
    version: &'a str,
    joined_at: Timestamp,
    state: &'static str,
    devices: u64,
    devices_painting: u64,
    devices_lost: u64,
    requests_held: u32,
    pictures: u64,
    energy_kwh: Energy,
    clock_ahead_ms: Option<i64>,
}

/// GET /admin/nodes
pub(super) async fn show(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, ApiError> {
    let visit = enter(&request, &state, Scope::Costs).await?;
    let nodes = state.service.ask_ledger(|ledger| ledger.nodes()).await?;
    if !visit.wants_page {
        let nodes: Vec<_> = nodes.iter().map(body).collect();
        return Ok(json(&serde_json::json!({ "nodes": nodes })));
    }
    let words = visit.words;
    let waiting = state.service.studio().queue_depth();
    let page = page(words, &nodes, waiting, &|at| state.service.civil(at));
    Ok(Page::new(&visit, Section::Jobs, &words.say("nodes-title")).show(&page))
}

fn body(node: &NodeRow) -> NodeBody<'_> {
    NodeBody {
        id: node.id.to_string(),
        role: node.role.as_str(),
        machine: &node.machine,
        version: &node.version,
        joined_at: node.joined_at,
        state: standing(node)[0],
        devices: node.figures.devices,
        devices_painting: node.figures.generating,
        devices_lost: node.figures.lost,
        requests_held: node.holds,
        pictures: node.figures.images,
        energy_kwh: node.figures.energy,
        clock_ahead_ms: node.figures.clock_ahead_ms,
    }
}

/// Its word for scripts, and the class and the words of its mark.
const fn standing(node: &NodeRow) -> [&'static str; 3] {
    if !node.is_alive {
        ["gone", "tag warn", "nodes-gone"]
    } else if node.is_draining {
        ["draining", "tag", "nodes-draining"]
    } else {
        ["alive", "tag live", "nodes-alive"]
    }
}

fn page(words: Words, nodes: &[NodeRow], waiting: usize, civil: &dyn Fn(Timestamp) -> DateTime) -> Markup {
    html! {
        div.page-head { h1 { (words.say("nodes-title")) } }
        @if nodes.is_empty() {
            p.empty { (words.say("nodes-none")) }
        } @else {
            p.note { (words.say("nodes-what")) " " (words.format("nodes-waiting", &[("count", waiting.into())])) }
            @if nodes.iter().any(|node| !node.is_alive) { p.note { (words.say("nodes-what-of-gone")) } }
            div.scroll tabindex="0" role="region" aria-label=(words.say("nodes-title")) { table.list.cards {
                thead { tr {
                    th scope="col" { (words.say("nodes-machine")) }
                    th scope="col" { (words.say("nodes-role")) }
                    th scope="col" { (words.say("nodes-state")) }
                    th.number scope="col" { (words.say("nodes-devices")) }
                    th.number scope="col" { (words.say("nodes-holds")) }
                    th.number scope="col" { (words.say("nodes-images")) }
                    th.number scope="col" { (words.say("nodes-energy")) }
                    th.number scope="col" { (words.say("nodes-clock")) }
                    th scope="col" { (words.say("nodes-since")) }
                } }
                tbody { @for node in nodes { (line(words, node, civil)) } }
            } }
        }
    }
}

fn line(words: Words, node: &NodeRow, civil: &dyn Fn(Timestamp) -> DateTime) -> Markup {
    let [_, class, state] = standing(node);
    let role = match node.role {
        NodeRole::Gateway => "nodes-gateway",
        NodeRole::Worker => "nodes-worker",
        NodeRole::Both => "nodes-both",
    };
    let devices = [("generating", node.figures.generating.into()), ("all", node.figures.devices.into())];
    let energy = EnergyBalance::from(node.figures.energy);
    html! { tr id=(node.id) {
        th scope="row" { (node.machine) small { code { (node.id) } " " (node.version) } }
        td data-label=(words.say("nodes-role")) { (words.say(role)) }
        td data-label=(words.say("nodes-state")) { span class=(class) { (words.say(state)) } }
        td.number data-label=(words.say("nodes-devices")) { (of_worker(node, words.format("nodes-of", &devices))) }
        td.number data-label=(words.say("nodes-holds")) { (of_worker(node, words.count(node.holds))) }
        td.number data-label=(words.say("nodes-images")) { (of_worker(node, words.count(node.figures.images))) }
        td.number data-label=(words.say("nodes-energy")) { (of_worker(node, words.energy(energy))) }
        td.number data-label=(words.say("nodes-clock")) { @match node.figures.clock_ahead_ms {
            Some(ahead) if ahead.abs() > CLOCK_OFF_MS => span.tag.warn { (clock(words, ahead)) },
            Some(ahead) => (clock(words, ahead)),
            None => "–",
        } }
        td data-label=(words.say("nodes-since")) { (words.moment(node.joined_at, civil(node.joined_at))) }
    } }
}

/// A figure that gateways do not have: they make no images.
fn of_worker(node: &NodeRow, figure: impl Render) -> Markup {
    html! { @if node.role == NodeRole::Gateway { "–" } @else { (figure) } }
}

/// How a machine's clock differs from the database's.
fn clock(words: Words, ahead_ms: i64) -> String {
    let seconds = format!("{}.{:03}", ahead_ms.unsigned_abs() / 1000, ahead_ms.unsigned_abs() % 1000);
    let key = if ahead_ms < 0 { "nodes-clock-behind" } else { "nodes-clock-ahead" };
    words.format(key, &[("seconds", seconds.into())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::NodeId, http::pages::text, ledger::NodeFigures, units::Millis};

    #[test]
    fn a_machine_is_shown_with_its_devices_and_their_energy() {
        let node = NodeRow {
            id: NodeId::new(Timestamp::UNIX_EPOCH, [1; 10]),
            role: NodeRole::Worker,
            machine: "studio-3".into(),
            version: "0.1.0".into(),
            joined_at: Timestamp::UNIX_EPOCH,
            is_alive: true,
            is_draining: false,
            holds: 2,
            figures: NodeFigures {
                devices: 4,
                generating: 3,
                lost: 1,
                pace: Some(Millis::new(100)),
                watts: 350,
                images: 1200,
                energy: Energy::from_millijoules(3_600_000_000),
                clock_ahead_ms: Some(-1_250),
            },
        };
        let civil = |at: Timestamp| jiff::tz::TimeZone::UTC.to_datetime(at);
        let gone = NodeRow { is_alive: false, ..node.clone() };
        let gateway = NodeRow { role: NodeRole::Gateway, ..node.clone() };
        let shown = text(&page(Words::ENGLISH, &[gateway, node.clone()], 7, &civil));
        assert!(!shown.contains("joins by itself"), "{shown}");
        assert_eq!(shown.matches("3 of 4").count(), 1, "a gateway has no devices: {shown}");
        let shown = text(&page(Words::ENGLISH, &[node, gone], 7, &civil));
        for words in [
            "studio-3",
            "worker",
            "alive",
            "gone",
            "3 of 4",
            "1,200",
            "1.00 kWh",
            "1.250 s behind",
            "wait: 7",
            "joins by itself as a new line",
        ] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        assert!(text(&page(Words::CHINESE, &[], 0, &civil)).contains("--role"));
    }
}
