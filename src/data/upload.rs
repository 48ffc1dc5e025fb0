//! Sorting out a person's IDX files: which are images, which labels, which training, which test.
//!
//! Two files are images and labels in either order; four are a training and a test pair. Names help
//! (a part that says `test` or `t10k`) and counts decide where names do not.

use std::fmt;

use super::idx::{self, IdxError, IdxFile, Images};
use super::{Dataset, TrainTest, split};

/// Why files cannot be put together to a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadError {
    /// Neither two nor four files.
    WrongNumber {
        /// Files given.
        found: usize,
    },
    /// One of the files is no usable IDX file.
    NotIdx {
        /// Name of the file.
        file: String,
        /// What is wrong with it.
        error: IdxError,
    },
    /// Not as many image files as label files.
    Unpaired {
        /// Names of the image files.
        images: Vec<String>,
        /// Names of the label files.
        labels: Vec<String>,
    },
    /// Images and labels differ in number.
    CountMismatch {
        /// Name of the image file.
        images_file: String,
        /// Number of images.
        images: usize,
        /// Name of the label file.
        labels_file: String,
        /// Number of labels.
        labels: usize,
    },
    /// Training and test images differ in size.
    SizeMismatch {
        /// Rows and columns of a training image.
        train: (usize, usize),
        /// Rows and columns of a test image.
        test: (usize, usize),
    },
    /// Neither names nor counts tell which pair is for testing.
    Ambiguous {
        /// Names of the two image files.
        images: [String; 2],
    },
    /// No class has the two images needed to train on one and test on the other.
    TooFew {
        /// Number of images.
        images: usize,
    },
}

impl fmt::Display for UploadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongNumber { found } => write!(
                f,
                "{found} files were given; accepted are two IDX files (images and labels) or four (the same for \
                 training and for test), each plain or gzipped"
            ),
            Self::NotIdx { file, error } => write!(f, "{file} {error}"),
            Self::Unpaired { images, labels } => write!(
                f,
                "{} and {} were given; each image file needs one label file",
                counted(images, "image file"),
                counted(labels, "label file")
            ),
            Self::CountMismatch {
                images_file,
                images,
                labels_file,
                labels,
            } => write!(
                f,
                "{images_file} holds {images} images but {labels_file} holds {labels} labels; the numbers must be equal"
            ),
            Self::SizeMismatch { train, test } => write!(
                f,
                "the training images are {} x {} pixels but the test images {} x {}; the sizes must be equal",
                train.0, train.1, test.0, test.1
            ),
            Self::Ambiguous { images: [a, b] } => write!(
                f,
                "neither names nor numbers tell which of {a} and {b} is for testing; put \"test\" into the names of \
                 the test files, as in test-images.idx"
            ),
            Self::TooFew { images } => write!(
                f,
                "{images} images are too few to train and test on; some class must have at least two"
            ),
        }
    }
}

