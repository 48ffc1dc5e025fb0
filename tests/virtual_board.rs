//! The virtual board, asked directly: every word as the trainer has it, every cycle as the tick engine
//! counts it, and no command that harms it.

use proptest::prelude::*;
use railyard::accel::{Device as Chip, Machine, TickEngine};
use railyard::exec::Batch;
use railyard::exec::fixed::StepKey;
use railyard::link::answer::{BoardCounters, Phase, Report, State, Status, Stop, read_status};
use railyard::link::command::{Address, Command, SHIFT_BYTES, Settings, Space};
use railyard::link::device::{Device, Reply, Wire};
use railyard::link::frame::MAX_PAYLOAD;
use railyard::link::virtual_board::{VirtualBoard, VirtualSettings};
use railyard::numeric::Seed;
use railyard::program::code;
use railyard::train::config::{OptimiserKind, Precision, Preset, PriorKind, RunConfig};
use railyard::train::{Advance, Order, StepOrder, Trainer, fixed_executor};

#[path = "support/bands.rs"]
mod bands;
#[path = "support/networks.rs"]
#[allow(dead_code)]
mod networks;

use bands::bands;

fn config(preset: Preset, batch: usize) -> RunConfig {
    let mut config = RunConfig::preset(preset, Precision::Fixed);
    config.prior.kind = PriorKind::LogUniform;
    (config.prior.target, config.prior.threshold) = (0.0, 0.0);
    config.batch = batch;
    config
}

fn trainer(config: &RunConfig, images: usize) -> Trainer {
    Trainer::new(config.clone(), bands(images, 1), bands(10, 1)).expect("a run")
}

const FREE: VirtualSettings = VirtualSettings {
    device: Chip::Zu3eg,
    paced: false,
};

type Answer = Result<Vec<u8>, (Status, String)>;

fn ask(board: &mut VirtualBoard, command: &Command, now: f64) -> Answer {
    let mut buffer = [0; MAX_PAYLOAD];
    let mut reply = Reply::new(&mut buffer);
    let status = board.execute(command, Wire::default(), now, &mut reply);
    let bytes = reply.bytes().to_vec();
    if status == Status::Ok {
        Ok(bytes)
    } else {
        Err((status, String::from_utf8(bytes).expect("a sentence")))
    }
}

fn at(space: Space, index: usize, offset: usize) -> Address {
    Address {
        space,
        index: index as u16,
        offset: offset as u32,
    }
}

fn write(board: &mut VirtualBoard, space: Space, index: usize, bytes: &[u8]) {
    for (chunk, data) in bytes.chunks(1001).enumerate() {
        let command = Command::Write(at(space, index, chunk * 1001), data);
        ask(board, &command, 0.0).expect("a write");
    }
}

fn read(board: &mut VirtualBoard, space: Space, index: usize, len: usize) -> Vec<u8> {
    let mut found = vec![];
    while found.len() < len {
        let part = (len - found.len()).min(999);
        let command = Command::Read(at(space, index, found.len()), part as u16);
        found.extend(ask(board, &command, 0.0).expect("a read"));
    }
    let sum = Command::Checksum(at(space, index, 0), len as u32);
    let sum = ask(board, &sum, 0.0).expect("a checksum");
    assert_eq!(sum, crc32fast::hash(&found).to_le_bytes());
    found
}

