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

/// Median of numbers, the mean of the middle two of an even count; 0 of none.
#[must_use]
pub fn median(numbers: &[f64]) -> f64 {
    // The bits of a number in an order like its own: all flipped of a negative one, else the sign alone.
    let key = |number: &f64| {
        let bits = number.to_bits();
        [bits ^ ((bits as i64 >> 63) as u64 | 1 << 63), 0]
    };
    let order = order(&numbers.iter().map(key).collect::<Vec<_>>());
    let at = |place: usize| order.get(place).map_or(0.0, |&place| numbers[place]);
    f64::midpoint(at(order.len().saturating_sub(1) / 2), at(order.len() / 2))
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

    #[test]
    fn the_median_is_the_middle() {
        let same = |numbers: &[f64], wanted: f64| {
            assert_eq!(median(numbers).to_bits(), wanted.to_bits(), "{numbers:?}");
        };
        same(&[], 0.0);
        same(&[3.0], 3.0);
        same(&[-2.0, 7.0, -5.5, 0.25, 1e9], 0.25);
        same(&[4.0, -1.0, 2.0, 8.0], 3.0);
    }
}
