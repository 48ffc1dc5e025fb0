//! Everything the Compare tab shows, as one value; [`Model::update`] takes in what a visitor does and what the
//! worker says, and gives what is to be asked of the worker.

use serde::{Deserialize, Serialize};

use super::guide;
use crate::compare::hardware::Hardware;
use crate::compare::message::{Event, Request, Ticket};
use crate::compare::{
    Comparison, Contender, Cost, HIDDEN, Pipeline, Point, Recurrent, Task, contenders,
};
use crate::methods::CellKind;
use crate::train::config::RunConfig;

/// Where images come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// The subset that comes with the page.
    #[default]
    Subset,
    /// All of Fashion-MNIST.
    Full,
}

impl Source {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Subset, Self::Full];

    /// Its name in configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Subset => "fashion-mnist-subset",
            Self::Full => "fashion-mnist",
        }
    }
}

/// What a row of the table costs, one way to look at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Bits of all parameters. Counted.
    #[default]
    Memory,
    /// Real multiplications of a forward pass. Counted.
    Multiplies,
    /// Cycles of a forward pass. Modelled.
    Cycles,
    /// Energy of a forward pass in microjoules. Modelled.
    Energy,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Memory, Self::Multiplies, Self::Cycles, Self::Energy];

    /// It, of a cost.
    #[must_use]
    pub fn of(self, cost: &Cost) -> f64 {
        match self {
            Self::Memory => cost.parameter_bits as f64,
            Self::Multiplies => cost.work.multiplies as f64,
            Self::Cycles => cost.inference.cycles as f64,
            Self::Energy => cost.inference.microjoules,
        }
    }
}

/// Which run stands for each method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum View {
    /// That of the setting chosen.
    #[default]
    Chosen,
    /// The most accurate of those within the budget.
    EqualMemory,
    /// The smallest of those as accurate as the floor.
    EqualAccuracy,
}

/// How a live run stands.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Waiting for the data.
    Waiting,
    /// Under way: steps taken, and in all.
    Training(u64, u64),
    /// Over: whether all epochs were trained, and the checksum of its parameters.
    Ended(bool, String),
    /// Refused, or lost with its worker.
    Failed(String),
}

/// A run trained here.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// Its number.
    pub ticket: Ticket,
    /// The line's setting.
    pub setting: f32,
    /// Its configuration.
    pub config: RunConfig,
    /// Its epochs so far.
    pub points: Vec<Point>,
    /// What its network takes as it stands.
    pub cost: Option<Cost>,
    /// How it stands.
    pub state: State,
    /// How many weights are which power of two.
    pub exponents: Vec<(i32, u64)>,
}

impl Live {
    /// Whether it waits or trains.
    #[must_use]
    pub fn under_way(&self) -> bool {
        matches!(self.state, State::Waiting | State::Training(..))
    }
}

/// A question about a configuration's network, and what the worker answered.
#[derive(Clone, Debug, PartialEq)]
struct Asked<T> {
    config: RunConfig,
    ticket: Ticket,
    answer: Option<T>,
}

/// The answer to a question about this configuration, if it is there.
fn answer<'a, T>(asked: &'a [Asked<T>], config: &RunConfig) -> Option<&'a T> {
    let found = asked.iter().find(|one| alike(&one.config, config));
    found?.answer.as_ref()
}

/// Notes a question, if it is a new one: its ticket.
fn note<T>(asked: &mut Vec<Asked<T>>, config: &RunConfig, next: &mut u32) -> Option<Ticket> {
    if asked.iter().any(|one| alike(&one.config, config)) {
        return None;
    }
    let ticket = Ticket(*next);
    *next += 1;
    asked.push(Asked {
        config: config.clone(),
        ticket,
        answer: None,
    });
    Some(ticket)
}

/// Takes in an answer.
fn take<T>(asked: &mut [Asked<T>], ticket: Ticket, told: T) {
    if let Some(one) = asked.iter_mut().find(|one| one.ticket == ticket) {
        one.answer = Some(told);
    }
}

