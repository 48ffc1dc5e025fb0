//! What is to be drawn for a state and a size: bars, lines and labels in CSS pixels. The canvas and the
//! SVG file draw the same.
//!
//! Where several cycles share a pixel, a column of pixels shows their shares by cause, stacked; equal
//! neighbours are one bar, so that a slice of many pixels is a bar of full height. Where slices are wide
//! enough they are set apart and labelled. Columns lie on multiples of their width, so that they do
//! not change while the window is moved.

use std::ops::Range;

use super::details::length;
use super::layout::{AXIS, Layout, Place, Row};
use super::state::State;
use super::words;
use crate::accel::timeline::{Level, Slice};
use crate::accel::timing::{Cause, Element, Stage, TRACKS, Tally, Track};
use crate::ui::format;

/// How a bar is filled. Stalls are hatched, each in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fill {
    /// Beats of the array and the elementwise lanes.
    Compute,
    /// Beats of loads and stores.
    Move,
    /// Beats of the outer product.
    Outer,
    /// Waiting for a load.
    LoadBound,
    /// Waiting for the array.
    ComputeBound,
    /// Waiting for a store.
    StoreBound,
    /// A pipeline fills or drains.
    FillDrain,
    /// Several values in one bank, or a port that is taken.
    Conflict,
    /// Nothing to do.
    Idle,
    /// A step, sample or operation.
    Span,
    /// Tiles in a buffer.
    Held,
    /// A fine line.
    Grid,
    /// The ground, over something else.
    Ground,
}

/// All fills.
pub const FILLS: [Fill; 13] = [
    Fill::Compute,
    Fill::Move,
    Fill::Outer,
    Fill::LoadBound,
    Fill::ComputeBound,
    Fill::StoreBound,
    Fill::FillDrain,
    Fill::Conflict,
    Fill::Idle,
    Fill::Span,
    Fill::Held,
    Fill::Grid,
    Fill::Ground,
];

impl Fill {
    /// Of a track's cycles.
    #[must_use]
    pub fn of(track: Track, cause: Cause) -> Self {
        match cause {
            Cause::Busy if track.element == Element::Outer => Self::Outer,
            Cause::Busy if track.stage == Stage::Compute => Self::Compute,
            Cause::Busy => Self::Move,
            Cause::LoadBound => Self::LoadBound,
            Cause::ComputeBound => Self::ComputeBound,
            Cause::StoreBound => Self::StoreBound,
            Cause::FillDrain => Self::FillDrain,
            Cause::PortConflict => Self::Conflict,
            Cause::Idle => Self::Idle,
        }
    }
}

/// A filled rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// Left edge.
    pub x: f64,
    /// Top.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// How it is filled.
    pub fill: Fill,
}

/// Colour of a line or a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As text.
    Ink,
    /// As secondary text.
    Soft,
    /// As text on a bar of colour.
    On,
}

/// A text, left-aligned at its foot.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Left edge.
    pub x: f64,
    /// Foot.
    pub y: f64,
    /// The text.
    pub text: String,
    /// Its colour.
    pub tone: Tone,
}

/// An outline; of no width it is an upright line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outline {
    /// Left edge.
    pub x: f64,
    /// Top.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// Its colour.
    pub tone: Tone,
}

/// What is to be drawn, in this order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    /// Rectangles.
    pub bars: Vec<Bar>,
    /// Washes over them: a selected range.
    pub washes: Vec<(f64, f64)>,
    /// Outlines.
    pub outlines: Vec<Outline>,
    /// Texts.
    pub labels: Vec<Label>,
}

/// Width of a character of a label.
pub const CHAR: f64 = 6.7;
/// Width from which a slice has a label.
const LABELLED: f64 = 30.0;

/// Fills of a stack, from its foot, and the causes they stand for; what is idle stays blank.
const STACK: [Cause; 6] = [
    Cause::Busy,
    Cause::FillDrain,
    Cause::LoadBound,
    Cause::ComputeBound,
    Cause::StoreBound,
    Cause::PortConflict,
];

