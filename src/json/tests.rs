use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f32),
    Line(u8, i16),
    Box { width: u32, height: Option<u32> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Newtype(u64);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Whole {
    name: String,
    shapes: Vec<Shape>,
    pair: (bool, [f64; 2]),
    number: Newtype,
    maybe: Option<String>,
    part: Part,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Part {
    signed: i64,
    single: f32,
}

fn whole() -> Whole {
    Whole {
        name: "a \"name\" \\ \n\u{1}\u{1F682}".into(),
        shapes: vec![
            Shape::Point,
            Shape::Circle(0.1),
            Shape::Line(7, -8),
            Shape::Box {
                width: 3,
                height: None,
            },
        ],
        pair: (true, [1e-7, -0.0]),
        number: Newtype(u64::MAX),
        maybe: None,
        part: Part {
            signed: i64::MIN,
            single: 1e13,
        },
    }
}

#[test]
fn what_is_written_reads_back_and_is_what_serde_json_writes() {
    let text = write(&whole());
    assert_eq!(text, serde_json::to_string(&whole()).unwrap());
    assert_eq!(read::<Whole>(text.as_bytes()), Ok(whole()));
    let parsed = parse(text.as_bytes()).unwrap();
    assert_eq!(write(&parsed.get("shapes")), write(&whole().shapes));
}

#[test]
fn errors_name_the_field() {
    let text = write(&whole());
    let said = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        let text = text.replace(from, to);
        read::<Whole>(text.as_bytes()).unwrap_err().to_string()
    };
    assert_eq!(
        said("\"single\":", "\"double\":"),
        "unknown field `double`, expected `signed`, `single` in `part`"
    );
    assert_eq!(
        said("1e+13", "\"much\""),
        "invalid type: string \"much\", expected f32 in `part.single`"
    );
    assert_eq!(
        said(",\"single\":1e+13", ""),
        "missing field `single` in `part`"
    );
    assert_eq!(
        said("\"signed\":", "\"single\":0,\"signed\":"),
        "field `single` stands twice in `part`"
    );
    assert_eq!(
        said("[7,-8]", "[7,-80000]"),
        "invalid value: integer `-80000`, expected i16 in `shapes`"
    );
    assert_eq!(
        said("[7,-8]", "[7,-8,0]"),
        "an array with too many elements in `shapes`"
    );
    assert!(said("Circle", "Oval").contains("unknown variant `Oval`"));
    assert!(said("\"Point\"", "\"Circle\"").contains("missing field"));
    assert_eq!(
        read::<Whole>(b"[\n 1,\n  2 3]").unwrap_err().to_string(),
        "expected `,` or `]` at line 3 column 4"
    );
}

#[test]
fn texts_that_are_no_json_are_refused() {
    for text in [
        "",
        " ",
        "nul",
        "tru",
        "[1,]",
        "[1",
        "{\"a\"}",
        "{\"a\":1,}",
        "{a:1}",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "1e999",
        "\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"\n\"",
        "1 2",
        "\"\\u+123\"",
    ] {
        assert!(parse(text.as_bytes()).is_err(), "{text}");
        assert!(
            serde_json::from_str::<serde_json::Value>(text).is_err(),
            "{text}"
        );
    }
    assert!(parse(b"\"\xff\"").is_err());
    assert!(parse("[".repeat(100_000).as_bytes()).is_err());
}

/// The same value as `serde_json` holds it.
fn foreign(json: &Json) -> serde_json::Value {
    match json {
        Json::Null => serde_json::Value::Null,
        Json::Bool(value) => (*value).into(),
        Json::Unsigned(value) => (*value).into(),
        Json::Signed(value) => (*value).into(),
        Json::Float(value) => (*value).into(),
        Json::Text(text) => text.clone().into(),
        Json::List(items) => items.iter().map(foreign).collect(),
        Json::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), foreign(value)));
            serde_json::Value::Object(fields.collect())
        }
    }
}

proptest! {
    #[test]
    fn numbers_are_written_as_short_as_by_serde_json_and_read_back(bits in any::<u64>()) {
        // Of two equally short and equally near texts the two libraries may choose differently.
        let near = (bits >> 40) as f64 * 10_f64.powi((bits % 40) as i32 - 24);
        for double in [f64::from_bits(bits), near] {
            let text = write(&double);
            prop_assert_eq!(text.len(), serde_json::to_string(&double).unwrap().len());
            prop_assert!(!double.is_finite() || text.parse() == Ok(double));
        }
        for single in [f32::from_bits(bits as u32), near as f32] {
            let text = write(&single);
            prop_assert_eq!(text.len(), serde_json::to_string(&single).unwrap().len());
            prop_assert!(!single.is_finite() || text.parse() == Ok(single));
        }
    }

    #[test]
    fn texts_are_parsed_as_serde_json_does(text in "[\\[\\]{}:,\" 0-9eE.+\\-tfnrualse\\\\]{0,12}") {
        let ours = parse(text.as_bytes());
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok());
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            prop_assert_eq!(foreign(&ours), theirs);
        }
    }

    #[test]
    fn strings_come_back(text in any::<String>()) {
        prop_assert_eq!(read::<String>(write(&text).as_bytes()), Ok(text.clone()));
        prop_assert_eq!(read::<String>(serde_json::to_string(&text).unwrap().as_bytes()), Ok(text));
    }
}
