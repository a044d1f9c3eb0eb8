use plotters::prelude::*;

use super::{
    Area, Drawn, Mark, RULE, SERIES, Spot,
    axes::{Amounts, Axes, Axis},
    is_narrow,
    scale::{item, range},
};

/// A bar: what stands before it, and its length.
#[derive(Debug, Clone)]
pub(in crate::http::pages) struct Bar {
    pub(in crate::http::pages) label: String,
    pub(in crate::http::pages) length: f64,
    pub(in crate::http::pages) mark: Mark,
}

/// Bars are sums, and have a colour that no part of a sum has.
const COLOR: RGBColor = SERIES[4];
/// Half the width of a bar.
const HALF: f64 = 0.3;

/// Bars from the left, the first on top. `amount` writes an amount at an axis of a range.
#[expect(clippy::cast_precision_loss, reason = "bars are few")]
pub(in crate::http::pages) fn bars(
    area: &Area<'_>,
    bars: &[Bar],
    amount: &dyn Fn((f64, f64), f64) -> String,
) -> Drawn {
    let range = range(bars.iter().map(|bar| bar.length));
    let end = bars.len() as f64 - 0.5;
    let (names, letters, ticks) = if is_narrow(area) { (104, 13, 4) } else { (150, 20, 5) };
    let name = |position| item(bars, position).map_or_else(String::new, |bar| shortened(&bar.label, letters));
    let axes = Axes {
        x: Axis { span: range.0..range.1, labels: ticks, label: &|value| amount(range, value) },
        y: Axis { span: end..-0.5, labels: bars.len().max(1), label: &name },
        amounts: Amounts::Across,
        left: names,
        top: 4,
        right: 28,
    };
    let mut chart = axes.draw(area)?;
    let mut spots = Vec::with_capacity(bars.len());
    for (index, bar) in bars.iter().enumerate() {
        let middle = index as f64;
        chart.draw_series([Rectangle::new(
            [(0.0, middle - HALF), (bar.length, middle + HALF)],
            COLOR.filled(),
        )])?;
        let corners = [(range.0, middle - 0.5), (range.1, middle + 0.5)];
        let corners = corners.map(|corner| chart.backend_coord(&corner));
        spots.push(Spot { corners, mark: bar.mark.clone() });
    }
    chart.draw_series([PathElement::new([(0.0, -0.5), (0.0, end)], RULE)])?;
    Ok(spots)
}

/// At most as wide as `letters` Latin letters. The table under the chart has the whole name.
pub(super) fn shortened(name: &str, letters: usize) -> String {
    let mut width = 0;
    let mut kept = String::new();
    for letter in name.chars() {
        // Letters beyond the Latin, Greek and Cyrillic ones are mostly twice as wide.
        width += if letter < '\u{1100}' { 1 } else { 2 };
        if width > letters {
            kept.pop();
            return kept.trim_end().to_owned() + "…";
        }
        kept.push(letter);
    }
    kept
}
