//! A table of one's own on the command line: trained on, or refused with the reason.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A file in a folder of this test's, removed with it.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("railyard-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.0.parent().unwrap());
    }
}

fn train(file: &File, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_railyard"))
        .args(["train", "--json", "--data"])
        .arg(&file.0)
        .args(more)
        .output()
        .unwrap()
}

/// Three classes, told apart by which third of 36 numbers is high.
fn stripes(rows: usize) -> String {
    let mut text = String::new();
    for row in 0..rows {
        let class = row % 3;
        write!(text, "{}", ["low", "mid", "high"][class]).unwrap();
        for place in 0..36 {
            let noise = (row * 31 + place * 17) % 50;
            let value = noise + if place / 12 == class { 180 } else { 0 };
            write!(text, ",{value}").unwrap();
        }
        text.push('\n');
    }
    text
}

#[test]
fn a_table_is_trained_on_by_a_network_that_fits_it() {
    let file = File::new("stripes.csv", &stripes(300));
    let out = train(
        &file,
        &["--network", "fit", "--epochs", "6", "--batch", "16"],
    );
    assert!(out.status.success(), "{out:?}");
    let printed = String::from_utf8(out.stdout).unwrap();
    let last: serde_json::Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    assert!(last["test_accuracy"].as_f64().unwrap() > 0.95, "{last}");
}

#[test]
fn what_cannot_be_trained_on_is_refused_with_the_reason() {
    let good = stripes(60);
    for (name, text, more, words) in [
        (
            "other.csv",
            good.as_str(),
            &[][..],
            &["6 x 6", "input modes"][..],
        ),
        (
            "ragged.csv",
            "a,1,2\nb,1\na,1,2\n",
            &["--network", "fit"],
            &["ragged.csv", "line"],
        ),
        (
            "words.tsv",
            "hello\n",
            &["--network", "fit"],
            &["words.tsv", "accepted is text"],
        ),
        (
            "strange.xyz",
            good.as_str(),
            &[],
            &["strange.xyz", "a table (.csv"],
        ),
    ] {
        let file = File::new(name, text);
        let out = train(&file, more);
        let said = String::from_utf8(out.stderr).unwrap();
        assert!(!out.status.success(), "{name}");
        for word in words {
            assert!(said.contains(word), "{name}: {said} lacks {word}");
        }
    }
}
