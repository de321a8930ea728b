use candor_core::DrawKey;
use candor_core::explanation_graph::{Edge, ExplanationGraph};
use candor_metrics::explanation_graphs::StructuralChecker;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

/// Concepts of the toy language.
pub(super) const CONCEPTS: usize = 8;
/// Its relations, by their number.
const RELATIONS: [&str; 3] = ["causes", "is a", "part of"];
/// Tokens before the concepts: padding, begin, end.
const SPECIAL: usize = 3;
/// All tokens: special ones, concepts, relations.
pub(super) const VOCABULARY: usize = SPECIAL + CONCEPTS + RELATIONS.len();
/// The token that a decoder is started with.
pub(super) const BEGIN: i64 = 1;
/// Edges of a gold graph.
const EDGES: usize = 4;
/// Tokens of a graph: head, relation and tail of each edge.
pub(super) const LENGTH: usize = 3 * EDGES;

/// What the world of a seed knows: the relation of two concepts, and what connects a belief with an argument.
pub(super) struct World {
    relation: [[usize; CONCEPTS]; CONCEPTS],
    between: [[usize; CONCEPTS]; CONCEPTS],
    checker: StructuralChecker,
}

/// A graph of numbered concepts, (head, relation, tail).
type Triples = Vec<(usize, usize, usize)>;

/// Two concepts of a belief and two of an argument, and the graph that explains the one by the other.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    /// Belief, then argument.
    pub(super) given: [usize; 4],
    pub(super) gold: Triples,
}

impl World {
    pub(super) fn draw(rng: &mut impl Rng) -> Self {
        let mut table = |below: usize| {
            let mut table = [[0; CONCEPTS]; CONCEPTS];
            for entry in table.iter_mut().flatten() {
                *entry = rng.random_range(0..below);
            }
            table
        };
        Self {
            relation: table(RELATIONS.len()),
            between: table(CONCEPTS),
            checker: StructuralChecker::default(),
        }
    }

    /// A chain from the belief over what lies between to the argument, and the argument's other concept at one of its
    /// first three.
    pub(super) fn sample(&self, rng: &mut impl Rng) -> Sample {
        let mut concepts: [usize; CONCEPTS] = std::array::from_fn(|concept| concept);
        concepts.shuffle(rng);
        let [first, second, third, fourth, ..] = concepts;
        let given = [first, second, third, fourth];
        let mut middle = self.between[first][third];
        while given.contains(&middle) {
            middle = (middle + 1) % CONCEPTS;
        }
        let nodes = [first, third, middle, second, fourth];
        let ends = [(0, 1), (1, 2), (2, 3), (rng.random_range(0..3), 4)];
        let gold = ends.map(|(head, tail)| self.edge(nodes[head], nodes[tail]));
        Sample {
            given,
            gold: gold.to_vec(),
        }
    }

    fn edge(&self, head: usize, tail: usize) -> (usize, usize, usize) {
        (head, self.relation[head][tail], tail)
    }

    /// A structurally wrong graph, one of three edits away from the gold one.
    ///
    /// An edge is reversed or replaced at random; or by the reverse of the one before it, which makes a cycle of two; or
    /// by an edge between two concepts of the graph. Drawn until the structural check fails.
    pub(super) fn negative(&self, sample: &Sample, key: DrawKey) -> Triples {
        let mut rng = key.rng();
        loop {
            let edited = self.edited(&sample.gold, &mut rng);
            if !self.is_correct(sample.given, &edited) {
                return edited;
            }
        }
    }

    fn edited(&self, gold: &Triples, rng: &mut impl Rng) -> Triples {
        let mut edited = gold.clone();
        let edge = rng.random_range(0..EDGES);
        let (head, _, tail) = gold[edge];
        edited[edge] = match rng.random_range(0..3) {
            0 if rng.random_bool(0.5) => self.edge(tail, head),
            1 => {
                let edge = edge.max(1);
                let (before, _, after) = gold[edge - 1];
                edited[edge] = self.edge(after, before);
                return edited;
            }
            _ => self.random_edge(gold, rng),
        };
        edited
    }

    /// An edge between two distinct concepts of the graph.
    fn random_edge(&self, gold: &Triples, rng: &mut impl Rng) -> (usize, usize, usize) {
        let mut concepts: Vec<usize> = gold.iter().flat_map(|edge| [edge.0, edge.2]).collect();
        concepts.sort_unstable();
        concepts.dedup();
        concepts.shuffle(rng);
        self.edge(concepts[0], concepts[1])
    }

    /// Whether a graph keeps the benchmark's structural rules.
    fn is_correct(&self, given: [usize; 4], triples: &Triples) -> bool {
        let edges = triples
            .iter()
            .map(|&(head, relation, tail)| Edge::new(name(head), RELATIONS[relation], name(tail)));
        let graph = ExplanationGraph {
            edges: edges.collect(),
        };
        let text = |concepts: [usize; 2]| concepts.map(name).join(" ");
        let [first, second, third, fourth] = given;
        let (belief, argument) = (text([first, second]), text([third, fourth]));
        self.checker
            .check_graph(&graph, &belief, &argument)
            .correct()
    }

    /// Whether generated tokens are a graph that keeps the rules.
    pub(super) fn is_correct_text(&self, given: [usize; 4], tokens: &[i64]) -> bool {
        let number = |token: i64, first: usize, count: usize| {
            let number = usize::try_from(token).ok()?.checked_sub(first)?;
            (number < count).then_some(number)
        };
        let concept = |token: i64| number(token, SPECIAL, CONCEPTS);
        let relation = |token: i64| number(token, SPECIAL + CONCEPTS, RELATIONS.len());
        let triples = tokens.chunks(3).map(|edge| match *edge {
            [head, relates, tail] => Some((concept(head)?, relation(relates)?, concept(tail)?)),
            _ => None,
        });
        let triples: Option<Triples> = triples.collect();
        triples.is_some_and(|triples| self.is_correct(given, &triples))
    }
}

/// The tokens of a graph.
pub(super) fn tokens(graph: &Triples) -> Vec<i64> {
    graph
        .iter()
        .flat_map(|&(head, relation, tail)| {
            [
                SPECIAL + head,
                SPECIAL + CONCEPTS + relation,
                SPECIAL + tail,
            ]
        })
        .map(|token| token as i64)
        .collect()
}

/// The token of a concept.
pub(super) fn concept_token(concept: usize) -> i64 {
    (SPECIAL + concept) as i64
}

/// Names of which none is found in another.
fn name(concept: usize) -> String {
    format!("concept{concept}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gold_graphs_keep_the_rules_and_negatives_break_them() {
        let mut rng = DrawKey::new(3).rng();
        let world = World::draw(&mut rng);
        for row in 0..100 {
            let sample = world.sample(&mut rng);
            assert!(world.is_correct_text(sample.given, &tokens(&sample.gold)));
            let negative = world.negative(&sample, DrawKey::new(3).row(row));
            assert!(!world.is_correct_text(sample.given, &tokens(&negative)));
        }
    }

    #[test]
    fn tokens_out_of_place_are_no_graph() {
        let world = World::draw(&mut DrawKey::new(0).rng());
        assert!(!world.is_correct_text([0, 1, 2, 3], &[BEGIN; LENGTH]));
        assert!(!world.is_correct_text([0, 1, 2, 3], &[13; LENGTH]));
    }
}
