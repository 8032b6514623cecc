//! From raw facts to symbols: spans with comments and wrappers, nesting, containers, visibility, tests.

mod rules;

use crate::facts::{Facts, Lead, Mark, NONE, RawSymbol, Says, Wrap};
use crate::languages::{Clauses, Constructors, Documentation, Grammar};
use conexus_core::{Reference, Span, Symbol, SymbolKind, Visibility};
use std::collections::HashSet;

/// Longest name that is kept, in bytes; longer ones are cut. Only descriptions of tests come near it.
const NAME_LENGTH: usize = 160;
/// Longest signature of a definition without a body, in bytes.
const SIGNATURE_LENGTH: usize = 400;
/// Longest constant or field on one line whose value belongs to the signature, in bytes.
const VALUE_LENGTH: usize = 120;
/// How deep symbols may nest; deeper ones are left out, so that containers stay short.
pub(crate) const NESTING: usize = 32;

/// A symbol with its final span, before nesting is known.
#[derive(Clone, Copy, Debug)]
struct Placed {
    span: Span,
    /// Where attributes may stand: from the first one to the first word.
    attributes: Span,
    first_word: u32,
    doc: Option<Span>,
    exported: bool,
    raw: RawSymbol,
}

/// Scratch of this module, reused from text to text.
#[derive(Debug, Default)]
pub(crate) struct Nesting {
    placed: Vec<Placed>,
    open: Vec<Open>,
    /// Per symbol: whether an `export` wraps it.
    exported: Vec<bool>,
}

/// A symbol that encloses the current position.
#[derive(Clone, Copy, Debug)]
struct Open {
    index: u32,
    span: Span,
    /// Set by the last `public:` or the like in it.
    section: Option<Visibility>,
    /// The last symbol right inside it.
    last_child: Option<u32>,
}

/// What the nesting left out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LeftOut {
    pub(crate) too_deep: bool,
}

impl Nesting {
    /// Turns raw symbols into symbols.
    pub(crate) fn symbols(
        &mut self,
        rules: &Grammar,
        text: &str,
        facts: &mut Facts,
        most: usize,
        symbols: &mut Vec<Symbol>,
    ) -> LeftOut {
        self.place(rules, text, facts);
        self.placed.truncate(most);
        facts.marks.sort_by_key(|mark| mark.span.start);
        let mut left_out = LeftOut::default();
        let mut file_section = None;
        let mut last_of_file = None;
        let mut marks = facts.marks.iter().peekable();
        self.open.clear();
        self.exported.clear();
        for placed in &self.placed {
            while let Some(mark) = marks.next_if(|mark| mark.span.start < placed.span.start) {
                apply(mark, &mut self.open, &mut file_section, symbols);
            }
            close(&mut self.open, placed.span);
            if self.open.len() >= NESTING {
                left_out.too_deep = true;
                continue;
            }
            let parent = self.open.last().map(|open| open.index);
            let in_code = parent.is_some_and(|parent| holds_code(symbols[parent as usize].kind));
            if in_code && placed.raw.kind == SymbolKind::Variable {
                continue;
            }
            let section = self.open.last().map_or(file_section, |open| open.section);
            let symbol = finished(rules, text, placed, parent, section, symbols);
            let last_child = self.open.last_mut().map_or(&mut last_of_file, |open| &mut open.last_child);
            let mut index = symbols.len() as u32;
            if let Some(earlier) =
                last_child.filter(|&last| is_clause(rules, text, &symbol, placed, &symbols[last as usize]))
            {
                index = earlier;
                symbols[earlier as usize].span.end = symbol.span.end;
                facts.clauses.push(symbol.name_span);
            } else {
                *last_child = Some(index);
                symbols.push(symbol);
                self.exported.push(placed.exported);
            }
            self.open.push(Open { index, span: placed.span, section: None, last_child: None });
        }
        for mark in marks {
            apply(mark, &mut self.open, &mut file_section, symbols);
        }
        let exports: HashSet<&str> =
            facts.marks.iter().filter(|mark| mark.says == Says::Export).map(|mark| mark.span.slice(text)).collect();
        rules::exported_names(rules, &exports, &self.exported, symbols);
        inherit_tests(symbols);
        left_out
    }

