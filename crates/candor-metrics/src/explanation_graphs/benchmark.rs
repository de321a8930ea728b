use candor_core::InputError;
use candor_core::explanation_graph::{ExplanationGraph, GraphParseError};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::edit_distance::{GraphTooLarge, graph_edit_distance};
use super::structural_check::StructuralChecker;

/// One sample of a test set, and what was predicted for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BenchmarkRow<'a> {
    /// The belief.
    pub belief: &'a str,
    /// The argument for or against it.
    pub argument: &'a str,
    /// The predicted stance; stances are compared as they are written.
    pub stance: &'a str,
    /// The right stance.
    pub gold_stance: &'a str,
    /// The predicted graph, as text.
    pub graph: &'a str,
    /// The gold graph, as text.
    pub gold: &'a str,
}

/// How far a row came in the benchmark's pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Annotation {
    /// The stance is wrong; the graph is not looked at.
    StanceIncorrect,
    /// The stance is right, the graph breaks a structural rule.
    StructIncorrect,
    /// Stance and structure are right.
    StructCorrect,
}

/// What a test set came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchmarkReport {
    /// Share of rows with the right stance.
    pub stance_accuracy: f64,
    /// Share of rows with right stance and structure (StCA).
    pub structural_accuracy: f64,
    /// Mean normalised edit distance to the gold graph; a row that is not structurally correct counts as 1.
    pub ged: f64,
    /// How far each row came.
    pub annotations: Vec<Annotation>,
}

/// Why a test set cannot be scored.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum GraphBenchmarkError {
    /// There is no row.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The text of a gold graph is no graph.
    #[error("row {row}: the gold graph cannot be read: {source}")]
    Gold {
        /// The row.
        row: usize,
        /// Why not.
        source: GraphParseError,
    },
    /// A graph is too large to compare.
    #[error("row {row}: {source}")]
    TooLarge {
        /// The row.
        row: usize,
        /// How large.
        source: GraphTooLarge,
    },
}

/// The ExplaGraphs benchmark's pipeline over a test set: stance, then structure, then closeness to the gold graph.
///
/// ```text
/// stance wrong -> structure wrong -> structurally correct;   StCA = structurally correct / all rows
/// ```
///
/// Scores that need a model, [`edge_match_score`](super::edge_match_score) and
/// [`edge_importance_accuracy`](super::edge_importance_accuracy), are taken over the rows that
/// [`annotations`](BenchmarkReport::annotations) calls correct, and divided by all of them.
///
/// Source: Saha et al.: ExplaGraphs, 2021, arXiv 2104.07644.
///
/// ```
/// use candor_metrics::explanation_graphs::{Annotation, BenchmarkRow, GraphBenchmark};
///
/// let graph = "(cannabis; synonym of; marijuana)(marijuana; is a; available)(available; causes; legal)";
/// let (belief, argument) = ("Cannabis should be legal", "Make marijuana available");
/// let right = BenchmarkRow { belief, argument, stance: "support", gold_stance: "support", graph, gold: graph };
/// let wrong = BenchmarkRow { stance: "counter", ..right };
/// let report = GraphBenchmark::default().evaluate(&[right, wrong]).unwrap();
/// assert_eq!((report.structural_accuracy, report.ged), (0.5, 0.5));
/// ```
#[derive(Debug, Clone, Default)]
pub struct GraphBenchmark {
    checker: StructuralChecker,
}

impl GraphBenchmark {
    /// With rules of one's own; the benchmark's are the default.
    pub const fn new(checker: StructuralChecker) -> Self {
        Self { checker }
    }

    /// Scores all rows.
    ///
    /// # Errors
    ///
    /// No row; of a structurally correct row: a gold graph that cannot be read, or more than 12 concepts.
    pub fn evaluate(
        &self,
        rows: &[BenchmarkRow<'_>],
    ) -> Result<BenchmarkReport, GraphBenchmarkError> {
        InputError::check_not_empty("GraphBenchmark", "rows", rows.len())?;
        let annotations: Vec<Annotation> = rows.iter().map(|row| self.annotation(row)).collect();
        let mut distance = 0.0;
        for (index, (row, annotation)) in rows.iter().zip(&annotations).enumerate() {
            distance += match annotation {
                Annotation::StructCorrect => normalized_distance(index, row)?,
                _ => 1.0,
            };
        }
        let share = |counts: &dyn Fn(&Annotation) -> bool| {
            let counted = annotations.iter().filter(|annotation| counts(annotation));
            counted.count() as f64 / rows.len() as f64
        };
        Ok(BenchmarkReport {
            stance_accuracy: share(&|annotation| *annotation != Annotation::StanceIncorrect),
            structural_accuracy: share(&|annotation| *annotation == Annotation::StructCorrect),
            ged: distance / rows.len() as f64,
            annotations,
        })
    }

    /// Semantic correctness (SeCA): the share of all rows that are structurally correct and whose graph a classifier
    /// reads as the gold stance.
    ///
    /// `classify` gets the belief and the graph; it answers a stance, or anything else for a graph that says nothing.
    ///
    /// # Errors
    ///
    /// No row.
    pub fn semantic_accuracy<S: AsRef<str>>(
        &self,
        rows: &[BenchmarkRow<'_>],
        mut classify: impl FnMut(&str, &str) -> S,
    ) -> Result<f64, InputError> {
        InputError::check_not_empty("GraphBenchmark", "rows", rows.len())?;
        let right = rows.iter().filter(|row| {
            self.annotation(row) == Annotation::StructCorrect
                && classify(row.belief, row.graph).as_ref() == row.gold_stance
        });
        Ok(right.count() as f64 / rows.len() as f64)
    }

    fn annotation(&self, row: &BenchmarkRow<'_>) -> Annotation {
        if row.stance != row.gold_stance {
            return Annotation::StanceIncorrect;
        }
        let report = self.checker.check(row.graph, row.belief, row.argument);
        if report.correct() {
            Annotation::StructCorrect
        } else {
            Annotation::StructIncorrect
        }
    }
}

/// The distance of a row whose predicted graph is structurally correct, and so can be read.
fn normalized_distance(row: usize, sample: &BenchmarkRow<'_>) -> Result<f64, GraphBenchmarkError> {
    let Ok(predicted) = ExplanationGraph::parse(sample.graph) else {
        return Ok(1.0);
    };
    let gold = ExplanationGraph::parse(sample.gold)
        .map_err(|source| GraphBenchmarkError::Gold { row, source })?;
    graph_edit_distance(&gold, &predicted)
        .map(|edits| edits.normalized)
        .map_err(|source| GraphBenchmarkError::TooLarge { row, source })
}
