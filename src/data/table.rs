//! Tables of numbers with a label in each row: CSV and its relatives, made into images.
//!
//! One row is one sample. The separator is the comma, semicolon or tab that the first line has most of;
//! fields may be quoted. The label stands in the column named `label`, `class`, `target` or `species`, or
//! else in the last column if that is text, or else in the first. A row with a missing value, with something that
//! is no number, or with too few or too many fields is left out; of more than one in twenty the table is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Dataset, MAX_IMAGES, MAX_PIXELS, MAX_SIDE, TrainTest, split};

/// A table that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its rows as images, the last seventh of every class for testing.
    pub sets: TrainTest,
    /// How it was understood, in a sentence or two.
    pub said: String,
}

/// Whether a file's name says that it is a table.
#[must_use]
pub fn is_named(name: &str) -> bool {
    let name = name.to_lowercase();
    [".csv", ".tsv", ".txt"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// Why a table was refused: what was wrong, where, and what is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableError(String);

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TableError {}

const ACCEPTED: &str = "accepted is text with one sample a row: a label and up to 4,096 numbers, separated by commas, semicolons or tabs";
/// Names of the label's column.
const LABELS: [&str; 4] = ["label", "class", "target", "species"];
/// Of so many rows one may be left out.
const FAULTY_SHARE: usize = 20;

fn wrong(text: impl fmt::Display) -> TableError {
    TableError(format!("{text}; {ACCEPTED}."))
}

/// The fields of a line; doubled quotes stand for one.
fn fields(line: &str, separator: char) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let at = fields.len() - 1;
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                fields[at].push('"');
            }
            '"' => quoted = !quoted,
            letter if letter == separator && !quoted => fields.push(String::new()),
            letter => fields[at].push(letter),
        }
    }
    fields
        .into_iter()
        .map(|field| field.trim().to_string())
        .collect()
}

fn number(field: &str) -> Option<f32> {
    field.parse::<f32>().ok().filter(|value| value.is_finite())
}

/// The rows that can be used, and what was left out.
struct Rows {
    labels: Vec<String>,
    values: Vec<f32>,
    width: usize,
    /// Line numbers, from 1, of rows that were left out, with what is wrong with the first.
    faulty: Vec<usize>,
    first_fault: String,
    /// The label's column, as it is told.
    column: String,
}

fn rows(text: &str) -> Result<Rows, TableError> {
    let mut lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    let (_, first) = lines
        .clone()
        .next()
        .ok_or_else(|| wrong("The table is empty"))?;
    let separator = [',', ';', '\t']
        .into_iter()
        .max_by_key(|separator| first.matches(*separator).count())
        .filter(|separator| first.contains(*separator))
        .ok_or_else(|| wrong("The first line has a single field"))?;
    let names = fields(first, separator);
    let known = names
        .iter()
        .position(|name| LABELS.contains(&name.to_lowercase().as_str()));
    // A row of numbers has at most its label in letters.
    let header = known.is_some() || names.iter().filter(|name| number(name).is_none()).count() > 1;
    if header {
        lines.next();
    }
    let (_, sample) = lines
        .clone()
        .next()
        .ok_or_else(|| wrong("The table has names of columns but no rows"))?;
    let sample = fields(sample, separator);
    let last = names.len() - 1;
    let label = known.unwrap_or_else(|| {
        let text = sample
            .get(last)
            .is_some_and(|field| number(field).is_none() && !field.is_empty());
        if text { last } else { 0 }
    });
    let mut rows = Rows {
        labels: vec![],
        values: vec![],
        width: last,
        faulty: vec![],
        first_fault: String::new(),
        column: if header {
            format!("“{}”", names[label])
        } else {
            (label + 1).to_string()
        },
    };
    if rows.width == 0 || rows.width > MAX_SIDE * MAX_SIDE {
        return Err(wrong(format!("Rows have {} numbers", rows.width)));
    }
    for (at, line) in lines {
        if let Err(fault) = rows.take(&fields(line, separator), label) {
            if rows.faulty.is_empty() {
                rows.first_fault = fault;
            }
            rows.faulty.push(at + 1);
        }
        if rows.labels.len() > MAX_IMAGES || rows.values.len() > MAX_PIXELS / 4 {
            return Err(wrong(format!(
                "The table is too large: at most {MAX_IMAGES} rows and {} numbers in all are read",
                MAX_PIXELS / 4
            )));
        }
    }
    Ok(rows)
}

