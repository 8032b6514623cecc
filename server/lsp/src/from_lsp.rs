//! From what comes over the wire to what the engine takes.

use std::ops::RangeInclusive;

use conexus_core::{Filter, Mode, Query, SymbolKind, TestFilter};
use conexus_engine::{RelationKind, RelationKinds, SymbolMode};
use tower_lsp::jsonrpc::Result;

use crate::{extensions::SearchParams, settings::Symbols, to_lsp::invalid};

/// Hits of a request that names no limit.
const DEFAULT_LIMIT: usize = 20;
const LIMITS: RangeInclusive<u32> = 1..=1000;
const MAX_OFFSET: u32 = 10_000;

/// The limit of a request.
pub(crate) fn limit(wanted: Option<u32>) -> Result<usize> {
    match wanted {
        None => Ok(DEFAULT_LIMIT),
        Some(limit) if LIMITS.contains(&limit) => Ok(limit as usize),
        Some(limit) => Err(invalid(format!("`limit` is {limit}, it may be {} to {}", LIMITS.start(), LIMITS.end()))),
    }
}

/// A search, without what depends on the folder.
pub(crate) fn query(params: &SearchParams) -> Result<Query> {
    let offset = params.offset.unwrap_or(0);
    if offset > MAX_OFFSET {
        return Err(invalid(format!("`offset` is {offset}, it may be at most {MAX_OFFSET}")));
    }
    Ok(Query {
        mode: one_of("mode", params.mode.as_deref(), &MODES)?,
        filter: Filter {
            include: params.include.clone().unwrap_or_default(),
            exclude: params.exclude.clone().unwrap_or_default(),
            paths: None,
            languages: params.languages.clone().unwrap_or_default(),
            kinds: params.kinds.iter().flatten().map(|name| kind(name)).collect::<Result<_>>()?,
            tests: one_of("tests", params.tests.as_deref(), &TESTS)?,
        },
        limit: limit(params.limit)?,
        offset: offset as usize,
        explain: params.explain.unwrap_or(false),
        ..Query::new(&params.query)
    })
}

const MODES: [(&str, Mode); 4] =
    [("auto", Mode::Auto), ("meaning", Mode::Meaning), ("keyword", Mode::Keyword), ("symbol", Mode::Symbol)];
const TESTS: [(&str, TestFilter); 3] =
    [("any", TestFilter::Any), ("only", TestFilter::Only), ("exclude", TestFilter::Exclude)];

/// The value of a name; the first when there is none.
fn one_of<T: Copy>(field: &str, name: Option<&str>, values: &[(&str, T)]) -> Result<T> {
    let Some(name) = name else { return Ok(values[0].1) };
    values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = values.iter().map(|(name, _)| *name).collect();
        invalid(format!("`{field}` is {name:?}, it may be one of: {}", names.join(", ")))
    })
}

fn kind(name: &str) -> Result<SymbolKind> {
    SymbolKind::from_name(name).ok_or_else(|| {
        let names: Vec<_> = SymbolKind::ALL.iter().map(|kind| kind.name()).collect();
        invalid(format!("`kinds` holds {name:?}, it may be one of: {}", names.join(", ")))
    })
}

/// The relations of a request; all when it names none.
pub(crate) fn relations(names: Option<&[String]>) -> Result<RelationKinds> {
    let Some(names) = names else { return Ok(RelationKinds::ALL) };
    names.iter().try_fold(RelationKinds::default(), |kinds, name| {
        let kind = RelationKind::from_name(name).ok_or_else(|| {
            let known: Vec<_> = RelationKind::ALL.iter().map(|kind| kind.name()).collect();
            invalid(format!("`relations` holds {name:?}, it may be one of: {}", known.join(", ")))
        })?;
        Ok(kinds.with(kind))
    })
}

/// How the text of `workspace/symbol` is read; `None` when it is not answered.
pub(crate) const fn symbol_mode(symbols: Symbols) -> Option<SymbolMode> {
    match symbols {
        Symbols::Auto => Some(SymbolMode::Auto),
        Symbols::Meaning => Some(SymbolMode::Meaning),
        Symbols::All => Some(SymbolMode::All),
        Symbols::Off => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn params(value: serde_json::Value) -> SearchParams {
        serde_json::from_value(value).expect("parameters")
    }

    #[test]
    fn a_search_takes_its_fields() {
        let found = query(&params(json!({
            "query": "q", "mode": "keyword", "limit": 3, "offset": 2, "include": ["src"], "kinds": ["function"], "tests": "exclude", "explain": true,
        })))
        .expect("valid");
        assert_eq!((found.text.as_str(), found.mode, found.limit, found.offset), ("q", Mode::Keyword, 3, 2));
        assert_eq!(
            (found.filter.kinds, found.filter.tests, found.explain),
            (vec![SymbolKind::Function], TestFilter::Exclude, true)
        );
        assert_eq!(found.filter.include, ["src"]);
        assert_eq!(
            query(&params(json!({ "query": "" }))).expect("valid"),
            Query { limit: DEFAULT_LIMIT, ..Query::new("") }
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (field, value) in [
            ("mode", json!("fuzzy")),
            ("limit", json!(0)),
            ("limit", json!(1001)),
            ("offset", json!(10_001)),
            ("kinds", json!(["thing"])),
            ("tests", json!("some")),
        ] {
            let mut sent = json!({ "query": "q" });
            sent[field] = value;
            let error = query(&params(sent)).expect_err(field);
            assert!(error.message.contains(field) && error.code.code() == -32602, "{error:?}");
        }
        assert!(relations(Some(&["sibling".to_owned()])).is_err());
        assert_eq!(relations(None).expect("all"), RelationKinds::ALL);
    }
}
