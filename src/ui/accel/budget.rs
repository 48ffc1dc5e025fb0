//! What a step costs in joules, and whether it fits the device.

use yew::prelude::*;

use super::controls::DEVICES;
use super::setup::Costs;
use super::timed::{Report, Timed};
use crate::accel::energy::TABLES;
use crate::accel::fit::Place;
use crate::accel::{Device, Fit};
use crate::numeric::sort_by_key;
use crate::ui::fields::Choice;
use crate::ui::figures::{Kind, Provenance};
use crate::ui::format;
use crate::ui::learn::step::Step;
use crate::ui::parts::{cell, cells, columns, gauge, row, sheet, table};
use crate::ui::session::Session;

/// Properties of [`EnergyPanel`].
#[derive(Properties, PartialEq)]
pub struct EnergyProps {
    /// The session.
    pub session: Session,
    /// The run on the machine.
    pub report: Report,
    /// What energy is reckoned with.
    pub costs: Costs,
}

/// Where the joules go.
#[component]
pub fn EnergyPanel(props: &EnergyProps) -> Html {
    let EnergyProps {
        session,
        report,
        costs,
    } = props;
    let energy = report.now.energy(costs);
    let dram = f64::midpoint(energy.dram.low, energy.dram.high);
    let rows = [
        ("multiplications", energy.multiply),
        ("additions", energy.add),
        ("memories on chip", energy.sram),
        ("DRAM", dram),
        ("power at rest", energy.static_),
    ];
    let total: f64 = rows.iter().map(|row| row.1).sum();
    let edit = |change: fn(&mut Costs, usize)| {
        let session = session.clone();
        Callback::from(move |k| session.edit_accel(|accel| change(&mut accel.costs, k)))
    };
    let shares = rows.iter().enumerate().map(|(k, row)| {
        let texts = [
            format::si(row.1, "J"),
            [&format::percent((row.1 / total) as f32), " %"].concat(),
        ];
        html! { <tr><th scope="row"><i class={format!("e{k}")} aria-hidden="true"></i>{ row.0 }</th>{ for texts.iter().map(|text| cell(text)) }</tr> }
    });
    html! {
        <section class="card energy" aria-labelledby="energy-title">
            <div class="head">
                <h2 id="energy-title">{ "Energy of a step" }</h2>
                <span class="num total">{ format::si(total, "J") }</span>
                <Provenance learn={Step::Energy} kind={Kind::Modelled} align="end" text={format!("Modelled: counts × cost per event from {}, plus {} W at rest (an assumption) × {}. DRAM is drawn at the middle of {} to {}. Source: {}.",
                    energy.table.name, report.now.timing.machine.device.budget().static_watts, format::si(report.now.timing.seconds(), "s"),
                    format::si(energy.dram.low, "J"), format::si(energy.dram.high, "J"), energy.table.source)} />
            </div>
            <div class="stack tall" aria-hidden="true">
                { for rows.iter().enumerate().filter(|(_, row)| row.1 > 0.0).map(|(k, row)| html! {
                    <i class={format!("e{k}")} style={format!("flex-grow:{:.6}", row.1 / total)}></i>
                }) }
            </div>
            { table(Some("plain"), None, "Energy of a step by what it goes to", Html::default(), shares.collect()) }
            <div class="one-field">
                <Choice field="accel.table" label="cost table" chosen={Some(costs.table)} onchoose={edit(|costs, k| costs.table = k)}
                    options={TABLES.map(|table| AttrValue::from(table.name)).to_vec()} />
                <Choice field="accel.fpga" label="on chip" chosen={Some(usize::from(costs.fpga))} onchoose={edit(|costs, k| costs.fpga = k == 1)}
                    options={vec!["as standard cells".into(), "× 14, as in an FPGA".into()]} />
            </div>
            <p class="source">{ if costs.fpga { "Factor 14: Kuon and Rose, IEEE TCAD 26(2), 2007. " } else { "" } }{ energy.table.source }</p>
        </section>
    }
}

/// Properties of [`FitPanel`].
#[derive(Properties, PartialEq)]
pub struct FitProps {
    /// The step on the machine.
    pub timed: Timed,
}

