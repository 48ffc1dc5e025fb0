//! Perfetto traces: track events as protobuf, one packet sequence. 1 cycle is 1 us, as in a Chrome
//! trace, so that both show the same times.
//!
//! A track per stage, one for steps, samples and operations each, a counter per buffer, and a flow
//! along the beats of each tile: load, compute, store. Names and texts are sent once and then
//! referred to by number.

use std::collections::HashMap;

use super::super::timeline::Level;
use super::super::timing::{Cause, OpTiming, Phase, Stage, TRACKS};
use super::window::{BUFFERS, Piece, Window};
use super::wire::Message;

/// Nanoseconds of a cycle.
pub const NANOSECONDS: u64 = 1000;

/// The one packet sequence.
const SEQUENCE: u64 = 1;
/// Tracks' numbers; the machine's, then its stages', then its buffers'.
const MACHINE: u64 = 1;
const STAGES: u64 = 10;
const COUNTERS: u64 = 30;
/// The number of the training's track, then of its levels.
const TRAINING: u64 = 2;
const LEVELS: u64 = 50;

/// Field numbers of the trace format, by message.
mod field {
    pub const PACKET: u32 = 1;
    pub const TIMESTAMP: u32 = 8;
    pub const SEQUENCE_ID: u32 = 10;
    pub const TRACK_EVENT: u32 = 11;
    pub const INTERNED_DATA: u32 = 12;
    pub const SEQUENCE_FLAGS: u32 = 13;
    pub const TRACK_DESCRIPTOR: u32 = 60;

    pub mod descriptor {
        pub const UUID: u32 = 1;
        pub const NAME: u32 = 2;
        pub const PROCESS: u32 = 3;
        pub const PARENT: u32 = 5;
        pub const COUNTER: u32 = 8;
        pub const CHILD_ORDERING: u32 = 11;
        pub const RANK: u32 = 12;
        pub const PROCESS_ID: u32 = 1;
        pub const PROCESS_NAME: u32 = 6;
        pub const COUNTER_UNIT_NAME: u32 = 6;
    }

    pub mod event {
        pub const ANNOTATION: u32 = 4;
        pub const TYPE: u32 = 9;
        pub const NAME_ID: u32 = 10;
        pub const TRACK: u32 = 11;
        pub const NAME: u32 = 23;
        pub const COUNTER_VALUE: u32 = 30;
        /// Flow numbers as old and new readers know them; new ones take the second of each.
        pub const FLOW: [u32; 2] = [36, 47];
        pub const LAST_OF_FLOW: [u32; 2] = [42, 48];
    }

    pub mod annotation {
        pub const NAME_ID: u32 = 1;
        pub const UINT: u32 = 3;
        pub const TEXT: u32 = 6;
    }

    pub mod interned {
        pub const EVENT_NAMES: u32 = 2;
        pub const ANNOTATION_NAMES: u32 = 3;
        pub const ID: u32 = 1;
        pub const NAME: u32 = 2;
    }
}

/// Flags of a packet: what was named before no longer holds; what was named before is needed.
const CLEARED: u64 = 1;
const NEEDED: u64 = 2;

/// Types of an event.
const BEGIN: u64 = 1;
const END: u64 = 2;
const COUNTER: u64 = 4;

/// Arguments of slices, by their number.
const ARGUMENTS: [&str; 6] = ["tile", "cause", "shape", "step", "sample", "tiles"];

/// The whole file.
pub fn write(window: &Window) -> Vec<u8> {
    let mut out = Trace::default();
    out.head(window);
    let levels = [
        (Level::Step, "steps"),
        (Level::Sample, "samples"),
        (Level::Op, "operations"),
    ];
    for (index, (level, name)) in levels.into_iter().enumerate() {
        let track = LEVELS + index as u64;
        out.track(track, TRAINING, name, index as u64);
        for span in window.spans(level) {
            let title = window.title(level, &span);
            let once = level == Level::Step || level == Level::Sample && span.sample.is_some();
            let name = if once {
                Name::Text(title)
            } else {
                let key = Key::Title(title.clone());
                Name::Number(out.names.number(key, || title))
            };
            out.number("step", span.step);
            if let Some(sample) = span.sample {
                out.number("sample", sample);
            }
            if let Some(op) = span.op {
                out.number("tiles", u64::from(op.tiles));
                out.text("shape", &op.shape);
            }
            out.begin(track, span.start, &name, None);
            out.end(track, span.end);
        }
    }
    for (index, track) in TRACKS.into_iter().enumerate() {
        let number = STAGES + index as u64;
        out.track(number, MACHINE, track.name(), index as u64);
        for piece in window.work(track) {
            out.piece(window, number, track.stage, &piece);
        }
    }
    for (index, (element, buffer, name)) in BUFFERS.into_iter().enumerate() {
        let track = COUNTERS + index as u64;
        out.counter(track, name, (TRACKS.len() + index) as u64);
        for (cycle, tiles) in window.fills(element, buffer) {
            out.count(track, cycle, tiles as u64);
        }
    }
    out.file.0
}

