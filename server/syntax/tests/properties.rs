//! Properties of every analysis: it never fails, its chunks touch every line, its spans fit the text.

mod outline;

use conexus_core::{FileAnalysis, LineIndex, Note};
use conexus_syntax::{Analyser, GiveUp, Limits, languages};
use proptest::prelude::*;
use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

/// What must hold of any analysis of any text.
fn check(text: &str, analysis: &FileAnalysis) -> Result<(), String> {
    let lines = LineIndex::new(text);
    let mut touched = 0;
    let mut previous = 0;
    for chunk in &analysis.chunks {
        let slice = text.get(chunk.span.range()).ok_or_else(|| format!("{chunk:?} cuts a character"))?;
        if slice.is_empty() && !text.is_empty() {
            return Err(format!("{chunk:?} is empty"));
        }
        if chunk.span.start < previous {
            return Err(format!("{chunk:?} is out of order"));
        }
        previous = chunk.span.start;
        let (first, last) = lines.lines_of(chunk.span);
        if first > touched {
            return Err(format!("line {touched} is in no chunk"));
        }
        touched = touched.max(last + 1);
        if chunk.symbol.is_some_and(|symbol| symbol as usize >= analysis.symbols.len()) {
            return Err(format!("{chunk:?} names no symbol"));
        }
    }
    if touched != lines.count() {
        return Err(format!("{touched} of {} lines are in chunks", lines.count()));
    }
    check_symbols(text, analysis)
}

fn check_symbols(text: &str, analysis: &FileAnalysis) -> Result<(), String> {
    let mut previous = 0;
    for (index, symbol) in analysis.symbols.iter().enumerate() {
        let fits = |span: conexus_core::Span| text.get(span.range()).is_some();
        if !fits(symbol.span) || !fits(symbol.name_span) || !fits(symbol.signature) || !symbol.doc.is_none_or(fits) {
            return Err(format!("{symbol:?} does not fit the text"));
        }
        if symbol.span.start < previous || symbol.parent.is_some_and(|parent| parent as usize >= index) {
            return Err(format!("{symbol:?} is out of order"));
        }
        if symbol.parent.is_some_and(|parent| !analysis.symbols[parent as usize].span.contains(symbol.span)) {
            return Err(format!("{symbol:?} is outside of its parent"));
        }
        if symbol.signature.is_empty() {
            return Err(format!("{symbol:?} has no signature"));
        }
        previous = symbol.span.start;
    }
    let ordered = analysis.references.windows(2).all(|pair| pair[0].span.start <= pair[1].span.start);
    let fitting = analysis.references.iter().all(|reference| text.get(reference.span.range()).is_some());
    if ordered && fitting { Ok(()) } else { Err("references are out of order or outside".to_owned()) }
}

fn analyse_all(analyser: &mut Analyser, text: &str) {
    for spec in languages().filter(|spec| spec.has_symbols()) {
        let analysis = analyser.analyse(spec.language, text);
        if let Err(problem) = check(text, &analysis) {
            panic!("{}: {problem}\n{text:?}", spec.language);
        }
    }
}

fn samples() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus");
    let files = std::fs::read_dir(folder).expect("the corpus is there").flatten();
    files
        .map(|entry| {
            let name = entry.path().file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
            let text = std::fs::read_to_string(entry.path()).expect("a corpus file is readable");
            let sample = text.split_once("==== outline").map_or(text.clone(), |(sample, _)| sample.to_owned());
            (name, sample)
        })
        .collect()
}

/// Texts that once broke something or are likely to.
#[test]
fn odd_texts() {
    let mut analyser = Analyser::new(Limits::default());
    for text in [
        "",
        "\n",
        "\r\n",
        "\n\n\n",
        "a",
        "\u{feff}fn main() {}\n",
        "\0\0\n\0",
        "\u{feff}",
        "{",
        "}",
        "}}}}\n}}}",
        "/*",
        "\"",
        "fn é(ü: Größe) -> 日本 { \"😀\" }\n",
        "class A {\r\n  int b;\r\n\r\n  void c() {\r\n  }\r\n}\r\n",
        "#if\n#else\n#endif",
        "\\",
        "fn a() {}fn b() {}\nstruct C; struct D { x: u8 } fn e() { fn f() { fn g() {} } }",
        "// only a comment",
        "# Title\n\n\n\n",
        "m! { fn a() {} m! { struct B; m! { pub enum C { D } } } }",
        "x! { pub }",
        "#[test]",
        "@",
        "---\n---\n",
        "```\n# a\n",
        "/// doc\n= 1#if X\n)",
    ] {
        analyse_all(&mut analyser, text);
    }
}

