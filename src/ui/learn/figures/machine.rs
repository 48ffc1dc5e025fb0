//! Figures of the machine: what gradients need, how stages overlap, where energy goes.

use yew::prelude::*;

use super::{bar, bars, readout, slider};
use crate::accel::energy::TABLES;
use crate::accel::{Device, Machine, Stage};
use crate::program::Schedule;
use crate::ui::fields::Segments;
use crate::ui::format;
use crate::ui::learn::sums;

fn name(schedule: Schedule) -> &'static str {
    match schedule {
        Schedule::Paper => "dense gradient, as published",
        Schedule::Chain => "from partials, right to left",
        Schedule::Planned => "from partials, planned",
    }
}

fn short(schedule: Schedule) -> &'static str {
    match schedule {
        Schedule::Paper => "the published schedule",
        Schedule::Chain => "from right to left it",
        Schedule::Planned => "planned it",
    }
}

/// The schedules on a device.
#[component]
pub fn Gradient() -> Html {
    let at = use_state_eq(|| 0_usize);
    let device = Device::ALL[*at];
    let needs = use_memo(device.name(), |_| sums::needs(device));
    let most = needs.iter().map(|n| n.largest.1).max().unwrap_or(1) as f64;
    let list = needs.iter().map(|need| {
        let (gradient, bytes) = &need.largest;
        bar(
            name(need.schedule),
            "amber",
            *bytes as f64 / most,
            &format!("{gradient}: {}", format::bytes(*bytes)),
        )
    });
    let list = list.collect();
    let onchoose = {
        let at = at.clone();
        Callback::from(move |k| at.set(k))
    };
    let says = needs.iter().map(|need| {
        let (used, there) = need.blocks;
        let fits = if need.overflow.is_none() {
            "fits"
        } else {
            "does not fit"
        };
        format!(
            "{} takes {used} of {there} blocks and {fits}",
            short(need.schedule)
        )
    });
    let options = Device::ALL
        .map(|device| (device.budget().name, device.budget().board))
        .to_vec();
    html! {
        <>
            <Segments name="Device of the step" {options} chosen={Some(*at)} {onchoose} />
            { bars("The largest gradient held, 16 bits a value", list) }
            { readout(&format!("Block RAM of {}: {}.", device.budget().name, says.collect::<Vec<_>>().join("; "))) }
        </>
    }
}

/// Tiles drawn.
const TILES: u32 = 5;

/// Load, compute and store of the first tiles.
#[component]
pub fn PingPong() -> Html {
    let overlap = use_state_eq(|| 0_usize);
    let rows = use_state_eq(|| 3_usize);
    let op = use_memo((*overlap, *rows), |(overlap, rows)| {
        sums::tiles(*overlap == 1, 1 << rows)
    });
    let Some(op) = &*op else {
        return Html::default();
    };
    let drawn: Vec<_> = op
        .phases
        .iter()
        .filter(|phase| phase.tile < TILES)
        .collect();
    let end = drawn
        .iter()
        .map(|phase| phase.end)
        .max()
        .unwrap_or(1)
        .max(1) as f64;
    let shares = sums::shares(op);
    let onchoose = {
        let overlap = overlap.clone();
        Callback::from(move |k| overlap.set(k))
    };
    let set = rows.clone();
    let stages = [
        (Stage::Load, "load"),
        (Stage::Compute, "compute"),
        (Stage::Store, "store"),
    ];
    let texts: Vec<String> = shares
        .iter()
        .map(|(cause, share)| format!("{} {:.0} %", cause.name(), 100.0 * share))
        .collect();
    html! {
        <>
            <Segments name="Buffers" options={vec![("one buffer", "As published: load, compute and store one after another"), ("ping-pong", "Two buffers between the stages")]} chosen={Some(*overlap)} {onchoose} />
            { slider("learn-rows", "rows of the array", [1, 5], *rows, &(1 << *rows).to_string(), move |k| set.set(k)) }
            <svg class="tiles" viewBox="-62 0 362 66" role="img" aria-label={format!("The first {TILES} tiles of {} on the array: when each is loaded, computed and stored.", op.name)}>
                { for stages.iter().enumerate().map(|(k, (_, text))| html! { <text class="lane" x="-6" y={(14 + 22 * k).to_string()} text-anchor="end">{ *text }</text> }) }
                { for drawn.iter().map(|phase| {
                    let lane = stages.iter().position(|(stage, _)| *stage == phase.stage).unwrap_or(0);
                    let x = phase.start as f64 / end * 298.0;
                    let width = (phase.end - phase.start) as f64 / end * 298.0;
                    let class = if phase.stage == Stage::Compute { "alive" } else { "moving" };
                    html! {
                        <>
                            <rect class={class} x={format!("{x:.2}")} y={(2 + 22 * lane).to_string()} width={format!("{width:.2}")} height="17" />
                            if width > 12.0 { <text class="on" x={format!("{:.2}", x + width / 2.0)} y={(14 + 22 * lane).to_string()} text-anchor="middle">{ phase.tile + 1 }</text> }
                        </>
                    }
                }) }
            </svg>
            { readout(&format!("{}: {} tiles, {} cycles. The array: {}.", op.name, op.tiles, format::count(op.cycles), texts.join(", "))) }
        </>
    }
}

/// Where a step's energy goes.
#[component]
pub fn Energy() -> Html {
    let core = use_state_eq(|| 4_usize);
    let activation = use_state_eq(|| 8_usize);
    let found = use_memo((*core, *activation), |(c, a)| {
        sums::energies([*c as u8, *a as u8, 16])
    });
    let most = use_memo((), |()| sums::energies([8, 8, 16]));
    let (Some(found), Some(most)) = (*found, *most) else {
        return Html::default();
    };
    let device = Machine::streamlined().device.budget();
    let scale = most.iter().fold(0.0_f64, |a, b| a.max(*b));
    let names = [
        "multiply",
        "add",
        "memory on chip",
        "rest (static power × time)",
    ];
    let list = names
        .iter()
        .zip(found)
        .map(|(name, joules)| bar(name, "amber", joules / scale, &format::si(joules, "J")));
    let list = list.collect();
    let (to_core, to_activation) = (core.clone(), activation.clone());
    html! {
        <>
            { slider("learn-core-bits", "bits of cores", [2, 8], *core, &core.to_string(), move |k| to_core.set(k)) }
            { slider("learn-activation-bits", "bits of activations", [4, 8], *activation, &activation.to_string(), move |k| to_activation.set(k)) }
            { bars("Energy of a training step per sample", list) }
            { readout(&format!("Modelled: {} a sample in all. Costs per event from {}; {} W at rest assumed for {}.", format::si(found.iter().sum(), "J"), TABLES[0].source, device.static_watts, device.name)) }
        </>
    }
}
