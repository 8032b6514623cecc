//! `conexus eval`: retrieval quality on labelled queries.

mod assistant;
mod compare;
mod data;
mod metrics;

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use conexus_core::Query;
use conexus_engine::{Host, Location, Weights};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Outcome,
    arguments::{Arguments, EvalArguments},
    output::{self, Output},
    settings,
};
use data::{LabelledQuery, Repository};

/// Hits that are judged.
const DEPTH: usize = 10;

/// The score of one query.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Scored {
    repo: String,
    language: String,
    category: String,
    query: String,
    /// NDCG at 10, binary relevance.
    ndcg: f64,
    /// One over the rank of the first relevant hit, or 0.
    reciprocal_rank: f64,
    /// Share of the targets among the hits.
    recall: f64,
    /// Tokens of `context_search`'s answer up to the first relevant file, in the dearer of its forms; none when no hit is
    /// in one.
    answer_tokens: Option<usize>,
    /// Time of the search in milliseconds, warm.
    milliseconds: f64,
    /// Paths of the hits, for reading.
    hits: Vec<String>,
}

/// Runs the evaluation, or compares two results of earlier runs.
pub(crate) fn run(arguments: &Arguments, eval: &EvalArguments, output: &mut Output) -> Result<Outcome> {
    if let Some([before, after]) = eval.compare.as_deref() {
        return compare::run(&load(before)?, &load(after)?, arguments.global.is_json(), output);
    }
    let (Some(queries), Some(checkouts)) = (&eval.queries, &eval.checkouts) else {
        bail!("name --queries and --checkouts")
    };
    let weights = weights(&eval.weights)?;
    let queries_of = data::queries(queries).with_context(|| format!("cannot use {}", queries.display()))?;
    let repos = eval.repos.clone().unwrap_or_else(|| queries.with_file_name("repos.tsv"));
    let mut scored = Vec::new();
    for repository in data::repositories(&repos).with_context(|| format!("cannot use {}", repos.display()))? {
        if !eval.repo.is_empty() && !eval.repo.contains(&repository.name) {
            continue;
        }
        let Some(queries) = queries_of.get(&repository.name) else { continue };
        let folder = checkouts.join(&repository.name).join(&repository.root);
        if !folder.is_dir() {
            output::note(&format!("{} is left out: there is no folder {}", repository.name, folder.display()));
            continue;
        }
        scored.extend(repository_scores(arguments, &repository, &folder, queries, &weights)?);
    }
    if scored.is_empty() {
        bail!("no query was run: no repository of {} is in {}", repos.display(), checkouts.display());
    }
    if let Some(path) = &eval.save {
        let text = serde_json::to_string_pretty(&scored)?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    report(arguments, eval, &scored, output)?;
    Ok(Outcome::Clean)
}

fn load(path: &Path) -> Result<Vec<Scored>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not a result of `conexus eval --save`", path.display()))
}

fn weights(changes: &[String]) -> Result<Weights> {
    let mut weights = Weights::default();
    for change in changes {
        let Some((name, value)) = change.split_once('=') else { bail!("--weight {change:?} is not NAME=VALUE") };
        let value: f32 = value.parse().with_context(|| format!("--weight {change:?}: the value is not a number"))?;
        if !weights.set(name, value) {
            bail!("--weight {change:?}: no such weight, one of: {}", Weights::NAMES.join(", "));
        }
    }
    Ok(weights)
}

fn repository_scores(
    arguments: &Arguments,
    repository: &Repository,
    folder: &Path,
    queries: &[LabelledQuery],
    weights: &Weights,
) -> Result<Vec<Scored>> {
    let mut settings = settings::load(&arguments.global, folder)?;
    // Each repository has an index of its own below a folder that the user names.
    settings.index_dir = settings.index_dir.map(|dir: PathBuf| dir.join(&repository.name));
    // What is ignored around a checkout says nothing of the repository.
    settings.ignore_files = false;
    let location = Location::of(folder, settings.index_dir.as_deref())?;
    let mut host = Host::open(location, settings)?.0;
    host.set_weights(weights.clone());
    let report = host.index(&|_| (), &AtomicBool::new(false))?;
    tracing::info!(repository = repository.name, files = report.files, chunks = report.chunks, "indexed");
    let snapshot = host.snapshot();
    let cancel = AtomicBool::new(false);
    let mut scored = Vec::with_capacity(queries.len());
    for labelled in queries {
        let query = Query { limit: DEPTH, ..Query::new(labelled.query.clone()) };
        // The first search warms caches, as the second search of a session finds them.
        snapshot.search(&query, &cancel)?;
        let started = Instant::now();
        let answer = snapshot.search(&query, &cancel)?;
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        let ranks = labelled.ranks(&answer.hits, &repository.root);
        scored.push(Scored {
            repo: repository.name.clone(),
            language: labelled.language.clone(),
            category: labelled.category.clone(),
            query: labelled.query.clone(),
            ndcg: metrics::ndcg(&ranks, labelled.targets.len(), DEPTH),
            reciprocal_rank: ranks.iter().min().map_or(0.0, |&rank| 1.0 / rank as f64),
            recall: ranks.len() as f64 / labelled.targets.len() as f64,
            answer_tokens: assistant::tokens_to_file(&snapshot, &query, &answer, |path| {
                labelled.is_relevant_file(path, &repository.root)
            }),
            milliseconds,
            hits: answer.hits.iter().map(|hit| format!("{}:{}", hit.path, hit.lines.0 + 1)).collect(),
        });
    }
    host.close()?;
    Ok(scored)
}

fn report(arguments: &Arguments, eval: &EvalArguments, scored: &[Scored], output: &mut Output) -> Result<()> {
    let ndcg = |scored: &Scored| scored.ndcg;
    let (mean, low, high) = metrics::interval(scored.iter().map(|scored| (scored.repo.as_str(), ndcg(scored))));
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
            "latency_ms": { "p50": percentile(0.5), "p99": percentile(0.99) },
            "languages": languages,
            "categories": categories,
        }))?;
        return Ok(());
    }
    writeln!(output, "queries      {} of {} repositories", scored.len(), repositories.len())?;
    writeln!(output, "NDCG@10      {mean:.4}  (95 % interval over repositories {low:.3} to {high:.3})")?;
    writeln!(output, "MRR          {:.4}", average(|scored| scored.reciprocal_rank))?;
    writeln!(output, "recall@10    {:.4}", average(|scored| scored.recall))?;
    writeln!(output, "file found   in 10 hits {with_file}, in 2,000 tokens of an assistant's answer {in_time}")?;
    writeln!(output, "latency      p50 {:.2} ms, p99 {:.2} ms", percentile(0.5), percentile(0.99))?;
    for (title, groups) in [("category", categories), ("language", languages), ("repository", repositories)] {
        writeln!(output, "by {title}")?;
        for (name, (count, ndcg)) in groups {
            writeln!(output, "  {name:<22} {ndcg:.3}  ({count})")?;
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

/// Count and mean NDCG of each group.
fn group<'a>(scored: &'a [Scored], key: impl Fn(&'a Scored) -> &'a str) -> BTreeMap<&'a str, (usize, f64)> {
    let mut groups: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for scored in scored {
        let group = groups.entry(key(scored)).or_default();
        group.0 += 1;
        group.1 += scored.ndcg;
    }
    for group in groups.values_mut() {
        group.1 /= group.0 as f64;
    }
    groups
}
