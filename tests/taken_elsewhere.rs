//! Steps taken elsewhere, in any mix with steps of the trainer, give the same run.

use railyard::exec::fixed::{FixedExecutor, StepKey};
use railyard::exec::{Batch, SampleOutcome};
use railyard::numeric::Seed;
use railyard::program::BufferId;
use railyard::train::config::{OptimiserKind, Precision, Preset, PriorKind, RunConfig};
use railyard::train::update::{LayerState, index_dies, take_step};
use railyard::train::{
    Advance, Bond, Moments, Order, Parameter, TakenStep, Trainer, Words, fixed_executor,
};

#[path = "support/bands.rs"]
mod bands;

use bands::bands;

fn tiny() -> RunConfig {
    let mut config = RunConfig::preset(Preset::Tiny, Precision::Fixed);
    config.batch = 8;
    config.epochs = 3;
    config
}

fn target() -> RunConfig {
    let mut config = tiny();
    config.prior.kind = PriorKind::LogUniform;
    (config.prior.warmup_epochs, config.prior.ramp_epochs) = (0.2, 1.8);
    config.prior.target = 400.0;
    config.prior.restart = true;
    config
}

fn threshold() -> RunConfig {
    let mut config = tiny();
    config.prior.kind = PriorKind::HalfCauchy;
    (config.prior.warmup_epochs, config.prior.ramp_epochs) = (0.3, 0.5);
    (config.prior.target, config.prior.threshold) = (0.0, 0.08);
    (config.prior.strength, config.prior.smoothing) = (20.0, 0.2);
    config
}

fn trainer(config: &RunConfig) -> Trainer {
    Trainer::new(config.clone(), bands(250, 1), bands(40, 2)).expect("a run")
}

/// A board made of an executor and the functions of a step.
struct Elsewhere {
    executor: FixedExecutor,
    layers: Vec<(Vec<Parameter>, Vec<Bond>)>,
}

impl Elsewhere {
    /// One with a run's Program and words.
    fn new(trainer: &Trainer, words: &Words) -> Self {
        let settings = trainer.settings();
        let mut executor =
            fixed_executor(settings.formats, trainer.program().clone(), trainer.model());
        executor.adopt_shifts(|name| {
            let known = words.shifts.iter().find(|(other, _)| other == name);
            known.map(|(_, shift)| *shift)
        });
        let mut parameters = words.parameters.iter();
        let mut bonds = words.bonds.iter();
        let layers = trainer.program().layers.iter().map(|layer| {
            let count = layer.cores.len();
            let own = (0..=count).map(|place| {
                let words = parameters.next().expect("a parameter");
                let grid = settings.grid(place == count);
                Parameter {
                    master: words.master.iter().map(|&word| grid.value(word)).collect(),
                    moments: Moments {
                        first: words.first.clone(),
                        second: words.second.clone(),
                    },
                    grid: Some(grid),
                }
            });
            let own = own.collect();
            let between = (1..count).map(|_| {
                let words = bonds.next().expect("a bond");
                Bond {
                    variances: words.variances.clone(),
                    relevance: words.relevance.clone(),
                    ..Bond::new(words.variances.len())
                }
            });
            (own, between.collect())
        });
        let layers = layers.collect();
        Self { executor, layers }
    }

    /// Takes a step; whether it must stop after it.
    fn step(&mut self, trainer: &Trainer, order: &Order, images: &[u32]) -> (TakenStep, bool) {
        let (settings, mut pixels, mut labels) = (trainer.settings(), vec![], vec![]);
        for &index in images {
            let (image, label) = trainer.train_image(index);
            for row in image.chunks_exact(28) {
                pixels.extend([0, 0]);
                pixels.extend(row);
                pixels.extend([0, 0]);
            }
            labels.push(label);
        }
        let key = StepKey {
            seed: Seed(settings.seed),
            step: order.step,
        };
        let batch = Batch {
            pixels: &pixels,
            labels: &labels,
        };
        let outcomes: Vec<SampleOutcome> = self.executor.train(batch, key);
        let layers = self
            .layers
            .iter_mut()
            .map(|(parameters, bonds)| LayerState { parameters, bonds });
        let executor = &self.executor;
        take_step(
            &settings,
            order,
            labels.len(),
            layers,
            |layer, place, out| {
                let buffers = &executor.program().layers[layer];
                let gradient = buffers.core_gradients.get(place);
                executor.gradient(*gradient.unwrap_or(&buffers.bias_gradient), out);
            },
            &mut Vec::new(),
        );
        self.load(settings.formats);
        let mut bonds = self.layers.iter().flat_map(|(_, bonds)| bonds);
        let dies = order.watch && bonds.any(|bond| index_dies(bond, settings.prior.threshold));
        let right = outcomes
            .iter()
            .zip(&labels)
            .filter(|(outcome, label)| outcome.answer == **label);
        let taken = TakenStep {
            loss: outcomes.iter().map(|outcome| outcome.loss).sum(),
            correct: right.count() as u32,
            samples: labels.len() as u32,
        };
        (taken, dies)
    }

    fn load(&mut self, formats: railyard::exec::fixed::FixedFormats) {
        let layers = self.executor.program().layers.clone();
        for (buffers, (parameters, _)) in layers.iter().zip(&self.layers) {
            for (place, parameter) in parameters.iter().enumerate() {
                let core = buffers.cores.get(place);
                let integers = parameter.seen(core.is_none(), formats);
                let id: BufferId = *core.unwrap_or(&buffers.bias);
                self.executor.set_parameter(id, &integers);
            }
        }
    }

