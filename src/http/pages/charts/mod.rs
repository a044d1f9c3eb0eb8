//! Charts as SVG in the page. They are drawn in the colours of the light style sheet, as presentation attributes, which
//! the sheet finds by their value and replaces in the dark (charts.css). Each is drawn in several widths, of which the
//! sheet shows one: text that is scaled down with its chart cannot be read on a phone.

mod axes;
mod bars;
mod columns;
mod lines;
mod scale;
mod sparkline;

use maud::{Markup, PreEscaped, html};
use plotters::{coord::Shift, prelude::*};

pub(super) use self::{
    bars::{Bar, bars},
    columns::{Column, columns},
    lines::{Curve, Look, lines},
    scale::{Money2d, tick_decimals},
    sparkline::sparkline,
};

/// Colours of series, in their order. They are those of charts.css.
pub(super) const SERIES: [RGBColor; 5] = [
    RGBColor(0xC0, 0x7A, 0x14),
    RGBColor(0x35, 0x60, 0x8C),
    RGBColor(0x4F, 0x8A, 0x68),
    RGBColor(0xA5, 0x9A, 0x8B),
    RGBColor(0x8A, 0x4F, 0x7D),
];
/// Text, lines behind the figures, and the line at nothing.
const SOFT: RGBColor = RGBColor(0x66, 0x5C, 0x50);
const GRID: RGBColor = RGBColor(0xE0, 0xD8, 0xC9);
const RULE: RGBColor = RGBColor(0x8F, 0x84, 0x75);
/// Below this width there is room for few labels.
const NARROW: u32 = 480;

type Backend<'a> = SVGBackend<'a>;
pub(super) type Area<'a> = DrawingArea<Backend<'a>, Shift>;
type DrawError = DrawingAreaErrorKind<std::io::Error>;
/// What was drawn: the places on it that say their value.
pub(super) type Drawn = Result<Vec<Spot>, DrawError>;

/// What a part of a chart says when a pointer rests on it, and the page that a press on it leads to. The table under the chart has the
/// same value, and the same link.
#[derive(Debug, Clone, Default)]
pub(super) struct Mark {
    pub(super) said: String,
    pub(super) page: Option<String>,
}

/// A mark and its place, in pixels: two corners.
#[derive(Debug)]
pub(super) struct Spot {
    corners: [(i32, i32); 2],
    mark: Mark,
}

impl Spot {
    fn show(&self) -> Markup {
        let [(left, top), (right, bottom)] = self.corners;
        let (width, height) = ((right - left).abs(), (bottom - top).abs());
        html! {
            rect.mark x=(left.min(right)) y=(top.min(bottom)) width=(width) height=(height) fill="transparent"
                data-page=[self.mark.page.as_deref()] { title { (self.mark.said) } }
        }
    }
}

/// A chart's place: its id on the page, what it is, what it shows in words, and its height.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chart<'a> {
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    pub(super) description: &'a str,
    pub(super) width: Width,
    pub(super) height: u32,
}

/// How much of the page a chart may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// All of it.
    Full,
    /// Half of it, if there is room for two.
    Half,
}

impl Width {
    /// In pixels, with the class that shows the chart at such a width.
    const fn drawn(self) -> &'static [(u32, &'static str)] {
        match self {
            Self::Full => &[(340, "narrow"), (640, "middle"), (1090, "wide")],
            Self::Half => &[(340, "narrow"), (520, "middle wide")],
        }
    }
}

impl Chart<'_> {
    /// The chart that `draw` draws.
    pub(super) fn drawn(&self, draw: impl Fn(&Area<'_>) -> Drawn) -> Markup {
        html! {
            div.drawn {
                @for (width, class) in self.width.drawn() { (PreEscaped(self.svg(*width, class, &draw))) }
            }
        }
    }

    /// Nothing if drawing fails: the table under the chart has the same figures.
    fn svg(&self, width: u32, class: &str, draw: &impl Fn(&Area<'_>) -> Drawn) -> String {
        let mut svg = String::new();
        let drawn = {
            let area = SVGBackend::with_string(&mut svg, (width, self.height)).into_drawing_area();
            draw(&area).and_then(|spots| area.present().map(|()| spots))
        };
        let spots = match drawn {
            Ok(spots) => spots,
            Err(error) => {
                tracing::error!(chart = self.id, %error, "a chart could not be drawn");
                return String::new();
            }
        };
        let (title, description) =
            (format!("{}-{width}-title", self.id), format!("{}-{width}-desc", self.id));
        let said = html! { title id=(title) { (self.title) } desc id=(description) { (self.description) } }.0;
        let opening = format!(
            "<svg class=\"{class}\" role=\"img\" aria-labelledby=\"{title}\" aria-describedby=\"{description}\" "
        );
        let marks = html! { @for spot in &spots { (spot.show()) } }.0;
        let svg = svg.replacen("<svg ", &opening, 1).replace("</svg>", &format!("{marks}</svg>"));
        svg.replacen('>', &format!(">{said}"), 1)
    }
}

/// What the colours of a chart mean: the index of a series and its name.
pub(super) fn legend(series: &[(usize, &str)]) -> Markup {
    html! {
        ul.legend { @for (index, name) in series { li { span class={ "swatch series-" (index + 1) } {} (name) } } }
    }
}

/// Width of the widest label of an amount at the axis of `range`, with room beside it.
fn amount_width(range: (f64, f64), amount: &dyn Fn((f64, f64), f64) -> String) -> u32 {
    // The ends of an axis have its longest labels. A figure is some 7 pixels wide.
    let letters = [range.0, range.1].map(|end| amount(range, end).chars().count()).into_iter().max();
    u32::try_from(letters.unwrap_or(0)).unwrap_or(0) * 7 + 18
}

fn is_narrow(area: &Area<'_>) -> bool {
    area.dim_in_pixel().0 < NARROW
}

#[cfg(test)]
mod tests;
