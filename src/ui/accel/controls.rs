//! The machine's settings, where the Train tab has those of the run.

use yew::prelude::*;

use super::setup::{Accel, Setup};
use crate::accel::machine::{Coupling, Device, Memory, OuterProduct, Overlap, PRESETS, Transposer};
use crate::program::Schedule;
use crate::ui::draft::{parse_number, parse_whole};
use crate::ui::fields::{Choice, Segments, TextField};
use crate::ui::session::Session;

/// Properties of [`Controls`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The session.
    pub session: Session,
    /// The settings.
    pub accel: Accel,
}

/// A text field of the machine.
struct Spec {
    field: &'static str,
    label: &'static str,
    hint: &'static str,
    get: fn(&Setup) -> String,
    set: fn(&mut Setup, &str) -> Result<(), String>,
}

macro_rules! whole {
    ($field:literal, $label:literal, $hint:literal, $example:literal, $($path:ident).+) => {
        Spec {
            field: $field,
            label: $label,
            hint: $hint,
            get: |s| s.machine.$($path).+.to_string(),
            set: |s, text| { s.machine.$($path).+ = parse_whole(text, $example)?; Ok(()) },
        }
    };
}

/// Rows and lanes go through the array's own rule: ports and elementwise lanes follow.
static ARRAY: [Spec; 2] = [
    Spec {
        field: "lanes",
        label: "lanes",
        hint: "Values that a beat takes along the innermost index; also the banks of the memories",
        get: |s| s.machine.lanes.to_string(),
        set: |s, text| {
            let (lanes, rows) = (parse_whole(text, "16")?, s.machine.rows);
            s.machine = s.machine.clone().with_array(lanes, rows);
            Ok(())
        },
    },
    whole!(
        "rows",
        "rows",
        "Rows of the array: rows or columns of the result that a beat works on",
        "8",
        rows
    ),
];

static CLOCK: Spec = Spec {
    field: "clock_mhz",
    label: "clock, MHz",
    hint: "Clock of the whole machine in MHz",
    get: |s| s.machine.clock_mhz.to_string(),
    set: |s, text| {
        s.machine.clock_mhz = f64::from(parse_number(text, "100")?);
        Ok(())
    },
};

static BANKS: Spec = whole!(
    "ports.banks",
    "banks",
    "Banks of the memory of activations and gradients; one more than lanes frees strides of powers of two",
    "17",
    ports.banks
);

static WIDTH: Spec = whole!(
    "ports.width",
    "port width",
    "Values that one access moves at most",
    "16",
    ports.width
);

static EXTERNAL: [Spec; 2] = [
    Spec {
        field: "memory.bytes_per_cycle",
        label: "bytes / cycle",
        hint: "Bandwidth of the external memory",
        get: |s| match s.machine.memory {
            Memory::External {
                bytes_per_cycle, ..
            } => bytes_per_cycle.to_string(),
            Memory::OnChip => String::new(),
        },
        set: |s, text| {
            let value = parse_whole(text, "4")?;
            if let Memory::External {
                bytes_per_cycle, ..
            } = &mut s.machine.memory
            {
                *bytes_per_cycle = value;
            }
            Ok(())
        },
    },
    Spec {
        field: "memory.latency",
        label: "latency",
        hint: "Cycles from a phase's request to its first word",
        get: |s| match s.machine.memory {
            Memory::External { latency, .. } => latency.to_string(),
            Memory::OnChip => String::new(),
        },
        set: |s, text| {
            let value = parse_whole(text, "30")?;
            if let Memory::External { latency, .. } = &mut s.machine.memory {
                *latency = value;
            }
            Ok(())
        },
    },
];

static ELEMENTWISE: Spec = whole!(
    "elementwise.lanes",
    "elementwise lanes",
    "Values per beat of everything that is no product",
    "16",
    elementwise.lanes
);

