use maud::{Markup, PreEscaped, html};
use plotters::prelude::*;

use super::SERIES;

/// Its size in pixels: as high as a line of text.
const SIZE: (u32, u32) = (120, 24);
/// Half the width of a column; 0.5 would leave no gap.
const HALF: f64 = 0.36;

/// Small columns without axes. What they show is said beside them, so they are hidden from whoever listens to the page.
pub(in crate::http::pages) fn sparkline(counts: &[u32]) -> Markup {
    let mut svg = String::new();
    if let Err(error) = draw(&mut svg, counts) {
        tracing::error!(%error, "a sparkline could not be drawn");
        return html! {};
    }
    PreEscaped(svg.replacen("<svg ", "<svg class=\"sparkline\" aria-hidden=\"true\" ", 1))
}

#[expect(clippy::cast_precision_loss, reason = "days are few")]
fn draw(svg: &mut String, counts: &[u32]) -> super::Drawn {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let highest = f64::from(counts.iter().copied().max().unwrap_or(0).max(1));
    let mut chart =
        ChartBuilder::on(&area).build_cartesian_2d(-0.5..counts.len() as f64 - 0.5, 0.0..highest)?;
    let columns = counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(day, count)| {
        let (middle, height) = (day as f64, f64::from(*count));
        Rectangle::new([(middle - HALF, 0.0), (middle + HALF, height)], SERIES[1].filled())
    });
    chart.draw_series(columns)?;
    area.present()?;
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_with_images_has_a_column_and_the_busiest_is_the_highest() {
        let drawn = sparkline(&[0, 2, 0, 4]).0;
        let heights: Vec<u32> = drawn
            .split("<rect ")
            .skip(1)
            .map(|rect| {
                let (_, rest) = rect.split_once("height=\"").expect("a height");
                rest.split('"').next().expect("a value").parse().expect("a number")
            })
            .collect();
        assert_eq!(heights.len(), 2, "{drawn}");
        assert!(heights[1] > heights[0], "{heights:?}");
        assert_eq!(sparkline(&[0; 30]).0.matches("<rect").count(), 0);
    }
}
