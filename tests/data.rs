//! Files nobody vouches for: whatever the bytes, reading gives a set or a sentence.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use railyard::data::idx::{self, IdxFile, Images};
use railyard::data::{Dataset, TrainTest, catalog, pack, split, upload};

/// Runs a property on cases that are the same every time.
fn check<S: Strategy>(cases: u32, strategy: &S, property: impl Fn(S::Value)) {
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    TestRunner::new_with_rng(config, rng)
        .run(strategy, |value| {
            property(value);
            Ok(())
        })
        .unwrap();
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Small sets with every class number below 5.
fn sets() -> impl Strategy<Value = Dataset> {
    (1_usize..40, 1_usize..6, 1_usize..6).prop_flat_map(|(count, height, width)| {
        let size = count * height * width;
        (
            prop::collection::vec(any::<u8>(), size),
            prop::collection::vec(0_u8..5, count),
        )
            .prop_map(move |(images, labels)| Dataset {
                images: images.into(),
                labels: labels.into(),
                height,
                width,
                classes: 5,
            })
    })
}

fn image_file(set: &Dataset) -> Vec<u8> {
    idx::write_images(&Images {
        pixels: set.images.to_vec(),
        count: set.len(),
        height: set.height,
        width: set.width,
    })
}

fn packed(set: &Dataset) -> TrainTest {
    TrainTest {
        train: set.clone(),
        test: split::subset(set, 1 + set.len() / 3),
        class_names: ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec(),
    }
}

/// Reads the bytes every way there is; all that counts is that it ends in a set or a sentence.
fn read_every_way(bytes: &[u8]) {
    let speaks = |message: String| assert!(message.len() > 10, "{message}");
    match idx::read(bytes) {
        Ok(file) => assert_eq!(idx::read(&idx::write(&file)), Ok(file)),
        Err(error) => speaks(error.to_string()),
    }
    match pack::read(bytes) {
        Ok(sets) => assert_eq!(pack::read(&pack::write(&sets).unwrap()), Ok(sets)),
        Err(error) => speaks(error.to_string()),
    }
    let labels = idx::write_labels(&[0, 1, 0, 1]);
    for files in [
        &[("a", bytes), ("b", &labels)][..],
        &[("a", bytes); 2],
        &[("a", bytes); 4],
    ] {
        match upload::train_and_test(files) {
            Ok(sets) => assert_eq!(sets.class_names.len(), sets.train.classes),
            Err(error) => speaks(error.to_string()),
        }
    }
}

/// One damage to a file: where (as a fraction of its length), what, and how.
#[derive(Clone, Debug)]
enum Damage {
    Set(usize, u8),
    Cut(usize),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    // Half of the places are in the first 32 bytes, where the headers are.
    let place = || prop_oneof![0_usize..32, 0_usize..4096];
    prop_oneof![
        4 => (place(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        1 => place().prop_map(Damage::Cut),
        1 => (place(), prop::collection::vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        1 => (place(), 1_usize..9).prop_map(|(at, count)| Damage::Remove(at, count)),
    ]
}

fn damaged(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        let place = |at: &usize| at % bytes.len().max(1);
        match damage {
            Damage::Set(at, byte) => {
                let at = place(at);
                if let Some(old) = bytes.get_mut(at) {
                    *old = *byte;
                }
            }
            Damage::Cut(at) => bytes.truncate(place(at)),
            Damage::Insert(at, new) => {
                let at = place(at);
                bytes.splice(at..at, new.iter().copied());
            }
            Damage::Remove(at, count) => {
                let at = place(at);
                bytes.drain(at..(at + count).min(bytes.len()));
            }
        }
    }
    bytes
}

#[test]
fn any_bytes_give_a_set_or_a_sentence() {
    let magics = prop::sample::select(vec![
        vec![],
        vec![0, 0, 8, 1],
        vec![0, 0, 8, 3],
        vec![0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0],
        vec![0x1f, 0x8b],
        vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255],
        b"RYPK".to_vec(),
        b"RYPK\0\0\0\0\x01\0\x02\0\x01\0\0\0\x01\0\0\0\x01\0\x01\0\x01\0\0\0".to_vec(),
    ]);
    let bytes = (magics, prop::collection::vec(any::<u8>(), 0..200));
    check(4000, &bytes, |(magic, rest)| {
        let bytes = [magic, rest].concat();
        read_every_way(&bytes);
        read_every_way(&gzipped(&bytes));
    });
}

#[test]
fn damaged_files_give_a_set_or_a_sentence() {
    let cases = (sets(), prop::collection::vec(damage(), 1..4));
    check(2000, &cases, |(set, damages)| {
        let images = image_file(&set);
        for file in [
            gzipped(&images),
            images,
            idx::write_labels(&set.labels),
            pack::write(&packed(&set)).unwrap(),
        ] {
            read_every_way(&damaged(file, &damages));
        }
    });
}

#[test]
fn written_files_read_back() {
    check(300, &sets(), |set| {
        let images = image_file(&set);
        let labels = idx::write_labels(&set.labels);
        assert_eq!(idx::read(&labels), Ok(IdxFile::Labels(set.labels.to_vec())));
        let read = upload::pair(&[("l", gzipped(&labels)), ("i", images)]).unwrap();
        assert_eq!((&read.images, &read.labels), (&set.images, &set.labels));
        let sets = packed(&set);
        assert_eq!(pack::read(&pack::write(&sets).unwrap()), Ok(sets));
    });
}

#[test]
fn splits_keep_every_image_once_and_every_share_to_within_one() {
    check(500, &(sets(), 0_usize..50), |(set, count)| {
        let (rest, held) = split::hold_out(&set, count);
        assert_eq!(held.len(), count.min(set.len()));
        assert_eq!(rest.len() + held.len(), set.len());
        let whole = set.class_counts();
        for (class, (rest, held)) in rest
            .class_counts()
            .iter()
            .zip(held.class_counts())
            .enumerate()
        {
            assert_eq!(rest + held, whole[class]);
            // held / whole[class] = count / set.len(), to within one image.
            let exact = whole[class] * count.min(set.len());
            assert!((held * set.len()).abs_diff(exact) < set.len());
        }
        let (train, test) = split::last_seventh(&set);
        assert_eq!(train.len() + test.len(), set.len());
    });
}

#[test]
fn the_subset_of_a_clone_is_balanced_and_named() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/assets/fashion-mnist-subset.rypk"
    );
    let sets = pack::read(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(sets.train.class_counts(), [600; 10]);
    assert_eq!(sets.test.class_counts(), [100; 10]);
    assert_eq!((sets.train.height, sets.train.width), (28, 28));
    assert_eq!(sets.class_names[9], "Ankle boot");
}

#[test]
fn the_subset_of_a_clone_is_the_one_chosen_from_the_canonical_files() {
    let entry = catalog::find("fashion-mnist-subset").unwrap();
    let Some(source) = catalog::find_idx_files(entry, None) else {
        println!("skipped: {}", entry.install);
        return;
    };
    let chosen = entry.chosen_from(source.load(entry).unwrap());
    assert_eq!(catalog::load("fashion-mnist-subset", None).unwrap(), chosen);
}

#[test]
fn what_cannot_be_loaded_is_said_in_a_sentence() {
    let say = |error: catalog::LoadError| error.to_string();
    assert!(
        say(catalog::open("no-such-set").unwrap_err()).contains("known are fashion-mnist-subset")
    );
    let empty = std::env::temp_dir().join(format!("railyard-data-{}", std::process::id()));
    std::fs::create_dir_all(&empty).unwrap();
    assert!(
        say(catalog::load("mnist", Some(&empty)).unwrap_err())
            .contains("the four IDX files of MNIST")
    );
    let folder = empty.to_string_lossy().into_owned();
    assert!(say(catalog::open(&folder).unwrap_err()).contains("0 files were given"));
    std::fs::write(empty.join("mnist.rypk"), b"not a pack").unwrap();
    assert!(say(catalog::load("mnist", Some(&empty)).unwrap_err()).contains("\"not \""));

    let labels: Vec<u8> = (0..14).map(|i| i % 2).collect();
    let images = Images {
        pixels: vec![9; 14],
        count: 14,
        height: 1,
        width: 1,
    };
    std::fs::write(
        empty.join("a-idx3-ubyte.gz"),
        gzipped(&idx::write_images(&images)),
    )
    .unwrap();
    std::fs::write(empty.join("a-idx1-ubyte"), idx::write_labels(&labels)).unwrap();
    let sets = catalog::open(&folder).unwrap();
    assert_eq!((sets.train.len(), sets.test.len()), (12, 2));
    std::fs::remove_dir_all(&empty).unwrap();
}