static MORE: [Spec; 10] = [
    whole!(
        "pipeline.load",
        "load depth",
        "Cycles between a load's last beat and its end",
        "0",
        pipeline.load
    ),
    whole!(
        "pipeline.compute",
        "compute depth",
        "Cycles between a tile's last products and their end",
        "0",
        pipeline.compute
    ),
    whole!(
        "pipeline.store",
        "store depth",
        "Cycles between a store's last beat and its end",
        "0",
        pipeline.store
    ),
    whole!(
        "pipeline.elementwise",
        "elementwise depth",
        "Cycles that elementwise operations and outer products drain",
        "0",
        pipeline.elementwise
    ),
    whole!(
        "last.input_buffers",
        "PE1 input buffers",
        "Tiles between load and compute: 2 for ping-pong",
        "2",
        last.input_buffers
    ),
    whole!(
        "last.output_buffers",
        "PE1 output buffers",
        "Tiles between compute and store: 2 for ping-pong",
        "2",
        last.output_buffers
    ),
    whole!(
        "middle.input_buffers",
        "PE2 input buffers",
        "Tiles between load and compute: 2 for ping-pong",
        "2",
        middle.input_buffers
    ),
    whole!(
        "middle.output_buffers",
        "PE2 output buffers",
        "Tiles between compute and store: 2 for ping-pong",
        "2",
        middle.output_buffers
    ),
    whole!(
        "elementwise.softmax_passes",
        "softmax passes",
        "Passes over the logits",
        "3",
        elementwise.softmax_passes
    ),
    whole!(
        "elementwise.update_passes",
        "update passes",
        "Passes over a core and its gradient",
        "2",
        elementwise.update_passes
    ),
];

/// External memory as it is first chosen: 16-bit DDR at the fabric's clock, a usual latency.
const EXTERNAL_FIRST: Memory = Memory::External {
    bytes_per_cycle: 4,
    latency: 30,
};

/// Devices with their names as shown.
pub const DEVICES: [(Device, &str); 5] = [
    (Device::Zu3eg, "ZU3EG"),
    (Device::Zynq7020, "Zynq 7020"),
    (Device::Ecp5F25, "ECP5 25F"),
    (Device::Ecp5F45, "ECP5 45F"),
    (Device::Ecp5F85, "ECP5 85F"),
];

const OVERLAPS: [(Overlap, &str); 3] = [
    (Overlap::None, "none"),
    (Overlap::Groups, "in groups"),
    (Overlap::Full, "full"),
];

const OUTERS: [(OuterProduct, &str); 2] = [
    (OuterProduct::Line, "one line"),
    (OuterProduct::Array, "whole array"),
];

const TRANSPOSERS: [(Transposer, &str); 2] = [
    (Transposer::Single, "single"),
    (Transposer::Double, "double"),
];

const SCHEDULES: [(Option<Schedule>, &str); 4] = [
    (None, "as trained"),
    (Some(Schedule::Paper), "paper"),
    (Some(Schedule::Chain), "chain"),
    (Some(Schedule::Planned), "planned"),
];

const BITS: [(Option<[u8; 3]>, &str); 5] = [
    (None, "as trained"),
    (Some([4, 8, 16]), "4 / 8 / 16"),
    (Some([8, 8, 16]), "8 / 8 / 16"),
    (Some([16, 16, 16]), "16"),
    (Some([32, 32, 32]), "32"),
];

const YES: [(bool, &str); 2] = [(false, "no"), (true, "yes")];

