//! Runs of the trainer on small synthetic data: reproducible to the bit, resumable, shrinking.

use proptest::prelude::*;
use railyard::numeric::{Rounding, Seed, Stream};
use railyard::program::Schedule;
use railyard::train::config::{
    LayerConfig, MomentStorage, NetworkConfig, OptimiserKind, Precision, Preset, PriorKind,
    RunConfig,
};
use railyard::train::metrics::EpochMetrics;
use railyard::train::{Advance, Trainer};

#[path = "support/quadrants.rs"]
mod quadrants;

use quadrants::quadrants;

fn small(precision: Precision) -> RunConfig {
    let layer = |in_modes: &[usize], out_modes: &[usize], ranks: &[usize]| LayerConfig {
        in_modes: in_modes.to_vec(),
        out_modes: out_modes.to_vec(),
        ranks: ranks.to_vec(),
    };
    let mut config = RunConfig::preset(Preset::Tiny, precision);
    config.network = NetworkConfig {
        pad_columns: 0,
        layers: vec![
            layer(&[4, 4, 4], &[2, 4, 2], &[5, 4]),
            layer(&[4, 4], &[2, 2], &[3]),
        ],
        cell: None,
    };
    config.batch = 16;
    config.epochs = 3;
    config
}

fn trainer(config: &RunConfig) -> Trainer {
    Trainer::new(config.clone(), quadrants(200, 1), quadrants(60, 2)).unwrap()
}

/// Advances to the end; returns every epoch.
fn finish(trainer: &mut Trainer) -> Vec<EpochMetrics> {
    let mut epochs = Vec::new();
    loop {
        match trainer.advance() {
            Advance::Epoch(epoch) => epochs.push(epoch),
            Advance::Finished => return epochs,
            _ => {}
        }
    }
}

fn shrinking(precision: Precision) -> RunConfig {
    let mut config = small(precision);
    config.prior.kind = PriorKind::LogUniform;
    config.prior.warmup_epochs = 0.5;
    config.prior.ramp_epochs = 1.0;
    config.prior.target = 60.0;
    config
}

#[test]
fn every_precision_learns_the_quadrants() {
    for precision in [
        Precision::Float,
        Precision::Bf16,
        Precision::F16,
        Precision::Fixed,
    ] {
        let epochs = finish(&mut trainer(&small(precision)));
        let last = epochs.last().unwrap();
        assert!(
            last.test_accuracy > 0.95,
            "{precision:?}: {}",
            last.test_accuracy
        );
        assert!(last.train_loss < epochs[0].train_loss, "{precision:?}");
    }
}

#[test]
fn every_schedule_and_optimiser_learns() {
    for schedule in [Schedule::Paper, Schedule::Chain, Schedule::Planned] {
        for kind in [OptimiserKind::Adam, OptimiserKind::Sgd] {
            let mut config = small(Precision::Fixed);
            (config.schedule, config.optimiser.kind) = (schedule, kind);
            config.rate.peak = if kind == OptimiserKind::Sgd {
                0.1
            } else {
                0.02
            };
            let last = finish(&mut trainer(&config)).pop().unwrap();
            assert!(
                last.test_accuracy > 0.9,
                "{schedule:?} {kind:?}: {}",
                last.test_accuracy
            );
        }
    }
}

#[test]
fn threads_change_no_bit_in_fixed_point() {
    for rounding in [Rounding::Nearest, Rounding::Stochastic] {
        let mut config = shrinking(Precision::Fixed);
        config.rounding = rounding;
        let one = finish(&mut trainer(&config));
        for threads in [2, 3] {
            let mut other = trainer(&config);
            other.set_threads(threads);
            assert_eq!(finish(&mut other), one, "{threads} threads");
        }
    }
}

