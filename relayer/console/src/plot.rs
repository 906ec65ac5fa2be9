//! A line over time, as a picture. The shapes stretch with the page, the words around them do not: both stay readable on a
//! phone. Why not a plotting crate: docs/adr/0016-the-page.md.

use maud::{Markup, html};

use crate::{parts, texts::Texts};

/// Points that one picture holds at most; of more, every so many are left out.
pub const MAX_POINTS: usize = 400;

/// What is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plot {
    /// What it shows, in words.
    pub title: String,
    /// Unit of the values.
    pub unit: String,
    /// Lines.
    pub lines: Vec<Line>,
    /// Values between which nothing is alarming.
    pub band: Option<(f64, f64)>,
    /// What stands at the two ends of the horizontal axis.
    pub ends: (String, String),
    /// Whether zero belongs into the picture.
    pub from_zero: bool,
}

/// One line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// What it is; shown when there are several.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<Point>,
}

/// One point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point {
    /// Place on the horizontal axis.
    pub x: f64,
    /// Value.
    pub y: f64,
    /// What is told about it.
    pub told: String,
}

/// A value at a time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// When, unix seconds.
    pub at: u64,
    /// The value, for the picture.
    pub value: f64,
    /// The value as it is written.
    pub text: String,
}

/// Values over time, oldest first.
pub(crate) fn over_time(
    title: &str,
    unit: &str,
    samples: &[Sample],
    band: Option<(f64, f64)>,
) -> Plot {
    let point = |sample: &Sample| Point {
        x: sample.at as f64,
        y: sample.value,
        told: format!("{}: {} {unit}", parts::clock_of(sample.at), sample.text),
    };
    let end = |sample: Option<&Sample>| {
        sample.map_or_else(String::new, |sample| parts::clock_of(sample.at))
    };
    Plot {
        title: title.into(),
        unit: unit.into(),
        lines: vec![Line {
            name: title.into(),
            points: samples.iter().map(point).collect(),
        }],
        band,
        ends: (end(samples.first()), end(samples.last())),
        from_zero: false,
    }
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 180.0;
const EDGE: f64 = 8.0;

/// Draws it; says so where there is nothing to draw.
pub(crate) fn plot(t: &Texts, plot: &Plot) -> Markup {
    let Some(scale) = Scale::of(plot) else {
        return html! { div.plot.blank { p { (plot.title) ": " (t.no_values) } } };
    };
    let values = format!(
        "{} – {} {}",
        number(scale.low),
        number(scale.high),
        plot.unit
    );
    html! {
        figure.plot {
            figcaption {
                (plot.title) " " span.unit { (plot.unit) }
                @if plot.lines.len() > 1 {
                    @for (index, line) in plot.lines.iter().enumerate() {
                        " " span.legend.{ "line" (index % 3) } { (line.name) }
                    }
                }
            }
            div.area {
                div.scale aria-hidden="true" {
                    span { (number(scale.high)) }
                    span { (number((scale.high + scale.low) / 2.0)) }
                    span { (number(scale.low)) }
                }
                svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                    aria-label={ (plot.title) ": " (values) } {
                    @if let Some((low, high)) = plot.band {
                        @let (top, bottom) = (scale.y(high), scale.y(low));
                        rect.band x="0" width=(WIDTH) y=(at(top)) height=(at((bottom - top).max(0.0))) {
                            title { (t.band) ": " (number(low)) " – " (number(high)) " " (plot.unit) }
                        }
                    }
                    @for part in [0.0, 0.5, 1.0] {
                        @let y = EDGE + part * (HEIGHT - 2.0 * EDGE);
                        line.grid x1="0" x2=(WIDTH) y1=(at(y)) y2=(at(y)) {}
                    }
                    @for (index, line) in plot.lines.iter().enumerate() {
                        polyline.{ "line" (index % 3) } points=(scale.path(line)) {}
                    }
                    (tips(plot, &scale))
                }
                div.ends aria-hidden="true" { span { (plot.ends.0) } span { (plot.ends.1) } }
            }
        }
    }
}

/// What is told where the pointer rests: a strip for each point of the first line.
fn tips(plot: &Plot, scale: &Scale) -> Markup {
    let Some(line) = plot.lines.first() else {
        return html! {};
    };
    let points = thinned(&line.points);
    let width = WIDTH / points.len().max(1) as f64;
    html! {
        @for point in points {
            @let left = (scale.x(point.x) - width / 2.0).clamp(0.0, WIDTH - width);
            rect.tip x=(at(left)) width=(at(width)) y="0" height=(HEIGHT) { title { (point.told) } }
        }
    }
}

/// Between which values the picture lies.
struct Scale {
    left: f64,
    right: f64,
    low: f64,
    high: f64,
}

impl Scale {
    fn of(plot: &Plot) -> Option<Self> {
        let points = || plot.lines.iter().flat_map(|line| &line.points);
        let points = || points().filter(|point| is_drawn(point));
        points().next()?;
        let least = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::INFINITY, f64::min);
        let most = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::NEG_INFINITY, f64::max);
        let band = plot.band.into_iter().flat_map(|(low, high)| [low, high]);
        let zero = plot.from_zero.then_some(0.0);
        let around: Vec<f64> = band.chain(zero).filter(|y| y.abs() < LARGEST).collect();
        let ys = || points().map(|p| p.y).chain(around.iter().copied());
        let (low, high) = (least(&mut ys()), most(&mut ys()));
        // A line without height would lie on the edge.
        let (low, high) = match high - low {
            height if height > 0.0 => (low, high),
            _ if plot.from_zero && low >= 0.0 => (0.0, high.max(1.0)),
            _ => (low - 1.0, high + 1.0),
        };
        Some(Self {
            left: least(&mut points().map(|p| p.x)),
            right: most(&mut points().map(|p| p.x)),
            low,
            high,
        })
    }

    fn x(&self, x: f64) -> f64 {
        let width = self.right - self.left;
        if width > 0.0 {
            (x - self.left) / width * WIDTH
        } else {
            WIDTH / 2.0
        }
    }

    fn y(&self, y: f64) -> f64 {
        let part = (y - self.low) / (self.high - self.low);
        HEIGHT - EDGE - part * (HEIGHT - 2.0 * EDGE)
    }

    fn path(&self, line: &Line) -> String {
        let points = thinned(&line.points).filter(|point| is_drawn(point));
        let points = points.map(|p| format!("{},{}", at(self.x(p.x)), at(self.y(p.y))));
        points.collect::<Vec<_>>().join(" ")
    }
}

