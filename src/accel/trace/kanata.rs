//! Kanata logs, version 0004, for Konata: a tile is an instruction with the stages `Ld`, `Cp` and
//! `St`, an operation of an element with one stage is an instruction of that stage. It retires when
//! its last stage ends; what the range's end cuts off is flushed there.

use std::fmt::Write;

use super::super::timeline::{Level, Span};
use super::super::timing::{OpTiming, Phase, Stage, TRACKS};
use super::window::Window;
use crate::numeric::sort_by_key;

/// What happens in one cycle, in the order in which it is written.
#[derive(Clone, Copy)]
enum Event {
    End(&'static str),
    Retire { cut: bool },
    Begin,
    Start(&'static str),
}

impl Event {
    /// Its place among the events of one cycle.
    fn place(self) -> u64 {
        let stage = |name| match name {
            "Cp" => 0,
            "Ld" => 1,
            _ => 2,
        };
        match self {
            Self::End(name) => stage(name),
            Self::Retire { cut } => 3 + u64::from(cut),
            Self::Begin => 5,
            Self::Start(name) => 6 + stage(name),
        }
    }
}

/// A tile or an operation of one stage.
struct Instruction<'a> {
    span: Span<'a>,
    op: &'a OpTiming,
    tile: u32,
}

/// The whole file.
pub fn write(window: &Window) -> String {
    let mut instructions = Vec::new();
    let mut events: Vec<(u64, Event, usize)> = Vec::new();
    for span in window.whole_spans(Level::Op) {
        let Some(op) = span.op else { continue };
        for (tile, phases) in op
            .phases
            .chunks(if op.staged() { 3 } else { 1 })
            .enumerate()
        {
            let id = instructions.len();
            if place(window, span.start, phases, id, &mut events) {
                instructions.push(Instruction {
                    span,
                    op,
                    tile: tile as u32,
                });
            }
        }
    }
    // Instructions stand in the order of their numbers.
    sort_by_key(&mut events, |&(cycle, event, _)| [cycle, event.place()]);
    let mut out = format!("Kanata\t0004\nC=\t{}\n", window.range.start);
    let (mut now, mut retired) = (window.range.start, 0);
    for (cycle, event, id) in events {
        if cycle > now {
            let _ = writeln!(out, "C\t{}", cycle - now);
            now = cycle;
        }
        match event {
            Event::End(stage) => {
                let _ = writeln!(out, "E\t{id}\t0\t{stage}");
            }
            Event::Retire { cut } => {
                let _ = writeln!(out, "R\t{id}\t{retired}\t{}", u8::from(cut));
                retired += u64::from(!cut);
            }
            Event::Begin => begin(&mut out, id, &instructions[id]),
            Event::Start(stage) => {
                let _ = writeln!(out, "S\t{id}\t0\t{stage}");
            }
        }
    }
    out
}

/// The events of an instruction within the range; false if it has none.
fn place(
    window: &Window,
    op_start: u64,
    phases: &[Phase],
    id: usize,
    events: &mut Vec<(u64, Event, usize)>,
) -> bool {
    let range = &window.range;
    let (Some(first), Some(last)) = (phases.first(), phases.last()) else {
        return false;
    };
    let (start, end) = (op_start + first.start, op_start + last.end);
    if end <= range.start || start >= range.end || start == end {
        return false;
    }
    events.push((start.max(range.start), Event::Begin, id));
    for phase in phases {
        let start = (op_start + phase.start).max(range.start);
        let end = (op_start + phase.end).min(range.end);
        if start < end {
            let stage = match phase.stage {
                Stage::Load => "Ld",
                Stage::Compute => "Cp",
                Stage::Store => "St",
            };
            events.push((start, Event::Start(stage), id));
            events.push((end, Event::End(stage), id));
        }
    }
    let cut = end > range.end;
    events.push((end.min(range.end), Event::Retire { cut }, id));
    true
}

/// The first lines of an instruction: its number, its label, and what is shown when it is pointed at.
fn begin(out: &mut String, id: usize, instruction: &Instruction) {
    let Instruction { span, op, tile } = instruction;
    let _ = writeln!(out, "I\t{id}\t{id}\t0");
    let name = plain(&op.name);
    if op.staged() {
        let _ = writeln!(out, "L\t{id}\t0\t{name} tile {tile}");
    } else {
        let _ = writeln!(out, "L\t{id}\t0\t{name}");
    }
    let track = TRACKS.iter().find(|track| track.element == op.element);
    let element = track.map_or("", |track| track.name());
    let element = element.split('.').next().unwrap_or(element);
    let _ = write!(
        out,
        "L\t{id}\t1\t{element}: {}, step {}",
        plain(&op.shape),
        span.step
    );
    if let Some(sample) = span.sample {
        let _ = write!(out, ", sample {sample}");
    }
    out.push('\n');
}

/// Text without tabs and line ends.
fn plain(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}
