//! One chart as inline SVG: axes, curves, marks, legend. Colours are classes, so that the page's style decides them in
//! light, dark and print; text sizes too, so that a phone can read it. Pure.

use std::fmt::Write as _;

use super::escape::{escape, escape_markup};
use super::scale::Scale;

/// Units of the view box; the page stretches it to the room there is.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 300.0;
/// Room for `500 ms` at the size of letters a phone gets.
const LEFT: f64 = 84.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 36.0;
/// Half of `99.999` or of a commit, at the size of letters a phone gets.
const LABEL_HALF: f64 = 24.0;
/// As many as `page.css` has colours; further curves repeat them, dashed.
const COLOUR_COUNT: usize = 8;
/// With more points than this, marks would be a band.
const DOTS_MAX: usize = 40;

pub struct Chart {
    pub title: String,
    /// What the axes are, for whoever does not know the plot.
    pub note: String,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
    /// A span of the x axis that is not like the rest, and why.
    pub shade: Option<(f64, f64, &'static str)>,
    /// A level that was aimed at, and what it is.
    pub level: Option<(f64, String)>,
}

pub struct Axis {
    pub scale: Scale,
    pub ticks: Vec<(f64, String)>,
}

pub struct Series {
    pub name: String,
    /// Which colour; the same for all curves of one record.
    pub colour: usize,
    pub points: Vec<Point>,
}

pub struct Point {
    pub x: f64,
    pub y: f64,
    /// For the tooltip: where, and what.
    pub x_text: String,
    pub y_text: String,
    /// Marked: errors, or a noisy machine.
    pub is_bad: bool,
}

/// The classes that colour curve and legend.
pub fn colour_class(index: usize) -> String {
    let dashed = if (index / COLOUR_COUNT) % 2 == 1 { " dashed" } else { "" };
    format!("c{}{dashed}", index % COLOUR_COUNT)
}

impl Chart {
    pub fn html(&self) -> String {
        let Self { title, note, .. } = self;
        let drawing = if self.series.iter().any(|series| !series.points.is_empty()) {
            self.svg() + &self.legend()
        } else {
            "<p class=\"empty\">Nothing was recorded for this plot.</p>".to_owned()
        };
        format!(
            "<figure><figcaption><b>{}</b> <span>{}</span></figcaption>\n{drawing}</figure>\n",
            escape(title),
            escape(note)
        )
    }

    fn legend(&self) -> String {
        if self.series.len() < 2 {
            return String::new();
        }
        let entry = |series: &Series| format!("<li>{}{}</li>", chip(series.colour), escape(&series.name));
        format!("<ul class=\"legend\">{}</ul>", self.series.iter().map(entry).collect::<String>())
    }

