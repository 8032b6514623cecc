//! How text becomes terms; the same for chunks and queries.

/// The distinct terms of a text in the order of their first occurrence.
pub fn terms(text: &str) -> Vec<String> {
    let _ = text;
    todo!()
}

/// The term for one whole identifier, as chunks that mention it have it; `None` when it is not indexed.
pub fn identifier_term(identifier: &str) -> Option<String> {
    let _ = identifier;
    todo!()
}
