//! What a picture asks of a timeline: tallies of many neighbouring ranges at once, and where things
//! are.

use std::ops::Range;

use super::{Level, Timeline};
use crate::accel::timing::{Cause, Tally, Track};
use crate::program::Part;

impl Timeline {
    /// Cycles by cause of a track between neighbouring bounds: one tally fewer than there are bounds.
    /// Bounds ascend; each is looked up once.
    #[must_use]
    pub fn columns(&self, track: Track, bounds: &[u64]) -> Vec<Tally> {
        let track = track.index();
        let mut before: Option<(u64, Tally)> = None;
        let mut found = Vec::with_capacity(bounds.len().saturating_sub(1));
        for &bound in bounds {
            let bound = bound.min(self.cycles);
            let upto = match before {
                Some((at, tally)) if at == bound => tally,
                _ => self.tally_before(track, bound),
            };
            if let Some((_, from)) = before {
                let mut tally = upto;
                for (slot, from) in tally.0.iter_mut().zip(from.0) {
                    *slot = slot.saturating_sub(from);
                }
                found.push(tally);
            }
            before = Some((bound, upto));
        }
        found
    }

    /// The first cycle from `cycle` on in which a track is not idle; the last one before `cycle`, if
    /// not `forward`.
    #[must_use]
    pub fn next_work(&self, track: Track, cycle: u64, forward: bool) -> Option<u64> {
        let track = track.index();
        let work = |upto: u64| {
            let tally = self.tally_before(track, upto.min(self.cycles));
            tally.total() - tally.of(Cause::Idle)
        };
        let cycle = cycle.min(self.cycles);
        let here = work(cycle);
        let (mut low, mut high) = if forward {
            (cycle, self.cycles)
        } else {
            (0, cycle)
        };
        // The work before `low` is short of what is looked for, that before `high` is not.
        let enough = if forward { here + 1 } else { here };
        if enough == 0 || work(high) < enough {
            return None;
        }
        while high - low > 1 {
            let middle = u64::midpoint(low, high);
            if work(middle) < enough {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(low)
    }

    /// Samples of which a range holds some cycles.
    #[must_use]
    pub fn samples(&self, range: Range<u64>) -> u64 {
        if range.start >= range.end.min(self.cycles) {
            return 0;
        }
        // One that began before the range may still run.
        let here = self.spans(Level::Sample, range.start..range.start + 1, 1);
        let running = here
            .into_iter()
            .flatten()
            .any(|span| span.sample.is_some() && span.start < range.start);
        self.begun(range.end) - self.begun(range.start) + u64::from(running)
    }

    /// Samples that begin before a cycle.
    fn begun(&self, cycle: u64) -> u64 {
        let mut count = 0;
        for segment in self.segments.iter().take_while(|s| s.first_cycle < cycle) {
            let step = &segment.step;
            let batch = step.timing.batch as u64;
            let inside = (cycle - segment.first_cycle).min(segment.steps * step.cycles);
            let rest = (inside % step.cycles).saturating_sub(step.parts[0].cycles);
            let sample = step.parts[1].cycles.max(1);
            count += inside / step.cycles * batch + rest.div_ceil(sample).min(batch);
        }
        count
    }

    /// The cycles of an operation in the step that holds a cycle: of the same sample, if the cycle lies
    /// in one and the operation is a sample's, else of the first. `index` counts within the part.
    #[must_use]
    pub fn op_near(&self, cycle: u64, part: Part, index: usize) -> Option<Range<u64>> {
        let segment = self.segment(cycle)?;
        let step = &segment.step;
        let inside = (cycle - segment.first_cycle) % step.cycles;
        let (here, times, _) = step.within(inside);
        let part = part as usize;
        let times = if here == part { times } else { 0 };
        let op = step.timing.parts()[part].0.get(index)?;
        let start = cycle - inside + step.part_start(part, times) + step.parts[part].starts[index];
        Some(start..start + op.cycles)
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::accel::timing::{Element, Stage, TRACKS};
    use crate::accel::{Machine, time};
    use crate::exec::fixed::FixedFormats;
    use crate::numeric::Rounding;
    use crate::program::{NetworkShape, Schedule, compile};
    use crate::tt::TtShape;

    fn step(rank: usize) -> Rc<crate::accel::StepTiming> {
        let layers = vec![
            TtShape::new([4, 7], [4, 4], [rank]).expect("fc1"),
            TtShape::new([4, 4], [1, 16], [2]).expect("fc2"),
        ];
        let network = NetworkShape {
            layers,
            exponents: vec![0; 2],
            classes: 10,
        };
        let formats = FixedFormats {
            core: 4,
            activation: 8,
            gradient: 16,
            rounding: Rounding::Stochastic,
        };
        let machine = Machine::published().with_array(4, 2);
        let program = compile(&network, Schedule::Paper, 3);
        Rc::new(time(&program, &machine, formats).expect("a machine"))
    }

    /// Two steps of one shape, three of another, then the first again.
    fn timeline() -> Timeline {
        let (wide, narrow) = (step(4), step(3));
        Timeline::new(&[(wide.clone(), 2), (narrow, 3), (wide, 2)])
    }

    #[test]
    fn columns_are_the_tallies_of_their_ranges() {
        let timeline = timeline();
        let all = timeline.cycles();
        let bounds: Vec<u64> = (0..=97)
            .map(|k| all * k / 97)
            .chain([all, all + 9])
            .collect();
        for track in TRACKS {
            let columns = timeline.columns(track, &bounds);
            assert_eq!(columns.len(), bounds.len() - 1);
            for (pair, column) in bounds.windows(2).zip(&columns) {
                assert_eq!(*column, timeline.tally(track, pair[0]..pair[1]), "{pair:?}");
            }
            let sum: u64 = columns.iter().map(Tally::total).sum();
            assert_eq!(sum, all);
        }
    }

    /// Cycle by cycle over the first steps of each shape: the slow way.
    #[test]
    fn single_cycles_agree_with_slices() {
        let timeline = timeline();
        let from = timeline.step_start(1);
        let upto = timeline.step_start(3);
        let bounds: Vec<u64> = (from..=upto).collect();
        for track in TRACKS {
            let columns = timeline.columns(track, &bounds);
            let slices = timeline.slices(track, from..upto, 1 << 20).expect("few");
            for slice in slices {
                for cycle in slice.start.max(from)..slice.end.min(upto) {
                    let tally = columns[(cycle - from) as usize];
                    assert_eq!((tally.of(slice.cause), tally.total()), (1, 1), "{cycle}");
                }
            }
        }
    }

    #[test]
    fn next_work_skips_what_is_idle() {
        let timeline = timeline();
        for track in TRACKS {
            let slices = timeline
                .slices(track, 0..timeline.cycles(), 1 << 22)
                .expect("few");
            let busy: Vec<_> = slices.iter().filter(|s| s.cause != Cause::Idle).collect();
            for cycle in (0..timeline.cycles()).step_by(101) {
                let next = busy.iter().find(|s| s.end > cycle);
                assert_eq!(
                    timeline.next_work(track, cycle, true),
                    next.map(|s| s.start.max(cycle)),
                    "{} from {cycle}",
                    track.name()
                );
                let before = busy.iter().rfind(|s| s.start < cycle);
                assert_eq!(
                    timeline.next_work(track, cycle, false),
                    before.map(|s| s.end.min(cycle) - 1),
                    "{} before {cycle}",
                    track.name()
                );
            }
        }
        assert!(Timeline::default().next_work(TRACKS[0], 5, true).is_none());
        assert!(Timeline::default().next_work(TRACKS[0], 5, false).is_none());
    }

    #[test]
    fn samples_of_a_range_are_those_that_touch_it() {
        let timeline = timeline();
        let all = timeline.cycles();
        let spans = timeline.spans(Level::Sample, 0..all, 1 << 20).expect("few");
        assert_eq!(timeline.samples(0..all), 7 * 3);
        for start in (0..all).step_by(331) {
            for length in [0, 1, 90, 4_000, all] {
                let touching = spans.iter().filter(|span| {
                    span.sample.is_some() && span.start < start + length && span.end > start
                });
                let expected = if length == 0 {
                    0
                } else {
                    touching.count() as u64
                };
                assert_eq!(
                    timeline.samples(start..start + length),
                    expected,
                    "{start} {length}"
                );
            }
        }
    }

    #[test]
    fn an_operation_is_found_in_the_sample_at_hand() {
        let timeline = timeline();
        let track = Track::new(Element::Outer, Stage::Compute);
        for cycle in (0..timeline.cycles()).step_by(377) {
            let place = timeline.place(cycle).expect("a place");
            let parts = place.timing.parts();
            let index = parts[place.part as usize]
                .0
                .iter()
                .position(|op| std::ptr::eq(op, place.op))
                .expect("its operation");
            let range = timeline.op_near(cycle, place.part, index).expect("found");
            assert_eq!(range, place.op_start..place.op_start + place.op.cycles);
            let outer = place.timing.sample.iter();
            let outer = outer.clone().position(|op| op.element == track.element);
            let range = timeline.op_near(cycle, Part::Sample, outer.expect("one"));
            let range = range.expect("found");
            assert_eq!(timeline.tally(track, range.clone()).of(Cause::Idle), 0);
            let there = timeline.place(range.start).expect("a place");
            assert_eq!(
                (there.step, there.sample),
                (place.step, place.sample.or(Some(0)))
            );
        }
        assert!(timeline.op_near(0, Part::Sample, 999).is_none());
        assert!(
            timeline
                .op_near(timeline.cycles(), Part::Sample, 0)
                .is_none()
        );
    }
}
