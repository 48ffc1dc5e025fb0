//! Accuracy against a cost: every stored run hollow, every run of this visit filled, those that no other
//! beats joined by the front.

use yew::prelude::*;

use super::marks;
use super::model::{Happening, Measure, Model};
use super::plot::{Axis, apart};
use super::standing::{Candidate, Origin};
use crate::ui::fields::Segments;
use crate::ui::format;

/// Margins: left, right, top, bottom.
const MARGIN: [f64; 4] = [38.0, 10.0, 10.0, 24.0];

/// How far below the best the chart reaches: one bad beginning would flatten all the others.
const DEEP: f64 = 0.1;

/// The card.
pub fn card(model: &Model, narrow: bool, on: &Callback<Happening>) -> Html {
    let points = model.points();
    let options: Vec<_> = Measure::ALL
        .iter()
        .map(|measure| (marks::title(*measure), marks::meaning(*measure)))
        .collect();
    let chosen = Measure::ALL.iter().position(|one| *one == model.measure);
    let onchoose = on.reform(|k: usize| Happening::Measure(Measure::ALL[k]));
    html! {
        <section class="card" aria-labelledby="scatter-title">
            <div class="head">
                <h2 id="scatter-title">{ "Accuracy against" }</h2>
                <Segments name="Cost" {options} {chosen} {onchoose} />
            </div>
            { chart(model, &points, narrow, on) }
            <p class="legend wide"><i class="key hollow"></i>{ "stored" }<i class="key whole-amber"></i>{ "trained here" }<i class="key front"></i>{ "front: no other has as much for as little" }</p>
        </section>
    }
}

fn chart(
    model: &Model,
    points: &[(Candidate, bool)],
    narrow: bool,
    on: &Callback<Happening>,
) -> Html {
    let (width, height) = if narrow {
        (350.0, 270.0)
    } else {
        (560.0, 290.0)
    };
    let [left, right, top, bottom] = MARGIN;
    let cost = |one: &Candidate| model.measure.of(&one.cost);
    let x = Axis::covering(
        points.iter().map(|(one, _)| cost(one)),
        (left + 8.0, width - right - 8.0),
    );
    let low = points
        .iter()
        .map(|(one, _)| one.accuracy.mean)
        .fold(f64::INFINITY, f64::min);
    let high = points
        .iter()
        .map(|(one, _)| one.accuracy.mean)
        .fold(0.0, f64::max);
    let low = low.max(high - DEEP);
    let (low, high) = if low <= high {
        (
            (low * 100.0 - 0.6).floor() / 100.0,
            (high * 100.0 + 0.6).ceil() / 100.0,
        )
    } else {
        (0.7, 0.92)
    };
    let y = Axis::linear(low, high, (height - bottom, top));
    // What is far below stands at the foot.
    let place = |one: &Candidate| (x.at(cost(one)), y.at(one.accuracy.mean.max(low)));
    html! {
        <svg class="chart" viewBox={format!("0 0 {width} {height}")} role="img"
            aria-label={format!("Accuracy against {}: {} runs; the table below has their figures.", marks::title(model.measure).to_lowercase(), points.len())}>
            { for y.ticks(6).into_iter().map(|tick| grid_y(tick, y.at(tick), (left, width - right))) }
            { for x.ticks(6).into_iter().map(|tick| grid_x(model.measure, tick, x.at(tick), (top, height - bottom))) }
            { paths(model, points, &place) }
            { front(points, &place) }
            { for points.iter().map(|(one, _)| dot(model, one, place(one), on)) }
            { labels(model, points, &place, (left, width - right, top, height - bottom)) }
            if points.is_empty() {
                <text class="note" x={(width / 2.0).to_string()} y={(height / 2.0).to_string()} text-anchor="middle">{ "No run yet: press Train." }</text>
            }
        </svg>
    }
}

fn grid_y(tick: f64, y: f64, (from, to): (f64, f64)) -> Html {
    html! {
        <>
            <line class="grid-line" x1={from.to_string()} x2={to.to_string()} y1={y.to_string()} y2={y.to_string()} />
            <text class="num" x={(from - 5.0).to_string()} y={(y + 4.0).to_string()} text-anchor="end">{ format!("{:.0}%", tick * 100.0) }</text>
        </>
    }
}

fn grid_x(measure: Measure, tick: f64, x: f64, (from, to): (f64, f64)) -> Html {
    // Ticks are decades: of bits they would be crooked bytes.
    let text = match measure {
        Measure::Memory => [&decade(tick), "bit"].concat(),
        Measure::Energy => marks::amount(measure, tick)
            .replace(".00", "")
            .replace("0.0 ", "0 "),
        _ => decade(tick).trim_end().into(),
    };
    html! {
        <>
            <line class="grid-line" x1={x.to_string()} x2={x.to_string()} y1={from.to_string()} y2={to.to_string()} />
            <text class="num" x={x.to_string()} y={(to + 15.0).to_string()} text-anchor="middle">{ text }</text>
        </>
    }
}

