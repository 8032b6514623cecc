//! One answer from all running sessions of a workspace: each knows the unsaved edits of its own editor alone.

use conexus_core::Query;
use conexus_engine::Location;

use crate::{Found, FoundNotice, Result, Session};

/// Answers a query from the sessions that keep a workspace current, unsaved edits of all their editors included. `None`
/// when no session is running; the error is that of the newest when none can answer.
pub fn search_sessions(location: &Location, query: &Query, snippet_lines: usize) -> Option<Result<Found>> {
    let sessions: Vec<Session> = Session::all(location).collect();
    if let [session] = &sessions[..] {
        return Some(session.search(query, snippet_lines));
    }
    // Which hits one of them is to leave to another is known when all have answered.
    let whole = Query { offset: 0, limit: query.offset.saturating_add(query.limit), ..query.clone() };
    let mut failure = None;
    let mut answers = Vec::new();
    for session in &sessions {
        match session.search(&whole, snippet_lines) {
            Ok(found) => answers.push(found),
            Err(error) => {
                tracing::warn!(%error, "the unsaved edits of one session are not known");
                failure.get_or_insert(error);
            }
        }
    }
    if answers.is_empty() {
        return failure.map(Err);
    }
    Some(Ok(merge(&answers, query)))
}

/// Each file is answered for by the newest session in which it has unsaved edits, else by the newest of all.
fn merge(answers: &[Found], query: &Query) -> Found {
    let edited = |found: &Found, path: &str| found.buffers.iter().any(|(buffer, _)| buffer == path);
    let speaker = |path: &str| answers.iter().position(|found| edited(found, path)).unwrap_or(0);
    let mut hits = Vec::new();
    let mut buffers = Vec::new();
    for (number, found) in answers.iter().enumerate() {
        hits.extend(found.hits.iter().filter(|hit| speaker(&hit.path) == number).cloned());
        buffers.extend(found.buffers.iter().filter(|(path, _)| speaker(path) == number).cloned());
    }
    // Stable: of hits that score alike those of the newest session come first.
    hits.sort_by(|left, right| right.score.total_cmp(&left.score));
    let more = hits.len() > query.offset + query.limit || answers.iter().any(|found| found.more);
    let hits: Vec<_> = hits.into_iter().skip(query.offset).take(query.limit).collect();
    buffers.sort_unstable();
    let mut notices = Vec::new();
    for notice in answers.iter().flat_map(|found| &found.notices) {
        let is_answered = !hits.is_empty() && matches!(&*notice.kind, "no_match" | "nothing_indexed");
        let is_said = notices.iter().any(|said: &FoundNotice| said.kind == notice.kind);
        if !is_answered && !is_said {
            notices.push(notice.clone());
        }
    }
    let (generation, searched_chunks) =
        answers.first().map_or((0, 0), |found| (found.generation, found.searched_chunks));
    Found { generation, buffers, searched_chunks, more, notices, hits }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FoundHit;

    fn found(hits: &[(&str, f32)], buffers: &[&str], notices: &[&str]) -> Found {
        let hit = |&(path, score): &(&str, f32)| FoundHit {
            path: path.to_owned(),
            line: 1,
            start_line: 1,
            end_line: 1,
            start_byte: 0,
            end_byte: 1,
            language: String::new(),
            chunk: String::new(),
            kind: None,
            name: String::new(),
            container: String::new(),
            score,
            changed_since_indexed: false,
            gone: false,
            snippet: None,
            contributions: Vec::new(),
        };
        Found {
            generation: 7,
            buffers: buffers.iter().map(|path| ((*path).to_owned(), 1)).collect(),
            searched_chunks: 9,
            more: false,
            notices: notices
                .iter()
                .map(|kind| FoundNotice { kind: (*kind).to_owned(), message: String::new() })
                .collect(),
            hits: hits.iter().map(hit).collect(),
        }
    }

    fn paths(found: &Found) -> Vec<&str> {
        found.hits.iter().map(|hit| &*hit.path).collect()
    }

    #[test]
    fn each_session_answers_for_its_own_unsaved_files() {
        let newest = found(&[("saved", 0.9), ("a", 0.8), ("b", 0.7)], &["a", "both"], &["no_match", "indexing"]);
        let other = found(&[("b", 1.0), ("a", 0.95), ("saved", 0.9), ("both", 0.5)], &["b", "both"], &["indexing"]);
        let query = Query { limit: 10, ..Query::new("x") };
        let merged = merge(&[newest.clone(), other.clone()], &query);
        // "both" is not among the hits of the newest session: its text does not fit.
        assert_eq!(paths(&merged), ["b", "saved", "a"]);
        let buffers: Vec<_> = merged.buffers.iter().map(|(path, _)| &**path).collect();
        assert_eq!(buffers, ["a", "b", "both"]);
        let kinds: Vec<_> = merged.notices.iter().map(|notice| &*notice.kind).collect();
        assert_eq!((kinds, merged.more), (vec!["indexing"], false));
        let second = merge(&[newest, other], &Query { offset: 1, limit: 1, ..Query::new("x") });
        assert_eq!((paths(&second), second.more), (vec!["saved"], true));
    }

    #[test]
    fn nothing_in_all_sessions_is_no_match() {
        let nothing = found(&[], &[], &["no_match"]);
        let merged = merge(&[nothing.clone(), nothing], &Query::new("x"));
        assert_eq!((merged.notices.len(), merged.hits.len()), (1, 0));
    }
}
