//! What stands in the place of methods and cells in a program built without them: nothing of the kind can
//! be, and a configuration that has one is refused in a sentence.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::config::RunConfig;
use super::error::ConfigError;
use crate::tt::TtShape;

/// A value that there is none of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {}

/// How layers' matrices are held.
pub type MethodConfig = Absent;
/// A recurrent cell.
pub type Cell = Absent;

impl Absent {
    /// The method's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match *self {}
    }
}

impl Serialize for Absent {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        match *self {}
    }
}

impl<'de> Deserialize<'de> for Absent {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom(
            "networks of other methods are trained by `railyard train --method`, not here",
        ))
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as where there are methods")]
pub(super) fn check_method(_: &RunConfig) -> Result<(), ConfigError> {
    Ok(())
}

pub(super) fn check_cell(cell: Cell, _: &[TtShape]) -> Result<(), ConfigError> {
    match cell {}
}
