use plotters::prelude::*;

use super::{
    Area, Drawn, Mark, RULE, SERIES, Spot, amount_width,
    axes::{Amounts, Axes, Axis},
    is_narrow,
    scale::{item, range},
};

/// A column: what stands under it, and its parts from the bottom up. Negative parts hang below the line.
#[derive(Debug, Clone)]
pub(in crate::http::pages) struct Column {
    pub(in crate::http::pages) label: String,
    pub(in crate::http::pages) parts: Vec<f64>,
    pub(in crate::http::pages) mark: Mark,
}

/// Half the width of a column; 0.5 would leave no gap.
const HALF: f64 = 0.38;

/// Stacked columns. `amount` writes an amount at an axis of a range.
#[expect(clippy::cast_precision_loss, reason = "columns are few")]
pub(in crate::http::pages) fn columns(
    area: &Area<'_>,
    columns: &[Column],
    amount: &dyn Fn((f64, f64), f64) -> String,
) -> Drawn {
    let height = |is_part: fn(&f64) -> bool| {
        columns.iter().map(move |column| column.parts.iter().filter(|part| is_part(part)).sum::<f64>())
    };
    let range = range(height(|part| *part > 0.0).chain(height(|part| *part < 0.0)));
    let end = columns.len() as f64 - 0.5;
    let labels_max = if is_narrow(area) { 5 } else { 12 };
    let name = |position| item(columns, position).map_or_else(String::new, |column| column.label.clone());
    let axes = Axes {
        x: Axis { span: -0.5..end, labels: columns.len().clamp(1, labels_max), label: &name },
        y: Axis { span: range.0..range.1, labels: 6, label: &|value| amount(range, value) },
        amounts: Amounts::Up,
        left: amount_width(range, amount),
        top: 8,
        right: 16,
    };
    let mut chart = axes.draw(area)?;
    let mut spots = Vec::with_capacity(columns.len());
    for (index, column) in columns.iter().enumerate() {
        let middle = index as f64;
        let (mut above, mut below) = (0.0, 0.0);
        for (part, color) in column.parts.iter().zip(SERIES) {
            let from = if *part < 0.0 { &mut below } else { &mut above };
            let corners = [(middle - HALF, *from), (middle + HALF, *from + part)];
            *from += part;
            if *part != 0.0 {
                chart.draw_series([Rectangle::new(corners, color.filled())])?;
            }
        }
        // The whole height, so that a small column is found too.
        let corners = [(middle - 0.5, range.0), (middle + 0.5, range.1)];
        let corners = corners.map(|corner| chart.backend_coord(&corner));
        spots.push(Spot { corners, mark: column.mark.clone() });
    }
    chart.draw_series([PathElement::new([(-0.5, 0.0), (end, 0.0)], RULE)])?;
    Ok(spots)
}