    /// Finds what leads and wraps each raw symbol, and orders them.
    fn place(&mut self, rules: &Grammar, text: &str, facts: &mut Facts) {
        self.placed.clear();
        // Hidden code is walked after the rest, so only then are these out of order.
        facts.leads.sort_by_key(|lead| lead.at);
        facts.wraps.sort_by_key(|wrap| wrap.inner.start);
        // The parser puts in what is missing, without text.
        for raw in facts.symbols.iter().filter(|raw| !raw.name.slice(text).trim().is_empty()) {
            self.placed.push(place(rules, text, *raw, facts));
        }
        // Of several patterns that match one definition, or have one name node, the first in the file wins.
        self.placed.sort_by_key(|placed| (placed.raw.definition, placed.raw.priority));
        let mut first: Option<(Span, u16)> = None;
        self.placed.retain(|placed| {
            let (definition, priority) = (placed.raw.definition, placed.raw.priority);
            match first {
                Some((other, earlier)) if other == definition => priority == earlier,
                _ => {
                    first = Some((definition, priority));
                    true
                }
            }
        });
        self.placed.sort_by_key(|placed| (placed.raw.name, placed.raw.priority));
        self.placed.dedup_by_key(|placed| placed.raw.name);
        self.placed.sort_by_key(|placed| (placed.span.start, u32::MAX - placed.span.end, placed.raw.name));
    }
}

/// Whether variables inside of such a symbol are local.
fn holds_code(kind: SymbolKind) -> bool {
    kind.is_callable() || kind == SymbolKind::Test
}

/// Whether a symbol is a further clause of the one before it.
fn is_clause(rules: &Grammar, text: &str, symbol: &Symbol, placed: &Placed, earlier: &Symbol) -> bool {
    let defines = |kind: SymbolKind| kind.is_callable() || kind == SymbolKind::Constant;
    if rules.clauses == Clauses::Apart
        || symbol.name != earlier.name
        || symbol.visibility != earlier.visibility
        || !defines(symbol.kind)
        || !defines(earlier.kind)
    {
        return false;
    }
    match rules.documentation {
        Documentation::Attributes { before, .. } => {
            !before.iter().any(|word| placed.attributes.slice(text).contains(word))
        }
        _ => true,
    }
}

fn lead_at(facts: &Facts, at: u32) -> Option<&Lead> {
    facts.leads.binary_search_by_key(&at, |lead| lead.at).ok().map(|index| &facts.leads[index])
}

/// The wrapper around a node, if that ends where the node ends.
fn wrap_of<'a>(facts: &'a Facts, inner: Span, text: &str) -> Option<&'a Wrap> {
    let first = facts.wraps.partition_point(|wrap| wrap.inner.start < inner.start);
    let candidates = facts.wraps[first..].iter().take_while(|wrap| wrap.inner.start == inner.start);
    candidates.filter(|wrap| wrap.inner == inner && wrap.outer != inner).find(|wrap| {
        let rest = text.as_bytes().get(inner.end as usize..wrap.outer.end as usize).unwrap_or_default();
        rest.len() < 64 && rest.iter().all(|byte| byte.is_ascii_whitespace() || matches!(byte, b';' | b','))
    })
}

fn place(rules: &Grammar, text: &str, raw: RawSymbol, facts: &Facts) -> Placed {
    let mut node = raw.definition;
    let mut span = node;
    let mut first_word = raw.first_word;
    let mut attributes = node.start;
    let mut doc = None;
    let mut exported = false;
    for _ in 0..6 {
        if let Some(lead) = lead_at(facts, node.start) {
            span.start = span.start.min(lead.start);
            if !lead.attributes.is_empty() {
                attributes = attributes.min(lead.attributes.start);
            }
            let here = documentation(rules, text, lead);
            doc = here.or(doc);
        }
        let Some(wrap) = wrap_of(facts, node, text) else { break };
        node = wrap.outer;
        span = Span { start: span.start.min(node.start), end: span.end.max(node.end) };
        first_word = first_word.min(wrap.first_word);
        attributes = attributes.min(node.start);
        exported |= text[wrap.first_word as usize..].starts_with("export");
    }
    let end = trimmed_end(text, span);
    let attributes = Span { start: attributes, end: first_word.max(attributes) };
    let documented = raw.kind.is_callable() || raw.kind.is_container();
    let doc = raw.docstring.filter(|_| documented).or(doc);
    Placed { span: Span { start: span.start, end }, attributes, first_word, doc, exported, raw }
}

/// Some grammars count the line break after a definition to it.
fn trimmed_end(text: &str, span: Span) -> u32 {
    span.start + span.slice(text).trim_ascii_end().len() as u32
}

/// The documentation in what leads a definition.
fn documentation(rules: &Grammar, text: &str, lead: &Lead) -> Option<Span> {
    if let Documentation::Attributes { before, .. } = rules.documentation {
        let attributes = lead.attributes.slice(text);
        if let Some(at) = before.iter().filter_map(|word| attributes.find(word)).min() {
            return Some(Span { start: lead.attributes.start + at as u32, end: lead.attributes.end });
        }
    }
    (!lead.comments.is_empty()).then_some(lead.comments)
}