#[test]
fn a_resumed_run_equals_one_never_stopped() {
    for precision in [Precision::Fixed, Precision::Float] {
        let mut config = shrinking(precision);
        config.optimiser.moments = MomentStorage::Bf16;
        let mut whole = trainer(&config);
        let epochs = finish(&mut whole);
        // Stop within an epoch, at its end before the evaluation, and within the evaluation.
        for stop in [1, 9, 13, 14, 21, 30] {
            let mut first = trainer(&config);
            for _ in 0..stop {
                first.advance();
            }
            let bytes = first.checkpoint();
            let mut second = Trainer::resume(&bytes, quadrants(200, 1), quadrants(60, 2)).unwrap();
            assert_eq!(
                second.checkpoint(),
                bytes,
                "stopped after {stop}: the checkpoint survives a round trip"
            );
            let rest = finish(&mut second);
            assert_eq!(
                rest[..],
                epochs[epochs.len() - rest.len()..],
                "stopped after {stop}"
            );
            assert_eq!(second.checksum(), whole.checksum());
        }
    }
}

#[test]
fn a_checkpoint_answers_without_its_data() {
    for precision in [Precision::Float, Precision::Fixed] {
        let mut whole = trainer(&shrinking(precision));
        finish(&mut whole);
        let bytes = whole.checkpoint();
        let mut answering = Trainer::answering(&bytes, 8, 8).unwrap();
        let images = quadrants(20, 7);
        for index in 0..images.len() {
            let image = images.image(index);
            assert_eq!(answering.predict(image), whole.predict(image));
        }
        assert_eq!(answering.checksum(), whole.checksum());
        assert_eq!(answering.advance(), Advance::Finished);
        let error = Trainer::answering(&bytes, 9, 8).unwrap_err().to_string();
        assert!(error.contains("make 72 inputs"), "{error}");
    }
}

#[test]
fn an_image_of_another_size_has_no_answer() {
    let mut trainer = trainer(&small(Precision::Fixed));
    assert!(trainer.predict(&[0; 63]).is_empty());
    assert!(trainer.predict(&[]).is_empty());
    assert_eq!(trainer.predict(&[0; 64]).len(), 4);
}

#[test]
fn pruning_shrinks_cores_moments_buffers_and_program() {
    let config = shrinking(Precision::Fixed);
    let mut trainer = trainer(&config);
    let before = (
        trainer.model().core_entries(),
        trainer.program().training_macs(),
    );
    let memory = |trainer: &Trainer| trainer.snapshot().memory.training;
    let at_first = memory(&trainer);
    let epochs = finish(&mut trainer);
    let after = (
        trainer.model().core_entries(),
        trainer.program().training_macs(),
    );
    assert!(
        after.0 < before.0 && after.1 < before.1,
        "{before:?} {after:?}"
    );
    assert!(epochs.last().unwrap().memory_reduction >= 60.0);
    for (category, was) in memory(&trainer).iter().zip(&at_first) {
        let shrinks = ["parameters", "master copy", "gradients", "moments", "prior"]
            .contains(&category.name.as_str());
        assert!(
            category.bytes < was.bytes || !shrinks,
            "{}: {} of {}",
            category.name,
            category.bytes,
            was.bytes
        );
    }
    for layer in &trainer.model().layers {
        for (shape, parameter) in layer.shape.core_shapes().zip(&layer.parameters) {
            let len = shape.iter().product::<usize>();
            assert_eq!(parameter.master.len(), len);
            assert_eq!(
                (
                    parameter.moments.first.len(),
                    parameter.moments.second.len()
                ),
                (len, len)
            );
        }
        for (bond, &rank) in layer.bonds.iter().zip(layer.shape.ranks()) {
            assert_eq!((bond.alive.len(), bond.variances.len()), (rank, rank));
        }
    }
}

#[test]
fn an_absurd_strength_leaves_one_index_in_every_bond() {
    for kind in [
        PriorKind::LogUniform,
        PriorKind::HalfCauchy,
        PriorKind::InverseGamma,
    ] {
        let mut config = small(Precision::Float);
        config.prior.kind = kind;
        (config.prior.strength, config.prior.threshold) = (1e5, 0.5);
        (config.prior.warmup_epochs, config.prior.ramp_epochs) = (0.0, 0.0);
        let last = finish(&mut trainer(&config)).pop().unwrap();
        assert!(
            last.ranks.iter().flatten().all(|&rank| rank >= 1),
            "{kind:?}: {:?}",
            last.ranks
        );
        assert!(
            last.ranks.iter().flatten().any(|&rank| rank == 1),
            "{kind:?}: {:?}",
            last.ranks
        );
        assert!(last.train_loss.is_finite());
    }
}

