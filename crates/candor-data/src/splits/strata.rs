use std::collections::BTreeMap;

use candor_core::DrawKey;
use rand::seq::SliceRandom;

/// The places of each label, each list shuffled by a stream of its own.
pub(super) fn shuffled_by_label(labels: &[usize], seed: u64) -> Vec<Vec<usize>> {
    let mut places = BTreeMap::<usize, Vec<usize>>::new();
    for (place, &label) in labels.iter().enumerate() {
        places.entry(label).or_default().push(place);
    }
    let shuffle = |(label, mut places): (usize, Vec<usize>)| {
        places.shuffle(&mut DrawKey::new(seed).row(label as u64).rng());
        places
    };
    places.into_iter().map(shuffle).collect()
}

pub(super) fn ascending(mut places: Vec<usize>) -> Vec<usize> {
    places.sort_unstable();
    places
}
