//! `railyard compare`: rows are the runs that `railyard train` makes, costs are what is counted, files come back.

use std::process::{Command, Output};

use railyard::compare::Comparison;
use railyard::json;

fn railyard(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_railyard"));
    command.args(arguments).output().expect("runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const CIRCULANT: &str =
    "--preset tiny --method circulant:block=8 --precision fixed --bits 8,8,16,16 --label ring";

#[test]
fn rows_are_the_runs_that_train_makes() {
    let file = std::env::temp_dir().join("railyard-compare-test.json");
    let out = railyard(&[
        "compare",
        "--seeds",
        "1,2",
        "--epochs",
        "1",
        "--run",
        CIRCULANT,
        "--run",
        "--preset tiny",
        "--out",
        file.to_str().expect("a path"),
    ]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let table = text(&out.stdout);
    assert!(
        table.contains("ring") && table.contains("tensor train"),
        "{table}"
    );
    let bytes = std::fs::read(&file).expect("written");
    let comparison: Comparison = json::read(&bytes).expect("the page reads it");
    std::fs::remove_file(&file).expect("removed");
    assert_eq!(comparison.rows.len(), 2);
    for (row, options) in comparison.rows.iter().zip([
        &["--method", "circulant:block=8", "--bits", "8,8,16,16"][..],
        &[],
    ]) {
        assert_eq!(
            row.runs.iter().map(|run| run.seed).collect::<Vec<_>>(),
            [1, 2]
        );
        let train = [
            "train",
            "--preset",
            "tiny",
            "--precision",
            "fixed",
            "--epochs",
            "1",
            "--json",
            "--seed",
            "2",
        ];
        let out = railyard(&[&train, options].concat());
        let epoch: serde_json::Value = serde_json::from_slice(&out.stdout).expect("one epoch");
        assert_eq!(epoch["checksum"], row.runs[1].checksum);
        assert_eq!(epoch["parameter_bits"], row.cost.parameter_bits);
        assert_eq!(epoch["dense_bits"], row.cost.dense_bits);
        let accuracy = epoch["test_accuracy"].as_f64().expect("a number");
        assert!((accuracy - f64::from(row.runs[1].accuracy())).abs() < 1e-6);
        assert!(row.cost.inference.cycles > 0 && row.cost.work.multiplies > 0);
    }
    // 896-64-16 in blocks of 8: 7,168 + 128 values of 8 bits, and 80 biases.
    assert_eq!(comparison.rows[0].cost.values, 7168 + 128);
    assert_eq!(
        comparison.rows[0].cost.parameter_bits,
        8 * (7168 + 128 + 80)
    );
}

#[test]
fn what_is_wrong_with_a_row_is_said_with_the_row() {
    for (arguments, sentence) in [
        (&["compare"][..], "nothing to compare"),
        (
            &["compare", "--run", "--method butterfly"],
            "`butterfly` is none; there are dense",
        ),
        (
            &["compare", "--run", "--preset tiny --nonsense"],
            "unexpected argument '--nonsense'",
        ),
        (
            &["compare", "--run", "--method circulant:block=7"],
            "choose a power of two from 2 to 128",
        ),
        (
            &["compare", "--run", "--preset tiny", "--seeds", "one"],
            "`one` is not a whole number",
        ),
        (
            &["compare", "--run", "--preset tiny", "--data", "nowhere"],
            "nowhere",
        ),
    ] {
        let out = railyard(arguments);
        assert!(!out.status.success());
        assert!(
            text(&out.stderr).contains(sentence),
            "{}",
            text(&out.stderr)
        );
    }
}

#[test]
fn what_needs_a_program_refuses_a_method() {
    for command in [
        &["plan"][..],
        &["simulate"],
        &["bench"],
        &["board", "train", "--port", "virtual"],
    ] {
        let out = railyard(&[command, &["--method", "dense"]].concat());
        assert!(!out.status.success(), "{command:?}");
        let error = text(&out.stderr);
        assert!(
            error.contains("held by the method `dense`"),
            "{command:?}: {error}"
        );
    }
}

#[test]
fn every_method_is_listed_with_its_knobs() {
    let list = text(&railyard(&["compare", "--list"]).stdout);
    for method in railyard::methods::ALL {
        assert!(list.contains(method.name()) && list.contains(method.title()));
        for knob in method.knobs() {
            assert!(list.contains(knob.name) && list.contains(knob.title));
        }
    }
}

#[test]
fn what_a_file_has_is_kept_and_the_rest_is_trained() {
    let file = std::env::temp_dir().join(format!("railyard-keep-{}.json", std::process::id()));
    let path = file.to_str().expect("a path");
    let compare = |runs: &[&str], more: &[&str]| {
        let runs = runs.iter().flat_map(|run| ["--run", run]);
        let head = ["compare", "--epochs", "1", "--out", path];
        let all: Vec<&str> = head
            .into_iter()
            .chain(runs)
            .chain(more.iter().copied())
            .collect();
        railyard(&all)
    };
    let out = compare(&[CIRCULANT], &[]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let before = std::fs::read_to_string(&file).expect("written");
    let out = compare(&["--preset tiny --label train", CIRCULANT], &["--keep"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let said = text(&out.stderr);
    assert!(said.contains("train ") && !said.contains("ring"), "{said}");
    let first: Comparison = json::read(before.as_bytes()).expect("read");
    let second: Comparison = json::read(&std::fs::read(&file).expect("written")).expect("read");
    assert_eq!(second.rows.len(), 2);
    assert_eq!(second.rows[0].label, "train");
    assert_eq!(second.rows[1], first.rows[0]);
    // Of another machine nothing can be kept.
    let out = compare(&[CIRCULANT], &["--keep", "--machine", "published"]);
    assert!(!out.status.success());
    assert!(text(&out.stderr).contains("another machine"));
    std::fs::remove_file(&file).expect("removed");
}
