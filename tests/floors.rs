//! The house rules that a compiler does not check: which module may use which, where browser
//! crates may appear, and how long a file may be.
//!
//! Sources are read as tokens, so that comments and strings do not count. A path that starts at
//! the crate root (`crate::`, `railyard::`, or enough `super::`) names the module it uses.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Top-level modules and their floors; a module uses only floors below its own, and itself.
const FLOORS: [(&str, u8); 18] = [
    ("numeric", 0),
    ("kernels", 0),
    ("json", 0),
    ("tt", 1),
    ("data", 1),
    ("program", 2),
    ("exec", 3),
    ("methods", 4),
    ("train", 5),
    ("accel", 5),
    ("compare", 6),
    ("link", 6),
    ("report", 6),
    ("ui", 7),
    ("worker", 7),
    ("package", 7),
    ("cli", 7),
    // The programs in src/bin stand on top of everything.
    ("bin", 8),
];

/// Uses among modules of one floor that are allowed: (user, used, submodule or all of it).
const SIBLINGS: [(&str, &str, Option<&str>); 3] = [
    ("kernels", "numeric", None),
    ("ui", "worker", Some("message")),
    ("ui", "worker", Some("spawn")),
];

/// Crates that exist only in a browser, by the start of their name.
const BROWSER_CRATES: [&str; 5] = ["web_sys", "yew", "gloo", "js_sys", "wasm_bindgen"];

/// Modules that may name them.
const BROWSER_MODULES: [&str; 4] = ["ui", "worker", "package", "bin"];

/// Most lines of a file.
const MAX_LINES: usize = 730;

/// One place where a rule is broken.
#[derive(Debug, PartialEq)]
struct Offence {
    file: String,
    line: usize,
    what: String,
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// A name, or a sign (`::` counts as one), with its line.
#[derive(Clone, Debug, PartialEq)]
struct Token {
    text: String,
    line: usize,
}

/// The tokens of a source text without comments, strings, characters and lifetimes.
fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut found = Vec::new();
    let (mut i, mut line) = (0, 1);
    while i < chars.len() {
        let start = i;
        match at(i) {
            '/' if at(i + 1) == '/' => {
                while i < chars.len() && at(i) != '\n' {
                    i += 1;
                }
            }
            '/' if at(i + 1) == '*' => i = end_of_block_comment(&chars, i),
            '"' => i = end_of_string(&chars, i),
            '\'' => {
                // 'x' and '\n' are characters, 'x without a closing quote is a lifetime.
                if at(i + 1) == '\\' {
                    i += 3;
                    while i < chars.len() && at(i) != '\'' {
                        i += 1;
                    }
                    i += 1;
                } else if at(i + 2) == '\'' {
                    i += 3;
                } else {
                    i += 1;
                    while at(i).is_alphanumeric() || at(i) == '_' {
                        i += 1;
                    }
                }
            }
            c if c.is_alphanumeric() || c == '_' => {
                while at(i).is_alphanumeric() || at(i) == '_' {
                    i += 1;
                }
                let text: String = chars[start..i].iter().collect();
                if matches!(text.as_str(), "r" | "br" | "cr") && matches!(at(i), '"' | '#') {
                    // A raw string; r#name is a name of its own.
                    let hashes = chars[i..].iter().take_while(|&&c| c == '#').count();
                    if at(i + hashes) == '"' {
                        i = end_of_raw_string(&chars, i + hashes + 1, hashes);
                    } else {
                        i += 1;
                    }
                } else {
                    found.push(Token { text, line });
                }
            }
            ':' if at(i + 1) == ':' => {
                i += 2;
                found.push(Token {
                    text: "::".into(),
                    line,
                });
            }
            c => {
                i += 1;
                if !c.is_whitespace() {
                    found.push(Token {
                        text: c.into(),
                        line,
                    });
                }
            }
        }
        line += chars[start..i.min(chars.len())]
            .iter()
            .filter(|&&c| c == '\n')
            .count();
    }
    found
}

fn end_of_block_comment(chars: &[char], start: usize) -> usize {
    let (mut i, mut depth) = (start + 2, 1);
    while i < chars.len() && depth > 0 {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (i, depth) = (i + 2, depth + 1),
            ('*', Some('/')) => (i, depth) = (i + 2, depth - 1),
            _ => i += 1,
        }
    }
    i
}

fn end_of_string(chars: &[char], start: usize) -> usize {
    let mut i = start + 1;
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(chars.len())
}

fn end_of_raw_string(chars: &[char], start: usize, hashes: usize) -> usize {
    let mut i = start;
    while i < chars.len() {
        let closing = chars[i + 1..]
            .iter()
            .take(hashes)
            .filter(|&&c| c == '#')
            .count();
        if chars[i] == '"' && closing == hashes {
            return i + 1 + hashes;
        }
        i += 1;
    }
    i
}

/// A path from the crate root: its first two names (the second may be missing) and its line.
#[derive(Debug, PartialEq)]
struct RootPath {
    first: String,
    second: Option<String>,
    line: usize,
}

