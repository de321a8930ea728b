use std::collections::BTreeMap;

use candor_core::explanation_graph::ExplanationGraph;
use petgraph::visit::EdgeRef;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::structure::structure;

/// The most concepts of a graph that the exact search takes.
const MOST_CONCEPTS: usize = 12;
/// Edges and nodes of the largest legal prediction: 8 and 9.
const LARGEST_PREDICTION: usize = 17;

/// A graph with more concepts than the exact search takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "graph_edit_distance: a graph has {concepts} concepts, at most {limit} are compared exactly"
)]
pub struct GraphTooLarge {
    /// How many it has.
    pub concepts: usize,
    /// The most that are compared.
    pub limit: usize,
}

/// The edit distance between two graphs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GraphEditDistance {
    /// The fewest edits.
    pub distance: usize,
    /// What the distance is divided by: nodes and edges of the gold graph, and 17.
    pub normalizer: usize,
    /// `min(1, distance / normalizer)`.
    pub normalized: f64,
}

/// The fewest edits that turn the gold graph into the predicted one, exactly.
///
/// ```text
/// edits: insert, delete or relabel a node or an edge, each of cost 1
/// normalized = min(1, distance / (|V_gold| + |E_gold| + 17))
/// ```
///
/// Nodes are the distinct concepts. Of a (head, tail) pair that is repeated the last relation counts, so parallel
/// relations are not seen. 17 is the worst legal prediction, 8 edges and 9 nodes; for larger ones the value is cut at 1.
///
/// Branch and bound over pairings of nodes: fast for the benchmark's graphs (9 nodes at most), and for larger ones as
/// long as they resemble one another.
///
/// # Errors
///
/// A graph of more than 12 concepts.
///
/// Source: Saha et al.: ExplaGraphs, 2021, arXiv 2104.07644; Abu-Aisheh et al.: An Exact Graph Edit Distance Algorithm for
/// Solving Pattern Recognition Problems, 2015.
///
/// ```
/// use candor_metrics::explanation_graphs::{ExplanationGraph, graph_edit_distance};
///
/// let gold = ExplanationGraph::parse("(a; is a; b)(b; causes; c)").unwrap();
/// let predicted = ExplanationGraph::parse("(a; is not a; b)(b; causes; d)").unwrap();
/// let edits = graph_edit_distance(&gold, &predicted).unwrap(); // one relation, one concept
/// assert_eq!((edits.distance, edits.normalizer), (2, 3 + 2 + 17));
/// ```
pub fn graph_edit_distance(
    gold: &ExplanationGraph,
    predicted: &ExplanationGraph,
) -> Result<GraphEditDistance, GraphTooLarge> {
    let mut numbers = Numbers::default();
    let gold = Numbered::new(gold, &mut numbers)?;
    let predicted = Numbered::new(predicted, &mut numbers)?;
    let normalizer = gold.size() + gold.edges + LARGEST_PREDICTION;
    // Costs are symmetric, and with the smaller graph first no node of it is ever deleted: deleting one and inserting
    // another costs 2, pairing the two at most 1, and their edges no more than before.
    let (small, large) = if gold.size() <= predicted.size() {
        (gold, predicted)
    } else {
        (predicted, gold)
    };
    let distance = Search::new(&small, &large, numbers.0.len()).run();
    Ok(GraphEditDistance {
        distance,
        normalizer,
        normalized: (distance as f64 / normalizer as f64).min(1.0),
    })
}

/// One number for each text seen in either graph.
#[derive(Default)]
struct Numbers<'a>(BTreeMap<&'a str, usize>);

impl<'a> Numbers<'a> {
    fn of(&mut self, text: &'a str) -> usize {
        let next = self.0.len();
        *self.0.entry(text).or_insert(next)
    }
}

/// A graph of numbered concepts and relations.
struct Numbered {
    concepts: Vec<usize>,
    /// The relation from each node to each, if there is one.
    relations: Vec<Vec<Option<usize>>>,
    edges: usize,
}

impl Numbered {
    fn new<'a>(
        graph: &'a ExplanationGraph,
        numbers: &mut Numbers<'a>,
    ) -> Result<Self, GraphTooLarge> {
        let graph = structure(graph);
        let concepts = graph.node_count();
        if concepts > MOST_CONCEPTS {
            return Err(GraphTooLarge {
                concepts,
                limit: MOST_CONCEPTS,
            });
        }
        // Nodes with many edges first: what is decided early decides most.
        let mut order: Vec<_> = graph.node_indices().collect();
        order.sort_by_key(|&node| std::cmp::Reverse(graph.neighbors_undirected(node).count()));
        let mut place = vec![0; concepts];
        for (position, node) in order.iter().enumerate() {
            place[node.index()] = position;
        }
        let mut relations = vec![vec![None; concepts]; concepts];
        for edge in graph.edge_references() {
            let (head, tail) = (edge.source().index(), edge.target().index());
            relations[place[head]][place[tail]] = Some(numbers.of(edge.weight()));
        }
        Ok(Self {
            concepts: order.iter().map(|&node| numbers.of(graph[node])).collect(),
            relations,
            edges: graph.edge_count(),
        })
    }

    fn size(&self) -> usize {
        self.concepts.len()
    }
}

