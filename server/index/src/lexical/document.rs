//! A chunk as tantivy sees it, without copying its text.

use std::sync::Arc;
use tantivy::schema::document::{ReferenceValue, ReferenceValueLeaf};
use tantivy::schema::{
    Document, FAST, Field as SchemaField, INDEXED, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing,
    TextOptions, Value,
};

use super::postings::{Source, field_text};
use super::{Field, tokenizer::CodeTokenizer};

/// Name under which the tokenizer is registered.
const TOKENIZER: &str = "conexus_code_1";
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

pub(super) fn register(index: &tantivy::Index) {
    index.tokenizers().register(TOKENIZER, CodeTokenizer::default());
}

pub(super) fn text_field(field: Field) -> SchemaField {
    SchemaField::from_field_id(field as u32)
}

/// The term that all chunks of a file version have: its first slot.
pub(super) fn file_term(first_slot: u32) -> tantivy::Term {
    tantivy::Term::from_field_u64(SchemaField::from_field_id(7), u64::from(first_slot))
}

/// One chunk of a file.
#[derive(Clone, Debug)]
pub(crate) struct ChunkDocument {
    pub(super) source: Arc<Source>,
    pub(super) chunk: u32,
    pub(super) first_slot: u32,
}

/// A value of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FieldValue<'a> {
    Text(&'a str),
    Number(u64),
}

impl<'a> Value<'a> for FieldValue<'a> {
    type ArrayIter = std::iter::Empty<Self>;
    type ObjectIter = std::iter::Empty<(&'a str, Self)>;

    fn as_value(&self) -> ReferenceValue<'a, Self> {
        ReferenceValue::Leaf(match *self {
            Self::Text(text) => ReferenceValueLeaf::Str(text),
            Self::Number(number) => ReferenceValueLeaf::U64(number),
        })
    }
}

impl Document for ChunkDocument {
    type Value<'a> = FieldValue<'a>;
    type FieldsValuesIter<'a> = Box<dyn Iterator<Item = (SchemaField, FieldValue<'a>)> + 'a>;

    fn iter_fields_and_values(&self) -> Self::FieldsValuesIter<'_> {
        let texts = self.source.passage(self.chunk as usize).into_iter().flat_map(|passage| {
            Field::ALL.into_iter().filter_map(move |field| {
                let text = field_text(&passage, field);
                (!text.is_empty()).then_some((text_field(field), FieldValue::Text(text)))
            })
        });
        let slot = u64::from(self.first_slot + self.chunk);
        Box::new(texts.chain([
            (SchemaField::from_field_id(6), FieldValue::Number(slot)),
            (SchemaField::from_field_id(7), FieldValue::Number(u64::from(self.first_slot))),
        ]))
    }
}
