//! The fields of a chunk as tantivy has them.

use tantivy::schema::{
    FAST, Field as SchemaField, INDEXED, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions,
};

use super::Field;

/// Name of the tokenizer in the schema, with its version: an index of another one is built anew. tantivy never calls it:
/// postings are made here.
const TOKENIZER: &str = "conexus_code_2";
pub(super) const SLOT: &str = "slot";

/// The fields of the schema: the text fields by `Field as u32`, then slot, file and the terms of all text fields.
///
/// A text field has its lengths alone. The terms of all of them lie in one dictionary, by [`key`]: most terms stand in
/// several fields, so that one search finds them all, and a segment is written with one dictionary instead of six.
pub(super) fn schema() -> Schema {
    let mut builder = Schema::builder();
    let text = |option, lengths| {
        let indexing = TextFieldIndexing::default().set_tokenizer(TOKENIZER);
        TextOptions::default().set_indexing_options(indexing.set_index_option(option).set_fieldnorms(lengths))
    };
    for field in Field::ALL {
        builder.add_text_field(field.name(), text(IndexRecordOption::Basic, true));
    }
    builder.add_u64_field(SLOT, NumericOptions::from(FAST));
    builder.add_u64_field("file", NumericOptions::from(INDEXED));
    builder.add_text_field("terms", text(IndexRecordOption::WithFreqs, false));
    builder.build()
}

/// The field that has the lengths of a text field.
pub(super) fn text_field(field: Field) -> SchemaField {
    SchemaField::from_field_id(field as u32)
}

/// The field that has the terms of all text fields.
pub(super) fn terms_field() -> SchemaField {
    SchemaField::from_field_id(8)
}

/// What a term of a text field is in the dictionary: the term, then the field's number. A term has letters, digits and
/// underscores only, which are all greater, so that the keys of a term follow each other and sort as their terms do.
pub(super) fn key(term: &[u8], field: u8) -> Vec<u8> {
    let mut key = Vec::with_capacity(term.len() + 1);
    key.extend_from_slice(term);
    key.push(field);
    key
}

/// The term and the field's number of a key.
pub(super) fn term_of(key: &[u8]) -> Option<(&[u8], usize)> {
    let (&field, term) = key.split_last()?;
    Some((term, usize::from(field)))
}

/// The field that says which file version a chunk is of.
pub(super) fn file_field() -> SchemaField {
    SchemaField::from_field_id(7)
}

/// The term that all chunks of a file version have: its first slot.
pub(super) fn file_term(first_slot: u32) -> tantivy::Term {
    tantivy::Term::from_field_u64(file_field(), u64::from(first_slot))
}