/// The scene while it is built.
struct Builder<'a> {
    scene: Scene,
    state: &'a State,
    layout: &'a Layout,
    ratio: f64,
    /// Cycles per CSS pixel.
    scale: f64,
    /// The cycle at the left edge.
    start: f64,
    /// Cycles that are seen.
    seen: Range<u64>,
    /// Bounds of the pixels' columns.
    bounds: Vec<u64>,
    /// Tallies of the columns by track, where several cycles share a pixel.
    columns: Vec<Vec<Tally>>,
}

impl Scene {
    /// What is to be drawn; `ratio` is device pixels per CSS pixel.
    #[must_use]
    pub fn new(state: &State, layout: &Layout, ratio: f64) -> Self {
        let all = state.timeline.cycles();
        if all == 0 {
            return Self::default();
        }
        let scale = state.window.span / layout.width;
        let shared = scale > 1.0;
        let first = (state.window.start / scale).floor();
        let start = if shared {
            first * scale
        } else {
            state.window.start
        };
        let count = layout.width.ceil() as u32;
        let bounds = (0..=count)
            .map(|k| ((first + f64::from(k)) * scale).round().max(0.0) as u64)
            .collect();
        let mut builder = Builder {
            scene: Self::default(),
            state,
            layout,
            ratio,
            scale,
            start,
            seen: state.window.range(),
            bounds,
            columns: vec![],
        };
        if shared {
            let columns = TRACKS.map(|track| state.timeline.columns(track, &builder.bounds));
            builder.columns = columns.into();
        }
        builder.axis();
        for place in &layout.rows {
            builder.row(place);
        }
        builder.overlays();
        builder.scene
    }
}

impl<'a> Builder<'a> {
    fn x(&self, cycle: f64) -> f64 {
        self.layout.left + (cycle - self.start) / self.scale
    }

    /// Where some cycles lie, cut to what is seen: left edge and width.
    fn extent(&self, start: u64, end: u64) -> (f64, f64) {
        let right = self.layout.left + self.layout.width;
        let from = self.x(start as f64).max(self.layout.left);
        (from, self.x(end as f64).min(right) - from)
    }

    fn bar(&mut self, (x, width): (f64, f64), (y, height): (f64, f64), fill: Fill) {
        self.scene.bars.push(Bar {
            x,
            y,
            width,
            height,
            fill,
        });
    }

    fn label(&mut self, x: f64, y: f64, text: impl Into<String>, tone: Tone) {
        self.scene.labels.push(Label {
            x,
            y,
            text: text.into(),
            tone,
        });
    }

    /// A text within a width; cut where it does not fit, left out where nothing of it does.
    fn fitted(&mut self, (x, width): (f64, f64), y: f64, text: &str, tone: Tone) {
        let room = ((width - 8.0) / CHAR) as usize;
        if room >= text.chars().count() {
            self.label(x + 4.0, y, text, tone);
        } else if room >= 4 {
            let cut: String = text.chars().take(room - 1).chain(['…']).collect();
            self.label(x + 4.0, y, cut, tone);
        }
    }

    fn clock_mhz(&self) -> f64 {
        let place = self.state.timeline.place(self.seen.start);
        place.map_or(100.0, |place| place.timing.machine.clock_mhz)
    }

    fn axis(&mut self) {
        let clock = self.clock_mhz();
        let end = self.seen.end as f64;
        let widest = format::count(self.seen.end).len() as f64;
        let least = self.scale * (widest * CHAR + 28.0).max(84.0);
        let step = nice(least).max(1.0);
        let seconds = words::seconds(step, clock);
        let mut tick = (self.start / step).ceil() * step;
        let rows = (AXIS, self.layout.foot - AXIS);
        while tick <= end {
            let x = self.x(tick);
            if x > self.layout.left + self.layout.width {
                break;
            }
            self.bar(
                (x, 1.0 / self.ratio),
                (AXIS - 5.0, rows.1 + 5.0),
                Fill::Grid,
            );
            let room = self.layout.left + self.layout.width - x;
            let text = format::count(tick as u64);
            if room > text.len() as f64 * CHAR {
                self.label(x + 3.0, 11.0, text, Tone::Ink);
                let time = words::moment(words::seconds(tick, clock), seconds);
                self.label(x + 3.0, 24.0, time, Tone::Soft);
            }
            tick += step;
        }
        if 1.0 / self.scale >= 6.0 {
            for cycle in self.seen.clone() {
                let (x, width) = self.extent(cycle, cycle + 1);
                if width > 0.0 {
                    self.bar((x, 1.0 / self.ratio), (AXIS - 4.0, 4.0), Fill::Idle);
                }
            }
        }
        self.label(4.0, 11.0, "cycles", Tone::Ink);
        let clock = if self.layout.roomy() {
            format!("time at {clock} MHz")
        } else {
            "time".into()
        };
        self.label(4.0, 24.0, clock, Tone::Soft);
    }

