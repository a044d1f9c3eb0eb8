use std::ops::Range;

use plotters::{coord::types::RangedCoordf64, prelude::*};

use super::{Area, DrawError, GRID, SOFT};

/// A chart between its axes, onto which series are drawn.
pub(super) type Plot<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Size of labels. The backend writes 0.81 of it, which is 12.
const LABEL_SIZE: u32 = 15;
/// Height of the labels under a chart.
const FOOT: u32 = 28;

/// An axis: what it spans, about how many labels it has, and how one is written.
pub(super) struct Axis<'a> {
    pub(super) span: Range<f64>,
    pub(super) labels: usize,
    pub(super) label: &'a dyn Fn(f64) -> String,
}

/// The axis along which amounts are read; fine lines cross it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amounts {
    Across,
    Up,
}

/// Two axes with what stands around them, in pixels.
pub(super) struct Axes<'a> {
    pub(super) x: Axis<'a>,
    pub(super) y: Axis<'a>,
    pub(super) amounts: Amounts,
    /// Left of the chart, for the labels of `y`.
    pub(super) left: u32,
    pub(super) top: u32,
    /// For half of the last label of `x`.
    pub(super) right: u32,
}

impl Axes<'_> {
    /// Draws them, with their labels and the fine lines.
    pub(super) fn draw<'a>(&self, area: &Area<'a>) -> Result<Plot<'a>, DrawError> {
        let mut plot = ChartBuilder::on(area)
            .margin_top(self.top)
            .margin_right(self.right)
            .x_label_area_size(FOOT)
            .y_label_area_size(self.left)
            .build_cartesian_2d(self.x.span.clone(), self.y.span.clone())?;
        let mut mesh = plot.configure_mesh();
        match self.amounts {
            Amounts::Across => mesh.disable_y_mesh(),
            Amounts::Up => mesh.disable_x_mesh(),
        };
        mesh.light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GRID)
            .label_style(TextStyle::from((FontFamily::SansSerif, f64::from(LABEL_SIZE))).color(&SOFT))
            .x_labels(self.x.labels)
            .y_labels(self.y.labels)
            .x_label_formatter(&|x| (self.x.label)(*x))
            .y_label_formatter(&|y| (self.y.label)(*y))
            .draw()?;
        Ok(plot)
    }
}