#[test]
fn samples_cut_anywhere() {
    let mut analyser = Analyser::new(Limits::default());
    for (name, sample) in samples() {
        let language = conexus_syntax::language_named(&name).expect("a corpus file is named after a language");
        let step = (sample.len() / 40).max(1);
        for cut in (0..sample.len()).step_by(step).map(|cut| sample.floor_char_boundary(cut)) {
            for text in [&sample[..cut], &sample[cut..]] {
                let analysis = analyser.analyse(language, text);
                assert_eq!(check(text, &analysis), Ok(()), "{name} cut at {cut}");
            }
        }
        let crlf = sample.replace('\n', "\r\n");
        assert_eq!(check(&crlf, &analyser.analyse(language, &crlf)), Ok(()), "{name} with CRLF");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_texts(text in "[a-zA-Z_#@!(){}<>\\[\\]:;,.='\"/*\\- \n\t\\\\é日]{0,400}") {
        analyse_all(&mut Analyser::new(Limits::default()), &text);
    }

    #[test]
    fn shuffled_words(words in proptest::collection::vec(prop_oneof![
        Just("class "), Just("struct "), Just("fn "), Just("def "), Just("impl "), Just("pub "), Just("A"), Just("b"), Just("()"),
        Just("{"), Just("}"), Just("(") , Just(")"), Just(";"), Just("\n"), Just("\n\n"), Just(":"), Just("#if X\n"), Just("#else\n"),
        Just("#endif\n"), Just("m! {"), Just("/// doc\n"), Just("/* */"), Just("# Title\n"), Just("    "), Just("=> "), Just("= 1"),
        Just("EXPORT_MACRO "), Just("namespace x {"), Just("template <typename T>\n"), Just("\"text\""), Just("@test\n"),
        Just("export default "), Just("function "), Just("module.exports.x = "), Just("describe('a', () => {"),
    ], 0..120)) {
        analyse_all(&mut Analyser::new(Limits::default()), &words.concat());
    }
}

/// Runs in linear time: ten thousand levels must not take ten times what ten runs of a thousand levels take.
#[test]
fn deep_nesting_is_linear() {
    let mut analyser = Analyser::new(Limits { parse_time: Duration::from_mins(1), ..Limits::default() });
    for (language, open, close) in [
        ("rust", "fn f() { if x { g(", ") } }\n"),
        ("rust", "mod m {\n", "}\n"),
        ("rust", "m! { pub mod a { ", "} }\n"),
        ("javascript", "function f() { g(() => {\n", "}) }\n"),
        ("json", "[{\"a\":", "}]"),
        ("cpp", "namespace n { class A { void f() { (\n", ") } }; }\n"),
        ("c", "FOO(BAR(", "))"),
        ("python", "f(lambda: [", "])"),
        ("markdown", "> # a\n- ", "\n"),
    ] {
        let language = conexus_syntax::language_named(language).expect("a language of the table");
        let mut measure = |levels: usize| {
            let text = open.repeat(levels) + &close.repeat(levels);
            let start = Instant::now();
            let analysis = analyser.analyse(language, &text);
            assert_eq!(check(&text, &analysis), Ok(()), "{language}");
            start.elapsed()
        };
        let small = measure(1_000);
        let large = measure(10_000);
        assert!(large < small * 60 + Duration::from_secs(2), "{language} {open:?}: {small:?} and {large:?}");
    }
}

#[test]
fn one_line_of_fifty_megabytes() {
    let mut analyser = Analyser::new(Limits::default());
    for (language, piece) in [("text", "é "), ("javascript", "a=1;"), ("json", "[1],")] {
        let language = conexus_syntax::language_named(language).expect("a language of the table");
        let text = piece.repeat(50_000_000 / piece.len());
        let start = Instant::now();
        let analysis = analyser.analyse(language, &text);
        assert!(start.elapsed() < Duration::from_secs(20));
        assert_eq!(check(&text, &analysis), Ok(()));
        assert!(analysis.chunks.len() <= 100, "{} chunks", analysis.chunks.len());
        let longest = analysis.chunks.iter().map(|chunk| chunk.span.len()).max();
        assert!(longest <= Some(8_192), "{longest:?} bytes in a chunk");
    }
}

#[test]
fn limits_are_kept_and_noted() {
    let rust = conexus_syntax::language_named("rust").expect("a language of the table");
    let text = "fn f() { g(1); }\n".repeat(20_000);
    let mut hurried = Analyser::new(Limits { parse_time: Duration::ZERO, ..Limits::default() });
    let analysis = hurried.analyse(rust, &text);
    assert_eq!(analysis.notes, [Note::TimedOut]);
    assert_eq!(check(&text, &analysis), Ok(()));
    // A parser that was stopped begins anew with the next text.
    let small = hurried.analyse(rust, "fn f() {}\n");
    assert_eq!(small.symbols.len(), 1);
    let mut frugal = Analyser::new(Limits { parse_bytes: 1_000, ..Limits::default() });
    assert_eq!(frugal.analyse(rust, &text).notes, [Note::TooLarge]);
    let mut few = Analyser::new(Limits { symbols: 10, references: 5, ..Limits::default() });
    let analysis = few.analyse(rust, &text);
    assert_eq!((analysis.symbols.len(), analysis.references.len()), (10, 5));
    assert_eq!(check(&text, &analysis), Ok(()));
}

/// What nothing else waits for.
fn whole<T>(analysed: Option<T>) -> T {
    analysed.expect("it is not given up")
}

/// A text whose analysis is given up, early or late, has none rather than half of one, and the next text is not affected.
#[test]
fn a_text_is_given_up_as_a_whole() {
    let mut analyser = Analyser::new(Limits::default());
    let mut given_up = 0;
    for (name, sample) in samples() {
        let language = conexus_syntax::language_named(&name).expect("a corpus file is named after a language");
        let text: Arc<str> = sample.repeat(5).into();
        let expected = analyser.analyse(language, &text);
        for most in [0, 1, 10, 100, 1_000] {
            let asked = Cell::new(0);
            let when = || asked.replace(asked.get() + 1) >= most;
            let give_up = GiveUp { after: Duration::ZERO, when: &when };
            match analyser.analyse_next(language, Arc::clone(&text), None, give_up) {
                Some((analysis, _)) => assert_eq!(analysis, expected, "{name} after {most}"),
                None => given_up += 1,
            }
        }
        let patient = GiveUp { after: Duration::from_mins(1), when: &|| true };
        let (analysis, _) = whole(analyser.analyse_next(language, Arc::clone(&text), None, patient));
        assert_eq!(analysis, expected, "{name}");
        let (windows, _) = analyser.next_unparsed(language, Arc::clone(&text));
        assert_eq!((check(&text, &windows), &windows.notes[..]), (Ok(()), &[Note::TimedOut][..]), "{name}");
    }
    assert!(given_up > 50, "{given_up}");
}

/// A text that was edited gives the analysis that it gives by itself.
#[test]
fn edited_texts_give_the_same_analysis() {
    let mut analyser = Analyser::new(Limits::default());
    for (name, sample) in samples() {
        let language = conexus_syntax::language_named(&name).expect("a corpus file is named after a language");
        let mut text = sample.clone();
        let (_, mut remembered) = whole(analyser.analyse_next(language, text.as_str().into(), None, GiveUp::NEVER));
        for (step, insert) in ["x", "\n", "{", "}", " FOO_BAR ", "/*", "*/", "\"", ""].into_iter().enumerate() {
            let at = text.floor_char_boundary(text.len() * (step * 37 % 100) / 100);
            let removed = text[at..].chars().next().map_or(0, char::len_utf8) * (step % 2);
            text.replace_range(at..at + removed, insert);
            let (incremental, next) =
                whole(analyser.analyse_next(language, text.as_str().into(), Some(remembered), GiveUp::NEVER));
            remembered = next;
            let fresh = analyser.analyse(language, &text);
            assert_eq!(check(&text, &incremental), Ok(()), "{name} step {step}");
            assert_eq!(
                outline::outline(&text, &incremental),
                outline::outline(&text, &fresh),
                "{name} step {step}: insert {insert:?} at {at}"
            );
        }
    }
}

/// Lines that must be seen of each language with a grammar, at the least, and of those of which crates have plenty.
const LEAST_LINES: usize = 150;
const PLENTY: [(&str, usize); 5] =
    [("rust", 20_000), ("c", 5_000), ("cpp", 5_000), ("python", 5_000), ("javascript", 2_000)];
/// Bytes that are read of each language of what crates hold.
const MOST_OF_CRATES: usize = 1 << 20;

/// No line of real code is lost: this repository, in which `tests/code` has the languages that it is not written in, the
/// sources of the grammars and of FAISS that cargo keeps, and what `CONEXUS_REAL_CODE` names.
#[expect(clippy::print_stdout, reason = "for whoever names a folder")]
#[test]
fn real_code_is_covered() {
    let mut seen = BTreeMap::new();
    cover(vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))], usize::MAX, &mut seen);
    let crates = sources_of_crates();
    cover(crates.clone(), MOST_OF_CRATES, &mut seen);
    for spec in languages().filter(|spec| spec.has_symbols()) {
        let name = spec.language.name();
        let least = PLENTY.iter().find(|(of, _)| *of == name).map_or(LEAST_LINES, |(_, least)| *least);
        let lines = seen.get(name).copied().unwrap_or(0);
        assert!(lines >= least, "{lines} lines of {name}, {least} are wanted: {seen:?} in {crates:?}");
    }
    if let Some(named) = std::env::var_os("CONEXUS_REAL_CODE") {
        cover(vec![named.into()], usize::MAX, &mut seen);
        println!("lines of each language: {seen:?}");
    }
}

