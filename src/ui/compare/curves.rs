//! Test accuracy over the epochs of the runs that stand for the methods.

use yew::prelude::*;

use super::model::Model;
use super::plot::{Axis, apart};
use super::standing::{Candidate, Origin};

/// Margins: left, right, top, bottom.
const MARGIN: [f64; 4] = [38.0, 104.0, 10.0, 24.0];

/// The card.
pub fn card(model: &Model, narrow: bool) -> Html {
    let shown: Vec<Candidate> = model
        .visible()
        .filter_map(|(line, _)| model.shown(line).candidate)
        .collect();
    html! {
        <section class="card" aria-labelledby="curves-title">
            <div class="head">
                <h2 id="curves-title">{ "Test accuracy by epoch" }</h2>
                <span class="legend" aria-hidden="true"><i class="key hollow-line"></i>{ "stored" }<i class="key train"></i>{ "trained here" }</span>
            </div>
            { chart(model, &shown, narrow) }
            { table(model, &shown) }
        </section>
    }
}

fn chart(model: &Model, shown: &[Candidate], narrow: bool) -> Html {
    let (width, height) = if narrow {
        (350.0, 250.0)
    } else {
        (560.0, 290.0)
    };
    let [left, right, top, bottom] = MARGIN;
    let epochs = shown.iter().map(|one| one.curve.len()).max().unwrap_or(0);
    let epochs = epochs.max(model.epochs as usize).max(2);
    let values = || {
        shown
            .iter()
            .flat_map(|one| &one.curve)
            .map(|value| f64::from(*value))
    };
    let high = values().fold(0.0, f64::max);
    // A bad first epoch would flatten all the others.
    let low = values().fold(f64::INFINITY, f64::min).max(high - 0.12);
    let (low, high) = if high > 0.0 {
        (
            (low * 100.0 - 0.5).floor() / 100.0,
            (high * 100.0 + 0.5).ceil() / 100.0,
        )
    } else {
        (0.6, 0.92)
    };
    let x = Axis::linear(1.0, epochs as f64, (left + 4.0, width - right));
    let y = Axis::linear(low, high, (height - bottom, top));
    let whole = |tick: &f64| tick.fract().abs() < 1e-9 && *tick >= 1.0;
    let ends: Vec<f64> = shown
        .iter()
        .map(|one| y.at(one.curve.last().map_or(low, |value| f64::from(*value))) + 4.0)
        .collect();
    let ends = apart(&ends, 12.5, top + 6.0, height - bottom);
    let curve = |one: &Candidate| {
        let points: Vec<String> = one
            .curve
            .iter()
            .enumerate()
            .map(|(k, value)| {
                format!(
                    "{:.1},{:.1}",
                    x.at(k as f64 + 1.0),
                    y.at(f64::from(*value).max(low))
                )
            })
            .collect();
        let mut class = classes!("curve", (one.origin == Origin::Live).then_some("live"));
        class.push((one.line == model.chosen).then_some("chosen"));
        html! { <polyline key={one.line} {class} points={points.join(" ")} /> }
    };
    let name = |(one, at): (&Candidate, f64)| {
        let class = if one.line == model.chosen {
            "name chosen"
        } else {
            "name"
        };
        let last = x.at(one.curve.len().max(1) as f64);
        html! { <text key={one.line} {class} x={(last + 6.0).to_string()} y={at.to_string()}>{ model.lines[one.line].contender.title() }</text> }
    };
    let bottom_line = height - bottom;
    html! {
        <svg class="chart" viewBox={format!("0 0 {width} {height}")} role="img" aria-label="Test accuracy after each epoch; the figures beside have all values.">
            { for y.ticks(6).into_iter().map(|tick| html! {
                <>
                    <line class="grid-line" x1={left.to_string()} x2={(width - right).to_string()} y1={y.at(tick).to_string()} y2={y.at(tick).to_string()} />
                    <text class="num" x={(left - 5.0).to_string()} y={(y.at(tick) + 4.0).to_string()} text-anchor="end">{ format!("{:.0}%", tick * 100.0) }</text>
                </>
            }) }
            { for x.ticks(10).into_iter().filter(whole).map(|tick| html! {
                <text class="num" x={x.at(tick).to_string()} y={(bottom_line + 15.0).to_string()} text-anchor="middle">{ tick.to_string() }</text>
            }) }
            { for shown.iter().map(curve) }
            { for shown.iter().zip(ends).map(name) }
        </svg>
    }
}

fn table(model: &Model, shown: &[Candidate]) -> Html {
    let epochs = shown.iter().map(|one| one.curve.len()).max().unwrap_or(0);
    let names: Vec<&str> = std::iter::once("Epoch")
        .chain(
            shown
                .iter()
                .map(|one| model.lines[one.line].contender.title()),
        )
        .collect();
    let rows = (0..epochs).map(|k| {
        let cells: Vec<String> = shown
            .iter()
            .map(|one| {
                one.curve
                    .get(k)
                    .map_or(String::new(), |value| format!("{:.2} %", value * 100.0))
            })
            .collect();
        crate::ui::parts::row(&(k + 1).to_string(), &cells)
    });
    let table = crate::ui::parts::table(
        None,
        None,
        "Test accuracy after each epoch",
        crate::ui::parts::columns(&names),
        html! { <>{ for rows }</> },
    );
    crate::ui::parts::sheet("Figures", "Test accuracy after each epoch", table)
}