/// Closes the symbols that do not enclose `span`.
fn close(open: &mut Vec<Open>, span: Span) {
    while open.last().is_some_and(|open| !open.span.contains(span) || open.span == span) {
        open.pop();
    }
}

/// Lets a mark speak of the innermost symbol in whose head it stands.
fn apply(mark: &Mark, open: &mut [Open], file_section: &mut Option<Visibility>, symbols: &mut [Symbol]) {
    let innermost = open.iter_mut().rev().find(|open| open.span.contains(mark.span));
    match (mark.says, innermost) {
        (Says::Section(visibility), Some(open)) => open.section = Some(visibility),
        (Says::Section(visibility), None) => *file_section = Some(visibility),
        (Says::Test, Some(open)) if in_head(mark, &symbols[open.index as usize]) => {
            symbols[open.index as usize].test = true;
        }
        (Says::Visibility(visibility), Some(open)) if in_head(mark, &symbols[open.index as usize]) => {
            symbols[open.index as usize].visibility = visibility;
        }
        _ => {}
    }
}

fn in_head(mark: &Mark, symbol: &Symbol) -> bool {
    mark.span.start < symbol.signature.end
}

/// Builds one symbol; those around it are finished already.
fn finished(
    rules: &Grammar,
    text: &str,
    placed: &Placed,
    parent: Option<u32>,
    section: Option<Visibility>,
    symbols: &[Symbol],
) -> Symbol {
    let raw = &placed.raw;
    let around = parent.map(|index| &symbols[index as usize]);
    let mut kind = raw.kind;
    if kind == SymbolKind::Function
        && around.is_some_and(|around| around.kind.is_type() || around.kind == SymbolKind::Impl)
    {
        kind = SymbolKind::Method;
    }
    let mut name = name_of(raw.name.slice(text), kind);
    if raw.by_macro {
        name.make_ascii_lowercase();
    }
    if kind == SymbolKind::Method
        && rules.constructors == Constructors::NamedAsType
        && around.is_some_and(|around| around.kind.is_type() && around.name == name)
    {
        kind = SymbolKind::Constructor;
    }
    let signature = signature(text, placed);
    let context = rules::Context { rules, text, around, section };
    let visibility = if raw.visibility == Visibility::Unknown {
        context.visibility(&name, kind, signature, raw.name, placed.attributes)
    } else {
        raw.visibility
    };
    let test = raw.test || kind == SymbolKind::Test || context.is_test(&name, kind, placed.attributes);
    Symbol {
        container: container(rules, text, around, raw.container),
        name,
        kind,
        span: placed.span,
        name_span: raw.name,
        signature,
        doc: placed.doc,
        visibility,
        test,
        parent,
    }
}

fn container(rules: &Grammar, text: &str, around: Option<&Symbol>, captured: Option<Span>) -> Box<str> {
    let captured = captured.map(|span| without_arguments(&name_of(span.slice(text), SymbolKind::Type)));
    let mut container = String::new();
    if let Some(around) = around {
        let length = around.container.len() + around.name.len() + rules.separator.len();
        container
            .reserve_exact(length + captured.as_ref().map_or(0, |captured| captured.len() + rules.separator.len()));
        container.push_str(&around.container);
        for part in [Some(&around.name), captured.as_ref()].into_iter().flatten() {
            if !container.is_empty() && !part.is_empty() {
                container.push_str(rules.separator);
            }
            container.push_str(part);
        }
    } else if let Some(captured) = captured {
        return captured;
    }
    container.into_boxed_str()
}

/// A qualifier without the arguments of its types: `shop::Order<T>` is `shop::Order`.
fn without_arguments(name: &str) -> Box<str> {
    if !name.contains('<') {
        return name.into();
    }
    let mut depth = 0_u32;
    let mut bare = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ if depth == 0 => bare.push(character),
            _ => {}
        }
    }
    bare.trim().into()
}