fn floats(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// The words of a run with where they lie.
fn state(trainer: &Trainer) -> Vec<(Space, usize, Vec<u8>)> {
    let words = trainer.words();
    let mut all = vec![];
    for (index, parameter) in words.parameters.iter().enumerate() {
        let master = parameter.master.iter().flat_map(|word| word.to_le_bytes());
        all.push((Space::Master, index, master.collect()));
        all.push((Space::First, index, floats(&parameter.first)));
        all.push((Space::Second, index, floats(&parameter.second)));
    }
    for (index, bond) in words.bonds.iter().enumerate() {
        all.push((Space::Variance, index, floats(&bond.variances)));
        all.push((Space::Relevance, index, floats(&bond.relevance)));
    }
    let mut shifts = vec![];
    for (_, shift) in &words.shifts {
        shifts.extend(shift.shift.to_le_bytes());
        for word in [
            u32::from(shift.known),
            shift.batches,
            shift.high,
            shift.low,
            0,
        ] {
            shifts.extend(word.to_le_bytes());
        }
        shifts.extend(shift.peak.to_le_bytes());
        shifts.extend(shift.saturated.to_le_bytes());
    }
    assert_eq!(shifts.len(), words.shifts.len() * SHIFT_BYTES);
    all.push((Space::Shifts, 0, shifts));
    all
}

fn settings(trainer: &Trainer, program: &[u8], machine: &[u8]) -> Settings {
    Settings {
        program_len: program.len() as u32,
        program_crc: crc32fast::hash(program),
        machine_len: machine.len() as u32,
        machine_crc: crc32fast::hash(machine),
        size: [28, 28],
        padding: trainer.config().network.pad_columns as u16,
        step: trainer.step(),
        training: trainer.settings(),
    }
}

/// Writes a run's Program, a machine, its images and its state.
fn upload(board: &mut VirtualBoard, trainer: &Trainer, machine: &Machine, images: u32) -> Answer {
    let program = code::encode(trainer.program());
    let machine = serde_json::to_vec(machine).expect("plain data");
    write(board, Space::Program, 0, &program);
    write(board, Space::Machine, 0, &machine);
    let configure = Command::Configure(settings(trainer, &program, &machine));
    ask(board, &configure, 0.0)?;
    for (space, index, bytes) in state(trainer) {
        write(board, space, index, &bytes);
    }
    for image in 0..images {
        let (pixels, label) = trainer.train_image(image);
        let mut slot = vec![label];
        slot.extend(pixels);
        let place = at(Space::Images, 0, 785 * image as usize);
        ask(board, &Command::Write(place, &slot), 0.0)?;
    }
    Ok(vec![])
}

/// Loads an order, its slots 50 at a time.
fn load(board: &mut VirtualBoard, asked: &StepOrder, now: f64) -> Answer {
    let slots: Vec<u8> = asked.images.iter().flat_map(|i| i.to_le_bytes()).collect();
    for (chunk, slots) in slots.chunks(200).enumerate() {
        let command = Command::Load {
            order: asked.order,
            samples: asked.images.len() as u16,
            first: (chunk * 50) as u16,
            slots,
        };
        ask(board, &command, now)?;
    }
    Ok(vec![])
}

fn status(board: &mut VirtualBoard, after: u64, now: f64) -> (State, Vec<Report>) {
    let answer = ask(board, &Command::Status(after), now).expect("a state");
    read_status(&answer).expect("a state")
}

fn counters(board: &mut VirtualBoard) -> BoardCounters {
    let answer = ask(board, &Command::Counters, 0.0).expect("counters");
    BoardCounters::read(&answer).expect("counters")
}

/// Takes steps on both, some orders at a time, and compares every word and report.
fn compare(config: &RunConfig, images: usize, steps: u64) {
    let mut trainer = trainer(config, images);
    let mut board = VirtualBoard::new(FREE, 1);
    let machine = Machine::streamlined();
    upload(&mut board, &trainer, &machine, images as u32).expect("it fits");
    let (mut words, mut samples) = (0, 0);
    while trainer.step() < steps {
        let orders = trainer.orders(3);
        for asked in &orders {
            load(&mut board, asked, 0.0).expect("room");
        }
        let (start, end) = (trainer.step(), trainer.step() + orders.len() as u64);
        ask(&mut board, &Command::Run(end), 0.0).expect("it runs");
        while board.work(0.0) {}
        let (now, reports) = status(&mut board, start, 0.0);
        assert_eq!(
            (now.phase, now.stop, now.step),
            (Phase::Still, Stop::Done, end)
        );
        assert_eq!(reports.len(), orders.len());
        for report in reports {
            let Advance::Step(step) = trainer.advance() else {
                panic!("a step");
            };
            assert_eq!(report.step, step.step);
            let loss = (report.loss / f64::from(report.samples)) as f32;
            assert_eq!(loss.to_bits(), step.loss.to_bits());
            let right = report.correct as f32 / report.samples as f32;
            assert_eq!(right.to_bits(), step.accuracy.to_bits());
            assert_eq!(report.digest, trainer.model().digest());
            samples += u64::from(report.samples);
        }
        for (space, index, expected) in state(&trainer) {
            let found = read(&mut board, space, index, expected.len());
            assert!(found == expected, "{space:?} {index} at step {end}");
            words += expected.len();
        }
    }
    let counted = counters(&mut board);
    assert_eq!((counted.steps, counted.samples), (trainer.step(), samples));
    println!("{words} bytes: 0 differences");
}

#[test]
fn tiny_has_every_word_of_the_trainer() {
    let mut tiny = config(Preset::Tiny, 64);
    // The last batch of the epoch is smaller.
    compare(&tiny, 1250, 20);
    tiny.optimiser.kind = OptimiserKind::Sgd;
    tiny.prior.kind = PriorKind::HalfCauchy;
    tiny.bits.master = 12;
    compare(&tiny, 200, 4);
}

#[test]
fn paper_has_every_word_of_the_trainer() {
    compare(&config(Preset::Paper, 64), 192, 3);
}

#[test]
fn cycles_and_counters_are_those_of_the_tick_engine() {
    for name in ["published", "overlapped", "streamlined"] {
        let machine = Machine::preset(name).expect("a preset");
        let trainer = trainer(&config(Preset::Tiny, 8), 13);
        let mut board = VirtualBoard::new(FREE, 1);
        upload(&mut board, &trainer, &machine, 13).expect("it fits");
        let orders = trainer.orders(2);
        for asked in &orders {
            load(&mut board, asked, 0.0).expect("room");
        }
        ask(&mut board, &Command::Run(2), 0.0).expect("it runs");
        while board.work(0.0) {}
        let (_, reports) = status(&mut board, 0, 0.0);

        let program = trainer.program();
        let formats = trainer.settings().formats;
        let (pixels, labels) = (vec![9; 896 * 8], vec![1; 8]);
        let (batch, key) = (
            Batch {
                pixels: &pixels,
                labels: &labels,
            },
            StepKey {
                seed: Seed(1),
                step: 0,
            },
        );
        let mut executor = fixed_executor(formats, program.clone(), trainer.model());
        executor.train(batch, key);
        let mut engine = TickEngine::new(program, &machine, formats).expect("a machine");
        engine.adopt(&executor);
        let timing = engine.train(batch, key, |_, _, _| {});
        // 8 samples and 5.
        let cycles = |samples| timing.batch_cycles() + timing.sample_cycles() * samples;
        assert_eq!(cycles(8), timing.cycles());
        assert_eq!(
            [reports[0].cycles, reports[1].cycles],
            [cycles(8), cycles(5)]
        );
        let mut all = railyard::accel::Counters::default();
        for op in timing.before.iter().chain(&timing.after) {
            all.add_times(&op.counters, 2);
        }
        for op in &timing.sample {
            all.add_times(&op.counters, 13);
        }
        let found = counters(&mut board);
        assert_eq!(found.cycles, cycles(8) + cycles(5));
        assert_eq!(
            [
                found.macs,
                found.reads,
                found.rereads,
                found.writes,
                found.state
            ],
            [all.macs, all.reads, all.rereads, all.writes, all.state]
        );
    }
}

/// A board with a run of tiny, ready to go.
fn ready(settings: VirtualSettings, change: impl Fn(&mut RunConfig)) -> (Trainer, VirtualBoard) {
    let mut config = config(Preset::Tiny, 8);
    change(&mut config);
    let trainer = trainer(&config, 200);
    let mut board = VirtualBoard::new(settings, 1);
    upload(&mut board, &trainer, &Machine::streamlined(), 200).expect("it fits");
    (trainer, board)
}

#[test]
fn a_paced_step_takes_its_cycles() {
    let (trainer, mut board) = ready(VirtualSettings::default(), |_| {});
    for asked in trainer.orders(2) {
        load(&mut board, &asked, 100.0).expect("room");
    }
    ask(&mut board, &Command::Run(9), 100.0).expect("it runs");
    assert!(board.due().is_some_and(|due| due <= 100.0));
    assert!(!board.work(100.0));
    let end = board.due().expect("a step in progress");
    assert!(!board.work(end - 0.001));
    let (state, reports) = status(&mut board, 0, end - 0.001);
    assert_eq!(
        (state.phase, state.step, reports.len()),
        (Phase::Running, 0, 0)
    );
    // The words are those of a step in progress.
    let command = Command::Read(at(Space::Master, 0, 0), 4);
    let refused = ask(&mut board, &command, end - 0.001).expect_err("in progress");
    assert_eq!(refused.0, Status::BadState);
    assert!(!board.work(end + 0.01));
    let (state, reports) = status(&mut board, 0, end + 0.01);
    assert_eq!(
        (state.phase, state.step, reports.len()),
        (Phase::Running, 1, 1)
    );
    let length = reports[0].cycles as f64 / 1e5;
    assert!((end - 100.0 - length).abs() < 1e-9);
    // The next began when the first ended, not when the board was asked.
    assert!((board.due().expect("the second") - 100.0 - 2.0 * length).abs() < 1e-9);
    let end = end + length + 0.01;
    let (state, _) = status(&mut board, 0, end);
    assert_eq!((state.phase, state.ordered), (Phase::Waiting, 2));
    assert_eq!(board.due(), None);
    ask(&mut board, &Command::Pause, end).expect("a pause");
    let (state, _) = status(&mut board, 0, end);
    assert_eq!((state.phase, state.stop), (Phase::Still, Stop::Paused));
}

#[test]
fn it_stops_where_an_index_dies() {
    let (trainer, mut board) = ready(FREE, |config| {
        (config.prior.warmup_epochs, config.prior.threshold) = (0.05, 1.0);
    });
    let orders = trainer.orders(8);
    assert!(!orders[0].order.watch && orders[7].order.watch);
    for asked in &orders {
        load(&mut board, asked, 0.0).expect("room");
    }
    ask(&mut board, &Command::Run(8), 0.0).expect("it runs");
    while board.work(0.0) {}
    let (state, _) = status(&mut board, 0, 0.0);
    let first = orders.iter().find(|asked| asked.order.watch);
    let first = first.expect("an order that watches").order.step + 1;
    assert_eq!(
        (state.phase, state.stop, state.step),
        (Phase::Still, Stop::Rank, first)
    );
}

#[test]
fn an_upset_changes_the_digest() {
    let take = |upset: bool| {
        let (trainer, mut board) = ready(FREE, |_| {});
        assert!(!upset || board.upset());
        load(&mut board, &trainer.orders(1)[0], 0.0).expect("room");
        ask(&mut board, &Command::Run(1), 0.0).expect("it runs");
        board.work(0.0);
        status(&mut board, 0, 0.0).1[0].digest
    };
    assert_eq!(take(false), take(false));
    assert_ne!(take(false), take(true));
    assert!(!VirtualBoard::new(FREE, 1).upset());
}

#[test]
fn orders_come_in_order_and_at_most_eight_wait() {
    let (trainer, mut board) = ready(FREE, |_| {});
    let orders = trainer.orders(9);
    assert_eq!(
        load(&mut board, &orders[1], 0.0).expect_err("a gap").0,
        Status::BadRange
    );
    for asked in &orders[..8] {
        load(&mut board, asked, 0.0).expect("room");
    }
    // Again: nothing changes.
    load(&mut board, &orders[3], 0.0).expect("the same");
    assert_eq!(status(&mut board, 0, 0.0).0.ordered, 8);
    assert_eq!(
        load(&mut board, &orders[8], 0.0).expect_err("full").0,
        Status::NoRoom
    );
    let late = Command::Load {
        order: orders[7].order,
        samples: 8,
        first: 9,
        slots: &[0; 4],
    };
    assert_eq!(
        ask(&mut board, &late, 0.0).expect_err("a gap").0,
        Status::BadRange
    );
    let again = Command::Load {
        order: orders[2].order,
        samples: 8,
        first: 0,
        slots: &[0; 4],
    };
    ask(&mut board, &again, 0.0).expect("it starts anew");
    assert_eq!(status(&mut board, 0, 0.0).0.ordered, 2);
    let beyond = Command::Load {
        order: orders[2].order,
        samples: 8,
        first: 1,
        slots: &[0, 0, 0, 1],
    };
    assert_eq!(
        ask(&mut board, &beyond, 0.0).expect_err("no slot").0,
        Status::BadRange
    );
}

#[test]
fn a_label_that_is_none_is_a_fault() {
    let (trainer, mut board) = ready(FREE, |_| {});
    let asked = &trainer.orders(1)[0];
    load(&mut board, asked, 0.0).expect("room");
    let place = at(Space::Images, 0, 785 * asked.images[3] as usize);
    ask(&mut board, &Command::Write(place, &[10]), 0.0).expect("a write");
    ask(&mut board, &Command::Run(1), 0.0).expect("it runs");
    assert!(!board.work(0.0));
    let (state, reports) = status(&mut board, 0, 0.0);
    assert_eq!((state.stop, state.step, reports.len()), (Stop::Fault, 0, 0));
}

#[test]
fn any_state_can_be_trained_from() {
    let fill = |shift: i32, float: f32, master: u8| {
        let (trainer, mut board) = ready(FREE, |config| config.bits.gradient = 4);
        for (space, index, bytes) in state(&trainer) {
            let filled: Vec<u8> = match space {
                Space::Master => vec![master; bytes.len()],
                Space::Shifts => {
                    let mut record = [0; SHIFT_BYTES];
                    record[..4].copy_from_slice(&shift.to_le_bytes());
                    record[4] = 1;
                    record[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
                    record[12] = 8;
                    record[16] = 8;
                    record[24..].fill(255);
                    record.repeat(bytes.len() / SHIFT_BYTES)
                }
                _ => floats(&vec![float; bytes.len() / 4]),
            };
            write(&mut board, space, index, &filled);
        }
        for asked in trainer.orders(3) {
            load(&mut board, &asked, 0.0).expect("room");
        }
        ask(&mut board, &Command::Run(3), 0.0)?;
        while board.work(0.0) {}
        let (state, reports) = status(&mut board, 0, 0.0);
        assert!(reports.iter().all(|report| report.loss.is_finite()));
        assert!(state.step == 3 || state.stop == Stop::Fault);
        Ok::<_, (Status, String)>(state)
    };
    for shift in [-16, -1, 0, 31, 64] {
        for float in [0.0, 1.0, f32::MAX, f32::NAN, f32::NEG_INFINITY] {
            for master in [0, 1, 0x7f, 0x80, 0xff] {
                fill(shift, float, master).expect("it runs");
            }
        }
    }
    assert_eq!(fill(65, 0.0, 0).expect_err("no shift").0, Status::BadValue);
    assert_eq!(fill(-17, 0.0, 0).expect_err("no shift").0, Status::BadValue);
}

#[test]
fn what_does_not_fit_is_refused_in_a_sentence() {
    let trainer = trainer(&config(Preset::Paper, 64), 64);
    let small = VirtualSettings {
        device: Chip::Ecp5F25,
        paced: false,
    };
    let mut board = VirtualBoard::new(small, 1);
    let (status, sentence) =
        upload(&mut board, &trainer, &Machine::published(), 0).expect_err("too large");
    assert_eq!(status, Status::TooLarge);
    assert!(
        sentence.contains("block RAM") && sentence.contains("LFE5U-25F"),
        "{sentence}"
    );
    // A machine of 10^6 lanes, and a Program of other inputs.
    let mut machine = Machine::published();
    machine.lanes = 1_000_000;
    let refused = upload(&mut board, &trainer, &machine, 0).expect_err("no machine");
    assert_eq!(refused.0, Status::BadProgram);
    assert!(refused.1.contains("lanes"), "{}", refused.1);
    let program = code::encode(trainer.program());
    write(&mut board, Space::Program, 0, &program);
    let good = settings(&trainer, &program, &[]);
    let mut refused = |settings: Settings, status: Status, says: &str| {
        let error = ask(&mut board, &Command::Configure(settings), 0.0).expect_err(says);
        assert!(error.0 == status && error.1.contains(says), "{error:?}");
    };
    let size = [14, 14];
    refused(
        Settings { size, ..good },
        Status::BadValue,
        "the Program has 896",
    );
    let (size, padding) = ([28, 0], 16);
    let flat = Settings {
        size,
        padding,
        ..good
    };
    refused(flat, Status::BadValue, "images of 28 x 0");
    let program_crc = 5;
    refused(
        Settings {
            program_crc,
            ..good
        },
        Status::BadProgram,
        "checksum",
    );
    let mut wide = good;
    wide.training.formats.gradient = 17;
    refused(wide, Status::BadValue, "17 bits");
    let mut odd = good;
    odd.training.prior.smoothing = -1.0;
    refused(odd, Status::BadValue, "prior.smoothing");
}

#[test]
fn a_restart_forgets_everything_and_is_another_boot() {
    let (_, mut board) = ready(FREE, |_| {});
    let before = board.capabilities();
    board.restart();
    assert_ne!(board.capabilities().boot, before.boot);
    assert_eq!(status(&mut board, 0, 0.0).0.phase, Phase::Empty);
    let command = Command::Read(at(Space::Master, 0, 0), 4);
    assert_eq!(
        ask(&mut board, &command, 0.0).expect_err("nothing").0,
        Status::BadState
    );
    assert_eq!(read(&mut board, Space::Images, 0, 4), [0; 4]);
}

/// A command of random numbers, many of them near those that are accepted.
#[derive(Clone, Debug)]
enum Asked {
    Configure(Settings),
    Write(Address, Vec<u8>),
    Read(Address, u16),
    Checksum(Address, u32),
    Load(Order, u16, u16, Vec<u8>),
    Plain(u8, u64),
    Work,
}

fn asked(good: Settings) -> impl Strategy<Value = Asked> {
    let offset = prop_oneof![0_u32..3000, any::<u32>()];
    let address = (0_usize..11, 0_u16..12, offset).prop_map(|(space, index, offset)| Address {
        space: Space::ALL[space],
        index: index / 3,
        offset,
    });
    let data = prop::collection::vec(any::<u8>(), 0..200);
    let number = prop_oneof![
        Just(0.01_f32),
        Just(0.0),
        Just(-1.0),
        Just(1.0),
        Just(f32::MAX)
    ];
    let step = prop_oneof![0_u64..12, any::<u64>()];
    let order = (
        step.clone(),
        [number.clone(), number.clone(), number.clone(), number],
    )
        .prop_map(|(step, [rate, first, second, penalty])| Order {
            step,
            rate,
            corrections: [first, second],
            penalty,
            watch: step % 2 == 0,
        });
    let slots = prop::collection::vec(prop_oneof![Just(0_u8), Just(1), any::<u8>()], 0..40);
    let configure = (0_u8..8, any::<u16>()).prop_map(move |(which, value)| {
        let mut settings = good;
        match which {
            0 => settings.size[0] = value,
            1 => settings.padding = value,
            2 => settings.training.formats.core = value as u8,
            3 => settings.step = u64::from(value) << 48,
            4 => settings.program_len = u32::from(value),
            5 => settings.training.optimiser.epsilon = f32::from(value),
            _ => {}
        }
        Asked::Configure(settings)
    });
    prop_oneof![
        1 => configure,
        4 => (address.clone(), data).prop_map(|(at, data)| Asked::Write(at, data)),
        2 => (address.clone(), any::<u16>()).prop_map(|(at, len)| Asked::Read(at, len % 1500)),
        1 => (address, any::<u32>()).prop_map(|(at, len)| Asked::Checksum(at, len % (1 << 20))),
        6 => (order, 0_u16..12, 0_u16..6, slots).prop_map(|(order, samples, first, slots)| {
            Asked::Load(order, samples, first, slots)
        }),
        6 => (0_u8..7, step).prop_map(|(kind, step)| Asked::Plain(kind, step)),
        6 => Just(Asked::Work),
    ]
}

proptest! {
    #![proptest_config(networks::config(60, 31))]

    /// Commands in any order, with numbers of any kind.
    #[test]
    fn no_command_harms_it(
        commands in {
            let trainer = trainer(&config(Preset::Tiny, 4), 40);
            let program = code::encode(trainer.program());
            prop::collection::vec(asked(settings(&trainer, &program, &[])), 1..120)
        }
    ) {
        let (trainer, mut board) = ready(FREE, |config| config.batch = 4);
        for asked in trainer.orders(4) {
            load(&mut board, &asked, 0.0).expect("room");
        }
        let mut now = 0.0;
        for asked in &commands {
            now += 0.5;
            let command = match asked {
                Asked::Configure(settings) => Command::Configure(*settings),
                Asked::Write(at, data) => Command::Write(*at, data),
                Asked::Read(at, len) => Command::Read(*at, *len),
                Asked::Checksum(at, len) => Command::Checksum(*at, *len),
                Asked::Load(order, samples, first, slots) => Command::Load {
                    order: *order,
                    samples: *samples,
                    first: *first,
                    slots,
                },
                Asked::Plain(0, step) => Command::Status(*step),
                Asked::Plain(1, _) => Command::Pause,
                Asked::Plain(2, _) => Command::Counters,
                Asked::Plain(3, 0) => Command::Reset,
                Asked::Plain(3, _) => Command::Identify,
                Asked::Plain(_, step) => Command::Run(*step),
                Asked::Work => {
                    for _ in 0..3 {
                        board.work(now);
                    }
                    continue;
                }
            };
            let _ = ask(&mut board, &command, now);
            let state = board.state();
            prop_assert!(state.ordered >= state.step);
        }
    }
}
