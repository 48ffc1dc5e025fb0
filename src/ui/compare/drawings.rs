//! What the methods look like in hardware: the units of the method chosen, crossbars, exponents.

use yew::prelude::*;

use super::marks;
use super::model::Model;
use crate::compare::{Pipeline, Task};
use crate::methods::circulant::Blocks;
use crate::methods::crossbar::{Counts, Device, PUBLISHED, Scheme};
use crate::ui::format;

/// The three cards.
pub fn cards(model: &Model) -> Html {
    html! {
        <div class="thirds">
            { units(model) }
            { crossbars(model) }
            { exponents(model) }
        </div>
    }
}

/// The units that a sample passes, each with an array of its own: three samples one after another.
fn units(model: &Model) -> Html {
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
                { drawn(pipeline) }
            } else {
                <p class="empty">{ "…" }</p>
            }
        </section>
    }
}

const SAMPLES: u64 = 3;

fn drawn(pipeline: &Pipeline) -> Html {
    let interval = pipeline.interval().max(1);
    let whole = pipeline.cycles() + (SAMPLES - 1) * interval;
    let (width, left, row) = (360.0, 104.0, 19.0);
    let scale = (width - left - 4.0) / whole.max(1) as f64;
    let height = row * pipeline.stages.len() as f64 + 20.0;
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
        </>
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
    let circulant = model
        .lines
        .iter()
        .find(|line| line.contender.task == Task::Images && line.contender.method() == "circulant");
    let side = circulant.map_or(8.0, super::model::Line::setting) as usize;
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
            </tr>
        }
    });
    html! {
        <section class="card" aria-labelledby="crossbars-title">
            <div class="head"><h2 id="crossbars-title">{ format!("ReBoc's crossbars, k = {side}") }</h2><span class="tag counted">{ "counted" }</span></div>
            <table class="crossbars">
                <caption class="hidden">{ "Crossbars of 784-512-10 in ReBoc's steps" }</caption>
                <thead><tr><td></td><th scope="col">{ "crossbars" }</th><td></td><th scope="col">{ "used" }</th><th scope="col">{ "reads" }</th><th scope="col">{ "buffer" }</th></tr></thead>
                <tbody>{ for rows }</tbody>
            </table>
            <div class="claim"><span class="tag">{ "published" }</span>{ super::table::published(&PUBLISHED) }</div>
            <p class="soft">{ "784-512-10 on crossbars of 128 x 128 cells of 2 bits, weights and inputs of 8. Squares are crossbars, filled as far as their cells are used. Our reading of the paper's abstract." }</p>
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
