//! The configuration in the address: `#1.` and then what differs from the default. After it, or alone,
//! stand `&tab=` and the tab that is open, if it is not the first, `&machine=` and what differs
//! from the accelerator's first settings, `&compare=` and what differs from the comparison's, `&step=` and a
//! step of the Learn tab, and `&hide=` and the names of what a lesson hides.
//!
//! A link holds a JSON object with only the fields that differ from [`RunConfig::default`], deflated
//! and written in base64url. So the default configuration needs no hash at all, a link stays short,
//! and one made before a field existed still opens, with that field at its default.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::accel::setup::Setup;
use super::hide::Hidden;
use crate::data::inflate::{Deflated, read_up_to};
use crate::json::{self, Json};
use crate::train::config::RunConfig;

/// Version prefix of the links written here.
const PREFIX: &str = "1.";
/// Characters a link may have.
const MAX_LINK: usize = 8 << 10;
const TOO_LONG: &str = "it is longer than a link may be (8,192 characters)";
/// Bytes a link may inflate to.
const MAX_INFLATED: usize = 64 << 10;

/// What precedes the tab's name.
const TAB: &str = "tab=";
/// What precedes the accelerator.
const MACHINE: &str = "machine=";
/// What precedes the comparison.
const COMPARE: &str = "compare=";
/// What precedes the step.
const STEP: &str = "step=";
/// What precedes the names of what is hidden.
const HIDE: &str = "hide=";

/// A tab of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// Training, its results and its network.
    #[default]
    Train,
    /// The machine that would do it.
    Accelerator,
    /// A real or a virtual board that does it.
    Board,
    /// Other methods beside it.
    Compare,
    /// The method in steps.
    Learn,
}

impl Tab {
    /// All tabs, in the order they are shown.
    pub const ALL: [Self; 5] = [
        Self::Train,
        Self::Accelerator,
        Self::Board,
        Self::Compare,
        Self::Learn,
    ];

    /// Its name in links and identities.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Accelerator => "accelerator",
            Self::Board => "board",
            Self::Compare => "compare",
            Self::Learn => "learn",
        }
    }

    /// Its name as shown.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Train => "Train",
            Self::Accelerator => "Accelerator",
            Self::Board => "Board",
            Self::Compare => "Compare",
            Self::Learn => "Learn",
        }
    }
}

/// The parts of a hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts<'a> {
    /// The settings, as [`write()`] gives them.
    pub settings: &'a str,
    /// The tab.
    pub tab: Tab,
    /// The accelerator, as [`write_machine`] gives it.
    pub machine: &'a str,
    /// The comparison, as the Compare tab writes it.
    pub compare: &'a str,
    /// What the Learn tab shows; empty for its first step.
    pub step: &'a str,
    /// What is hidden.
    pub hidden: Hidden,
}

/// Parts a hash, with or without `#`; an unknown tab is the first.
#[must_use]
pub fn part(hash: &str) -> Parts<'_> {
    let mut parts = Parts::default();
    let mut rest = hash.strip_prefix('#').unwrap_or(hash);
    loop {
        let (before, last) = rest.rsplit_once('&').unwrap_or(("", rest));
        if let Some(name) = last.strip_prefix(TAB) {
            let tab = Tab::ALL.into_iter().find(|tab| tab.name() == name);
            parts.tab = tab.unwrap_or_default();
        } else if let Some(machine) = last.strip_prefix(MACHINE) {
            parts.machine = machine;
        } else if let Some(compare) = last.strip_prefix(COMPARE) {
            parts.compare = compare;
        } else if let Some(step) = last.strip_prefix(STEP) {
            parts.step = step;
        } else if let Some(names) = last.strip_prefix(HIDE) {
            parts.hidden = Hidden::read(names);
        } else {
            parts.settings = rest;
            return parts;
        }
        rest = before;
    }
}

/// The hash of some parts, without `#`.
#[must_use]
pub fn join(parts: Parts) -> String {
    let mut hash = parts.settings.to_string();
    let mut add = |name: &str, value: &str| {
        if !hash.is_empty() {
            hash.push('&');
        }
        hash.push_str(name);
        hash.push_str(value);
    };
    if parts.tab != Tab::default() {
        add(TAB, parts.tab.name());
    }
    if !parts.machine.is_empty() {
        add(MACHINE, parts.machine);
    }
    if !parts.compare.is_empty() {
        add(COMPARE, parts.compare);
    }
    if !parts.step.is_empty() {
        add(STEP, parts.step);
    }
    if parts.hidden != Hidden::default() {
        add(HIDE, &parts.hidden.names(","));
    }
    hash
}

