//! From relations to Markdown that fits a budget.

use std::fmt::Write as _;

use conexus_core::Span;
use conexus_index::{FileEntry, SymbolRef};

use super::{PackItem, estimate_tokens};
use crate::{
    Related, Relation, RelationKind, Result, Snapshot, Target,
    workspace_symbols::{Places, file_name},
};

/// Share of the budget that the text of the target may take when there are relations.
const TARGET_SHARE: f32 = 0.6;
/// Longest line of code or signature that is quoted, in bytes.
const MAX_LINE: usize = 240;
/// Names that the list of what was left out spells.
const MAX_NAMED: usize = 12;

/// Everything a pack could hold.
pub(super) struct Draft {
    title: String,
    target: PackItem,
    /// The target's lines of text and the name of its language.
    text: String,
    language: &'static str,
    /// Entries with their text, the most important first.
    entries: Vec<(PackItem, String)>,
}

/// What fitted.
pub(super) struct Fitted {
    pub(super) markdown: String,
    pub(super) included: Vec<PackItem>,
    pub(super) left_out: Vec<PackItem>,
    pub(super) cut: bool,
}

impl Draft {
    /// `None` when the target was not found.
    pub(super) fn new(view: &Snapshot, target: &Target, related: &Related) -> Result<Option<Self>> {
        let mut places = Places::new(view);
        let path: &str = match (&related.target, target) {
            (Some(target), _) => &target.path,
            (None, Target::At { path, .. } | Target::File(path)) => path,
            (None, Target::Symbol(_)) => return Ok(None),
        };
        let file = view.file(path)?;
        let symbol = related.target.as_ref().and_then(|target| symbol_with(file, target.span, target.name_span));
        let (title, name, lines, text) = if let (Some(target), Some(symbol)) = (&related.target, symbol) {
            let kind = symbol.kind().name().replace('_', " ");
            let within =
                if *target.container == *target.path { String::new() } else { format!(" in `{}`", target.container) };
            let title = format!("# `{}`: {kind}{within}, {path}:{}\n", target.name, target.lines.0 + 1);
            let text = places.text(file).map(|text| dedent(text, symbol.span())).unwrap_or_default();
            (title, target.name.clone(), target.lines, text)
        } else {
            let text = outline(&mut places, file);
            let last = places.text(file).map_or(0, |text| text.lines().count().saturating_sub(1));
            (format!("# {path}\n"), file_name(path).into(), (0, last as u32), text)
        };
        let mut entries: Vec<_> = related
            .relations
            .iter()
            // A similar piece that can be reused is told once, and so is a caller that is a test.
            .filter(|relation| !told_better(relation, &related.relations))
            .map(|relation| (importance(relation), item(relation), line(view, &mut places, relation)))
            .collect();
        entries.sort_by(|left, right| right.0.total_cmp(&left.0));
        Ok(Some(Self {
            title,
            target: PackItem { kind: None, path: path.into(), lines, name, confidence: 1.0 },
            text,
            language: file.language().name(),
            entries: entries.into_iter().map(|(_, item, line)| (item, line)).collect(),
        }))
    }

    /// The most important part that costs at most so many tokens.
    pub(super) fn fit(mut self, max_tokens: usize) -> Fitted {
        let full = estimate_tokens(&self.text);
        let share = if self.entries.is_empty() { max_tokens } else { (max_tokens as f32 * TARGET_SHARE) as usize };
        let mut body = share.max(max_tokens.saturating_sub(self.cost_of_entries()));
        let mut count = self.entries.len();
        let mut named = MAX_NAMED;
        // Entries are taken off from the least important, then the names of what was left out, then lines of the text,
        // until all fits. Each round takes off
        // what is too much by the estimate, at least one entry or line.
        loop {
            let (text, cut) = cut(&self.text, body);
            let markdown = self.render(&text, cut, count, named);
            let tokens = estimate_tokens(&markdown);
            if tokens <= max_tokens {
                let left_out = self.entries.split_off(count).into_iter().map(|(item, _)| item).collect();
                let mut kept: Vec<PackItem> = self.entries.into_iter().map(|(item, _)| item).collect();
                kept.sort_by_key(|item| section(item.kind));
                let included = std::iter::once(self.target).chain(kept).collect();
                return Fitted { markdown, included, left_out, cut };
            }
            if count > 0 {
                let mut excess = tokens - max_tokens;
                while count > 0 && excess > 0 {
                    count -= 1;
                    excess = excess.saturating_sub(estimate_tokens(&self.entries[count].1));
                }
            } else if named > 0 {
                named = 0;
            } else if body > 0 {
                body = body.min(full).saturating_sub((tokens - max_tokens).max(4));
            } else {
                // Not even the title fits.
                let left_out = std::iter::once(self.target).chain(self.entries.into_iter().map(|(item, _)| item));
                return Fitted {
                    markdown: String::new(),
                    included: Vec::new(),
                    left_out: left_out.collect(),
                    cut: true,
                };
            }
        }
    }

