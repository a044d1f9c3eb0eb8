use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use maud::{Markup, html};

use super::{
    costs::{amount_in, row},
    session::{self, Entrance},
};
use crate::{
    costs::simulation::{ComparedPrice, Input, Outcome, PriceOutcome, Scenario, ScenarioError},
    domain::Quality,
    http::{State, error::ApiError},
    units::{Currency, Money},
};

/// Decimals of an image's amounts.
const IMAGE_DECIMALS: u32 = 5;
/// The fields of the form, in its order.
const FIELDS: [(Input, &str); 12] = [
    (Input::Price, "Price of the hardware"),
    (Input::Residual, "Sold in the end for"),
    (Input::SharePercent, "Share for images, %"),
    (Input::LifetimeImages, "Images in its life"),
    (Input::Watts, "Watts while it paints"),
    (Input::SecondsPerImage, "Seconds an image"),
    (Input::PricePerKwh, "Price of a kWh"),
    (Input::UpkeepPerImage, "Upkeep, an image"),
    (Input::RunningCostsPerYear, "Bills of a year, if known"),
    (Input::ImagesPerMonth, "Images a month"),
    (Input::ComparedPrice, "Price of an image elsewhere"),
    (Input::Years, "Years"),
];

/// What a person wrote, by the input's name.
type Question = BTreeMap<String, String>;

/// GET /admin/roi: whether hardware is worth it, as a page with a form, or as JSON where the Accept header asks for it.
pub(super) async fn show(
    request: HttpRequest,
    question: web::Query<Question>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let wants_page = match session::enter(&request, &state).await? {
        Entrance::Open { wants_page } => wants_page,
        Entrance::SignIn(response) => return Ok(response),
    };
    let start = prefilled(&state).map_err(|error| ApiError::internal(&error))?;
    let outcome = answer(start.clone(), &question, &state);
    Ok(match (outcome, wants_page) {
        (Ok(outcome), true) => page(&start, &question, &result(&outcome)),
        (Ok(outcome), false) => super::json(&outcome),
        (Err(error), true) => {
            let problem = html! { p class="problem" role="alert" { (error) } };
            let mut response = page(&start, &question, &problem);
            *response.status_mut() = StatusCode::BAD_REQUEST;
            response
        }
        (Err(error), false) => return Err(refusal(&error)),
    })
}

/// The configured hardware, or the shipped scenario until there is one.
fn prefilled(state: &State) -> Result<Scenario, ScenarioError> {
    let (costs, shipped) = (state.service.costs(), Scenario::shipped()?);
    match costs.uses_example_hardware() {
        true => Ok(shipped),
        false => shipped.with_costs(costs.settings(), state.service.engine().power()),
    }
}

/// What follows from `scenario` with the question's inputs, the same weights, hosted, last.
fn answer(mut scenario: Scenario, question: &Question, state: &State) -> Result<Outcome, ScenarioError> {
    for (name, text) in question {
        let input = Input::from_name(name).ok_or_else(|| {
            let known = Input::ALL.map(Input::name).join(", ");
            ScenarioError::Field { field: "query", reason: format!("no input `{name}`; there are {known}") }
        })?;
        scenario.change(input, text)?;
    }
    // Without a price or a rate today there is no such comparison; nothing else depends on it.
    if let Ok(hosted) =
        state.service.costs().compare(scenario.size, Quality::default(), state.service.today())
    {
        scenario.like_for_like.clone_from(&hosted.sku);
        scenario.compared.push(ComparedPrice { name: hosted.sku, price: hosted.price });
    }
    scenario.outcome()
}

fn refusal(error: &ScenarioError) -> ApiError {
    match error {
        ScenarioError::Field { field, .. } => {
            ApiError::parameter(field, "invalid_value", format!("{error}."))
        }
        _ => ApiError::parameter("query", "invalid_value", format!("{error}.")),
    }
}

fn page(start: &Scenario, question: &Question, result: &Markup) -> HttpResponse {
    super::page("Worth it?", &html! { (form(start, question)) (result) })
}

fn form(start: &Scenario, question: &Question) -> Markup {
    let value = |input: Input| question.get(input.name()).cloned().unwrap_or_else(|| start.value(input));
    html! {
        header {
            h1 { "Worth it?" }
            nav {
                a href="/admin/costs" { "Costs" }
                form method="post" action="/admin/sign-out" { button class="quiet" { "Sign out" } }
            }
        }
        form method="get" action="/admin/roi" class="inputs" {
            @for (input, label) in FIELDS {
                label { (label) input name=(input.name()) value=(value(input)) inputmode="decimal" autocomplete="off"; }
            }
            button { "Work it out" }
        }
        p class="note" { "Begins with " (start.name) ". Amounts in " (start.currency) "." }
    }
}

