//! What stands in the comparison: every method in a network that reads images whole and in one that reads
//! them row by row, each with the one number that is varied.
//!
//! Methods come from [`methods::ALL`](crate::methods::ALL) with their settings, their rates and what is
//! published of them, so that one more of them is a contender without a line here.

use crate::methods::{ALL, AdmmConfig, CellKind, Method, Published};
use crate::train::config::{Cell, MethodConfig, Precision, Preset, RateSchedule, RunConfig};
use crate::tt::TtShape;

/// What a network reads, which is what decides whose accuracies may be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// An image at once: 784-512-10, or 896-512-16 for tensor trains.
    Images,
    /// An image row by row: a recurrent cell.
    Rows,
}

/// The recurrent cell of networks that read rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recurrent {
    /// Its kind.
    pub kind: CellKind,
    /// Its hidden values: one of [`HIDDEN`].
    pub hidden: usize,
}

/// Sizes of cells.
pub const HIDDEN: [usize; 2] = [128, 256];

impl Recurrent {
    /// Whether a network has this cell, or none.
    #[must_use]
    pub fn is_of(self, config: &RunConfig) -> bool {
        let last = config.network.layers.last();
        let hidden = last.map_or(0, |layer| layer.in_modes.iter().product());
        let own = |cell: &Cell| cell.kind == self.kind && hidden == self.hidden;
        config.network.cell.as_ref().is_none_or(own)
    }

    fn preset(self) -> Preset {
        match (self.kind, self.hidden > HIDDEN[0]) {
            (CellKind::Lstm, false) => Preset::Lstm,
            (CellKind::Lstm, true) => Preset::Lstm256,
            (CellKind::Gru, false) => Preset::Gru,
            (CellKind::Gru, true) => Preset::Gru256,
        }
    }
}

/// How a contender comes to its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// A Program of tensor trains.
    Program,
    /// Trained in the method's form.
    Direct,
    /// Trained toward the method's form first.
    Admm,
    /// Pruned by magnitude, weight by weight.
    ByMagnitude,
}

/// One of those that are compared.
#[derive(Clone, Copy, Debug)]
pub struct Contender {
    /// What its network reads.
    pub task: Task,
    method: &'static dyn Method,
    way: Way,
}

/// Widths of weights, where those are what is varied; 32 stands for `f32`.
const WIDTHS: [f32; 3] = [32.0, 8.0, 4.0];
/// Recipe of training toward circulant gates.
const ADMM: AdmmConfig = AdmmConfig {
    share: 0.1,
    rho: 1e-3,
    growth: 1.5,
    rate: 0.6,
};

const ERNN: [Published; 1] = [Published {
    claim: "energy efficiency up to 37.4x that of ESE, and more than 2x that of C-LSTM",
    holds_for: "LSTM and GRU for speech recognition at equal accuracy, on FPGAs",
    source: "Li et al., E-RNN, HPCA 2019",
}];

/// All contenders: those that read images, then those that read rows.
#[must_use]
pub fn contenders() -> Vec<Contender> {
    let of = |task, way: fn(&dyn Method) -> Way| {
        ALL.into_iter().map(move |method| Contender {
            task,
            method,
            way: way(method),
        })
    };
    let images = of(Task::Images, |method| match method.name() {
        "tensor-train" => Way::Program,
        _ => Way::Direct,
    });
    let rows = of(Task::Rows, |method| match method.name() {
        "pruned" => Way::ByMagnitude,
        _ => Way::Direct,
    });
    let toward = rows.clone().filter(|one| one.method.name() == "circulant");
    let toward = toward.map(|one| Contender {
        way: Way::Admm,
        ..one
    });
    images.chain(rows).chain(toward).collect()
}

