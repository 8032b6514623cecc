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
            "budgets": budgets(scored).iter().map(|&(tokens, place, code)| json!({ "tokens": tokens, "place": place, "code": code })).collect::<Vec<_>>(),
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
    for (tokens, place, code) in budgets(scored) {
        writeln!(
            output,
            "answer of {tokens:>5} tokens: names a relevant place in {place:.3}, shows its code in {code:.3}"
        )?;
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

/// For each budget the shares of the queries whose answer names a relevant place, and shows code of it.
fn budgets(scored: &[Scored]) -> Vec<(usize, f64, f64)> {
    let mut sums: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    for within in scored.iter().flat_map(|scored| &scored.within) {
        let sum = sums.entry(within.tokens).or_default();
        sum.0 += f64::from(u8::from(within.place));
        sum.1 += f64::from(u8::from(within.code));
    }
    let all = scored.len() as f64;
    sums.into_iter().map(|(tokens, (place, code))| (tokens, place / all, code / all)).collect()
}
