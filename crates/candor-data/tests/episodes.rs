#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! Episodes have their shape, no row twice, and depend on run and number alone.

use std::collections::BTreeSet;

use candor_core::DrawKey;
use candor_data::{DataError, EpisodeSamplerConfig, Episodes};
use proptest::prelude::*;

fn sampler(way: usize, shot: usize, query: usize) -> EpisodeSamplerConfig {
    EpisodeSamplerConfig::new()
        .with_way(way)
        .with_shot(shot)
        .with_query(query)
}

/// Nine rows of each of seven classes, mixed.
fn labels() -> Vec<usize> {
    (0..63).map(|row| row * 5 % 7 * 10).collect()
}

fn episodes(way: usize, shot: usize, query: usize) -> Episodes {
    let sampler = sampler(way, shot, query).init().unwrap();
    sampler.over(&labels()).unwrap()
}

proptest! {
    #[test]
    fn an_episode_has_distinct_classes_and_rows_grouped_by_class(
        way in 2..=7usize,
        shot in 1..5usize,
        query in 1..5usize,
        run: u64,
        number: u64,
    ) {
        let labels = labels();
        let episode = episodes(way, shot, query).draw(DrawKey::new(run).row(number));
        let classes: BTreeSet<usize> = episode.classes.iter().copied().collect();
        prop_assert_eq!(classes.len(), way);
        let rows: BTreeSet<usize> = episode.support.iter().chain(&episode.query).copied().collect();
        prop_assert_eq!(rows.len(), way * (shot + query));
        for (places, names, each) in [
            (&episode.support, &episode.support_labels, shot),
            (&episode.query, &episode.query_labels, query),
        ] {
            prop_assert!(names.iter().copied().eq((0..way).flat_map(|class| [class].repeat(each))));
            for (&place, &name) in places.iter().zip(names) {
                prop_assert_eq!(labels[place], episode.classes[name]);
            }
        }
    }

    #[test]
    fn an_episode_depends_on_run_and_number_alone(run: u64, number: u64) {
        let key = DrawKey::new(run).row(number);
        let again = episodes(5, 3, 4);
        again.draw(key.row(number.wrapping_add(9)));
        prop_assert_eq!(episodes(5, 3, 4).draw(key), again.draw(key));
        prop_assert_ne!(again.draw(key), again.draw(key.row(number.wrapping_add(1))));
        prop_assert_ne!(again.draw(key), again.draw(DrawKey::new(run.wrapping_add(1)).row(number)));
    }
}

#[test]
fn every_class_and_every_row_has_its_turn() {
    let episodes = episodes(2, 1, 1);
    let drawn: Vec<_> = (0..600)
        .map(|number| episodes.draw(DrawKey::new(4).row(number)))
        .collect();
    let rows: BTreeSet<usize> = drawn
        .iter()
        .flat_map(|episode| episode.support.clone())
        .collect();
    assert_eq!(rows.len(), 63);
    // 600 · 2 / 7 = 171 expected, with a deviation of 11.
    for class in (0..7).map(|class| class * 10) {
        let count = drawn
            .iter()
            .filter(|episode| episode.classes.contains(&class))
            .count();
        assert!(
            (121..=221).contains(&count),
            "class {class} was drawn {count} times"
        );
    }
}

#[test]
fn a_class_that_just_suffices_is_used_up() {
    let sampler = sampler(2, 1, 2).init().unwrap();
    let episode = sampler
        .over(&[4, 4, 4, 9, 9, 9])
        .unwrap()
        .draw(DrawKey::new(0));
    let mut rows = [episode.support, episode.query].concat();
    rows.sort_unstable();
    assert_eq!(rows, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn too_few_rows_or_classes_are_named() {
    let sampler = sampler(2, 2, 2).init().unwrap();
    let error = sampler.over(&[1, 1, 1, 1, 5, 5, 5]).unwrap_err();
    assert!(matches!(
        error,
        DataError::TooFewRows {
            class: 5,
            seen: 3,
            wanted: 4,
            ..
        }
    ));
    assert_eq!(
        error.to_string(),
        "EpisodeSampler: class 5 has 3 rows, an episode takes 4; leave the class out or take fewer"
    );
    let error = sampler.over(&[1, 1, 1, 1]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "EpisodeSampler: 1 classes, an episode takes 2"
    );
    assert!(sampler.over(&[]).is_err());
}

#[test]
fn illegal_shapes_are_refused_by_name() {
    for (config, field) in [
        (sampler(1, 1, 1), "way"),
        (sampler(2, 0, 1), "shot"),
        (sampler(2, 1, 0), "query"),
    ] {
        assert!(config.init().unwrap_err().to_string().contains(field));
    }
}
