use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Formatter};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One directed edge: `(head; relation; tail)`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Edge {
    /// The concept that the edge leaves.
    pub head: String,
    /// What connects the two.
    pub relation: String,
    /// The concept that the edge enters.
    pub tail: String,
}

impl Edge {
    /// An edge from its three parts.
    pub fn new(
        head: impl Into<String>,
        relation: impl Into<String>,
        tail: impl Into<String>,
    ) -> Self {
        Self {
            head: head.into(),
            relation: relation.into(),
            tail: tail.into(),
        }
    }

    /// The edge as a sentence for a text encoder: head, relation and tail with spaces between.
    pub fn sentence(&self) -> String {
        format!("{} {} {}", self.head, self.relation, self.tail)
    }
}

impl Display for Edge {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "({}; {}; {})",
            self.head, self.relation, self.tail
        )
    }
}

/// Why a text is not a graph.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GraphParseError {
    /// The text does not begin with `(` and end with `)`.
    #[error("a graph begins with `(` and ends with `)`, seen: {seen:?}")]
    Brackets {
        /// The text, trimmed and in lower case.
        seen: String,
    },
    /// An edge has another number of parts than three.
    #[error("edge {edge} of {edges} has {parts} parts separated by `; `, wanted 3")]
    Parts {
        /// Position of the first such edge.
        edge: usize,
        /// How many parts it has.
        parts: usize,
        /// How many edges the text has.
        edges: usize,
    },
}

/// A graph as a list of edges in the order in which it was written.
///
/// Nodes are the distinct concepts. The same edge may be listed twice; measures that look at the graph's structure keep
/// the last relation of a (head, tail) pair.
///
/// ```
/// use candor_core::explanation_graph::ExplanationGraph;
///
/// let graph = ExplanationGraph::parse("(Cannabis; is a; drug)(drug; causes; harm)").unwrap();
/// assert_eq!(graph.concepts(), ["cannabis", "drug", "harm"]);
/// assert_eq!(graph.to_string(), "(cannabis; is a; drug)(drug; causes; harm)");
/// assert!(ExplanationGraph::parse("cannabis is a drug").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct ExplanationGraph {
    /// The edges, in order.
    pub edges: Vec<Edge>,
}

impl ExplanationGraph {
    /// Reads `(head; relation; tail)(head; relation; tail)…`; the text is trimmed and brought to lower case first.
    ///
    /// Neither the relations nor the structure are looked at: that is what a structural check is for.
    ///
    /// # Errors
    ///
    /// A text without the outer brackets (the empty text among them), an edge that has not three parts.
    pub fn parse(text: &str) -> Result<Self, GraphParseError> {
        let text = text.trim().to_lowercase();
        let inner = text
            .strip_prefix('(')
            .and_then(|text| text.strip_suffix(')'))
            .ok_or_else(|| GraphParseError::Brackets { seen: text.clone() })?;
        let parts: Vec<Vec<&str>> = inner
            .split(")(")
            .map(|edge| edge.split("; ").collect())
            .collect();
        let edges = parts.iter().enumerate().map(|(edge, seen)| match seen[..] {
            [head, relation, tail] => Ok(Edge::new(head, relation, tail)),
            _ => Err(GraphParseError::Parts {
                edge,
                parts: seen.len(),
                edges: parts.len(),
            }),
        });
        Ok(Self {
            edges: edges.collect::<Result<_, _>>()?,
        })
    }

    /// The distinct concepts, by first appearance (an edge's head before its tail).
    pub fn concepts(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        self.edges
            .iter()
            .flat_map(|edge| [edge.head.as_str(), edge.tail.as_str()])
            .filter(|concept| seen.insert(*concept))
            .collect()
    }