#[test]
fn a_checkpoint_that_is_damaged_is_refused_with_a_sentence() {
    let mut trainer = trainer(&shrinking(Precision::Fixed));
    for _ in 0..20 {
        trainer.advance();
    }
    let good = trainer.checkpoint();
    let resume = |bytes: &[u8]| Trainer::resume(bytes, quadrants(200, 1), quadrants(60, 2));
    let stream = Stream::new(Seed(12), 0, 0, 0);
    let mut refused = 0;
    for case in 0..400_u32 {
        let mut bytes = good.clone();
        match case % 4 {
            0 => bytes.truncate(stream.below(case, good.len() as u32) as usize),
            1 => {
                let header = 8 + stream.below(case, 3000.min(good.len() as u32 - 8)) as usize;
                bytes[header] = stream.bits(case + 10_000) as u8;
            }
            2 => {
                for flip in 0..5 {
                    let at = stream.below(case * 7 + flip, good.len() as u32) as usize;
                    bytes[at] ^= 1 << (flip % 8);
                }
            }
            _ => bytes.extend((0..stream.below(case, 50)).map(|i| i as u8)),
        }
        match resume(&bytes) {
            Ok(mut trainer) => drop(trainer.advance()),
            Err(error) => {
                refused += 1;
                assert!(error.to_string().len() > 10);
            }
        }
    }
    assert!(refused > 150, "{refused}");
    let error = Trainer::resume(&good, quadrants(100, 1), quadrants(60, 2))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("200 training") && error.contains("100"),
        "{error}"
    );
}

#[test]
fn a_network_too_large_for_a_tab_is_refused_with_its_size() {
    let mut config = small(Precision::Fixed);
    (config.batch, config.schedule) = (1024, Schedule::Chain);
    config.network.layers[0] = LayerConfig {
        in_modes: vec![64, 64],
        out_modes: vec![64, 64],
        ranks: vec![64],
    };
    config.network.layers[1] = LayerConfig {
        in_modes: vec![64, 64],
        out_modes: vec![2, 2],
        ranks: vec![64],
    };
    let error = config.validate().unwrap_err();
    assert_eq!(error.field, "network");
    assert!(error.message.contains("1024 samples"), "{error}");
}

/// Any JSON, biased toward what a configuration holds.
fn some_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        (0_u32..40).prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        Just(serde_json::json!("fixed")),
        Just(serde_json::json!("planned")),
        ".{0,12}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(2, 12, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
            prop::collection::hash_map("[a-z_]{1,8}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

/// All paths to values within a JSON value.
fn paths(value: &serde_json::Value, at: &str, out: &mut Vec<String>) {
    out.push(at.to_owned());
    match value {
        serde_json::Value::Object(map) => map
            .iter()
            .for_each(|(key, v)| paths(v, &format!("{at}/{key}"), out)),
        serde_json::Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(i, v)| paths(v, &format!("{at}/{i}"), out)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, rng_seed: proptest::test_runner::RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_configuration_of_any_json_is_refused_or_runs(changes in prop::collection::vec((any::<prop::sample::Index>(), some_json()), 1..3)) {
        let mut json = serde_json::to_value(small(Precision::Fixed)).unwrap();
        for (index, value) in changes {
            let mut all = Vec::new();
            paths(&json, "", &mut all);
            let path = index.get(&all).clone();
            *json.pointer_mut(&path).unwrap() = value;
        }
        if let Ok(config) = serde_json::from_value::<RunConfig>(json) {
            match Trainer::new(config, quadrants(40, 1), quadrants(12, 2)) {
                Ok(mut trainer) => {
                    trainer.advance();
                    trainer.advance();
                    prop_assert!(!trainer.snapshot().layers.is_empty());
                }
                Err(error) => prop_assert!(error.to_string().len() > 10),
            }
        }
    }
}
