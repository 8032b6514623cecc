//! Namespaces that macros open: between `FMT_BEGIN_NAMESPACE` and `FMT_END_NAMESPACE` everything belongs to `fmt`.
//!
//! The definition of such a macro is in another file, so its name must do: what stands before `_BEGIN_NAMESPACE` or
//! `_NAMESPACE_BEGIN`, in lower case, is the namespace, provided that the text names it (`fmt::`) somewhere. Inside a
//! namespace that is open already such a macro adds an inline one at most, and is passed over.

use conexus_core::Span;

/// A namespace that macros open and close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MacroNamespace {
    /// From the first macro to the end of the second.
    pub(crate) whole: Span,
    /// The part of the first macro's name that gives the name.
    pub(crate) name: Span,
}

/// Finds them among the names of macros that the parser passed over, in order.
pub(crate) fn macro_namespaces(text: &str, macros: &[Span]) -> Vec<MacroNamespace> {
    let mut found = Vec::new();
    let mut open: Option<(Span, Span)> = None;
    for &span in macros {
        let word = span.slice(text);
        let begins = word.strip_suffix("_BEGIN_NAMESPACE").or_else(|| word.strip_suffix("_NAMESPACE_BEGIN"));
        let ends = word.strip_suffix("_END_NAMESPACE").or_else(|| word.strip_suffix("_NAMESPACE_END"));
        if let (Some(prefix), None) = (begins, open) {
            open = namespace_name(text, prefix).map(|length| {
                let name = Span { start: span.start, end: span.start + length as u32 };
                (span, name)
            });
        } else if let (Some(_), Some((first, name))) = (ends, open) {
            found.push(MacroNamespace { whole: Span { start: first.start, end: span.end }, name });
            open = None;
        }
    }
    found
}

/// How much of the prefix names a namespace of the text: all of it, or its first word.
fn namespace_name(text: &str, prefix: &str) -> Option<usize> {
    let first = prefix.find('_').unwrap_or(prefix.len());
    [prefix.len(), first].into_iter().find(|&length| {
        let name = prefix[..length].to_ascii_lowercase();
        names(text, &name)
    })
}

fn names(text: &str, name: &str) -> bool {
    let qualified = format!("{name}::");
    memchr::memmem::find_iter(text.as_bytes(), qualified.as_bytes()).any(|at| {
        let before = at.checked_sub(1).map(|before| text.as_bytes()[before]);
        before.is_none_or(|byte| !byte.is_ascii_alphanumeric() && byte != b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_macro_names_a_namespace_that_the_text_names() {
        let text =
            "FMT_BEGIN_NAMESPACE\nclass A { fmt::B b; };\nFMT_END_NAMESPACE\nQT_BEGIN_NAMESPACE\nQT_END_NAMESPACE\n";
        let at = |word: &str| text.find(word).map(|start| Span::new(start, start + word.len())).unwrap_or_default();
        let macros = ["FMT_BEGIN_NAMESPACE", "FMT_END_NAMESPACE", "QT_BEGIN_NAMESPACE", "QT_END_NAMESPACE"].map(at);
        let found = macro_namespaces(text, &macros);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name.slice(text), "FMT");
        assert!(found[0].whole.slice(text).ends_with("FMT_END_NAMESPACE"));
    }
}
