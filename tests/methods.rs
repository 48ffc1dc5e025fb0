//! Runs of every method on small synthetic data: they learn, stop and go on to the bit, and say what is
//! wrong with a configuration.

use railyard::methods::{self, ALL, AdmmConfig, Cell, CellKind, Squash};
use railyard::train::config::{
    LayerConfig, MethodConfig, NetworkConfig, Precision, Preset, RunConfig,
};
use railyard::train::metrics::EpochMetrics;
use railyard::train::{Advance, Learner, Trainer};

#[path = "support/quadrants.rs"]
mod quadrants;

use quadrants::quadrants;

const CELLS: [Option<CellKind>; 3] = [None, Some(CellKind::Lstm), Some(CellKind::Gru)];

fn network(cell: Option<CellKind>) -> NetworkConfig {
    let layer = |in_modes: &[usize], out_modes: &[usize]| LayerConfig {
        in_modes: in_modes.to_vec(),
        out_modes: out_modes.to_vec(),
        ranks: vec![3; in_modes.len() - 1],
    };
    // Rows of 8 and 16 hidden values.
    let layers = match cell {
        None => vec![layer(&[8, 8], &[4, 8]), layer(&[4, 8], &[2, 2])],
        Some(CellKind::Lstm) => vec![layer(&[4, 6], &[8, 8]), layer(&[16], &[4])],
        Some(CellKind::Gru) => vec![
            layer(&[4, 6], &[4, 8]),
            layer(&[4, 6], &[4, 4]),
            layer(&[16], &[4]),
        ],
    };
    NetworkConfig {
        pad_columns: 0,
        layers,
        cell: cell.map(|kind| Cell {
            kind,
            squash: Squash::Smooth,
        }),
    }
}

fn config(method: &str, cell: Option<CellKind>, precision: Precision) -> RunConfig {
    let mut config = RunConfig::preset(Preset::Dense, precision);
    config.network = network(cell);
    let mut form = MethodConfig::plain(method);
    let knobs = methods::method(method).map_or(&[][..], |method| method.knobs());
    // So small a network has no nine tenths to spare.
    for (name, value) in [("sparsity", 0.5), ("rows", 4.0)] {
        if knobs.iter().any(|knob| knob.name == name) {
            form.knobs.push((name.into(), value));
        }
    }
    config.method = Some(form);
    (config.batch, config.epochs, config.rate.peak) = (10, 15, 1e-2);
    config.bits.core = 8;
    config
}

fn learner(config: &RunConfig) -> Learner {
    Learner::new(config.clone(), quadrants(200, 1), quadrants(60, 2)).expect("a run")
}

/// Advances to the end; gives the last epoch.
fn finish(learner: &mut Learner) -> EpochMetrics {
    let mut last = None;
    loop {
        match learner.advance() {
            Advance::Epoch(epoch) => last = Some(epoch),
            Advance::Finished => return last.expect("an epoch"),
            _ => {}
        }
    }
}

#[test]
fn every_method_learns_the_quadrants() {
    for method in ALL {
        for cell in CELLS {
            for precision in [Precision::Float, Precision::Fixed] {
                let epoch = finish(&mut learner(&config(method.name(), cell, precision)));
                assert!(
                    epoch.test_accuracy > 0.9,
                    "{} {cell:?} {precision:?}: {}",
                    method.name(),
                    epoch.test_accuracy
                );
                assert!(
                    epoch.parameter_bits > 0 && epoch.training_bytes > epoch.parameter_bits / 8
                );
            }
        }
    }
}

#[test]
fn every_method_learns_the_quadrants_by_admm() {
    for method in ALL {
        for cell in CELLS {
            let mut config = config(method.name(), cell, Precision::Float);
            config.method.as_mut().expect("one").admm = Some(AdmmConfig::default());
            config.epochs = 25;
            let epoch = finish(&mut learner(&config));
            assert!(
                epoch.test_accuracy > 0.7,
                "{} {cell:?}: {}",
                method.name(),
                epoch.test_accuracy
            );
        }
    }
}

