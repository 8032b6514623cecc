//! Arguments to front ends; no logic.
fn main() {}