    /// The same edges in depth-first order, as training targets are written.
    ///
    /// Starts are the concepts that no edge enters, by first appearance. From a concept its edges are taken in their
    /// order: each is written, then the walk goes on from its tail. Every edge is written once. What no start reaches (a
    /// graph all in cycles has none) is walked from every concept in turn.
    ///
    /// ```
    /// use candor_core::explanation_graph::ExplanationGraph;
    ///
    /// let graph = ExplanationGraph::parse("(b; causes; c)(a; is a; b)").unwrap();
    /// assert_eq!(graph.dfs_linearized().to_string(), "(a; is a; b)(b; causes; c)");
    /// ```
    pub fn dfs_linearized(&self) -> Self {
        let entered: BTreeSet<&str> = self.edges.iter().map(|edge| edge.tail.as_str()).collect();
        let concepts = self.concepts();
        let starts = concepts
            .iter()
            .filter(|concept| !entered.contains(**concept));
        let mut walk = Walk::over(&self.edges);
        starts
            .chain(&concepts)
            .for_each(|&concept| walk.descend(concept));
        Self {
            edges: walk.written,
        }
    }
}

impl Display for ExplanationGraph {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        self.edges.iter().try_for_each(|edge| edge.fmt(formatter))
    }
}

impl FromStr for ExplanationGraph {
    type Err = GraphParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// A depth-first walk that takes every edge once.
struct Walk<'a> {
    /// The edges of each head that are not yet written, the next one last.
    left: BTreeMap<&'a str, Vec<&'a Edge>>,
    written: Vec<Edge>,
}

impl<'a> Walk<'a> {
    fn over(edges: &'a [Edge]) -> Self {
        let mut left: BTreeMap<&str, Vec<&Edge>> = BTreeMap::new();
        for edge in edges.iter().rev() {
            left.entry(&edge.head).or_default().push(edge);
        }
        Self {
            left,
            written: Vec::with_capacity(edges.len()),
        }
    }

    /// With a stack of its own: a chain of a million edges must not end the program's.
    fn descend(&mut self, start: &'a str) {
        let mut path = vec![start];
        while let Some(concept) = path.last() {
            match self.left.get_mut(concept).and_then(Vec::pop) {
                Some(edge) => {
                    self.written.push(edge.clone());
                    path.push(&edge.tail);
                }
                None => {
                    path.pop();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linearized(text: &str) -> String {
        ExplanationGraph::parse(text)
            .unwrap()
            .dfs_linearized()
            .to_string()
    }

    #[test]
    fn a_branch_is_followed_to_its_end_before_the_next() {
        assert_eq!(
            linearized("(a; is a; b)(a; causes; c)(b; part of; d)(c; is a; d)(d; causes; e)"),
            "(a; is a; b)(b; part of; d)(d; causes; e)(a; causes; c)(c; is a; d)"
        );
    }

    #[test]
    fn a_cycle_beside_a_chain_loses_no_edge() {
        assert_eq!(
            linearized("(x; causes; y)(y; causes; x)(a; is a; b)"),
            "(a; is a; b)(x; causes; y)(y; causes; x)"
        );
        assert_eq!(linearized("(a; is a; a)"), "(a; is a; a)");
    }

    #[test]
    fn a_long_chain_needs_no_deep_stack() {
        let edges = (0..200_000).rev();
        let edges =
            edges.map(|index| Edge::new(index.to_string(), "causes", (index + 1).to_string()));
        let graph = ExplanationGraph {
            edges: edges.collect(),
        };
        let ordered = graph.dfs_linearized();
        assert_eq!(ordered.edges.len(), 200_000);
        assert_eq!(ordered.edges[0].head, "0");
    }

    #[test]
    fn what_is_not_a_graph_is_named() {
        for text in ["", "(", ")", "a; is a; b", "(a; is a; b"] {
            assert!(matches!(
                ExplanationGraph::parse(text),
                Err(GraphParseError::Brackets { .. })
            ));
        }
        assert_eq!(
            ExplanationGraph::parse("(a; is a; b)(a; b)"),
            Err(GraphParseError::Parts {
                edge: 1,
                parts: 2,
                edges: 2
            })
        );
        assert!(ExplanationGraph::parse("()").is_err());
    }
}
