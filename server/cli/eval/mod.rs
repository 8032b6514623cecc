//! `conexus eval`: retrieval quality on labelled queries.

mod assistant;
mod compare;
mod data;
mod metrics;
mod own;
mod report;

use std::{collections::BTreeMap, path::Path, sync::atomic::AtomicBool, time::Instant};

use anyhow::{Context, Result, bail};
use conexus_core::Query;
use conexus_engine::{Host, IndexDir, Location, Snapshot, Weights};
use serde::{Deserialize, Serialize};

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
    /// Share of the targets that an answer could meet among the hits.
    recall: f64,
    /// Tokens of `context_search`'s answer up to the first relevant file, in the dearer of its forms; none when no hit is
    /// in one.
    #[serde(default)]
    answer_tokens: Option<usize>,
    /// What an assistant's answer of so many tokens shows.
    #[serde(default)]
    within: Vec<assistant::Within>,
    /// Targets that stand in no indexed file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lacking: Vec<String>,
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
    let weights = weights(&eval.weights)?;
    if let Some(folders) = &eval.from_history {
        let workspace = if folders.is_empty() { vec![arguments.global.workspace()?] } else { folders.clone() };
        let scored = own::scores(arguments, eval, &workspace, &weights)?;
        return finish(arguments, eval, &scored, output);
    }
    let (Some(queries), Some(checkouts)) = (&eval.queries, &eval.checkouts) else {
        bail!("name --queries and --checkouts")
    };
    let queries_of = data::queries(queries).with_context(|| format!("cannot use {}", queries.display()))?;
    let repos = eval.repos.clone().unwrap_or_else(|| queries.with_file_name("repos.tsv"));
    let repositories = data::repositories(&repos).with_context(|| format!("cannot use {}", repos.display()))?;
    let is_listed = |name: &str| repositories.iter().any(|repository| repository.name == name);
    if let Some(name) = eval.repo.iter().find(|name| !is_listed(name) || !queries_of.contains_key(*name)) {
        bail!("--repo {name}: {} has no such repository, or {} no query of it", repos.display(), queries.display());
    }
    let unlisted: BTreeMap<_, _> = queries_of.iter().filter(|(name, _)| !is_listed(name)).collect();
    if let Some((first, _)) = unlisted.first_key_value().filter(|_| eval.repo.is_empty()) {
        let count: usize = unlisted.values().map(|queries| queries.len()).sum();
        output::note(&format!("{count} queries are left out: {} has no repository such as {first}", repos.display()));
    }
    let mut scored = Vec::new();
    for repository in repositories {
        if !eval.repo.is_empty() && !eval.repo.contains(&repository.name) {
            continue;
        }
        let Some(queries) = queries_of.get(&repository.name) else { continue };
        let folder = checkouts.join(&repository.name).join(&repository.root);
        if !folder.is_dir() {
            output::note(&format!("{} is left out: there is no folder {}", repository.name, folder.display()));
            continue;
        }
        scored.extend(repository_scores(arguments, eval, &repository, &folder, queries, &weights)?);
    }
    if scored.is_empty() {
        bail!("no query was run: no repository of {} is in {}", repos.display(), checkouts.display());
    }
    finish(arguments, eval, &scored, output)
}

fn finish(arguments: &Arguments, eval: &EvalArguments, scored: &[Scored], output: &mut Output) -> Result<Outcome> {
    let mut lacking = scored.iter().flat_map(|scored| scored.lacking.iter().map(|target| (&scored.repo, target)));
    if let Some((repository, first)) = lacking.next() {
        let count = 1 + lacking.count();
        output::note(&format!(
            "{count} targets are in no indexed file, so no answer can meet them; the first is {first} of {repository}"
        ));
    }
    if let Some(path) = &eval.save {
        let text = serde_json::to_string_pretty(scored)?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    report::report(arguments, eval, scored, output)?;
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
        if !value.is_finite() {
            bail!("--weight {change:?}: the value is not finite");
        }
        if !weights.set(name, value) {
            bail!("--weight {change:?}: no such weight, one of: {}", Weights::NAMES.join(", "));
        }
    }
    Ok(weights)
}

fn repository_scores(
    arguments: &Arguments,
    eval: &EvalArguments,
    repository: &Repository,
    folder: &Path,
    queries: &[LabelledQuery],
    weights: &Weights,
) -> Result<Vec<Scored>> {
    let mut settings = settings::load(&arguments.global, folder)?;
    // Each repository has an index of its own below a folder that the user names.
    if let IndexDir::At(folder) = &mut settings.index_dir {
        folder.push(&repository.name);
    }
    // What is ignored around a checkout says nothing of the repository.
    settings.ignore_files = false;
    let location = Location::of(folder, &settings.index_dir)?;
    let mut host = Host::open(location, settings)?.0;
    host.set_weights(weights.clone());
    let snapshot = indexed(&mut host).with_context(|| format!("cannot index {}", folder.display()))?;
    tracing::info!(repository = repository.name, chunks = snapshot.index().live_chunks(), "indexed");
    let scored = queries
        .iter()
        .map(|labelled| measure(&snapshot, &repository.name, &repository.root, labelled, &eval.budgets))
        .collect::<Result<_>>()?;
    host.close()?;
    Ok(scored)
}

/// Brings an index up to date, vectors of a slow model included: a measure of words alone would pass for one of the model.
fn indexed(host: &mut Host) -> Result<Snapshot> {
    let (observe, cancel) = (|_| (), AtomicBool::new(false));
    host.index(&observe, &cancel)?;
    if let Some(fault) = host.embed_missing(&observe, &cancel)?.fault {
        bail!("vectors are missing: {fault}");
    }
    Ok(host.snapshot())
}

/// Runs one query of a repository of which the folder `root` is indexed.
fn measure(
    snapshot: &Snapshot,
    repository: &str,
    root: &str,
    labelled: &LabelledQuery,
    budgets: &[usize],
) -> Result<Scored> {
    let cancel = AtomicBool::new(false);
    let query = Query { limit: DEPTH, context: labelled.context.clone(), ..Query::new(labelled.query.clone()) };
    // The first search warms caches, as the second search of a session finds them.
    snapshot.search(&query, &cancel)?;
    let started = Instant::now();
    let answer = snapshot.search(&query, &cancel)?;
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    let data::Judged { ranks, reachable, lacking } = labelled.judge(&answer.hits, snapshot, root);
    Ok(Scored {
        repo: repository.to_owned(),
        language: labelled.language.clone(),
        category: labelled.category.clone(),
        query: labelled.query.clone(),
        ndcg: metrics::ndcg(&ranks, reachable, DEPTH),
        reciprocal_rank: ranks.first().map_or(0.0, |&rank| 1.0 / rank as f64),
        recall: ranks.len() as f64 / reachable as f64,
        answer_tokens: assistant::tokens_to_file(snapshot, &query, &answer, |path| {
            labelled.is_relevant_file(path, root)
        }),
        within: assistant::within(snapshot, &query, budgets, labelled, root)?,
        lacking,
        milliseconds,
        hits: answer.hits.iter().map(|hit| format!("{}:{}", hit.path, hit.lines.0 + 1)).collect(),
    })
}