#[test]
fn a_run_that_stops_and_goes_on_ends_where_one_that_never_stopped_does() {
    for method in ALL {
        for cell in CELLS {
            for admm in [None, Some(AdmmConfig::default())] {
                let mut config = config(method.name(), cell, Precision::Fixed);
                config.epochs = 5;
                config.method.as_mut().expect("one").admm = admm;
                let whole = finish(&mut learner(&config));
                // Before, around and after the steps at which a method may change its form.
                for stop in [0, 7, 45, 60, 93] {
                    let mut first = learner(&config);
                    while first.step() < stop {
                        first.advance();
                    }
                    let file = first.checkpoint();
                    let again = Learner::resume(&file, quadrants(200, 1), quadrants(60, 2));
                    let mut again = again.expect("resumes");
                    assert_eq!(again.checksum(), first.checksum());
                    let end = finish(&mut again);
                    let name = method.name();
                    assert_eq!(
                        end.checksum, whole.checksum,
                        "{name} {cell:?} {admm:?} at {stop}"
                    );
                    assert_eq!(end.confusion, whole.confusion);
                }
            }
        }
    }
}

#[test]
fn a_checkpoint_answers_images_without_its_data() {
    for cell in CELLS {
        let mut trained = learner(&config("dense", cell, Precision::Fixed));
        finish(&mut trained);
        let mut answering = Learner::answering(&trained.checkpoint(), 8, 8).expect("answers");
        let images = quadrants(4, 3);
        for sample in 0..4 {
            let image = images.image(sample);
            assert_eq!(answering.predict(image), trained.predict(image));
        }
        assert!(Learner::answering(&trained.checkpoint(), 8, 9).is_err());
        assert!(answering.predict(&[0; 63]).is_empty());
    }
}

#[test]
fn the_dense_method_and_the_dense_program_have_the_same_memory_and_learn_alike() {
    let mut config = RunConfig::preset(Preset::Dense, Precision::Float);
    config.network = network(None);
    for layer in &mut config.network.layers {
        layer.in_modes = vec![layer.in_modes.iter().product()];
        layer.out_modes = vec![layer.out_modes.iter().product()];
        layer.ranks = Vec::new();
    }
    (config.batch, config.epochs, config.rate.peak) = (10, 4, 1e-2);
    let program = finish(&mut learner(&config));
    config.method = Some(MethodConfig::plain("dense"));
    let method = finish(&mut learner(&config));
    assert_eq!(method.parameter_bits, program.parameter_bits);
    assert_eq!(method.dense_bits, program.dense_bits);
    assert_eq!(method.core_entries, program.core_entries);
    assert!((method.test_accuracy - program.test_accuracy).abs() < 0.1);
}

#[test]
fn what_does_not_fit_together_is_refused_in_a_sentence() {
    let refused = |change: &dyn Fn(&mut RunConfig), field: &str, sentence: &str| {
        let mut config = config("dense", Some(CellKind::Lstm), Precision::Float);
        change(&mut config);
        let error = config.validate().expect_err(sentence);
        assert_eq!(error.field, field, "{error}");
        assert!(error.message.contains(sentence), "{error}");
    };
    refused(&|c| c.method = None, "network.cell", "needs a method");
    refused(
        &|c| c.method = Some(MethodConfig::plain("butterfly")),
        "method.name",
        "`butterfly` is none; there are dense, tensor-train",
    );
    refused(
        &|c| {
            let knobs = &mut c.method.as_mut().expect("one").knobs;
            knobs.push(("block".into(), 8.0));
        },
        "method.knobs.block",
        "nothing to choose",
    );
    refused(
        &|c| {
            c.method.as_mut().expect("one").admm = Some(AdmmConfig {
                rho: 0.0,
                ..AdmmConfig::default()
            });
        },
        "method.admm.rho",
        "0 is not accepted",
    );
    refused(
        &|c| c.precision = Precision::Bf16,
        "precision",
        "`float` or in `fixed`",
    );
    refused(
        &|c| c.network.layers[0].out_modes = vec![8, 4],
        "network.layers.0.out_modes",
        "32 outputs; with 16 hidden values (the last layer's inputs) 64 are needed",
    );
    refused(
        &|c| c.network.layers[0].in_modes = vec![4, 4],
        "network.layers.0.in_modes",
        "take a row of the image",
    );
    refused(
        &|c| c.network.layers.push(c.network.layers[1].clone()),
        "network.layers",
        "this cell has 1, and one more gives the logits",
    );
}

#[test]
fn what_needs_a_program_says_so_of_a_methods_checkpoint() {
    let file = learner(&config("dense", None, Precision::Float)).checkpoint();
    let error = Trainer::peek_model(&file)
        .expect_err("no Program")
        .to_string();
    assert!(error.contains("held by the method `dense`"), "{error}");
    assert!(
        Trainer::new(
            config("dense", None, Precision::Float),
            quadrants(20, 1),
            quadrants(8, 2)
        )
        .is_err()
    );
    assert!(Trainer::resume(&file, quadrants(200, 1), quadrants(60, 2)).is_err());
}
