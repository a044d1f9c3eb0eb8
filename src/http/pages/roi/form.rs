use maud::{Markup, html};

use super::{ARTICLE, PRESET, RoiQuery, Start};
use crate::{
    costs::simulation::{Input, Scenario, ScenarioError},
    http::pages::frame::Words,
};

/// An input with its label and what may be written.
type Field = (Input, &'static str, &'static str);

/// The fields in their groups, each with its name.
const GROUPS: [(&str, &[Field]); 3] = [
    (
        "roi-group-use",
        &[
            (Input::ImagesPerMonth, "roi-images", "roi-rule-images"),
            (Input::ComparedPrice, "roi-compared-price", "roi-rule-price-there"),
            (Input::Years, "roi-years", "roi-rule-years"),
        ],
    ),
    (
        "roi-group-hardware",
        &[
            (Input::Price, "roi-price", "roi-rule-amount"),
            (Input::Residual, "roi-residual", "roi-rule-residual"),
            (Input::SharePercent, "roi-share", "roi-rule-percent"),
            (Input::LifetimeImages, "roi-lifetime", "roi-rule-count"),
        ],
    ),
    (
        "roi-group-running",
        &[
            (Input::Watts, "roi-watts", "roi-rule-watts"),
            (Input::SecondsPerImage, "roi-seconds", "roi-rule-seconds"),
            (Input::PricePerKwh, "roi-price-per-kwh", "roi-rule-amount"),
            (Input::UpkeepPerImage, "roi-upkeep-per-image", "roi-rule-amount"),
            (Input::RunningCostsPerYear, "roi-running-costs", "roi-rule-amount"),
        ],
    ),
];

/// The ends of a slider; the number beside it may be anything that the scenario accepts.
struct Slide {
    least: f64,
    greatest: f64,
    step: f64,
}

/// The form. Sliders appear with the script that keeps them together with their numbers.
pub(super) fn show(words: Words, start: &Start, question: &RoiQuery) -> Markup {
    let scenario = &start.scenario;
    let begins = [("scenario", scenario.name.as_str().into()), ("currency", scenario.currency.code().into())];
    html! {
        form.card.dials id="roi-form" method="get" action="/admin/roi" {
            p.note { (words.format("roi-begins", &begins)) }
            (presets(words, start))
            @if start.is_preset { input type="hidden" name=(PRESET) value=(ARTICLE); }
            @for (group, inputs) in GROUPS {
                fieldset { legend { (words.say(group)) }
                    @for (input, label, _) in inputs { (dial(words, scenario, question, *input, label)) }
                }
            }
            button { (words.say("roi-work-out")) }
        }
    }
}

/// What cannot be used, and what may be written instead.
pub(super) fn problem(words: Words, error: &ScenarioError) -> Markup {
    let field = match error {
        // The compared prices have one field here.
        ScenarioError::Field { field: "compared", .. } => Input::ComparedPrice.name(),
        ScenarioError::Field { field, .. } => field,
        _ => "",
    };
    let inputs = GROUPS.into_iter().flat_map(|(_, inputs)| inputs);
    html! {
        @match inputs.into_iter().find(|(input, ..)| input.name() == field) {
            Some((_, label, rule)) => p.problem role="alert" {
                (words.format("roi-refused", &[("field", words.say(label).into()), ("rule", words.say(rule).into())]))
            },
            // Of what has no field here, the scenario's own words, as the command line says them.
            None => p.problem role="alert" lang="en" { (error) },
        }
    }
}

/// Scenarios to begin with.
fn presets(words: Words, start: &Start) -> Markup {
    html! {
        nav.row aria-label=(words.say("roi-presets")) {
            @if start.has_own {
                a href="/admin/roi" aria-current=[(!start.is_preset).then_some("true")] { (words.say("roi-preset-own")) }
            }
            @let is_here = start.is_preset || !start.has_own;
            a href={ "/admin/roi?" (PRESET) "=" (ARTICLE) } aria-current=[is_here.then_some("true")] {
                (words.say("roi-preset-article"))
            }
        }
    }
}

