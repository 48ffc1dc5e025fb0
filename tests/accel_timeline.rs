//! The timeline against every cycle written out one by one.

use std::rc::Rc;

use proptest::prelude::*;
use railyard::accel::runs::runs;
use railyard::accel::timeline::{Buffer, Level, Timeline};
use railyard::accel::{Cause, Element, Machine, Stage, StepTiming, TRACKS, time};
use railyard::exec::fixed::FixedFormats;
use railyard::numeric::Rounding;
use railyard::program::{NetworkShape, Schedule, compile};
use railyard::tt::TtShape;

const FORMATS: FixedFormats = FixedFormats {
    core: 4,
    activation: 8,
    gradient: 16,
    rounding: Rounding::Stochastic,
};

fn step(rank: usize, schedule: Schedule, machine: &Machine, batch: usize) -> Rc<StepTiming> {
    let network = NetworkShape {
        layers: vec![
            TtShape::new([3, 4], [2, 3], [rank]).expect("a shape"),
            TtShape::new([2, 3], [1, 3], [2]).expect("a shape"),
        ],
        exponents: vec![0; 2],
        classes: 3,
    };
    let program = compile(&network, schedule, batch);
    Rc::new(time(&program, machine, FORMATS).expect("a machine"))
}

/// What each track does in each cycle, with the names of the operations.
fn written_out(steps: &[(Rc<StepTiming>, u64)]) -> Vec<([Cause; 9], String)> {
    let mut cycles = Vec::new();
    for (timing, times) in steps {
        for _ in 0..*times {
            for (ops, times) in timing.parts() {
                for _ in 0..times {
                    for op in ops {
                        let from = cycles.len();
                        cycles.resize(
                            from + op.cycles as usize,
                            ([Cause::Idle; 9], op.name.clone()),
                        );
                        for (place, track) in TRACKS.iter().enumerate() {
                            if track.element != op.element {
                                continue;
                            }
                            for run in runs(op, &timing.machine, track.stage) {
                                for cycle in run.start..run.end {
                                    cycles[from + cycle as usize].0[place] = run.cause;
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    cycles
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_range_is_as_written_out(
        ranks in prop::collection::vec((1_usize..5, 1_u64..4), 1..4),
        schedule in prop::sample::select(vec![Schedule::Paper, Schedule::Chain, Schedule::Planned]),
        preset in prop::sample::select(vec!["published", "overlapped", "streamlined"]),
        array in (1_usize..6, 1_usize..6),
        shared in any::<bool>(),
        depth in 0_u32..4,
        cuts in prop::collection::vec((0.0..1.0_f64, 0.0..1.0_f64), 12),
    ) {
        let mut machine = Machine::preset(preset).expect("a preset").with_array(array.0, array.1);
        machine.ports.shared = shared;
        machine.pipeline.load = depth;
        machine.pipeline.compute = 2 * depth;
        let steps: Vec<_> = ranks
            .iter()
            .map(|&(rank, times)| (step(rank, schedule, &machine, 3), times))
            .collect();
        let cycles = written_out(&steps);
        let timeline = Timeline::new(&steps);
        prop_assert_eq!(timeline.cycles(), cycles.len() as u64);
        for (from, to) in cuts {
            let at = |share: f64| (share * cycles.len() as f64) as usize;
            let (from, to) = (at(from.min(to)), at(from.max(to)));
            let range = from as u64..to as u64;
            for (place, &track) in TRACKS.iter().enumerate() {
                let tally = timeline.tally(track, range.clone());
                prop_assert_eq!(tally.total(), (to - from) as u64);
                for cause in railyard::accel::timing::CAUSES {
                    let count = cycles[from..to].iter().filter(|c| c.0[place] == cause).count();
                    prop_assert_eq!(tally.of(cause), count as u64);
                }
                let slices = timeline.slices(track, range.clone(), usize::MAX).expect("no limit");
                prop_assert!(slices.windows(2).all(|pair| pair[0].end == pair[1].start));
                let covered = slices.iter().flat_map(|s| s.start.max(from as u64)..s.end.min(to as u64));
                for (cycle, slice) in covered.zip(slices.iter().flat_map(|s| {
                    let len = s.end.min(to as u64) - s.start.max(from as u64);
                    std::iter::repeat_n(s, len as usize)
                })) {
                    prop_assert_eq!(slice.cause, cycles[cycle as usize].0[place]);
                }
            }
            let ops = timeline.spans(Level::Op, range.clone(), usize::MAX).expect("no limit");
            for span in &ops {
                let middle = u64::midpoint(span.start, span.end);
                let place = timeline.place(middle).expect("within");
                prop_assert_eq!(place.op_start, span.start);
                prop_assert_eq!(&cycles[middle as usize].1, &span.op.expect("an operation").name);
                prop_assert_eq!(place.sample, span.sample);
                prop_assert_eq!(timeline.place(span.start).map(|p| p.step), Some(span.step));
            }
        }
    }
}

/// The buffers between the stages hold no more than they can, and are empty between operations.
#[test]
fn buffers_hold_what_they_can() {
    let mut machine = Machine::overlapped().with_array(4, 2);
    machine.middle.input_buffers = 3;
    let timing = step(4, Schedule::Paper, &machine, 2);
    let timeline = Timeline::new(&[(timing, 1)]);
    let mut most = [[0; 2]; 2];
    for cycle in 0..timeline.cycles() {
        for (most, element) in most.iter_mut().zip([Element::Last, Element::Middle]) {
            for (most, buffer) in most.iter_mut().zip([Buffer::Input, Buffer::Output]) {
                *most = timeline.fill(buffer, element, cycle).max(*most);
            }
        }
    }
    assert!(most[0][0] <= 2 && most[0][1] <= 2, "{most:?}");
    assert!(most[1][0] <= 3 && most[1][1] <= 2, "{most:?}");
    assert!(most[1][0] >= 1 && most[1][1] >= 1, "{most:?}");
    for op in timeline
        .spans(Level::Op, 0..timeline.cycles(), usize::MAX)
        .expect("no limit")
    {
        assert_eq!(timeline.fill(Buffer::Output, Element::Middle, op.start), 0);
    }
}

/// Steps begin where the ones before end, and boundaries walk a track forth and back.
#[test]
fn steps_and_boundaries() {
    let machine = Machine::streamlined().with_array(4, 4);
    let (large, small) = (
        step(4, Schedule::Chain, &machine, 2),
        step(2, Schedule::Chain, &machine, 2),
    );
    assert!(small.cycles() < large.cycles());
    let timeline = Timeline::new(&[(large.clone(), 3), (small.clone(), 2), (large.clone(), 1)]);
    assert_eq!(timeline.steps(), 6);
    assert_eq!(timeline.step_start(3), 3 * large.cycles());
    assert_eq!(
        timeline.step_start(5),
        3 * large.cycles() + 2 * small.cycles()
    );
    assert_eq!(timeline.step_start(6), timeline.cycles());
    let track = TRACKS[5];
    assert_eq!(
        (track.element, track.stage),
        (Element::Middle, Stage::Compute)
    );
    let mut cycle = 0;
    let mut ends = vec![];
    while cycle < timeline.cycles() {
        cycle = timeline.boundary(track, cycle, true);
        ends.push(cycle);
    }
    while let Some(end) = ends.pop() {
        assert_eq!(cycle, end);
        cycle = timeline.boundary(track, cycle, false);
    }
    assert_eq!(cycle, 0);
}
