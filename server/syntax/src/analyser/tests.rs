//! What an analysis takes over from the version before is what it finds by itself.

use super::*;
use crate::languages::languages;
use conexus_testkit::{Pick, check_random, picks};
use proptest::prelude::*;

/// What nothing else waits for.
fn whole<T>(analysed: Option<T>) -> T {
    analysed.expect("it is not given up")
}

/// One thing that happens to a text.
#[derive(Clone, Debug)]
enum Step {
    /// A part of it is replaced.
    Type { at: Pick, removed: Pick, inserted: String },
    /// A part of it is written once more elsewhere.
    Copy { from: Pick, length: Pick, to: Pick },
    /// Lines are moved.
    MoveLines { from: Pick, count: Pick, to: Pick },
    /// Lines are moved to the right, or to the left.
    Indent { from: Pick, count: Pick, left: bool },
    /// All lines end with CRLF, or none.
    LineEnds,
    /// An earlier text is brought back.
    Undo,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let inserted = prop::sample::select(vec![
        "",
        "x",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "\"",
        "'",
        "`",
        "\"\"\"",
        "/*",
        "*/",
        "//",
        "#",
        "--",
        "\n",
        "\r\n",
        "\n\n",
        "\t",
        "    ",
        " ",
        ";",
        ",",
        ":",
        "=",
        "<",
        ">",
        "@",
        "\\",
        "é😀",
        "end\n",
        "do\n",
        "#[test]\n",
        "#[cfg(test)]\n",
        "@Test\n",
        "/// doc\n",
        "# doc\n",
        "pub ",
        "class A:\n",
        "class A {\n",
        "fn typed() { other() }\n",
        "def typed(self):\n    return 1\n",
        "m! { pub fn hidden() {} }\n",
        "FOO(bar)\n",
        "#if X\n",
        "#endif\n",
        "namespace n;\n",
        "module M where\n",
        "export ",
        "\u{feff}",
        "static ref A: u8 = 1;",
        "END_NAMESPACE\n",
        "\0",
    ]);
    let step = prop_oneof![
        12 => (picks(), picks(), inserted).prop_map(|(at, removed, inserted)| {
            Step::Type { at, removed, inserted: inserted.to_owned() }
        }),
        2 => (picks(), picks(), "[a-z(){}\"\n ]{1,8}").prop_map(|(at, removed, inserted)| Step::Type { at, removed, inserted }),
        3 => (picks(), picks(), picks()).prop_map(|(from, length, to)| Step::Copy { from, length, to }),
        3 => (picks(), picks(), picks()).prop_map(|(from, count, to)| Step::MoveLines { from, count, to }),
        3 => (picks(), picks(), any::<bool>()).prop_map(|(from, count, left)| Step::Indent { from, count, left }),
        1 => Just(Step::LineEnds),
        2 => Just(Step::Undo),
    ];
    prop::collection::vec(step, 1..12)
}

impl Step {
    fn apply(&self, text: &str, earlier: &[Arc<str>]) -> String {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let some_lines = |from: Pick, count: Pick| {
            let from = from.index(lines.len() + 1);
            from..(from + 1 + count.index(12)).min(lines.len())
        };
        match self {
            Self::Type { at, removed, inserted } => {
                let start = text.floor_char_boundary(at.index(text.len() + 1));
                // Mostly nothing is removed, or a few bytes.
                let end = text.ceil_char_boundary((start + removed.index(24).saturating_sub(12)).min(text.len()));
                [&text[..start], inserted, &text[end..]].concat()
            }
            Self::Copy { from, length, to } => {
                let start = text.floor_char_boundary(from.index(text.len() + 1));
                let end = text.ceil_char_boundary((start + length.index(400)).min(text.len()));
                let to = text.floor_char_boundary(to.index(text.len() + 1));
                [&text[..to], &text[start..end], &text[to..]].concat()
            }
            Self::MoveLines { from, count, to } => {
                let moved = some_lines(*from, *count);
                let mut left: Vec<&str> = lines.clone();
                let taken: Vec<&str> = left.drain(moved).collect();
                let to = to.index(left.len() + 1);
                left.splice(to..to, taken);
                left.concat()
            }
            Self::Indent { from, count, left } => {
                let within = some_lines(*from, *count);
                let indented = lines.iter().enumerate().map(|(number, line)| match (within.contains(&number), left) {
                    (true, true) => {
                        line.strip_prefix("    ").unwrap_or(line.trim_start_matches([' ', '\t'])).to_owned()
                    }
                    (true, false) => format!("    {line}"),
                    _ => (*line).to_owned(),
                });
                indented.collect()
            }
            Self::LineEnds if text.contains("\r\n") => text.replace("\r\n", "\n"),
            Self::LineEnds => text.replace('\n', "\r\n"),
            Self::Undo => earlier.get(earlier.len() / 2).map_or_else(String::new, ToString::to_string),
        }
    }
}