/// Crates of C, C++, Python and JavaScript, in their order; each machine that built this has them.
fn sources_of_crates() -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).expect("cargo has a home");
    let children =
        |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let all = children(home.join("registry/src")).flat_map(children);
    let is_wanted = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("tree-sitter") || name.starts_with("faiss-sys")
    };
    let mut wanted: Vec<PathBuf> = all.filter(is_wanted).collect();
    wanted.sort();
    wanted
}

/// Checks every file below folders, at most so many bytes of each language, and counts the lines of each language.
fn cover(mut folders: Vec<PathBuf>, most: usize, seen: &mut BTreeMap<&'static str, usize>) {
    let mut analyser = Analyser::new(Limits::default());
    let mut bytes: BTreeMap<&str, usize> = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().collect();
        entries.sort_by_key(std::fs::DirEntry::path);
        for entry in entries {
            let path = entry.path();
            let name = entry.file_name();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && name != ".git" && name != "target" && name != "node_modules" => {
                    folders.push(path);
                }
                Ok(kind) if kind.is_file() => {
                    let Ok(text) = std::fs::read_to_string(&path) else { continue };
                    let language = conexus_syntax::detect(&path.to_string_lossy(), text.as_bytes());
                    let bytes = bytes.entry(language.name()).or_default();
                    if *bytes + text.len() > most {
                        continue;
                    }
                    *bytes += text.len();
                    let analysis = analyser.analyse(language, &text);
                    assert_eq!(check(&text, &analysis), Ok(()), "{}", path.display());
                    *seen.entry(language.name()).or_default() += text.lines().count();
                }
                _ => {}
            }
        }
    }
}

