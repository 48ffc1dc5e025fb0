//! What every drawing of the tab shares: a shape for each method, words for settings and costs.

use yew::prelude::*;

use super::model::{Line, Measure};
use crate::ui::format;

/// The outline of a method's mark of radius 1 about the origin, times `r`.
fn outline(number: usize, r: f64) -> String {
    let corners: &[(f64, f64)] = match number % 6 {
        0 => &[(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
        1 => &[],
        2 => &[(0.0, -1.2), (1.2, 0.0), (0.0, 1.2), (-1.2, 0.0)],
        3 => &[(0.0, -1.15), (1.1, 0.85), (-1.1, 0.85)],
        4 => &[(0.0, 1.15), (1.1, -0.85), (-1.1, -0.85)],
        _ => &[
            (-0.6, -1.0),
            (0.6, -1.0),
            (1.2, 0.0),
            (0.6, 1.0),
            (-0.6, 1.0),
            (-1.2, 0.0),
        ],
    };
    if corners.is_empty() {
        return format!("M{r} 0A{r} {r} 0 1 1 {} 0A{r} {r} 0 1 1 {r} 0Z", -r);
    }
    let points: Vec<String> = corners
        .iter()
        .map(|(x, y)| format!("{:.2} {:.2}", x * r, y * r))
        .collect();
    format!("M{}Z", points.join("L"))
}

/// A method's mark at a place of a drawing.
pub fn mark(line: &Line, at: (f64, f64), r: f64, class: &'static str) -> Html {
    let place = format!("translate({:.1} {:.1})", at.0, at.1);
    html! { <path {class} transform={place} d={outline(line.contender.number(), r)} /> }
}

/// A method's mark beside its name.
pub fn key(line: &Line) -> Html {
    html! {
        <svg class="mark" viewBox="-7 -7 14 14" width="14" height="14" aria-hidden="true">{ mark(line, (0.0, 0.0), 4.6, "stored") }</svg>
    }
}

/// A setting in words: `k = 8`, `90 %`, `rank 16`, `4 bits`.
pub fn setting(line: &Line, value: f32) -> String {
    match line.contender.varied() {
        "block" => format!("k = {value}"),
        "sparsity" => format!("{} %", (value * 100.0).round()),
        "bits" if value >= 32.0 => "float".into(),
        "bits" => format!("{value} bits"),
        name => format!("{name} {value}"),
    }
}

/// What a setting is called.
pub fn varied(line: &Line) -> &'static str {
    match line.contender.varied() {
        "block" => "block size",
        "bits" => "weight bits",
        name => name,
    }
}

/// A cost in words.
pub fn amount(measure: Measure, value: f64) -> String {
    match measure {
        Measure::Memory => format::bits(value as u64),
        Measure::Multiplies | Measure::Cycles => format::short(value),
        Measure::Energy => format::si(value * 1e-6, "J"),
    }
}

/// What a measure is called.
pub fn title(measure: Measure) -> &'static str {
    match measure {
        Measure::Memory => "Memory",
        Measure::Multiplies => "Multiplies",
        Measure::Cycles => "Cycles",
        Measure::Energy => "Energy",
    }
}

/// What a measure is, and how it is known.
pub fn meaning(measure: Measure) -> &'static str {
    match measure {
        Measure::Memory => "all deployed parameters with what says where they stand, counted",
        Measure::Multiplies => "real multiplications of one forward pass, counted",
        Measure::Cycles => "one forward pass on the streamlined machine's array, modelled",
        Measure::Energy => "one forward pass: arithmetic, block RAM, external memory; modelled",
    }
}
