//! Tables of scores.

use std::{collections::BTreeMap, io::Write};

use anyhow::Result;
use serde::Serialize;
use serde_json::json;

use super::{Scored, assistant, metrics};
use crate::cli::{
    arguments::{Arguments, EvalArguments},
    output::Output,
};

pub(super) fn report(
    arguments: &Arguments,
    eval: &EvalArguments,
    scored: &[Scored],
    output: &mut Output,
) -> Result<()> {
    let (mean, low, high) = metrics::interval(scored.iter().map(|scored| (scored.repo.as_str(), scored.ndcg)));
    let average = |value: fn(&Scored) -> f64| scored.iter().map(value).sum::<f64>() / scored.len() as f64;
    let mut times: Vec<f64> = scored.iter().map(|scored| scored.milliseconds).collect();
    times.sort_by(f64::total_cmp);
    let percentile = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    let with_file = scored.iter().filter(|scored| scored.answer_tokens.is_some()).count();
    let early = |tokens: usize| tokens <= assistant::EARLY_TOKENS;
    let in_time = scored.iter().filter(|scored| scored.answer_tokens.is_some_and(early)).count();
    let languages = group(scored, |scored| &scored.language);
    let categories = group(scored, |scored| &scored.category);
    let repositories = group(scored, |scored| &scored.repo);
    if arguments.global.is_json() {
        output.json(&json!({
            "queries": scored.len(),
            "repositories": repositories,
            "ndcg_at_10": mean,
            "ndcg_95_percent": [low, high],
            "mrr": average(|scored| scored.reciprocal_rank),
            "recall_at_10": average(|scored| scored.recall),
            "queries_with_file_in_10_hits": with_file,
            "queries_with_file_in_2000_tokens": in_time,
            "budgets": budgets(scored),
            "latency_ms": { "p50": percentile(0.5), "p99": percentile(0.99) },
            "languages": languages,
            "categories": categories,
        }))?;
        return Ok(());
    }
    writeln!(output, "queries      {} of {} repositories", scored.len(), repositories.len())?;
    let drawn = if repositories.len() == 1 { "queries" } else { "repositories" };
    writeln!(output, "NDCG@10      {mean:.4}  (95 % interval over {drawn} {low:.3} to {high:.3})")?;
    writeln!(output, "MRR          {:.4}", average(|scored| scored.reciprocal_rank))?;
    writeln!(output, "recall@10    {:.4}", average(|scored| scored.recall))?;
    writeln!(output, "file found   in 10 hits {with_file}, in 2,000 tokens of an assistant's answer {in_time}")?;
    writeln!(output, "latency      p50 {:.2} ms, p99 {:.2} ms", percentile(0.5), percentile(0.99))?;
    for Budget { tokens, place, code, queries_with_lines, all_lines, lines } in budgets(scored) {
        write!(
            output,
            "answer of {tokens:>5} tokens: names a relevant place in {place:.3}, shows its code in {code:.3}"
        )?;
        if let (Some(all_lines), Some(lines)) = (all_lines, lines) {
            write!(
                output,
                "; of {queries_with_lines} queries for lines all of a target's in {all_lines:.3}, on average {lines:.3} of them"
            )?;
        }
        writeln!(output)?;
    }
    for (title, groups) in [("category", categories), ("language", languages), ("repository", repositories)] {
        writeln!(output, "by {title}")?;
        for (name, Group { queries, ndcg_at_10, ndcg_95_percent: [low, high] }) in groups {
            writeln!(output, "  {name:<22} {ndcg_at_10:.3}  ({low:.3} to {high:.3}; {queries})")?;
        }
    }
    if let Some(limit) = eval.show_below {
        for scored in scored.iter().filter(|scored| scored.ndcg < limit) {
            writeln!(output, "{:.3} {} [{}] {}", scored.ndcg, scored.repo, scored.category, scored.query)?;
            for hit in &scored.hits {
                writeln!(output, "        {hit}")?;
            }
        }
    }
    Ok(())
}

/// NDCG of some queries.
#[derive(Serialize)]
struct Group {
    queries: usize,
    ndcg_at_10: f64,
    ndcg_95_percent: [f64; 2],
}

/// NDCG of each group.
fn group<'a>(scored: &'a [Scored], key: impl Fn(&'a Scored) -> &'a str) -> BTreeMap<&'a str, Group> {
    let mut groups: BTreeMap<&str, Vec<&Scored>> = BTreeMap::new();
    for scored in scored {
        groups.entry(key(scored)).or_default().push(scored);
    }
    let measured = groups.into_iter().map(|(name, members)| {
        let (mean, low, high) = metrics::interval(members.iter().map(|scored| (scored.repo.as_str(), scored.ndcg)));
        (name, Group { queries: members.len(), ndcg_at_10: mean, ndcg_95_percent: [low, high] })
    });
    measured.collect()
}

/// What answers within a budget show, as shares of the queries.
#[derive(Serialize)]
struct Budget {
    tokens: usize,
    /// The place of a relevant hit is named.
    place: f64,
    /// Code of a relevant hit is shown.
    code: f64,
    /// Queries with a target that is lines of a file.
    queries_with_lines: usize,
    /// Of those the share for which all lines of a target are shown, and the mean share of its lines.
    all_lines: Option<f64>,
    lines: Option<f64>,
}

fn budgets(scored: &[Scored]) -> Vec<Budget> {
    let mut answers: BTreeMap<usize, Vec<&assistant::Within>> = BTreeMap::new();
    for within in scored.iter().flat_map(|scored| &scored.within) {
        answers.entry(within.tokens).or_default().push(within);
    }
    let measured = answers.into_iter().map(|(tokens, answers)| {
        let share = |is: fn(&assistant::Within) -> bool| {
            answers.iter().filter(|within| is(within)).count() as f64 / scored.len() as f64
        };
        let spans: Vec<f64> = answers.iter().filter_map(|within| within.span).collect();
        let mean = |sum: f64| (!spans.is_empty()).then(|| sum / spans.len() as f64);
        Budget {
            tokens,
            place: share(|within| within.place),
            code: share(|within| within.code),
            queries_with_lines: spans.len(),
            all_lines: mean(spans.iter().filter(|&&span| span >= 1.0).count() as f64),
            lines: mean(spans.iter().sum()),
        }
    });
    measured.collect()
}