    fn row(&mut self, place: &Place) {
        let middle = place.top + place.height / 2.0 + 4.0;
        let focused = place.row == Row::Track(self.state.track);
        let tone = match place.row {
            _ if focused => Tone::Ink,
            _ => Tone::Soft,
        };
        if focused {
            self.bar((0.0, 3.0), (place.top, place.height), Fill::Compute);
        }
        if self.layout.roomy() {
            self.label(8.0, middle, place.row.group(), Tone::Soft);
            self.label(104.0, middle, place.row.name(), tone);
        } else {
            self.label(7.0, middle, place.row.name(), tone);
        }
        match place.row {
            Row::Spans(level) => self.spans(place, level),
            Row::Track(track) => self.track(place, track),
            Row::Port(port) => {
                self.ground(place);
                self.port(place, port.tracks());
            }
            Row::Held(element, buffer) => {
                self.ground(place);
                self.held(place, element, buffer);
            }
        }
    }

    /// The line a row stands on: all there is where it is idle.
    fn ground(&mut self, place: &Place) {
        let (x, y) = (self.layout.left, place.top + place.height - 1.0);
        self.bar((x, self.layout.width), (y, 1.0), Fill::Idle);
    }

    fn spans(&mut self, place: &Place, level: Level) {
        let limit = (self.layout.width / 5.0) as usize;
        let middle = place.top + place.height / 2.0 + 4.0;
        let y = (place.top, place.height);
        let state: &'a State = self.state;
        let Some(spans) = state.timeline.spans(level, self.seen.clone(), limit) else {
            let all = (self.layout.left, self.layout.width);
            self.bar(all, y, Fill::Span);
            let text = match level {
                Level::Step => {
                    let step = |cycle| state.timeline.place(cycle).map_or(0, |place| place.step);
                    let last = self.seen.end.min(state.timeline.cycles()) - 1;
                    let count = step(last) + 1 - step(self.seen.start);
                    format!("{} steps", format::count(count))
                }
                Level::Sample => {
                    let count = state.timeline.samples(self.seen.clone());
                    format!("{} samples", format::count(count))
                }
                Level::Op => "operations share pixels: zoom in".into(),
            };
            self.fitted(all, middle, &text, Tone::Soft);
            return;
        };
        for span in spans {
            let (x, width) = self.extent(span.start, span.end);
            self.bar((x, (width - 1.0).max(0.5)), y, Fill::Span);
            if width < LABELLED {
                continue;
            }
            match (level, span.op, span.sample) {
                (Level::Op, Some(op), _) => self.fitted((x, width), middle, &op.name, Tone::Ink),
                (Level::Sample, _, Some(sample)) => {
                    self.number((x, width), middle, "sample ", sample);
                }
                (Level::Sample, _, None) => self.fitted((x, width), middle, "batch", Tone::Ink),
                _ => self.number((x, width), middle, "step ", span.step),
            }
        }
    }

    /// A number with a word before it where there is room.
    fn number(&mut self, (x, width): (f64, f64), y: f64, word: &str, number: u64) {
        let number = format::count(number);
        let whole = (word.len() + number.len()) as f64 * CHAR + 8.0;
        let text = if width >= whole {
            format!("{word}{number}")
        } else {
            number
        };
        if width >= text.len() as f64 * CHAR + 8.0 {
            self.label(x + 4.0, y, text, Tone::Ink);
        }
    }