/// Every path from the crate root in a file whose module is `module` (`["tt", "shape"]`).
fn root_paths(tokens: &[Token], module: &[String]) -> Vec<RootPath> {
    let text = |i: usize| tokens.get(i).map_or("", |token| token.text.as_str());
    let mut found = Vec::new();
    // Brace depths at which modules inside the file were opened.
    let mut inner: Vec<usize> = Vec::new();
    let mut depth = 0;
    let mut i = 0;
    while i < tokens.len() {
        match text(i) {
            "{" => {
                depth += 1;
                if i >= 2 && text(i - 2) == "mod" {
                    inner.push(depth);
                }
            }
            "}" => {
                inner.pop_if(|opened| *opened == depth);
                depth = depth.saturating_sub(1);
            }
            "crate" | "railyard" if text(i + 1) == "::" => {
                leading_names(tokens, i + 2, &mut found);
            }
            // `use crate as other` would hide what is used.
            "crate" if text(i + 1) == "as" => found.push(RootPath {
                first: "crate as".into(),
                second: None,
                line: tokens[i].line,
            }),
            "super" => {
                let mut up = 1;
                while text(i + 1) == "::" && text(i + 2) == "super" {
                    (i, up) = (i + 2, up + 1);
                }
                if up >= module.len() + inner.len() && text(i + 1) == "::" {
                    leading_names(tokens, i + 2, &mut found);
                }
            }
            _ => {}
        }
        i += 1;
    }
    found
}

/// The first two names of each path of a use tree that starts at token `i`, just after the root.
fn leading_names(tokens: &[Token], i: usize, found: &mut Vec<RootPath>) {
    for (first, end) in branches(tokens, i) {
        let Token { text, line } = &tokens[first];
        let mut push = |second| {
            found.push(RootPath {
                first: text.clone(),
                second,
                line: *line,
            });
        };
        if tokens.get(end).is_some_and(|token| token.text == "::") {
            for (second, _) in branches(tokens, end + 1) {
                push(Some(tokens[second].text.clone()));
            }
        } else {
            push(None);
        }
    }
}

/// The alternatives at token `i`: the one name there, or each leading name of a `{..}` group, as
/// (index of the name, index after it).
fn branches(tokens: &[Token], i: usize) -> Vec<(usize, usize)> {
    let text = |i: usize| tokens.get(i).map_or("", |token| token.text.as_str());
    match text(i) {
        "" => Vec::new(),
        "{" => {
            let mut found = Vec::new();
            let (mut at, mut depth, mut leads) = (i + 1, 1, true);
            while at < tokens.len() && depth > 0 {
                match text(at) {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    "," if depth == 1 => leads = true,
                    _ if leads => {
                        found.push((at, at + 1));
                        leads = false;
                    }
                    _ => {}
                }
                at += 1;
            }
            found
        }
        _ => vec![(i, i + 1)],
    }
}

/// Why a module may not use the path, if it may not.
fn fault(from: &str, path: &RootPath) -> Option<String> {
    let floor = |name: &str| {
        FLOORS
            .iter()
            .find(|(module, _)| *module == name)
            .map(|found| found.1)
    };
    let to = path.first.as_str();
    if to == from {
        return None;
    }
    let (Some(own), Some(other)) = (floor(from), floor(to)) else {
        return Some(format!(
            "`{from}` uses `{to}`, which is not a module with a floor"
        ));
    };
    let sibling = SIBLINGS.iter().any(|&(user, used, part)| {
        user == from && used == to && (part.is_none() || part == path.second.as_deref())
    });
    if other < own || sibling {
        return None;
    }
    Some(format!(
        "`{from}` (floor {own}) uses `{to}` (floor {other}); only floors below its own are open to it"
    ))
}

/// The module path of a file under src: `tt/shape.rs` is `["tt", "shape"]`, `lib.rs` is `[]`.
fn module_of(relative: &Path) -> Vec<String> {
    let mut names: Vec<String> = relative
        .with_extension("")
        .iter()
        .map(|name| name.to_string_lossy().into())
        .collect();
    if names
        .last()
        .is_some_and(|last| last == "mod" || last == "lib")
    {
        names.pop();
    }
    names
}

/// Broken rules in one source text.
fn offences(relative: &Path, source: &str) -> Vec<Offence> {
    let file = format!("src/{}", relative.display());
    let module = module_of(relative);
    let tokens = tokens(source);
    let mut found = Vec::new();
    let mut report = |line, what| {
        found.push(Offence {
            file: file.clone(),
            line,
            what,
        });
    };
    // In a program of src/bin, `crate` is the program itself, and the whole library lies below.
    if let Some(user) = module.first().filter(|name| *name != "bin") {
        for path in root_paths(&tokens, &module) {
            if let Some(what) = fault(user, &path) {
                report(path.line, what);
            }
        }
    }
    if !module
        .first()
        .is_some_and(|name| BROWSER_MODULES.contains(&name.as_str()))
    {
        for token in &tokens {
            if BROWSER_CRATES
                .iter()
                .any(|name| token.text.starts_with(name))
            {
                let what = format!(
                    "`{}` is a browser crate; only {BROWSER_MODULES:?} may name one",
                    token.text
                );
                report(token.line, what);
            }
        }
    }
    let lines = source.lines().count();
    if lines > MAX_LINES {
        report(
            lines,
            format!("{lines} lines; a file holds one idea in at most {MAX_LINES}"),
        );
    }
    found
}

