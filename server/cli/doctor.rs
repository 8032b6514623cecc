//! `conexus doctor`: everything that can be wrong, and what to do about it.

use std::{io::Write, sync::atomic::AtomicBool};

use anyhow::Result;
use conexus_engine::{
    Error, Host, Location,
    content::{self, Skip},
    git,
    walk::{self, Walk},
};
use serde_json::json;

use super::{
    Outcome,
    arguments::Arguments,
    output::{Output, printable},
    settings,
};

/// One thing that was checked.
struct Check {
    name: &'static str,
    good: bool,
    says: String,
    advice: Option<String>,
}

impl Check {
    fn good(name: &'static str, says: impl Into<String>) -> Self {
        Self { name, good: true, says: says.into(), advice: None }
    }

    fn fault(name: &'static str, says: impl Into<String>, advice: &str) -> Self {
        Self { good: false, ..Self::good(name, says) }.with_advice(advice)
    }

    fn with_advice(self, advice: &str) -> Self {
        Self { advice: Some(advice.to_owned()), ..self }
    }
}

/// Checks everything and says what to do. Exit code 1 when something wants attention.
pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<Outcome> {
    let mut checks = vec![Check::good("version", env!("CARGO_PKG_VERSION"))];
    examine(arguments, &mut checks);
    let healthy = checks.iter().all(|check| check.good);
    if arguments.global.is_json() {
        let rows: Vec<_> = checks
            .iter()
            .map(|check| json!({ "check": check.name, "ok": check.good, "says": check.says, "advice": check.advice }))
            .collect();
        output.json(&json!({ "healthy": healthy, "checks": rows }))?;
    } else {
        for check in &checks {
            writeln!(output, "{} {:<10} {}", if check.good { "ok   " } else { "FAULT" }, check.name, check.says)?;
            if let Some(advice) = &check.advice {
                writeln!(output, "                 -> {advice}")?;
            }
        }
    }
    Ok(if healthy { Outcome::Clean } else { Outcome::Findings })
}

fn examine(arguments: &Arguments, checks: &mut Vec<Check>) {
    let mut fault = |name, says: String, advice: &str| checks.push(Check::fault(name, says, advice));
    let workspace = match arguments.global.workspace() {
        Ok(workspace) => workspace,
        Err(error) => return fault("workspace", format!("{error:#}"), "name the folder with --workspace"),
    };
    let settings = match settings::load(&arguments.global, &workspace) {
        Ok(settings) => settings,
        Err(error) => return fault("settings", format!("{error:#}"), "mend the setting that the message names"),
    };
    let location = match Location::of(&workspace, &settings.index_dir) {
        Ok(location) => location,
        Err(error @ Error::IndexAround { .. }) => {
            return fault(
                "index",
                error.to_string(),
                "an index lies beside its workspace or in a folder of its own in it",
            );
        }
        Err(error) => return fault("workspace", error.to_string(), "name an existing folder with --workspace"),
    };
    checks.push(Check::good("workspace", location.root.display().to_string()));
    let files: Vec<_> =
        settings::files(&arguments.global, &workspace).iter().map(|file| file.display().to_string()).collect();
    checks.push(Check::good(
        "settings",
        if files.is_empty() { "defaults; no file".to_owned() } else { files.join(", ") },
    ));
    checks.push(match git::version() {
        Some(version) => Check::good("git", version),
        None => Check::good("git", "not found")
            .with_advice("without git, branches and history are not known; indexing works"),
    });
    match Host::open(location, settings) {
        Ok((host, _)) => examine_index(&host, checks),
        Err(Error::Embed(error)) => checks.push(Check::fault("model", error.to_string(), MEND_MODEL)),
        Err(error) => checks.push(Check::fault(
            "index",
            error.to_string(),
            "free the folder or disk that the message names, name another with --index-dir, or delete the index with \
             `conexus clear`",
        )),
    }
}

const MEND_MODEL: &str =
    "start the endpoint, or mend `[embedding]` in your settings file; until then the built-in model answers";

fn examine_index(host: &Host, checks: &mut Vec<Check>) {
    let snapshot = host.snapshot();
    let files = snapshot.index().file_count();
    let index = Check::good(
        "index",
        format!(
            "{} files, {} chunks, generation {} in {}",
            files,
            snapshot.index().live_chunks(),
            snapshot.generation(),
            host.location().index_dir.display()
        ),
    );
    checks.push(if files == 0 { index.with_advice("nothing is indexed yet: run `conexus index`") } else { index });
    checks.extend(disk(host));
    let orphans: Vec<_> = host.location().orphans().iter().map(|root| root.display().to_string()).collect();
    if !orphans.is_empty() {
        let says = format!("{} of folders that are gone: {}", orphans.len(), examples(&orphans, orphans.len()));
        checks.push(
            Check::good("leftovers", says).with_advice("`conexus clear --workspace FOLDER` deletes the index of one"),
        );
    }
    checks.push(match (host.try_model(), snapshot.index().model()) {
        (Err(fault), _) => Check::fault("model", fault, MEND_MODEL),
        (Ok(()), Some(model)) => match snapshot.builtin_model() {
            Some(reason) => Check::good("model", format!("{} in place of the chosen one: {reason}", model.id))
                .with_advice("`conexus index` computes its vectors, and so does a running session"),
            None => Check::good("model", &*model.id),
        },
        (Ok(()), None) => Check::good("model", "none: searched by words only"),
    });
    for path in snapshot.set_aside() {
        checks.push(Check::fault(
            "grammar",
            format!("parsing {} ended the process: it is searched without its symbols", printable(&path)),
            "report the file to the authors of its language's grammar; it is parsed again when it changes, and after \
             `conexus clear`",
        ));
    }
    let unparsed = snapshot.unparsed();
    if let Some((path, why)) = unparsed.first() {
        let others = if unparsed.len() > 1 { format!("; so are {} others", unparsed.len() - 1) } else { String::new() };
        let says = format!("{} is searched without its symbols, {why}{others}", printable(path));
        checks.push(
            Check::good("parsing", says)
                .with_advice("`conexus status` names such files; a change of one parses it again"),
        );
    }
    if host.follows() {
        checks.push(Check::good("owner", "another process owns the index; this one follows"));
    }
    match walk::walk(&host.location().root, &host.walk_rules(), &AtomicBool::new(false)) {
        Ok(walk) => examine_files(host, walk, checks),
        Err(error) => checks.push(Check::fault("files", error.to_string(), "make the workspace readable")),
    }
}