    fn track(&mut self, place: &Place, index: usize) {
        self.ground(place);
        let track = TRACKS[index];
        let shared = !self.columns.is_empty();
        if shared {
            let fills = STACK.map(|cause| Fill::of(track, cause));
            let columns = std::mem::take(&mut self.columns);
            let parts_of = |k: usize| {
                let tally = &columns[index][k];
                (STACK.map(|cause| tally.of(cause)), tally.total())
            };
            self.stack(place, fills, &parts_of);
            self.columns = columns;
        }
        let limit = if shared {
            (self.layout.width / 4.0) as usize
        } else {
            self.layout.width as usize + 2
        };
        let state: &'a State = self.state;
        let slices = state.timeline.slices(track, self.seen.clone(), limit);
        for slice in slices.into_iter().flatten() {
            if slice.cause != Cause::Idle {
                self.slice(place, track, &slice, shared);
            }
        }
        if 1.0 / self.scale >= 6.0 {
            self.beats(place);
        }
    }

    /// A slice of its own: set apart from the next, and labelled where there is room.
    fn slice(&mut self, place: &Place, track: Track, slice: &Slice, drawn: bool) {
        let (x, width) = self.extent(slice.start, slice.end);
        let y = (place.top, place.height);
        let fill = Fill::of(track, slice.cause);
        if !drawn {
            self.bar((x, width), y, fill);
        }
        if width < 4.0 {
            return;
        }
        self.bar((x + width - 1.0, 1.0), y, Fill::Ground);
        if width < LABELLED {
            return;
        }
        let middle = place.top + place.height / 2.0 + 4.0;
        let busy = slice.cause == Cause::Busy;
        let tile = slice.tile.map_or(String::new(), |tile| tile.to_string());
        let whole = match (busy, slice.tile) {
            (true, Some(_)) if slice.op.tiles > 1 => format!("{} · tile {tile}", slice.op.name),
            (true, _) => slice.op.name.clone(),
            (false, _) => slice.cause.name().into(),
        };
        let fits = |text: &str| text.chars().count() as f64 * CHAR + 10.0 <= width;
        let text = match (fits(&whole), busy, slice.op.tiles > 1) {
            (true, _, _) | (false, true, false) => whole,
            (false, true, true) => tile,
            (false, false, _) => return,
        };
        if busy {
            self.fitted((x, width - 1.0), middle, &text, Tone::On);
        } else {
            let room = text.chars().count() as f64 * CHAR + 6.0;
            self.bar(
                (x + 1.0, room),
                (place.top + 2.0, place.height - 4.0),
                Fill::Ground,
            );
            self.fitted((x, width), middle, &text, Tone::Ink);
        }
    }

    /// Notches between single cycles.
    fn beats(&mut self, place: &Place) {
        let notch = (place.height * 0.3).floor();
        for cycle in self.seen.clone() {
            let (x, width) = self.extent(cycle, cycle + 1);
            if width > 0.0 {
                self.bar(
                    (x, 1.0 / self.ratio),
                    (place.top + place.height - notch, notch),
                    Fill::Ground,
                );
            }
        }
    }

    fn port(&mut self, place: &Place, tracks: [usize; 2]) {
        let fill = Fill::of(TRACKS[tracks[0]], Cause::Busy);
        if self.columns.is_empty() {
            let limit = self.layout.width as usize + 2;
            for track in tracks {
                let state: &'a State = self.state;
                let slices = state
                    .timeline
                    .slices(TRACKS[track], self.seen.clone(), limit);
                for slice in slices.into_iter().flatten() {
                    let fill = match slice.cause {
                        Cause::Busy => fill,
                        Cause::PortConflict => Fill::Conflict,
                        _ => continue,
                    };
                    let x = self.extent(slice.start, slice.end);
                    self.bar(x, (place.top, place.height), fill);
                }
            }
            return;
        }
        let columns = std::mem::take(&mut self.columns);
        let parts_of = |k: usize| {
            let sum = |cause| tracks.map(|track| columns[track][k].of(cause)).iter().sum();
            let total = columns[tracks[0]][k].total();
            (
                [sum(Cause::Busy), sum(Cause::PortConflict), 0, 0, 0, 0],
                total,
            )
        };
        let mut fills = [Fill::Conflict; 6];
        fills[0] = fill;
        self.stack(place, fills, &parts_of);
        self.columns = columns;
    }