/// Why a link was not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkError(String);

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The link's settings were not used: {}.", self.0)
    }
}

impl std::error::Error for LinkError {}

impl LinkError {
    /// An error with this reason.
    #[must_use]
    pub fn of(reason: &str) -> Self {
        Self(reason.into())
    }
}

fn fault(message: &str) -> LinkError {
    LinkError::of(message)
}

/// The hash of a configuration, without `#`; empty for the default.
#[must_use]
pub fn write(config: &RunConfig) -> String {
    let body = pack(config, &RunConfig::default());
    if body.is_empty() {
        body
    } else {
        [PREFIX, &body].concat()
    }
}

/// The accelerator's settings; empty for the first ones.
#[must_use]
pub fn write_machine(setup: &Setup) -> String {
    pack(setup, &Setup::default())
}

/// The configuration of a hash, with or without `#`; the default for an empty one.
///
/// # Errors
/// If the link is of another version, damaged, too long, or does not describe a valid configuration.
pub fn read(hash: &str) -> Result<RunConfig, LinkError> {
    let hash = hash.strip_prefix('#').unwrap_or(hash);
    if hash.is_empty() {
        return Ok(RunConfig::default());
    }
    let Some(body) = hash.strip_prefix(PREFIX) else {
        return Err(if hash.len() > MAX_LINK {
            fault(TOO_LONG)
        } else {
            fault("it is of another version (this page reads version 1)")
        });
    };
    let config: RunConfig = unpack(body, &RunConfig::default())?;
    match config.validate() {
        Ok(()) => Ok(config),
        Err(error) => Err(LinkError(error.to_string().trim_end_matches('.').into())),
    }
}

/// The accelerator's settings, the first ones for an empty text.
///
/// # Errors
/// If the text is damaged, too long, or does not describe a machine that can be.
pub fn read_machine(body: &str) -> Result<Setup, LinkError> {
    if body.is_empty() {
        return Ok(Setup::default());
    }
    let setup: Setup = unpack(body, &Setup::default())?;
    let widths = setup.bits.into_iter().flatten();
    if !widths.clone().all(|bits| (2..=32).contains(&bits)) {
        return Err(fault("the machine's bits are 2 to 32"));
    }
    match setup.machine.validate() {
        Ok(()) => Ok(setup),
        Err(error) => Err(LinkError(error.to_string().trim_end_matches('.').into())),
    }
}

/// What of a value differs from another, deflated and in base64url; empty if nothing does.
pub(super) fn pack<T: Serialize>(new: &T, old: &T) -> String {
    let Some(patch) = difference(&value(new), &value(old)) else {
        return String::new();
    };
    pack_text(&json::write(&patch))
}

fn pack_text(text: &str) -> String {
    BASE64.encode(super::deflate::deflate(text.as_bytes()))
}

/// A value of which `body` says what differs from another.
pub(super) fn unpack<T: Serialize + DeserializeOwned>(body: &str, old: &T) -> Result<T, LinkError> {
    let patch = inflate(body)?;
    let mut whole = value(old);
    merge(&mut whole, patch);
    json::from_value(&whole).map_err(|e| LinkError(e.to_string()))
}

fn inflate(body: &str) -> Result<Json, LinkError> {
    if body.len() > MAX_LINK {
        return Err(fault(TOO_LONG));
    }
    let deflated = BASE64
        .decode(body)
        .map_err(|_| fault("it is damaged or cut short"))?;
    let damaged = || fault("it is damaged or cut short");
    let mut text = Vec::new();
    read_up_to(&mut Deflated::new(&deflated), MAX_INFLATED + 1, &mut text)
        .map_err(|_| damaged())?;
    if text.len() > MAX_INFLATED {
        return Err(fault("it holds more than a configuration"));
    }
    json::parse(&text).map_err(|_| fault("it is damaged or cut short"))
}

/// A value as JSON. By way of text, so that an `f32` keeps its short form.
fn value<T: Serialize>(of: &T) -> Json {
    json::parse(json::write(of).as_bytes()).unwrap_or_default()
}

/// What of `new` differs from `old`, if anything; objects field by field, the rest as a whole.
fn difference(new: &Json, old: &Json) -> Option<Json> {
    match (new, old) {
        (Json::Object(fields), Json::Object(_)) => {
            let mut patch = Vec::new();
            for (name, value) in fields {
                if let Some(change) = difference(value, old.get(name).unwrap_or(&Json::Null)) {
                    patch.push((name.clone(), change));
                }
            }
            (!patch.is_empty()).then_some(Json::Object(patch))
        }
        _ => (new != old).then(|| new.clone()),
    }
}

