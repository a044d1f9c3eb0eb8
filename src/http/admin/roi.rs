use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use maud::{Markup, html};

use super::{
    costs::named_row,
    frame::{Page, Place, Visit, Words, row},
    session,
};
use crate::{
    costs::simulation::{
        BreakEven, ComparedPrice, Input, Outcome, Payback, PriceOutcome, Scenario, ScenarioError,
    },
    domain::Quality,
    http::{State, error::ApiError},
    units::{Currency, Money},
};

/// Decimals of an image's amounts.
const IMAGE_DECIMALS: u32 = 5;
/// The fields of the form, in its order, with the keys of their labels.
const FIELDS: [(Input, &str); 12] = [
    (Input::Price, "roi-price"),
    (Input::Residual, "roi-residual"),
    (Input::SharePercent, "roi-share"),
    (Input::LifetimeImages, "roi-lifetime"),
    (Input::Watts, "roi-watts"),
    (Input::SecondsPerImage, "roi-seconds"),
    (Input::PricePerKwh, "roi-price-per-kwh"),
    (Input::UpkeepPerImage, "roi-upkeep-per-image"),
    (Input::RunningCostsPerYear, "roi-running-costs"),
    (Input::ImagesPerMonth, "roi-images"),
    (Input::ComparedPrice, "roi-compared-price"),
    (Input::Years, "roi-years"),
];

/// What a person wrote, by the input's name.
type Question = BTreeMap<String, String>;

