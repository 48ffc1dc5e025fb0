//! Sorting by a key of one or two numbers.
//!
//! The standard library's sort is compiled anew for every type and key. Here the keys are sorted, always of
//! one type, and the items are taken in that order: for what is sorted rarely and is fetched as code.

/// A key: its first number counts before its second.
pub type Key = [u64; 2];

/// Sorts by ascending keys; items of equal keys stay in their order.
pub fn sort_by_key<T>(items: &mut Vec<T>, key: impl Fn(&T) -> Key) {
    let keys: Vec<Key> = items.iter().map(key).collect();
    let mut held: Vec<Option<T>> = items.drain(..).map(Some).collect();
    items.extend(
        order(&keys)
            .into_iter()
            .filter_map(|place| held[place].take()),
    );
}

/// Places of the keys in ascending order, the first of equals first.
fn order(keys: &[Key]) -> Vec<usize> {
    let mut places: Vec<[u64; 3]> = keys.iter().zip(0..).map(|(&[a, b], k)| [a, b, k]).collect();
    places.sort_unstable();
    places.into_iter().map(|[_, _, k]| k as usize).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn items_are_sorted_as_the_standard_library_does(items in prop::collection::vec((0_u64..9, 0_u64..9, any::<u8>()), 0..80)) {
            let mut ours = items.clone();
            sort_by_key(&mut ours, |item| [item.0, item.1]);
            let mut theirs = items;
            theirs.sort_by_key(|item| (item.0, item.1));
            prop_assert_eq!(ours, theirs);
        }
    }
}