impl Rows {
    fn take(&mut self, fields: &[String], label: usize) -> Result<(), String> {
        if fields.len() != self.width + 1 {
            return Err(format!(
                "it has {} fields, not {}",
                fields.len(),
                self.width + 1
            ));
        }
        if fields[label].is_empty() {
            return Err("it has no label".into());
        }
        let before = self.values.len();
        for (column, field) in fields
            .iter()
            .enumerate()
            .filter(|(column, _)| *column != label)
        {
            let Some(value) = number(field) else {
                self.values.truncate(before);
                let what = if field.is_empty() {
                    "nothing".into()
                } else {
                    format!("“{}”", field.chars().take(20).collect::<String>())
                };
                return Err(format!(
                    "column {} has {what} where a number is wanted",
                    column + 1
                ));
            };
            self.values.push(value);
        }
        self.labels.push(fields[label].clone());
        Ok(())
    }

    /// Lines in words: a few of them, and how many more.
    fn lines(&self) -> String {
        let shown: Vec<String> = self
            .faulty
            .iter()
            .take(3)
            .map(ToString::to_string)
            .collect();
        let more = self.faulty.len() - shown.len();
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        format!("{}{more}", shown.join(", "))
    }
}

/// A key that sorts as the number it is of.
fn sortable(value: f32) -> u32 {
    let bits = value.to_bits();
    if value.is_sign_negative() {
        !bits
    } else {
        bits | 1 << 31
    }
}

/// Names of the classes, in the order of their numbers if they are numbers.
fn classes(labels: &[String]) -> Vec<String> {
    let numeric = labels.iter().all(|label| number(label).is_some());
    let mut known = BTreeSet::new();
    for label in labels {
        let place = number(label).filter(|_| numeric).map_or(0, sortable);
        known.insert((place, label.as_str()));
    }
    known
        .into_iter()
        .map(|(_, name)| (*name).to_string())
        .collect()
}

/// Rows and columns for so many numbers: a square, a single row, or the least square that holds them.
fn size(width: usize) -> (usize, usize) {
    let side = (1..=MAX_SIDE)
        .find(|side| side * side >= width)
        .unwrap_or(MAX_SIDE);
    if side * side != width && width <= MAX_SIDE {
        (1, width)
    } else {
        (side, side)
    }
}