/// What is written for this test is code that its grammar understands, with symbols of several kinds.
#[test]
fn written_code_is_understood() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/code");
    let mut analyser = Analyser::new(Limits::default());
    let files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path()).collect();
    assert!(files.len() >= 12, "{files:?}");
    for path in files {
        let text = std::fs::read_to_string(&path).expect("a text");
        let language = conexus_syntax::detect(&path.to_string_lossy(), text.as_bytes());
        let analysis = analyser.analyse(language, &text);
        assert_eq!(analysis.notes, [], "{}", path.display());
        let kinds: BTreeSet<&str> = analysis.symbols.iter().map(|symbol| symbol.kind.name()).collect();
        assert!(analysis.symbols.len() >= 20 && kinds.len() >= 3, "{}: {kinds:?}", path.display());
    }
}

/// A function per language: how it opens, its steps of several lines with their number for `#`, how it closes.
const LARGE: &[(&str, &str, &str, &str)] = &[
    ("rust", "fn large() {\n", "    if step(#) {\n        work(#);\n    } else {\n        rest(#);\n    }\n", "}\n"),
    ("go", "package a\n\nfunc large() {\n", "\tif step(#) {\n\t\twork(#)\n\t} else {\n\t\trest(#)\n\t}\n", "}\n"),
    ("python", "def large():\n", "    while step(#):\n        work(#)\n        more(#)\n        rest(#)\n", ""),
    ("javascript", "function large() {\n", "  if (step(#)) {\n    work(#);\n  } else {\n    rest(#);\n  }\n", "}\n"),
    (
        "typescript",
        "function large(): void {\n",
        "  if (step(#)) {\n    work(#);\n  } else {\n    rest(#);\n  }\n",
        "}\n",
    ),
    ("tsx", "function Large() {\n", "  if (step(#)) {\n    show(<p>#</p>);\n  } else {\n    rest(#);\n  }\n", "}\n"),
    (
        "java",
        "class A {\n  void large() {\n",
        "    if (step(#)) {\n      work(#);\n    } else {\n      rest(#);\n    }\n",
        "  }\n}\n",
    ),
    ("c", "void large(void) {\n", "  if (step(#)) {\n    work(#);\n  } else {\n    rest(#);\n  }\n", "}\n"),
    ("cpp", "void large() {\n", "  if (step(#)) {\n    work(#);\n  } else {\n    rest(#);\n  }\n", "}\n"),
    (
        "csharp",
        "class A {\n  void Large() {\n",
        "    if (step(#)) {\n      work(#);\n    } else {\n      rest(#);\n    }\n",
        "  }\n}\n",
    ),
    ("ruby", "def large\n", "  if step(#)\n    work(#)\n    more(#)\n    rest(#)\n  end\n", "end\n"),
    ("php", "<?php\nfunction large() {\n", "  if (step(#)) {\n    work(#);\n  } else {\n    rest(#);\n  }\n", "}\n"),
    ("kotlin", "fun large() {\n", "    if (step(#)) {\n        work(#)\n    } else {\n        rest(#)\n    }\n", "}\n"),
    ("swift", "func large() {\n", "    if step(#) {\n        work(#)\n    } else {\n        rest(#)\n    }\n", "}\n"),
    (
        "scala",
        "object A {\n  def large(): Unit = {\n",
        "    if (step(#)) {\n      work(#)\n    } else {\n      rest(#)\n    }\n",
        "  }\n}\n",
    ),
    ("bash", "large() {\n", "  if step #; then\n    work #\n    more #\n    rest #\n  fi\n", "}\n"),
    ("lua", "function large()\n", "  if step(#) then\n    work(#)\n    more(#)\n    rest(#)\n  end\n", "end\n"),
    (
        "elixir",
        "defmodule A do\n  def large do\n",
        "    if step(#) do\n      work(#)\n      more(#)\n      rest(#)\n    end\n",
        "  end\nend\n",
    ),
    ("haskell", "large = do\n", "  when step# $ do\n    work #\n    more #\n    rest #\n", ""),
    (
        "zig",
        "fn large() void {\n",
        "    if (step(#)) {\n        work(#);\n    } else {\n        rest(#);\n    }\n",
        "}\n",
    ),
];

