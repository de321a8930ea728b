//! Candor's command line.
fn main() {}