impl Contender {
    /// The name of its method.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.method.name()
    }

    /// Whether it is trained toward its form first.
    #[must_use]
    pub fn by_admm(&self) -> bool {
        self.way == Way::Admm
    }

    /// The number of its method, and one more for training toward it: what its mark is chosen by.
    #[must_use]
    pub fn number(&self) -> usize {
        let own = ALL.iter().position(|one| one.name() == self.method.name());
        match self.way {
            Way::Admm => ALL.len(),
            _ => own.unwrap_or(0),
        }
    }

    /// Its name in tables.
    #[must_use]
    pub fn title(&self) -> &'static str {
        match (self.way, self.task, self.method.name()) {
            (Way::Admm, ..) => "Circulant, ADMM",
            (Way::ByMagnitude, ..) => "Magnitude-pruned",
            (Way::Direct, Task::Rows, "circulant") => "Circulant, direct",
            _ => self.method.title(),
        }
    }

    /// Whose way of doing it this is, if it has a name.
    #[must_use]
    pub fn after(&self) -> &'static str {
        match (self.way, self.task, self.method.name()) {
            (Way::Admm, ..) => "E-RNN",
            (Way::ByMagnitude, ..) => "ESE",
            (Way::Program, ..) => "4/8/16 bits",
            (Way::Direct, Task::Rows, "circulant") => "C-LSTM",
            (Way::Direct, Task::Images, "circulant") => "CirCNN",
            (Way::Direct, Task::Images, "pruned") => "4-row blocks",
            (Way::Direct, _, "tensor-train") => "32-bit",
            _ => "",
        }
    }

    /// What is varied.
    #[must_use]
    pub fn varied(&self) -> &'static str {
        match self.method.knobs().first() {
            Some(knob) => knob.name,
            None => "bits",
        }
    }

    /// Its values, the first being the one to begin with.
    #[must_use]
    pub fn settings(&self) -> &'static [f32] {
        match self.method.settings() {
            [] => &WIDTHS,
            settings => settings,
        }
    }

    /// What is published of it.
    #[must_use]
    pub fn published(&self) -> &'static [Published] {
        match (self.way, self.task) {
            (Way::Admm, _) => &ERNN,
            (_, Task::Images) => self.method.published(),
            (_, Task::Rows) => &[],
        }
    }

    /// The run at a setting; `cell` is that of those that read rows.
    #[must_use]
    pub fn config(&self, setting: f32, cell: Recurrent) -> RunConfig {
        if self.way == Way::Program {
            let mut config = RunConfig::preset(Preset::Paper, Precision::Fixed);
            for layer in &mut config.network.layers {
                layer.ranks.fill(setting as usize);
            }
            return config;
        }
        let preset = match self.task {
            Task::Images => Preset::Dense,
            Task::Rows => cell.preset(),
        };
        let knob = self.method.knobs().first();
        let narrow = knob.is_none() && setting < 32.0;
        let precision = if narrow {
            Precision::Fixed
        } else {
            Precision::Float
        };
        let mut config = RunConfig::preset(preset, precision);
        let recipe = self.method.recipe(self.task == Task::Rows);
        // Recipes are of the smaller cell: where the larger one's batches are smaller, its own rate stands.
        if recipe.batch <= config.batch {
            (config.rate.peak, config.batch) = (recipe.rate, recipe.batch);
        }
        if recipe.cosine {
            config.rate.schedule = RateSchedule::Cosine;
        }
        let mut method = MethodConfig::plain(self.method.name());
        match knob {
            Some(knob) => method.knobs.push((knob.name.into(), setting)),
            None if narrow => config.bits.core = setting as u8,
            None => {}
        }
        match self.way {
            Way::Admm => method.admm = Some(ADMM),
            Way::ByMagnitude => {
                method.knobs.push(("rows".into(), 1.0));
                method.knobs.push(("strength".into(), 0.0));
            }
            Way::Program | Way::Direct => {}
        }
        config.method = Some(method);
        config
    }

    /// Whether a run is one of this contender's, at whatever setting and with whatever cell.
    #[must_use]
    pub fn claims(&self, config: &RunConfig) -> bool {
        let task = match config.network.cell {
            None => Task::Images,
            Some(_) => Task::Rows,
        };
        let Some(method) = &config.method else {
            return self.way == Way::Program;
        };
        self.way != Way::Program
            && task == self.task
            && method.name == self.method.name()
            && method.admm.is_some() == self.by_admm()
    }

    /// The setting of one of its runs.
    #[must_use]
    pub fn setting(&self, config: &RunConfig) -> f32 {
        let method = config.method.as_ref();
        match (method, self.method.knobs().first()) {
            (None, _) => {
                let shapes = config.shapes().unwrap_or_default();
                let ranks = shapes.iter().flat_map(TtShape::ranks);
                ranks.copied().max().unwrap_or_default() as f32
            }
            (Some(method), Some(knob)) => {
                let given = method.knobs.iter().find(|(name, _)| name == knob.name);
                given.map_or(knob.default, |(_, value)| *value)
            }
            (Some(_), None) if config.precision == Precision::Fixed => config.bits.core.into(),
            (Some(_), None) => 32.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All cells.
    fn cells() -> impl Iterator<Item = Recurrent> {
        let kinds = [CellKind::Lstm, CellKind::Gru].into_iter();
        kinds.flat_map(|kind| HIDDEN.map(|hidden| Recurrent { kind, hidden }))
    }

    #[test]
    fn a_network_has_one_cell() {
        let dense = contenders().into_iter().find(|one| one.task == Task::Rows);
        let dense = dense.expect("a network that reads rows");
        for cell in cells() {
            let config = dense.config(dense.settings()[0], cell);
            assert_eq!(cells().filter(|other| other.is_of(&config)).count(), 1);
        }
    }

    #[test]
    fn every_contender_claims_its_own_runs_and_no_others() {
        let all = contenders();
        for (index, one) in all.iter().enumerate() {
            for &setting in one.settings() {
                for cell in cells() {
                    let config = one.config(setting, cell);
                    assert!(one.task == Task::Images || cell.is_of(&config));
                    config.validate().expect("a run that can be trained");
                    let claimed: Vec<_> = (0..all.len())
                        .filter(|&at| all[at].claims(&config))
                        .collect();
                    assert_eq!(claimed, [index], "{} at {setting}", one.title());
                    assert!((one.setting(&config) - setting).abs() < 1e-6);
                }
            }
        }
    }

    #[test]
    fn every_method_stands_for_both_tasks() {
        let all = contenders();
        for method in ALL {
            for task in [Task::Images, Task::Rows] {
                let named = |one: &&Contender| one.method.name() == method.name();
                let count = all.iter().filter(|one| one.task == task).filter(named);
                assert!(count.count() > 0, "{}", method.name());
            }
        }
    }
}