/// A method with its setting and its runs.
#[derive(Clone, Debug)]
pub struct Line {
    /// Which.
    pub contender: Contender,
    /// Its settings, from the least.
    pub settings: Vec<f32>,
    /// The one chosen.
    pub at: usize,
    /// Runs of this visit, the latest last.
    pub live: Vec<Live>,
}

impl Line {
    fn new(contender: Contender) -> Self {
        let mut settings = contender.settings().to_vec();
        let first = settings[0];
        settings.sort_by(f32::total_cmp);
        let at = settings.iter().position(|s| s.to_bits() == first.to_bits());
        Self {
            contender,
            at: at.unwrap_or(0),
            settings,
            live: Vec::new(),
        }
    }

    /// The setting chosen.
    #[must_use]
    pub fn setting(&self) -> f32 {
        self.settings[self.at]
    }
}

/// Where the data set is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Data {
    /// Not asked for.
    #[default]
    Absent,
    /// On its way: bytes received, and in all where that is known.
    Fetching(u64, Option<u64>),
    /// In the worker: images to train and to test on.
    Loaded(u32, u32),
    /// Not to be had.
    Failed,
}

/// The tab.
#[derive(Clone, Debug)]
pub struct Model {
    /// Methods, images first.
    pub lines: Vec<Line>,
    /// What their networks read.
    pub task: Task,
    /// The cell of those that read rows.
    pub cell: Recurrent,
    /// The images.
    pub source: Source,
    /// Where they are.
    pub data: Data,
    /// Passes over the training set.
    pub epochs: u32,
    /// Seed of the runs.
    pub seed: u32,
    /// What the chart has to the right.
    pub measure: Measure,
    /// Which run stands for each method.
    pub view: View,
    /// Bits that parameters may take.
    pub budget: f64,
    /// Accuracy that must be reached.
    pub floor: f64,
    /// The line whose hardware is drawn.
    pub chosen: usize,
    /// Stored runs.
    pub stored: Vec<Comparison>,
    /// A sentence for the visitor, and whether something went wrong.
    pub notice: Option<(bool, String)>,
    /// What the exploration asks for.
    pub floor_of_gates: f64,
    costed: Vec<Asked<(Cost, Pipeline)>>,
    explored: Vec<Asked<Vec<Hardware>>>,
    next: u32,
    deaths: u32,
}

/// What happens.
#[derive(Clone, Debug)]
pub enum Happening {
    /// A line is looked at.
    Choose(usize),
    /// A line's slider is moved.
    Set(usize, usize),
    /// A line is trained.
    Train(usize),
    /// A configuration of a line is trained, whatever its slider says.
    TrainAs(usize, Box<RunConfig>),
    /// All lines of the task are trained.
    TrainAll,
    /// A line is stopped.
    Stop(usize),
    /// All are stopped.
    StopAll,
    /// Runs of this visit are forgotten.
    Clear,
    /// Other images.
    Images(Source),
    /// Another task.
    Read(Task),
    /// Another kind of cell.
    Gates(CellKind),
    /// Another size of the cell.
    Hidden(usize),
    /// Another number of epochs.
    Epochs(u32),
    /// Another seed.
    Seed(u32),
    /// The chart shows this.
    Measure(Measure),
    /// The table shows this.
    View(View),
    /// Another budget, in bits.
    Budget(f64),
    /// Another floor.
    Floor(f64),
    /// Another floor of the exploration.
    FloorOfGates(f64),
    /// Stored runs came.
    Stored(Comparison),
    /// Bytes of these images came.
    Received(Source, u64, Option<u64>),
    /// These images cannot be had.
    NoData(Source, String),
    /// Something that was typed is not accepted.
    Wrong(String),
    /// The worker said something.
    Heard(Event),
    /// The worker is gone, with these words.
    Died(String),
    /// The notice was read.
    Dismiss,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            lines: contenders().into_iter().map(Line::new).collect(),
            task: Task::Images,
            cell: Recurrent {
                kind: CellKind::Lstm,
                hidden: HIDDEN[0],
            },
            source: Source::default(),
            data: Data::default(),
            epochs: 10,
            seed: 1,
            measure: Measure::default(),
            view: View::default(),
            budget: 51_200.0,
            floor: 0.85,
            chosen: 1,
            stored: Vec::new(),
            notice: None,
            floor_of_gates: 0.85,
            costed: Vec::new(),
            explored: Vec::new(),
            next: 0,
            deaths: 0,
        }
    }
}

