//! The codec gives back what it was given, and malformed bytes are errors.

use super::*;
use conexus_core::{ChunkKind, LineIndex, Note, ReferenceKind, Span, SymbolKind, Visibility};
use proptest::prelude::*;

fn span() -> impl Strategy<Value = Span> {
    (0..300u32, 0..50u32).prop_map(|(start, length)| Span { start, end: start + length })
}

fn symbol(index: u32) -> impl Strategy<Value = Symbol> {
    let words = ("[a-zA-Zé_]{0,6}", "[a-z:]{0,6}");
    let spans = (span(), span(), span(), prop::option::of(span()));
    let parent = if index == 0 { Just(None).boxed() } else { prop::option::of(0..index).boxed() };
    let kinds = (prop::sample::select(SymbolKind::ALL), prop::sample::select(Visibility::ALL), any::<bool>());
    (words, spans, kinds, parent).prop_map(|((name, container), (span, name_span, signature, doc), kinds, parent)| {
        Symbol {
            name: name.into(),
            container: container.into(),
            kind: kinds.0,
            span,
            name_span,
            signature,
            doc,
            visibility: kinds.1,
            test: kinds.2,
            parent,
        }
    })
}

fn analysis() -> impl Strategy<Value = FileAnalysis> {
    (0..6u32).prop_flat_map(|count| {
        let symbols: Vec<_> = (0..count).map(symbol).collect();
        let within = if count == 0 { Just(None).boxed() } else { prop::option::of(0..count).boxed() };
        let chunk = (span(), prop::sample::select(ChunkKind::ALL), within.clone());
        let reference = (span(), prop::sample::select(ReferenceKind::ALL), within);
        let note = prop_oneof![
            Just(Note::TimedOut),
            Just(Note::TooLarge),
            any::<u32>().prop_map(Note::SyntaxErrors),
            Just(Note::TooDeep),
            Just(Note::SetAside)
        ];
        (
            symbols,
            prop::collection::vec(chunk, 0..6),
            prop::collection::vec(reference, 0..12),
            prop::collection::vec(note, 0..3),
        )
            .prop_map(|(symbols, chunks, references, notes)| FileAnalysis {
                language: Language::TEXT,
                symbols,
                chunks: chunks.into_iter().map(|(span, kind, symbol)| Chunk { span, kind, symbol }).collect(),
                references: references
                    .into_iter()
                    .map(|(span, kind, within)| Reference { span, kind, within })
                    .collect(),
                notes,
            })
    })
}

proptest! {
    #[test]
    fn what_is_stored_comes_back(analysis in analysis(), text in "[a-zé\n ]{0,300}") {
        let heads = Heads::new(&encode_heads(&analysis, &LineIndex::new(&text))).unwrap();
        let references = FileReferences::decode(&encode_references(&analysis.references, &text)).unwrap();
        prop_assert_eq!(decode_analysis(analysis.language, &heads, &references), analysis.clone());
        let lines = LineIndex::new(&text);
        for (stored, chunk) in heads.chunks().zip(&analysis.chunks) {
            prop_assert_eq!(stored.lines(), lines.lines_of(chunk.span));
        }
        for named in references.iter() {
            if !named.name.is_empty() {
                prop_assert_eq!(named.name, named.reference.span.slice(&text));
            }
        }
    }

    #[test]
    fn damaged_bytes_are_refused_or_readable(analysis in analysis(), at in any::<prop::sample::Index>(), value in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let text = "fn a() {}\n".repeat(30);
        let mut heads = encode_heads(&analysis, &LineIndex::new(&text));
        let place = at.index(heads.len());
        heads[place] = value;
        for bytes in [heads.clone(), heads[..cut.index(heads.len())].to_vec()] {
            if let Ok(heads) = Heads::new(&bytes) {
                decode_analysis(Language::TEXT, &heads, &FileReferences::default());
            }
        }
        let mut references = encode_references(&analysis.references, &text);
        let place = at.index(references.len());
        references[place] = value;
        for bytes in [references.clone(), references[..cut.index(references.len())].to_vec()] {
            if let Ok(references) = FileReferences::decode(&bytes) {
                references.iter().for_each(drop);
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_or_readable(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = FileReferences::decode(&bytes);
        let _ = Heads::new(&bytes);
    }
}
