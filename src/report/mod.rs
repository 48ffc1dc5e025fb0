//! A training step as objects for other programs: its plan, and its simulation on an accelerator. The
//! command line prints them with `--json`, the package hands them to scripts.
//!
//! Every number stands under the heading it belongs to: `basis` says what is counted, modelled,
//! measured, published or assumed.

pub mod machine;
pub mod plan;
pub mod simulation;
pub mod tick;

use crate::accel::timing::Stage;
use crate::program::{Part, Pass};

/// The name of a part of a step.
#[must_use]
pub fn part(part: Part) -> &'static str {
    match part {
        Part::Before => "before",
        Part::Sample => "sample",
        Part::After => "after",
    }
}

/// The name of what an operation is for.
#[must_use]
pub fn pass(pass: Pass) -> &'static str {
    match pass {
        Pass::Forward => "forward",
        Pass::Backward => "backward",
        Pass::Update => "update",
    }
}

/// The name of a stage.
#[must_use]
pub fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Load => "load",
        Stage::Compute => "compute",
        Stage::Store => "store",
    }
}
