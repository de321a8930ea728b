use std::fmt::Display;
use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::run::RunError;

/// A named line.
#[derive(Debug, Clone)]
pub struct LineSeries {
    /// Its name in the legend.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// A named point.
#[derive(Debug, Clone)]
pub struct ScatterPoint {
    /// Its label.
    pub name: String,
    /// Its place.
    pub at: (f64, f64),
}

const SIZE: (u32, u32) = (510, 340);
const FONT: &str = "sans-serif";

/// Lines over a common axis, as an SVG.
///
/// # Errors
///
/// A chart that cannot be drawn.
pub fn line_chart(
    title: &str,
    x: &str,
    y: &str,
    series: &[LineSeries],
) -> Result<String, RunError> {
    let points = || series.iter().flat_map(|series| &series.points);
    let (across, up) = (
        range(points().map(|point| point.0)),
        range(points().map(|point| point.1)),
    );
    draw(SIZE, |area| {
        let mut chart = axes(&area, [title, x, y], across, up)?;
        for (index, line) in series.iter().enumerate() {
            let colour = Palette99::pick(index).to_rgba();
            chart
                .draw_series(plotters::series::LineSeries::new(
                    line.points.iter().copied(),
                    colour.stroke_width(2),
                ))?
                .label(&line.name)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2))
                });
        }
        label_series(&mut chart)
    })
}

/// Labelled points, as an SVG.
///
/// # Errors
///
/// A chart that cannot be drawn.
pub fn scatter_chart(
    title: &str,
    x: &str,
    y: &str,
    points: &[ScatterPoint],
) -> Result<String, RunError> {
    let (across, up) = (
        range(points.iter().map(|point| point.at.0)),
        range(points.iter().map(|point| point.at.1)),
    );
    draw(SIZE, |area| {
        let mut chart = axes(&area, [title, x, y], across, up)?;
        for (index, point) in points.iter().enumerate() {
            let colour = Palette99::pick(index).to_rgba();
            // Points may coincide, so their names stand in a legend and not beside them.
            chart
                .draw_series([Circle::new(point.at, 6, colour.mix(0.7).filled())])?
                .label(&point.name)
                .legend(move |at| Circle::new((at.0 + 8, at.1), 5, colour.filled()));
        }
        label_series(&mut chart)
    })
}

/// A square matrix of values in -1..=1 with its numbers, as an SVG.
///
/// # Errors
///
/// A chart that cannot be drawn.
pub fn matrix_chart(
    title: &str,
    names: &[String],
    values: &[Vec<f64>],
) -> Result<String, RunError> {
    let count = names.len() as i32;
    let (cell, left, top) = (54, 150, 44);
    let side = (left + cell * count + 12) as u32;
    draw((side, side - 60), |area| {
        area.draw(&Text::new(title.to_owned(), (12, 10), (FONT, 16)))?;
        for (row, name) in names.iter().enumerate() {
            let y = top + cell * row as i32;
            area.draw(&Text::new(name.clone(), (8, y + cell / 2 - 6), (FONT, 12)))?;
            for (column, &value) in values[row].iter().enumerate() {
                let x = left + cell * column as i32;
                let fade = (255.0 * (1.0 - value.abs().min(1.0))) as u8;
                let colour = if value >= 0.0 {
                    RGBColor(255, fade, fade)
                } else {
                    RGBColor(fade, fade, 255)
                };
                area.draw(&Rectangle::new(
                    [(x, y), (x + cell - 2, y + cell - 2)],
                    colour.filled(),
                ))?;
                area.draw(&Text::new(
                    format!("{value:.2}"),
                    (x + 13, y + cell / 2 - 6),
                    (FONT, 12),
                ))?;
            }
        }
        Ok(())
    })
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw(size: (u32, u32), paint: impl FnOnce(Area<'_>) -> Drawn) -> Result<String, RunError> {
    let failed = |error: &dyn Display| RunError::Drawing {
        what: "a chart",
        reason: error.to_string(),
    };
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    area.fill(&WHITE).map_err(|error| failed(&error))?;
    paint(area).map_err(|error| failed(&error))?;
    Ok(svg)
}

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

fn axes<'a, 'b: 'a>(
    area: &'a Area<'b>,
    [title, x, y]: [&str; 3],
    across: Range<f64>,
    up: Range<f64>,
) -> Result<Chart<'a, 'b>, Box<dyn std::error::Error>> {
    let chart = ChartBuilder::on(area)
        .caption(title, (FONT, 16))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(48)
        .build_cartesian_2d(across, up);
    let mut chart = chart.map_err(|error| error.to_string())?;
    let drawn = chart
        .configure_mesh()
        .x_desc(x)
        .y_desc(y)
        .light_line_style(WHITE)
        .draw();
    drawn.map_err(|error| error.to_string())?;
    Ok(chart)
}

fn label_series<'a, 'b: 'a>(chart: &mut Chart<'a, 'b>) -> Drawn {
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.2))
        .draw()
        .map_err(|error| error.to_string().into())
}

/// The span of the finite values with a margin; a single value gets a span of its own.
fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
    if low > high {
        return 0.0..1.0;
    }
    let margin = if high > low { 0.05 * (high - low) } else { 0.5 };
    low - margin..high + margin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_without_finite_points_is_still_drawn() {
        let series = [LineSeries {
            name: "a".to_owned(),
            points: vec![(0.0, f64::NAN)],
        }];
        assert!(line_chart("t", "x", "y", &series).unwrap().contains("<svg"));
        assert!(
            scatter_chart("t", "x", "y", &[])
                .unwrap()
                .contains("</svg>")
        );
    }
}
