//! The report for people: each finding with its source, marked, as compilers show it.

use std::{borrow::Cow, collections::HashMap, io::Write, ops::Range, sync::Arc};

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use anyhow::Result;
use conexus_check::{Finding, Place, Report, Severity};
use conexus_core::LineIndex;
use conexus_engine::Snapshot;

use crate::cli::output::{Output, Style, printable};

/// Lines of a place that are shown; of a longer one the first is.
const MOST_LINES: u32 = 4;
/// Other places that are shown with their source.
const MOST_RELATED: usize = 4;

/// Writes the findings of a report.
pub(super) fn show(report: &Report, snapshot: &Snapshot, output: &mut Output) -> Result<()> {
    let renderer = if output.is_styled() { Renderer::styled() } else { Renderer::plain() };
    let mut sources = Sources { snapshot, read: HashMap::new() };
    for finding in &report.findings {
        let Place { path, start, .. } = &finding.place;
        let place = format!("{}:{}:{}", printable(path), start.line + 1, start.column + 1);
        let place = output.styled(Style::Path, &place);
        let code = output.styled(Style::Name, &finding.code());
        let severity = finding.severity.name();
        writeln!(output, "{place}: {severity}[{code}]: {}", printable(&finding.message))?;
        if let Some(group) = group(finding, &mut sources) {
            // Spaces at the ends of lines are of no use to anybody.
            for line in renderer.render(&[group]).lines() {
                writeln!(output, "{}", line.trim_end())?;
            }
        }
        writeln!(output)?;
    }
    Ok(())
}

/// What stands below the first line of a finding; nothing when there is nothing to show.
fn group<'a>(finding: &'a Finding, sources: &mut Sources<'_>) -> Option<Group<'a>> {
    let mut group = Group::with_level(match finding.severity {
        Severity::Note => Level::NOTE,
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
    });
    if let Some(excerpt) = sources.excerpt(&finding.place) {
        group = group.element(excerpt.snippet(AnnotationKind::Primary, None));
    }
    for related in finding.related.iter().take(MOST_RELATED) {
        let label = printable(&related.label);
        let Place { path, start, .. } = &related.place;
        group = if let Some(excerpt) = sources.excerpt(&related.place) {
            group.element(excerpt.snippet(AnnotationKind::Context, Some(label)).path(printable(path)))
        } else {
            group.element(Level::NOTE.message(format!("{}:{}: {label}", printable(path), start.line + 1)))
        };
    }
    if let Some(more) = finding.related.len().checked_sub(MOST_RELATED).filter(|more| *more > 0) {
        group = group.element(Level::NOTE.message(format!("and {more} more places")));
    }
    if let Some(help) = &finding.help {
        let fix = if finding.fix.is_some() { " (--fix does it)" } else { "" };
        group = group.element(Level::HELP.message(format!("{}{fix}", printable(help))));
    }
    (!group.is_empty()).then_some(group)
}

/// The lines of a place, and where it is in them.
struct Excerpt {
    lines: String,
    first: u32,
    marked: Range<usize>,
}

impl Excerpt {
    fn snippet(self, kind: AnnotationKind, label: Option<Cow<'_, str>>) -> Snippet<'_, Annotation<'_>> {
        let mark = kind.span(self.marked).label(label);
        Snippet::source(self.lines).line_start(self.first as usize + 1).annotation(mark)
    }
}

/// Texts that are read when they are shown first.
struct Sources<'a> {
    snapshot: &'a Snapshot,
    read: HashMap<Box<str>, Option<(Arc<str>, LineIndex)>>,
}

impl Sources<'_> {
    /// Nothing when the file is not any more what was checked.
    fn excerpt(&mut self, place: &Place) -> Option<Excerpt> {
        let snapshot = self.snapshot;
        let (text, lines) = self
            .read
            .entry(place.path.clone())
            .or_insert_with(|| {
                let current = snapshot.text(&place.path).ok().filter(|current| current.as_indexed)?;
                Some((Arc::clone(&current.text), LineIndex::new(&current.text)))
            })
            .as_ref()?;
        let first = place.start.line;
        let last = if place.end.line - first < MOST_LINES { place.end.line } else { first };
        let (start, end) = (lines.span(first)?.start as usize, lines.span(last)?.end as usize);
        let shown = text.get(start..end)?.trim_end_matches(['\n', '\r']);
        let from = (place.span.start as usize).saturating_sub(start).min(shown.len());
        let to = (place.span.end as usize).saturating_sub(start).clamp(from, shown.len());
        Some(Excerpt { lines: shown.to_owned(), first, marked: from..to })
    }
}
