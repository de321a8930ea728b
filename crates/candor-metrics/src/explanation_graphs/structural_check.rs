use burn::config::Config;
use candor_core::ConfigError;
use candor_core::explanation_graph::{ExplanationGraph, GraphParseError, is_relation};
use serde::{Deserialize, Serialize};

use super::structure::{is_acyclic, is_connected, structure};

/// Configuration of [`StructuralChecker`].
#[derive(Config, Debug)]
pub struct StructuralCheckerConfig {
    /// The fewest edges, >= 1; repeated ones count. Default: 3.
    #[config(default = 3)]
    pub min_edges: usize,
    /// The most words of a concept, >= 1. Default: 3.
    #[config(default = 3)]
    pub max_words: usize,
    /// The fewest concepts that must occur in the belief, and in the argument, >= 1. Default: 2.
    #[config(default = 2)]
    pub min_concepts: usize,
}

impl StructuralCheckerConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A setting of zero.
    pub fn init(&self) -> Result<StructuralChecker, ConfigError> {
        const NAME: &str = "StructuralCheckerConfig";
        Ok(StructuralChecker {
            min_edges: ConfigError::at_least_one(NAME, "min_edges", self.min_edges)?,
            max_words: ConfigError::at_least_one(NAME, "max_words", self.max_words)?,
            min_concepts: ConfigError::at_least_one(NAME, "min_concepts", self.min_concepts)?,
        })
    }
}

/// Which rules of its structure a graph keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools)] // the benchmark's six rules
pub struct StructuralReport {
    /// There are enough edges.
    pub edge_count: bool,
    /// Every edge has three parts.
    pub well_formed: bool,
    /// Concepts are short and not empty, relations are in the vocabulary.
    pub edges_legal: bool,
    /// Enough concepts occur in the belief, and in the argument.
    pub concepts: bool,
    /// The graph is in one piece.
    pub connected: bool,
    /// No walk along the edges comes back.
    pub acyclic: bool,
}

impl StructuralReport {
    /// Whether all rules are kept.
    pub const fn correct(&self) -> bool {
        self.edge_count
            && self.well_formed
            && self.edges_legal
            && self.concepts
            && self.connected
            && self.acyclic
    }
}

/// The structural rules of the ExplaGraphs benchmark.
///
/// | rule | kept when |
/// |---|---|
/// | `edge_count` | at least 3 edges are written |
/// | `well_formed` | each is `head; relation; tail` |
/// | `edges_legal` | head and tail have 1 to 3 words, the relation is one of [`RELATIONS`](super::RELATIONS) |
/// | `concepts` | at least 2 distinct concepts occur in the belief and at least 2 in the argument; one may count for both |
/// | `connected` | it is one piece, directions aside |
/// | `acyclic` | it has no directed cycle; an edge from a concept to itself is one |
///
/// # Edge cases
///
/// Text that is no graph keeps no rule. Where an edge has not three parts, the edges are counted and all else fails. A
/// concept occurs in a text as a run of characters, as the benchmark has it: "can" occurs in "cannabis".
///
/// # Source
///
/// Saha et al.: ExplaGraphs: An Explanation Graph Generation Task for Structured Commonsense Reasoning, 2021, arXiv 2104.07644.
///
/// ```
/// use candor_metrics::explanation_graphs::StructuralChecker;
///
/// let (belief, argument) = ("Cannabis should be legal", "Make marijuana available");
/// let graph = "(cannabis; synonym of; marijuana)(marijuana; is a; available)(available; causes; legal)";
/// let checker = StructuralChecker::default();
/// assert!(checker.check(graph, belief, argument).correct());
/// let cyclic = format!("{graph}(legal; causes; cannabis)");
/// assert!(!checker.check(&cyclic, belief, argument).acyclic);
/// ```
#[derive(Debug, Clone)]
pub struct StructuralChecker {
    min_edges: usize,
    max_words: usize,
    min_concepts: usize,
}

/// The benchmark's rules: 3 edges, 3 words, 2 concepts.
impl Default for StructuralChecker {
    fn default() -> Self {
        let StructuralCheckerConfig {
            min_edges,
            max_words,
            min_concepts,
        } = StructuralCheckerConfig::new();
        Self {
            min_edges,
            max_words,
            min_concepts,
        }
    }
}

impl StructuralChecker {
    /// Which rules the text of a graph keeps.
    pub fn check(&self, graph: &str, belief: &str, argument: &str) -> StructuralReport {
        match ExplanationGraph::parse(graph) {
            Ok(graph) => self.check_graph(&graph, belief, argument),
            Err(GraphParseError::Parts { edges, .. }) => StructuralReport {
                edge_count: edges >= self.min_edges,
                ..StructuralReport::default()
            },
            Err(_) => StructuralReport::default(),
        }
    }

    /// Which rules a graph keeps.
    pub fn check_graph(
        &self,
        graph: &ExplanationGraph,
        belief: &str,
        argument: &str,
    ) -> StructuralReport {
        let structure = structure(graph);
        let concepts = graph.concepts();
        let occur = |text: &str| {
            let text = text.to_lowercase();
            let occurring = concepts.iter().filter(|concept| text.contains(**concept));
            occurring.count() >= self.min_concepts
        };
        let short =
            |concept: &str| !concept.is_empty() && concept.split(' ').count() <= self.max_words;
        StructuralReport {
            edge_count: graph.edges.len() >= self.min_edges,
            well_formed: true,
            edges_legal: graph
                .edges
                .iter()
                .all(|edge| short(&edge.head) && short(&edge.tail) && is_relation(&edge.relation)),
            concepts: occur(belief) && occur(argument),
            connected: is_connected(&structure),
            acyclic: is_acyclic(&structure),
        }
    }
}
