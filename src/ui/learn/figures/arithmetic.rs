//! Figures of arithmetic: the order of contractions, the grid, the shift, the rounding.

use yew::prelude::*;

use super::{bar, bars, readout, slider};
use crate::numeric;
use crate::ui::format;
use crate::ui::learn::sums;

/// Multiply-accumulates by order and batch.
#[component]
pub fn Order() -> Html {
    let power = use_state_eq(|| 6_usize);
    let batch = 1 << *power;
    let costs = use_memo(batch, |batch| sums::costs(*batch));
    let ([chain, planned], dense) = &*costs;
    let most = chain.training.max(3.0 * dense);
    let list = vec![
        bar(
            "right to left",
            "amber",
            chain.training / most,
            &format!("{} MACs", format::short(chain.training)),
        ),
        bar(
            "planned",
            "amber",
            planned.training / most,
            &format!("{} MACs", format::short(planned.training)),
        ),
        bar(
            "dense, three products",
            "dead",
            3.0 * dense / most,
            &format!("{} MACs", format::short(3.0 * dense)),
        ),
    ];
    let set = power.clone();
    html! {
        <>
            { slider("learn-batch", "batch", [0, 10], *power, &batch.to_string(), move |k| set.set(k)) }
            { bars("Multiply-accumulates of a training step per sample", list) }
            { readout(&format!("Batch {batch}: the planner contracts {}; a step takes {} times fewer multiply-accumulates than from right to left.", planned.order, format::significant(chain.training / planned.training))) }
        </>
    }
}

/// A value on the grid.
#[component]
pub fn Grid() -> Html {
    let at = use_state_eq(|| 130_usize);
    let bits = use_state_eq(|| 4_usize);
    let value = (*at as f64 - 100.0) / 100.0 * 1.3;
    let stored = sums::store(value, *bits as u8);
    let place = |v: f64| (v + 1.3) / 2.6 * 300.0;
    let points = 1_i32 << *bits;
    let (to_value, to_bits) = (at.clone(), bits.clone());
    let label = format!(
        "A line from −1.3 to 1.3 with {points} points from −1; the value {value:.3} goes to {}.",
        stored.value
    );
    html! {
        <>
            { slider("learn-value", "value", [0, 200], *at, &format!("{value:.3}"), move |k| to_value.set(k)) }
            { slider("learn-bits", "bits", [2, 6], *bits, &bits.to_string(), move |k| to_bits.set(k)) }
            <svg class="grid-line" viewBox="-6 0 312 56" role="img" aria-label={label}>
                <line class="axis" x1="0" x2="300" y1="30" y2="30" />
                { for (0..points).map(|k| { let x = place(f64::from(k - points / 2) / f64::from(points / 2)); html! { <line class="tick" x1={format!("{x:.2}")} x2={format!("{x:.2}")} y1="24" y2="36" /> } }) }
                <line class="error" x1={format!("{:.2}", place(value))} x2={format!("{:.2}", place(stored.value))} y1="14" y2="30" />
                <circle class="value" cx={format!("{:.2}", place(value))} cy="12" r="4" />
                <rect class="point" x={format!("{:.2}", place(stored.value) - 4.0)} y="26" width="8" height="8" />
            </svg>
            { readout(&format!("{value:.3} is kept as the integer {}, which stands for {}{}; the error is {:.3}.", stored.integer, stored.value, if stored.saturated { " (saturated)" } else { "" }, stored.value - value)) }
        </>
    }
}

/// Sums brought back to eight bits.
#[component]
pub fn Shift() -> Html {
    let shift = use_state_eq(|| 1_usize);
    let found = sums::shifted(*shift as i32);
    let set = shift.clone();
    let label = format!(
        "64 sums stored with a shift of {}: {} at the ends, {} different values.",
        *shift, found.saturated, found.distinct
    );
    html! {
        <>
            { slider("learn-shift", "shift s", [0, 10], *shift, &shift.to_string(), move |k| set.set(k)) }
            <svg class="sums" viewBox="0 -130 256 260" preserveAspectRatio="none" role="img" aria-label={label}>
                <line class="threshold" x1="0" x2="256" y1="-128" y2="-128" />
                <line class="threshold" x1="0" x2="256" y1="128" y2="128" />
                { for found.stored.iter().enumerate().map(|(k, q)| {
                    let end = *q == 127 || *q == -128;
                    html! { <rect class={if end { "alive over" } else { "alive" }} x={(4 * k).to_string()} width="3" y={(-q).min(0).to_string()} height={q.abs().max(1).to_string()} /> }
                }) }
            </svg>
            { readout(&format!("Shift {}: {} of 64 sums saturate, {} different values are left, the largest sum is {} % of full scale.", *shift, found.saturated, found.distinct, format::significant(100.0 * found.peak))) }
        </>
    }
}

/// How often a change is added.
const TIMES: u32 = 300;

/// Three ways of rounding.
#[component]
pub fn Rounding() -> Html {
    use numeric::Rounding::{Nearest, Stochastic, Truncate};
    let change = use_state_eq(|| 100_usize);
    let seed = use_state_eq(|| 1_u32);
    let exact = f64::from(TIMES) * *change as f64 / 256.0;
    let ways = [
        (Truncate, "truncate", "rose"),
        (Nearest, "nearest", "teal"),
        (Stochastic, "stochastic", "amber"),
    ];
    let runs = ways.map(|(way, _, _)| sums::drift(way, *change as i64, TIMES, *seed));
    let most = 1.06 * runs.iter().flatten().fold(exact, |most, v| v.max(most));
    let path = |run: &[f64]| {
        let points = run.iter().enumerate().step_by(3);
        points
            .map(|(k, v)| format!("{k},{:.1}", 100.0 - 96.0 * v / most))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let ends = runs.clone().map(|run| run.last().copied().unwrap_or(0.0));
    let again = {
        let seed = seed.clone();
        Callback::from(move |_: MouseEvent| seed.set(*seed + 1))
    };
    let set = change.clone();
    html! {
        <>
            { slider("learn-change", "change", [1, 255], *change, &format!("{:.2} steps", *change as f64 / 256.0), move |k| set.set(k)) }
            <div class="deeds"><button type="button" class="quiet" onclick={again}>{ "Other random bits" }</button></div>
            <svg class="drift" viewBox="0 0 300 104" preserveAspectRatio="none" role="img"
                aria-label={format!("{TIMES} changes added up: truncated, to the nearest, and stochastically, beside the exact sum.")}>
                <line class="exact" x1="0" y1="100" x2="300" y2={format!("{:.1}", 100.0 - 96.0 * exact / most)} />
                { for ways.iter().zip(&runs).map(|((_, _, class), run)| html! { <polyline class={*class} points={path(run)} /> }) }
            </svg>
            <p class="legend-row" aria-hidden="true">
                <span class="rose">{ "– truncate" }</span><span class="teal">{ "– nearest" }</span><span class="amber">{ "– stochastic" }</span><span class="soft">{ "┄ exact" }</span>
            </p>
            { readout(&format!("After {TIMES} changes: exact {exact:.1} steps, truncated {}, to the nearest {}, stochastic {}.", ends[0], ends[1], ends[2])) }
        </>
    }
}