/// The flow of a tile at a slice: its number, if the slice is where a phase begins to work and the
/// phase before it is seen too, and whether it ends there.
fn flow(window: &Window, stage: Stage, piece: &Piece) -> Option<(u64, bool)> {
    let tile = piece.tile?;
    if piece.cause != Cause::Busy || !piece.op.staged() {
        return None;
    }
    let load = piece.op.phase(Stage::Load, tile)?;
    let before = match stage {
        Stage::Load => None,
        Stage::Compute => Some(load),
        Stage::Store => piece.op.phase(Stage::Compute, tile),
    };
    // A phase works from its start until the pipeline drains or memory makes it wait.
    let seen = |phase: &Phase| {
        let beats = phase.end - u64::from(phase.conflict) - u64::from(phase.drain);
        beats > phase.start && piece.op_start + beats > window.range.start
    };
    if before.is_some_and(|phase| !seen(phase)) {
        return None;
    }
    // No two tiles begin to load in one cycle.
    Some((1 + piece.op_start + load.start, stage == Stage::Store))
}

/// A slice's name: the number of a text sent before, or the text of one that no other slice has.
enum Name {
    Number(u64),
    Text(String),
}

/// Texts with numbers.
#[derive(Default)]
struct Names {
    known: HashMap<Key, u64>,
    /// Not sent yet.
    fresh: Vec<(u64, String)>,
}

#[derive(PartialEq, Eq, Hash)]
enum Key {
    Title(String),
    Slice(*const OpTiming, Cause),
}

impl Names {
    fn number(&mut self, key: Key, text: impl FnOnce() -> String) -> u64 {
        let next = self.known.len() as u64 + 1;
        *self.known.entry(key).or_insert_with(|| {
            self.fresh.push((next, text()));
            next
        })
    }
}

#[derive(Default)]
struct Trace {
    file: Message,
    packet: Message,
    event: Message,
    part: Message,
    /// The next slice's arguments.
    annotations: Message,
    names: Names,
    started: bool,
}

impl Trace {
    /// The two groups of tracks.
    fn head(&mut self, window: &Window) {
        let clock = window.machine.clock_mhz;
        let machine = format!(
            "accelerator {} (1 us is 1 cycle, clock {clock} MHz)",
            window.machine.name
        );
        for (track, name) in [(TRAINING, "training"), (MACHINE, machine.as_str())] {
            use field::descriptor as f;
            let mut process = Message::default();
            process
                .number(f::PROCESS_ID, track)
                .text(f::PROCESS_NAME, name);
            let mut descriptor = Message::default();
            descriptor
                .number(f::UUID, track)
                .message(f::PROCESS, &process)
                .number(f::CHILD_ORDERING, 3);
            self.describe(&descriptor);
        }
    }

    fn describe(&mut self, descriptor: &Message) {
        self.packet.clear();
        self.packet.message(field::TRACK_DESCRIPTOR, descriptor);
        self.send();
    }

    fn descriptor(track: u64, parent: u64, name: &str, rank: u64) -> Message {
        use field::descriptor as f;
        let mut descriptor = Message::default();
        descriptor
            .number(f::UUID, track)
            .text(f::NAME, name)
            .number(f::PARENT, parent)
            .number(f::RANK, rank);
        descriptor
    }

    fn track(&mut self, track: u64, parent: u64, name: &str, rank: u64) {
        self.describe(&Self::descriptor(track, parent, name, rank));
    }

    fn counter(&mut self, track: u64, name: &str, rank: u64) {
        use field::descriptor as f;
        let mut counter = Message::default();
        counter.text(f::COUNTER_UNIT_NAME, "tiles");
        let mut descriptor = Self::descriptor(track, MACHINE, name, rank);
        descriptor.message(f::COUNTER, &counter);
        self.describe(&descriptor);
    }