    /// Columns of shares, stacked from the foot; equal neighbours are one bar.
    fn stack(
        &mut self,
        place: &Place,
        fills: [Fill; 6],
        shares: &dyn Fn(usize) -> ([u64; 6], u64),
    ) {
        let count = self.bounds.len() - 1;
        let high = (place.height * self.ratio).round();
        let right = self.layout.left + self.layout.width;
        // Of each layer: since which column, from where, up to where (device pixels).
        let mut open = [(0_usize, 0_u32, 0_u32); 6];
        for k in 0..=count {
            let mut edges = [(0, 0); 6];
            if k < count {
                let (layers, total) = shares(k);
                let (mut sum, mut low) = (0, 0);
                for (edge, part) in edges.iter_mut().zip(layers) {
                    sum += part;
                    let top = (high * sum as f64 / total.max(1) as f64).round() as u32;
                    *edge = (low, top);
                    low = top;
                }
            }
            for (layer, (low, top)) in edges.into_iter().enumerate() {
                let (since, from, upto) = open[layer];
                if (from, upto) == (low, top) {
                    continue;
                }
                if upto > from {
                    let x = self.layout.left + since as f64;
                    let width = (self.layout.left + k as f64).min(right) - x;
                    let foot = place.top + place.height;
                    let (from, upto) = (f64::from(from), f64::from(upto));
                    self.bar(
                        (x, width),
                        (foot - upto / self.ratio, (upto - from) / self.ratio),
                        fills[layer],
                    );
                }
                open[layer] = (k, low, top);
            }
        }
    }

    /// Tiles in a buffer as steps, once its tiles can be told apart.
    fn held(&mut self, place: &Place, element: Element, buffer: crate::accel::timeline::Buffer) {
        use crate::accel::timeline::Buffer;
        let state: &'a State = self.state;
        let timeline = &*state.timeline;
        let track = Track::new(element, Stage::Load);
        let few = (self.layout.width / 3.0) as usize;
        if timeline.slices(track, self.seen.clone(), few).is_none() {
            return;
        }
        let machine = timeline
            .place(self.seen.start)
            .map(|place| &place.timing.machine);
        let capacity = machine.map_or(2, |machine| {
            let coupling = match element {
                Element::Last => &machine.last,
                _ => &machine.middle,
            };
            match buffer {
                Buffer::Input => coupling.input_buffers,
                Buffer::Output => coupling.output_buffers,
            }
        });
        let mut open = (0_u32, 0_usize);
        let count = self.layout.width.ceil() as u32;
        for k in 0..=count {
            let cycle = (self.start + (f64::from(k) + 0.5) * self.scale) as u64;
            let fill = if k < count {
                timeline.fill(buffer, element, cycle)
            } else {
                usize::MAX
            };
            if fill == open.1 {
                continue;
            }
            let (since, tiles) = open;
            if tiles > 0 {
                let share = (tiles as f64 / capacity as f64).min(1.0);
                let height = (share * place.height * self.ratio).round() / self.ratio;
                self.bar(
                    (self.layout.left + f64::from(since), f64::from(k - since)),
                    (place.top + place.height - height, height),
                    Fill::Held,
                );
            }
            open = (k, fill);
        }
    }

    fn outline(&mut self, (x, width): (f64, f64), (y, height): (f64, f64), tone: Tone) {
        self.scene.outlines.push(Outline {
            x,
            y,
            width,
            height,
            tone,
        });
    }

    fn overlays(&mut self) {
        let layout: &'a Layout = self.layout;
        let state: &'a State = self.state;
        let rows = (AXIS, layout.foot - AXIS);
        if let Some(range) = &state.selection {
            let (x, width) = self.extent(range.start, range.end);
            if width > 0.0 {
                self.scene.washes.push((x, width));
            }
            for cycle in [range.start, range.end] {
                self.upright(cycle as f64, rows, Tone::Ink);
            }
        }
        if let (Some(slice), Some(picked)) = (state.slice(), state.picked) {
            let row = Row::Track(picked.track.index());
            let place = layout.rows.iter().find(|place| place.row == row);
            let (x, width) = self.extent(slice.start, slice.end);
            if let (Some(place), true) = (place, width > 0.0) {
                self.outline(
                    (x - 1.0, width.max(2.0) + 1.0),
                    (place.top - 1.0, place.height + 2.0),
                    Tone::Ink,
                );
            }
        }
        self.markers();
        if let Some(cycle) = state.pointer {
            self.upright(cycle, rows, Tone::Soft);
        }
    }