/// Stored comparisons, by their files' names.
pub const STORED: [&str; 7] = [
    "fashion-mnist-subset",
    "fashion-mnist-subset-rows",
    "fashion-mnist-subset-rows-256",
    "fashion-mnist",
    "fashion-mnist-rows",
    "fashion-mnist-rows-256",
    "fashion-mnist-51-kbit",
];

/// Workers that may be lost before only a visitor's Train starts another.
const MOST_DEATHS: u32 = 3;

/// Most epochs of a run that is trained here.
pub const MOST_EPOCHS: u32 = 50;

impl Model {
    /// The lines of the task, by their number.
    pub fn visible(&self) -> impl Iterator<Item = (usize, &Line)> {
        let task = self.task;
        let lines = self.lines.iter().enumerate();
        lines.filter(move |(_, line)| line.contender.task == task)
    }

    /// The line of circulant blocks in the network that reads images.
    #[must_use]
    pub fn circulant(&self) -> usize {
        let own = |line: &Line| {
            line.contender.task == Task::Images && line.contender.method() == "circulant"
        };
        self.lines.iter().position(own).unwrap_or(0)
    }

    /// The configuration that a line's slider stands at.
    #[must_use]
    pub fn config(&self, line: usize) -> RunConfig {
        let line = &self.lines[line];
        let config = line.contender.config(line.setting(), self.cell);
        self.here(config)
    }

    /// A configuration on the data, with the epochs and the seed chosen.
    #[must_use]
    pub fn here(&self, config: RunConfig) -> RunConfig {
        RunConfig {
            data: self.source.name().into(),
            epochs: self.epochs,
            seed: self.seed,
            ..config
        }
    }

    /// Takes in what happens; what is to be asked of the worker.
    pub fn update(&mut self, happening: Happening) -> Vec<Request> {
        let mut asked = Vec::new();
        match happening {
            Happening::Choose(line) => self.chosen = line,
            Happening::Set(line, at) => {
                let held = &mut self.lines[line];
                held.at = at.min(held.settings.len() - 1);
                self.chosen = line;
            }
            Happening::Train(line) => self.begin(line, self.config(line), &mut asked),
            Happening::TrainAs(line, config) => {
                let config = self.here(*config);
                self.begin(line, config, &mut asked);
            }
            Happening::TrainAll => {
                let lines: Vec<usize> = self.visible().map(|(line, _)| line).collect();
                for line in lines {
                    self.begin(line, self.config(line), &mut asked);
                }
            }
            Happening::Stop(line) => self.stop(|at, _| at == line, &mut asked),
            Happening::StopAll => self.stop(|_, _| true, &mut asked),
            Happening::Clear => {
                self.stop(|_, _| true, &mut asked);
                for line in &mut self.lines {
                    line.live.clear();
                }
            }
            Happening::Images(source) if source != self.source => {
                self.stop(|_, _| true, &mut asked);
                self.source = source;
                self.data = Data::Absent;
            }
            Happening::Read(task) if task != self.task => {
                self.task = task;
                // The same method, if it stands there too.
                let method = self.lines[self.chosen].contender.method();
                let same =
                    |line: &Line| line.contender.task == task && line.contender.method() == method;
                self.chosen = self.lines.iter().position(same).unwrap_or(0);
            }
            Happening::Images(_) | Happening::Read(_) => {}
            Happening::Gates(kind) => self.cell.kind = kind,
            Happening::Hidden(hidden) => self.cell.hidden = hidden,
            Happening::Epochs(epochs) if (1..=MOST_EPOCHS).contains(&epochs) => {
                self.epochs = epochs;
            }
            Happening::Epochs(epochs) => {
                let text = format!("{epochs} epochs are not accepted; choose 1 to {MOST_EPOCHS}.");
                self.notice = Some((true, text));
            }
            Happening::Seed(seed) => self.seed = seed,
            Happening::Measure(measure) => self.measure = measure,
            Happening::View(view) => self.view = view,
            Happening::Budget(bits) => self.budget = bits,
            Happening::Floor(floor) => self.floor = floor,
            Happening::FloorOfGates(floor) => self.floor_of_gates = floor,
            Happening::Stored(comparison) => self.stored.push(comparison),
            // Other images may have been chosen meanwhile.
            Happening::Received(source, ..) | Happening::NoData(source, _)
                if source != self.source => {}
            Happening::Received(_, bytes, total) => self.data = Data::Fetching(bytes, total),
            Happening::NoData(_, message) => self.lose_data(&message),
            Happening::Wrong(text) => self.notice = Some((true, text)),
            Happening::Heard(event) => self.hear(event, &mut asked),
            Happening::Died(said) => self.bury(&said),
            Happening::Dismiss => self.notice = None,
        }
        self.ask_what_is_shown(&mut asked);
        asked
    }

