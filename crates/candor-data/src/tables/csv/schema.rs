use burn::config::Config;

/// What a column of a CSV file is.
#[derive(Config, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// A finite number.
    Numeric,
    /// A level, coded as one feature a level. An empty list takes the levels found in the file, sorted, 1024 at most; a
    /// list makes every other level an error, and gives training and test files the same features.
    OneHot {
        /// The levels, in the order of their features.
        levels: Vec<String>,
    },
    /// A level, coded as its place in the list. An empty list takes the levels found in the file, sorted,
    /// 1024 at most.
    Index {
        /// The levels, in order.
        levels: Vec<String>,
    },
    /// What is to be predicted.
    Target,
    /// Not read at all.
    Ignore,
}

/// How the target column names classes.
#[derive(Config, Debug, PartialEq, Eq)]
pub enum Classes {
    /// By the names found in the file, sorted.
    Found,
    /// By one of these names.
    Named(Vec<String>),
    /// By a number `0..n`, an index into these names.
    Indexed(Vec<String>),
}