    fn piece(&mut self, window: &Window, track: u64, stage: Stage, piece: &Piece) {
        let Piece { op, cause, .. } = piece;
        let key = Key::Slice(std::ptr::from_ref(*op), *cause);
        let name = self
            .names
            .number(key, || format!("{} {}", op.name, cause.name()));
        if let Some(tile) = piece.tile {
            self.number("tile", u64::from(tile));
        }
        self.text("cause", cause.name());
        self.text("shape", &op.shape);
        let flow = flow(window, stage, piece);
        self.begin(track, piece.start, &Name::Number(name), flow);
        self.end(track, piece.end);
    }

    /// An argument of the next slice.
    fn number(&mut self, name: &str, value: u64) {
        use field::annotation as f;
        self.part.clear();
        self.part.number(f::NAME_ID, argument(name));
        self.part.number(f::UINT, value);
        self.annotations
            .message(field::event::ANNOTATION, &self.part);
    }

    /// An argument of the next slice.
    fn text(&mut self, name: &str, value: &str) {
        use field::annotation as f;
        self.part.clear();
        self.part.number(f::NAME_ID, argument(name));
        self.part.text(f::TEXT, value);
        self.annotations
            .message(field::event::ANNOTATION, &self.part);
    }

    /// A slice begins, with a number or a text as its name.
    fn begin(&mut self, track: u64, cycle: u64, name: &Name, flow: Option<(u64, bool)>) {
        use field::event as f;
        self.event.clear().number(f::TYPE, BEGIN);
        self.event.number(f::TRACK, track);
        match name {
            Name::Number(number) => self.event.number(f::NAME_ID, *number),
            Name::Text(text) => self.event.text(f::NAME, text),
        };
        self.event.0.append(&mut self.annotations.0);
        if let Some((flow, last)) = flow {
            let [old, new] = if last { f::LAST_OF_FLOW } else { f::FLOW };
            self.event.number(old, flow).fixed64(new, flow);
        }
        self.happens(cycle);
    }

    fn end(&mut self, track: u64, cycle: u64) {
        use field::event as f;
        self.event.clear().number(f::TYPE, END);
        self.event.number(f::TRACK, track);
        self.happens(cycle);
    }

    fn count(&mut self, track: u64, cycle: u64, value: u64) {
        use field::event as f;
        self.event.clear().number(f::TYPE, COUNTER);
        self.event.number(f::TRACK, track);
        self.event.number(f::COUNTER_VALUE, value);
        self.happens(cycle);
    }

    /// Sends the event, with the names that it is the first to use.
    fn happens(&mut self, cycle: u64) {
        self.packet.clear();
        self.packet.number(field::TIMESTAMP, cycle * NANOSECONDS);
        self.packet.message(field::TRACK_EVENT, &self.event);
        if !self.names.fresh.is_empty() {
            use field::interned as f;
            let mut interned = Message::default();
            for (number, name) in self.names.fresh.drain(..) {
                self.part.clear();
                self.part.number(f::ID, number).text(f::NAME, &name);
                interned.message(f::EVENT_NAMES, &self.part);
            }
            self.packet.message(field::INTERNED_DATA, &interned);
        }
        self.send();
    }

    /// Ends the packet. The first says that nothing was named before, and names the arguments.
    fn send(&mut self) {
        use field::interned as f;
        self.packet.number(field::SEQUENCE_ID, SEQUENCE);
        if self.started {
            self.packet.number(field::SEQUENCE_FLAGS, NEEDED);
        } else {
            self.started = true;
            let mut interned = Message::default();
            for name in ARGUMENTS {
                self.part.clear();
                self.part.number(f::ID, argument(name)).text(f::NAME, name);
                interned.message(f::ANNOTATION_NAMES, &self.part);
            }
            self.packet
                .message(field::INTERNED_DATA, &interned)
                .number(field::SEQUENCE_FLAGS, CLEARED | NEEDED);
        }
        self.file.message(field::PACKET, &self.packet);
    }
}

/// The number of an argument's name.
fn argument(name: &str) -> u64 {
    let place = ARGUMENTS.iter().position(|&known| known == name);
    place.map_or(0, |place| place as u64 + 1)
}