impl std::error::Error for UploadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotIdx { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// "no label file", "1 image file (a.gz)", "2 image files (a.gz, b.gz)".
fn counted(files: &[String], what: &str) -> String {
    match files {
        [] => format!("no {what}"),
        [one] => format!("1 {what} ({one})"),
        many => format!("{} {what}s ({})", many.len(), many.join(", ")),
    }
}

/// A file's name with what was read from it.
struct Named<T> {
    name: String,
    content: T,
}

/// The data set of one image file and one label file, in either order.
///
/// # Errors
/// If there are not two files, one of each kind, with equal counts.
pub fn pair<N: AsRef<str>, B: AsRef<[u8]>>(files: &[(N, B)]) -> Result<Dataset, UploadError> {
    if files.len() != 2 {
        return Err(UploadError::WrongNumber { found: files.len() });
    }
    let (images, labels) = read_all(files)?;
    match (<[_; 1]>::try_from(images), <[_; 1]>::try_from(labels)) {
        (Ok([images]), Ok([labels])) => join(images, labels),
        (images, labels) => Err(unpaired(
            &images.map_or_else(|other| other, Vec::from),
            &labels.map_or_else(|other| other, Vec::from),
        )),
    }
}

/// The training and test sets of two or four files, in any order.
///
/// Of two files, the last seventh of every class becomes the test set ([`split::last_seventh`]). Of
/// four, the pair whose names say so is the test set, or else the smaller one. Classes are named by
/// their numbers.
///
/// # Errors
/// If the files are not IDX, do not pair up, or are too few images; the error names the file.
pub fn train_and_test<N: AsRef<str>, B: AsRef<[u8]>>(
    files: &[(N, B)],
) -> Result<TrainTest, UploadError> {
    let (mut train, mut test) = match files.len() {
        2 => {
            let whole = pair(files)?;
            let (train, test) = split::last_seventh(&whole);
            if test.is_empty() {
                return Err(UploadError::TooFew {
                    images: whole.len(),
                });
            }
            (train, test)
        }
        4 => two_pairs(files)?,
        found => return Err(UploadError::WrongNumber { found }),
    };
    let classes = train.classes.max(test.classes);
    train.classes = classes;
    test.classes = classes;
    Ok(TrainTest {
        train,
        test,
        class_names: (0..classes).map(|class| class.to_string()).collect(),
    })
}

/// The training and test sets of decoded pictures, row-major, one after the other; the last seventh of every class
/// is for testing.
///
/// # Errors
/// If pixels and labels are not of as many pictures, a label is of no class, or no class has two pictures.
pub fn pictures(
    class_names: Vec<String>,
    (height, width): (usize, usize),
    pixels: &[u8],
    labels: &[u8],
) -> Result<TrainTest, UploadError> {
    let images = pixels.len() / (height * width).max(1);
    let classes = class_names.len();
    let known = labels.iter().all(|label| usize::from(*label) < classes);
    if images != labels.len() || pixels.len() != images * height * width || !known {
        return Err(UploadError::CountMismatch {
            images_file: "the folder".into(),
            images,
            labels_file: "its classes".into(),
            labels: labels.len(),
        });
    }
    let whole = Dataset {
        images: pixels.into(),
        labels: labels.into(),
        height,
        width,
        classes,
    };
    let (train, test) = split::last_seventh(&whole);
    if test.is_empty() {
        return Err(UploadError::TooFew { images });
    }
    Ok(TrainTest {
        train,
        test,
        class_names,
    })
}

/// (training, test) of four files.
fn two_pairs<N: AsRef<str>, B: AsRef<[u8]>>(
    files: &[(N, B)],
) -> Result<(Dataset, Dataset), UploadError> {
    let (images, labels) = read_all(files)?;
    let (images, labels) = match (<[_; 2]>::try_from(images), <[_; 2]>::try_from(labels)) {
        (Ok(images), Ok(labels)) => (images, labels),
        (images, labels) => {
            return Err(unpaired(
                &images.map_or_else(|other| other, Vec::from),
                &labels.map_or_else(|other| other, Vec::from),
            ));
        }
    };
    let image_counts = [images[0].content.count, images[1].content.count];
    let label_counts = [labels[0].content.len(), labels[1].content.len()];
    let by_size = |counts: [usize; 2]| match counts[0].cmp(&counts[1]) {
        std::cmp::Ordering::Less => Some(0),
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Greater => Some(1),
    };
    let Some(test_images) = named_test(&images).or_else(|| by_size(image_counts)) else {
        return Err(UploadError::Ambiguous {
            images: images.map(|file| file.name),
        });
    };
    // Labels without telling names follow the images of their number.
    let matching = || {
        let wanted = image_counts[test_images];
        match label_counts {
            [a, b] if a == b => None,
            [a, _] if a == wanted => Some(0),
            [_, b] if b == wanted => Some(1),
            _ => by_size(label_counts),
        }
    };
    let Some(test_labels) = named_test(&labels).or_else(matching) else {
        return Err(UploadError::Ambiguous {
            images: labels.map(|file| file.name),
        });
    };
    let [first, second] = images;
    let (test_images, train_images) = ordered(test_images, first, second);
    let [first, second] = labels;
    let (test_labels, train_labels) = ordered(test_labels, first, second);
    let train = join(train_images, train_labels)?;
    let test = join(test_images, test_labels)?;
    if (train.height, train.width) != (test.height, test.width) {
        return Err(UploadError::SizeMismatch {
            train: (train.height, train.width),
            test: (test.height, test.width),
        });
    }
    Ok((train, test))
}

/// The one at `index` first.
fn ordered<T>(index: usize, first: T, second: T) -> (T, T) {
    if index == 0 {
        (first, second)
    } else {
        (second, first)
    }
}

/// Which of two files says in its name that it is for testing, if exactly one does.
fn named_test<T>(files: &[Named<T>; 2]) -> Option<usize> {
    let says_test = |file: &Named<T>| {
        file.name
            .to_ascii_lowercase()
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|part| matches!(part, "test" | "t10k" | "val" | "valid" | "validation"))
    };
    match (says_test(&files[0]), says_test(&files[1])) {
        (true, false) => Some(0),
        (false, true) => Some(1),
        _ => None,
    }
}

/// Image files and label files, each in the order given.
type Sorted = (Vec<Named<Images>>, Vec<Named<Vec<u8>>>);

/// Reads every file and parts images from labels.
fn read_all<N: AsRef<str>, B: AsRef<[u8]>>(files: &[(N, B)]) -> Result<Sorted, UploadError> {
    let mut sorted: Sorted = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let name = name.as_ref().to_owned();
        match idx::read(bytes.as_ref()) {
            Ok(IdxFile::Images(content)) => sorted.0.push(Named { name, content }),
            Ok(IdxFile::Labels(content)) => sorted.1.push(Named { name, content }),
            Err(error) => return Err(UploadError::NotIdx { file: name, error }),
        }
    }
    Ok(sorted)
}

