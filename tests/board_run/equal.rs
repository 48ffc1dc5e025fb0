//! The board's words are the simulator's, step after step.

use railyard::link::line::{Faults, LineSettings};
use railyard::link::run::Happened;
use railyard::train::Advance;
use railyard::train::config::{Precision, Preset, RunConfig};

use crate::bench::{Bench, alone, target, threshold, tiny};

/// A line without a speed: a step's images take no time.
const FAST: LineSettings = LineSettings {
    baud: 0,
    delay: 0.1,
    faults: Faults {
        corrupt: 0.0,
        drop: 0.0,
        duplicate: 0.0,
        reorder: 0.0,
        garbage: 0.0,
        stall: 0.0,
        reset: 0.0,
    },
    seed: 3,
};

fn pruned(told: &[Advance]) -> usize {
    let steps = told.iter().filter_map(|piece| match piece {
        Advance::Step(step) => Some(step.pruned.len()),
        _ => None,
    });
    steps.sum()
}

/// Trains on a board and alone, and compares the checksum and everything that was told.
fn same_run(config: &RunConfig, check: u32, steps: u64, line: LineSettings) -> Vec<Advance> {
    let mut bench = Bench::new(config, check, line);
    bench.train(steps).unwrap();
    // An evaluation that is due belongs to both.
    while bench.trainer.evaluation_due() {
        let piece = bench.trainer.advance();
        bench.told.push(Happened::Test(piece));
    }
    let (alone, told) = alone(config, bench.trainer.step());
    assert!(bench.trainer.step() >= steps);
    assert_eq!(bench.trainer.checksum(), alone.checksum());
    assert!(bench.trainer.checkpoint() == alone.checkpoint());
    let verified = Some((bench.trainer.step(), alone.checksum()));
    assert_eq!(bench.run.verified(), verified);
    let here = bench.advances();
    assert_eq!(here, told[..here.len()]);
    assert!(
        told.len() - here.len() <= 3,
        "{} of {}",
        here.len(),
        told.len()
    );
    here
}

#[test]
fn fifty_steps_of_tiny_checked_at_every_step() {
    same_run(&tiny(), 1, 50, FAST);
}

#[test]
fn fifty_steps_of_tiny_read_back_now_and_then() {
    same_run(&tiny(), 7, 50, FAST);
    same_run(&tiny(), 1000, 50, FAST);
}

#[test]
fn five_steps_of_paper_both_ways() {
    let config = RunConfig::preset(Preset::Paper, Precision::Fixed);
    same_run(&config, 1, 5, FAST);
    same_run(&config, 5, 5, FAST);
}

#[test]
fn a_board_with_little_room_gets_images_again() {
    for (check, images, orders) in [
        (1, 16, 1),
        (1, 50, 8),
        (10, 16, 8),
        (10, 40, 1),
        (10, 100, 3),
    ] {
        let mut bench = Bench::new(&tiny(), check, FAST);
        let board = bench.wired.device();
        (board.images, board.orders) = (Some(images * 785 + 700), Some(orders));
        bench.train(40).unwrap();
        let (alone, _) = alone(&tiny(), bench.trainer.step());
        assert_eq!(bench.trainer.checksum(), alone.checksum());
        assert_eq!(bench.wired.device().highest, images * 785);
    }
}

#[test]
fn a_run_ends_and_says_so() {
    for check in [1, 1000] {
        let mut bench = Bench::new(&tiny(), check, FAST);
        bench.run.go();
        bench.until(|bench| bench.run.standing()).unwrap();
        assert_eq!(bench.told.last(), Some(&Happened::Finished));
        let (alone, told) = alone(&tiny(), u64::MAX);
        assert_eq!(bench.trainer.checksum(), alone.checksum());
        assert_eq!(bench.advances(), told);
        // There is no step left: the words are compared as they are.
        bench.run.compare();
        bench.until(|bench| bench.run.standing()).unwrap();
        let [.., Happened::Compared(found), Happened::Stands] = &bench.told[..] else {
            panic!("{:?}", bench.told.last())
        };
        assert_eq!((found.step, found.differences), (64, 0));
    }
}

#[test]
fn ranks_that_follow_a_schedule_shrink_alike() {
    for check in [1, 9] {
        let told = same_run(&target(), check, 64, FAST);
        assert!(pruned(&told) > 0, "{}", pruned(&told));
    }
}

#[test]
fn ranks_that_die_at_a_threshold_shrink_alike() {
    for check in [1, 9] {
        let told = same_run(&threshold(), check, 64, FAST);
        assert!(pruned(&told) > 2, "{}", pruned(&told));
    }
}

#[test]
fn a_line_with_faults_changes_nothing() {
    let faults = Faults {
        corrupt: 0.01,
        drop: 0.01,
        duplicate: 0.01,
        reorder: 0.01,
        garbage: 0.01,
        ..Faults::default()
    };
    let line = LineSettings {
        baud: 3_000_000,
        delay: 0.5,
        faults,
        seed: 5,
    };
    same_run(&tiny(), 1, 40, line);
    same_run(&threshold(), 10, 40, line);
}