    fn words(&self, mut words: Words) -> Words {
        let own = self.layers.iter().flat_map(|(parameters, _)| parameters);
        for (words, parameter) in words.parameters.iter_mut().zip(own) {
            words.master = parameter.integers();
            words.first.clone_from(&parameter.moments.first);
            words.second.clone_from(&parameter.moments.second);
        }
        let own = self.layers.iter().flat_map(|(_, bonds)| bonds);
        for (words, bond) in words.bonds.iter_mut().zip(own) {
            words.variances.clone_from(&bond.variances);
            words.relevance.clone_from(&bond.relevance);
        }
        for ((_, slot), shift) in words.shifts.iter_mut().zip(self.executor.shifts()) {
            *slot = *shift;
        }
        words
    }
}

/// Runs to the end: some steps here, some elsewhere, now and then through a checkpoint. Returns every
/// step's metrics, every epoch's and the last checkpoint.
fn mixed(config: &RunConfig, most: usize) -> (Vec<String>, Vec<u8>) {
    let mut trainer = trainer(config);
    let mut told = vec![];
    let mut turn = 0;
    loop {
        turn += 1;
        if most > 0 && turn % 7 == 0 {
            trainer = Trainer::resume(&trainer.checkpoint(), bands(250, 1), bands(40, 2))
                .expect("a checkpoint");
        }
        let orders = if most > 0 && turn % 3 != 0 {
            trainer.orders(most)
        } else {
            vec![]
        };
        if orders.is_empty() {
            match trainer.advance() {
                Advance::Step(step) => told.push(format!("{step:?}")),
                Advance::Epoch(epoch) => told.push(format!("{epoch:?}")),
                Advance::Evaluating { .. } => {}
                Advance::Finished => return (told, trainer.checkpoint()),
            }
            continue;
        }
        let words = trainer.words();
        let mut board = Elsewhere::new(&trainer, &words);
        let mut taken = vec![];
        for StepAsked { order, images } in orders.iter().map(StepAsked::of) {
            let (step, dies) = board.step(&trainer, order, images);
            taken.push(step);
            if dies {
                break;
            }
        }
        let words = board.words(words);
        assert_eq!(words.digest() != 0, trainer.model().digest() != 0);
        let metrics = trainer.adopt(&taken, words).expect("these steps");
        told.extend(metrics.iter().map(|step| format!("{step:?}")));
    }
}

struct StepAsked<'a> {
    order: &'a Order,
    images: &'a [u32],
}

impl<'a> StepAsked<'a> {
    fn of(asked: &'a railyard::train::StepOrder) -> Self {
        Self {
            order: &asked.order,
            images: &asked.images,
        }
    }
}

fn compare(config: &RunConfig) -> Vec<String> {
    let here = mixed(config, 0);
    for most in [1, 5, 100] {
        let elsewhere = mixed(config, most);
        for (found, wanted) in elsewhere.0.iter().zip(&here.0) {
            assert_eq!(found, wanted);
        }
        assert!(elsewhere.1 == here.1, "checkpoints differ");
    }
    here.0
}

fn deaths(told: &[String]) -> usize {
    let dies = |step: &&String| step.contains("pruned: [Pruned");
    told.iter().filter(dies).count()
}

#[test]
fn a_run_without_a_prior_is_the_same_elsewhere() {
    let mut config = tiny();
    config.prior.kind = PriorKind::None;
    assert_eq!(deaths(&compare(&config)), 0);
    config.optimiser.kind = OptimiserKind::Sgd;
    compare(&config);
}

#[test]
fn a_run_to_a_target_is_the_same_elsewhere() {
    assert!(deaths(&compare(&target())) > 1);
    let mut config = target();
    config.prior.restart = false;
    assert!(deaths(&compare(&config)) > 1);
}

#[test]
fn a_run_with_a_threshold_is_the_same_elsewhere() {
    assert!(deaths(&compare(&threshold())) > 1);
}

#[test]
fn orders_end_where_the_network_changes() {
    let mut trainer = trainer(&target());
    let mut changed = 0;
    loop {
        let due = trainer.evaluation_due();
        let orders = trainer.orders(1000);
        let last = orders.last().map(|asked| asked.order.step);
        match trainer.advance() {
            Advance::Step(step) => {
                assert!(!due && !orders.is_empty());
                if !step.pruned.is_empty() {
                    assert_eq!(last, Some(step.step - 1));
                    changed += 1;
                }
            }
            Advance::Finished => break,
            _ => assert!(due && orders.is_empty()),
        }
    }
    assert!(changed > 1);
}

#[test]
fn what_cannot_be_is_not_taken_over() {
    let mut trainer = trainer(&tiny());
    let (words, before) = (trainer.words(), trainer.checkpoint());
    let fine = TakenStep {
        loss: 1.0,
        correct: 3,
        samples: 8,
    };
    let mut refused = |steps: &[TakenStep], words: Words, says: &str| {
        let error = trainer.adopt(steps, words).expect_err(says).to_string();
        assert!(error.contains(says), "{error}");
        assert!(trainer.checkpoint() == before);
    };
    let other = TakenStep { samples: 7, ..fine };
    refused(&[other], words.clone(), "7 samples");
    refused(&[fine; 33], words.clone(), "32 are left");
    let mut wrong = words.clone();
    wrong.parameters[0].master[5] = 128;
    refused(&[fine], wrong, "128, which does not lie in 8 bits");
    let mut wrong = words.clone();
    wrong.parameters[1].second[2] = f32::NAN;
    refused(&[fine], wrong, "second moment 2 of fc1.G2");
    let mut wrong = words.clone();
    wrong.bonds[0].relevance.pop();
    refused(&[fine], wrong, "5 words of relevance");
    let mut wrong = words.clone();
    wrong.shifts.swap(0, 1);
    refused(&[fine], wrong, "in the Program's order");
    let mut wrong = words;
    wrong.parameters.pop();
    refused(&[fine], wrong, "parameters");
}