/// What is too large for one chunk is cut before a statement, never in one.
#[test]
fn a_large_function_is_cut_between_its_statements() {
    let mut analyser = Analyser::new(Limits::default());
    for (name, open, step, close) in LARGE {
        let steps: String = (0..60).map(|number| step.replace('#', &format!("{}", 100 + number))).collect();
        let text = format!("{open}{steps}{close}");
        let language = conexus_syntax::language_named(name).expect("a language");
        let analysis = analyser.analyse(language, &text);
        assert_eq!((check(&text, &analysis), &analysis.notes[..]), (Ok(()), &[][..]), "{name}");
        let inner = open.len()..text.len() - close.len();
        let cuts: Vec<&str> = (analysis.chunks.iter())
            .map(|chunk| chunk.span.start as usize)
            .filter(|start| inner.contains(start))
            .map(|start| text[start..].lines().next().unwrap_or_default())
            .collect();
        assert!(cuts.len() >= 4 && cuts.iter().all(|line| line.contains("step")), "{name}: {cuts:?}");
    }
    let named: BTreeSet<&str> = LARGE.iter().map(|(name, ..)| *name).collect();
    for spec in languages().filter(|spec| spec.has_symbols() && spec.language.name() != "markdown") {
        assert!(named.contains(spec.language.name()), "{} is not here", spec.language);
    }
}