    fn cost_of_entries(&self) -> usize {
        estimate_tokens(&self.title) + 60 + self.entries.iter().map(|(_, line)| estimate_tokens(line)).sum::<usize>()
    }

    fn render(&self, text: &str, cut: bool, count: usize, named: usize) -> String {
        let mut markdown = self.title.clone();
        if !text.is_empty() {
            let fence = fence(text);
            let rest = if cut { "\n(cut: the rest did not fit)\n" } else { "" };
            let _ = write!(markdown, "\n{fence}{}\n{}\n{fence}\n{rest}", self.language, text.trim_end());
        }
        let (kept, left) = self.entries.split_at(count);
        for (kind, title) in SECTIONS {
            let mut lines = kept.iter().filter(|(item, _)| item.kind == Some(*kind)).peekable();
            if lines.peek().is_some() {
                let _ = write!(markdown, "\n## {title}\n\n");
                lines.for_each(|(_, line)| markdown.push_str(line));
            }
        }
        if !left.is_empty() {
            let names: Vec<String> = left
                .iter()
                .take(named)
                .map(|(item, _)| format!("`{}` ({})", item.name, item.kind.map_or("", RelationKind::name)))
                .collect();
            let more = left.len() - names.len();
            let more = match (more, named) {
                (0, _) => String::new(),
                (more, 0) => format!("{more} relations"),
                (more, _) => format!(" and {more} more"),
            };
            let _ = write!(markdown, "\nLeft out for room: {}{more}.\n", names.join(", "));
        }
        markdown
    }
}

/// Sections in the order of a pack.
const SECTIONS: &[(RelationKind, &str)] = &[
    (RelationKind::Callee, "What it uses"),
    (RelationKind::Caller, "Who uses it"),
    (RelationKind::Test, "Tests"),
    (RelationKind::Reuse, "Does nearly the same"),
    (RelationKind::Similar, "Similar code"),
];

fn section(kind: Option<RelationKind>) -> usize {
    SECTIONS.iter().position(|(other, _)| Some(*other) == kind).unwrap_or(0)
}

/// What a reader who is to change the target needs first: what it builds on, who depends on it, how it is tested.
fn importance(relation: &Relation) -> f32 {
    relation.confidence
        * match relation.kind {
            RelationKind::Callee => 1.0,
            RelationKind::Caller => 0.95,
            RelationKind::Test => 0.85,
            RelationKind::Reuse => 0.9,
            RelationKind::Similar => 0.45,
        }
}

fn told_better(relation: &Relation, all: &[Relation]) -> bool {
    let better = match relation.kind {
        RelationKind::Similar => RelationKind::Reuse,
        RelationKind::Caller => RelationKind::Test,
        _ => return false,
    };
    all.iter().any(|other| other.kind == better && other.path == relation.path && other.span == relation.span)
}

fn item(relation: &Relation) -> PackItem {
    PackItem {
        kind: Some(relation.kind),
        path: relation.path.clone(),
        lines: relation.lines,
        name: relation.name.clone(),
        confidence: relation.confidence,
    }
}

