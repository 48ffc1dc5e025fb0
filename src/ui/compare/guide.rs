//! Phase I of E-RNN's exploration (HPCA 2019): the smallest cell and block that are accurate enough, by the
//! runs that are stored and those of this visit. Phase II is [`crate::compare::hardware`].

use super::model::{Model, alike};
use super::standing::Candidate;
use crate::compare::Recurrent;
use crate::methods::CellKind;
use crate::train::config::RunConfig;

/// Kinds of cells of phase I, which are all of the size chosen.
pub const CELLS: [CellKind; 2] = [CellKind::Lstm, CellKind::Gru];
/// A design of phase I.
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    /// The cell.
    pub cell: Recurrent,
    /// Side of the circulant blocks.
    pub block: f32,
    /// Its configuration.
    pub config: RunConfig,
    /// The best of its runs on the images at hand, if there is one.
    pub run: Option<Candidate>,
}

/// The line of a model that is trained toward circulant gates.
#[must_use]
pub fn line(model: &Model) -> Option<usize> {
    let mut lines = model.lines.iter();
    lines.position(|line| line.contender.by_admm())
}

/// The designs of phase I.
#[must_use]
pub fn designs(model: &Model) -> Vec<Design> {
    let Some(at) = line(model) else {
        return Vec::new();
    };
    let line = &model.lines[at];
    let mut designs = Vec::new();
    for kind in CELLS {
        let cell = Recurrent { kind, ..model.cell };
        let candidates = model.candidates_of(at, cell);
        for &block in line.settings.iter().filter(|block| **block <= 32.0) {
            let config = line.contender.config(block, cell);
            let runs = candidates
                .iter()
                .filter(|one| alike(&one.config, &config) && !one.under_way);
            let best = runs.max_by(|a, b| a.accuracy.mean.total_cmp(&b.accuracy.mean));
            designs.push(Design {
                cell,
                block,
                config,
                run: best.cloned(),
            });
        }
    }
    designs
}

/// What phase I picks: the smallest network as accurate as the floor.
#[must_use]
pub fn picked(designs: &[Design], floor: f64) -> Option<usize> {
    let sound = designs.iter().enumerate().filter_map(|(at, design)| {
        let run = design.run.as_ref()?;
        (run.accuracy.mean >= floor).then_some((run.cost.parameter_bits, at))
    });
    sound.min().map(|(_, at)| at)
}
