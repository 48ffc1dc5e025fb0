//! The steps of the Learn tab.

/// A step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Step {
    /// A weight matrix has too many numbers.
    #[default]
    Numbers,
    /// Rows and columns become several small indices.
    Modes,
    /// A core is a stack of small matrices.
    Core,
    /// A weight is a product along the train.
    Weight,
    /// A bond's rank is the width of the coupling.
    Rank,
    /// The order of contractions decides the arithmetic.
    Order,
    /// A prior lets ranks die.
    Prior,
    /// Numbers on a grid of 16 points.
    Grid,
    /// Shifts keep sums on the grid.
    Shift,
    /// How a result is rounded.
    Rounding,
    /// The dense gradient undoes the saving.
    Gradient,
    /// Load, compute and store at once.
    PingPong,
    /// What a product and a bit cost.
    Energy,
    /// What is claimed, what is measured, and a board that does it.
    Board,
}

impl Step {
    /// All steps, in their order.
    pub const ALL: [Self; 14] = [
        Self::Numbers,
        Self::Modes,
        Self::Core,
        Self::Weight,
        Self::Rank,
        Self::Order,
        Self::Prior,
        Self::Grid,
        Self::Shift,
        Self::Rounding,
        Self::Gradient,
        Self::PingPong,
        Self::Energy,
        Self::Board,
    ];

    /// Its name in links.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Numbers => "numbers",
            Self::Modes => "modes",
            Self::Core => "core",
            Self::Weight => "weight",
            Self::Rank => "rank",
            Self::Order => "order",
            Self::Prior => "prior",
            Self::Grid => "grid",
            Self::Shift => "shift",
            Self::Rounding => "rounding",
            Self::Gradient => "gradient",
            Self::PingPong => "ping-pong",
            Self::Energy => "energy",
            Self::Board => "board",
        }
    }

    /// The step of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }

    /// Its place, from 0.
    #[must_use]
    pub fn place(self) -> usize {
        self as usize
    }

    /// The step before; none before the first.
    #[must_use]
    pub fn before(self) -> Option<Self> {
        self.place().checked_sub(1).map(|k| Self::ALL[k])
    }

    /// The step after; none after the last.
    #[must_use]
    pub fn after(self) -> Option<Self> {
        Self::ALL.get(self.place() + 1).copied()
    }

    /// Its words.
    #[must_use]
    pub fn words(self) -> Words {
        super::words::of(self)
    }
}

/// What a step says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// Its title.
    pub title: &'static str,
    /// Three sentences.
    pub text: [&'static str; 3],
    /// A formula as `MathML`, what it says in words, and nothing where none is needed.
    pub formula: Option<(&'static str, &'static str)>,
    /// One thing to do with the figure.
    pub action: &'static str,
    /// One question.
    pub question: &'static str,
    /// Its answer.
    pub answer: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_stand_in_their_order_and_are_found_by_name() {
        for (k, step) in Step::ALL.into_iter().enumerate() {
            assert_eq!(step.place(), k);
            assert_eq!(Step::named(step.name()), Some(step));
            assert_eq!(step.after().and_then(Step::before).unwrap_or(step), step);
        }
        assert_eq!(Step::Numbers.before(), None);
        assert_eq!(Step::Board.after(), None);
        assert_eq!(Step::named("kitchen"), None);
    }

    #[test]
    fn every_step_has_three_sentences_an_action_a_question_and_an_answer() {
        for step in Step::ALL {
            let words = step.words();
            for sentence in words.text {
                assert!(sentence.ends_with('.'), "{}: {sentence}", step.name());
                assert_eq!(
                    sentence.matches(". ").count(),
                    0,
                    "one sentence: {sentence}"
                );
            }
            assert!(words.action.ends_with('.'), "{}", words.action);
            assert!(words.question.ends_with('?'), "{}", words.question);
            assert!(words.answer.ends_with('.'), "{}", words.answer);
            if let Some((mathml, spoken)) = words.formula {
                // As many elements are closed as opened.
                let opened = mathml.matches('<').count() - mathml.matches("</").count();
                assert_eq!(opened, mathml.matches("</").count(), "{mathml}");
                assert!(!spoken.is_empty());
            }
        }
    }
}