/// Reads a table.
///
/// # Errors
/// If it is no text, too small or too large, or too many of its rows are faulty.
// Not among what a visit needs: scripts/shrink.mjs parts it off.
#[inline(never)]
pub fn read(bytes: &[u8]) -> Result<Table, TableError> {
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("The file is not text in UTF-8"))?;
    let rows = rows(text.trim_start_matches('\u{feff}'))?;
    let count = rows.labels.len();
    let (faults, first) = (rows.faulty.len(), &rows.first_fault);
    if faults * FAULTY_SHARE > count {
        return Err(wrong(format!(
            "{faults} of {} rows cannot be used: lines {}; of line {}, {first}",
            count + faults,
            rows.lines(),
            rows.faulty[0]
        )));
    }
    let names = classes(&rows.labels);
    if !(2..=256).contains(&names.len()) {
        return Err(wrong(format!(
            "Column {} holds {} different labels, where 2 to 256 make classes",
            rows.column,
            names.len()
        )));
    }
    let (low, high) = rows
        .values
        .iter()
        .fold((f32::MAX, f32::MIN), |(low, high), v| {
            (low.min(*v), high.max(*v))
        });
    let pixels = low >= 0.0 && high <= 255.0 && high > 1.0;
    let (low, range) = if pixels {
        (0.0, 255.0)
    } else {
        (low, (high - low).max(f32::MIN_POSITIVE))
    };
    let (height, width) = size(rows.width);
    let mut images = vec![0_u8; count * height * width];
    for (image, values) in images
        .chunks_exact_mut(height * width)
        .zip(rows.values.chunks_exact(rows.width))
    {
        for (pixel, value) in image.iter_mut().zip(values) {
            *pixel = ((value - low) / range * 255.0 + 0.5) as u8;
        }
    }
    let mut place = BTreeMap::new();
    for (k, name) in names.iter().enumerate() {
        place.insert(name.as_str(), k as u8);
    }
    let whole = Dataset {
        images: images.into(),
        labels: rows
            .labels
            .iter()
            .map(|label| place[label.as_str()])
            .collect(),
        height,
        width,
        classes: names.len(),
    };
    let (train, held) = split::last_seventh(&whole);
    if held.is_empty() {
        return Err(wrong(
            "No class has the two rows needed to train on one and test on the other",
        ));
    }
    let mut said = vec![format!(
        "{count} rows of {} numbers as images of {height} × {width}, labels from column {}",
        rows.width, rows.column
    )];
    if !pixels {
        said.push(format!("values from {low} to {high} became 0 to 255"));
    }
    if faults > 0 {
        said.push(format!("left out: line {} ({first})", rows.lines()));
    }
    Ok(Table {
        sets: TrainTest {
            train,
            test: held,
            class_names: names,
        },
        said: said.join("; ") + ".",
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(text: &str) -> String {
        read(text.as_bytes()).expect_err("refused").to_string()
    }

    #[test]
    fn a_table_with_text_labels_and_a_header() {
        let row = |k: usize| format!("{k},1.5,-2,0.25,{}", ["lily", "rose"][k % 2]);
        let rows: Vec<String> = (0..14).map(row).collect();
        let text = ["a,b,c,d,species", &rows.join("\n")].join("\n");
        let table = read(text.as_bytes()).expect("sound");
        assert_eq!(table.sets.class_names, ["lily", "rose"]);
        assert_eq!((table.sets.train.len(), table.sets.test.len()), (12, 2));
        assert_eq!((table.sets.train.height, table.sets.train.width), (2, 2));
        assert!(
            table.said.contains("column “species”") && table.said.contains("-2 to 13"),
            "{}",
            table.said
        );
        // The largest value is 255, the smallest 0.
        assert_eq!(table.sets.train.image(0)[2], 0);
        assert_eq!(table.sets.test.image(1)[0], 255);
    }

    #[test]
    fn pixels_keep_their_values_and_the_label_stands_first() {
        let row = |label: usize, value: usize| {
            format!("{label}\t{}\n", vec![value.to_string(); 784].join("\t"))
        };
        let text: String = (0..20).map(|k| row(k % 10, 10 * k)).collect();
        let table = read(text.as_bytes()).expect("sound");
        assert_eq!((table.sets.train.height, table.sets.train.width), (28, 28));
        assert_eq!(table.sets.train.image(3)[5], 30);
        assert_eq!(table.sets.class_names[9], "9");
    }

    #[test]
    fn a_few_faulty_rows_are_left_out_and_told() {
        let row = |k: usize| format!("{k},{k},{}", ["even", "odd"][k % 2]);
        let rows: Vec<String> = (0..100).map(row).collect();
        let text = [&rows.join("\n"), "5,,odd", "7,seven,odd", "1,2,3,odd"].join("\n");
        let table = read(text.as_bytes()).expect("three of a hundred");
        assert_eq!(table.sets.train.len() + table.sets.test.len(), 100);
        assert!(
            table
                .said
                .contains("line 101, 102, 103 (column 2 has nothing where a number is wanted)"),
            "{}",
            table.said
        );
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_place() {
        assert!(said("").contains("empty"));
        assert!(said("alone\nand alone\n").contains("single field"));
        assert!(said("a,label\n").contains("no rows"));
        assert!(
            said("1,2,x\n1,,x\n3,4,y\n")
                .contains("1 of 3 rows cannot be used: lines 2; of line 2, column 2 has nothing")
        );
        assert!(said("1,2,x\n3,4,x\n").contains("holds 1 different labels"));
        assert!(said("1,2,x\n3,4,y\n").contains("two rows"));
        assert!(
            read(&[0xff, 0xfe, 0, 1])
                .expect_err("no text")
                .to_string()
                .contains("UTF-8")
        );
        let wide = vec!["1"; 5000].join(",");
        assert!(said(&format!("{wide}\n{wide}\n")).contains("4999 numbers"));
    }

    #[test]
    fn quotes_hold_separators_and_quotes() {
        assert_eq!(
            fields("\"a, b\",\"say \"\"c\"\"\", d ", ','),
            ["a, b", "say \"c\"", "d"]
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9a-c,;\\t\"\\n .-]{0,400}") {
            let _ = read(text.as_bytes());
        }

        #[test]
        fn sound_tables_come_back(width in 1_usize..70, rows in 8_usize..40) {
            let row = |k: usize| {
                let values: Vec<String> = (0..width).map(|c| ((k * 31 + c * 17) % 256).to_string()).collect();
                format!("{},c{}\n", values.join(","), k % 3)
            };
            let text: String = (0..rows).map(row).collect();
            let table = read(text.as_bytes()).expect("sound");
            prop_assert_eq!(table.sets.train.len() + table.sets.test.len(), rows);
            prop_assert_eq!(table.sets.train.classes, 3);
            prop_assert!(table.sets.train.height * table.sets.train.width >= width);
        }
    }
}
