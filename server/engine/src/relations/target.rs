//! What a target means: one symbol, or one file.

use std::sync::{Arc, atomic::AtomicBool};

use conexus_index::{FileEntry, FileFlags, SymbolRef};

use super::{
    Target,
    definition::{Definition, last_name},
};
use crate::{
    Result, Snapshot, SymbolQuery,
    search::split_name,
    workspace_symbols::{innermost, named_like},
};

/// Other symbols of the same name that an answer lists.
const CANDIDATES: usize = 20;

/// A target, found.
#[derive(Clone)]
pub(crate) struct Subject<'a> {
    pub(crate) file: &'a Arc<FileEntry>,
    /// The symbol; the whole file without one.
    pub(crate) symbol: Option<SymbolRef<'a>>,
    /// Others that may have been meant, best first.
    pub(crate) others: Vec<(&'a Arc<FileEntry>, SymbolRef<'a>)>,
}

impl Snapshot {
    /// The symbol of a file that a name means, qualified or not: the one that is called so, or is so in the type that is
    /// named before it, or stands alone. `None` when the file defines none of that name; a file that is not indexed is an
    /// error.
    pub fn symbol_in(&self, path: &str, name: &str) -> Result<Option<SymbolRef<'_>>> {
        let file = self.file(path)?;
        let (outer, last) = split_name(name);
        let named = file.symbols().filter(|symbol| symbol.name() == name || split_name(symbol.name()).1 == last);
        Ok(named.min_by_key(|symbol| {
            (symbol.name() != name, Definition::new(file, *symbol).owner != last_name(outer), symbol.is_test())
        }))
    }
}

/// Finds what a target means; `None` when no symbol has its name.
pub(crate) fn find<'a>(view: &'a Snapshot, target: &Target, cancel: &AtomicBool) -> Result<Option<Subject<'a>>> {
    match target {
        Target::At { path, offset } => {
            let file = view.file(path)?;
            Ok(Some(Subject { file, symbol: innermost(file, *offset), others: Vec::new() }))
        }
        Target::File(path) => Ok(Some(Subject { file: view.file(path)?, symbol: None, others: Vec::new() })),
        Target::Symbol(name) => {
            let query = SymbolQuery::new(name.as_str(), CANDIDATES + 1);
            let mut found = named_like(view.index(), &query, cancel);
            if !name.contains(['.', ':', '#', '/', '\\']) {
                // By a bare name people mean what is called by it alone, before the members of a type.
                found.sort_by_key(|(file, symbol)| {
                    let test = symbol.is_test() || file.flags().contains(FileFlags::TEST);
                    (test, Definition::new(file, *symbol).is_member())
                });
            }
            let mut found = found.into_iter();
            let Some((file, symbol)) = found.next() else { return Ok(None) };
            Ok(Some(Subject { file, symbol: Some(symbol), others: found.collect() }))
        }
    }
}
