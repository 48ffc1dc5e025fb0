//! The configuration as it is being edited: the last value that could be read of every field, and
//! what is wrong with those that could not.

use crate::train::config::{LayerConfig, Precision, Preset, RunConfig};

/// Fields whose text could not be read, and why, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unread(pub Vec<(String, String)>);

impl Unread {
    fn find(&self, field: &str) -> Result<usize, usize> {
        self.0
            .binary_search_by(|(name, _)| name.as_str().cmp(field))
    }

    /// Why a field could not be read.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&str> {
        let found = self.find(field).ok()?;
        Some(&self.0[found].1)
    }

    /// Keeps why a field could not be read.
    pub fn insert(&mut self, field: &str, message: String) {
        match self.find(field) {
            Ok(found) => self.0[found].1 = message,
            Err(place) => self.0.insert(place, (field.into(), message)),
        }
    }

    /// Forgets a field.
    pub fn remove(&mut self, field: &str) {
        if let Ok(found) = self.find(field) {
            self.0.remove(found);
        }
    }
}

/// A configuration under the visitor's hands.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The configuration, from the fields that could be read.
    pub config: RunConfig,
    /// What could not be read.
    unread: Unread,
}

impl Draft {
    /// A draft that starts from a configuration.
    #[must_use]
    pub fn new(config: RunConfig) -> Self {
        Self {
            config,
            unread: Unread::default(),
        }
    }

    /// Take over a field's text by `parse`, or keep why it could not be read.
    pub fn edit(
        &mut self,
        field: &str,
        text: &str,
        parse: impl FnOnce(&mut RunConfig, &str) -> Result<(), String>,
    ) {
        match parse(&mut self.config, text) {
            Ok(()) => self.unread.remove(field),
            Err(message) => self.unread.insert(field, message),
        }
    }

    /// Replace the network and its recipe by a preset, keeping what the visitor has likely set:
    /// data, bits, prior, epochs, batch and seed.
    pub fn choose(&mut self, preset: Preset, precision: Precision) {
        let old = std::mem::replace(&mut self.config, RunConfig::preset(preset, precision));
        self.config.data = old.data;
        self.config.bits = old.bits;
        self.config.prior = old.prior;
        self.config.epochs = old.epochs;
        self.config.batch = old.batch;
        self.config.seed = old.seed;
        self.unread.0.clear();
    }

    /// The preset whose network this is, or none for one of the visitor's own.
    #[must_use]
    pub fn preset(&self) -> Option<Preset> {
        [Preset::Paper, Preset::Tiny, Preset::Dense]
            .into_iter()
            .find(|&preset| {
                RunConfig::preset(preset, self.config.precision).network == self.config.network
            })
    }

    /// The first thing that is wrong, as field and sentence.
    #[must_use]
    pub fn fault(&self) -> Option<(String, String)> {
        if let Some((field, message)) = self.unread.0.first() {
            return Some((field.clone(), message.clone()));
        }
        self.config.validate().err().map(|e| (e.field, e.message))
    }

    /// What is wrong with one field (or, for `network`, with anything below it).
    #[must_use]
    pub fn fault_of(&self, field: &str) -> Option<String> {
        if let Some(message) = self.unread.get(field) {
            return Some(message.into());
        }
        let error = self.config.validate().err()?;
        error
            .field
            .strip_prefix(field)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            .then_some(error.message)
    }

    /// Whether a field, or what it is part of, is at fault.
    #[must_use]
    pub fn marks(&self, field: &str) -> bool {
        self.unread.get(field).is_some()
            || self
                .config
                .validate()
                .is_err_and(|error| field.starts_with(&error.field))
    }

    /// Add a dense-like layer at the end, or remove the last one.
    pub fn resize(&mut self, layers: usize) {
        let network = &mut self.config.network.layers;
        while network.len() < layers {
            let width = network
                .last()
                .map_or(vec![784], |last| last.out_modes.clone());
            network.push(LayerConfig {
                ranks: vec![1; width.len().saturating_sub(1)],
                out_modes: width.clone(),
                in_modes: width,
            });
        }
        network.truncate(layers.max(1));
        let kept = |(field, _): &(String, String)| !field.starts_with("network.layers");
        self.unread.0.retain(kept);
    }
}

/// A list such as `7 4 2 16`; spaces, commas, `x`, `×` and `·` part the numbers.
///
/// # Errors
/// If something in it is no whole number.
pub fn parse_list(text: &str) -> Result<Vec<usize>, String> {
    text.split(|c: char| c.is_whitespace() || matches!(c, ',' | 'x' | '×' | '·'))
        .filter(|part| !part.is_empty())
        .map(|part| {
            part.parse()
                .map_err(|_| format!("“{part}” is no whole number; write a list such as 7 4 2 16."))
        })
        .collect()
}

/// A whole number.
///
/// # Errors
/// If it is none, or too large for its field.
pub fn parse_whole<T: std::str::FromStr>(text: &str, example: &str) -> Result<T, String> {
    text.trim()
        .replace([',', '_'], "")
        .parse()
        .map_err(|_| format!("Write a whole number, such as {example}."))
}

/// A number.
///
/// # Errors
/// If it is none.
pub fn parse_number(text: &str, example: &str) -> Result<f32, String> {
    crate::json::number(text.trim())
        .map(|number| number as f32)
        .filter(|number| number.is_finite())
        .ok_or_else(|| format!("Write a number, such as {example}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_however_people_part_them() {
        for text in ["7 4 2 16", "7,4,2,16", " 7 x 4 x 2 x 16 ", "7·4·2·16"] {
            assert_eq!(parse_list(text), Ok(vec![7, 4, 2, 16]));
        }
        assert_eq!(parse_list(""), Ok(vec![]));
        assert!(
            parse_list("7 four")
                .expect_err("no number")
                .contains("four")
        );
    }

    #[test]
    fn a_field_that_cannot_be_read_blocks_until_it_can() {
        let mut draft = Draft::new(RunConfig::default());
        let set = |config: &mut RunConfig, text: &str| {
            config.batch = parse_whole(text, "64")?;
            Ok(())
        };
        draft.edit("batch", "many", set);
        assert!(draft.fault_of("batch").is_some());
        assert_eq!(draft.fault().map(|f| f.0), Some("batch".into()));
        draft.edit("batch", "32", set);
        assert_eq!(draft.fault(), None);
        assert_eq!(draft.config.batch, 32);
    }
}