/// The controls.
#[component]
pub fn Controls(props: &Props) -> Html {
    let Props { session, accel } = props;
    let setup = &accel.draft;
    let machine = &setup.machine;
    let text = |spec: &'static Spec| text(session, accel, spec);
    let coupling = |label: &'static str,
                    field: &'static str,
                    get: fn(&mut Setup) -> &mut Coupling,
                    now: Coupling| {
        choice(
            session,
            field,
            label,
            &OVERLAPS,
            now.overlap,
            move |s, o| {
                let coupling = get(s);
                coupling.overlap = o;
                coupling.transposer = if o == Overlap::Full {
                    Transposer::Double
                } else {
                    Transposer::Single
                };
            },
        )
    };
    html! {
        <>
            <section class="card" aria-labelledby="machine-title">
                <h2 id="machine-title">{ "Machine" }</h2>
                { presets(session, setup) }
                <div class="two-fields">{ for ARRAY.iter().map(text) }</div>
                <div class="one-field">
                    { coupling("PE1 overlap", "last.overlap", |s| &mut s.machine.last, machine.last) }
                    { coupling("PE2 overlap", "middle.overlap", |s| &mut s.machine.middle, machine.middle) }
                    { choice(session, "outer", "outer product on", &OUTERS, machine.outer, |s, o| s.machine.outer = o) }
                    { choice(session, "flatten_terms", "PE1 lanes across indices", &YES, machine.flatten_terms, |s, on| s.machine.flatten_terms = on) }
                    { text(&ELEMENTWISE) }
                </div>
            </section>
            <section class="card" aria-labelledby="step-title">
                <h2 id="step-title">{ "Training step" }</h2>
                <div class="one-field">
                    { choice(session, "accel.schedule", "contraction order", &SCHEDULES, setup.schedule, |s, schedule| s.schedule = schedule) }
                    { choice(session, "accel.bits", "bits", &BITS, setup.bits, |s, bits| s.bits = bits) }
                </div>
            </section>
            <section class="card" aria-labelledby="memory-title">
                <h2 id="memory-title">{ "Device and memory" }</h2>
                <div class="one-field">
                    { choice(session, "device", "device", &DEVICES, machine.device, |s, device| s.machine.device = device) }
                    { text(&CLOCK) }
                    { choice(session, "memory", "activations in", &[(false, "block RAM"), (true, "external")], machine.memory != Memory::OnChip,
                        |s, external| s.machine.memory = if external { EXTERNAL_FIRST } else { Memory::OnChip }) }
                    if machine.memory != Memory::OnChip { { for EXTERNAL.iter().map(text) } }
                    { text(&BANKS) }
                    { text(&WIDTH) }
                    { choice(session, "ports.shared", "one port for both", &YES, machine.ports.shared, |s, on| s.machine.ports.shared = on) }
                </div>
            </section>
            <details class="card more">
                <summary><h2>{ "Depths and buffers" }</h2></summary>
                <div class="one-field">
                    { for MORE.iter().map(text) }
                    { choice(session, "last.transposer", "PE1 transposer", &TRANSPOSERS, machine.last.transposer, |s, t| s.machine.last.transposer = t) }
                    { choice(session, "middle.transposer", "PE2 transposer", &TRANSPOSERS, machine.middle.transposer, |s, t| s.machine.middle.transposer = t) }
                </div>
            </details>
        </>
    }
}

fn text(session: &Session, accel: &Accel, spec: &'static Spec) -> Html {
    let session = session.clone();
    let onedit = Callback::from(move |text: String| {
        session.edit_accel(|accel| {
            accel.read(spec.field, &text, |accel, text| {
                (spec.set)(&mut accel.draft, text)
            });
        });
    });
    html! {
        <TextField key={spec.field} field={spec.field} label={spec.label} hint={spec.hint}
            value={(spec.get)(&accel.draft)} fault={accel.fault_of(spec.field).map(AttrValue::from)} {onedit} />
    }
}

fn choice<T: Copy + PartialEq + 'static>(
    session: &Session,
    field: &'static str,
    label: &'static str,
    options: &'static [(T, &'static str)],
    now: T,
    set: impl Fn(&mut Setup, T) + 'static,
) -> Html {
    let session = session.clone();
    let onchoose = Callback::from(move |k: usize| {
        if let Some(&(option, _)) = options.get(k) {
            session.edit_accel(|accel| accel.edit(|setup| set(setup, option)));
        }
    });
    html! {
        <Choice {field} {label} {onchoose} chosen={options.iter().position(|(option, _)| *option == now)}
            options={options.iter().map(|(_, shown)| AttrValue::from(*shown)).collect::<Vec<_>>()} />
    }
}

fn presets(session: &Session, setup: &Setup) -> Html {
    let chosen = setup.preset();
    let mut options = vec![
        (
            PRESETS[0],
            "The machine of the paper's code: little overlap, outer products on one line",
        ),
        (
            PRESETS[1],
            "The published array with ping-pong used to the full",
        ),
        (
            PRESETS[2],
            "Overlapped, with outer products on the whole array and elementwise work on all lanes",
        ),
    ];
    if chosen.is_none() {
        options.push(("own", "The fields below, edited"));
    }
    let session = session.clone();
    let onchoose = Callback::from(move |k| session.edit_accel(|accel| accel.choose(k)));
    html! { <Segments name="Machine" {options} chosen={Some(chosen.unwrap_or(PRESETS.len()))} {onchoose} /> }
}
