//! Many steps in a row as one timeline that answers for any range of cycles at once.
//!
//! A step repeats its sample part once per sample, and equal steps repeat each other, so nothing is
//! stored twice: sums over a range come from running sums over one sample and one batch part. A range
//! of an epoch costs as much as a range of a few cycles.

mod columns;

use std::ops::Range;
use std::rc::Rc;

use super::runs::{Run, runs};
use super::timing::{CAUSES, Cause, OpTiming, Stage, StepTiming, TRACKS, Tally, Track};
use crate::program::Part;

/// A range of equal steps.
#[derive(Clone, Debug)]
struct Segment {
    step: Rc<IndexedStep>,
    first_step: u64,
    steps: u64,
    first_cycle: u64,
    /// Cycles by cause of every track before it.
    before: [Tally; TRACKS.len()],
}

/// A step with running sums.
#[derive(Debug)]
struct IndexedStep {
    timing: Rc<StepTiming>,
    parts: [IndexedPart; 3],
    cycles: u64,
}

/// One part of a step, run once.
#[derive(Debug)]
struct IndexedPart {
    /// First cycle of each operation.
    starts: Vec<u64>,
    cycles: u64,
    tracks: [TrackRuns; TRACKS.len()],
}

/// The runs of one track over one part. Operations of other elements are one idle run.
#[derive(Debug, Default)]
struct TrackRuns {
    runs: Vec<Run>,
    /// The operation of each run.
    ops: Vec<u32>,
    /// Cycles by cause before each run.
    before: Vec<[u32; CAUSES.len()]>,
    whole: Tally,
}

/// Many steps in a row.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    segments: Vec<Segment>,
    steps: u64,
    cycles: u64,
}

/// Where a cycle lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place<'a> {
    /// The step, from 0.
    pub step: u64,
    /// Timing of that step.
    pub timing: &'a StepTiming,
    /// The part of the step.
    pub part: Part,
    /// The sample, from 0, within the sample part.
    pub sample: Option<u64>,
    /// The operation.
    pub op: &'a OpTiming,
    /// The operation's first cycle on the timeline.
    pub op_start: u64,
}

/// Some cycles of a track on the timeline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slice<'a> {
    /// First cycle.
    pub start: u64,
    /// The cycle after the last.
    pub end: u64,
    /// What the track did.
    pub cause: Cause,
    /// The tile, if it worked on one or waited for one.
    pub tile: Option<u32>,
    /// The operation; for idle cycles one of those that ran elsewhere.
    pub op: &'a OpTiming,
}

/// A step, a sample or an operation on the timeline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span<'a> {
    /// First cycle.
    pub start: u64,
    /// The cycle after the last.
    pub end: u64,
    /// Which step, from 0.
    pub step: u64,
    /// Which sample, from 0, if it lies in one.
    pub sample: Option<u64>,
    /// Which operation, for operations.
    pub op: Option<&'a OpTiming>,
}

/// What spans are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Training steps.
    Step,
    /// Samples, and the batch parts before and after them.
    Sample,
    /// Operations.
    Op,
}

/// A buffer between two stages of a contraction element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Buffer {
    /// Between load and compute.
    Input,
    /// Between compute and store.
    Output,
}

impl IndexedStep {
    fn new(timing: Rc<StepTiming>) -> Self {
        let parts = timing
            .parts()
            .map(|(ops, _)| IndexedPart::new(ops, &timing));
        let cycles = timing.cycles();
        Self {
            timing,
            parts,
            cycles,
        }
    }

    /// The part, the repetition and the cycle within it, of a cycle of the step.
    fn within(&self, cycle: u64) -> (usize, u64, u64) {
        let [before, sample, _] = &self.parts;
        if cycle < before.cycles {
            return (0, 0, cycle);
        }
        let cycle = cycle - before.cycles;
        let samples = sample.cycles * self.timing.batch as u64;
        if cycle < samples {
            return (1, cycle / sample.cycles, cycle % sample.cycles);
        }
        (2, 0, cycle - samples)
    }

    /// The first cycle of a repetition of a part.
    fn part_start(&self, part: usize, times: u64) -> u64 {
        let [before, sample, _] = &self.parts;
        match part {
            0 => 0,
            1 => before.cycles + times * sample.cycles,
            _ => before.cycles + sample.cycles * self.timing.batch as u64,
        }
    }

    /// Cycles by cause of a track over the whole step.
    fn whole(&self, track: usize) -> Tally {
        let mut tally = Tally::default();
        for (part, times) in self.parts.iter().zip([1, self.timing.batch as u64, 1]) {
            tally.add_times(&part.tracks[track].whole, times);
        }
        tally
    }

    /// Cycles by cause of a track before a cycle of the step.
    fn tally_before(&self, track: usize, cycle: u64) -> Tally {
        let whole = |part: usize| &self.parts[part].tracks[track].whole;
        let mut tally = Tally::default();
        let (part, times, rest) = self.within(cycle);
        if part > 0 {
            tally.add_times(whole(0), 1);
        }
        match part {
            1 => tally.add_times(whole(1), times),
            2 => tally.add_times(whole(1), self.timing.batch as u64),
            _ => {}
        }
        tally.add_times(&self.parts[part].tracks[track].tally_before(rest), 1);
        tally
    }
}

