use plotters::prelude::*;

use super::{
    Area, Drawn, GRID, RULE, SERIES, is_narrow, label_style,
    scale::{item, range},
};

/// A bar: what stands before it, and its length.
#[derive(Debug, Clone)]
pub(in crate::http::admin) struct Bar {
    pub(in crate::http::admin) label: String,
    pub(in crate::http::admin) length: f64,
}

/// Bars are sums, and have a colour that no part of a sum has.
const COLOR: RGBColor = SERIES[4];
/// Half the width of a bar.
const HALF: f64 = 0.3;

/// Bars from the left, the first on top. `amount` writes an amount at the axis, told the axis' range.
pub(in crate::http::admin) fn bars(
    area: &Area<'_>,
    bars: &[Bar],
    amount: &dyn Fn((f64, f64), f64) -> String,
) -> Drawn {
    let range = range(bars.iter().map(|bar| bar.length));
    let end = bars.len() as f64 - 0.5;
    let (names, letters, ticks) = if is_narrow(area) { (104, 13, 4) } else { (150, 20, 5) };
    let mut chart = ChartBuilder::on(area)
        .margin_top(4)
        .margin_right(28)
        .x_label_area_size(28)
        .y_label_area_size(names)
        .build_cartesian_2d(range.0..range.1, end..-0.5)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .label_style(label_style())
        .x_labels(ticks)
        .y_labels(bars.len().max(1))
        .x_label_formatter(&|value| amount(range, *value))
        .y_label_formatter(&|position| {
            item(bars, *position).map_or_else(String::new, |bar| shortened(&bar.label, letters))
        })
        .draw()?;
    for (index, bar) in bars.iter().enumerate() {
        let middle = index as f64;
        chart.draw_series([Rectangle::new(
            [(0.0, middle - HALF), (bar.length, middle + HALF)],
            COLOR.filled(),
        )])?;
    }
    chart.draw_series([PathElement::new([(0.0, -0.5), (0.0, end)], RULE)])?;
    Ok(())
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