/// The step against the device's budget.
#[component]
pub fn FitPanel(props: &FitProps) -> Html {
    let Some(fit) = props.timed.fit() else {
        return Html::default();
    };
    let rows = [
        ("block RAM", "", fit.blocks_used, fit.blocks_available),
        (
            "multipliers",
            "",
            fit.multipliers_used,
            fit.multipliers_available,
        ),
        (
            "look-up tables",
            "≈ ",
            fit.luts_estimated,
            fit.luts_available,
        ),
    ];
    let gauges = rows.into_iter().map(|(name, about, used, there)| {
        let text = format!("{about}{} of {}", format::count(used), format::count(there));
        gauge(
            name,
            None,
            used > there,
            used as f64 / there.max(1) as f64,
            &text,
        )
    });
    html! {
        <section class="card fill fit" aria-labelledby="fit-title">
            <div class="head">
                <h2 id="fit-title">{ ["Fit: ", short_name(props.timed.timing.machine.device)].concat() }</h2>
                { map(fit) }
                <Provenance learn={Step::Gradient} kind={Kind::Counted} align="end" text={format!("Counted: every buffer of the Program at an address of a memory, in blocks of {} bits; multipliers by the widths of the products. Look-up tables are a rough estimate, no synthesis result. Board: {}. Source: {}.",
                    format::count(fit.device.block_bits), fit.device.board, fit.device.source)} />
            </div>
            { table(Some("plain gauges"), None, "Needed and available", Html::default(), gauges.collect()) }
            <p id="fit-says" class={if fit.fits() { "fits" } else { "fault" }}>{ match &fit.overflow {
                Some(overflow) => overflow.clone(),
                None => format!("It fits {} ({}).", fit.device.name, fit.device.board),
            } }{ if fit.approximate { " External memory is modelled approximately." } else { "" } }</p>
            { memories(fit) }
        </section>
    }
}

/// A device's name where there is little room.
fn short_name(device: Device) -> &'static str {
    let found = DEVICES.iter().find(|(of, _)| *of == device);
    found.map_or("", |(_, name)| name)
}

/// The largest memories by their blocks, as bars.
fn memories(fit: &Fit) -> Html {
    let most = fit
        .memories
        .iter()
        .map(|m| m.blocks)
        .max()
        .unwrap_or(1)
        .max(1);
    let mut shown: Vec<_> = fit.memories.iter().filter(|m| m.blocks > 0).collect();
    sort_by_key(&mut shown, |memory| [u64::MAX - memory.blocks, 0]);
    html! {
        <ul class="bars blocks" aria-hidden="true">
            { for shown.into_iter().take(8).map(|memory| html! {
                <li>
                    <span class="name">{ &memory.name }</span>
                    <span class="rail-bar"><span class="stack" style={format!("width:{:.1}%", memory.blocks as f64 / most as f64 * 100.0)}><i class="e2" style="flex-grow:1"></i></span></span>
                    <span class="num">{ format::count(memory.blocks) }</span>
                </li>
            }) }
        </ul>
    }
}

fn map(fit: &Fit) -> Html {
    let rows = fit.memories.iter().map(|memory| {
        let place = match memory.place {
            Place::BlockRam => memory.blocks.to_string(),
            Place::Logic => "logic".into(),
            Place::External => "external".into(),
        };
        let (words, bits) = (format::count(memory.words), memory.word_bits.to_string());
        let texts = [memory.banks.to_string(), String::new(), words, bits, place];
        html! { <>
            <tr class="group">{ cells(&memory.name, &texts) }</tr>
            { for memory.buffers.iter().map(|buffer| {
                let (address, words) = (format::count(buffer.address), format::count(buffer.words));
                row(&buffer.name, &[String::new(), address, words, String::new(), String::new()])
            }) }
        </> }
    });
    let map = table(
        None,
        Some("memory-map"),
        "Memories and their buffers by address",
        columns(&[
            "Memory, buffer",
            "Banks",
            "Address",
            "Words",
            "Bits",
            "Blocks",
        ]),
        rows.collect(),
    );
    sheet("Memory map", "Memory map as a table", map)
}
