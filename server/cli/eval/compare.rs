//! Two results, paired per query.

use std::{collections::HashMap, io::Write};

use anyhow::{Result, bail};
use serde_json::json;

use super::{Scored, metrics};
use crate::cli::{Outcome, output::Output};

/// Repository, category and query, and how many such came before: one text may be asked for several targets.
type Key<'a> = (&'a str, &'a str, &'a str, usize);

fn keyed(result: &[Scored]) -> impl Iterator<Item = (Key<'_>, &Scored)> {
    let mut seen: HashMap<(&str, &str, &str), usize> = HashMap::new();
    result.iter().map(move |scored| {
        let (repo, category, query) = (scored.repo.as_str(), scored.category.as_str(), scored.query.as_str());
        let before = seen.entry((repo, category, query)).or_default();
        *before += 1;
        ((repo, category, query, *before), scored)
    })
}

/// Shows the mean difference of NDCG@10 with its interval, and the queries that changed most.
pub(super) fn run(before: &[Scored], after: &[Scored], as_json: bool, output: &mut Output) -> Result<Outcome> {
    let earlier: HashMap<Key<'_>, &Scored> = keyed(before).collect();
    let mut pairs: Vec<(&Scored, f64)> = keyed(after)
        .filter_map(|(key, scored)| earlier.get(&key).map(|earlier| (scored, scored.ndcg - earlier.ndcg)))
        .collect();
    if pairs.is_empty() {
        bail!("the two results have no query in common");
    }
    // Keys are unique, so a pair takes one query of each side.
    let unpaired = [before.len() - pairs.len(), after.len() - pairs.len()];
    let (mean, low, high) = metrics::interval(pairs.iter().map(|(scored, change)| (scored.repo.as_str(), *change)));
    let better = pairs.iter().filter(|(_, change)| *change > 1e-9).count();
    let worse = pairs.iter().filter(|(_, change)| *change < -1e-9).count();
    pairs.sort_by(|left, right| left.1.total_cmp(&right.1));
    if as_json {
        let rows: Vec<_> = pairs
            .iter()
            .filter(|(_, change)| change.abs() > 1e-9)
            .map(|(scored, change)| json!({ "repo": scored.repo, "query": scored.query, "change": change }))
            .collect();
        output.json(&json!({ "queries": pairs.len(), "unpaired": unpaired, "mean_change": mean, "interval_95_percent": [low, high], "better": better, "worse": worse, "changes": rows }))?;
        return Ok(Outcome::Clean);
    }
    writeln!(
        output,
        "NDCG@10 changes by {mean:+.4} (95 % interval {low:+.4} to {high:+.4}) over {} queries; {better} better, {worse} worse",
        pairs.len()
    )?;
    if unpaired != [0, 0] {
        let [first, second] = unpaired;
        writeln!(
            output,
            "  queries of one result alone, which are left out: {first} of the first, {second} of the second"
        )?;
    }
    const SHOWN: usize = 10;
    for (scored, change) in pairs
        .iter()
        .take(SHOWN)
        .filter(|(_, change)| *change < 0.0)
        .chain(pairs.iter().rev().take(SHOWN).filter(|(_, change)| *change > 0.0))
    {
        writeln!(output, "  {change:+.3} {} [{}] {}", scored.repo, scored.category, scored.query)?;
    }
    Ok(Outcome::Clean)
}
