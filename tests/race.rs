//! Runs side by side in slices: each is the run that it would be alone, they go together, and what is wrong is
//! said of the one that is wrong.

use std::cell::Cell;

use railyard::accel::Machine;
use railyard::accel::energy::TABLES;
use railyard::compare::hardware::{ARRAYS, WIDTHS, fastest, hardware, in_hardware};
use railyard::compare::message::{Event, Request, Ticket};
use railyard::compare::race::Race;
use railyard::compare::{Cost, Images, Recurrent, contenders};
use railyard::data::{TrainTest, pack};
use railyard::methods::CellKind;
use railyard::train::config::{MethodConfig, Precision, Preset, RunConfig};
use railyard::train::{Advance, Learner};

#[path = "support/bands.rs"]
mod bands;

const GRU: Recurrent = Recurrent {
    kind: CellKind::Gru,
    hidden: 128,
};

thread_local! {
    static CLOCK: Cell<f64> = const { Cell::new(0.0) };
}

/// A clock that moves on by a millisecond whenever it is read, so that slices are of so many steps.
fn ticking() -> f64 {
    CLOCK.set(CLOCK.get() + 1.0);
    CLOCK.get()
}

fn sets() -> TrainTest {
    TrainTest {
        train: bands::bands(200, 1),
        test: bands::bands(50, 2),
        class_names: (0..10).map(|class| class.to_string()).collect(),
    }
}

fn tiny(method: Option<&str>) -> RunConfig {
    let mut config = RunConfig::preset(Preset::Tiny, Precision::Float);
    config.data = "bands".into();
    (config.epochs, config.batch) = (2, 10);
    config.method = method.map(MethodConfig::plain);
    config
}

fn loaded() -> Race {
    let mut race = Race::new(ticking);
    assert!(matches!(race.take()[..], [Event::Ready { .. }]));
    let file = pack::write(&sets()).expect("packed");
    race.handle(
        Request::Load {
            name: "bands".into(),
        },
        &[file],
    );
    let said = race.take();
    assert!(
        matches!(
            said[..],
            [Event::Loaded {
                train: 200,
                test: 50,
                ..
            }]
        ),
        "{said:?}"
    );
    race
}

fn train(race: &mut Race, ticket: u32, config: RunConfig) {
    let ticket = Ticket(ticket);
    race.handle(Request::Train { ticket, config }, &[]);
}

/// Runs to the end; everything that was said.
fn finish(race: &mut Race) -> Vec<Event> {
    let mut said = race.take();
    while race.slice() {
        said.extend(race.take());
    }
    said.extend(race.take());
    said
}

#[test]
fn each_run_is_the_one_it_would_be_alone() {
    let methods = [None, Some("dense"), Some("circulant"), Some("smart-deal")];
    let mut race = loaded();
    for (number, method) in (0..).zip(methods) {
        train(&mut race, number, tiny(method));
    }
    let said = finish(&mut race);
    assert!(!race.busy());
    for (number, method) in (0..).zip(methods) {
        let sets = sets();
        let mut alone = Learner::new(tiny(method), sets.train, sets.test).expect("a run");
        while alone.advance() != Advance::Finished {}
        let checksum = said.iter().find_map(|event| match event {
            Event::Ended {
                ticket: Ticket(ended),
                whole: true,
                checksum,
                exponents,
            } if *ended == number => {
                assert_eq!(!exponents.is_empty(), method == Some("smart-deal"));
                Some(checksum.clone())
            }
            _ => None,
        });
        assert_eq!(checksum, Some(alone.checksum()), "{method:?}");
        let of_it =
            |event: &&Event| matches!(event, Event::Epoch { ticket, .. } if ticket.0 == number);
        assert_eq!(said.iter().filter(of_it).count(), 2);
    }
}

#[test]
fn runs_go_together_and_one_can_be_stopped() {
    let mut race = loaded();
    train(&mut race, 0, tiny(Some("dense")));
    train(&mut race, 1, tiny(None));
    // The first epoch of either is over before the second of any.
    let mut epochs = Vec::new();
    while epochs.len() < 2 && race.slice() {
        epochs.extend(race.take().into_iter().filter_map(|event| match event {
            Event::Epoch { ticket, .. } => Some(ticket.0),
            _ => None,
        }));
    }
    epochs.sort_unstable();
    assert_eq!(epochs, [0, 1]);
    race.handle(Request::Stop { ticket: Ticket(0) }, &[]);
    let stopped = race.take();
    assert!(
        matches!(
            &stopped[..],
            [Event::Ended {
                ticket: Ticket(0),
                whole: false,
                ..
            }]
        ),
        "{stopped:?}"
    );
    let said = finish(&mut race);
    assert!(said.iter().any(|event| matches!(
        event,
        Event::Ended {
            ticket: Ticket(1),
            whole: true,
            ..
        }
    )));
    let of_first = |event: &Event| {
        matches!(
            event,
            Event::Epoch {
                ticket: Ticket(0),
                ..
            } | Event::Progress {
                ticket: Ticket(0),
                ..
            }
        )
    };
    assert!(!said.iter().any(of_first), "what is stopped says no more");
}

