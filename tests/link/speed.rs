//! How much of the line carries what was asked for, and whether the time model says how long it takes.

use railyard::link::command::{Command, MAX_DATA};
use railyard::link::frame::MAX_PAYLOAD;
use railyard::link::line::{Faults, LineSettings};
use railyard::link::responder::WINDOW;
use railyard::link::session::Limits;
use railyard::link::time::LinkTime;
use railyard::numeric::{Seed, Stream};

use crate::memory::{Bench, MEMORY, Memory, at};

fn line(baud: u32, delay: f32) -> LineSettings {
    LineSettings {
        baud,
        delay,
        faults: Faults::default(),
        seed: 1,
    }
}

fn bench(baud: u32, delay: f32) -> Bench<Memory> {
    let limits = Limits {
        baud,
        ..Limits::default()
    };
    let mut bench = Bench::opened(Memory::default(), line(baud, delay), limits);
    let random = Stream::new(Seed(9), 0, 0, 0);
    let memory = &mut bench.wired.device().bytes;
    for (i, byte) in memory.iter_mut().enumerate() {
        *byte = random.bits(i as u32) as u8;
    }
    bench
}

/// Random bytes.
fn data(len: usize) -> Vec<u8> {
    let random = Stream::new(Seed(8), 0, 0, 0);
    (0..len).map(|i| random.bits(i as u32) as u8).collect()
}

/// Milliseconds until all requests are answered.
fn time(bench: &mut Bench<Memory>) -> f64 {
    let began = bench.now;
    bench.until(|session| session.waiting() == 0);
    assert_eq!(bench.session.statistics().repeated, 0);
    bench.now - began
}

/// Share of the line's bytes that are data, writing and reading the whole memory.
fn shares(baud: u32, delay: f32) -> [f64; 2] {
    let line = MEMORY as f64 * 10_000.0 / f64::from(baud);
    let data = data(MEMORY);
    let mut host = bench(baud, delay);
    for (i, block) in data.chunks(MAX_DATA).enumerate() {
        host.session
            .submit(&Command::Write(at(i * MAX_DATA), block));
    }
    let written = line / time(&mut host);
    assert!(host.wired.device().bytes == data);
    let mut host = bench(baud, delay);
    let blocks = MEMORY / MAX_PAYLOAD;
    let tickets: Vec<_> = (0..blocks)
        .map(|i| {
            let read = Command::Read(at(i * MAX_PAYLOAD), MAX_PAYLOAD as u16);
            host.session.submit(&read)
        })
        .collect();
    let read = line / time(&mut host);
    let mut bytes = vec![];
    for ticket in tickets {
        bytes.extend(host.session.answer(ticket).unwrap().unwrap());
    }
    assert!(bytes == host.wired.device().bytes);
    [written, read]
}

#[test]
fn nine_tenths_of_the_line_carry_data_on_bulk_transfers() {
    for delay in [0.0, 1.0, 16.0] {
        let [written, read] = shares(1_000_000, delay);
        println!(
            "1 Mbaud, {delay} ms: {:.1} % written, {:.1} % read",
            100.0 * written,
            100.0 * read
        );
        assert!(
            written >= 0.9 && read >= 0.9,
            "{delay} ms: {written} {read}"
        );
    }
    // At 3 Mbaud a window of eight frames is shorter than the way there and back with an adapter that
    // waits 16 ms: the window is the limit.
    let [written, read] = shares(3_000_000, 16.0);
    println!(
        "3 Mbaud, 16 ms: {:.1} % written, {:.1} % read",
        100.0 * written,
        100.0 * read
    );
    assert!(written > 0.6 && read > 0.6);
}

#[test]
fn the_time_model_is_right_within_five_per_cent() {
    let mut worst = 0.0_f64;
    let mut check = |what: &str, model: f64, real: f64| {
        let error = (model / real - 1.0).abs();
        assert!(error < 0.05, "{what}: {model} ms, not {real}");
        worst = worst.max(error);
    };
    for baud in [115_200, 1_000_000, 3_000_000] {
        for delay in [0.0, 1.0, 16.0] {
            for len in [8, 100, 500, 1000, MAX_DATA] {
                for count in [1, 3, 8, 20, 100] {
                    let model = LinkTime {
                        baud,
                        delay: f64::from(delay),
                        window: WINDOW,
                    };
                    let what = format!("{baud} baud, {delay} ms, {count} x {len} bytes");
                    let block = data(len);

                    let mut host = bench(baud, delay);
                    for _ in 0..count {
                        host.session.submit(&Command::Write(at(0), &block));
                    }
                    let (request, answer) = (8 + len, 0);
                    let real = time(&mut host);
                    check(&what, model.bulk(count, request, answer), real);
                    let exchanges = vec![(request, answer); count];
                    check(&what, model.milliseconds(exchanges), real);

                    let mut host = bench(baud, delay);
                    for i in 0..count {
                        host.session.submit(&Command::Read(at(i * 7), len as u16));
                    }
                    let real = time(&mut host);
                    check(&what, model.bulk(count, 10, len), real);
                }
                // One after the other.
                let mut host = bench(baud, delay);
                let began = host.now;
                for i in 0..10 {
                    host.session.submit(&Command::Read(at(i * 7), len as u16));
                    time(&mut host);
                }
                let model = LinkTime {
                    baud,
                    delay: f64::from(delay),
                    window: 1,
                };
                let what = format!("{baud} baud, {delay} ms, stop and wait, {len} bytes");
                check(&what, model.bulk(10, 10, len), host.now - began);
                check(&what, 10.0 * model.single(10, len), host.now - began);
            }
        }
    }
    println!("largest error of the time model: {:.2} %", 100.0 * worst);
}

#[test]
fn the_time_of_different_exchanges_is_right_within_five_per_cent() {
    for baud in [115_200, 1_000_000, 3_000_000] {
        for delay in [0.0, 1.0, 16.0] {
            let mut host = bench(baud, delay);
            let block = data(900);
            let mut exchanges = vec![];
            for i in 0..60_usize {
                let len = 1 + i * 389 % 900;
                if i % 3 == 0 {
                    host.session.submit(&Command::Read(at(i), len as u16));
                    exchanges.push((10, len));
                } else {
                    host.session.submit(&Command::Write(at(i), &block[..len]));
                    exchanges.push((8 + len, 0));
                }
            }
            let model = LinkTime {
                baud,
                delay: f64::from(delay),
                window: WINDOW,
            };
            let (model, real) = (model.milliseconds(exchanges), time(&mut host));
            assert!((model / real - 1.0).abs() < 0.05, "{model} {real}");
        }
    }
}
