//! `duplicate-code` and `reinvented` beyond single functions: copied files, versions, counterparts, code of others, and
//! who could call what.

use conexus_check::Rule;
use conexus_testkit::{PARSE_DURATION, Repository, Workspace};

use crate::{SPLIT_WORDS, findings};

/// Three functions that no one would take for each other.
const TOOLS: &str = "export function pickEdges(edges, least, labels) {
  const picked = [];
  for (const edge of edges) {
    if (edge.weight < least || !edge.isOpen()) continue;
    picked.push({ from: edge.from, label: labels[edge.to] ?? edge.to, weight: edge.weight * 2 });
  }
  return picked.sort((a, b) => a.label.localeCompare(b.label));
}
export function readHeader(text, limit) {
  const end = text.indexOf('\\n\\n');
  if (end < 0 || end > limit) throw new HeaderError('no end of the header', limit);
  const fields = new Map();
  for (const line of text.slice(0, end).split('\\n')) {
    const [name, ...rest] = line.split(':');
    fields.set(name.trim().toLowerCase(), rest.join(':').trim());
  }
  return fields;
}
export async function waitFor(url, attempts, pause) {
  while (attempts-- > 0) {
    const answer = await fetch(url, { method: 'HEAD', redirect: 'manual' });
    if (answer.ok || answer.status === 304) return answer.headers.get('etag');
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
  }
  throw new Error(`${url} does not answer`);
}
";

#[test]
fn a_copied_file_is_one_finding() {
    let workspace = Workspace::empty();
    workspace.write("src/tools.js", TOOLS);
    workspace.write("web/page/tools.js", TOOLS);
    assert_eq!(
        findings(Rule::DuplicateCode, &workspace, None),
        ["src/tools.js:1 this file is a copy of web/page/tools.js: 3 of its 3 functions are in both"]
    );
    let more = PARTS.replace("partsOf", "sharesOf").replace("'-'", "'+'");
    workspace.write("web/page/tools.js", TOOLS.replace("picked", "chosen"));
    workspace.write("src/tools.js", format!("{TOOLS}{more}"));
    assert_eq!(
        findings(Rule::DuplicateCode, &workspace, None),
        [
            "src/tools.js:1 3 functions of this file do nearly the same as those in web/page/tools.js: `pickEdges`, `readHeader`, `waitFor`"
        ]
    );
    // Two are two findings.
    workspace.write("web/page/tools.js", TOOLS.split("export async").next().expect("a part"));
    assert_eq!(findings(Rule::DuplicateCode, &workspace, None).len(), 2);
}

#[test]
fn a_file_that_a_change_copies_is_one_finding() {
    let repository = Repository::init(Workspace::empty());
    repository.write("src/tools.js", TOOLS);
    repository.commit("tools");
    repository.write("src/again.js", TOOLS);
    assert_eq!(
        findings(Rule::Reinvented, &repository, Some("HEAD")),
        [
            "src/again.js:1 3 new functions of this file are in src/tools.js already: `pickEdges`, `readHeader`, `waitFor`"
        ]
    );
}

const PARTS: &str = "export function partsOf(name, limit) {
  const parts = name.split('-').filter((part) => part.length > 0 && !part.startsWith('_'));
  if (parts.length < 2 || parts.length > limit) return undefined;
  return { first: parts[0], last: parts[parts.length - 1], count: parts.length };
}
";

/// The file that has a function and its text, other files, the file that gets the function once more, and how many findings
/// there are.
type Case<'a> = (&'a str, String, &'a [(&'a str, String)], &'a str, usize);