    /// Whether runs wait for data that nobody has asked for.
    #[must_use]
    pub fn wants_data(&self) -> bool {
        let waiting = |run: &Live| run.state == State::Waiting;
        matches!(self.data, Data::Absent | Data::Failed)
            && self.lines.iter().flat_map(|line| &line.live).any(waiting)
    }

    /// Whether anything waits or trains.
    #[must_use]
    pub fn busy(&self) -> bool {
        let mut runs = self.lines.iter().flat_map(|line| &line.live);
        runs.any(Live::under_way)
    }

    fn begin(&mut self, line: usize, config: RunConfig, asked: &mut Vec<Request>) {
        let held = &mut self.lines[line];
        if held
            .live
            .iter()
            .any(|run| run.under_way() && run.config == config)
        {
            return;
        }
        let ticket = Ticket(self.next);
        self.next += 1;
        // A run trained again replaces the one before.
        held.live.retain(|run| run.config != config);
        let state = if let Data::Loaded(..) = self.data {
            asked.push(Request::Train {
                ticket,
                config: config.clone(),
            });
            State::Training(0, 0)
        } else {
            State::Waiting
        };
        held.live.push(Live {
            ticket,
            setting: held.contender.setting(&config),
            config,
            points: Vec::new(),
            cost: None,
            state,
            exponents: Vec::new(),
        });
    }

    fn stop(&mut self, which: impl Fn(usize, &Live) -> bool, asked: &mut Vec<Request>) {
        for (at, line) in self.lines.iter_mut().enumerate() {
            line.live
                .retain(|run| run.state != State::Waiting || !which(at, run));
            for run in &line.live {
                if run.under_way() && which(at, run) {
                    asked.push(Request::Stop { ticket: run.ticket });
                }
            }
        }
    }

    fn run(&mut self, ticket: Ticket) -> Option<&mut Live> {
        let mut runs = self.lines.iter_mut().flat_map(|line| &mut line.live);
        runs.find(|run| run.ticket == ticket)
    }

