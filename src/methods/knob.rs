//! The numbers of a method that a person chooses.

use std::fmt;

/// A number to choose, such as a block's side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Knob {
    /// Its name in configurations, such as `block`.
    pub name: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// Its value where none is given.
    pub default: f32,
    /// The values that are accepted.
    pub accepted: Accepted,
}

/// Values that a knob accepts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Accepted {
    /// Any number from one to another.
    Between(f32, f32),
    /// A whole number from one to another.
    Whole(u32, u32),
    /// A power of two from one to another.
    PowerOfTwo(u32, u32),
}

impl Accepted {
    /// Whether a value is among them.
    #[must_use]
    pub fn holds(self, value: f32) -> bool {
        let whole = value.fract() == 0.0;
        let (least, most) = self.ends();
        let right = match self {
            Self::Between(..) => true,
            Self::Whole(..) => whole,
            Self::PowerOfTwo(..) => whole && (value as u32).is_power_of_two(),
        };
        right && (least..=most).contains(&value)
    }

    /// The least and the greatest.
    #[must_use]
    pub fn ends(self) -> (f32, f32) {
        match self {
            Self::Between(least, most) => (least, most),
            Self::Whole(least, most) | Self::PowerOfTwo(least, most) => (least as f32, most as f32),
        }
    }
}

impl fmt::Display for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, most) = self.ends();
        match self {
            Self::Between(..) => write!(f, "a number from {least} to {most}"),
            Self::Whole(..) => write!(f, "a whole number from {least} to {most}"),
            Self::PowerOfTwo(..) => write!(f, "a power of two from {least} to {most}"),
        }
    }
}

/// Chosen values, by knob.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Knobs {
    values: Vec<(&'static Knob, f32)>,
}

/// A knob or a value that a method does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnobError {
    /// The knob's name as given.
    pub knob: String,
    /// What is wrong and what is accepted.
    pub message: String,
}

impl fmt::Display for KnobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.knob, self.message)
    }
}

impl std::error::Error for KnobError {}

impl Knobs {
    /// The values of `knobs`: those given by name, the defaults for the others.
    ///
    /// # Errors
    /// If a name is none of theirs, or a value is not accepted.
    pub fn new<'a>(
        knobs: &'static [Knob],
        given: impl IntoIterator<Item = (&'a str, f32)>,
    ) -> Result<Self, KnobError> {
        let mut values: Vec<_> = knobs.iter().map(|knob| (knob, knob.default)).collect();
        for (name, value) in given {
            let Some((knob, slot)) = values.iter_mut().find(|(knob, _)| knob.name == name) else {
                let names: Vec<_> = knobs.iter().map(|knob| knob.name).collect();
                let message = if names.is_empty() {
                    "this method has nothing to choose".into()
                } else {
                    format!("this method has only {}", names.join(", "))
                };
                let knob = name.into();
                return Err(KnobError { knob, message });
            };
            if !knob.accepted.holds(value) {
                let message = format!("{value} is not accepted; choose {}", knob.accepted);
                let knob = name.into();
                return Err(KnobError { knob, message });
            }
            *slot = value;
        }
        Ok(Self { values })
    }

    /// A knob's value.
    ///
    /// # Panics
    /// If the method that reads it has no such knob.
    #[must_use]
    pub fn get(&self, name: &str) -> f32 {
        let found = self.values.iter().find(|(knob, _)| knob.name == name);
        found.expect("a knob of the method").1
    }

    /// A whole knob's value.
    ///
    /// # Panics
    /// As [`Self::get`].
    #[must_use]
    pub fn whole(&self, name: &str) -> usize {
        self.get(name) as usize
    }

    /// The knobs with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Knob, f32)> + '_ {
        self.values.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static KNOBS: [Knob; 2] = [
        Knob {
            name: "block",
            title: "side of a block",
            default: 8.0,
            accepted: Accepted::PowerOfTwo(2, 64),
        },
        Knob {
            name: "sparsity",
            title: "share that is zero",
            default: 0.5,
            accepted: Accepted::Between(0.0, 0.99),
        },
    ];

    #[test]
    fn values_are_those_given_and_defaults() {
        let knobs = Knobs::new(&KNOBS, [("sparsity", 0.9)]).expect("accepted");
        assert_eq!(knobs.whole("block"), 8);
        assert!((knobs.get("sparsity") - 0.9).abs() < f32::EPSILON);
    }

    #[test]
    fn what_is_not_accepted_is_refused_with_what_is() {
        for (given, wanted) in [
            (
                ("block", 12.0),
                "12 is not accepted; choose a power of two from 2 to 64",
            ),
            (
                ("block", 128.0),
                "128 is not accepted; choose a power of two from 2 to 64",
            ),
            (("sparsity", f32::NAN), "choose a number from 0 to 0.99"),
            (("rank", 4.0), "rank: this method has only block, sparsity"),
        ] {
            let error = Knobs::new(&KNOBS, [given])
                .expect_err("refused")
                .to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