/// Each case is a function that was there, the file that it is in, other files, and where a change writes it again. What
/// cannot be reached from there is not told of as if it could.
#[test]
fn what_cannot_be_called_from_there_is_not_reinvented() {
    let private = PARTS.replace("export function", "function") + "export const first = partsOf('a-b', 2);\n";
    let go = |package: &str, name: &str| {
        format!(
            "package {package}

func {name}(path string, limit int) ([]string, error) {{
	file, err := os.Open(path)
	if err != nil {{
		return nil, fmt.Errorf(\"cannot open %s: %w\", path, err)
	}}
	defer file.Close()
	lines := []string{{}}
	for scanner := bufio.NewScanner(file); scanner.Scan() && len(lines) < limit; {{
		lines = append(lines, strings.TrimSpace(scanner.Text()))
	}}
	return lines, nil
}}
"
        )
    };
    let java = |modifier: &str| {
        format!(
            "public class Names {{
    {modifier} static List<String> names(Request request) {{
        return StreamSupport.stream(request.headers().spliterator(), false)
            .map(Header::key)
            .filter(key -> key.length() > 0)
            .collect(Collectors.toList());
    }}
}}
"
        )
    };
    let package = |name: &str, needs: &str| format!("{{ \"name\": \"{name}\", \"dependencies\": {{ {needs} }} }}\n");
    let none: &[(&str, String)] = &[];
    let apart = [("packages/a/package.json", package("@it/a", "")), ("packages/b/package.json", package("@it/b", ""))];
    let needed = [
        ("packages/a/package.json", package("@it/a", "")),
        ("packages/b/package.json", package("@it/b", "\"@it/a\": \"*\"")),
    ];
    let cases: &[Case<'_>] = &[
        ("src/old.js", PARTS.to_owned(), none, "src/new.js", 1),
        ("src/old.js", private, none, "src/new.js", 0),
        ("src/legacy/old.js", PARTS.to_owned(), none, "src/new.js", 0),
        ("packages/a/parts.js", PARTS.to_owned(), &apart, "packages/b/words.js", 0),
        ("packages/a/parts.js", PARTS.to_owned(), &needed, "packages/b/words.js", 1),
        ("plugins/mail/mail.js", PARTS.to_owned(), none, "plugins/chat/chat.js", 0),
        ("api/v1/parts.js", PARTS.to_owned(), none, "api/v2/parts.js", 0),
        ("store/lines.go", go("store", "ReadLines"), none, "serve/lines_of.go", 1),
        ("store/lines.go", go("store", "readLines"), none, "serve/lines_of.go", 0),
        ("store/lines.go", go("main", "ReadLines"), none, "serve/lines_of.go", 0),
        ("tools/words.py", SPLIT_WORDS.to_owned(), none, "app/texts.py", 1),
        ("tools/words.py", format!("#!/usr/bin/env python3\n{SPLIT_WORDS}"), none, "app/texts.py", 0),
        ("a/Names.java", java("public"), none, "b/c/Others.java", 1),
        ("a/Names.java", java("private"), none, "b/c/Others.java", 0),
        ("a/Names.java", java(""), none, "b/c/Others.java", 0),
    ];
    for (old, text, others, new, expected) in cases {
        let repository = Repository::init(Workspace::empty());
        repository.write(old, text);
        for (path, text) in *others {
            repository.write(path, text);
        }
        repository.commit("old");
        let again = text
            .replace("#!/usr/bin/env python3\n", "")
            .replace("class Names", "class Others")
            .replace("> names(", "> namesOf(");
        repository.write(new, again.replace("export const first = partsOf('a-b', 2);\n", ""));
        let found = findings(Rule::Reinvented, &repository, Some("HEAD"));
        assert_eq!(found.len(), *expected, "{old} {new} {text}: {found:?}");
    }
}

/// What a change renames was not there under the name that somebody is told to call.
#[test]
fn what_a_change_renames_was_not_here_before() {
    let repository = Repository::init(Workspace::empty());
    repository.write("src/old.js", PARTS);
    repository.commit("old");
    repository.write("src/old.js", PARTS.replace("partsOf", "sharesOf"));
    repository.write("src/new.js", PARTS);
    assert_eq!(findings(Rule::Reinvented, &repository, Some("HEAD")), Vec::<String>::new());
}

#[test]
fn versions_libraries_and_regular_files_are_no_duplicates() {
    let tools = |banner: &str| format!("{banner}{TOOLS}");
    let licence = "/*!\n * Picker v4.0.1 (https://picker.example)\n * Licensed under MIT\n */\n";
    let row = |number: usize| {
        format!(
            "export function option{number}(input, given) {{
  const known = input.options.find((option) => option.name === 'name{number}');
  if (known === undefined || known.hidden) throw new OptionError('no such option', known, {number});
  given.push({{ key: known.key, value: input.values[known.key] ?? known.fallback, at: {number} }});
  return known.check(given, input.strict, {number});
}}
"
        )
    };
    let rows = |count: usize| (0..count).map(row).collect::<Vec<_>>().concat();
    for (what, files, expected) in [
        ("versions", vec![("api/v1/tools.js", tools("")), ("api/v2/tools.js", tools(""))], 0),
        ("copies", vec![("api/first/tools.js", tools("")), ("api/second/tools.js", tools(""))], 1),
        ("a library", vec![("lib/picker.js", tools(licence)), ("lib/picker.full.js", tools(licence))], 0),
        ("a licence alone", vec![("lib/picker.js", tools("/* MIT licence */\n")), ("lib/pick.js", tools(""))], 1),
        ("a library's name", vec![("lib/jquery.tools.js", tools("")), ("lib/tools.js", tools(""))], 0),
        ("a few alike", vec![("src/options.js", rows(4))], 1),
        ("made by a machine", vec![("src/options.js", rows(30))], 0),
    ] {
        let workspace = Workspace::empty();
        for (path, text) in files {
            workspace.write(path, text);
        }
        let found = findings(Rule::DuplicateCode, &workspace, None);
        assert_eq!(found.len(), expected, "{what}: {found:?}");
    }
}

