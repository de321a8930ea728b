//! Episodes of few-shot learning: a few rows to learn some classes from, and others of these classes to ask about.

use std::collections::BTreeMap;

use burn::config::Config;
use candor_core::{ConfigError, DrawKey};
use rand::seq::index;
use serde::{Deserialize, Serialize};

use crate::DataError;

/// Configuration of an [`EpisodeSampler`].
#[derive(Config, Debug)]
pub struct EpisodeSamplerConfig {
    /// Classes of an episode, N of N-way, >= 2. Default: 5.
    #[config(default = 5)]
    pub way: usize,
    /// Support rows of a class, K of K-shot, >= 1. Default: 5.
    #[config(default = 5)]
    pub shot: usize,
    /// Queries of a class, >= 1. Default: 15.
    #[config(default = 15)]
    pub query: usize,
}

impl EpisodeSamplerConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// Fewer than two classes, no support row, no query.
    pub fn init(&self) -> Result<EpisodeSampler, ConfigError> {
        const NAME: &str = "EpisodeSamplerConfig";
        if self.way < 2 {
            return Err(ConfigError::out_of_range(NAME, "way", self.way, ">= 2"));
        }
        Ok(EpisodeSampler {
            way: self.way,
            shot: ConfigError::at_least_one(NAME, "shot", self.shot)?,
            query: ConfigError::at_least_one(NAME, "query", self.query)?,
        })
    }
}

/// Draws N-way K-shot episodes from rows with class labels.
///
/// Classes are drawn without replacement, then shot + query distinct rows of each: all rows of a class have the same
/// chance, and none is both support and query. What is drawn depends on the key alone, so the episodes of a run are the
/// same after a resume and on several devices.
///
/// ```
/// use candor_core::DrawKey;
/// use candor_data::EpisodeSamplerConfig;
///
/// let labels = [7, 7, 7, 8, 8, 8, 9, 9, 9];
/// let sampler = EpisodeSamplerConfig::new().with_way(2).with_shot(2).with_query(1).init()?;
/// let episodes = sampler.over(&labels)?;
/// let third = episodes.draw(DrawKey::new(0).row(3)); // episode 3 of run 0
/// assert_eq!((third.support_labels.as_slice(), third.query_labels.as_slice()), ([0, 0, 1, 1].as_slice(), [0, 1].as_slice()));
/// assert_eq!(labels[third.query[1]], third.classes[1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct EpisodeSampler {
    way: usize,
    shot: usize,
    query: usize,
}

impl EpisodeSampler {
    /// The episodes that rows with these classes allow, labels in any numbers.
    ///
    /// # Errors
    ///
    /// Fewer classes than an episode has, or a class with fewer rows than it gives to one, which is named.
    pub fn over(&self, labels: &[usize]) -> Result<Episodes, DataError> {
        let mut places = BTreeMap::<usize, Vec<usize>>::new();
        for (place, &label) in labels.iter().enumerate() {
            places.entry(label).or_default().push(place);
        }
        if places.len() < self.way {
            return Err(DataError::TooFewClasses {
                component: NAME,
                seen: places.len(),
                wanted: self.way,
            });
        }
        let wanted = self.shot + self.query;
        match places.iter().find(|(_, places)| places.len() < wanted) {
            Some((&class, places)) => Err(DataError::TooFewRows {
                component: NAME,
                class,
                seen: places.len(),
                wanted,
            }),
            None => Ok(Episodes {
                sampler: self.clone(),
                classes: places.into_iter().collect(),
            }),
        }
    }
}

const NAME: &str = "EpisodeSampler";

/// The episodes of a data set, made by [`EpisodeSampler::over`].
#[derive(Debug, Clone)]
pub struct Episodes {
    sampler: EpisodeSampler,
    /// Each class and the places of its rows, by ascending class.
    classes: Vec<(usize, Vec<usize>)>,
}

impl Episodes {
    /// One episode. Use the run's key with the episode's number as its row: `DrawKey::new(run).row(number)`.
    pub fn draw(&self, key: DrawKey) -> Episode {
        let EpisodeSampler { way, shot, query } = self.sampler;
        let mut rng = key.rng();
        let mut episode = Episode {
            classes: Vec::with_capacity(way),
            support: Vec::with_capacity(way * shot),
            support_labels: Vec::with_capacity(way * shot),
            query: Vec::with_capacity(way * query),
            query_labels: Vec::with_capacity(way * query),
        };
        let chosen = index::sample(&mut rng, self.classes.len(), way);
        for (label, class) in chosen.into_iter().enumerate() {
            let Some((name, places)) = self.classes.get(class) else {
                continue; // `sample` gives places below the length
            };
            let rows = index::sample(&mut rng, places.len(), shot + query);
            let mut rows = rows.into_iter().filter_map(|row| places.get(row).copied());
            episode.classes.push(*name);
            episode.support.extend(rows.by_ref().take(shot));
            episode.support_labels.extend([label].repeat(shot));
            episode.query.extend(rows);
            episode.query_labels.extend([label].repeat(query));
        }
        episode
    }
}

/// One episode: places of rows, grouped by class, and their labels `0..way` in the order the classes were drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Episode {
    /// What each label of the episode is in the data set, `[way]`.
    pub classes: Vec<usize>,
    /// Places of the support rows, `[way · shot]`.
    pub support: Vec<usize>,
    /// Labels of the support rows, in `0..way`.
    pub support_labels: Vec<usize>,
    /// Places of the queries, `[way · query]`.
    pub query: Vec<usize>,
    /// Labels of the queries, in `0..way`.
    pub query_labels: Vec<usize>,
}