/// GET /admin/roi: whether hardware is worth it, as a page with a form, or as JSON where the Accept header asks for it.
pub(super) async fn show(
    request: HttpRequest,
    question: web::Query<Question>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let visit = session::enter(&request, &state).await?;
    let start = prefilled(&state).map_err(|error| ApiError::internal(&error))?;
    let outcome = answer(start.clone(), &question, &state);
    match (outcome, visit.wants_page) {
        (Ok(outcome), true) => {
            Ok(page(&visit, &start, &question, StatusCode::OK, &result(visit.words, &outcome)))
        }
        (Ok(outcome), false) => Ok(super::json(&outcome)),
        (Err(error), true) => {
            // The scenario's own words, as the command line says them.
            let problem = html! { p.problem role="alert" lang="en" { (error) } };
            Ok(page(&visit, &start, &question, StatusCode::BAD_REQUEST, &problem))
        }
        (Err(error), false) => Err(refusal(&error)),
    }
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

fn page(
    visit: &Visit,
    start: &Scenario,
    question: &Question,
    status: StatusCode,
    result: &Markup,
) -> HttpResponse {
    let title = visit.words.say("roi-title");
    let body = html! { (form(visit.words, start, question)) (result) };
    Page::new(visit, Place::Roi, &title).status(status).narrow().show(&body)
}

fn form(words: Words, start: &Scenario, question: &Question) -> Markup {
    let value = |input: Input| question.get(input.name()).cloned().unwrap_or_else(|| start.value(input));
    let begins = [("scenario", start.name.as_str().into()), ("currency", start.currency.code().into())];
    html! {
        div.page-head { h1 { (words.say("roi-title")) } }
        form method="get" action="/admin/roi" class="inputs" {
            @for (input, label) in FIELDS {
                label { (words.say(label)) input name=(input.name()) value=(value(input)) inputmode="decimal" autocomplete="off"; }
            }
            button { (words.say("roi-work-out")) }
        }
        p.note { (words.tell("roi-begins", &begins)) }
    }
}

fn result(words: Words, outcome: &Outcome) -> Markup {
    let image = |amount: Money| words.amount(amount, outcome.currency, IMAGE_DECIMALS);
    let short = |amount: Money| words.amount(amount, outcome.currency, 4);
    let line = |name: &str, how: &str, value: &Markup| named_row(words, name, how, value);
    let each = &outcome.image;
    let at_the_plug = words.tell("roi-at-the-plug", &[("energy", each.energy_kwh.to_kwh_string().into())]);
    html! {
        dl.top-line {
            div { dt { (words.say("roi-standard-each")) } dd { (short(each.standard)) } }
            div { dt { (words.say("roi-fully-loaded")) } dd { (short(outcome.fully_loaded)) } }
            div { dt { (words.say("roi-images")) } dd { (words.count(outcome.images_per_month)) } }
        }
        @for against in &outcome.against { (against_price(words, against, outcome.currency)) }
        @if outcome.like_for_like().is_none() { p.note { (words.say("roi-no-like-for-like")) } }
        table {
            caption { (words.say("roi-one-image")) }
            tbody {
                (row(&words.say("roi-electricity"), &at_the_plug, &image(each.electricity)))
                (line("roi-depreciation", "roi-depreciation-how", &image(each.depreciation)))
                (line("roi-without-residual", "", &image(each.depreciation_without_residual)))
                (line("roi-upkeep", "roi-upkeep-how", &image(each.upkeep)))
            }
            tfoot { (line("roi-standard", "roi-standard-how", &image(each.standard))) }
        }
        (one_year(words, outcome))
        @if let Some(first) = outcome.against.first() { (years(words, first, outcome.currency)) }
    }
}

fn one_year(words: Words, outcome: &Outcome) -> Markup {
    let money = |amount: Money| words.amount(amount, outcome.currency, 2);
    let line = |name: &str, how: &str, value: &Markup| named_row(words, name, how, value);
    let year = &outcome.year;
    html! {
        table {
            caption { (words.tell("roi-one-year", &[("count", year.images.into())])) }
            tbody {
                (line("roi-electricity", "roi-electricity-how", &money(year.electricity)))
                (line("roi-idle", "roi-idle-how", &money(year.idle_electricity)))
                (line("roi-upkeep", "", &money(year.upkeep)))
                (line("roi-other", "roi-other-how", &money(year.other)))
                (line("roi-depreciation", "", &money(year.depreciation)))
            }
            tfoot { (line("roi-total", "roi-total-how", &money(year.total))) }
        }
    }
}

fn against_price(words: Words, against: &PriceOutcome, currency: Currency) -> Markup {
    let is_loss = against.saving < Money::ZERO;
    let image = |amount: Money| words.amount(amount, currency, IMAGE_DECIMALS);
    let line = |name: &str, how: &str, value: &Markup| named_row(words, name, how, value);
    let percent = words.percent(against.saving_percent().trim_start_matches('-'));
    let saving = html! { span class=(if is_loss { "loss" } else { "gain" }) {
        (image(against.saving.abs())) " · " (percent)
    } };
    let name = [("name", against.name.as_str().into())];
    html! {
        table {
            caption {
                @if against.like_for_like { (words.tell("roi-against-like-for-like", &name)) }
                @else { (words.tell("roi-against", &name)) }
            }
            tbody {
                (line("roi-price-there", "", &image(against.price)))
                (line(if is_loss { "roi-lost" } else { "roi-saved" }, "roi-saved-how", &saving))
                (line("roi-fully-loaded", "roi-fully-loaded-how", &image(against.saving_fully_loaded)))
                tr { th scope="row" colspan="2" {
                    (payback(words, against.payback)) " " (break_even(words, against.break_even))
                } }
            }
        }
    }
}

fn payback(words: Words, payback: Payback) -> String {
    match payback {
        Payback::After { months_tenths } => {
            words.tell("roi-pays-back", &[("months", tenths(words, months_tenths).into())])
        }
        Payback::AfterItsLife { months_tenths, life_months_tenths } => words.tell(
            "roi-pays-back-too-late",
            &[
                ("months", tenths(words, months_tenths).into()),
                ("life", tenths(words, life_months_tenths).into()),
            ],
        ),
        Payback::Never => words.say("roi-never-pays-back").into_owned(),
    }
}

fn break_even(words: Words, break_even: BreakEven) -> String {
    match break_even {
        BreakEven::From { images_per_month } => {
            words.tell("roi-worth-from", &[("count", images_per_month.into())])
        }
        BreakEven::BeyondCapacity { capacity_per_month } => {
            words.tell("roi-worth-beyond", &[("count", capacity_per_month.into())])
        }
        BreakEven::Never => words.say("roi-worth-never").into_owned(),
    }
}

fn tenths(words: Words, tenths: u64) -> String {
    words.decimal(&format!("{}.{}", tenths / 10, tenths % 10))
}

fn years(words: Words, against: &PriceOutcome, currency: Currency) -> Markup {
    let money = |amount: Money| words.amount(amount, currency, 2);
    let caption = words.tell("roi-years-against", &[("name", against.name.as_str().into())]);
    let columns = ["roi-hardware", "roi-electricity", "roi-running", "roi-elsewhere", "roi-saved-in-all"];
    html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) { table {
            caption { (caption) }
            thead { tr {
                th scope="col" { (words.say("roi-year")) }
                @for name in columns { th scope="col" { (words.say(name)) } }
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
        insta::assert_snapshot!(text(&result(Words::ENGLISH, &outcome())));
        insta::assert_snapshot!("a_scenario_in_chinese", text(&result(Words::CHINESE, &outcome())));
    }

    #[test]
    fn the_form_has_every_input_with_what_was_written() {
        let scenario = Scenario::shipped().expect("the shipped scenario");
        let question = Question::from([("watts".to_owned(), "<320>".to_owned())]);
        let form = form(Words::ENGLISH, &scenario, &question).0;
        for input in Input::ALL {
            assert_eq!(form.matches(&format!("name=\"{}\"", input.name())).count(), 1, "{}", input.name());
        }
        assert!(form.contains("value=\"17300.00\"") && form.contains("value=\"&lt;320&gt;\""), "{form}");
    }
}
