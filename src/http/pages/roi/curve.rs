//! The cost of an image by images a month, compared with prices elsewhere.

use maud::{Markup, html};

use super::RoiAnswer;
use crate::{
    costs::simulation::{BreakEven, CurvePoint, Outcome, PriceOutcome, Scenario, ScenarioError},
    http::pages::{
        charts::{Chart, Curve, Look, Money2d, Width, legend, lines, tick_decimals},
        frame::Words,
    },
    units::Money,
};

/// Points of the curve: one every few pixels.
const POINTS: u64 = 150;
/// Images a month that the curve shows at least.
const VOLUME_MIN: u64 = 20;
/// More prices than these have no colour of their own.
const PRICES_MAX: usize = 4;

/// The curve over volumes that hold the present one and every break-even.
pub(super) fn of(scenario: &Scenario, outcome: &Outcome) -> Result<Vec<CurvePoint>, ScenarioError> {
    let break_evens = outcome.against.iter().filter_map(|against| match against.break_even {
        BreakEven::From { images_per_month } => Some(images_per_month.saturating_mul(3) / 2),
        _ => None,
    });
    let wanted = break_evens.chain([outcome.images_per_month.saturating_mul(2), VOLUME_MIN]).max();
    let possible = wanted.unwrap_or(VOLUME_MIN).min(outcome.capacity_per_month.max(outcome.images_per_month));
    scenario.curve(outcome, possible.max(1), POINTS)
}

pub(super) fn show(words: Words, answer: &RoiAnswer) -> Markup {
    let outcome = &answer.outcome;
    let title = words.say("roi-curve");
    let present = answer.present.cost_per_image;
    let amount = |amount: Money| words.amount_text(amount, outcome.currency);
    let values = [("images", words.count(outcome.images_per_month).into()), ("cost", amount(present).into())];
    let description = words.format("roi-curve-present", &values);
    #[expect(clippy::cast_precision_loss, reason = "a place on an axis")]
    let end = answer.curve.last().map_or(1, |point| point.images_per_month) as f64;
    let prices: Vec<_> = outcome.against.iter().take(PRICES_MAX).collect();
    let all = drawn(answer, &prices, end);
    // At few images the cost has no bound; what matters is near the prices and the present cost.
    let greatest = prices.iter().map(|against| against.price).chain([present]).max().unwrap_or(present);
    let top = greatest.to_chart() * 1.8;
    let names: Vec<_> =
        prices.iter().enumerate().map(|(index, against)| (index + 1, name(words, against))).collect();
    let here = words.say("roi-curve-here");
    let legend_items: Vec<_> = std::iter::once((0, here.as_ref()))
        .chain(names.iter().map(|(series, name)| (*series, name.as_str())))
        .collect();
    let chart = Chart {
        id: "chart-curve",
        title: &title,
        description: &description,
        width: Width::Full,
        height: 300,
    };
    let tick = |range: (f64, f64), value: f64| {
        words.tick_amount(Money::from_chart(value), outcome.currency, tick_decimals(range))
    };
    #[expect(clippy::cast_possible_truncation, reason = "a place on an axis")]
    let volume = |x: f64| words.count(x.round() as i64);
    html! {
        figure.card.chart id="curve" {
            figcaption { h2 { (title) } p.note { (words.say("roi-curve-how")) } }
            (legend(&legend_items))
            (chart.drawn(|area| lines(area, &all, 0.0..end, Some(top), &volume, &tick)))
            p.axis { (words.say("roi-images")) }
            details { summary { (words.say("roi-curve-table")) } (table(words, answer, &title)) }
        }
    }
}

fn drawn(answer: &RoiAnswer, prices: &[&PriceOutcome], end: f64) -> Vec<Curve> {
    #[expect(clippy::cast_precision_loss, reason = "a place on an axis")]
    let point = |point: &CurvePoint| (point.images_per_month as f64, point.cost_per_image.to_chart());
    let mut all = vec![
        Curve { points: answer.curve.iter().map(point).collect(), series: 0, look: Look::Solid },
        Curve { points: vec![point(&answer.present)], series: 0, look: Look::Points },
    ];
    for (index, against) in prices.iter().enumerate() {
        let price = against.price.to_chart();
        all.push(Curve { points: vec![(0.0, price), (end, price)], series: index + 1, look: Look::Dashed });
    }
    all
}

/// Some of the points: the chart has too many to read.
fn table(words: Words, answer: &RoiAnswer, title: &str) -> Markup {
    let step = (answer.curve.len() / 10).max(1);
    let shown = answer.curve.iter().skip(step - 1).step_by(step);
    html! {
        div.scroll tabindex="0" role="region" aria-label=(title) { table {
            thead { tr { th scope="col" { (words.say("roi-images")) } th scope="col" { (words.say("roi-fully-loaded")) } } }
            tbody { @for point in shown { tr {
                th scope="row" { (words.count(point.images_per_month)) }
                td { (words.amount(point.cost_per_image, answer.outcome.currency)) }
            } } }
        } }
    }
}

/// What a compared price is called; one that was written into the form has a name of ours.
pub(super) fn name(words: Words, against: &PriceOutcome) -> String {
    match against.name.as_str() {
        crate::costs::simulation::WRITTEN_PRICE => words.say("roi-what-you-pay").into_owned(),
        name => name.to_owned(),
    }
}