impl Analyser {
    /// The analysis of a remembered text by the same trees, every node of which is walked.
    fn walked_anew(&mut self, remembered: &Remembered) -> Option<FileAnalysis> {
        let Remembered { language, text, tree, parts, .. } = remembered;
        let (grammar, tree) = (position(*language).and_then(grammar_at)?, tree.as_ref()?);
        let lines = LineIndex::new(text);
        self.facts.reset();
        let deepest = walk(grammar, text, tree.root_node(), Base::default(), &mut self.facts, &mut Forget);
        self.passed_over(grammar, text, tree);
        let errors = self.facts.errors;
        self.each_hidden(text, &lines, |this, wanted| {
            let part = &parts[&wanted.within.start];
            walk(grammar, text, part.tree.root_node(), wanted.base(), &mut this.facts, &mut Forget);
            true
        });
        self.facts.errors = errors;
        Some(self.analysed(*language, grammar, text, &lines, deepest))
    }
}

fn samples() -> Vec<(Language, String)> {
    let mut samples: Vec<(Language, String)> = languages()
        .filter(|spec| spec.has_symbols())
        .filter_map(|spec| {
            let path = format!("{}/corpus/{}.txt", env!("CARGO_MANIFEST_DIR"), spec.language);
            let text = std::fs::read_to_string(path).ok()?;
            Some((spec.language, text.split_once("==== outline").map_or(text.clone(), |(sample, _)| sample.to_owned())))
        })
        .collect();
    // Nearly all of it in macros, and macros in those.
    let rust = samples.iter().find(|(language, _)| language.name() == "rust").expect("the corpus has Rust").clone();
    let hidden =
        format!("use a::b;\n\ncfg! {{\n{}\nouter! {{ pub fn c() {{}}\n{}\n}} }}\nfn last() {{}}\n", rust.1, rust.1);
    samples.push((rust.0, hidden));
    samples
}

/// Whatever is typed, in every language: the same tree gives the same analysis, walked anew or not.
#[test]
fn what_is_taken_over_is_what_a_walk_finds() {
    let mut analyser = Analyser::new(Limits::default());
    let samples = samples();
    let analyser = std::cell::RefCell::new(&mut analyser);
    check_random(40, &steps(), |steps| {
        let analyser = &mut **analyser.borrow_mut();
        for (language, sample) in &samples {
            let mut text: Arc<str> = sample.as_str().into();
            let mut earlier = Vec::new();
            let mut remembered = None;
            for step in [None].into_iter().chain(steps.iter().map(Some)) {
                if let Some(step) = step {
                    earlier.push(Arc::clone(&text));
                    text = step.apply(&text, &earlier).into();
                }
                let (analysis, next) =
                    whole(analyser.analyse_next(*language, Arc::clone(&text), remembered, GiveUp::NEVER));
                assert_eq!(next.lines, LineIndex::new(&text));
                if let Some(expected) = analyser.walked_anew(&next) {
                    assert_eq!(analysis, expected, "{language} after {step:?}:\n{text}");
                }
                remembered = Some(next);
            }
        }
    });
}

/// Without this the property above could hold by never taking anything over.
#[test]
fn an_edit_leaves_nearly_everything_to_be_taken_over() {
    let mut analyser = Analyser::new(Limits::default());
    for (language, sample) in samples() {
        // The parser passes over parts of C, C++ and what it has to repair, and makes most of Scala and Bash anew.
        if !["rust", "go", "python", "java", "javascript", "typescript", "ruby", "php", "swift", "elixir", "zig"]
            .contains(&language.name())
        {
            continue;
        }
        let text: Arc<str> = sample.repeat(20).into();
        let (_, before) = whole(analyser.analyse_next(language, Arc::clone(&text), None, GiveUp::NEVER));
        let middle = sample.len() * 10 + sample.find('\n').expect("several lines");
        let edited: Arc<str> = [&text[..middle], " ", &text[middle..]].concat().into();
        let (_, after) = whole(analyser.analyse_next(language, edited, Some(before), GiveUp::NEVER));
        let (all, taken_over) = after.taken_over();
        assert!(all >= 100 && taken_over * 4 >= all * 3, "{language}: {taken_over} of {all}");
    }
}
