//! What of the tab's settings stands in a link: those that differ from the first ones, methods by name, so that a
//! link made before a method was there still opens.

use serde::{Deserialize, Serialize};

use super::model::{Happening, Line, MOST_EPOCHS, Measure, Model, Source, View};
use crate::compare::{HIDDEN, Task};
use crate::methods::CellKind;
use crate::ui::link::{self, LinkError};

/// The settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Setup {
    /// Whether networks read rows.
    rows: bool,
    cell: CellKind,
    hidden: usize,
    /// Whether on all images.
    full: bool,
    epochs: u32,
    seed: u32,
    measure: Measure,
    view: View,
    budget: f64,
    floor: f64,
    /// The line whose hardware is drawn.
    line: String,
    /// Lines whose setting is not their first.
    settings: Vec<(String, f32)>,
}

/// What a line is called in links.
fn name(line: &Line) -> String {
    let rows = match line.contender.task {
        Task::Images => "",
        Task::Rows => " rows",
    };
    let admm = if line.contender.by_admm() {
        " admm"
    } else {
        ""
    };
    [line.contender.method(), rows, admm].concat()
}

impl Setup {
    fn of(model: &Model) -> Self {
        let first = Model::default();
        let moved = model.lines.iter().zip(&first.lines);
        let moved = moved.filter(|(line, first)| line.at != first.at);
        Self {
            rows: model.task == Task::Rows,
            cell: model.cell.kind,
            hidden: model.cell.hidden,
            full: model.source == Source::Full,
            epochs: model.epochs,
            seed: model.seed,
            measure: model.measure,
            view: model.view,
            budget: model.budget,
            floor: model.floor,
            line: model.lines.get(model.chosen).map_or(String::new(), name),
            settings: moved
                .map(|(line, _)| (name(line), line.setting()))
                .collect(),
        }
    }

    /// What has to happen for the tab to stand so; methods and settings that are not there are passed over.
    fn happenings(&self) -> Vec<Happening> {
        let first = Model::default();
        let task = if self.rows { Task::Rows } else { Task::Images };
        let source = if self.full {
            Source::Full
        } else {
            Source::Subset
        };
        let mut all = vec![
            Happening::Images(source),
            Happening::Read(task),
            Happening::Gates(self.cell),
            Happening::Hidden(self.hidden),
            Happening::Epochs(self.epochs),
            Happening::Seed(self.seed),
            Happening::Measure(self.measure),
            Happening::View(self.view),
            Happening::Budget(self.budget),
            Happening::Floor(self.floor),
        ];
        for (at, line) in first.lines.iter().enumerate() {
            let own = name(line);
            let asked = self.settings.iter().find(|(name, _)| *name == own);
            let place = asked.and_then(|(_, setting)| {
                let mut settings = line.settings.iter();
                settings.position(|there| there.to_bits() == setting.to_bits())
            });
            all.push(Happening::Set(at, place.unwrap_or(line.at)));
        }
        let chosen = first.lines.iter().position(|line| name(line) == self.line);
        all.push(Happening::Choose(chosen.unwrap_or(first.chosen)));
        all
    }
}

/// The tab's settings as a part of a link; empty for the first ones.
#[must_use]
pub fn write(model: &Model) -> String {
    link::pack(&Setup::of(model), &Setup::of(&Model::default()))
}

/// What has to happen for the tab to stand as a link's part says.
///
/// # Errors
/// If the part is damaged, too long, or says what cannot be.
pub fn read(part: &str) -> Result<Vec<Happening>, LinkError> {
    let first = Setup::of(&Model::default());
    if part.is_empty() {
        return Ok(first.happenings());
    }
    let setup: Setup = link::unpack(part, &first)?;
    let sound = (1..=MOST_EPOCHS).contains(&setup.epochs)
        && HIDDEN.contains(&setup.hidden)
        && (1.0..=1e9).contains(&setup.budget)
        && (0.0..=1.0).contains(&setup.floor);
    if sound {
        Ok(setup.happenings())
    } else {
        Err(LinkError::of(
            "epochs, cell, memory or accuracy of the comparison are beyond what is accepted",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(part: &str) -> Model {
        let mut model = Model::default();
        for happening in read(part).unwrap() {
            model.update(happening);
        }
        model
    }

    #[test]
    fn the_first_settings_need_no_part() {
        assert_eq!(write(&Model::default()), "");
        assert_eq!(Setup::of(&told("")), Setup::of(&Model::default()));
    }

    #[test]
    fn every_setting_comes_back() {
        let mut model = Model::default();
        let happenings = [
            Happening::Images(Source::Full),
            Happening::Read(Task::Rows),
            Happening::Gates(CellKind::Gru),
            Happening::Hidden(HIDDEN[1]),
            Happening::Epochs(7),
            Happening::Seed(99),
            Happening::Measure(Measure::Energy),
            Happening::View(View::EqualAccuracy),
            Happening::Budget(12_345.0),
            Happening::Floor(0.9),
        ];
        for happening in happenings {
            model.update(happening);
        }
        for line in 0..model.lines.len() {
            let last = model.lines[line].settings.len() - 1;
            model.update(Happening::Set(line, last));
        }
        model.update(Happening::Choose(9));
        let part = write(&model);
        assert!(part.len() < 400, "{part}");
        assert_eq!(Setup::of(&told(&part)), Setup::of(&model));
        let mut names: Vec<String> = model.lines.iter().map(name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), model.lines.len(), "each has a name of its own");
    }

    #[test]
    fn what_cannot_be_is_refused_and_what_is_not_there_passed_over() {
        let mut setup = Setup::of(&Model::default());
        setup.line = "quantum".into();
        setup.settings = vec![("quantum".into(), 3.0), ("circulant".into(), 7.5)];
        let first = Setup::of(&Model::default());
        assert_eq!(Setup::of(&told(&link::pack(&setup, &first))), first);
        setup.epochs = 0;
        assert!(read(&link::pack(&setup, &first)).is_err());
        (setup.epochs, setup.hidden) = (1, 129);
        assert!(read(&link::pack(&setup, &first)).is_err());
        for part in ["?", "AAAA", &"A".repeat(100_000)] {
            assert!(read(part).is_err(), "{part:.10}");
        }
    }
}
