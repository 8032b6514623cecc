//! `conexus verify`: the index against one built from scratch.

use std::{io::Write, sync::atomic::AtomicBool};

use anyhow::{Context, Result, bail};
use conexus_engine::{Comparison, Host, Location, Patience, Settings};
use serde_json::json;

use super::{
    Outcome,
    arguments::Arguments,
    index,
    output::{Output, printable},
    temporary::Temporary,
};

/// Brings the index up to date, builds another one beside it and compares what they hold and answer.
pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<Outcome> {
    let mut host = super::open_to_update(arguments)?;
    index::update_from(None, arguments, &mut host, Patience::UntilIndexed)?;
    // What a session holds that keeps the index current can be compared, what is being indexed cannot.
    let follows = host.follows();
    if follows && !host.is_kept_current() {
        bail!("another process owns this index and has not brought it up to date: verify when it has, or has ended");
    }
    let folder = Temporary::new("conexus-verify").context("cannot make a temporary folder for the fresh index")?;
    let location = Location { root: host.location().root.clone(), index_dir: folder.path().join("index") };
    let crashes_of = Some(host.location().index_dir.clone());
    let mut fresh = Host::open(location, Settings { crashes_of, ..host.settings().clone() })?.0;
    fresh.index(&|_| (), &AtomicBool::new(false))?;
    let Comparison { differences, by_content, with_vectors } = Comparison::of(&host.snapshot(), &fresh.snapshot())?;
    let (files, chunks) = (host.snapshot().index().file_count(), host.snapshot().index().live_chunks());
    fresh.close()?;
    host.close()?;
    if arguments.global.is_json() {
        output.json(
            &json!({ "equal": differences.is_empty(), "files": files, "chunks": chunks, "vectors_compared": with_vectors, "compared_by_content": by_content, "differences": differences }),
        )?;
    } else if differences.is_empty() {
        let without = if with_vectors { "" } else { "; vectors of a slow model are not made again to compare them" };
        writeln!(output, "the index equals a fresh one: {files} files, {chunks} chunks{without}")?;
        if by_content > 0 {
            writeln!(
                output,
                "{by_content} files took too long to parse in one of the two: they were compared by their content alone, and no queries were asked"
            )?;
        }
    } else {
        for difference in &differences {
            writeln!(output, "{}", printable(difference))?;
        }
        let advice = if follows {
            "the session that keeps this index may not have seen the latest changes, verify again"
        } else {
            "`conexus index --force` builds the index anew"
        };
        writeln!(output, "{} differences; {advice}", differences.len())?;
    }
    Ok(if differences.is_empty() { Outcome::Clean } else { Outcome::Findings })
}