    /// Markers with their names, and between two of them how far they are apart.
    fn markers(&mut self) {
        let state: &'a State = self.state;
        let (lane, foot) = (AXIS - 16.0, AXIS - 5.0);
        if let [a, b] = state.markers[..] {
            let (x, width) = self.extent(a.min(b), a.max(b));
            let text = length(a.abs_diff(b), self.clock_mhz());
            if width > text.chars().count() as f64 * CHAR + 26.0 {
                self.bar((x, width), (foot - 4.0, 1.0), Fill::Idle);
                let room = text.chars().count() as f64 * CHAR;
                let middle = x + (width - room) / 2.0;
                self.bar((middle - 4.0, room + 8.0), (lane, 14.0), Fill::Ground);
                self.label(middle, foot, text, Tone::Ink);
            }
        }
        for (name, &cycle) in ["A", "B"].into_iter().zip(&state.markers) {
            if self.upright(cycle as f64, (lane, self.layout.foot - lane), Tone::Ink) {
                let x = self.x(cycle as f64);
                let at = x.min(self.layout.left + self.layout.width - CHAR - 6.0);
                self.bar((at + 1.0, CHAR + 5.0), (lane, 14.0), Fill::Ground);
                self.label(at + 4.0, foot, name, Tone::Ink);
            }
        }
    }

    /// An upright line at a cycle, if it is seen.
    fn upright(&mut self, cycle: f64, rows: (f64, f64), tone: Tone) -> bool {
        let x = self.x(cycle);
        let seen = x >= self.layout.left && x <= self.layout.left + self.layout.width;
        if seen {
            self.outline((x, 0.0), rows, tone);
        }
        seen
    }
}

/// The smallest of 1, 2, 5, 10, 20, ... that is not below a value.
#[must_use]
pub fn nice(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1e-9).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|digit| digit * power)
        .find(|step| *step >= value * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

/// The whole timeline in some columns: shares of computing, outer products, and moving alone.
#[must_use]
pub fn overview(state: &State, width: f64, height: f64, ratio: f64) -> Vec<Bar> {
    let whole = State::new(state.timeline.clone());
    let layout = Layout {
        left: 0.0,
        width,
        foot: height,
        rows: vec![],
    };
    let all = state.timeline.cycles();
    let count = width.ceil().max(1.0) as u64;
    let bounds: Vec<u64> = (0..=count)
        .map(|k| (all as f64 * k as f64 / count as f64) as u64)
        .collect();
    let tracks = TRACKS.map(|track| whole.timeline.columns(track, &bounds));
    let mut builder = Builder {
        scene: Scene::default(),
        state: &whole,
        layout: &layout,
        ratio,
        scale: all as f64 / width,
        start: 0.0,
        seen: 0..all,
        bounds,
        columns: vec![],
    };
    let place = Place {
        row: Row::Spans(Level::Step),
        top: 0.0,
        height,
    };
    let parts_of = |k: usize| {
        let busy = |wanted: Fill| -> u64 {
            TRACKS
                .iter()
                .zip(&tracks)
                .filter(|(track, _)| Fill::of(**track, Cause::Busy) == wanted)
                .filter(|(track, _)| {
                    track.stage == Stage::Compute || track.element == Element::Input
                })
                .map(|(_, columns)| columns[k].of(Cause::Busy))
                .sum()
        };
        let parts = [Fill::Compute, Fill::Outer, Fill::Move].map(busy);
        let total = tracks[0][k].total();
        ([parts[0], parts[1], parts[2], 0, 0, 0], total)
    };
    let mut fills = [Fill::Idle; 6];
    fills[..3].copy_from_slice(&[Fill::Compute, Fill::Outer, Fill::Move]);
    builder.stack(&place, fills, &parts_of);
    builder.scene.bars
}
