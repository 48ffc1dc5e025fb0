//! A leader and its followers joined by queues, and what can go wrong between them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use super::*;
use crate::data::pack;
use crate::train::config::{Precision, Preset};
use crate::worker::shard::{Follower, FollowerId, Followers};

thread_local! {
    static NOW: RefCell<f64> = const { RefCell::new(0.0) };
}

/// Every look at the clock takes a millisecond, so that slices end.
fn now() -> f64 {
    wait(1.0);
    NOW.with_borrow(|now| *now)
}

fn wait(milliseconds: f64) {
    NOW.with_borrow_mut(|now| *now += milliseconds);
}

/// How a follower behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    Sound,
    Silent,
    Twice,
    /// Gives the answer before once more, and then the one asked for.
    Stale,
    Garbage,
    /// Answers with nothing.
    Empty,
    /// Sums of the right length with a header that is wrong.
    Damaged,
    /// What it found is of other parameters than the run's.
    Astray,
    Dies,
}

#[derive(Default)]
struct Wires {
    hands: Vec<(FollowerId, Follower)>,
    said: VecDeque<(FollowerId, Option<Vec<u8>>)>,
    started: u32,
    /// Setups sent.
    setups: u32,
    manner: Option<Manner>,
    last: Vec<u8>,
    refuse: bool,
}

struct Ends(Rc<RefCell<Wires>>);

impl Followers for Ends {
    fn start(&mut self, id: FollowerId) -> bool {
        let mut wires = self.0.borrow_mut();
        wires.started += 1;
        if !wires.refuse {
            wires.hands.push((id, Follower::default()));
        }
        !wires.refuse
    }

    fn send(&mut self, id: FollowerId, message: &[u8]) {
        let wires = &mut *self.0.borrow_mut();
        let Some((_, follower)) = wires.hands.iter_mut().find(|(hand, _)| *hand == id) else {
            return;
        };
        // The kind is twelve bytes before the end.
        wires.setups += u32::from(message[message.len() - 12] == 0);
        let Some(answer) = follower.hear(message.to_vec(), now, || 1024) else {
            return;
        };
        let answer = answer.to_vec();
        let answers = match wires.manner.unwrap_or(Manner::Sound) {
            Manner::Sound => vec![Some(answer.clone())],
            Manner::Silent => vec![],
            Manner::Twice => vec![Some(answer.clone()), Some(answer.clone())],
            Manner::Stale => vec![Some(wires.last.clone()), Some(answer.clone())],
            Manner::Garbage => vec![Some(vec![7; 5])],
            Manner::Empty => vec![Some(answer[answer.len() - 12..].to_vec())],
            Manner::Damaged => vec![Some(changed(&answer, 0))],
            Manner::Astray => vec![Some(changed(&answer, 16))],
            Manner::Dies => vec![None],
        };
        wires.last = answer;
        wires
            .said
            .extend(answers.into_iter().map(|said| (id, said)));
    }

    fn stop(&mut self, id: FollowerId) {
        self.0.borrow_mut().hands.retain(|(hand, _)| *hand != id);
    }
}

/// Bytes of which one is not as it was.
fn changed(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[at] ^= 1;
    changed
}

fn set(count: usize) -> Dataset {
    Dataset {
        images: (0..count * 784).map(|k| (k * 7 % 251) as u8).collect(),
        labels: (0..count).map(|k| (k % 2) as u8).collect(),
        height: 28,
        width: 28,
        classes: 2,
    }
}

/// An engine with a run of 20 steps, and as many workers asked for.
fn engine(workers: u8) -> (Engine, Rc<RefCell<Wires>>) {
    let mut engine = Engine::new(now);
    let wires = Rc::new(RefCell::new(Wires::default()));
    engine.join(Box::new(Ends(wires.clone())));
    let sets = TrainTest {
        train: set(75),
        test: set(4),
        class_names: vec!["a".into(), "b".into()],
    };
    let bytes = pack::write(&sets).expect("packs");
    let (name, source) = ("own".to_string(), Source::Pack);
    engine.handle(Request::Load { name, source }, vec![bytes]);
    let asked = Some(workers);
    let processors = 8;
    engine.handle(Request::Workers { asked, processors }, vec![]);
    prepare(&mut engine);
    (engine, wires)
}

fn prepare(engine: &mut Engine) {
    let mut config = RunConfig::preset(Preset::Tiny, Precision::Fixed);
    (config.data, config.batch, config.epochs) = ("own".into(), 8, 2);
    let run = RunId(1);
    engine.handle(Request::Prepare { run, config }, vec![]);
}

