//! Markdown by its headings: a scan of lines that knows fences, front matter and both kinds of headings. A full
//! parser would find the same headings; this one cannot fail and costs one pass.

use crate::facts::LineDepth;
use conexus_core::{LineIndex, Span, Symbol, SymbolKind, Visibility};

/// Sections of a document, and how much is open on each line.
pub(crate) struct Outline {
    pub(crate) symbols: Vec<Symbol>,
    pub(crate) depths: Vec<LineDepth>,
}

/// A heading: its level from 1 to 6, its name, and the line that its section begins with.
struct Heading {
    level: usize,
    name: Span,
    line: u32,
    last_line: u32,
}

const MOST_HEADINGS: usize = 20_000;

/// Finds the sections.
pub(crate) fn outline(text: &str, lines: &LineIndex) -> Outline {
    let mut depths = Vec::with_capacity(lines.count() as usize);
    let headings = headings(text, lines, &mut depths);
    let mut symbols: Vec<Symbol> = Vec::with_capacity(headings.len());
    let mut open: Vec<(usize, u32)> = Vec::new();
    for (index, heading) in headings.iter().enumerate() {
        while open.last().is_some_and(|(level, _)| *level >= heading.level) {
            open.pop();
        }
        let next = headings[index + 1..].iter().find(|other| other.level <= heading.level);
        let start = lines.span(heading.line).map_or(0, |span| span.start);
        let end = next.and_then(|next| lines.span(next.line)).map_or(text.len() as u32, |span| span.start);
        let parent = open.last().map(|(_, index)| *index);
        let container = open.iter().map(|(_, index)| &*symbols[*index as usize].name).collect::<Vec<_>>().join(" > ");
        let head_end = lines.span(heading.last_line).map_or(end, |span| span.end);
        let head = Span { start, end: head_end }.slice(text).trim_end().len() as u32;
        let whole = Span { start, end }.slice(text).trim_end().len() as u32;
        open.push((heading.level, symbols.len() as u32));
        symbols.push(Symbol {
            name: heading.name.slice(text).into(),
            container: container.into(),
            kind: SymbolKind::Section,
            span: Span { start, end: start + whole },
            name_span: heading.name,
            signature: Span { start, end: start + head },
            doc: None,
            visibility: Visibility::Unknown,
            test: false,
            parent,
        });
    }
    Outline { symbols, depths }
}

fn headings(text: &str, lines: &LineIndex, depths: &mut Vec<LineDepth>) -> Vec<Heading> {
    let mut headings = Vec::new();
    let mut fence: Option<(u8, usize)> = None;
    let mut comment = false;
    let mut paragraph: Option<u32> = None;
    let mut front_matter = text.starts_with("---\n") || text.starts_with("---\r\n");
    for number in 0..lines.count() {
        let Some(span) = lines.span(number) else { break };
        let whole = span.slice(text);
        let line = whole.trim();
        let indent = whole.len() - whole.trim_start_matches(' ').len();
        let starts_block = paragraph.is_none() && !line.is_empty();
        let mut depth = if starts_block { 1 + indent as u32 / 2 } else { 4 };
        let mark = fence_mark(line).filter(|_| indent < 4);
        if front_matter {
            depth = 6;
            front_matter = number == 0 || line != "---";
        } else if let Some((sign, length)) = fence {
            depth = 6;
            let closes = mark.is_some_and(|(other, count)| {
                other == sign && count >= length && line.bytes().all(|byte| byte == sign)
            });
            if closes {
                fence = None;
            }
        } else if comment || line.starts_with("<!--") {
            comment = !line.contains("-->");
        } else if let Some(mark) = mark {
            fence = Some(mark);
            paragraph = None;
        } else if headings.len() < MOST_HEADINGS
            && let Some(heading) = heading(text, whole, span, number, paragraph).filter(|_| indent < 4)
        {
            depth = 0;
            paragraph = None;
            headings.push(heading);
        } else {
            paragraph = if line.is_empty() { None } else { paragraph.or(Some(number)) };
        }
        depths.push(if line.is_empty() { LineDepth::NONE } else { LineDepth::new(depth) });
    }
    headings.retain(|heading: &Heading| !heading.name.is_empty());
    headings
}

/// The sign and length of a code fence.
fn fence_mark(line: &str) -> Option<(u8, usize)> {
    let sign = *line.as_bytes().first().filter(|byte| matches!(byte, b'`' | b'~'))?;
    let length = line.bytes().take_while(|byte| *byte == sign).count();
    let info = &line[length..];
    (length >= 3 && !(sign == b'`' && info.contains('`'))).then_some((sign, length))
}

fn heading(text: &str, whole: &str, span: Span, number: u32, paragraph: Option<u32>) -> Option<Heading> {
    let line = whole.trim();
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    if level > 0 {
        let rest = &line[level..];
        if level > 6 || !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
            return None;
        }
        let name = rest.trim();
        let name = name.trim_end_matches('#').trim_end();
        let start = span.start as usize + (name.as_ptr() as usize - whole.as_ptr() as usize);
        return Some(Heading { level, name: Span::new(start, start + name.len()), line: number, last_line: number });
    }
    // An underlined heading: one line of text with `===` or `---` below.
    let first = paragraph.filter(|&first| first + 1 == number)?;
    let level = match line.as_bytes().first()? {
        b'=' => 1,
        b'-' => 2,
        _ => return None,
    };
    if line.bytes().any(|byte| byte != line.as_bytes()[0]) || line.len() < 2 {
        return None;
    }
    let before = text[..span.start as usize].trim_end();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let name = before[start..].trim_start();
    if name.starts_with(['|', '>', '-', '*', '+']) {
        return None;
    }
    let start = before.len() - name.len();
    Some(Heading { level, name: Span::new(start, before.len()), line: first, last_line: number })
}
