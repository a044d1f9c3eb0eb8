//! Whether hardware is worth it: a form, and what follows from it.

mod curve;
mod form;
mod result;

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use maud::{Markup, html};
use serde::Serialize;

use super::{
    frame::{Page, Visit},
    places::Section,
    session,
};
use crate::{
    costs::{
        CostModel,
        simulation::{
            AnotherCard, BoughtLately, ComparedPrice, CurvePoint, Input, MeasuredUse, Outcome, Scenario,
            ScenarioError,
        },
    },
    domain::{Product, Quality, Scope},
    http::{State, api::error::ApiError},
};

/// What a person wrote, by the input's name.
type RoiQuery = BTreeMap<String, String>;

/// The name under which a scenario to begin with is asked for.
const PRESET: &str = "preset";
/// The shipped scenario's name there.
const ARTICLE: &str = "article";

/// What follows from a scenario, with the curve of its cost.
#[derive(Debug, Serialize)]
struct RoiAnswer {
    #[serde(flatten)]
    outcome: Outcome,
    /// What an image costs by the images of a month, with everything of a year.
    curve: Vec<CurvePoint>,
    /// The same at the scenario's own volume.
    present: CurvePoint,
    /// What overflow cost in the last 30 days, and what another card would have saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    overflow: Option<AnotherCard>,
}

/// The scenario that a form begins with.
struct Start {
    scenario: Scenario,
    /// Whether it is the shipped one by choice.
    is_preset: bool,
    /// Whether there is hardware of one's own to go back to.
    has_own: bool,
}

/// GET /admin/roi: whether hardware is worth it, as a page with a form, or as JSON if the Accept header asks for it.
pub(super) async fn show(
    request: HttpRequest,
    question: web::Query<RoiQuery>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let visit = session::enter(&request, &state, Scope::Costs).await?;
    let mut question = question.into_inner();
    let costs = state.service.costs_now().await?;
    let measured = state.service.measured_use().await?;
    let start = start(question.remove(PRESET).as_deref(), &costs, measured, &state);
    let start = start.map_err(|error| refusal(&error))?;
    let bought = if start.scenario.currency == costs.currency() {
        let now = state.service.now();
        state.service.ask_ledger(move |ledger| ledger.bought_lately(now)).await?
    } else {
        None
    };
    let answer = answer(start.scenario.clone(), &question, bought.as_ref(), &state);
    match (answer, visit.wants_page) {
        (Ok(answer), true) => {
            Ok(page(&visit, &start, &question, StatusCode::OK, &result::show(visit.words, &answer)))
        }
        (Ok(answer), false) => Ok(super::json(&answer)),
        (Err(error), true) => {
            let problem = form::problem(visit.words, &error);
            Ok(page(&visit, &start, &question, StatusCode::BAD_REQUEST, &problem))
        }
        (Err(error), false) => Err(refusal(&error)),
    }
}

/// The hardware of one's own with its measured use, or the shipped scenario until there is some, or by choice.
fn start(
    preset: Option<&str>,
    costs: &CostModel,
    measured: Option<MeasuredUse>,
    state: &State,
) -> Result<Start, ScenarioError> {
    let shipped = Scenario::shipped()?;
    let has_own = !costs.uses_example_hardware();
    let is_preset = match preset {
        None | Some("") => false,
        Some(ARTICLE) => true,
        Some(other) => {
            let reason = format!("no preset `{other}`; there is {ARTICLE}");
            return Err(ScenarioError::Field { field: PRESET, reason });
        }
    };
    let scenario = if has_own && !is_preset {
        let at = state.service.civil(state.service.now());
        shipped.of_machine(costs, at, state.service.studio().power(), measured)?
    } else {
        shipped
    };
    Ok(Start { scenario, is_preset, has_own })
}

/// What follows from `scenario` with the question's inputs, the same weights, hosted, last.
fn answer(
    mut scenario: Scenario,
    question: &RoiQuery,
    bought: Option<&BoughtLately>,
    state: &State,
) -> Result<RoiAnswer, ScenarioError> {
    for (name, text) in question {
        let input = Input::from_name(name).ok_or_else(|| {
            let known = Input::ALL.map(Input::name).join(", ");
            ScenarioError::Field { field: "query", reason: format!("no input `{name}`; there are {known}") }
        })?;
        scenario.change(input, text)?;
    }
    // Without a price or an exchange rate today, or with one out of range, there is no such comparison; nothing else depends
    // on it.
    let hosted = state
        .service
        .costs()
        .compare(Product::generated(scenario.size, Quality::default()), state.service.today());
    let hosted = hosted.map(|hosted| ComparedPrice { name: hosted.sku, price: hosted.price });
    let compared = hosted.and_then(|hosted| scenario.with_like_for_like(hosted));
    worked_out(&compared.unwrap_or(scenario), bought)
}

fn worked_out(scenario: &Scenario, bought: Option<&BoughtLately>) -> Result<RoiAnswer, ScenarioError> {
    let outcome = scenario.outcome()?;
    let curve = curve::of(scenario, &outcome)?;
    let present = scenario.curve_point(&outcome, outcome.images_per_month)?;
    let overflow = bought.map(|bought| scenario.another_card(bought)).transpose()?;
    Ok(RoiAnswer { outcome, curve, present, overflow })
}

fn refusal(error: &ScenarioError) -> ApiError {
    match error {
        ScenarioError::Field { field, .. } => ApiError::invalid(field, format!("{error}.")),
        _ => ApiError::invalid("query", format!("{error}.")),
    }
}

fn page(
    visit: &Visit,
    start: &Start,
    question: &RoiQuery,
    status: StatusCode,
    result: &Markup,
) -> HttpResponse {
    let title = visit.words.say("roi-title");
    let body = html! {
        div.page-head { h1 { (title) } }
        p.note { (visit.words.say("roi-lead")) }
        div.simulator {
            (form::show(visit.words, start, question))
            div.results id="results" { (result) }
        }
        p.hidden id="announcement" role="status" {}
    };
    let page = Page::new(visit, Section::Roi, &title).status(status);
    page.sheet("charts.css").sheet("roi.css").script("roi.js").show(&body)
}

#[cfg(test)]
mod tests;
