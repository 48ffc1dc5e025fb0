//! What the methods look like in hardware: the units of the method chosen, crossbars, exponents.

use yew::prelude::*;

use super::marks;
use super::model::Model;
use crate::compare::Pipeline;
use crate::methods::circulant::Blocks;
use crate::methods::crossbar::{Counts, Device, Energies, PUBLISHED, Scheme};
use crate::ui::format;

/// The cards.
pub fn cards(model: &Model, narrow: bool) -> Html {
    html! {
        <div class="even drawings">
            { units(model, narrow) }
            { transform(model) }
            { crossbars(model) }
            { exponents(model) }
        </div>
    }
}

/// The units that a sample passes, each with an array of its own: three samples one after another.
fn units(model: &Model, narrow: bool) -> Html {
    let held = &model.lines[model.chosen];
    let title = format!(
        "Units of {}, {}",
        held.contender.title(),
        marks::setting(held, held.setting())
    );
    html! {
        <section class="card" aria-labelledby="units-title">
            <div class="head"><h2 id="units-title">{ title }</h2><span class="tag modelled">{ "modelled" }</span></div>
            if let Some((_, pipeline)) = model.deployed(model.chosen) {
                { drawn(pipeline, narrow) }
            } else {
                <p class="empty">{ "…" }</p>
            }
        </section>
    }
}

const SAMPLES: u64 = 3;

fn drawn(pipeline: &Pipeline, narrow: bool) -> Html {
    let interval = pipeline.interval().max(1);
    let whole = pipeline.cycles() + (SAMPLES - 1) * interval;
    let (width, left, row) = (if narrow { 350.0 } else { 520.0 }, 112.0, 20.0);
    let scale = (width - left - 4.0) / whole.max(1) as f64;
    let height = row * pipeline.stages.len() as f64 + 20.0;
    let filled = [4, 8, 16].map(|vector| format!("{:.0}", pipeline.filled(vector) * 100.0));
    let mut start = 0;
    let rows = pipeline.stages.iter().enumerate().map(|(k, stage)| {
        let cycles = stage.times * stage.cycles;
        let begins = start;
        start += cycles;
        let y = row * k as f64;
        let name = format!("fc{} {}", stage.layer + 1, stage.name);
        let bars = (0..SAMPLES).map(|sample| {
            let x = left + (begins + sample * interval) as f64 * scale;
            let wide = (cycles as f64 * scale).max(1.0);
            html! { <rect class={if sample == 0 { "first" } else { "later" }} x={format!("{x:.1}")} y={format!("{:.1}", y + 3.0)} width={format!("{wide:.1}")} height={format!("{:.1}", row - 6.0)} rx="2" /> }
        });
        html! {
            <g key={k}>
                <title>{ format!("{name}: {} cycles, {} multiplications, {} times a sample", format::count(stage.cycles), format::count(stage.multiplies), stage.times) }</title>
                <text x="0" y={format!("{:.1}", y + 13.5)}>{ name }</text>
                { for bars }
            </g>
        }
    }).collect::<Html>();
    html! {
        <>
            <svg class="chart units" viewBox={format!("0 0 {width} {height}")} role="img"
                aria-label={format!("{} units; a sample takes {} cycles, the next follows after {}.", pipeline.stages.len(), pipeline.cycles(), interval)}>
                { rows }
                <text class="num" x={left.to_string()} y={(height - 4.0).to_string()}>{ "0" }</text>
                <text class="num" x={(width - 4.0).to_string()} y={(height - 4.0).to_string()} text-anchor="end">{ format!("{} cycles", format::count(whole)) }</text>
            </svg>
            <p class="soft">{ format!("A sample takes {} cycles. With an array for each unit the next follows after {}, the slowest unit's time: three samples, the first in full colour.", format::count(pipeline.cycles()), format::count(interval)) }</p>
            <p class="soft">{ format!("On a processor with vectors of 4, 8 and 16 values, as in a phone, {} % of the lanes would be filled: products that lie together go at once.", filled.join(", ")) }</p>
        </>
    }
}

/// The line of circulant blocks in the network that reads images, and its blocks' side.
fn circulant(model: &Model) -> (usize, usize) {
    let line = model.circulant();
    (line, model.lines[line].setting() as usize)
}

/// Most points of the transform that is drawn.
const POINTS: usize = 16;

