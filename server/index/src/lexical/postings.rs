//! The postings of one file in memory.

/// The inverted form of the chunks of one file.
#[derive(Debug, Default)]
pub(crate) struct Postings {}
