//! Which runs stand for which method: what charts and table of the tab are made of.

use super::model::{Live, Model, State, View, alike};
use crate::compare::{Cost, Range, Recurrent, front};
use crate::train::config::RunConfig;

/// Whose run a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A stored one of the command line, over so many seeds.
    Stored(usize),
    /// One of this visit.
    Live,
}

/// A run that may stand for its method.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its line.
    pub line: usize,
    /// Its name.
    pub label: String,
    /// Its setting.
    pub setting: f32,
    /// Its configuration.
    pub config: RunConfig,
    /// Whose it is.
    pub origin: Origin,
    /// The stored comparison that it is of; of no meaning for runs of this visit.
    pub series: usize,
    /// Accuracy on the test set over its seeds.
    pub accuracy: Range,
    /// What its network takes.
    pub cost: Cost,
    /// Test accuracy after each epoch, of the first seed.
    pub curve: Vec<f32>,
    /// Whether it is still training.
    pub under_way: bool,
    /// The options of the command line that made it; empty of a run of this visit.
    pub options: String,
}

/// What a row of the table says.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The run that stands for the method, if there is one.
    pub candidate: Option<Candidate>,
    /// What its network takes, also where nothing was trained yet.
    pub cost: Option<Cost>,
}

impl Model {
    /// All runs of a line that may stand for it: those stored on these images, then those of this visit.
    #[must_use]
    pub fn candidates(&self, line: usize) -> Vec<Candidate> {
        self.candidates_of(line, self.cell)
    }

    /// The same with another cell.
    #[must_use]
    pub fn candidates_of(&self, line: usize, cell: Recurrent) -> Vec<Candidate> {
        let contender = &self.lines[line].contender;
        let files = self.stored.iter().enumerate();
        let files = files.filter(|(_, one)| one.data == self.source.name());
        let rows = files.flat_map(|(series, one)| one.rows.iter().map(move |row| (series, row)));
        let own = rows.filter(|(_, row)| contender.claims(&row.config) && cell.is_of(&row.config));
        let stored = own.filter_map(|(series, row)| {
            let first = row.runs.first()?;
            Some(Candidate {
                line,
                label: row.label.clone(),
                setting: contender.setting(&row.config),
                config: row.config.clone(),
                origin: Origin::Stored(row.runs.len()),
                series,
                accuracy: row.accuracy()?,
                cost: row.cost,
                curve: first
                    .epochs
                    .iter()
                    .map(|epoch| epoch.test_accuracy)
                    .collect(),
                under_way: false,
                options: row.options.clone(),
            })
        });
        let here = self.lines[line].live.iter().filter_map(|run| {
            if run.config.data != self.source.name() || !cell.is_of(&run.config) {
                return None;
            }
            let last = f64::from(run.points.last()?.test_accuracy);
            Some(Candidate {
                line,
                label: format!("{} {}", contender.title(), run.setting),
                setting: run.setting,
                config: run.config.clone(),
                origin: Origin::Live,
                series: 0,
                accuracy: Range {
                    mean: last,
                    least: last,
                    greatest: last,
                },
                cost: run.cost?,
                curve: run.points.iter().map(|epoch| epoch.test_accuracy).collect(),
                under_way: run.under_way(),
                options: String::new(),
            })
        });
        stored.chain(here).collect()
    }

    /// The run of this visit at the setting chosen.
    #[must_use]
    pub fn live(&self, line: usize) -> Option<&Live> {
        let config = self.config(line);
        let of = |run: &&Live| alike(&run.config, &config) && run.config.data == config.data;
        self.lines[line].live.iter().rev().find(of)
    }

    /// What the table says of a line.
    #[must_use]
    pub fn shown(&self, line: usize) -> Shown {
        let mut candidates = self.candidates(line);
        let candidate = match self.view {
            View::Chosen => {
                let config = self.config(line);
                candidates.retain(|one| alike(&one.config, &config));
                // What was trained in this visit comes after what is stored.
                candidates.pop()
            }
            View::EqualMemory => {
                candidates.retain(|one| one.cost.parameter_bits as f64 <= self.budget);
                let better =
                    |a: &Candidate, b: &Candidate| a.accuracy.mean.total_cmp(&b.accuracy.mean);
                candidates.into_iter().max_by(better)
            }
            View::EqualAccuracy => {
                candidates.retain(|one| one.accuracy.mean >= self.floor);
                candidates
                    .into_iter()
                    .min_by_key(|one| one.cost.parameter_bits)
            }
        };
        let cost = match (&candidate, self.view) {
            (Some(one), _) => Some(one.cost),
            (None, View::Chosen) => self.deployed(line).map(|(cost, _)| *cost),
            (None, _) => None,
        };
        Shown { candidate, cost }
    }

    /// All candidates of the task with whether no other beats each in accuracy and the chart's measure.
    #[must_use]
    pub fn points(&self) -> Vec<(Candidate, bool)> {
        let all: Vec<Candidate> = self
            .visible()
            .flat_map(|(line, _)| self.candidates(line))
            .collect();
        let places: Vec<_> = all
            .iter()
            .map(|one| (one.accuracy.mean, self.measure.of(&one.cost)))
            .collect();
        all.into_iter().zip(front(&places)).collect()
    }

    /// How weights spread over powers of two in a line's latest run that has any.
    #[must_use]
    pub fn exponents(&self) -> Option<&[(i32, u64)]> {
        let runs = self.visible().flat_map(|(_, line)| &line.live);
        let spreads = runs.map(|run| &run.exponents[..]);
        spreads.filter(|spread| !spread.is_empty()).last()
    }

    /// How far all runs under way are together, 0 to 1; nothing while none is.
    #[must_use]
    pub fn progress(&self) -> Option<f64> {
        let runs = self.lines.iter().flat_map(|line| &line.live);
        let shares: Vec<f64> = runs
            .filter_map(|run| match run.state {
                State::Training(step, steps) => Some(step as f64 / steps.max(1) as f64),
                State::Waiting => Some(0.0),
                _ => None,
            })
            .collect();
        let count = shares.len();
        (count > 0).then(|| shares.iter().sum::<f64>() / count as f64)
    }
}