/// A block's way through a circulant layer: transform, products with the cached spectra, transform back.
fn transform(model: &Model) -> Html {
    let (line, side) = circulant(model);
    let points = side.min(POINTS);
    let stages = points.ilog2() as usize;
    let (width, height, top) = (520.0, 190.0, 20.0);
    let step = (height - top - 8.0) / points as f64;
    let wide = 150.0 / stages as f64;
    let y = |point: usize| top + step * (point as f64 + 0.5);
    let wing = |x: f64, distance: usize| {
        (0..points).flat_map(move |point| [point, point ^ distance].map(|to| (x, point, to))).map(|(x, from, to)| {
            html! { <line class="wing" x1={x.to_string()} y1={y(from).to_string()} x2={(x + wide).to_string()} y2={y(to).to_string()} /> }
        }).collect::<Html>()
    };
    let (forward, products, backward) = (30.0, 200.0, 320.0);
    let there = (0..stages).map(|stage| wing(forward + wide * stage as f64, points >> (stage + 1)));
    let back = (0..stages).map(|stage| wing(backward + wide * stage as f64, 1 << stage));
    let times = (0..points).map(|point| {
        html! {
            <g>
                <line class="wing" x1="180" y1={y(point).to_string()} x2="320" y2={y(point).to_string()} />
                <circle class="times" cx="250" cy={y(point).to_string()} r={(step * 0.34).min(6.0).to_string()} />
            </g>
        }
    });
    let cycles = |name: &str| {
        let pipeline = model.deployed(line).map(|(_, pipeline)| pipeline);
        let stages = pipeline.map_or(&[][..], |pipeline| &pipeline.stages);
        let sum: u64 = stages
            .iter()
            .filter(|stage| stage.name == name)
            .map(|stage| stage.cycles)
            .sum();
        format!("{} cycles", format::count(sum))
    };
    let head = |x: f64, name: &'static str| html! { <text x={x.to_string()} y="11" text-anchor="middle">{ name }</text> };
    html! {
        <section class="card" aria-labelledby="transform-title">
            <div class="head"><h2 id="transform-title">{ format!("A circulant block's way, k = {side}") }</h2><span class="tag modelled">{ "modelled" }</span></div>
            <svg class="chart" viewBox={format!("0 0 {width} {height}")} role="img"
                aria-label={format!("{stages} stages of butterflies, products with the spectra of the weights, {stages} stages back.")}>
                { head(forward + 75.0, "FFT of the inputs") }
                { head(products + 50.0, "times spectra, summed") }
                { head(backward + 75.0, "inverse FFT") }
                { for there }{ for times }{ for back }
            </svg>
            <p class="soft">{ format!("fc1 and fc2 together: FFT {}, products {}, inverse FFT {}; three units, each at another sample at a time. Spectra of weights are kept; sums over blocks are taken before the way back.{}",
                cycles("FFT"), cycles("products"), cycles("inverse FFT"), if points < side { format!(" Drawn with {POINTS} points.") } else { String::new() }) }</p>
        </section>
    }
}

const SCHEMES: [(Scheme, &str); 6] = [
    (Scheme::Dense, "dense"),
    (Scheme::Circulant, "circulant"),
    (Scheme::Slicing, "+ slicing"),
    (Scheme::Duplication, "+ duplication"),
    (Scheme::Reuse, "+ slice reuse"),
    (Scheme::Sharing, "+ tile sharing"),
];

