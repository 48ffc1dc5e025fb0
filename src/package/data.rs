//! Labelled images, from bytes a script has.

use js_sys::{Array, Object, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsError};

use super::object::{FilesObject, error};
use crate::data::{Dataset, MAX_SIDE, TrainTest, pack, table, upload};

/// A training and a test set: grey images of one size, 8 bits a pixel, row by row, 0 = background.
#[wasm_bindgen]
pub struct Data {
    sets: TrainTest,
}

/// Refuses images with sides that no set has.
pub fn check_side(height: usize, width: usize) -> Result<(), JsError> {
    if (1..=MAX_SIDE).contains(&height) && (1..=MAX_SIDE).contains(&width) {
        return Ok(());
    }
    Err(JsError::new(&format!(
        "images of {height} x {width}; 1 to {MAX_SIDE} rows and columns are accepted"
    )))
}

impl Data {
    /// Both sets.
    pub fn sets(&self) -> (Dataset, Dataset) {
        (self.sets.train.clone(), self.sets.test.clone())
    }
}

/// An image of a set.
fn image(set: &Dataset, index: usize) -> Result<usize, JsError> {
    if index < set.len() {
        return Ok(index);
    }
    Err(JsError::new(&format!(
        "there is no image {index}; 0 to {} are accepted",
        set.len().saturating_sub(1)
    )))
}

#[wasm_bindgen]
impl Data {
    /// Labelled images, one after the other: `pixels` holds `labels.length * height * width` bytes, and a label is
    /// the place of its class in `classNames`. The last seventh of every class is for testing.
    ///
    /// # Errors
    /// If pixels and labels are not of as many images, a label is of no class, or no class has two images.
    #[wasm_bindgen(constructor)]
    pub fn new(
        pixels: &[u8],
        labels: &[u8],
        height: usize,
        width: usize,
        #[wasm_bindgen(js_name = "classNames")] class_names: Vec<String>,
    ) -> Result<Self, JsError> {
        check_side(height, width)?;
        if !(2..=256).contains(&class_names.len()) {
            let found = class_names.len();
            return Err(JsError::new(&format!(
                "{found} names of classes; 2 to 256 are accepted"
            )));
        }
        let sets = upload::pictures(class_names, (height, width), pixels, labels).map_err(error)?;
        Ok(Self { sets })
    }

    /// The sets of a packed file (`.rypk`), such as `data/fashion-mnist-subset.rypk` of this package.
    ///
    /// # Errors
    /// If the file is damaged or no such file.
    pub fn packed(file: &[u8]) -> Result<Self, JsError> {
        let sets = pack::read(file).map_err(error)?;
        Ok(Self { sets })
    }

    /// The sets of two or four IDX files, plain or gzipped, by their names: images and labels, for training and
    /// testing. Of two files, the last seventh of every class is for testing.
    ///
    /// # Errors
    /// If the files are not IDX or do not belong together.
    pub fn idx(files: &FilesObject) -> Result<Self, JsError> {
        let entries = Object::entries(files.unchecked_ref());
        let named = entries.iter().map(|entry| {
            let entry: Array = entry.unchecked_into();
            let name = entry.get(0).as_string().unwrap_or_default();
            (name, Uint8Array::new(&entry.get(1)).to_vec())
        });
        let named: Vec<(String, Vec<u8>)> = named.collect();
        let sets = upload::train_and_test(&named).map_err(error)?;
        Ok(Self { sets })
    }

    /// The sets of a table in UTF-8, one sample a row: a label and up to 4,096 numbers, separated by commas,
    /// semicolons or tabs.
    ///
    /// # Errors
    /// If it is no such table, or more than one row in twenty is faulty.
    pub fn csv(file: &[u8]) -> Result<Self, JsError> {
        let sets = table::read(file).map_err(error)?.sets;
        Ok(Self { sets })
    }

    /// Rows of an image.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn height(&self) -> usize {
        self.sets.train.height
    }

    /// Columns of an image.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn width(&self) -> usize {
        self.sets.train.width
    }

    /// What each class is called.
    #[wasm_bindgen(getter, js_name = "classNames")]
    #[must_use]
    pub fn class_names(&self) -> Vec<String> {
        self.sets.class_names.clone()
    }

    /// Images to train on.
    #[wasm_bindgen(getter, js_name = "trainCount")]
    #[must_use]
    pub fn train_count(&self) -> usize {
        self.sets.train.len()
    }

    /// Images to test on.
    #[wasm_bindgen(getter, js_name = "testCount")]
    #[must_use]
    pub fn test_count(&self) -> usize {
        self.sets.test.len()
    }

    /// Pixels of a test image, from 0.
    ///
    /// # Errors
    /// If there is no such image.
    #[wasm_bindgen(js_name = "testImage")]
    pub fn test_image(&self, index: usize) -> Result<Vec<u8>, JsError> {
        let set = &self.sets.test;
        Ok(set.image(image(set, index)?).to_vec())
    }

    /// Class of a test image, from 0.
    ///
    /// # Errors
    /// If there is no such image.
    #[wasm_bindgen(js_name = "testLabel")]
    pub fn test_label(&self, index: usize) -> Result<u8, JsError> {
        let set = &self.sets.test;
        Ok(set.labels[image(set, index)?])
    }

    /// Both sets as a packed file, for `Data.packed`.
    ///
    /// # Errors
    /// If a class has a name that cannot be kept.
    pub fn pack(&self) -> Result<Vec<u8>, JsError> {
        pack::write(&self.sets).map_err(error)
    }
}