impl IndexedPart {
    fn new(ops: &[OpTiming], timing: &StepTiming) -> Self {
        let mut tracks: [TrackRuns; TRACKS.len()] = Default::default();
        let (mut starts, mut now) = (Vec::with_capacity(ops.len()), 0);
        for (index, op) in ops.iter().enumerate() {
            starts.push(now);
            for (runs_of, track) in tracks.iter_mut().zip(TRACKS) {
                if track.element == op.element {
                    for run in runs(op, &timing.machine, track.stage) {
                        runs_of.push(run, now, index);
                    }
                } else if op.cycles > 0 {
                    let run = Run {
                        start: 0,
                        end: op.cycles,
                        cause: Cause::Idle,
                        tile: None,
                    };
                    runs_of.push(run, now, index);
                }
            }
            now += op.cycles;
        }
        Self {
            starts,
            cycles: now,
            tracks,
        }
    }
}

impl TrackRuns {
    fn push(&mut self, run: Run, offset: u64, op: usize) {
        let (start, end) = (run.start + offset, run.end + offset);
        if let (Some(last), Cause::Idle) = (self.runs.last_mut(), run.cause)
            && last.cause == Cause::Idle
        {
            last.end = end;
        } else {
            self.before.push(self.whole.0.map(|cycles| cycles as u32));
            self.ops.push(op as u32);
            self.runs.push(Run { start, end, ..run });
        }
        self.whole.add(run.cause, end - start);
    }

    fn tally_before(&self, cycle: u64) -> Tally {
        let index = self.at(cycle);
        let Some(run) = self.runs.get(index) else {
            return self.whole;
        };
        let mut tally = Tally(self.before[index].map(u64::from));
        tally.add(run.cause, cycle - run.start);
        tally
    }

    /// The run that holds a cycle.
    fn at(&self, cycle: u64) -> usize {
        self.runs.partition_point(|run| run.end <= cycle)
    }
}

impl Timeline {
    /// Steps in the order they ran: each timing with how many times in a row.
    #[must_use]
    pub fn new(steps: &[(Rc<StepTiming>, u64)]) -> Self {
        let mut timeline = Self::default();
        for (timing, count) in steps {
            timeline.push(timing, *count);
        }
        timeline
    }

    /// Appends equal steps.
    pub fn push(&mut self, timing: &Rc<StepTiming>, steps: u64) {
        if steps == 0 || timing.cycles() == 0 {
            return;
        }
        let known = self
            .segments
            .iter()
            .rfind(|segment| Rc::ptr_eq(&segment.step.timing, timing));
        let step = known.map_or_else(
            || Rc::new(IndexedStep::new(timing.clone())),
            |segment| segment.step.clone(),
        );
        let (first_step, first_cycle) = (self.steps, self.cycles);
        let before = std::array::from_fn(|track| self.tally_before(track, first_cycle));
        self.steps += steps;
        self.cycles += steps * step.cycles;
        match self.segments.last_mut() {
            Some(last) if Rc::ptr_eq(&last.step, &step) => last.steps += steps,
            _ => self.segments.push(Segment {
                step,
                first_step,
                steps,
                first_cycle,
                before,
            }),
        }
    }

    /// All cycles.
    #[must_use]
    pub fn cycles(&self) -> u64 {
        self.cycles
    }

    /// All steps.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The first cycle of a step; the end, for a step beyond the last.
    #[must_use]
    pub fn step_start(&self, step: u64) -> u64 {
        let index = self
            .segments
            .partition_point(|s| s.first_step + s.steps <= step);
        self.segments.get(index).map_or(self.cycles, |segment| {
            segment.first_cycle + (step - segment.first_step) * segment.step.cycles
        })
    }

    /// Cycles by cause of a track in a range. They sum to the range's length within the timeline.
    #[must_use]
    pub fn tally(&self, track: Track, range: Range<u64>) -> Tally {
        let track = track.index();
        let (before, upto) = (
            self.tally_before(track, range.start.min(self.cycles)),
            self.tally_before(track, range.end.min(self.cycles)),
        );
        let mut tally = Tally::default();
        for (slot, (from, to)) in tally.0.iter_mut().zip(before.0.into_iter().zip(upto.0)) {
            *slot = to.saturating_sub(from);
        }
        tally
    }

    fn tally_before(&self, track: usize, cycle: u64) -> Tally {
        let index = self.segments.partition_point(|s| s.first_cycle < cycle);
        let Some(segment) = index.checked_sub(1).map(|index| &self.segments[index]) else {
            return Tally::default();
        };
        let step = &segment.step;
        let inside = (cycle - segment.first_cycle).min(segment.steps * step.cycles);
        let mut tally = segment.before[track];
        tally.add_times(&step.whole(track), inside / step.cycles);
        tally.add_times(&step.tally_before(track, inside % step.cycles), 1);
        tally
    }

    fn segment(&self, cycle: u64) -> Option<&Segment> {
        let index = self
            .segments
            .partition_point(|s| s.first_cycle + s.steps * s.step.cycles <= cycle);
        self.segments.get(index)
    }