/// The network that reads images on crossbars, at the block size of its slider.
fn crossbars(model: &Model) -> Html {
    let side = circulant(model).1;
    let device = Device::default();
    let counts = |scheme: Scheme| {
        let layer = |n, m| Counts::new(&device, scheme, Blocks::new(n, m, side));
        layer(784, 512) + layer(512, 10)
    };
    let first = counts(Scheme::Dense);
    let rows = SCHEMES.iter().map(|&(scheme, name)| {
        let counts = counts(scheme);
        let share = counts.utilisation();
        html! {
            <tr key={name}>
                <th scope="row">{ name }</th>
                <td class="boxes">{ boxes(counts.crossbars, first.crossbars, share) }</td>
                <td class="num">{ format::count(counts.crossbars) }</td>
                <td class="num">{ format!("{:.0} %", share * 100.0) }</td>
                <td class="num">{ format::short(counts.reads as f64) }</td>
                <td class="num">{ format::bytes(counts.buffer_bytes) }</td>
                <td class="num">{ format::si(counts.energy(&device, &Energies::ASSUMED).total(), "J") }</td>
            </tr>
        }
    });
    html! {
        <section class="card" aria-labelledby="crossbars-title">
            <div class="head"><h2 id="crossbars-title">{ format!("ReBoc's crossbars, k = {side}") }</h2><span class="tag counted">{ "counted" }</span><span class="tag modelled">{ "energy modelled" }</span></div>
            <table class="crossbars">
                <caption class="hidden">{ "Crossbars of 784-512-10 in ReBoc's steps" }</caption>
                <thead><tr><td></td><th scope="col">{ "crossbars" }</th><td></td><th scope="col">{ "used" }</th><th scope="col">{ "reads" }</th><th scope="col">{ "buffer" }</th><th scope="col">{ "energy" }</th></tr></thead>
                <tbody>{ for rows }</tbody>
            </table>
            <div class="claim"><span class="tag">{ "published" }</span>{ super::table::published(&PUBLISHED) }</div>
            <p class="soft">{ "784-512-10 on crossbars of 128 x 128 cells of 2 bits, weights and inputs of 8. Squares are crossbars, filled as far as their cells are used. The layout is our reading of the paper's abstract; energies are modelled from assumed ones of events." }</p>
        </section>
    }
}

/// Crossbars as squares, filled as far as they are used; no more than fit, the last then stands for the rest.
fn boxes(count: u64, most: u64, share: f64) -> Html {
    const ACROSS: u64 = 16;
    const DRAWN: u64 = 64;
    let each = most.max(count).div_ceil(DRAWN).max(1);
    let drawn = count.div_ceil(each);
    let rows = drawn.div_ceil(ACROSS).max(1);
    let one = |k: u64| {
        let (x, y) = ((k % ACROSS) * 8, (k / ACROSS) * 8);
        let fill = 6.0 * share;
        html! {
            <g key={k}>
                <rect class="box" x={x.to_string()} y={y.to_string()} width="6" height="6" />
                <rect class="fill" x={x.to_string()} y={format!("{:.2}", y as f64 + 6.0 - fill)} width="6" height={format!("{fill:.2}")} />
            </g>
        }
    };
    let title = if each > 1 {
        format!("{count} crossbars, a square for {each}")
    } else {
        format!("{count} crossbars")
    };
    html! {
        <svg viewBox={format!("0 0 128 {}", rows * 8)} width="128" height={(rows * 8).to_string()} role="img" aria-label={title.clone()}>
            <title>{ title }</title>
            { for (0..drawn).map(one) }
        </svg>
    }
}

/// How `SmartDeal`'s coefficients spread over powers of two, in the latest run trained here.
fn exponents(model: &Model) -> Html {
    html! {
        <section class="card" aria-labelledby="exponents-title">
            <div class="head"><h2 id="exponents-title">{ "SmartDeal's exponents" }</h2><span class="tag measured">{ "measured" }</span></div>
            if let Some(all) = model.exponents() {
                { histogram(all) }
            } else {
                <p class="empty">{ "Train SmartDeal to see how its coefficients spread over powers of two." }</p>
            }
        </section>
    }
}

fn histogram(all: &[(i32, u64)]) -> Html {
    let most = all
        .iter()
        .map(|(_, count)| *count)
        .max()
        .unwrap_or(1)
        .max(1);
    let total: u64 = all.iter().map(|(_, count)| count).sum();
    let row = |(exponent, count): &(i32, u64)| {
        html! {
            <tr key={*exponent}>
                <th scope="row">{ "±2" }<sup>{ exponent.to_string() }</sup></th>
                <td class="gauge"><span class="gauge-bar" aria-hidden="true"><i style={format!("width:{:.1}%", *count as f64 / most as f64 * 100.0)}></i></span></td>
                <td class="num">{ format::count(*count) }</td>
            </tr>
        }
    };
    html! {
        <>
            <table class="exponents"><caption class="hidden">{ "Coefficients by exponent" }</caption><tbody>{ for all.iter().map(row) }</tbody></table>
            <p class="soft">{ format!("{} coefficients that are not zero, each a sign and an exponent: a product with one is a shift.", format::count(total)) }</p>
        </>
    }
}