/// Lets followers listen and answer, and the engine work, until it has nothing to do.
fn run(engine: &mut Engine, wires: &Rc<RefCell<Wires>>) {
    let mut rounds = 0;
    loop {
        rounds += 1;
        assert!(rounds < 5000, "the engine never comes to a stand");
        let more = engine.slice();
        let ids: Vec<_> = wires.borrow().hands.iter().map(|(id, _)| *id).collect();
        for id in ids {
            engine.follower_ready(id);
        }
        // All at once: an answer to an order for the next step may come with that to the one before.
        let said = std::mem::take(&mut wires.borrow_mut().said);
        let idle = said.is_empty();
        for (id, answer) in said {
            if let Some(answer) = answer {
                engine.follower_heard(id, answer);
            } else {
                wires.borrow_mut().hands.retain(|(hand, _)| *hand != id);
                engine.follower_lost(id, "it trapped");
            }
        }
        match engine.wake() {
            _ if !idle => {}
            _ if more => wait(1.0),
            Some(time) => wait(time),
            None => return,
        }
    }
}

struct Heard {
    position: Position,
    steps: Vec<StepMetrics>,
    messages: Vec<String>,
    most: usize,
}

fn heard(engine: &mut Engine) -> Heard {
    let mut heard = Heard {
        position: Position::default(),
        steps: vec![],
        messages: vec![],
        most: 1,
    };
    for out in engine.take() {
        match out.event {
            Event::Position { position, .. } => heard.position = position,
            Event::Progress { progress, .. } => heard.steps.extend(progress.steps),
            Event::Workers { count, message, .. } => {
                heard.most = heard.most.max(count);
                heard.messages.extend(message);
            }
            _ => {}
        }
    }
    heard
}

#[test]
fn a_worker_stays_awake_for_an_answer_only_on_a_processor_of_its_own() {
    for (processors, awake) in [(1, false), (2, true)] {
        let (mut engine, wires) = engine(2);
        let asked = Some(2);
        engine.handle(Request::Workers { asked, processors }, vec![]);
        engine.handle(Request::Train, vec![]);
        // The first step sets the shifts; a follower is started with the second.
        while engine.slice() || wires.borrow().said.is_empty() {
            for id in wires.borrow().hands.iter().map(|(id, _)| *id) {
                engine.follower_ready(id);
            }
        }
        let wires = wires.borrow();
        assert_eq!(engine.vigil().is_some(), awake, "{processors} processors");
        assert!(
            wires
                .hands
                .iter()
                .all(|(_, follower)| follower.is_awake() == awake)
        );
    }
}

fn trained(workers: u8, manner: Option<Manner>) -> (Heard, u32) {
    let (mut engine, wires) = engine(workers);
    wires.borrow_mut().manner = manner;
    engine.handle(Request::Train, vec![]);
    run(&mut engine, &wires);
    let heard = heard(&mut engine);
    assert!(heard.position.finished, "{workers} {manner:?}");
    let started = wires.borrow().started;
    (heard, started)
}

#[test]
fn any_number_of_workers_trains_to_the_same_checksum() {
    let (alone, started) = trained(1, None);
    assert_eq!((alone.most, started), (1, 0));
    for workers in 2..=8 {
        let (shared, started) = trained(workers, None);
        assert_eq!(shared.position, alone.position);
        assert_eq!(shared.steps, alone.steps);
        assert_eq!(
            (shared.most, started),
            (workers.into(), u32::from(workers) - 1)
        );
        assert!(shared.messages.is_empty());
    }
}

#[test]
fn a_follower_that_stands_where_the_run_stands_is_set_up_once() {
    // An epoch's last batch has three samples: more followers would have to miss it.
    for workers in 2..=3 {
        let (mut engine, wires) = engine(workers);
        engine.handle(Request::Train, vec![]);
        run(&mut engine, &wires);
        assert!(heard(&mut engine).position.finished);
        assert_eq!(wires.borrow().setups, u32::from(workers) - 1);
    }
}

