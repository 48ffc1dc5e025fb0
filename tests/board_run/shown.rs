//! What a run shows: where the time goes, which words differ, and why it cannot be.

use railyard::link::line::LineSettings;
use railyard::link::run::{Comparison, Happened, RunFault};
use railyard::train::config::Precision;

use crate::bench::{Bench, alone, tiny};

/// Compares every word.
fn compare(bench: &mut Bench) -> Comparison {
    bench.run.compare();
    bench.until(|bench| bench.run.standing()).unwrap();
    let compared = bench.told.iter().rev().find_map(|happened| match happened {
        Happened::Compared(found) => Some((**found).clone()),
        _ => None,
    });
    compared.expect("a comparison")
}

#[test]
fn a_comparison_takes_one_step_on_both() {
    let mut bench = Bench::new(&tiny(), 10, LineSettings::default());
    for step in 1..3 {
        let found = compare(&mut bench);
        assert_eq!((found.step, found.differences), (step, 0));
        assert_eq!(bench.trainer.step(), step);
        let checksum = alone(&tiny(), step).0.checksum();
        assert_eq!((&found.board, &found.simulator), (&checksum, &checksum));
        let counted: u64 = found.tensors.iter().map(|(_, words, _)| words).sum();
        assert_eq!(found.words, counted);
        let names: Vec<&str> = found.tensors.iter().map(|(name, ..)| &**name).collect();
        assert_eq!(names[..3], ["fc1.G1", "fc1.G1.first", "fc1.G1.second"]);
        assert!(names.contains(&"fc2.bond1.relevance") && names.contains(&"shifts"));
    }
}

#[test]
fn a_flipped_bit_is_found_at_the_next_step() {
    let mut bench = Bench::new(&tiny(), 1, LineSettings::default());
    bench.train(5).unwrap();
    assert!(bench.wired.device().inner.upset());
    let kept = bench.trainer.step();
    bench.run.go();
    let fault = bench.until(|_| false).unwrap_err();
    let RunFault::Mismatch { step, .. } = fault else {
        panic!("{fault}")
    };
    assert_eq!(step, kept + 1);
    assert_eq!(bench.trainer.step(), kept);
    assert_eq!(bench.trainer.checksum(), alone(&tiny(), kept).0.checksum());

    // The words after the step that went wrong.
    let found = compare(&mut bench);
    assert_eq!(found.step, kept + 1);
    assert!(found.differences > 0 && found.shown[0].tensor == "fc1.G1");
    assert_eq!(bench.trainer.step(), kept);

    // The board is written anew, and all is well.
    bench.train(20).unwrap();
    let steps = bench.trainer.step();
    assert_eq!(bench.trainer.checksum(), alone(&tiny(), steps).0.checksum());
}

#[test]
fn a_flipped_bit_is_located_before_it_spreads() {
    let mut bench = Bench::new(&tiny(), 10, LineSettings::default());
    bench.train(5).unwrap();
    assert!(bench.wired.device().inner.upset());
    let kept = bench.trainer.step();
    let found = compare(&mut bench);
    assert_eq!((found.step, found.differences), (kept, 1));
    let shown = &found.shown[0];
    assert_eq!(shown.tensor, "fc1.G1");
    // The seventh word of a core of shape (1, 28, 8, 6).
    assert_eq!(shown.index, [0, 0, 1, 1]);
    assert!((shown.board - shown.simulator).abs() >= 1.0);
    assert_ne!(found.board, found.simulator);
    assert_eq!(bench.trainer.step(), kept);
    // Comparing mends nothing; training on does.
    let again = compare(&mut bench);
    assert_eq!((again.step, again.differences), (kept, 1));
    bench.run.step_once();
    bench.until(|bench| bench.run.standing()).unwrap();
    let mended = compare(&mut bench);
    assert_eq!((mended.step, mended.differences), (kept + 2, 0));
}

#[test]
fn the_modelled_time_is_the_measured_one_where_the_line_is_the_limit() {
    let mut bench = Bench::new(&tiny(), 1, LineSettings::default());
    bench.train(14).unwrap();
    let times: Vec<_> = bench.run.times().copied().collect();
    assert_eq!(times.len() as u64, bench.trainer.step());
    for time in &times[2..12] {
        assert!(time.link > 2.0 * time.computed, "{time:?}");
        let off = (time.link / time.measured - 1.0).abs();
        assert!(off < 0.05, "{time:?}");
    }
}

#[test]
fn a_run_that_cannot_be_on_the_board_is_refused_in_a_sentence() {
    let refused = |change: &dyn Fn(&mut railyard::train::config::RunConfig)| {
        let mut config = tiny();
        change(&mut config);
        let mut bench = Bench::new(&config, 1, LineSettings::default());
        bench.train(1).unwrap_err().to_string()
    };
    let float = refused(&|config| config.precision = Precision::Float);
    assert!(float.contains("choose fixed-point precision"), "{float}");
    let wide = refused(&|config| config.bits.core = 12);
    assert!(
        wide.contains("cores of 12 bits, the board takes 2 to 8"),
        "{wide}"
    );
    let batch = {
        let mut bench = Bench::new(&tiny(), 1, LineSettings::default());
        bench.wired.device().images = Some(15 * 785);
        bench.train(1).unwrap_err().to_string()
    };
    assert!(
        batch.contains("a batch of 16 images takes 12560 bytes"),
        "{batch}"
    );
    let large = refused(&|config| {
        config.network.layers[0].ranks = vec![400];
    });
    assert!(large.contains("bytes"), "{large}");
}

#[test]
fn a_flipped_bit_is_located_after_the_cable_was_out() {
    let mut bench = Bench::new(&tiny(), 1, LineSettings::default());
    bench.train(5).unwrap();
    // Orders for later steps wait at the board.
    let state = bench.session.state();
    assert!(state.ordered > state.step, "{state:?}");
    bench.run.disconnected();
    bench.reconnect();
    let kept = bench.trainer.step();
    let found = compare(&mut bench);
    assert_eq!((found.step, found.differences), (kept + 1, 0));
    assert!(bench.wired.device().inner.upset());
    bench.run.disconnected();
    bench.reconnect();
    let found = compare(&mut bench);
    assert_eq!((found.step, found.differences), (kept + 1, 1));
    bench.train(20).unwrap();
    let steps = bench.trainer.step();
    assert_eq!(bench.trainer.checksum(), alone(&tiny(), steps).0.checksum());
}
