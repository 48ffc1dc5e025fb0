//! The tab without a browser: what is asked of the worker and what is shown.

use super::guide;
use super::model::*;
use super::standing::Origin;
use crate::compare::hardware::in_hardware;
use crate::compare::message::{Event, Request, Ticket};
use crate::compare::{Comparison, Cost, Pipeline, Point, Task};
use crate::compare::{Row, SeedRun, VERSION};

fn line(model: &Model, title: &str) -> usize {
    let named = |line: &Line| line.contender.title() == title;
    model.lines.iter().position(named).expect("a line")
}

fn costs(asked: &[Request]) -> Vec<Ticket> {
    let ticket = |request: &Request| match request {
        Request::Cost { ticket, .. } => Some(*ticket),
        _ => None,
    };
    asked.iter().filter_map(ticket).collect()
}

fn cost(bits: u64) -> Cost {
    let text = format!(
        r#"{{"values":1,"parameter_bits":{bits},"dense_bits":1000000,"work":{{"multiplies":10,"adds":10,"shifts":0}},
        "inference":{{"cycles":5,"microseconds":0.1,"utilisation":0.5,"on_chip":true,"microjoules":0.2,"external_microjoules":0.0}}}}"#
    );
    crate::json::read(text.as_bytes()).expect("a cost")
}

fn point(test_accuracy: f32) -> Point {
    Point {
        train_loss: 0.5,
        test_accuracy,
        parameter_bits: 1,
    }
}

/// A stored run of a line at its setting.
fn stored(model: &Model, line: usize, accuracy: f32, bits: u64) -> Comparison {
    let run = |seed| SeedRun {
        seed,
        epochs: vec![point(accuracy / 2.0), point(accuracy)],
        checksum: String::new(),
    };
    Comparison {
        version: VERSION,
        data: model.source.name().into(),
        machine: "streamlined".into(),
        energy_table: String::new(),
        rows: vec![Row {
            label: format!("{line} at {bits}"),
            options: String::new(),
            config: model.config(line),
            runs: vec![run(1), run(2)],
            cost: cost(bits),
        }],
    }
}

#[test]
fn a_run_waits_for_its_data_and_then_appears_as_it_goes() {
    let mut model = Model::default();
    let dense = line(&model, "Dense");
    model.update(Happening::Train(dense));
    assert!(model.wants_data() && model.busy());
    // Of other images nothing is taken.
    model.update(Happening::Received(Source::Full, 10, None));
    assert!(model.wants_data());
    model.update(Happening::Received(Source::Subset, 10, None));
    assert!(!model.wants_data());
    let loaded = Event::Loaded {
        name: model.source.name().into(),
        train: 6000,
        test: 1000,
    };
    let asked = model.update(Happening::Heard(loaded));
    let [Request::Train { ticket, config }] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(config, &model.config(dense));
    let ticket = *ticket;
    // Twice the same is once.
    assert!(model.update(Happening::Train(dense)).is_empty());
    for event in [
        Event::Epoch {
            ticket,
            point: point(0.8),
        },
        Event::Costed {
            ticket,
            cost: cost(500),
            pipeline: Pipeline::default(),
        },
    ] {
        model.update(Happening::Heard(event));
    }
    let points = model.points();
    assert_eq!(points.len(), 1);
    assert!(points[0].1 && points[0].0.under_way);
    assert_eq!(points[0].0.origin, Origin::Live);
    let asked = model.update(Happening::Stop(dense));
    assert_eq!(asked, [Request::Stop { ticket }]);
    let ended = Event::Ended {
        ticket,
        whole: false,
        checksum: "0".into(),
        exponents: Vec::new(),
    };
    model.update(Happening::Heard(ended));
    assert!(!model.busy());
    model.update(Happening::Clear);
    assert!(model.points().is_empty());
}

#[test]
fn costs_are_asked_for_once_and_only_where_they_are_shown() {
    let mut model = Model::default();
    let asked = model.update(Happening::Dismiss);
    let count = model.visible().count();
    assert_eq!(costs(&asked).len(), count);
    assert!(model.update(Happening::Dismiss).is_empty());
    let circulant = line(&model, "Block-circulant");
    let ticket = costs(&model.update(Happening::Set(circulant, 0)));
    let [ticket] = ticket[..] else {
        panic!("{ticket:?}");
    };
    assert!(model.deployed(circulant).is_none());
    let answer = Event::Costed {
        ticket,
        cost: cost(77),
        pipeline: Pipeline::default(),
    };
    model.update(Happening::Heard(answer));
    let shown = model.shown(circulant);
    assert!(shown.candidate.is_none());
    assert_eq!(shown.cost.map(|cost| cost.parameter_bits), Some(77));
}