    /// Where a cycle lies; nothing beyond the end.
    #[must_use]
    pub fn place(&self, cycle: u64) -> Option<Place<'_>> {
        let segment = self.segment(cycle)?;
        let step = &segment.step;
        let inside = cycle - segment.first_cycle;
        let (nth, inside) = (inside / step.cycles, inside % step.cycles);
        let (part, times, rest) = step.within(inside);
        let starts = &step.parts[part].starts;
        let op = starts.partition_point(|&start| start <= rest) - 1;
        // Operations of no cycles share their start with the next.
        let ops = step.timing.parts()[part].0;
        let start = segment.first_cycle + nth * step.cycles + step.part_start(part, times);
        Some(Place {
            step: segment.first_step + nth,
            timing: &step.timing,
            part: [Part::Before, Part::Sample, Part::After][part],
            sample: (part == 1).then_some(times),
            op: &ops[op],
            op_start: start + starts[op],
        })
    }

    /// The runs of a track that touch a range, or nothing if there are more than `limit`.
    #[must_use]
    pub fn slices(&self, track: Track, range: Range<u64>, limit: usize) -> Option<Vec<Slice<'_>>> {
        let mut found: Vec<Slice> = Vec::new();
        let track = track.index();
        let mut cycle = range.start;
        let end = range.end.min(self.cycles);
        while cycle < end {
            let segment = self.segment(cycle)?;
            let step = &segment.step;
            let inside = (cycle - segment.first_cycle) % step.cycles;
            let (part, _, rest) = step.within(inside);
            let (ops, indexed) = (step.timing.parts()[part].0, &step.parts[part]);
            let base = cycle - rest;
            let runs = &indexed.tracks[track];
            for index in runs.at(rest)..runs.runs.len() {
                let run = runs.runs[index];
                if base + run.start >= end {
                    break;
                }
                if found.len() == limit {
                    return None;
                }
                found.push(Slice {
                    start: base + run.start,
                    end: base + run.end,
                    cause: run.cause,
                    tile: run.tile,
                    op: &ops[runs.ops[index] as usize],
                });
            }
            cycle = base + indexed.cycles;
        }
        Some(found)
    }

    /// The spans of a level that touch a range, or nothing if there are more than `limit`.
    #[must_use]
    pub fn spans(&self, level: Level, range: Range<u64>, limit: usize) -> Option<Vec<Span<'_>>> {
        let mut found: Vec<Span> = Vec::new();
        let mut cycle = range.start;
        let end = range.end.min(self.cycles);
        while cycle < end {
            if found.len() == limit {
                return None;
            }
            let segment = self.segment(cycle)?;
            let step = &segment.step;
            let inside = cycle - segment.first_cycle;
            let (nth, inside) = (inside / step.cycles, inside % step.cycles);
            let step_start = cycle - inside;
            let (part, times, rest) = step.within(inside);
            let sample = (part == 1).then_some(times);
            let (start, length, op) = match level {
                Level::Step => (step_start, step.cycles, None),
                Level::Sample => (cycle - rest, step.parts[part].cycles, None),
                Level::Op => {
                    let starts = &step.parts[part].starts;
                    let index = starts.partition_point(|&start| start <= rest) - 1;
                    let op = &step.timing.parts()[part].0[index];
                    (cycle - rest + starts[index], op.cycles, Some(op))
                }
            };
            found.push(Span {
                start,
                end: start + length,
                step: segment.first_step + nth,
                sample: if level == Level::Step { None } else { sample },
                op,
            });
            cycle = start + length;
        }
        Some(found)
    }

    /// The boundary of a track's runs after a cycle (`forward`) or before it.
    #[must_use]
    pub fn boundary(&self, track: Track, cycle: u64, forward: bool) -> u64 {
        if forward {
            let here = self.slices(track, cycle..cycle.saturating_add(1), 2);
            here.and_then(|runs| runs.first().map(|run| run.end))
                .unwrap_or(self.cycles)
        } else {
            let before = cycle.saturating_sub(1);
            let here = self.slices(track, before..before.saturating_add(1), 2);
            here.and_then(|runs| runs.first().map(|run| run.start))
                .unwrap_or(0)
        }
    }

    /// Tiles in a buffer of a contraction element in a cycle: filled and not yet used up.
    #[must_use]
    pub fn fill(&self, buffer: Buffer, track_element: super::timing::Element, cycle: u64) -> usize {
        let Some(place) = self.place(cycle) else {
            return 0;
        };
        if place.op.element != track_element || !place.op.staged() {
            return 0;
        }
        let now = cycle - place.op_start;
        let done = |stage: Stage| {
            let (mut low, mut high) = (0, place.op.tiles);
            while low < high {
                let middle = u32::midpoint(low, high);
                if place.op.phase(stage, middle).is_some_and(|p| p.end <= now) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            low as usize
        };
        match buffer {
            Buffer::Input => done(Stage::Load) - done(Stage::Compute),
            Buffer::Output => done(Stage::Compute) - done(Stage::Store),
        }
    }
}
