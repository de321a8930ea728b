/// The 28 relations of the ExplaGraphs benchmark, in its order: fourteen pairs of opposites, side by side.
///
/// Source: Saha et al.: ExplaGraphs, 2021, arXiv 2104.07644.
pub const RELATIONS: [&str; 28] = [
    "antonym of",
    "synonym of",
    "at location",
    "not at location",
    "capable of",
    "not capable of",
    "causes",
    "not causes",
    "created by",
    "not created by",
    "is a",
    "is not a",
    "desires",
    "not desires",
    "has subevent",
    "not has subevent",
    "part of",
    "not part of",
    "has context",
    "not has context",
    "has property",
    "not has property",
    "made of",
    "not made of",
    "receives action",
    "not receives action",
    "used for",
    "not used for",
];

/// Whether a relation is one of the [`RELATIONS`].
pub fn is_relation(relation: &str) -> bool {
    RELATIONS.contains(&relation)
}

/// The relation that says the contrary; `None` for one outside the [`RELATIONS`].
///
/// ```
/// use candor_core::explanation_graph::opposite_relation;
///
/// assert_eq!(opposite_relation("desires"), Some("not desires"));
/// assert_eq!(opposite_relation("is not a"), Some("is a"));
/// assert_eq!(opposite_relation("synonym of"), Some("antonym of"));
/// ```
pub fn opposite_relation(relation: &str) -> Option<&'static str> {
    let index = RELATIONS.iter().position(|known| *known == relation)?;
    RELATIONS.get(index ^ 1).copied()
}