/// Values beyond have no place in a picture: their differences are no numbers any more.
const LARGEST: f64 = 1e300;

fn is_drawn(point: &Point) -> bool {
    point.x.abs() < LARGEST && point.y.abs() < LARGEST
}

/// At most [`MAX_POINTS`] of them, the last among them.
fn thinned(points: &[Point]) -> impl ExactSizeIterator<Item = &Point> {
    let step = points.len().div_ceil(MAX_POINTS).max(1);
    let rest = points.len().saturating_sub(1) % step;
    let kept: Vec<&Point> = points.iter().skip(rest).step_by(step).collect();
    kept.into_iter()
}

fn at(place: f64) -> String {
    format!("{place:.1}")
}

/// A number as an axis shows it: four digits that matter, thousands apart.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1e15 {
        return format!("{value:.3e}");
    }
    let digits = match size {
        _ if size >= 100.0 || value.fract() == 0.0 => 0,
        _ if size >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |w| ("−", w));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    let part = part.trim_end_matches('0');
    let dot = if part.is_empty() { "" } else { "." };
    format!("{sign}{grouped}{dot}{part}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lang;

    fn of(ys: &[f64]) -> Plot {
        let point = |(x, y): (usize, &f64)| Point {
            x: x as f64,
            y: *y,
            told: format!("{y} <at> {x}"),
        };
        Plot {
            title: "a <title>".into(),
            unit: "°C".into(),
            lines: vec![Line {
                name: "one".into(),
                points: ys.iter().enumerate().map(point).collect(),
            }],
            ..Plot::default()
        }
    }

    fn drawn(of: &Plot) -> String {
        plot(Lang::En.texts(), of).into_string()
    }

    #[test]
    fn the_largest_value_lies_at_the_top_and_the_smallest_at_the_bottom() {
        let drawn = drawn(&of(&[1.0, 3.0, 2.0]));

        assert!(drawn.contains("0.0,172.0 320.0,8.0 640.0,90.0"), "{drawn}");
    }

    #[test]
    fn an_alarm_band_is_drawn_where_its_values_lie() {
        let mut plot = of(&[2.0, 8.0]);
        plot.band = Some((0.0, 10.0));

        let drawn = drawn(&plot);

        assert!(drawn.contains("y=\"8.0\" height=\"164.0\""), "{drawn}");
    }

    #[test]
    fn nothing_a_value_can_be_breaks_the_picture() {
        for ys in [
            &[][..],
            &[f64::NAN],
            &[5.0],
            &[0.0, 0.0],
            &[f64::INFINITY, 1.0],
            &[-1e300, 1e300],
            &[f64::MAX, f64::MIN],
        ] {
            for from_zero in [true, false] {
                let mut plot = of(ys);
                plot.from_zero = from_zero;
                let drawn = drawn(&plot);
                let shapes = drawn.split("<title>").next().unwrap();
                assert!(!shapes.contains("NaN"), "{ys:?}: {drawn}");
                assert!(!drawn.contains("<at>"), "{drawn}");
            }
        }
    }

    #[test]
    fn a_long_line_is_thinned_and_keeps_its_last_point() {
        let plot = of(&(0..10_001).map(f64::from).collect::<Vec<_>>());

        let kept: Vec<&Point> = thinned(&plot.lines[0].points).collect();

        assert!(kept.len() <= MAX_POINTS, "{}", kept.len());
        assert_eq!(kept.last().unwrap().y, 10_000.0);
    }

    #[test]
    fn numbers_on_an_axis_are_short() {
        assert_eq!(number(1_234_567.0), "1\u{202f}234\u{202f}567");
        assert_eq!(number(-12.34), "−12.3");
        assert_eq!(number(0.5), "0.5");
        assert_eq!(number(7.0), "7");
    }
}
