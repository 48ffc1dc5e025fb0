//! What every format asks of a range: slices, spans and buffer fills, cut at the range's edges.

use std::ops::Range;

use super::super::machine::Machine;
use super::super::timeline::{Buffer, Level, Span, Timeline};
use super::super::timing::{Cause, Element, OpTiming, Stage, Track};
use crate::numeric::sort_by_key;
use crate::program::Part;

/// The buffers whose fill is shown, with their names.
pub const BUFFERS: [(Element, Buffer, &str); 4] = [
    (Element::Last, Buffer::Input, "PE1.input_buffer"),
    (Element::Last, Buffer::Output, "PE1.output_buffer"),
    (Element::Middle, Buffer::Input, "PE2.input_buffer"),
    (Element::Middle, Buffer::Output, "PE2.output_buffer"),
];

/// A range of a timeline.
pub struct Window<'a> {
    pub timeline: &'a Timeline,
    /// Cut at the timeline's end; not empty.
    pub range: Range<u64>,
    /// The machine of the range's first step.
    pub machine: &'a Machine,
}

/// Some cycles of a track within the range.
#[derive(Clone, Copy)]
pub struct Piece<'a> {
    pub start: u64,
    pub end: u64,
    pub cause: Cause,
    pub tile: Option<u32>,
    pub op: &'a OpTiming,
    /// The operation's first cycle on the timeline, which may lie before the range. Nothing is meant
    /// by it for idle cycles.
    pub op_start: u64,
}

impl<'a> Window<'a> {
    /// Nothing if the timeline has none of the range's cycles.
    pub fn new(timeline: &'a Timeline, range: Range<u64>) -> Option<Self> {
        let machine = &timeline.place(range.start)?.timing.machine;
        let range = range.start..range.end.min(timeline.cycles());
        Some(Self {
            timeline,
            range,
            machine,
        })
    }

    /// All slices of a track, one after the other without a gap.
    pub fn pieces(&self, track: Track) -> Vec<Piece<'a>> {
        let slices = self
            .timeline
            .slices(track, self.range.clone(), usize::MAX)
            .unwrap_or_default();
        let mut op = 0..0;
        let pieces = slices.into_iter().map(|slice| {
            if slice.cause != Cause::Idle && !op.contains(&slice.start) {
                let start = self
                    .timeline
                    .place(slice.start)
                    .map_or(slice.start, |place| place.op_start);
                op = start..start + slice.op.cycles;
            }
            Piece {
                start: slice.start.max(self.range.start),
                end: slice.end.min(self.range.end),
                cause: slice.cause,
                tile: slice.tile,
                op: slice.op,
                op_start: op.start,
            }
        });
        pieces.collect()
    }

    /// Slices of a track in which its element worked.
    pub fn work(&self, track: Track) -> impl Iterator<Item = Piece<'a>> + use<'a> {
        self.pieces(track)
            .into_iter()
            .filter(|piece| piece.cause != Cause::Idle)
    }

    /// Spans as they are, also beyond the range.
    pub fn whole_spans(&self, level: Level) -> Vec<Span<'a>> {
        self.timeline
            .spans(level, self.range.clone(), usize::MAX)
            .unwrap_or_default()
    }

    /// Spans within the range.
    pub fn spans(&self, level: Level) -> impl Iterator<Item = Span<'a>> {
        self.whole_spans(level).into_iter().map(|span| Span {
            start: span.start.max(self.range.start),
            end: span.end.min(self.range.end),
            ..span
        })
    }

    /// What a span is called.
    pub fn title(&self, level: Level, span: &Span) -> String {
        match (level, span.sample, span.op) {
            (Level::Op, _, Some(op)) => op.name.clone(),
            (Level::Sample, Some(sample), _) => format!("sample {sample}"),
            (Level::Sample, ..) => {
                let part = self.timeline.place(span.start).map(|place| place.part);
                let title = match part {
                    Some(Part::After) => "after the samples",
                    _ => "before the samples",
                };
                title.into()
            }
            _ => format!("step {}", span.step),
        }
    }

    /// Tiles in a buffer: the first value at the range's start, then every change.
    pub fn fills(&self, element: Element, buffer: Buffer) -> Vec<(u64, usize)> {
        let (filled, emptied) = match buffer {
            Buffer::Input => (Stage::Load, Stage::Compute),
            Buffer::Output => (Stage::Compute, Stage::Store),
        };
        let mut fill = self.timeline.fill(buffer, element, self.range.start);
        let mut fills = vec![(self.range.start, fill)];
        let mut changes: Vec<(u64, bool)> = Vec::new();
        for span in self.whole_spans(Level::Op) {
            let Some(op) = span.op.filter(|op| op.element == element && op.staged()) else {
                continue;
            };
            changes.clear();
            let ends = op.phases.iter().filter_map(|phase| {
                let end = span.start + phase.end;
                let seen = end > self.range.start && end < self.range.end;
                let fills = phase.stage == filled;
                (seen && (fills || phase.stage == emptied)).then_some((end, fills))
            });
            changes.extend(ends);
            sort_by_key(&mut changes, |&(cycle, fills)| [cycle, fills.into()]);
            for at_once in changes.chunk_by(|a, b| a.0 == b.0) {
                let before = fill;
                let more = at_once.iter().filter(|change| change.1).count();
                fill = (fill + more).saturating_sub(at_once.len() - more);
                if fill != before {
                    fills.push((at_once[0].0, fill));
                }
            }
        }
        fills
    }
}