/// A library of C brings its licence, and is no package of the workspace.
#[test]
fn a_folder_of_c_with_a_licence_of_its_own_is_of_others() {
    let push = "bool buffer_push(struct deque *queue, size_t wanted)
{
    if (queue->size + wanted > queue->capacity) {
        if (!queue_reserve(queue->data, queue->capacity * 2 + wanted))
            return false;
        queue->capacity = queue->capacity * 2 + wanted;
    }
    for (size_t at = queue->size; at > 0 && queue->marks[at - 1] > wanted; --at)
        queue->marks[at] = queue->marks[at - 1];
    queue->size += wanted;
    return true;
}
";
    let library = ["src/zip/one.c", "src/zip/deep/two.c"];
    let cases: &[(&[&str], usize)] = &[
        (&["LICENSE"], 1),
        (&["src/zip/LICENSE"], 0),
        (&["src/COPYING.LIB"], 1),
        (&["src/zip/Licence.txt"], 0),
        (&["src/zip/LICENSE-MIT"], 0),
        (&["src/zip/license.c", "src/zip/copying.h", "src/zip/licensing.txt"], 1),
        (&["src/zip/LICENSE", "src/zip/Cargo.toml"], 1),
    ];
    for (files, expected) in cases {
        let workspace = Workspace::empty();
        for path in library {
            workspace.write(path, push.replace("buffer_push", &path.replace(['/', '.'], "_")));
        }
        for name in ["red", "green", "blue"] {
            workspace.write(&format!("src/{name}.c"), format!("int {name}(void) {{ return {}; }}\n", name.len()));
        }
        for path in *files {
            workspace.write(path, "Permission is hereby granted to whom this is given.\n");
        }
        assert_eq!(findings(Rule::DuplicateCode, &workspace, None).len(), *expected, "{files:?}");
    }
}

/// Code of others tells whose it is: by the notices of its files where the project's say otherwise or nothing, and by a licence
/// that names others than the project's.
#[test]
fn what_names_others_as_its_authors_is_of_others() {
    /// Whom the two copies of a function name, what else there is, and how many findings there are.
    type Case = (&'static str, &'static [(&'static str, &'static str)], usize);
    let licence = |whom: &str| format!("MIT License\n\nCopyright (c) 2020 {whom}\n\nPermission is hereby granted\n");
    let cases: &[Case] = &[
        ("", &[], 1),
        ("Ada Lovelace", &[], 0),
        ("Ada Lovelace", &[("LICENSE", "Ada Lovelace")], 1),
        ("Ada Lovelace", &[("LICENSE", "Charles Babbage")], 0),
        ("", &[("LICENSE", "Charles Babbage"), ("src/engine/LICENSE", "Ada Lovelace")], 0),
        ("", &[("LICENSE", "Charles Babbage"), ("src/engine/LICENSE", "Charles Babbage, Inc.")], 1),
        (
            "",
            &[("LICENSE", "Charles Babbage"), ("src/engine/LICENSE", "Ada Lovelace"), ("src/engine/Cargo.toml", "")],
            1,
        ),
        ("", &[("src/engine/LICENSE", "Ada Lovelace")], 1),
    ];
    for (named, others, expected) in cases {
        let workspace = Workspace::empty();
        let notice = if named.is_empty() { String::new() } else { format!("// Copyright 2020 {named}\n\n") };
        workspace.write("src/engine/time.rs", format!("{notice}{PARSE_DURATION}"));
        workspace
            .write("src/engine/retry.rs", format!("{notice}{}", PARSE_DURATION.replace("parse_duration", "pause")));
        for at in 0..30 {
            workspace.write(&format!("src/part{at}.rs"), format!("pub fn part{at}() -> u32 {{\n    {at}\n}}\n"));
        }
        for (path, whom) in *others {
            let text = if whom.is_empty() { "[package]\nname = \"engine\"\n".to_owned() } else { licence(whom) };
            workspace.write(path, text);
        }
        assert_eq!(findings(Rule::DuplicateCode, &workspace, None).len(), *expected, "{named} {others:?}");
    }
}