fn result(outcome: &Outcome) -> Markup {
    let image = |amount: Money| amount_in(amount, outcome.currency, IMAGE_DECIMALS);
    let money = |amount: Money| amount_in(amount, outcome.currency, 2);
    let (each, year) = (&outcome.image, &outcome.year);
    html! {
        dl class="top" {
            div { dt { "Standard cost of an image" } dd { (amount_in(each.standard, outcome.currency, 4)) } }
            div { dt { "Fully loaded" } dd { (amount_in(outcome.fully_loaded, outcome.currency, 4)) } }
            div { dt { "Images a month" } dd { (outcome.images_per_month) } }
        }
        @for against in &outcome.against { (against_price(against, outcome.currency)) }
        @if outcome.like_for_like().is_none() {
            p class="note" { "Not compared like for like: the configured service has no price or no rate today." }
        }
        table {
            caption { "One image" }
            tbody {
                (row("Electricity", &format!("{} kWh at the plug", each.energy_kwh.to_kwh_string()), &image(each.electricity)))
                (row("Depreciation", "wear, less what it is sold for", &image(each.depreciation)))
                (row("The same, worth nothing in the end", "", &image(each.depreciation_without_residual)))
                (row("Upkeep", "repairs, network, space", &image(each.upkeep)))
            }
            tfoot { (row("Standard cost", "electricity, depreciation, upkeep", &image(each.standard))) }
        }
        table {
            caption { "One year: " (year.images) " images" }
            tbody {
                (row("Electricity", "of the images", &money(year.electricity)))
                (row("Idle hours", "electricity while it is on and does not paint", &money(year.idle_electricity)))
                (row("Upkeep", "", &money(year.upkeep)))
                (row("Other bills", "what the bills of a year say beyond these", &money(year.other)))
                (row("Depreciation", "", &money(year.depreciation)))
            }
            tfoot { (row("Total", "over its images: fully loaded", &money(year.total))) }
        }
        @if let Some(first) = outcome.against.first() { (years(first, outcome.currency)) }
    }
}

fn against_price(against: &PriceOutcome, currency: Currency) -> Markup {
    let loss = against.saving < Money::ZERO;
    let percent = against.saving_percent();
    let saving = html! { span class=[loss.then_some("loss")] {
        (amount_in(against.saving.abs(), currency, IMAGE_DECIMALS)) ", " (percent.trim_start_matches('-')) " %"
    } };
    html! {
        table {
            caption { "Against " (against.name) @if against.like_for_like { ": the same weights, hosted" } }
            tbody {
                (row("Price of an image there", "", &amount_in(against.price, currency, IMAGE_DECIMALS)))
                (row(if loss { "Lost on each" } else { "Saved on each" }, "the price less the standard cost", &saving))
                (row("Fully loaded", "the price less everything of a year, an image", &amount_in(against.saving_fully_loaded, currency, IMAGE_DECIMALS)))
                tr { th scope="row" colspan="2" { (against.payback) "; " (against.break_even) "." } }
            }
        }
    }
}

fn years(against: &PriceOutcome, currency: Currency) -> Markup {
    let money = |amount: Money| amount_in(amount, currency, 2);
    html! {
        div class="wide" { table {
            caption { "Year by year against " (against.name) }
            thead { tr {
                th scope="col" { "Year" }
                @for name in ["Hardware", "Electricity", "Running", "Elsewhere", "Saved in all"] { td { (name) } }
            } }
            tbody { @for year in &against.years { tr {
                th scope="row" { (year.year) }
                td { (money(year.hardware)) }
                td { (money(year.electricity)) }
                td { (money(year.running)) }
                td { (money(year.elsewhere)) }
                td class=[(year.saved_in_all < Money::ZERO).then_some("loss")] { (money(year.saved_in_all)) }
            } } }
        } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::admin::text;

    fn outcome() -> Outcome {
        let mut scenario = Scenario::shipped().expect("the shipped scenario");
        let hosted = "0.0365".parse().expect("an amount");
        scenario.compared.push(ComparedPrice { name: scenario.like_for_like.clone(), price: hosted });
        scenario.outcome().expect("an outcome")
    }

    #[test]
    fn the_shipped_scenario_is_shown_to_its_loss_like_for_like() {
        insta::assert_snapshot!(text(&result(&outcome())));
    }

    #[test]
    fn the_form_has_every_input_with_what_was_written() {
        let scenario = Scenario::shipped().expect("the shipped scenario");
        let question = Question::from([("watts".to_owned(), "<320>".to_owned())]);
        let form = form(&scenario, &question).0;
        for input in Input::ALL {
            assert_eq!(form.matches(&format!("name=\"{}\"", input.name())).count(), 1, "{}", input.name());
        }
        assert!(form.contains("value=\"17300.00\"") && form.contains("value=\"&lt;320&gt;\""), "{form}");
    }
}