/// A name without quotes, a leading `:`, line breaks and excess length.
fn name_of(text: &str, kind: SymbolKind) -> Box<str> {
    let mut name = text.trim();
    for quote in ["\"\"\"", "\"", "'", "`"] {
        if let Some(inner) = name.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            // `{ "": ... }` has a key, and its quotes are all there is to show of it.
            if !inner.trim().is_empty() {
                name = inner;
            }
            break;
        }
    }
    if kind != SymbolKind::Test
        && let Some(rest) = name.strip_prefix(':')
        && let bare = rest.trim_matches('"')
        && rest.starts_with(|first: char| first.is_alphabetic() || matches!(first, '_' | '"'))
        && !bare.trim().is_empty()
    {
        name = bare;
    }
    // `operator bool() const` of C++
    if let Some(conversion) = name.strip_prefix("operator ").and_then(|rest| rest.find('(')) {
        name = name[.."operator ".len() + conversion].trim_end();
    }
    let end = name.floor_char_boundary(NAME_LENGTH);
    let name = &name[..end];
    if name.bytes().any(|byte| byte.is_ascii_whitespace() && byte != b' ') {
        return name.split_ascii_whitespace().collect::<Vec<_>>().join(" ").into();
    }
    name.into()
}

/// From the first word to the body; without a body, to the end, cut after a line when it is long.
fn signature(text: &str, placed: &Placed) -> Span {
    let start = placed.first_word.clamp(placed.span.start, placed.raw.name.start);
    let body = placed.raw.body;
    let whole = text.get(start as usize..placed.span.end as usize).unwrap_or("");
    let is_value = matches!(
        placed.raw.kind,
        SymbolKind::Constant | SymbolKind::Variable | SymbolKind::Field | SymbolKind::EnumMember
    );
    if is_value && whole.len() <= VALUE_LENGTH && !whole.contains('\n') {
        return Span { start, end: start + whole.trim_ascii_end().len() as u32 };
    }
    if body != NONE && body > placed.raw.name.start && body <= placed.span.end {
        let head = without_comments(text.get(start as usize..body as usize).unwrap_or("").trim_ascii_end());
        // `def f(x) = ...`, `def f(x), do: ...` and `def f(x): ...`
        let bare = head.strip_suffix(['=', ',', ':']).map(str::trim_ascii_end);
        let head = bare.filter(|bare| start + bare.len() as u32 >= placed.raw.name.end).unwrap_or(head);
        return Span { start, end: start + head.len() as u32 };
    }
    let mut end = whole.len();
    if end > SIGNATURE_LENGTH {
        // After an error a parser may give a node a child that ends behind it.
        let after_name = whole.floor_char_boundary((placed.raw.name.end - start) as usize);
        let line = whole[after_name..].find('\n').map_or(end, |at| after_name + at);
        end = whole.floor_char_boundary(line.min(after_name.max(SIGNATURE_LENGTH)));
    }
    Span { start, end: start + whole[..end].trim_ascii_end().len() as u32 }
}

/// A head without the lines of comments at its end: some grammars put those before the body.
fn without_comments(mut head: &str) -> &str {
    while let Some((before, last)) = head.rsplit_once('\n') {
        if !last.trim_start().starts_with(['#', '/']) {
            break;
        }
        head = before.trim_ascii_end();
    }
    head
}

/// What a test holds is a test.
fn inherit_tests(symbols: &mut [Symbol]) {
    for index in 0..symbols.len() {
        if let Some(parent) = symbols[index].parent
            && symbols[parent as usize].test
        {
            symbols[index].test = true;
        }
    }
}

/// Orders mentions, drops doubles and names of definitions, and finds the symbol around each.
pub(crate) fn references(facts: &mut Facts, symbols: &[Symbol], most: usize) -> Vec<Reference> {
    facts.references.sort_by_key(|reference| (reference.span, reference.priority));
    facts.references.dedup_by_key(|reference| reference.span);
    facts.references.retain(|reference| !reference.span.is_empty());
    let mut defined: Vec<Span> =
        symbols.iter().filter(|symbol| symbol.kind != SymbolKind::Impl).map(|symbol| symbol.name_span).collect();
    defined.extend(&facts.clauses);
    defined.sort_unstable();
    let mut defined = defined.into_iter().peekable();
    let mut open: Vec<u32> = Vec::new();
    let mut next = 0;
    let mut references = Vec::with_capacity(facts.references.len().min(most));
    for reference in &facts.references {
        while defined.next_if(|span| span.start < reference.span.start).is_some() {}
        if defined.peek() == Some(&reference.span) {
            continue;
        }
        if references.len() == most {
            break;
        }
        while let Some(symbol) = symbols.get(next).filter(|symbol| symbol.span.start <= reference.span.start) {
            while open.last().is_some_and(|&index| symbols[index as usize].span.end <= symbol.span.start) {
                open.pop();
            }
            open.push(next as u32);
            next += 1;
        }
        while open.last().is_some_and(|&index| symbols[index as usize].span.end <= reference.span.start) {
            open.pop();
        }
        let within = open.iter().rev().copied().find(|&index| symbols[index as usize].span.contains(reference.span));
        references.push(Reference { span: reference.span, kind: reference.kind, within });
    }
    references
}