#[test]
fn a_faulty_follower_costs_no_step_and_no_bit() {
    let (alone, _) = trained(1, None);
    for (manner, faulty) in [
        (Manner::Silent, true),
        (Manner::Twice, false),
        (Manner::Stale, false),
        (Manner::Garbage, true),
        (Manner::Empty, true),
        (Manner::Damaged, true),
        (Manner::Astray, true),
        (Manner::Dies, true),
    ] {
        for workers in [2, 3] {
            let (shared, started) = trained(workers, Some(manner));
            assert_eq!(shared.position, alone.position, "{manner:?}");
            assert_eq!(shared.steps, alone.steps, "{manner:?}");
            // An empty first answer before any is a damaged one.
            assert_eq!(
                !shared.messages.is_empty(),
                faulty || manner == Manner::Stale
            );
            // Three losses and no more: after them training goes on without.
            assert!(
                started <= u32::from(workers) + 3,
                "{manner:?}: {started} started"
            );
        }
    }
}

#[test]
fn requests_in_the_middle_of_a_step_find_it_taken() {
    let (mut engine, wires) = engine(2);
    wires.borrow_mut().manner = Some(Manner::Silent);
    for step in 1..=3 {
        engine.handle(Request::Step, vec![]);
        engine.slice();
        let ids: Vec<_> = wires.borrow().hands.iter().map(|(id, _)| *id).collect();
        for id in ids {
            engine.follower_ready(id);
        }
        engine.handle(Request::Pause, vec![]);
        assert!(!engine.slice() && engine.wake().is_none());
        assert_eq!(heard(&mut engine).position.step, step);
    }
    engine.handle(Request::Train, vec![]);
    engine.slice();
    assert!(engine.crew.is_open() && !engine.ready());
    let ticket = Ticket(1);
    engine.handle(Request::Predict { ticket }, vec![vec![9; 784]]);
    assert!(!engine.crew.is_open());
    // No answer will come that could wake the engine: it says that it can go on.
    assert!(engine.ready());
    engine.handle(Request::Checkpoint { ticket }, vec![]);
    engine.slice();
    assert!(engine.crew.is_open());
    prepare(&mut engine);
    assert!(!engine.crew.is_open() && !engine.slice());
    // The next run is set up anew, and late answers of the one before do nothing.
    wires.borrow_mut().manner = None;
    engine.take();
    engine.handle(Request::Train, vec![]);
    run(&mut engine, &wires);
    assert_eq!(heard(&mut engine).position, trained(1, None).0.position);
}

#[test]
fn the_number_of_workers_changes_while_training() {
    let (mut engine, wires) = engine(3);
    engine.handle(Request::Train, vec![]);
    for workers in [Some(2), Some(5), Some(1), None, Some(200), Some(0)] {
        engine.slice();
        let ids: Vec<_> = wires.borrow().hands.iter().map(|(id, _)| *id).collect();
        for id in ids {
            engine.follower_ready(id);
        }
        let (asked, processors) = (workers, 2);
        engine.handle(Request::Workers { asked, processors }, vec![]);
    }
    run(&mut engine, &wires);
    assert_eq!(heard(&mut engine).position, trained(1, None).0.position);
}

#[test]
fn a_browser_without_nested_workers_trains_with_one() {
    let (mut engine, wires) = engine(4);
    wires.borrow_mut().refuse = true;
    engine.handle(Request::Train, vec![]);
    run(&mut engine, &wires);
    let heard = heard(&mut engine);
    assert_eq!(heard.position, trained(1, None).0.position);
    assert_eq!((heard.most, heard.messages.len()), (1, 1));
    assert_eq!(wires.borrow().started, 1);
}

#[test]
fn the_measurement_takes_as_many_steps_with_one_worker_as_with_two() {
    let (mut engine, wires) = engine(1);
    let milliseconds = 0;
    engine.handle(Request::BenchWorkers { milliseconds }, vec![]);
    let mut speeds = vec![];
    for _ in 0..400 {
        engine.slice();
        let ids: Vec<_> = wires.borrow().hands.iter().map(|(id, _)| *id).collect();
        for id in ids {
            engine.follower_ready(id);
        }
        while let Some((id, Some(answer))) = { wires.borrow_mut().said.pop_front() } {
            engine.follower_heard(id, answer);
        }
        for out in engine.take() {
            if let Event::BenchWorkers { speeds: told } = out.event {
                speeds = told;
            }
        }
        if !speeds.is_empty() {
            break;
        }
    }
    let [one, two] = &speeds[..] else {
        panic!("{speeds:?}");
    };
    assert_eq!((one.workers, two.workers), (1, 2));
    assert_eq!((one.steps, &one.checksum), (two.steps, &two.checksum));
}