    fn hear(&mut self, event: Event, asked: &mut Vec<Request>) {
        match event {
            Event::Ready { .. } | Event::Panic { .. } => {}
            Event::Loaded { name, train, test } => {
                if name != self.source.name() {
                    return;
                }
                self.data = Data::Loaded(train, test);
                for run in self.lines.iter_mut().flat_map(|line| &mut line.live) {
                    if run.state == State::Waiting {
                        run.state = State::Training(0, 0);
                        asked.push(Request::Train {
                            ticket: run.ticket,
                            config: run.config.clone(),
                        });
                    }
                }
            }
            Event::Refused { message } => self.lose_data(&message),
            Event::Costed {
                ticket,
                cost,
                pipeline,
            } => {
                if let Some(run) = self.run(ticket) {
                    run.cost = Some(cost);
                } else {
                    take(&mut self.costed, ticket, (cost, pipeline));
                }
            }
            Event::Explored { ticket, hardware } => take(&mut self.explored, ticket, hardware),
            Event::Progress {
                ticket,
                step,
                steps,
            } => {
                if let Some(run) = self.run(ticket) {
                    run.state = State::Training(step, steps);
                }
            }
            Event::Epoch { ticket, point } => {
                if let Some(run) = self.run(ticket) {
                    run.points.push(point);
                }
            }
            Event::Ended {
                ticket,
                whole,
                checksum,
                exponents,
            } => {
                if let Some(run) = self.run(ticket) {
                    run.state = State::Ended(whole, checksum);
                    run.exponents = exponents;
                }
            }
            Event::Failed { ticket, message } => {
                if let Some(run) = self.run(ticket) {
                    run.state = State::Failed(message.clone());
                    self.notice = Some((true, message));
                }
            }
        }
    }

    fn lose_data(&mut self, message: &str) {
        self.data = Data::Failed;
        self.notice = Some((true, message.into()));
        for line in &mut self.lines {
            line.live.retain(|run| run.state != State::Waiting);
        }
    }

    fn bury(&mut self, said: &str) {
        self.deaths += 1;
        for run in self.lines.iter_mut().flat_map(|line| &mut line.live) {
            if run.under_way() {
                run.state = State::Failed("its worker was lost".into());
            }
        }
        self.costed.retain(|one| one.answer.is_some());
        self.explored.retain(|one| one.answer.is_some());
        self.data = Data::Absent;
        let text = format!(
            "The training worker was lost ({said}); what it trained stands where it was. Train starts a new one."
        );
        self.notice = Some((true, text));
    }

    /// Asks what is shown of the configurations on display, where it is not known.
    fn ask_what_is_shown(&mut self, asked: &mut Vec<Request>) {
        // Whoever asks starts a worker; where none lives, that would never end.
        if self.deaths >= MOST_DEATHS {
            return;
        }
        let wanted: Vec<RunConfig> = self
            .visible()
            .filter(|(line, _)| {
                // Its hardware is drawn.
                *line == self.chosen
                    || *line == self.circulant()
                    || self.shown(*line).cost.is_none()
            })
            .map(|(line, _)| self.config(line))
            .collect();
        for config in wanted {
            if let Some(ticket) = note(&mut self.costed, &config, &mut self.next) {
                asked.push(Request::Cost { ticket, config });
            }
        }
        if let Some(config) = self.picked()
            && let Some(ticket) = note(&mut self.explored, &config, &mut self.next)
        {
            asked.push(Request::Explore { ticket, config });
        }
    }

    /// The network that phase I of the exploration picks, where that is shown.
    fn picked(&self) -> Option<RunConfig> {
        if self.task != Task::Rows {
            return None;
        }
        let mut designs = guide::designs(self);
        let at = guide::picked(&designs, self.floor_of_gates)?;
        Some(designs.swap_remove(at).config)
    }

    /// Arrays and widths for a network, once the worker has said them.
    #[must_use]
    pub fn hardware(&self, config: &RunConfig) -> &[Hardware] {
        answer(&self.explored, config).map_or(&[], Vec::as_slice)
    }

    /// What a line's network takes when it is deployed, and its hardware, once the worker has said so.
    #[must_use]
    pub fn deployed(&self, line: usize) -> Option<&(Cost, Pipeline)> {
        answer(&self.costed, &self.config(line))
    }
}

/// Whether two runs train the same network in the same way, wherever, for how long and with what seed.
pub(super) fn alike(a: &RunConfig, b: &RunConfig) -> bool {
    let neutral = |config: &RunConfig| RunConfig {
        data: String::new(),
        epochs: 0,
        seed: 0,
        ..config.clone()
    };
    neutral(a) == neutral(b)
}
