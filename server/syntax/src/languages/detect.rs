//! Which language a file is written in.

use super::languages;
use conexus_core::Language;
use memchr::memmem;
use std::collections::HashMap;
use std::sync::LazyLock;

#[derive(Default)]
struct Index {
    extensions: HashMap<&'static str, Language>,
    file_names: HashMap<&'static str, Language>,
    interpreters: HashMap<&'static str, Language>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index::default();
    for spec in languages() {
        for (map, names) in [
            (&mut index.extensions, spec.extensions),
            (&mut index.file_names, spec.file_names),
            (&mut index.interpreters, spec.interpreters),
        ] {
            for name in names {
                map.entry(name).or_insert(spec.language);
            }
        }
    }
    index
});

/// The language of a file by its name, its extension, its `#!` line or, for `.h`, its content. `first_bytes` is the
/// beginning of the file; a few kilobytes are enough, 64 KiB are better for headers. Unknown files are [`Language::TEXT`].
pub fn detect(path: &str, first_bytes: &[u8]) -> Language {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    if let Some(&language) = INDEX.file_names.get(name) {
        return language;
    }
    if let Some((stem, extension)) = name.rsplit_once('.') {
        if let Some(language) = by_extension(extension, first_bytes) {
            return language;
        }
        // `Dockerfile.dev`, `Makefile.in`, `config.yaml.example`
        if let Some(&language) = INDEX.file_names.get(stem) {
            return language;
        }
        if matches!(extension, "in" | "example" | "sample" | "template" | "tmpl" | "tpl" | "dist" | "bak" | "orig")
            && stem.contains('.')
        {
            return detect(stem, first_bytes);
        }
        if let Some(&language) = stem.split('.').next().and_then(|first| INDEX.file_names.get(first)) {
            return language;
        }
    }
    by_interpreter(first_bytes).unwrap_or(Language::TEXT)
}

fn by_extension(extension: &str, first_bytes: &[u8]) -> Option<Language> {
    match extension {
        "h" => return Some(header(first_bytes)),
        // Translations of Qt.
        "ts" if first_bytes.trim_ascii_start().starts_with(b"<?xml") => return Some(Language::named("xml")),
        "C" | "H" => return Some(Language::named("cpp")),
        _ => {}
    }
    if let Some(&language) = INDEX.extensions.get(extension) {
        return Some(language);
    }
    let lower = extension.to_ascii_lowercase();
    if lower == "h" {
        return Some(header(first_bytes));
    }
    INDEX.extensions.get(lower.as_str()).copied()
}

fn by_interpreter(first_bytes: &[u8]) -> Option<Language> {
    let line = first_bytes.strip_prefix(b"#!")?;
    let line = &line[..line.iter().position(|&byte| byte == b'\n').unwrap_or(line.len()).min(256)];
    let line = std::str::from_utf8(line).ok()?;
    for word in line.split_ascii_whitespace() {
        let program = word.rsplit('/').next().unwrap_or(word);
        if program == "env" || program.starts_with('-') || program.contains('=') {
            continue;
        }
        let bare = program.trim_end_matches(|character: char| character.is_ascii_digit() || character == '.');
        return INDEX.interpreters.get(program).or_else(|| INDEX.interpreters.get(bare)).copied();
    }
    None
}

/// Words that begin a line of C++ and of no C header, and substrings that only C++ has.
const CPP_LINES: &[&str] = &[
    "class ", "namespace ", "namespace{", "template ", "template<", "using ", "public:", "private:", "protected:",
    "inline namespace ", "constexpr ", "explicit ", "virtual ", "friend ", "concept ", "enum class ",
    "static constexpr ",
];
const CPP_ANYWHERE: &[&str] = &[
    "std::", "#include <cstd", "#include <string>", "#include <vector>", "#include <memory>", "#include <utility>",
    "#include <type_traits>", "#include <functional>", "#include <map>", "#include <atomic>", "static_cast<",
    "operator=", "operator(", "noexcept", "= delete;", "= default;", "nullptr",
];

/// C or C++ or Objective-C. Lines under `#ifdef __cplusplus` say nothing: C headers have them for C++ users.
fn header(first_bytes: &[u8]) -> Language {
    let head = &first_bytes[..first_bytes.len().min(1 << 16)];
    let mut guarded = 0_u32;
    for line in head.split(|&byte| byte == b'\n') {
        let line = line.trim_ascii();
        if let Some(directive) = line.strip_prefix(b"#").map(<[u8]>::trim_ascii_start) {
            if directive.starts_with(b"if") && (guarded > 0 || memmem::find(directive, b"__cplusplus").is_some()) {
                guarded += 1;
            } else if directive.starts_with(b"endif") {
                guarded = guarded.saturating_sub(1);
            }
        }
        if guarded > 0 || line.starts_with(b"//") || line.starts_with(b"*") || line.starts_with(b"/*") {
            continue;
        }
        if line.starts_with(b"@interface") || line.starts_with(b"@protocol") || line.starts_with(b"#import") {
            return Language::named("objective-c");
        }
        if CPP_LINES.iter().any(|start| line.starts_with(start.as_bytes()))
            || CPP_ANYWHERE.iter().any(|part| memmem::find(line, part.as_bytes()).is_some())
        {
            return Language::named("cpp");
        }
    }
    Language::named("c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_of_files() {
        for (path, content, expected) in [
            ("src/main.rs", "", "rust"),
            ("a/b.PY", "", "python"),
            ("script", "#!/usr/bin/env -S python3.12 -u\n", "python"),
            ("script", "#!/bin/true", "text"),
            ("x/Dockerfile.dev", "", "dockerfile"),
            ("x/settings.yaml.example", "", "yaml"),
            ("a.tsx", "", "tsx"),
            ("a.ts", "export {};\n", "typescript"),
            ("i18n/app_de.ts", "<?xml version=\"1.0\"?>\n<!DOCTYPE TS>\n", "xml"),
            ("a.h", "int f(void);\n#ifdef __cplusplus\nextern \"C\" {\nclass X;\n#endif\n", "c"),
            ("a.h", "// class\nnamespace a {\n}\n", "cpp"),
            ("a.h", "@interface A : NSObject\n@end\n", "objective-c"),
            ("no_extension", "\u{0}", "text"),
            ("", "", "text"),
            ("README.md", "", "markdown"),
        ] {
            assert_eq!(detect(path, content.as_bytes()).name(), expected, "{path} {content:?}");
        }
    }

    #[test]
    fn extensions_and_names_are_claimed_once() {
        let mut seen = std::collections::HashSet::new();
        for spec in languages() {
            assert!(seen.insert(format!("name {}", spec.language)), "{}", spec.language);
            for extension in spec.extensions {
                assert!(seen.insert(format!("extension {extension}")), "{extension}");
            }
            for name in spec.file_names {
                assert!(seen.insert(format!("file {name}")), "{name}");
            }
        }
    }
}
