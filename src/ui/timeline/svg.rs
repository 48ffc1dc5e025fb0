//! The scene as an SVG file.

use std::fmt::Write;

use super::layout::{AXIS, Layout};
use super::marks::{FILLS, Fill, Tone};
use super::raster::hatched;
use super::scene::Scene;

/// Colours of a file, as CSS writes them.
#[derive(Clone, Debug, Default)]
pub struct Colours {
    /// Strokes of each fill in the order of [`FILLS`], or all of it.
    pub front: Vec<String>,
    /// Between strokes.
    pub back: Vec<String>,
    /// Ground.
    pub ground: String,
    /// Of texts and lines: ink, soft, on a bar.
    pub tones: [String; 3],
}

fn name(fill: Fill) -> String {
    format!("{fill:?}").to_ascii_lowercase()
}

/// Strokes of a hatch in a square of a size; the same hatches as in the picture.
fn hatch(fill: Fill) -> (u32, &'static str) {
    match fill {
        Fill::LoadBound => (6, "M-1 7L7 -1M-1 1L1 -1M5 7L7 5"),
        Fill::StoreBound => (6, "M-1 -1L7 7M5 -1L7 1M-1 5L1 7"),
        Fill::ComputeBound => (4, "M0 0.5H4"),
        Fill::FillDrain => (6, "M0 1.5H1M3 4.5H4"),
        _ => (5, "M-1 6L6 -1M-1 -1L6 6"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The file.
#[must_use]
pub fn write(
    scene: &Scene,
    layout: &Layout,
    height: f64,
    title: &str,
    colours: &Colours,
) -> String {
    let width = layout.left + layout.width;
    let title = escaped(title);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"ui-monospace, 'DejaVu Sans Mono', monospace\" font-size=\"11\">\n<title>{title}</title>\n<defs>\n"
    );
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "<clipPath id=\"cycles\"><rect x=\"{}\" y=\"0\" width=\"{}\" height=\"{height}\"/></clipPath>",
        layout.left, layout.width
    );
    for fill in FILLS.into_iter().filter(|fill| hatched(*fill)) {
        let (size, path) = hatch(fill);
        let _ = writeln!(
            out,
            "<pattern id=\"{}\" width=\"{size}\" height=\"{size}\" patternUnits=\"userSpaceOnUse\"><rect width=\"{size}\" height=\"{size}\" fill=\"{}\"/><path d=\"{path}\" stroke=\"{}\"/></pattern>",
            name(fill),
            colours.back[fill as usize],
            colours.front[fill as usize]
        );
    }
    let _ = writeln!(
        out,
        "</defs>\n<rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>",
        colours.ground
    );
    for bar in &scene.bars {
        let colour = if hatched(bar.fill) {
            format!("url(#{})", name(bar.fill))
        } else {
            colours.front[bar.fill as usize].clone()
        };
        let _ = writeln!(
            out,
            "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{:.2}\" fill=\"{colour}\"/>",
            bar.x,
            bar.y,
            bar.width.max(0.5),
            bar.height
        );
    }
    for (x, width) in &scene.washes {
        let _ = writeln!(
            out,
            "<rect x=\"{x:.2}\" y=\"{AXIS}\" width=\"{width:.2}\" height=\"{:.2}\" fill=\"{}\" fill-opacity=\"0.08\"/>",
            layout.foot - AXIS,
            colours.tones[Tone::Ink as usize]
        );
    }
    for line in &scene.outlines {
        let _ = writeln!(
            out,
            "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{:.2}\" fill=\"none\" stroke=\"{}\"/>",
            line.x, line.y, line.width, line.height, colours.tones[line.tone as usize]
        );
    }
    for label in &scene.labels {
        let _ = writeln!(
            out,
            "<text x=\"{:.2}\" y=\"{:.2}\" fill=\"{}\">{}</text>",
            label.x,
            label.y,
            colours.tones[label.tone as usize],
            escaped(&label.text)
        );
    }
    out.push_str("</svg>\n");
    out
}