#[test]
fn what_is_wrong_is_said_of_what_is_wrong() {
    let mut race = Race::new(ticking);
    race.take();
    train(&mut race, 4, tiny(None));
    let said = race.take();
    assert!(
        matches!(&said[..], [Event::Failed { ticket: Ticket(4), message }] if message.contains("no data set"))
    );
    race.handle(
        Request::Load {
            name: "bands".into(),
        },
        &[b"no data".to_vec()],
    );
    assert!(matches!(race.take()[..], [Event::Refused { .. }]));
    race.handle(
        Request::Load {
            name: "bands".into(),
        },
        &[],
    );
    assert!(matches!(race.take()[..], [Event::Refused { .. }]));

    let mut race = loaded();
    let other = RunConfig {
        data: "mnist".into(),
        ..tiny(None)
    };
    train(&mut race, 5, other);
    let said = race.take();
    assert!(
        matches!(&said[..], [Event::Failed { ticket: Ticket(5), message }] if message.contains("mnist"))
    );
    let mut wrong = tiny(Some("circulant"));
    if let Some(method) = &mut wrong.method {
        method.knobs.push(("block".into(), 3.0));
    }
    let config = wrong.clone();
    race.handle(
        Request::Cost {
            ticket: Ticket(6),
            config,
        },
        &[],
    );
    train(&mut race, 7, wrong);
    let said = race.take();
    assert!(
        matches!(&said[..], [Event::Failed { ticket: Ticket(6), message }, Event::Failed { ticket: Ticket(7), .. }] if message.contains("power of two")),
        "{said:?}"
    );
    assert!(!race.busy());
}

#[test]
fn other_data_end_the_runs_on_what_was_before() {
    let mut race = loaded();
    train(&mut race, 0, tiny(None));
    race.slice();
    race.take();
    let file = pack::write(&sets()).expect("packed");
    race.handle(
        Request::Load {
            name: "more".into(),
        },
        &[file],
    );
    let said = race.take();
    assert!(matches!(
        said[..],
        [Event::Ended { whole: false, .. }, Event::Loaded { .. }]
    ));
    assert!(!race.busy());
}

/// What is told of a network before it is trained is what is counted of it afterwards.
#[test]
fn deployed_costs_are_those_at_the_end_of_a_run() {
    let machine = Machine::streamlined();
    for method in ["dense", "tensor-train", "circulant", "pruned", "smart-deal"] {
        let config = tiny(Some(method));
        let (before, pipeline) =
            Cost::deployed(&config, Images::MNIST, &machine, TABLES[0]).expect("a network");
        let sets = sets();
        let mut run = Learner::new(config, sets.train, sets.test).expect("a run");
        while run.advance() != Advance::Finished {}
        let (after, _) = Cost::of(&run, &machine, TABLES[0]).expect("costed");
        // SmartDeal's coefficients move through zero; what is stored of them stays.
        assert_eq!(before, after, "{method}");
        assert_eq!(pipeline.cycles(), after.inference.cycles, "{method}");
        assert!(pipeline.interval() <= pipeline.cycles());
    }
}

#[test]
fn every_contender_can_be_costed() {
    let machine = Machine::streamlined();
    for one in contenders() {
        // The default setting of each: SmartDeal's decompositions take their time.
        let config = one.config(one.settings()[0], GRU);
        let (cost, pipeline) =
            Cost::deployed(&config, Images::MNIST, &machine, TABLES[0]).expect("a network");
        assert!(cost.parameter_bits > 0 && cost.inference.cycles == pipeline.cycles());
    }
}

#[test]
fn hardware_is_the_fastest_that_fits_and_its_run_can_be_trained() {
    let machine = Machine::streamlined();
    let all = contenders();
    let toward = all.iter().find(|one| one.by_admm()).expect("E-RNN");
    let config = toward.config(8.0, GRU);
    let found = hardware(&config, Images::MNIST, &machine, TABLES[0]).expect("a network");
    assert_eq!(found.len(), ARRAYS.len() * WIDTHS.len());
    assert!(
        found.iter().any(|one| !one.fits()),
        "some array is too large for the device"
    );
    for bits in WIDTHS {
        let best = &found[fastest(&found, bits).expect("one fits")];
        let fitting = found.iter().filter(|one| one.bits == bits && one.fits());
        assert_eq!(fitting.map(|one| one.cycles).min(), Some(best.cycles));
        let run = in_hardware(&config, bits);
        run.validate().expect("can be trained");
        // Each is the cost of that very run on that very array.
        let machine = machine.clone().with_array(best.array.0, best.array.1);
        let (cost, _) = Cost::deployed(&run, Images::MNIST, &machine, TABLES[0]).expect("costed");
        assert_eq!(cost.inference.cycles, best.cycles);
    }
}
