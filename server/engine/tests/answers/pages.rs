//! Pages of one query: whatever their size, together they are one answer.

use std::{collections::HashSet, fmt::Write};

use conexus_core::{Hit, Mode, Notice, Query};

use super::{GO_ON, Indexed};

/// Some functions to a file, each a chunk that a question finds by its words, its names and its meaning.
fn queues(files: usize, functions: usize) -> String {
    let mut fixture = String::new();
    for file in 0..files {
        let _ = writeln!(fixture, "//- src/queue_{file}.rs");
        for function in 0..functions {
            let verb = ["drain", "fill", "count", "close"][function % 4];
            let rest = "    wait();\n".repeat((file * 5 + function * 3) % 11);
            let _ = writeln!(
                fixture,
                "/// {verb}s part {function} of the queue number {file}.\npub fn {verb}_queue_{file}_{function}() \
                 {{\n{rest}    step_{file}_{function}();\n}}\n"
            );
        }
    }
    fixture
}

fn place(hit: &Hit) -> (String, u32) {
    (hit.path.to_string(), hit.span.start)
}

#[test]
fn pages_are_one_answer_whatever_their_size() {
    let indexed = Indexed::of(&queues(35, 20));
    let view = indexed.snapshot();
    for text in ["drain the queue", "how is a queue closed after a while", "fill_queue_3_1", "queue number 12"] {
        let page = |offset, limit| view.search(&Query { offset, limit, ..Query::new(text) }, &GO_ON).unwrap();
        let whole = page(0, 5_000);
        assert!(whole.hits.len() > 600 && !whole.more, "{text}: {}", whole.hits.len());
        assert!(whole.notices.is_empty(), "{text}: {:?}", whole.notices);
        assert!(whole.hits.is_sorted_by(|first, second| first.score >= second.score), "{text}");
        let places: Vec<_> = whole.hits.iter().map(place).collect();
        let different: HashSet<_> = places.iter().collect();
        assert_eq!(different.len(), places.len(), "{text}");
        for limit in [1, 10, 66, 100, 450] {
            let mut paged = Vec::new();
            // Of the smallest pages the first ones, which those of any size begin with.
            while limit > 1 || paged.len() < 5 {
                let answer = page(paged.len(), limit);
                paged.extend(answer.hits.iter().map(|hit| (place(hit), hit.score)));
                assert!(answer.more || paged.len() == places.len(), "{text}: {limit} at {}", paged.len());
                if !answer.more {
                    break;
                }
            }
            let expected: Vec<_> = whole.hits.iter().map(|hit| (place(hit), hit.score)).take(paged.len()).collect();
            assert_eq!(paged, expected, "{text}: {limit}");
            assert!(limit == 1 || paged.len() == places.len(), "{text}: {limit}");
        }
    }
}

/// What is never ranked is said to be there.
#[test]
fn the_end_of_what_is_ranked_is_said() {
    let indexed = Indexed::of(&queues(30, 190));
    let view = indexed.snapshot();
    assert!(view.index().live_chunks() > 5_200, "{}", view.index().live_chunks());
    let query = Query { mode: Mode::Keyword, limit: 100, offset: 4_950, ..Query::new("queue") };
    let last = view.search(&query, &GO_ON).unwrap();
    assert!(!last.more && !last.hits.is_empty(), "{}", last.hits.len());
    let ranked = 4_950 + last.hits.len() as u64;
    assert_eq!(last.notices, [Notice::Limited { hits: ranked }]);
    let earlier = view.search(&Query { offset: 0, ..query }, &GO_ON).unwrap();
    assert!(earlier.more && earlier.notices.is_empty(), "{:?}", earlier.notices);
}
