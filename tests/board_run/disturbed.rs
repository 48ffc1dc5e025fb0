//! What is lost on the way costs no step.

use railyard::link::line::LineSettings;
use railyard::link::run::{Happened, RunFault};
use railyard::link::session::LinkError;
use railyard::train::Trainer;

use crate::bands::bands;
use crate::bench::{Bench, alone, threshold, tiny};

fn checksum(steps: u64) -> String {
    alone(&tiny(), steps).0.checksum()
}

#[test]
fn a_cable_that_is_pulled_is_noticed_within_a_second_and_the_run_goes_on() {
    for check in [1, 10] {
        let mut bench = Bench::new(&tiny(), check, LineSettings::default());
        bench.run.go();
        bench.until(|bench| bench.trainer.step() >= 20).unwrap();
        // In the middle of what follows.
        let later = bench.now + 30.0;
        bench.until(|bench| bench.now >= later).unwrap();
        bench.wired.plug(false);
        let pulled = bench.now;
        let fault = bench.until(|_| false).unwrap_err();
        assert!(
            matches!(fault, RunFault::Link(LinkError::Silent { .. })),
            "{fault}"
        );
        assert!(bench.now - pulled < 1000.0, "{} ms", bench.now - pulled);
        assert!(bench.run.standing() && bench.trainer.step() >= 20);
        let kept = bench.trainer.step();
        assert_eq!(bench.trainer.checksum(), checksum(kept));

        bench.wired.plug(true);
        bench.reconnect();
        bench.train(50).unwrap();
        let steps = bench.trainer.step();
        assert_eq!(bench.trainer.checksum(), checksum(steps), "{check}");
    }
}

#[test]
fn a_busy_host_trains_too_and_notices_as_soon() {
    for check in [1, 10] {
        let mut bench = Bench::new(&tiny(), check, LineSettings::default());
        bench.slice = 60.0;
        bench.train(20).unwrap();
        let steps = bench.trainer.step();
        assert_eq!(bench.trainer.checksum(), checksum(steps));
        assert_eq!(bench.session.statistics().repeated, 0);
        bench.wired.plug(false);
        let pulled = bench.now;
        bench.run.go();
        let fault = bench.until(|_| false).unwrap_err();
        assert!(
            matches!(fault, RunFault::Link(LinkError::Silent { .. })),
            "{fault}"
        );
        assert!(bench.now - pulled < 1000.0, "{} ms", bench.now - pulled);
    }
}

#[test]
fn a_power_failure_loses_no_verified_step() {
    for check in [1, 10] {
        let mut bench = Bench::new(&tiny(), check, LineSettings::default());
        bench.run.go();
        bench.until(|bench| bench.trainer.step() >= 20).unwrap();
        let later = bench.now + 30.0;
        bench.until(|bench| bench.now >= later).unwrap();
        bench.wired.restart();
        let failed = bench.now;
        let fault = bench.until(|_| false).unwrap_err();
        assert!(bench.now - failed < 1000.0, "{} ms", bench.now - failed);
        assert_eq!(fault, RunFault::Link(LinkError::Reset));
        bench.reconnect();
        bench.train(50).unwrap();
        let steps = bench.trainer.step();
        assert_eq!(bench.trainer.checksum(), checksum(steps), "{check}");
    }
}

#[test]
fn training_goes_on_in_the_simulator_and_back_on_the_board() {
    let config = threshold();
    let mut bench = Bench::new(&config, 10, LineSettings::default());
    bench.train(15).unwrap();
    while bench.trainer.step() < 37 {
        bench.trainer.advance();
    }
    bench.train(50).unwrap();
    let steps = bench.trainer.step();
    assert_eq!(bench.trainer.checksum(), alone(&config, steps).0.checksum());
}

#[test]
fn images_are_sent_once_even_to_a_board_that_was_lost_in_between() {
    let mut bench = Bench::new(&tiny(), 1, LineSettings::default());
    bench.train(16).unwrap();
    let sent = bench.session.statistics().sent;
    bench.wired.plug(false);
    bench.run.go();
    bench.until(|_| false).unwrap_err();
    bench.wired.plug(true);
    bench.reconnect();
    // All 256 images are there after an epoch: a second one sends the run and its orders.
    bench.train(32).unwrap();
    let again = bench.session.statistics().sent;
    assert!(again * 2 < sent, "{again} of {sent}");
    assert_eq!(bench.trainer.checksum(), checksum(bench.trainer.step()));
}

#[test]
fn a_pause_stops_soon_and_training_goes_on_from_there() {
    for check in [1, 1000] {
        let mut bench = Bench::new(&tiny(), check, LineSettings::default());
        bench.run.go();
        bench
            .until(|bench| bench.session.state().step >= 3)
            .unwrap();
        bench.run.pause();
        let at = bench.now;
        bench.until(|bench| bench.run.standing()).unwrap();
        assert!(bench.now - at < 1000.0, "{} ms", bench.now - at);
        assert_eq!(bench.told.last(), Some(&Happened::Stands));
        let steps = bench.trainer.step();
        assert!((3..8).contains(&steps), "{steps}");
        assert_eq!(bench.trainer.checksum(), checksum(steps));
        bench.run.step_once();
        bench.until(|bench| bench.run.standing()).unwrap();
        assert_eq!(bench.trainer.step(), steps + 1);
        bench.train(20).unwrap();
        let steps = bench.trainer.step();
        assert_eq!(bench.trainer.checksum(), checksum(steps));
    }
}

#[test]
fn another_run_on_the_same_board_gets_its_own_images() {
    let mut bench = Bench::new(&tiny(), 1, LineSettings::default());
    bench.train(4).unwrap();
    let other = || Trainer::new(tiny(), bands(256, 9), bands(40, 2)).expect("a run");
    bench.trainer = other();
    bench.train(8).unwrap();
    let mut alone = other();
    while alone.step() < bench.trainer.step() {
        alone.advance();
    }
    assert_eq!(bench.trainer.checksum(), alone.checksum());
}
