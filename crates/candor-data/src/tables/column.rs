use serde::{Deserialize, Serialize};

/// How a column of a file became features.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Coding {
    /// One feature: the number itself.
    Numeric,
    /// One feature a level, 1 where the row has it and 0 elsewhere.
    OneHot {
        /// The levels, in the order of their features.
        levels: Vec<String>,
    },
    /// One feature: the level's place in the list. Only for levels that have an order.
    Index {
        /// The levels, in order.
        levels: Vec<String>,
    },
}

/// One column of a table, and the features it became.
///
/// Explainers and counterfactuals move the features of a column together: see
/// [`TabularDataset::spans`](super::TabularDataset::spans).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The name in the header.
    pub name: String,
    /// How it was coded.
    pub coding: Coding,
}

impl Column {
    /// A column of numbers.
    pub fn numeric(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            coding: Coding::Numeric,
        }
    }

    /// How many features it became.
    pub fn width(&self) -> usize {
        match &self.coding {
            Coding::Numeric | Coding::Index { .. } => 1,
            Coding::OneHot { levels } => levels.len(),
        }
    }

    /// The features' names: the column's, or `column=level`.
    pub fn feature_names(&self) -> Vec<String> {
        match &self.coding {
            Coding::Numeric | Coding::Index { .. } => vec![self.name.clone()],
            Coding::OneHot { levels } => levels
                .iter()
                .map(|level| format!("{}={level}", self.name))
                .collect(),
        }
    }
}
