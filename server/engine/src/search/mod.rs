//! Search: understand the query, gather candidates, rank them, say what the answer covers.

mod candidates;
mod definitions;
mod messages;
mod names;
mod quoted;
mod rank;
mod understand;
mod variants;
mod weights;

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
};

use conexus_core::{Answer, Hit, Mode, Notice, Query};
use conexus_index::IndexSnapshot;

pub use messages::Place;
pub use understand::{MAX_QUERY_BYTES, Name, Shape, Understanding, understand};
pub use weights::Weights;

pub(crate) use candidates::chunk_at;
pub(crate) use names::{split_name, symbols_named};

use crate::{
    Result, Snapshot,
    stages::{Stage, timed},
};
use candidates::{Candidate, DEPTHS, Sources};

/// Searches one state of the workspace. Cheap to make; holds no state of its own.
pub(crate) struct Searcher<'a> {
    view: &'a Snapshot,
    snapshot: &'a IndexSnapshot,
}

impl<'a> Searcher<'a> {
    /// A searcher over a snapshot. Without an embedder the search is lexical and says so.
    pub(crate) fn new(view: &'a Snapshot) -> Self {
        Self { view, snapshot: view.index() }
    }

    /// Answers a query. `cancel` is looked at between the steps, each of which takes milliseconds at most; a cancelled
    /// search answers with what it has, which may be nothing.
    pub(crate) fn search(&self, query: &Query, cancel: &AtomicBool) -> Result<Answer> {
        let text = cut(&query.text);
        let mut answer = self.empty_answer();
        if text.len() < query.text.len() {
            answer.notices.push(Notice::QueryCut { bytes: text.len() });
        }
        let understanding = understand(text, query.mode);
        if understanding.shape == Shape::Empty {
            answer.notices.push(Notice::EmptyQuery);
            return Ok(answer);
        }
        if self.snapshot.live_chunks() == 0 {
            answer.add_unless_indexing(Notice::NothingIndexed);
            return Ok(answer);
        }
        let allowed = self.snapshot.allowed(&query.filter)?;
        if let Some(allowed) = &allowed {
            answer.searched_chunks = allowed.len();
            if allowed.is_empty() {
                answer.notices.push(Notice::FilterMatchesNothing);
                return Ok(answer);
            }
        }
        let sources = Sources::of(self, text, &understanding, query, allowed.as_deref(), cancel)?;
        if let Some(reason) = &sources.lexical_only {
            answer.notices.push(Notice::LexicalOnly { reason: reason.clone() });
        }
        if !matches!(query.mode, Mode::Keyword | Mode::Symbol) {
            answer.notices.extend(self.view.stand_in.as_ref().map(|stand_in| stand_in.notice()));
        }
        match sources.quoted.notice.clone() {
            Some(notice @ Notice::QuoteNotFound { .. }) => answer.add_unless_indexing(notice),
            notice => answer.notices.extend(notice),
        }
        let wanted = query.offset.saturating_add(query.limit);
        let (ranked, is_all) = self.ranked(&sources, &understanding, query, wanted, cancel)?;
        answer.more = ranked.len() > wanted;
        if !answer.more && !is_all {
            answer.notices.push(Notice::Limited { hits: ranked.len() as u64 });
        }
        let hits = ranked.into_iter().skip(query.offset).take(query.limit);
        answer.hits = hits.filter_map(|candidate| self.hit(candidate)).collect();
        if answer.hits.is_empty() && query.offset == 0 && !cancel.load(Ordering::Relaxed) {
            answer.add_unless_indexing(Notice::NoMatch);
        }
        Ok(answer)
    }