/// One relation as a line of a list: the signature of what is used, the line of who uses.
fn line(view: &Snapshot, places: &mut Places<'_>, relation: &Relation) -> String {
    let quoted = view.index().file(&relation.path).and_then(|file| {
        let symbol = symbol_with(file, relation.span, relation.focus);
        let text = places.text(file)?;
        match relation.kind {
            RelationKind::Caller | RelationKind::Test => {
                let at = relation.focus.start as usize;
                let start = text.get(..at)?.rfind('\n').map_or(0, |line| line + 1);
                text.get(start..)?.lines().next().map(one_line)
            }
            _ => symbol.map(|symbol| one_line(symbol.signature().slice(text))),
        }
    });
    let code = quoted.filter(|line| !line.is_empty()).map(|line| code(&line)).unwrap_or_default();
    let place = format!("{}:{}", relation.path, relation.focus_line + 1);
    let who = match relation.kind {
        RelationKind::Caller | RelationKind::Test => format!("{} at {place}: {code}", code_name(&relation.name)),
        _ if code.is_empty() => format!("{} at {place}", code_name(&relation.name)),
        _ => format!("{code} at {place}"),
    };
    format!("- {who} ({}, {:.2})\n", relation.reason, relation.confidence)
}

/// The symbol of a relation: the one with its span, and of two with one span the one whose name is the focus.
fn symbol_with(file: &FileEntry, span: Span, focus: Span) -> Option<SymbolRef<'_>> {
    let mut same = file.symbols().filter(|symbol| symbol.span() == span);
    let first = same.next()?;
    Some(std::iter::once(first).chain(same).find(|symbol| symbol.name_span() == focus).unwrap_or(first))
}

/// A file as the signatures of its symbols.
fn outline(places: &mut Places<'_>, file: &FileEntry) -> String {
    let Some(text) = places.text(file) else { return String::new() };
    let mut outline = String::new();
    for symbol in file.symbols().filter(|symbol| symbol.kind() != conexus_core::SymbolKind::Field) {
        let mut depth = 0;
        let mut parent = symbol.parent().and_then(|parent| file.symbol(parent));
        while let Some(outer) = parent {
            depth += 1;
            parent = outer.parent().and_then(|parent| file.symbol(parent));
        }
        outline.push_str(&"    ".repeat(depth));
        outline.push_str(&one_line(symbol.signature().slice(text)));
        outline.push('\n');
    }
    outline
}

/// Blanks and line breaks as one blank each, cut when long.
fn one_line(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() <= MAX_LINE {
        return line;
    }
    format!("{}…", &line[..line.floor_char_boundary(MAX_LINE)])
}

/// As inline code, whatever backticks it holds.
fn code(line: &str) -> String {
    if line.contains('`') { format!("`` {} ``", line.replace("``", "` `")) } else { format!("`{line}`") }
}

fn code_name(name: &str) -> String {
    code(&one_line(name))
}

/// The text of a span from the beginning of its line, less the indentation that all its lines share.
fn dedent(text: &str, span: Span) -> String {
    let start = text.get(..span.start as usize).and_then(|before| before.rfind('\n')).map_or(0, |line| line + 1);
    let lead = text.get(start..span.start as usize).unwrap_or("");
    let start = if lead.trim().is_empty() { start } else { span.start as usize };
    let body = text.get(start..span.end as usize).unwrap_or("");
    let indent = body
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count())
        .min()
        .unwrap_or(0);
    body.lines().map(|line| line.get(indent..).unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// The first lines that cost at most so many tokens, and whether some were cut off.
fn cut(text: &str, tokens: usize) -> (String, bool) {
    if estimate_tokens(text) <= tokens {
        return (text.to_owned(), false);
    }
    let mut kept = String::new();
    let mut cost = 0;
    for line in text.split_inclusive('\n') {
        cost += estimate_tokens(line);
        if cost > tokens {
            break;
        }
        kept.push_str(line);
    }
    (kept, true)
}

/// Backticks that no line of the text holds.
fn fence(text: &str) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_quoted_whatever_it_holds() {
        assert_eq!(fence("a ```` b"), "`````");
        assert_eq!(fence("a"), "```");
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(dedent("x\n    a\n\n      b\n", Span::new(6, 17)), "a\n\n  b");
        assert_eq!(one_line(" a\n  b "), "a b");
    }
}