    fn svg(&self) -> String {
        let mut svg = format!(
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
            escape(&self.title)
        );
        let mut draw = |piece: String| {
            svg.push_str(&piece);
            svg.push('\n');
        };
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        if let Some((from, to, why)) = self.shade {
            let (from, to) = (self.across(from), self.across(to));
            draw(format!(
                "<rect class=\"shade\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\"><title>{why}</title></rect>",
                to - from,
                bottom - TOP
            ));
        }
        for (value, label) in &self.y.ticks {
            let y = self.down(*value);
            draw(format!("<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/>"));
            draw(format!("<text class=\"y\" x=\"{}\" y=\"{y:.1}\" dy=\".35em\">{}</text>", LEFT - 8.0, escape(label)));
        }
        for (value, label) in &self.x.ticks {
            let x = self.across(*value);
            draw(format!("<line class=\"grid\" x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\"/>"));
            // A label in the middle of the right edge would be cut in half.
            let is_last = x > right - LABEL_HALF;
            let (class, at) = if is_last { ("x last", WIDTH - 2.0) } else { ("x", x) };
            draw(format!("<text class=\"{class}\" x=\"{at:.1}\" y=\"{}\">{}</text>", bottom + 24.0, escape(label)));
        }
        if let Some((value, what)) = &self.level {
            let y = self.down(*value);
            draw(format!("<line class=\"level\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/>"));
            // Above the line: curves come up to it from below.
            draw(format!("<text class=\"level\" x=\"{right}\" y=\"{:.1}\">{}</text>", y - 6.0, escape(what)));
        }
        draw(format!("<line class=\"cross\" x1=\"0\" y1=\"{TOP}\" x2=\"0\" y2=\"{bottom}\"/>"));
        for series in &self.series {
            draw(self.curve(series));
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn curve(&self, series: &Series) -> String {
        let mut path = String::new();
        let mut marks = String::new();
        let mut tips = Vec::with_capacity(series.points.len());
        let has_dots = series.points.len() <= DOTS_MAX;
        for (index, point) in series.points.iter().enumerate() {
            let (x, y) = (self.across(point.x), self.down(point.y));
            let verb = if index == 0 { 'M' } else { 'L' };
            // Writing to a String never fails.
            let _ = write!(path, "{verb}{x:.1} {y:.1}");
            if point.is_bad {
                let _ = write!(marks, "<circle class=\"bad\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\"/>");
            } else if has_dots {
                let _ = write!(marks, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/>");
            }
            let round = |pixels: f64| (pixels * 10.0).round() / 10.0;
            tips.push((round(x), round(y), &point.x_text, &point.y_text));
        }
        // Texts and finite numbers always serialise.
        let tips = serde_json::to_string(&tips).unwrap_or_default();
        format!(
            "<g class=\"series {}\" data-name=\"{}\" data-tips=\"{}\"><path d=\"{path}\"/>{marks}</g>",
            colour_class(series.colour),
            escape(&series.name),
            escape_markup(&tips)
        )
    }

    fn across(&self, value: f64) -> f64 {
        LEFT + self.x.scale.at(value) * (WIDTH - LEFT - RIGHT)
    }

    fn down(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.scale.at(value) * (HEIGHT - TOP - BOTTOM)
    }
}

/// The little line of a legend.
pub fn chip(colour: usize) -> String {
    let class = colour_class(colour);
    format!(
        "<svg class=\"chip\" viewBox=\"0 0 18 8\" aria-hidden=\"true\"><path class=\"{class}\" d=\"M1 4L17 4\"/></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: &[(f64, f64)]) -> Chart {
        let point = |(x, y): &(f64, f64)| Point {
            x: *x,
            y: *y,
            x_text: "<x>".to_owned(),
            y_text: "\"y\"".to_owned(),
            is_bad: *y > 50.0,
        };
        let scale = Scale::linear(0.0, 100.0);
        let axis = || Axis { scale, ticks: vec![(0.0, "0".to_owned()), (100.0, "<100>".to_owned())] };
        let series = Series { name: "a&b".to_owned(), colour: 9, points: points.iter().map(point).collect() };
        Chart {
            title: "t<i>".to_owned(),
            note: String::new(),
            x: axis(),
            y: axis(),
            series: vec![series],
            shade: None,
            level: None,
        }
    }

    #[test]
    fn points_stand_where_their_values_are() {
        let html = chart(&[(0.0, 0.0), (100.0, 100.0)]).html();
        assert!(html.contains("d=\"M84.0 264.0L622.0 14.0\""), "{html}");
        assert_eq!(html.matches("class=\"bad\"").count(), 1);
        assert!(html.contains("class=\"series c1 dashed\""), "the tenth curve is told from the second: {html}");
    }

    #[test]
    fn outside_text_stays_text_and_bad_values_draw() {
        let html = chart(&[(1.0, 2.0), (f64::NAN, f64::INFINITY)]).html();
        for wrong in ["<i>", "<100>", "<x>", "a&b", "[\"", "NaN", "inf"] {
            assert!(!html.contains(wrong), "{wrong} in {html}");
        }
        assert!(html.contains("data-tips=\"[[89.4,259.0,&quot;&lt;x&gt;&quot;"), "{html}");
    }

    #[test]
    fn no_points_is_said() {
        let html = chart(&[]).html();
        assert!(html.contains("Nothing was recorded") && !html.contains("<svg class=\"chart\""), "{html}");
    }
}
