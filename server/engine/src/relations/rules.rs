//! What the resolution of names has to know of each language.

use conexus_core::Language;

/// How a language finds what a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    /// Languages that can name each other's definitions have the same family.
    pub(super) family: &'static str,
    /// Where a name without receiver is looked for.
    pub(super) scope: Scope,
    /// Whether a method can be called without a receiver from its own type.
    pub(super) implicit_self: bool,
    /// Whether calls of free functions of other files bear the module or package as receiver unless imported by name.
    pub(super) qualified: bool,
}

/// Where a name without receiver is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The file and what it imports.
    File,
    /// The folder, and what the file imports.
    Folder,
    /// Everywhere.
    Workspace,
}

/// The rules of a language; those of an unknown one exclude nothing.
pub(super) fn rules(language: Language) -> Rules {
    let rules = |family, scope, implicit_self, qualified| Rules { family, scope, implicit_self, qualified };
    match language.name() {
        "rust" => rules("rust", Scope::File, false, true),
        "go" => rules("go", Scope::Folder, false, true),
        "python" => rules("python", Scope::File, false, true),
        "javascript" | "typescript" | "tsx" => rules("javascript", Scope::File, false, true),
        "java" | "kotlin" | "scala" => rules("jvm", Scope::Folder, true, false),
        "c" | "cpp" => rules("c", Scope::Workspace, true, false),
        "csharp" => rules("csharp", Scope::Workspace, true, false),
        "ruby" => rules("ruby", Scope::Workspace, true, false),
        "php" => rules("php", Scope::Workspace, false, false),
        "swift" => rules("swift", Scope::Workspace, true, false),
        "haskell" | "elixir" | "lua" | "zig" => rules(language.name(), Scope::File, false, true),
        name => rules(name, Scope::Workspace, true, false),
    }
}

/// Names that every program has: what is called by them is as likely a library's.
const COMMON: &[&str] = &[
    "add", "all", "any", "append", "apply", "as_ref", "as_str", "assert", "bind", "build", "call", "clear", "clone",
    "close", "cmp", "collect", "commit", "connect", "contains", "copy", "count", "create", "debug", "default",
    "delete", "drop", "each", "emit", "end", "entries", "eq", "equals", "error", "exec", "execute", "exists", "extend",
    "filter", "find", "first", "flush", "fmt", "format", "from", "get", "getattr", "getname", "getvalue", "handle",
    "has", "hash", "hashcode", "id", "index", "info", "init", "insert", "into", "is_empty", "isempty", "items", "iter",
    "join", "key", "keys", "last", "len", "length", "list", "load", "lock", "log", "main", "map", "match", "max",
    "merge", "min", "name", "new", "next", "of", "on", "open", "parse", "path", "peek", "poll", "pop", "print", "push",
    "put", "read", "reduce", "remove", "replace", "reset", "resolve", "run", "save", "send", "set", "setup", "size",
    "sleep", "sort", "spawn", "split", "start", "stop", "string", "sub", "test", "then", "to_owned", "to_string",
    "tostring", "trim", "type", "unlock", "unwrap", "update", "url", "value", "values", "wait", "warn", "with",
    "write",
];

/// Whether every program has this name.
pub(super) fn is_common(name: &str) -> bool {
    COMMON.binary_search(&name.to_ascii_lowercase().as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_names_are_sorted() {
        assert!(COMMON.is_sorted());
        assert!(is_common("toString") && !is_common("parse_patterns"));
    }
}