#[test]
fn views_choose_within_the_budget_and_above_the_floor() {
    let mut model = Model::default();
    let circulant = line(&model, "Block-circulant");
    for (at, (accuracy, bits)) in [(0.90, 90_000), (0.86, 40_000), (0.80, 20_000)]
        .into_iter()
        .enumerate()
    {
        model.update(Happening::Set(circulant, at));
        let comparison = stored(&model, circulant, accuracy, bits);
        model.update(Happening::Stored(comparison));
    }
    let bits = |model: &Model| {
        model
            .shown(circulant)
            .candidate
            .map(|one| one.cost.parameter_bits)
    };
    assert_eq!(bits(&model), Some(20_000));
    model.update(Happening::View(View::EqualMemory));
    assert_eq!(bits(&model), Some(40_000));
    model.update(Happening::Budget(10_000.0));
    assert_eq!(bits(&model), None);
    model.update(Happening::View(View::EqualAccuracy));
    assert_eq!(bits(&model), Some(40_000));
    model.update(Happening::Floor(0.95));
    assert_eq!(bits(&model), None);
    // What was stored on other images is not held beside these.
    model.update(Happening::Images(Source::Full));
    assert!(model.points().is_empty());
}

#[test]
fn a_lost_worker_and_lost_data_leave_what_was_trained() {
    let mut model = Model::default();
    let dense = line(&model, "Dense");
    model.update(Happening::Train(dense));
    model.update(Happening::NoData(Source::Subset, "not there".into()));
    assert!(!model.busy() && model.lines[dense].live.is_empty());
    assert_eq!(model.notice, Some((true, "not there".into())));
    model.data = Data::Loaded(1, 1);
    model.update(Happening::Train(dense));
    let ticket = model.lines[dense].live[0].ticket;
    model.update(Happening::Heard(Event::Epoch {
        ticket,
        point: point(0.5),
    }));
    model.update(Happening::Died("a trap".into()));
    assert!(!model.busy());
    assert_eq!(model.lines[dense].live[0].points.len(), 1);
    assert_eq!(model.data, Data::Absent);
    // Questions that it took with it are asked of another; but not for ever.
    let again =
        |model: &mut Model| !costs(&model.update(Happening::Died("a trap".into()))).is_empty();
    assert_eq!(
        [again(&mut model), again(&mut model), again(&mut model)],
        [true, false, false]
    );
}

#[test]
fn a_design_is_the_smallest_above_the_floor() {
    let mut model = Model::default();
    model.update(Happening::Read(Task::Rows));
    let toward = guide::line(&model).expect("E-RNN's line");
    let designs = guide::designs(&model);
    assert!(designs.iter().all(|design| design.run.is_none()));
    assert_eq!(guide::picked(&designs, 0.5), None);
    // Phase II is asked of the worker, once for each pick.
    let explored = |asked: &[Request]| {
        let question = |request: &&Request| matches!(request, Request::Explore { .. });
        asked.iter().filter(question).count()
    };
    let mut questions = Vec::new();
    for (at, (accuracy, bits)) in [(0.90, 90_000), (0.89, 50_000), (0.84, 30_000)]
        .into_iter()
        .enumerate()
    {
        model.update(Happening::Set(toward, at));
        let comparison = stored(&model, toward, accuracy, bits);
        questions.push(explored(&model.update(Happening::Stored(comparison))));
    }
    assert_eq!(
        questions,
        [1, 1, 0],
        "two picks, and one that is not accurate enough"
    );
    // A run of the same block in fixed point is another network.
    let mut comparison = stored(&model, toward, 0.99, 10_000);
    let config = &mut comparison.rows[0].config;
    *config = in_hardware(config, 12);
    model.update(Happening::Stored(comparison));
    let designs = guide::designs(&model);
    let picked = guide::picked(&designs, 0.88).expect("one is good enough");
    assert!((designs[picked].block - model.lines[toward].settings[1]).abs() < 1e-6);
    for floor in [0.88, 0.895, 0.8] {
        let asked = model.update(Happening::FloorOfGates(floor));
        assert_eq!(explored(&asked), usize::from(floor < 0.84), "{floor}");
    }
}

#[test]
fn stored_files_are_read_and_are_runs_of_the_tab() {
    let mut model = Model::default();
    for name in STORED {
        let path = format!("{}/assets/compare/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let file = std::fs::read(&path).expect(&path);
        let comparison: Comparison = crate::json::read(&file).expect(name);
        for row in &comparison.rows {
            assert_eq!(row.config.data, comparison.data, "{}", row.label);
            let claims = |line: &&Line| line.contender.claims(&row.config);
            assert_eq!(
                model.lines.iter().filter(claims).count(),
                1,
                "{}",
                row.label
            );
        }
        model.update(Happening::Stored(comparison));
    }
    // Whatever stands at its first setting has been run, on the subset.
    for task in [Task::Images, Task::Rows] {
        model.update(Happening::Read(task));
        for (line, held) in model.visible() {
            let shown = model.shown(line).candidate;
            let title = held.contender.title();
            assert_eq!(
                shown.map(|one| one.origin),
                Some(Origin::Stored(3)),
                "{title}"
            );
        }
    }
}