/// Depth-first search over the ways to pair each node of the small graph with a node of its own of the large one.
struct Search<'a> {
    small: &'a Numbered,
    large: &'a Numbered,
    /// How many numbers concepts and relations have.
    numbers: usize,
    /// The large graph's node of each small node so far.
    paired: Vec<usize>,
    used: Vec<bool>,
    best: usize,
}

impl<'a> Search<'a> {
    fn new(small: &'a Numbered, large: &'a Numbered, numbers: usize) -> Self {
        Self {
            small,
            large,
            numbers,
            paired: Vec::with_capacity(small.size()),
            used: vec![false; large.size()],
            best: usize::MAX,
        }
    }

    fn run(mut self) -> usize {
        self.descend(0);
        self.best
    }

    fn descend(&mut self, cost: usize) {
        let bound = cost + self.least_left();
        if bound >= self.best {
            return;
        }
        let node = self.paired.len();
        if node == self.small.size() {
            self.best = bound; // with every small node paired, what is left is all insertions
            return;
        }
        let mut choices: Vec<(usize, usize)> = (0..self.large.size())
            .filter(|&other| !self.used[other])
            .map(|other| (self.cost_of(node, other), other))
            .collect();
        // The same concept first: the first descent pairs by label and gives the bound that cuts the rest.
        let label = self.small.concepts[node];
        choices.sort_by_key(|&(cost, other)| (self.large.concepts[other] != label, cost));
        for (step, other) in choices {
            self.paired.push(other);
            self.used[other] = true;
            self.descend(cost + step);
            self.used[other] = false;
            self.paired.pop();
        }
    }

    /// What pairing these two adds: the label, and every edge between them and the nodes paired before.
    fn cost_of(&self, node: usize, other: usize) -> usize {
        let differs = |same: bool| usize::from(!same);
        let (small, large) = (&self.small.relations, &self.large.relations);
        let earlier = self.paired.iter().enumerate();
        let edges: usize = earlier
            .map(|(before, &partner)| {
                differs(small[node][before] == large[other][partner])
                    + differs(small[before][node] == large[partner][other])
            })
            .sum();
        edges
            + differs(small[node][node] == large[other][other])
            + differs(self.small.concepts[node] == self.large.concepts[other])
    }

    /// A lower bound on what is yet to be paid: what cannot be paired because the labels do not.
    ///
    /// Open edges are compared in groups that can only be paired within: out of a paired node, into it, and between
    /// nodes that are all open.
    fn least_left(&self) -> usize {
        let open_small: Vec<usize> = (self.paired.len()..self.small.size()).collect();
        let open_large: Vec<usize> = (0..self.large.size())
            .filter(|&node| !self.used[node])
            .collect();
        let labels = self.excess(
            open_small.iter().map(|&node| self.small.concepts[node]),
            open_large.iter().map(|&node| self.large.concepts[node]),
        );
        let (small, large) = (&self.small.relations, &self.large.relations);
        let with_paired: usize = self
            .paired
            .iter()
            .enumerate()
            .map(|(node, &partner)| {
                let leaving = self.excess(
                    open_small.iter().filter_map(|&open| small[node][open]),
                    open_large.iter().filter_map(|&open| large[partner][open]),
                );
                let entering = self.excess(
                    open_small.iter().filter_map(|&open| small[open][node]),
                    open_large.iter().filter_map(|&open| large[open][partner]),
                );
                leaving + entering
            })
            .sum();
        let among = |open: &[usize], relations: &[Vec<Option<usize>>]| -> Vec<usize> {
            let heads = open.iter();
            heads
                .flat_map(|&head| open.iter().filter_map(move |&tail| relations[head][tail]))
                .collect()
        };
        let among_open = self.excess(
            among(&open_small, small).into_iter(),
            among(&open_large, large).into_iter(),
        );
        labels + with_paired + among_open
    }

    /// The fewest insertions, deletions and relabellings between two multisets.
    fn excess(
        &self,
        small: impl Iterator<Item = usize>,
        large: impl Iterator<Item = usize>,
    ) -> usize {
        let mut counts = vec![0isize; self.numbers];
        let (mut missing, mut surplus) = (0usize, 0usize);
        for number in small {
            counts[number] += 1;
            missing += 1;
        }
        for number in large {
            if counts[number] > 0 {
                counts[number] -= 1;
                missing -= 1;
            } else {
                surplus += 1;
            }
        }
        missing.max(surplus)
    }
}
