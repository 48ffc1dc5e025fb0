//! Lessons that a teacher can hand out: each is a link to a state of the page.

use super::step::Step;
use crate::numeric::Rounding;
use crate::program::Schedule;
use crate::train::config::{Precision, Preset, PriorKind, RunConfig};
use crate::ui::hide::Hidden;
use crate::ui::link::{self, Parts, Tab};

/// A lesson.
#[derive(Clone, Debug, PartialEq)]
pub struct Lesson {
    /// Its title.
    pub title: &'static str,
    /// Whom it is for, and how long it takes.
    pub time: &'static str,
    /// What the class does.
    pub does: &'static str,
    /// What to ask.
    pub ask: &'static str,
    /// The configuration it begins with.
    pub config: RunConfig,
    /// The tab.
    pub tab: Tab,
    /// The step, on the Learn tab.
    pub step: Option<Step>,
    /// What is hidden.
    pub hidden: Hidden,
}

impl Lesson {
    /// Its link's hash, with `#`.
    #[must_use]
    pub fn hash(&self) -> String {
        let hash = link::join(Parts {
            settings: &link::write(&self.config),
            tab: self.tab,
            step: self.step.map_or("", Step::name),
            hidden: self.hidden,
            ..Parts::default()
        });
        ["#", &hash].concat()
    }
}

/// The five lessons.
#[must_use]
pub fn all() -> [Lesson; 5] {
    let tiny = |precision| {
        let mut config = RunConfig::preset(Preset::Tiny, precision);
        (config.epochs, config.seed) = (4, 7);
        config
    };
    let plain = |mut config: RunConfig| {
        config.prior.kind = PriorKind::None;
        config.prior.target = 0.0;
        config
    };
    let settings = "network,precision,ranks,training,more,files,accelerator";
    [
        Lesson {
            title: "What a tensor train is",
            time: "25 minutes, first lesson",
            does: "Walk through the first five steps; at each, do what “Try it” says and answer the question.",
            ask: "Why does a train of rank 1 have so few numbers, and what can it not express?",
            config: RunConfig::default(),
            tab: Tab::Learn,
            step: Some(Step::Numbers),
            hidden: Hidden::read("tabs,files"),
        },
        Lesson {
            title: "Train, and let ranks die",
            time: "20 minutes, after the first lesson",
            does: "Press Train and watch couplings narrow while the accuracy stays; note memory and accuracy after each epoch.",
            ask: "Which bond lost most ranks, and what happened to the memory when it did?",
            config: RunConfig {
                seed: 7,
                ..RunConfig::default()
            },
            tab: Tab::Train,
            step: None,
            hidden: Hidden::read("data,network,precision,training,more,files"),
        },
        Lesson {
            title: "Four bits, and how they are rounded",
            time: "30 minutes, in pairs",
            does: "Train as it stands; then set the rounding of the master copy to nearest under “More settings”, train again with the same seed, and compare.",
            ask: "Why does rounding to the nearest hold the training back, and stochastic rounding not?",
            config: {
                let mut config = plain(tiny(Precision::Fixed));
                config.master_rounding = Rounding::Stochastic;
                config
            },
            tab: Tab::Train,
            step: None,
            hidden: Hidden::read("data,network,ranks,files,accelerator"),
        },
        Lesson {
            title: "Where the cycles go",
            time: "30 minutes, for hardware courses",
            does: "On the Accelerator tab compare the presets published and streamlined as A and B, and find the longest stall in the timeline.",
            ask: "What does the array wait for on the published machine, and which change removes it?",
            config: RunConfig {
                schedule: Schedule::Paper,
                ..RunConfig::default()
            },
            tab: Tab::Accelerator,
            step: None,
            hidden: Hidden::default(),
        },
        Lesson {
            title: "A board that computes the same bits",
            time: "20 minutes, with or without a board",
            does: "Connect the virtual board (or a real one), train on it, press Verify, then flip a bit and verify again.",
            ask: "How many bytes cross the line for one step, and why must both sides use the same random numbers?",
            config: plain(tiny(Precision::Fixed)),
            tab: Tab::Board,
            step: None,
            hidden: Hidden::read(settings),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lesson_opens_as_it_was_made() {
        for lesson in all() {
            let hash = lesson.hash();
            assert!(hash.len() < 700, "{}: {hash}", lesson.title);
            let parts = link::part(&hash);
            assert_eq!(link::read(parts.settings), Ok(lesson.config.clone()));
            assert_eq!((parts.tab, parts.hidden), (lesson.tab, lesson.hidden));
            assert_eq!(Step::named(parts.step), lesson.step);
            assert!(lesson.config.validate().is_ok());
        }
    }
}
