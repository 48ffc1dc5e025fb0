//! `railyard board` through the program itself: a virtual board as a process, and runs on it.
#![cfg(not(target_arch = "wasm32"))]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use railyard::data::catalog;
use railyard::train::config::{Precision, Preset, RunConfig};
use railyard::train::{Advance, Trainer};
use serde_json::Value;

/// The run of all tests, as options.
const RUN: [&str; 4] = ["--preset", "tiny", "--data", "fashion-mnist-subset"];

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_railyard"));
    command.arg("board").args(args);
    command
}

fn board(args: &[&str]) -> Output {
    command(args).output().expect("the program runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A command's last line as an object; it must succeed.
fn last_object(args: &[&str]) -> Value {
    let output = board(&[args, &["--json"]].concat());
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(text.lines().last().expect("a line")).unwrap()
}

/// A board as a process.
struct Served {
    child: Child,
    address: String,
}

impl Served {
    /// Starts one; nothing if it cannot, with what it says.
    fn start(args: &[&str]) -> Result<Self, String> {
        let mut child = command(&["serve"])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut address = String::new();
        out.read_line(&mut address).unwrap();
        if address.is_empty() {
            return Err(said(&child.wait_with_output().unwrap()));
        }
        let address = address.trim().to_owned();
        Ok(Self { child, address })
    }

    /// A board on a socket.
    fn tcp(args: &[&str]) -> (Self, String) {
        let served = Self::start(&[&["--tcp", "127.0.0.1:0"], args].concat()).unwrap();
        let port = format!("tcp:{}", served.address);
        (served, port)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The run's checksum after so many steps of the trainer alone.
fn checksum(steps: u64) -> String {
    let mut config = RunConfig::preset(Preset::Tiny, Precision::Fixed);
    config.data = "fashion-mnist-subset".into();
    let sets = catalog::open(&config.data).unwrap();
    let mut trainer = Trainer::new(config, sets.train, sets.test).unwrap();
    while trainer.step() < steps {
        assert!(matches!(trainer.advance(), Advance::Step(_)));
    }
    trainer.checksum()
}

fn trained(port: &str, options: &[&str]) -> Value {
    let train = ["train", "--port", port];
    last_object(&[&train, &RUN[..], options].concat())
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn a_run_over_a_socket_is_the_run_without_a_board() {
    let (_served, port) = Served::tcp(&[]);
    let expected = checksum(20);
    let log = file("board.log");
    let log_option = ["--steps", "20", "--log", log.to_str().unwrap()];
    for options in [&log_option[..], &["--steps", "20", "--check", "7"]] {
        let ended = trained(&port, options);
        assert_eq!(ended["finished"], 20);
        assert_eq!(
            ended["checksum"],
            Value::from(expected.as_str()),
            "{options:?}"
        );
    }
    // The board of the log can be looked at without the board.
    let recorded = format!("log:{}", log.display());
    let info = last_object(&["info", "--port", &recorded, RUN[0], RUN[1], RUN[2], RUN[3]]);
    assert_eq!(info["capabilities"]["device"], "virtual zu3eg");
    let refused = board(&["ask", "--port", &recorded, "run", "99999"]);
    assert!(
        said(&refused).contains("recorded log"),
        "{}",
        said(&refused)
    );
}

#[test]
fn a_run_over_a_pseudo_terminal_is_the_run_without_a_board() {
    let served = match Served::start(&["--pty"]) {
        Ok(served) => served,
        Err(reason) => return println!("skipped: {reason}"),
    };
    for steps in [12, 3] {
        let count = steps.to_string();
        let ended = trained(&served.address, &["--steps", &count]);
        assert_eq!(ended["checksum"], Value::from(checksum(steps)));
    }
}

#[test]
fn a_run_in_one_process_goes_on_from_its_checkpoint() {
    let out = file("board.safetensors");
    let out = out.to_str().unwrap();
    let first = trained(
        "virtual",
        &["--baud", "12000000", "--steps", "4", "--out", out],
    );
    assert_eq!(first["checksum"], Value::from(checksum(4)));
    let resumed = [
        "train", "--port", "virtual", "--resume", out, "--steps", "3",
    ];
    assert_eq!(last_object(&resumed)["checksum"], Value::from(checksum(7)));
}

#[test]
fn a_line_with_faults_changes_no_word() {
    let faults = [
        "--corrupt",
        "0.01",
        "--drop",
        "0.01",
        "--duplicate",
        "0.02",
        "--reorder",
        "0.02",
        "--garbage",
        "0.02",
        "--seed",
        "5",
    ];
    let (_served, port) = Served::tcp(&faults);
    let ended = trained(&port, &["--steps", "6"]);
    assert_eq!(ended["checksum"], Value::from(checksum(6)));
}

#[test]
fn a_board_says_what_it_is_and_holds_what_the_simulator_does() {
    let (_served, port) = Served::tcp(&["--device", "ecp5-85f"]);
    let info = last_object(&[&["info", "--port", &port], &RUN[..]].concat());
    assert_eq!(info["capabilities"]["device"], "virtual ecp5-85f");
    assert_eq!(info["machine"]["name"], "published");
    assert_eq!(info["state"]["phase"], "Empty");
    assert_eq!(info["fit"]["fits"], true);
    let found = last_object(&[&["verify", "--port", &port], &RUN[..]].concat());
    assert_eq!(
        (&found["step"], &found["differences"]),
        (&1.into(), &0.into())
    );
    assert!(found["words"].as_u64().unwrap() > 1000);
    assert_eq!(found["board"], found["simulator"]);
    let state = board(&["ask", "--port", &port, "status"]);
    let state = String::from_utf8(state.stdout).unwrap();
    assert!(
        state.starts_with("standing still; 1 steps taken"),
        "{state}"
    );
    let read = board(&["ask", "--port", &port, "read master 0 0 16"]);
    let read = String::from_utf8(read.stdout).unwrap();
    assert!(read.starts_with("00000000  "), "{read}");
}

#[test]
fn a_killed_board_ends_the_run_with_its_last_checkpoint() {
    // So slow that the run is far from its end.
    let (mut served, port) = Served::tcp(&["--baud", "3000000"]);
    let out = file("killed.safetensors");
    let _ = std::fs::remove_file(&out);
    let train = [
        "train",
        "--port",
        &port,
        "--json",
        "--out",
        out.to_str().unwrap(),
    ];
    let mut run = command(&[&train[..], &RUN[..]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(run.stdout.take().unwrap()).lines();
    for _ in 0..5 {
        lines.next().expect("a step").unwrap();
    }
    served.child.kill().unwrap();
    let killed = Instant::now();
    let told: Vec<Value> = lines
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    let output = run.wait_with_output().unwrap();
    // Two seconds are meant; the rest is for a busy computer.
    assert!(killed.elapsed() < Duration::from_secs(10));
    assert!(!output.status.success());
    let sentence = said(&output);
    assert!(sentence.contains("the last one verified"), "{sentence}");
    let bytes = std::fs::read(&out).unwrap();
    let sets = catalog::open("fashion-mnist-subset").unwrap();
    let trainer = Trainer::resume(&bytes, sets.train, sets.test).unwrap();
    let step = told.last().map_or(5, |step| step["step"].as_u64().unwrap());
    assert_eq!(trainer.step(), step);
    assert_eq!(trainer.checksum(), checksum(step));
}

#[test]
fn a_board_on_standard_input_ends_with_it() {
    let child = command(&["serve", "--stdio"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Its end of the input is closed by waiting.
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(output.stdout.is_empty());
}

#[test]
fn what_cannot_be_done_is_said_in_a_sentence() {
    let (served, port) = Served::tcp(&[]);
    let float = [
        &["train", "--port", &port, "--precision", "float"],
        &RUN[..],
    ]
    .concat();
    let cases: [(&[&str], &str); 7] = [
        (&["info", "--port", "/dev/no-such-port"], "no such port"),
        (&["info", "--port", "tcp:127.0.0.1:1"], "board serve"),
        (&["info", "--port", "log:/no/such/file"], "/no/such/file"),
        (&["ask", "--port", "virtual", "dance"], "choose identify"),
        (&["serve", "--tcp", "nowhere"], "--tcp nowhere"),
        (&["serve", "--pty", "--drop", "2"], "from 0 to 1"),
        (&float, "fixed point"),
    ];
    for (args, words) in cases {
        let output = board(args);
        assert!(!output.status.success(), "{args:?}");
        let sentence = said(&output);
        assert!(sentence.contains(words), "{args:?}: {sentence}");
    }
    drop(served);
}
