//! Pictures gathered class by class.

/// Rows and columns of a picture.
pub const SIDE: usize = 28;
/// Most classes.
pub const MOST_CLASSES: usize = 10;
/// Most pictures of a class.
pub const MOST_PICTURES: usize = 500;
/// Most letters of a class's name.
pub const MOST_LETTERS: usize = 30;

/// A class with its pictures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Class {
    /// What it is called; empty for its number.
    pub name: String,
    /// Its pictures, `SIDE * SIDE` grey pixels each.
    pub pictures: Vec<Vec<u8>>,
}

/// What was gathered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// The classes, in order.
    pub classes: Vec<Class>,
}

impl Default for Set {
    /// Two classes to begin with.
    fn default() -> Self {
        Self {
            classes: vec![Class::default(); 2],
        }
    }
}

impl Set {
    /// What the `k`-th class is called.
    #[must_use]
    pub fn name(&self, k: usize) -> String {
        match self.classes.get(k) {
            Some(class) if !class.name.trim().is_empty() => class.name.trim().into(),
            _ => format!("class {}", k + 1),
        }
    }

    /// Calls a class otherwise.
    pub fn rename(&mut self, k: usize, name: &str) {
        if let Some(class) = self.classes.get_mut(k) {
            class.name = name.lines().collect::<String>();
            class.name = class.name.chars().take(MOST_LETTERS).collect();
        }
    }

    /// Adds a picture to a class.
    ///
    /// # Errors
    /// If the picture is blank or the class is full.
    pub fn add(&mut self, k: usize, picture: &[u8]) -> Result<(), String> {
        let name = self.name(k);
        let Some(class) = self.classes.get_mut(k) else {
            return Err("There is no such class.".into());
        };
        if picture.len() != SIDE * SIDE || picture.iter().all(|pixel| *pixel == picture[0]) {
            return Err("The picture is blank: draw something, or look through the camera.".into());
        }
        if class.pictures.len() == MOST_PICTURES {
            return Err(format!("“{name}” is full with {MOST_PICTURES} pictures."));
        }
        class.pictures.push(picture.into());
        Ok(())
    }

    /// Takes the last picture of a class back.
    pub fn take_back(&mut self, k: usize) -> Option<Vec<u8>> {
        self.classes.get_mut(k)?.pictures.pop()
    }

    /// One class more, if there may be.
    pub fn grow(&mut self) {
        if self.classes.len() < MOST_CLASSES {
            self.classes.push(Class::default());
        }
    }

    /// Takes a class away with its pictures.
    pub fn remove(&mut self, k: usize) -> Option<Class> {
        (k < self.classes.len()).then(|| self.classes.remove(k))
    }

    /// What keeps the set from being trained on, if anything does.
    #[must_use]
    pub fn lacks(&self) -> Option<String> {
        let there: Vec<usize> = (0..self.classes.len())
            .filter(|k| !self.classes[*k].pictures.is_empty())
            .collect();
        if there.len() < 2 {
            return Some("Two classes need pictures, two of each at least.".into());
        }
        if let Some(k) = there.iter().find(|k| self.classes[**k].pictures.len() < 2) {
            return Some(format!(
                "“{}” needs a second picture: one is for testing.",
                self.name(*k)
            ));
        }
        let names: Vec<String> = there.iter().map(|k| self.name(*k)).collect();
        let twice = (1..names.len()).find(|k| names[..*k].contains(&names[*k]));
        twice.map(|k| format!("Two classes are called “{}”.", names[k]))
    }

    /// Names of the classes with pictures, all pixels, and a label for each picture.
    #[must_use]
    pub fn data(&self) -> (Vec<String>, Vec<u8>, Vec<u8>) {
        let there = (0..self.classes.len()).filter(|k| !self.classes[*k].pictures.is_empty());
        let (mut names, mut pixels, mut labels) = (vec![], vec![], vec![]);
        for (label, k) in there.enumerate() {
            names.push(self.name(k));
            for picture in &self.classes[k].pictures {
                pixels.extend(picture);
                labels.push(label as u8);
            }
        }
        (names, pixels, labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::upload;

    fn picture(bright: usize) -> Vec<u8> {
        let mut picture = vec![0; SIDE * SIDE];
        picture[bright] = 200;
        picture
    }

    #[test]
    fn a_set_is_gathered_taken_back_and_becomes_data() {
        let mut set = Set::default();
        assert!(set.lacks().unwrap().contains("Two classes"));
        set.rename(0, "cat\nfish");
        set.grow();
        for k in [0, 0, 2, 2, 2] {
            set.add(k, &picture(k)).unwrap();
        }
        assert_eq!(set.lacks(), None);
        assert_eq!(set.take_back(2), Some(picture(2)));
        let (names, pixels, labels) = set.data();
        assert_eq!(names, ["catfish", "class 3"]);
        assert_eq!(labels, [0, 0, 1, 1]);
        let sets = upload::pictures(names, (SIDE, SIDE), &pixels, &labels).unwrap();
        assert_eq!(sets.train.len() + sets.test.len(), 4);
        assert_eq!(sets.test.classes, 2);
    }

    #[test]
    fn what_is_missing_is_said() {
        let mut set = Set::default();
        assert!(set.add(0, &[0; SIDE * SIDE]).unwrap_err().contains("blank"));
        assert!(set.add(7, &picture(0)).is_err());
        set.add(0, &picture(1)).unwrap();
        set.add(1, &picture(2)).unwrap();
        assert!(set.lacks().unwrap().contains("“class 1” needs a second"));
        for k in [0, 1] {
            set.add(k, &picture(3)).unwrap();
            set.rename(k, " same ");
        }
        assert!(set.lacks().unwrap().contains("called “same”"));
        for _ in 0..MOST_PICTURES {
            let _ = set.add(0, &picture(4));
        }
        assert!(set.add(0, &picture(4)).unwrap_err().contains("full"));
        assert_eq!(set.remove(0).map(|class| class.pictures.len()), Some(500));
        assert_eq!(set.remove(9), None);
        for _ in 0..20 {
            set.grow();
        }
        assert_eq!(set.classes.len(), MOST_CLASSES);
    }
}
