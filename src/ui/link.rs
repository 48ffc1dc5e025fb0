//! The configuration in the address: `#1.` and then what differs from the default; after it, or alone,
//! `&tab=` and the tab that is open, if it is not the first.
//!
//! A link holds a JSON object with only the fields that differ from [`RunConfig::default`], deflated
//! and written in base64url. So the default configuration needs no hash at all, a link stays short,
//! and one made before a field existed still opens, with that field at its default.

use std::fmt;
use std::io::{Read, Write};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde_json::{Map, Value};

use crate::train::config::RunConfig;

/// Version prefix of the links written here.
const PREFIX: &str = "1.";
/// Characters a link may have.
const MAX_LINK: usize = 8 << 10;
/// Bytes a link may inflate to.
const MAX_INFLATED: usize = 64 << 10;

/// What precedes the tab's name.
const TAB: &str = "tab=";

/// A tab of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// Training, its results and its network.
    #[default]
    Train,
    /// The machine that would do it.
    Accelerator,
}

impl Tab {
    /// All tabs, in the order they are shown.
    pub const ALL: [Self; 2] = [Self::Train, Self::Accelerator];

    /// Its name in links and identities.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Accelerator => "accelerator",
        }
    }

    /// Its name as shown.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Train => "Train",
            Self::Accelerator => "Accelerator",
        }
    }
}

/// Parts a hash, with or without `#`, into the settings and the tab; an unknown tab is the first.
#[must_use]
pub fn part(hash: &str) -> (&str, Tab) {
    let hash = hash.strip_prefix('#').unwrap_or(hash);
    let (settings, name) = match hash.strip_prefix(TAB) {
        Some(name) => ("", name),
        None => match hash.rsplit_once('&') {
            Some((settings, rest)) if rest.starts_with(TAB) => (settings, &rest[TAB.len()..]),
            _ => return (hash, Tab::default()),
        },
    };
    let tab = Tab::ALL.into_iter().find(|tab| tab.name() == name);
    (settings, tab.unwrap_or_default())
}

/// The hash of settings (as [`write`] gives them) and a tab, without `#`.
#[must_use]
pub fn join(settings: &str, tab: Tab) -> String {
    match (tab, settings) {
        (Tab::Train, _) => settings.into(),
        (_, "") => [TAB, tab.name()].concat(),
        _ => [settings, "&", TAB, tab.name()].concat(),
    }
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

fn fault(message: &str) -> LinkError {
    LinkError(message.into())
}

/// The hash of a configuration, without `#`; empty for the default.
#[must_use]
pub fn write(config: &RunConfig) -> String {
    let Some(patch) = difference(&value(config), &value(&RunConfig::default())) else {
        return String::new();
    };
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    let deflated = encoder
        .write_all(patch.to_string().as_bytes())
        .and_then(|()| encoder.finish());
    deflated.map_or_else(
        |_| String::new(),
        |bytes| format!("{PREFIX}{}", BASE64.encode(bytes)),
    )
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
    if hash.len() > MAX_LINK {
        return Err(fault("it is longer than a link may be (8,192 characters)"));
    }
    let Some(body) = hash.strip_prefix(PREFIX) else {
        return Err(fault(
            "it is of another version (this page reads version 1)",
        ));
    };
    let deflated = BASE64
        .decode(body)
        .map_err(|_| fault("it is damaged or cut short"))?;
    let mut text = Vec::new();
    DeflateDecoder::new(deflated.as_slice())
        .take(MAX_INFLATED as u64 + 1)
        .read_to_end(&mut text)
        .map_err(|_| fault("it is damaged or cut short"))?;
    if text.len() > MAX_INFLATED {
        return Err(fault("it holds more than a configuration"));
    }
    let patch: Value =
        serde_json::from_slice(&text).map_err(|_| fault("it is damaged or cut short"))?;
    let mut whole = value(&RunConfig::default());
    merge(&mut whole, patch);
    let config: RunConfig = serde_json::from_value(whole).map_err(|e| LinkError(e.to_string()))?;
    match config.validate() {
        Ok(()) => Ok(config),
        Err(error) => Err(LinkError(error.to_string().trim_end_matches('.').into())),
    }
}

/// A configuration as a JSON value. By way of text, so that an `f32` keeps its short form.
fn value(config: &RunConfig) -> Value {
    serde_json::to_string(config)
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or(Value::Null)
}

/// What of `new` differs from `old`, if anything; objects field by field, the rest as a whole.
fn difference(new: &Value, old: &Value) -> Option<Value> {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            let mut patch = Map::new();
            for (key, value) in new {
                if let Some(change) = difference(value, old.get(key).unwrap_or(&Value::Null)) {
                    patch.insert(key.clone(), change);
                }
            }
            (!patch.is_empty()).then_some(Value::Object(patch))
        }
        _ => (new != old).then(|| new.clone()),
    }
}

fn merge(whole: &mut Value, patch: Value) {
    match (whole, patch) {
        (Value::Object(whole), Value::Object(patch)) => {
            for (key, change) in patch {
                merge(whole.entry(key).or_insert(Value::Null), change);
            }
        }
        (whole, patch) => *whole = patch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn the_tab_stands_beside_the_settings() {
        for settings in ["", "1.AbC"] {
            for tab in Tab::ALL {
                assert_eq!(part(&join(settings, tab)), (settings, tab));
            }
            assert_eq!(part(&join(settings, Tab::Train)), (settings, Tab::Train));
        }
        assert_eq!(part("#1.AbC"), ("1.AbC", Tab::Train), "links of before");
        assert_eq!(part("#1.AbC&tab=kitchen"), ("1.AbC", Tab::Train));
        assert_eq!(part("#nonsense&more"), ("nonsense&more", Tab::Train));
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
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder
            .write_all(&vec![b' '; 4 << 20])
            .expect("writes to memory");
        let bomb = format!(
            "1.{}",
            BASE64.encode(encoder.finish().expect("writes to memory"))
        );
        assert!(bomb.len() < MAX_LINK);
        assert_eq!(
            read(&bomb),
            Err(fault("it holds more than a configuration"))
        );
    }

    #[test]
    fn fields_nobody_knows_are_named() {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder
            .write_all(br#"{"colour":"red"}"#)
            .expect("writes to memory");
        let hash = format!(
            "1.{}",
            BASE64.encode(encoder.finish().expect("writes to memory"))
        );
        assert!(
            read(&hash)
                .expect_err("unknown field")
                .to_string()
                .contains("colour")
        );
    }
}