fn source_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All Rust files below `folder`, sorted.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn no_file_breaks_a_rule_of_the_house() {
    let root = source_root();
    let files = rust_files(&root);
    assert!(
        files.len() > 10,
        "only {} files found under {}",
        files.len(),
        root.display()
    );
    let found: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let source = fs::read_to_string(file).unwrap();
            offences(file.strip_prefix(&root).unwrap(), &source)
        })
        .map(|offence| offence.to_string())
        .collect();
    assert!(
        found.is_empty(),
        "{} offences:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn every_top_level_module_has_a_floor() {
    for file in rust_files(&source_root()) {
        let module = module_of(file.strip_prefix(source_root()).unwrap());
        if let Some(name) = module.first() {
            let known = FLOORS.iter().any(|(module, _)| module == name);
            assert!(
                known,
                "{}: give `{name}` a floor in tests/floors.rs",
                file.display()
            );
        }
    }
}

/// What is reported for a text in the given file, as (line, first words).
fn lines_of(file: &str, source: &str) -> Vec<usize> {
    offences(Path::new(file), source)
        .iter()
        .map(|offence| offence.line)
        .collect()
}

#[test]
fn a_use_of_a_floor_above_is_found_however_it_is_written() {
    for source in [
        "use crate::train::Trainer;",
        "use crate::{numeric::Rounding, train};",
        "use crate::{\n    numeric::{a, b},\n    program,\n};",
        "fn f(x: crate::train::X) {}",
        "fn f() { ::railyard::exec::run() }",
        "use super::super::train::X;",
        "mod tests { use super::super::super::data::X; }",
        "mod tests { fn f() {} } use super::super::data::X;",
        "use crate::*;",
        "use crate as root;",
        "use crate::nowhere::X;",
    ] {
        assert_eq!(lines_of("tt/shape.rs", source).len(), 1, "{source}");
    }
    let offence = &offences(Path::new("tt/shape.rs"), "\n\nuse crate::exec::Run;")[0];
    assert_eq!(
        offence.to_string(),
        "src/tt/shape.rs:3: `tt` (floor 1) uses `exec` (floor 3); \
         only floors below its own are open to it"
    );
}

#[test]
fn a_use_of_the_floors_below_or_of_itself_is_fine() {
    for source in [
        "use crate::numeric::Rounding; use crate::tt::TtShape;",
        "use super::matrix::train; use super::super::tt::data;",
        "mod tests { use super::*; mod train { use super::super::super::data; } }",
        "//! See [`crate::train`].\n/* crate::exec /* nested */ crate::exec */",
        "const A: &str = \"use crate::train\"; const B: &str = r#\"\" crate::exec\"#;",
        "fn f<'a>(x: &'a str) -> char { '\"' } // crate::train \"",
        "pub(crate) fn f(train: T) { train::go(); other::crate_train() }",
    ] {
        assert_eq!(lines_of("tt/shape.rs", source), [], "{source}");
    }
}

#[test]
fn siblings_know_each_other_only_where_it_is_said() {
    assert_eq!(
        lines_of("kernels/gemm.rs", "use crate::numeric::Format;"),
        []
    );
    assert_eq!(
        lines_of("numeric/format.rs", "use crate::kernels::gemm;"),
        [1]
    );
    assert_eq!(lines_of("data/idx.rs", "use crate::tt::TtShape;"), [1]);
    assert_eq!(
        lines_of("accel/engine.rs", "use crate::train::config;"),
        [1]
    );
    assert_eq!(
        lines_of("ui/app.rs", "use crate::worker::message::Command;"),
        []
    );
    assert_eq!(
        lines_of("ui/app.rs", "use crate::worker::{message::Command, host};"),
        [1]
    );
    assert_eq!(lines_of("worker/host.rs", "use crate::ui::App;"), [1]);
    assert_eq!(lines_of("cli/train.rs", "use crate::ui::App;"), [1]);
    assert_eq!(lines_of("bin/page.rs", "use railyard::ui::App;"), []);
}

#[test]
fn browser_crates_stay_in_the_faces() {
    for source in [
        "use web_sys::Window;",
        "use gloo_timers::x;",
        "fn f(x: wasm_bindgen::JsValue) {}",
    ] {
        assert_eq!(lines_of("train/trainer.rs", source), [1], "{source}");
        assert_eq!(lines_of("lib.rs", source), [1], "{source}");
        assert_eq!(lines_of("ui/app.rs", source), [], "{source}");
    }
    assert_eq!(
        lines_of("train/trainer.rs", "// web_sys is not for here"),
        []
    );
}

#[test]
fn a_long_file_is_named_with_its_length() {
    let source = "//\n".repeat(MAX_LINES);
    assert_eq!(lines_of("tt/shape.rs", &source), []);
    assert_eq!(lines_of("tt/shape.rs", &(source + "//\n")), [MAX_LINES + 1]);
}
