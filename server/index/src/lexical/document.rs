//! The fields of a chunk as tantivy has them.

use tantivy::schema::{
    FAST, Field as SchemaField, INDEXED, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions,
};

use super::Field;

/// Name of the tokenizer in the schema, with its version: an index of another one is built anew. tantivy never calls it:
/// postings are made here.
const TOKENIZER: &str = "conexus_code_2";
pub(super) const SLOT: &str = "slot";

/// The fields of the schema: the text fields by `Field as u32`, then slot and file.
pub(super) fn schema() -> Schema {
    let mut builder = Schema::builder();
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(TOKENIZER)
        .set_index_option(IndexRecordOption::WithFreqs)
        .set_fieldnorms(true);
    for field in Field::ALL {
        builder.add_text_field(field.name(), TextOptions::default().set_indexing_options(indexing.clone()));
    }
    builder.add_u64_field(SLOT, NumericOptions::from(FAST));
    builder.add_u64_field("file", NumericOptions::from(INDEXED));
    builder.build()
}

pub(super) fn text_field(field: Field) -> SchemaField {
    SchemaField::from_field_id(field as u32)
}

/// The field that says which file version a chunk is of.
pub(super) fn file_field() -> SchemaField {
    SchemaField::from_field_id(7)
}

/// The term that all chunks of a file version have: its first slot.
pub(super) fn file_term(first_slot: u32) -> tantivy::Term {
    tantivy::Term::from_field_u64(file_field(), u64::from(first_slot))
}