/// The error for lists that do not pair up.
fn unpaired(images: &[Named<Images>], labels: &[Named<Vec<u8>>]) -> UploadError {
    UploadError::Unpaired {
        images: images.iter().map(|file| file.name.clone()).collect(),
        labels: labels.iter().map(|file| file.name.clone()).collect(),
    }
}

/// Images with their labels. There are one more classes than the largest label, and at least two.
fn join(images: Named<Images>, labels: Named<Vec<u8>>) -> Result<Dataset, UploadError> {
    if images.content.count != labels.content.len() {
        return Err(UploadError::CountMismatch {
            images_file: images.name,
            images: images.content.count,
            labels_file: labels.name,
            labels: labels.content.len(),
        });
    }
    let largest = labels.content.iter().copied().max().unwrap_or(0);
    Ok(Dataset {
        images: images.content.pixels.into(),
        labels: labels.content.into(),
        height: images.content.height,
        width: images.content.width,
        classes: (usize::from(largest) + 1).max(2),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(count: u8, side: usize) -> Vec<u8> {
        idx::write_images(&Images {
            pixels: (0..count).flat_map(|i| vec![i; side * side]).collect(),
            count: usize::from(count),
            height: side,
            width: side,
        })
    }

    fn labels(count: u8) -> Vec<u8> {
        let labels: Vec<u8> = (0..count).map(|i| i % 3).collect();
        idx::write_labels(&labels)
    }

    #[test]
    fn two_files_pair_up_in_either_order() {
        let (a, b) = (("a", images(9, 2)), ("b", labels(9)));
        let set = pair(&[a.clone(), b.clone()]).unwrap();
        assert_eq!((set.len(), set.classes), (9, 3));
        assert_eq!(set.image(8), [8; 4]);
        assert_eq!(pair(&[b, a]), Ok(set));
    }

    #[test]
    fn one_class_still_counts_as_two() {
        let set = pair(&[("i", images(2, 1)), ("l", idx::write_labels(&[0, 0]))]);
        assert_eq!(set.unwrap().classes, 2);
    }

    #[test]
    fn a_single_pair_gives_its_last_seventh_for_testing() {
        let sets = train_and_test(&[("i", images(63, 2)), ("l", labels(63))]).unwrap();
        assert_eq!((sets.train.len(), sets.test.len()), (54, 9));
        assert_eq!(sets.class_names, ["0", "1", "2"]);
    }

    #[test]
    fn four_files_are_told_apart_by_name() {
        // The test pair is the larger one here: names win over counts.
        let sets = train_and_test(&[
            ("t10k-labels-idx1-ubyte.gz", labels(9)),
            ("train-images", images(6, 2)),
            ("T10K-images", images(9, 2)),
            ("train-labels", labels(6)),
        ])
        .unwrap();
        assert_eq!((sets.train.len(), sets.test.len()), (6, 9));
    }

    #[test]
    fn four_files_without_telling_names_are_told_apart_by_count() {
        let sets = train_and_test(&[
            ("1", labels(9)),
            ("2", images(6, 2)),
            ("3", images(9, 2)),
            ("4", labels(6)),
        ])
        .unwrap();
        assert_eq!((sets.train.len(), sets.test.len()), (9, 6));
        let error = train_and_test(&[
            ("1", labels(9)),
            ("2", images(9, 2)),
            ("3", images(9, 2)),
            ("4", labels(9)),
        ]);
        assert_eq!(
            error,
            Err(UploadError::Ambiguous {
                images: ["2".to_owned(), "3".to_owned()]
            })
        );
    }

    #[test]
    fn what_does_not_fit_together_is_named() {
        let say = |files: &[(&str, Vec<u8>)]| train_and_test(files).unwrap_err().to_string();
        assert!(say(&[("i", images(3, 2))]).starts_with("1 files were given"));
        assert_eq!(
            say(&[("i", images(3, 2)), ("l", labels(4))]),
            "i holds 3 images but l holds 4 labels; the numbers must be equal"
        );
        assert_eq!(
            say(&[("i", images(3, 2)), ("j", images(4, 2))]),
            "2 image files (i, j) and no label file were given; each image file needs one label file"
        );
        assert_eq!(
            say(&[
                ("i", images(4, 2)),
                ("l", labels(4)),
                ("test i", images(3, 1)),
                ("test l", labels(3)),
            ]),
            "the training images are 2 x 2 pixels but the test images 1 x 1; the sizes must be equal"
        );
        assert_eq!(
            say(&[("i", images(3, 2)), ("l", labels(3))]),
            "3 images are too few to train and test on; some class must have at least two"
        );
        assert!(
            say(&[("i.png", b"\x89PNG".to_vec()), ("l", labels(3))])
                .starts_with("i.png starts with 0x89504e47")
        );
    }
}
