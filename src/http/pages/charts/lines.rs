use std::ops::Range;

use plotters::prelude::*;

use super::{
    Area, Drawn, RULE, SERIES, amount_width,
    axes::{Amounts, Axes, Axis},
    is_narrow,
    scale::range,
};

/// A line through points, from the left.
#[derive(Debug, Clone)]
pub(in crate::http::pages) struct Curve {
    pub(in crate::http::pages) points: Vec<(f64, f64)>,
    /// The index of its colour.
    pub(in crate::http::pages) series: usize,
    pub(in crate::http::pages) look: Look,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http::pages) enum Look {
    /// Through what is.
    Solid,
    /// What others are held against.
    Dashed,
    /// A point that is looked at.
    Points,
}

/// Lines over `across`. `x_label` writes a position, `amount` an amount at an axis of a range. With `top`, what
/// is above it is cut off.
pub(in crate::http::pages) fn lines(
    area: &Area<'_>,
    lines: &[Curve],
    across: Range<f64>,
    top: Option<f64>,
    x_label: &dyn Fn(f64) -> String,
    amount: &dyn Fn((f64, f64), f64) -> String,
) -> Drawn {
    let values = lines.iter().flat_map(|line| line.points.iter().map(|(_, y)| *y));
    let range = range(values.map(|y| top.map_or(y, |top| y.min(top))));
    let axes = Axes {
        x: Axis { span: across.clone(), labels: if is_narrow(area) { 3 } else { 6 }, label: x_label },
        y: Axis { span: range.0..range.1, labels: 6, label: &|value| amount(range, value) },
        amounts: Amounts::Up,
        left: amount_width(range, amount),
        top: 8,
        right: 28,
    };
    let mut chart = axes.draw(area)?;
    chart.draw_series([PathElement::new([(across.start, 0.0), (across.end, 0.0)], RULE)])?;
    for line in lines {
        let color = SERIES.get(line.series).copied().unwrap_or(RULE);
        let points = line.points.iter().copied().filter(|(_, y)| (range.0..=range.1).contains(y));
        match line.look {
            Look::Solid => chart.draw_series(LineSeries::new(points, color.stroke_width(2)))?,
            Look::Dashed => chart.draw_series(DashedLineSeries::new(points, 6, 4, color.stroke_width(2)))?,
            Look::Points => chart.draw_series(points.map(|point| Circle::new(point, 4, color.filled())))?,
        };
    }
    Ok(Vec::new())
}