    /// Candidates in their order, more than are wanted if there are as many, and whether there are no others. Whatever is
    /// wanted, the order is the same: those of each depth follow those of the depths before.
    fn ranked(
        &self,
        sources: &Sources<'_>,
        understanding: &Understanding,
        query: &Query,
        wanted: usize,
        cancel: &AtomicBool,
    ) -> Result<(Vec<Candidate>, bool)> {
        let mut ranked: Vec<Candidate> = Vec::new();
        let mut known: HashSet<u32> = HashSet::new();
        for depth in DEPTHS {
            let gathered = sources.gather(depth, cancel)?;
            if cancel.load(Ordering::Relaxed) {
                return Ok((Vec::new(), true));
            }
            let mut next = timed(Stage::Rank, || {
                rank::rank(self.snapshot, &self.view.weights, understanding, query, gathered.candidates)
            });
            next.retain(|candidate| known.insert(candidate.slot));
            if let Some(last) = ranked.last() {
                rank::put_behind(last.score, &mut next, query.explain);
            }
            ranked.append(&mut next);
            if ranked.len() > wanted || !gathered.more {
                return Ok((ranked, true));
            }
        }
        Ok((ranked, false))
    }

    /// The chunks most similar to the chunk in a slot, itself and what overlaps it left out.
    pub(crate) fn similar(&self, slot: u32, query: &Query, cancel: &AtomicBool) -> Result<Answer> {
        let mut answer = self.empty_answer();
        let is_cancelled = || cancel.load(Ordering::Relaxed);
        let allowed = self.snapshot.allowed(&query.filter)?;
        if let Some(allowed) = &allowed {
            answer.searched_chunks = allowed.len();
        }
        let Some(vector) = self.snapshot.vector(slot) else {
            answer.notices.push(Notice::LexicalOnly { reason: "this chunk has no vector".to_owned() });
            return Ok(answer);
        };
        answer.notices.extend(self.view.stand_in.as_ref().map(|stand_in| stand_in.notice()));
        if is_cancelled() {
            return Ok(answer);
        }
        let wanted = query.offset.saturating_add(query.limit).saturating_add(1);
        let own = self.snapshot.chunk(slot);
        let found: Vec<_> = self
            .snapshot
            .nearest(&vector, allowed.as_deref(), wanted.saturating_add(8))?
            .into_iter()
            .filter(|hit| match (self.snapshot.chunk(hit.slot), own) {
                (Some(other), Some(own)) => {
                    !(other.file.path() == own.file.path() && other.chunk.span().overlaps(own.chunk.span()))
                }
                _ => false,
            })
            .collect();
        answer.more = found.len() >= wanted;
        answer.hits = found
            .into_iter()
            .skip(query.offset)
            .take(query.limit)
            .take_while(|_| !is_cancelled())
            .filter_map(|found| self.hit(Candidate { score: found.similarity, ..Candidate::new(found.slot) }))
            .collect();
        if answer.hits.is_empty() && query.offset == 0 && !is_cancelled() {
            answer.add_unless_indexing(Notice::NoMatch);
        }
        Ok(answer)
    }

    fn empty_answer(&self) -> Answer {
        Answer {
            hits: Vec::new(),
            generation: self.snapshot.generation(),
            searched_chunks: self.snapshot.live_chunks(),
            more: false,
            notices: self.view.notices().iter().cloned().chain(self.view.set_aside_notice()).collect(),
        }
    }

    fn hit(&self, candidate: Candidate) -> Option<Hit> {
        let located = self.snapshot.chunk(candidate.slot)?;
        // A definition that was asked for says more than the symbol that its chunk begins with.
        let asked = candidate.definition.and_then(|definition| located.file.symbol(definition.symbol));
        let symbol = asked.or_else(|| located.chunk.symbol());
        let span = located.chunk.span();
        let name = symbol.map(|symbol| symbol.name_span()).filter(|&name| span.contains(name));
        Some(Hit {
            path: located.file.path().as_ref().into(),
            language: located.file.language(),
            span,
            lines: located.chunk.lines(),
            focus: name.unwrap_or(conexus_core::Span { start: span.start, end: span.start }),
            chunk_kind: located.chunk.kind(),
            kind: symbol.map(|symbol| symbol.kind()),
            name: symbol.map_or("", |symbol| symbol.name()).into(),
            container: symbol.map_or("", |symbol| symbol.container()).into(),
            score: candidate.score,
            contributions: candidate.contributions,
        })
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_QUERY_BYTES)]
}