/// `100 k`, `1 M`.
fn decade(value: f64) -> String {
    let (scale, prefix) = match value {
        v if v >= 1e9 => (1e9, "G"),
        v if v >= 1e6 => (1e6, "M"),
        v if v >= 1e3 => (1e3, "k"),
        _ => (1.0, ""),
    };
    format!("{} {prefix}", (value / scale).round())
}

type Place<'a> = &'a dyn Fn(&Candidate) -> (f64, f64);

/// A method's runs of a stored comparison, joined from the cheapest.
fn paths(model: &Model, points: &[(Candidate, bool)], place: Place) -> Html {
    let path = |line: usize, series: usize| {
        let own = points.iter().map(|(one, _)| one);
        let own = own
            .filter(|one| one.line == line && one.series == series && one.origin != Origin::Live);
        let mut places: Vec<_> = own.map(place).collect();
        places.sort_by(|a, b| a.0.total_cmp(&b.0));
        html! { <polyline class="settings" points={joined(&places)} /> }
    };
    let series = 0..model.stored.len();
    html! { <>{ for model.visible().flat_map(|(line, _)| series.clone().map(move |series| path(line, series))) }</> }
}

fn joined(places: &[(f64, f64)]) -> String {
    let points: Vec<String> = places
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    points.join(" ")
}

/// The front as steps: from each run of it, as accurate until the next is reached.
fn front(points: &[(Candidate, bool)], place: Place) -> Html {
    let mut best: Vec<_> = points
        .iter()
        .filter(|(_, best)| *best)
        .map(|(one, _)| place(one))
        .collect();
    best.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for (x, y) in best {
        if let Some(&(_, before)) = steps.last() {
            steps.push((x, before));
        }
        steps.push((x, y));
    }
    html! { <polyline class="front" points={joined(&steps)} /> }
}

fn dot(model: &Model, one: &Candidate, at: (f64, f64), on: &Callback<Happening>) -> Html {
    let line = one.line;
    let class = match one.origin {
        Origin::Stored(_) => "stored",
        Origin::Live => "live",
    };
    let held = &model.lines[line];
    let index = held
        .settings
        .iter()
        .position(|s| s.to_bits() == one.setting.to_bits());
    let onclick = on.reform(move |_: MouseEvent| match index {
        Some(index) => Happening::Set(line, index),
        None => Happening::Choose(line),
    });
    let text = format!(
        "{} {}: {} % at {}",
        held.contender.title(),
        marks::setting(held, one.setting),
        format::percent(one.accuracy.mean as f32),
        marks::amount(model.measure, model.measure.of(&one.cost)),
    );
    let r = if model.chosen == line { 5.0 } else { 4.0 };
    html! {
        <g class="dot" {onclick}>
            <title>{ text }</title>
            if one.accuracy.greatest > one.accuracy.least {
                <circle class="reach" cx={at.0.to_string()} cy={at.1.to_string()} r="9" />
            }
            { marks::mark(held, at, r, class) }
        </g>
    }
}

/// The names of the methods, beside the runs that stand for them.
fn labels(
    model: &Model,
    points: &[(Candidate, bool)],
    place: Place,
    (left, right, top, bottom): (f64, f64, f64, f64),
) -> Html {
    let named: Vec<_> = model
        .visible()
        .filter_map(|(line, held)| {
            let shown = model.shown(line).candidate;
            // A method whose setting has no run yet is named where its best is.
            let best = || {
                let own = points
                    .iter()
                    .map(|(one, _)| one)
                    .filter(|one| one.line == line);
                own.max_by(|a, b| a.accuracy.mean.total_cmp(&b.accuracy.mean))
                    .cloned()
            };
            Some((line, held.contender.title(), place(&shown.or_else(best)?)))
        })
        .collect();
    let wanted: Vec<f64> = named.iter().map(|(_, _, (_, y))| y + 4.0 - 9.0).collect();
    let places = apart(&wanted, 12.5, top + 8.0, bottom - 4.0);
    let label = |(&(line, title, (x, _)), y): (&(usize, &'static str, (f64, f64)), f64)| {
        let after = x < left + (right - left) * 0.62;
        let (x, anchor) = if after {
            (x + 9.0, "start")
        } else {
            (x - 9.0, "end")
        };
        let class = if line == model.chosen {
            "name chosen"
        } else {
            "name"
        };
        html! { <text key={line} {class} x={x.to_string()} y={y.to_string()} text-anchor={anchor}>{ title }</text> }
    };
    html! { <g class="names" aria-hidden="true">{ for named.iter().zip(places).map(label) }</g> }
}