/// Room for the index, where the system says how much there is. Folding segments together writes them a second time
/// before the first is deleted, so an index needs its own size again.
fn disk(host: &Host) -> Option<Check> {
    let folder = &host.location().index_dir;
    let free = fs4::available_space(folder).ok()?;
    let held = host.statistics();
    let held = held.catalog_bytes + held.lexical_bytes + held.vector_bytes;
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let says = format!("the index takes {:.1} MB, {:.0} MB are free", megabytes(held), megabytes(free));
    let advice = "free some space, or put the index on another disk with --index-dir or `index.dir`";
    Some(if free < held.max(1) { Check::fault("disk", says, advice) } else { Check::good("disk", says) })
}

/// Names that are shown of many.
const EXAMPLES: usize = 5;

/// What git tracks and the walk does not find, whatever the rule: somebody may look for it.
fn left_out(host: &Host, walk: &Walk) -> Vec<Check> {
    let (root, rules) = (&host.location().root, host.walk_rules());
    let mut left_out = git::tracked(root);
    left_out.retain(|path| {
        walk.files.binary_search_by(|found| (*found.path).cmp(path.as_str())).is_err()
            && walk::may_be_indexed(root, &rules, path)
    });
    let (hidden, ignored): (Vec<_>, Vec<_>) =
        left_out.into_iter().partition(|path| !rules.hidden && walk::is_hidden(path));
    let check = |paths: &[String], what: &str, advice: &str| {
        let says = format!("{} tracked by git but {what}: {}", paths.len(), examples(paths, paths.len()));
        (!paths.is_empty()).then(|| Check::good("  passed", says).with_advice(advice))
    };
    let advice = "a line `!NAME` in .conexusignore takes one in that an ignore file names, `index.ignore_files = false` all \
                  of them";
    let hidden = check(&hidden, "hidden", "`index.hidden = true` takes hidden files in");
    check(&ignored, "named by an ignore file or `index.exclude`", advice).into_iter().chain(hidden).collect()
}

/// The first of so many, each on one line of bearable length.
fn examples(paths: &[String], count: usize) -> String {
    let shown: Vec<_> = paths.iter().take(EXAMPLES).map(|path| shortened(&printable(path))).collect();
    let more = count.saturating_sub(shown.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// Most characters of a path or message that are shown: its beginning and its end.
const MOST_SHOWN: usize = 200;

fn shortened(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let (half, all) = (MOST_SHOWN / 2, characters.len());
    if all <= MOST_SHOWN {
        return text.to_owned();
    }
    format!("{}…{}", String::from_iter(&characters[..half]), String::from_iter(&characters[all - half..]))
}

fn examine_files(host: &Host, mut walk: Walk, checks: &mut Vec<Check>) {
    let left_out = left_out(host, &walk);
    pass_over_by_content(host, &mut walk);
    let says =
        format!("{} to index, {} passed over by name, size, access or content", walk.files.len(), walk.skipped.total());
    checks.push(if walk.files.is_empty() {
        let advice = "every file is passed over: look at .gitignore, .ignore, .conexusignore, `index.exclude` and the \
                      reasons below";
        Check::fault("files", says, advice)
    } else {
        Check::good("files", says)
    });
    for (skip, count, examples) in walk.skipped.iter() {
        let says = format!("{count} {}: {}", skip.reason(), self::examples(examples, count as usize));
        let check = Check::good("  passed", says);
        checks.push(match skip {
            Skip::TooLarge => check.with_advice(
                "`index.max_file_bytes` sets how large a file may be, up to a thirty-second of `index.memory_mb`",
            ),
            Skip::Unreadable => check.with_advice(
                "give yourself the right to read them, shorten what is too long, or leave them out with `index.exclude`",
            ),
            _ => check,
        });
    }
    checks.extend(left_out);
}

/// Moves what indexing passes over once it has read it from the files to what was passed over. What stands in the index
/// as it is on disk is not read.
fn pass_over_by_content(host: &Host, walk: &mut Walk) {
    let snapshot = host.snapshot();
    let (root, most) = (&host.location().root, host.settings().max_file_bytes);
    let Walk { files, skipped, .. } = walk;
    files.retain(|found| {
        let is_indexed = snapshot.index().file(&found.path).is_some_and(|file| {
            let stat = file.stat();
            (stat.size, stat.mtime_ns) == (found.size, found.modified_ns)
        });
        let read = if is_indexed { Ok(()) } else { content::read(&root.join(&found.path), most).map(drop) };
        if let Err(skip) = read {
            skipped.add(skip, &found.path);
        }
        read.is_ok()
    });
}