fn merge(whole: &mut Json, patch: Json) {
    match (whole, patch) {
        (Json::Object(whole), Json::Object(patch)) => {
            for (name, change) in patch {
                match whole.iter_mut().find(|(field, _)| *field == name) {
                    Some((_, value)) => merge(value, change),
                    None => whole.push((name, change)),
                }
            }
        }
        (whole, patch) => *whole = patch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accel::machine::Memory;
    use crate::program::Schedule;
    use crate::train::config::{Precision, Preset};

    #[test]
    fn the_default_needs_no_hash() {
        assert_eq!(write(&RunConfig::default()), "");
        assert_eq!(read(""), Ok(RunConfig::default()));
        assert_eq!(read("#"), Ok(RunConfig::default()));
    }

    #[test]
    fn every_preset_comes_back_and_is_short() {
        for preset in [Preset::Paper, Preset::Tiny, Preset::Dense] {
            for precision in [
                Precision::Float,
                Precision::Bf16,
                Precision::F16,
                Precision::Fixed,
            ] {
                let mut config = RunConfig::preset(preset, precision);
                config.seed = 77;
                config.rate.peak = 0.013;
                let hash = write(&config);
                assert!(hash.len() < 500, "{hash}");
                assert_eq!(read(&hash), Ok(config));
            }
        }
    }

    #[test]
    fn tab_machine_step_and_hidden_parts_stand_beside_the_settings() {
        for settings in ["", "1.AbC"] {
            for tab in Tab::ALL {
                for (machine, compare, step, hidden) in [
                    ("", "", "", Hidden::default()),
                    ("x-_y", "a-b", "ping-pong", Hidden::read("data,pad")),
                ] {
                    let parts = Parts {
                        settings,
                        tab,
                        machine,
                        compare,
                        step,
                        hidden,
                    };
                    assert_eq!(part(&join(parts)), parts);
                }
            }
        }
        assert_eq!(part("#1.AbC").settings, "1.AbC", "links of before");
        let unknown = part("#1.AbC&tab=kitchen");
        assert_eq!((unknown.settings, unknown.tab), ("1.AbC", Tab::Train));
        assert_eq!(part("#nonsense&more").settings, "nonsense&more");
    }

    #[test]
    fn a_machine_comes_back_and_a_broken_one_does_not() {
        assert_eq!(write_machine(&Setup::default()), "");
        let mut setup = Setup {
            schedule: Some(Schedule::Chain),
            bits: Some([8, 8, 16]),
            ..Setup::default()
        };
        setup.machine.rows = 12;
        setup.machine.clock_mhz = 62.5;
        setup.machine.memory = Memory::External {
            bytes_per_cycle: 4,
            latency: 30,
        };
        let text = write_machine(&setup);
        assert!(text.len() < 200, "{text}");
        assert_eq!(read_machine(&text), Ok(setup.clone()));
        setup.machine.rows = 0;
        let error = read_machine(&write_machine(&setup)).expect_err("no rows");
        assert!(error.to_string().contains("choose 1 to 256"), "{error}");
        assert!(read_machine(&text[..text.len() - 4]).is_err());
    }

    #[test]
    fn damaged_links_are_refused_in_a_sentence() {
        let mut config = RunConfig::default();
        config.epochs += 1;
        let hash = write(&config);
        for bad in [
            "2.abc",
            "1.*",
            "1.AAAA",
            "nonsense",
            &hash[..hash.len() - 4],
        ] {
            let error = read(bad).expect_err(bad).to_string();
            assert!(
                error.starts_with("The link's settings were not used: "),
                "{error}"
            );
        }
    }

    #[test]
    fn a_bomb_is_not_inflated() {
        let deflated = miniz_oxide::deflate::compress_to_vec(&vec![b' '; 4 << 20], 9);
        let bomb = ["1.", &BASE64.encode(deflated)].concat();
        assert!(bomb.len() < MAX_LINK);
        assert_eq!(
            read(&bomb),
            Err(fault("it holds more than a configuration"))
        );
    }

    #[test]
    fn fields_nobody_knows_are_named() {
        let hash = ["1.", &pack_text(r#"{"colour":"red"}"#)].concat();
        assert!(
            read(&hash)
                .expect_err("unknown field")
                .to_string()
                .contains("colour")
        );
    }
}
