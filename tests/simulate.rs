//! `railyard simulate` and `railyard explore` through the program itself.
#![cfg(not(target_arch = "wasm32"))]

use std::path::PathBuf;
use std::process::{Command, Output};

use railyard::accel::Machine;
use railyard::accel::machine::PRESETS;
use serde_json::{Value, json};

fn railyard(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_railyard"))
        .args(args)
        .output()
        .expect("the program runs")
}

/// The lines that a command prints with `--json`.
fn objects(args: &[&str]) -> Vec<Value> {
    let output = railyard(&[args, &["--json"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn of_kind<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["kind"] == kind).collect()
}

fn whole(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value}"))
}

/// A file of its own for each test.
fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn the_published_table() {
    let lines = objects(&["simulate", "--schedule", "paper", "--machine", "published"]);
    let [table] = of_kind(&lines, "published")[..] else {
        panic!("one table");
    };
    let figures = |row: &str| {
        let names = ["macs", "compute_beats", "ping_pong", "published_overlap"];
        names.map(|name| whole(&table[row][name]))
    };
    assert_eq!(figures("whole"), [4_063_232, 58_800, 61_650, 68_306]);
    assert_eq!(
        figures("without_outer"),
        [3_604_480, 30_128, 32_978, 39_634]
    );
    assert_eq!(whole(&table["outer_on_array"]["ping_pong"]), 36_562);
    assert_eq!(table["whole"]["macs_per_multiplier"], 31_744.0);
    // The trainer's own step is told apart from it, to the cycle.
    let cycles = |list: &str| -> u64 {
        let list = table[list].as_array().unwrap();
        assert!(!list.is_empty());
        list.iter().map(|op| whole(&op["cycles"])).sum()
    };
    assert_eq!(whole(&table["cycles_on_this_machine"]), 68_306);
    let sample = whole(&of_kind(&lines, "total")[0]["cycles"]["per_sample"]);
    assert_eq!(
        68_306 + cycles("added_by_the_trainer") - cycles("left_out_by_the_trainer"),
        sample
    );
    let other = objects(&["simulate", "--schedule", "paper", "--array", "8x8"]);
    let table = of_kind(&other, "published")[0];
    assert_eq!(whole(&table["whole"]["ping_pong"]), 120_546);
    assert_eq!(whole(&table["outer_on_array"]["ping_pong"]), 70_370);
    // Another schedule or other ranks are not the published step.
    for args in [["--schedule", "chain"], ["--ranks", "8,8,8/8"]] {
        let lines = objects(&[&["simulate"], &args[..]].concat());
        assert!(of_kind(&lines, "published").is_empty());
    }
}

#[test]
fn everything_is_accounted_for() {
    for machine in PRESETS {
        for schedule in ["paper", "chain", "planned"] {
            let args = ["simulate", "--machine", machine, "--schedule", schedule];
            let lines = objects(&args);
            let ops = of_kind(&lines, "operation");
            let total = of_kind(&lines, "total")[0];
            let (mut macs, mut cycles, mut bytes) = (0, 0, 0.0);
            for op in &ops {
                let runs = whole(&op["runs"]);
                macs += runs * whole(&op["macs"]);
                cycles += runs * whole(&op["cycles"]);
                bytes += runs as f64 * op["bytes"]["activations"].as_f64().unwrap();
                let stages = op["stalls"].as_object().unwrap();
                assert!(!stages.is_empty());
                for shares in stages.values() {
                    let shares = shares.as_object().unwrap().values();
                    let sum: f64 = shares.map(|share| share.as_f64().unwrap()).sum();
                    assert!((sum - 1.0).abs() < 1e-12, "{}: {sum}", op["name"]);
                }
            }
            assert_eq!(macs, whole(&total["counters"]["macs"]));
            assert_eq!(cycles, whole(&total["cycles"]["per_step"]));
            let all = total["bytes"]["activations"].as_f64().unwrap();
            assert!((bytes - all).abs() < 1e-6 * all);
            let tracks = total["tracks"].as_object().unwrap();
            assert_eq!(tracks.len(), 9);
            for causes in tracks.values() {
                let sum: u64 = causes.as_object().unwrap().values().map(whole).sum();
                assert_eq!(sum, cycles);
            }
            let memories = total["fit"]["memories"].as_array().unwrap();
            let blocks: u64 = memories.iter().map(|m| whole(&m["blocks"])).sum();
            assert_eq!(blocks, whole(&total["fit"]["blocks_used"]));
        }
    }
}

#[test]
fn text_names_what_is_modelled_counted_and_published() {
    let output = railyard(&["simulate", "--schedule", "paper"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = objects(&["simulate", "--schedule", "paper"]);
    let plain = whole(&of_kind(&lines, "total")[0]["cycles"]["per_sample"]);
    let (thousands, rest) = (plain / 1000, plain % 1000);
    for words in [
        format!("modelled: {thousands},{rest:03} cycles per sample"),
        "counted per step".into(),
        "published: 59 x and 123 x".into(),
        "61,650".into(),
        "does not fit: fc1.dW".into(),
        "the trainer's sample is not that step".into(),
    ] {
        assert!(text.contains(&words), "`{words}` is not in\n{text}");
    }
}

/// Makes a machine one that is not accepted.
type Change = fn(&mut Value);

#[test]
fn machines_from_files() {
    let mut machine = Machine::overlapped().with_array(8, 4);
    machine.pipeline.compute = 6;
    let good = file("good.json", &serde_json::to_string(&machine).unwrap());
    let lines = objects(&["simulate", "--machine", good.to_str().unwrap()]);
    let total = of_kind(&lines, "total")[0];
    assert_eq!(total["machine"], serde_json::to_value(&machine).unwrap());
    let sound = serde_json::to_value(&machine).unwrap();
    let bad: [(Change, [&str; 2]); 7] = [
        (|m| m["rows"] = json!(0), ["rows", "1 to 256"]),
        (|m| m["clock_mhz"] = json!(-5), ["clock_mhz", "1 to 2000"]),
        (
            |m| m["last"]["overlap"] = json!("all"),
            ["last.overlap", "`full`"],
        ),
        (
            |m| m["middle"]["output_buffers"] = json!(99),
            ["middle.output_buffers", "1 to 8"],
        ),
        (|m| m["speed"] = json!(1), ["speed", "`lanes`"]),
        (|m| m["device"] = json!("fpga"), ["device", "`zu3eg`"]),
        (
            |m| {
                m.as_object_mut().unwrap().remove("elementwise");
            },
            ["elementwise", "missing"],
        ),
    ];
    for (nth, (change, words)) in bad.iter().enumerate() {
        let mut machine = sound.clone();
        change(&mut machine);
        let path = file(&format!("bad{nth}.json"), &machine.to_string());
        let output = railyard(&["simulate", "--machine", path.to_str().unwrap()]);
        let sentence = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{sentence}");
        for word in words {
            assert!(sentence.contains(word), "`{word}` is not in {sentence}");
        }
        assert!(output.stdout.is_empty());
    }
    let broken = file("broken.json", "{\"lanes\": ");
    for machine in [broken.to_str().unwrap(), "no-such-machine"] {
        let output = railyard(&["simulate", "--machine", machine]);
        assert_eq!(output.status.code(), Some(2));
    }
}

#[test]
fn a_device_an_array_and_assumptions_are_heard() {
    let total = |args: &[&str]| {
        let lines = objects(&[&["simulate", "--preset", "tiny"], args].concat());
        of_kind(&lines, "total")[0].clone()
    };
    let plain = total(&[]);
    let small = total(&["--device", "ecp5-25f"]);
    assert_eq!(whole(&small["fit"]["blocks_available"]), 56);
    assert_eq!(small["cycles"], plain["cycles"]);
    assert_eq!(small["fit"]["fits"], false);
    let ratio = |total: &Value, name: &str| total["comparison"][name].as_f64().unwrap();
    let half = total(&["--cpu-efficiency", "0.05", "--board-watts", "3.7"]);
    let double = ratio(&half, "speed_ratio") / ratio(&plain, "speed_ratio");
    assert!((double - 2.0).abs() < 1e-9);
    assert!((ratio(&half, "energy_ratio") - ratio(&half, "speed_ratio")).abs() < 1e-9);
    let energy = |total: &Value| total["energy"]["sram"].as_f64().unwrap();
    let factor = energy(&total(&["--fpga-factor"])) / energy(&plain);
    assert!((factor - 14.0).abs() < 1e-9);
    let own = plain["seconds"]["per_sample"].as_f64().unwrap();
    let measured = total(&["--measured", "1000"])["measured"]["speed_ratio"].clone();
    assert!((measured.as_f64().unwrap() * own * 1000.0 - 1.0).abs() < 1e-9);
    assert_eq!(plain["measured"], Value::Null);
    let other = total(&["--energy-table", "accelergy-40nm"]);
    assert_eq!(other["energy"]["table"]["name"], "accelergy-40nm");
    for bad in [
        ["--array", "16"],
        ["--array", "0x8"],
        ["--device", "zu9eg"],
        ["--cpu-efficiency", "1.5"],
        ["--board-watts", "nan"],
        ["--measured", "0"],
        ["--energy-table", "none"],
        ["--engine", "abacus"],
    ] {
        let output = railyard(&[&["simulate"], &bad[..]].concat());
        let sentence = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{sentence}");
        assert!(sentence.contains(bad[0]) && sentence.contains(bad[1]));
    }
}

#[test]
fn a_checkpoint_brings_its_ranks() {
    let checkpoint = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/assets/example-run.safetensors"
    );
    let lines = objects(&["simulate", "--checkpoint", checkpoint]);
    let full = objects(&["simulate"]);
    let cycles = |lines: &[Value]| whole(&of_kind(lines, "total")[0]["cycles"]["per_sample"]);
    let ranks = |lines: &[Value]| of_kind(lines, "total")[0]["ranks"].clone();
    assert_ne!(ranks(&lines), ranks(&full));
    assert!(cycles(&lines) < cycles(&full));
    let output = railyard(&[
        "simulate",
        "--checkpoint",
        file("no.safetensors", "no").to_str().unwrap(),
    ]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("no.safetensors"));
    let output = railyard(&["simulate", "--checkpoint", checkpoint, "--preset", "tiny"]);
    assert_eq!(output.status.code(), Some(2));
}

const SWEEP: [&str; 9] = [
    "explore",
    "--arrays",
    "4x4,16x8",
    "--machines",
    "streamlined,published",
    "--precisions",
    "4/8/16,4/8/8",
    "--devices",
    "zu3eg,ecp5-25f",
];

#[test]
fn the_front_holds_what_nothing_beats() {
    let cases = objects(&SWEEP);
    assert_eq!(cases.len(), 2 * 2 * 2 * 2 * 3);
    let costs = |case: &Value| {
        let ram = whole(&case["blocks_used"]) * whole(&case["block_kbit"]);
        let energy = case["joules_per_sample_high"].as_f64().unwrap();
        (whole(&case["step_cycles"]), ram, energy)
    };
    let beats = |a: &Value, b: &Value| {
        let (a, b) = (costs(a), costs(b));
        a != b && a.0 <= b.0 && a.1 <= b.1 && a.2 <= b.2
    };
    let fitting: Vec<&Value> = cases.iter().filter(|case| case["fits"] == true).collect();
    assert!(!fitting.is_empty() && fitting.len() < cases.len());
    for case in &cases {
        let beaten = fitting.iter().any(|other| beats(other, case));
        let expected = case["fits"] == true && !beaten;
        assert_eq!(case["front"], expected, "{case}");
        assert_eq!(case["fits"] == false, case["overflow"] != "", "{case}");
    }
    // A case is what `simulate` says of the same machine.
    let same = objects(&[
        "simulate",
        "--machine",
        "streamlined",
        "--array",
        "16x8",
        "--schedule",
        "chain",
        "--device",
        "zu3eg",
    ]);
    let total = of_kind(&same, "total")[0];
    let case = cases.iter().find(|case| {
        case["machine"] == "streamlined"
            && case["lanes"] == 16
            && case["schedule"] == "chain"
            && case["device"] == "zu3eg"
            && case["gradient_bits"] == 16
    });
    let case = case.expect("swept");
    assert_eq!(case["step_cycles"], total["cycles"]["per_step"]);
    assert_eq!(case["blocks_used"], total["fit"]["blocks_used"]);
    assert_eq!(
        case["joules_per_sample_low"],
        total["energy"]["per_sample"]["low"]
    );
}

#[test]
fn a_sweep_as_csv() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sweep.csv");
    let output = railyard(&[&SWEEP[..], &["--csv", path.to_str().unwrap()]].concat());
    assert!(output.status.success());
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(
        table.contains("48 cases") && table.contains("front"),
        "{table}"
    );
    let text = std::fs::read_to_string(&path).unwrap();
    let piped = railyard(&[&SWEEP[..], &["--csv", "-"]].concat());
    assert_eq!(String::from_utf8(piped.stdout).unwrap(), text);
    assert!(!path.with_extension("partial").exists());
    let cases = objects(&SWEEP);
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!(names.len(), cases[0].as_object().unwrap().len());
    for (line, case) in lines.by_ref().zip(&cases) {
        // Only the last column, the sentence, may hold commas.
        let fields: Vec<&str> = line.splitn(names.len(), ',').collect();
        assert_eq!(fields.len(), names.len());
        for (name, field) in names.iter().zip(fields) {
            let expected = case[name]
                .as_str()
                .map_or_else(|| case[name].to_string(), str::to_owned);
            assert_eq!(field.trim_matches('"'), expected, "{name}");
        }
    }
    assert!(lines.next().is_none());
    for bad in [
        ["--arrays", "4x4,5"],
        ["--precisions", "4/8"],
        ["--schedules", "fast"],
        ["--devices", "none"],
    ] {
        let output = railyard(&[&["explore"], &bad[..]].concat());
        assert_eq!(output.status.code(), Some(2));
    }
    let output = railyard(&["explore", "--precisions", "4/8/99"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("gradient"));
}