fn dial(words: Words, scenario: &Scenario, question: &RoiQuery, input: Input, label: &str) -> Markup {
    let name = input.name();
    let value = question.get(name).cloned().unwrap_or_else(|| scenario.value(input));
    let label = words.say(label);
    let slide = slide(input, &scenario.value(input));
    let id = format!("roi-{name}");
    html! {
        div.dial {
            label for=(id) { (label) }
            input type="number" id=(id) name=(name) value=(value) min="0" step="any" autocomplete="off";
            input type="range" data-for=(name) aria-label=(label) hidden
                min=(slide.least) max=(slide.greatest) step=(slide.step) value=(if value.is_empty() { "0" } else { value.as_str() });
        }
    }
}

fn slide(input: Input, start: &str) -> Slide {
    let start: f64 = start.parse().unwrap_or(0.0);
    // To a round number some way beyond where it begins.
    let up_to = |usual: f64, times: f64| round_up((start * times).max(usual));
    let (least, greatest) = match input {
        Input::SharePercent => (1.0, 100.0),
        Input::Years => (1.0, 10.0),
        Input::ImagesPerMonth => (1.0, up_to(1000.0, 10.0)),
        Input::LifetimeImages => (1000.0, up_to(10_000.0, 5.0)),
        Input::Watts => (10.0, up_to(500.0, 2.0)),
        Input::SecondsPerImage => (0.5, up_to(10.0, 4.0)),
        Input::Price | Input::Residual => (0.0, up_to(1000.0, 3.0)),
        Input::RunningCostsPerYear => (0.0, up_to(1000.0, 5.0)),
        Input::ComparedPrice => (0.0, up_to(0.1, 3.0)),
        Input::PricePerKwh => (0.0, up_to(0.5, 3.0)),
        Input::UpkeepPerImage => (0.0, up_to(0.05, 5.0)),
    };
    let is_whole = matches!(
        input,
        Input::SharePercent | Input::Years | Input::ImagesPerMonth | Input::LifetimeImages | Input::Watts
    );
    let fine = round_up(greatest / 500.0);
    Slide { least, greatest, step: if is_whole { fine.max(1.0).round() } else { fine } }
}

/// The next of 1, 2, 5, 10, 20, 50 and so on.
fn round_up(value: f64) -> f64 {
    let scale = 10_f64.powf(value.log10().floor());
    let rounded =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * scale).find(|step| *step >= value * (1.0 - 1e-9));
    // Without digits that come of counting in twos.
    let rounded = rounded.unwrap_or(value);
    if scale < 1.0 { (rounded * 1e6).round() / 1e6 } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sliders_end_at_round_numbers_beyond_where_they_begin() {
        for (value, round) in [(0.07, 0.1), (9.0, 10.0), (10.0, 10.0), (11.0, 20.0), (51_900.0, 100_000.0)] {
            assert_eq!(round_up(value), round, "{value}");
        }
        let price = slide(Input::Price, "17300.00");
        assert_eq!((price.least, price.greatest, price.step), (0.0, 100_000.0, 200.0));
        let nothing = slide(Input::RunningCostsPerYear, "");
        assert_eq!((nothing.greatest, nothing.step), (1000.0, 2.0));
        assert_eq!(slide(Input::Years, "3").step, 1.0);
    }

    #[test]
    fn the_form_has_every_input_with_what_was_written() {
        let scenario = Scenario::shipped().expect("the shipped scenario");
        let question = RoiQuery::from([("watts".to_owned(), "<320>".to_owned())]);
        let start = Start { scenario, is_preset: true, has_own: true };
        let form = show(Words::ENGLISH, &start, &question).0;
        for input in Input::ALL {
            assert_eq!(form.matches(&format!("name=\"{}\"", input.name())).count(), 1, "{}", input.name());
        }
        assert!(form.contains("value=\"17300.00\"") && form.contains("value=\"&lt;320&gt;\""), "{form}");
        assert!(form.contains("name=\"preset\" value=\"article\""), "{form}");
    }
    #[test]
    fn a_value_that_cannot_be_is_refused_by_its_label_and_what_may_be_written() {
        for input in Input::ALL {
            let mut scenario = Scenario::shipped().expect("the shipped scenario");
            let error = scenario.change(input, "-1").and_then(|()| scenario.check()).expect_err(input.name());
            let [english, chinese] = [Words::ENGLISH, Words::CHINESE].map(|words| problem(words, &error).0);
            assert!(english.contains("is invalid: write") && !english.contains("lang="), "{english}");
            assert!(chinese.contains("的值无法使用"), "{chinese}");
        }
    }
}
