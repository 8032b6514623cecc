//! Finds the files of a workspace: ignore rules kept, links not followed, secrets never opened.

mod alone;
mod skipped;

use std::{
    collections::BTreeSet,
    ops::Bound,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, UNIX_EPOCH},
};

use crate::{
    IndexDir, Location, Settings, SourceFolder, SourceKind, Sources,
    content::{self, Skip},
    git, roles,
};

pub(crate) use alone::would_find;
pub use skipped::SkipCounts;

/// A regular file that may be indexed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Workspace-relative path with `/`.
    pub path: String,
    /// Bytes on disk.
    pub size: u64,
    /// Time of the last change in nanoseconds since 1970, see [`changed_ns`]; 0 when the file system does not say.
    pub modified_ns: i64,
}

/// What a walk found.
#[derive(Debug, Default)]
pub struct Walk {
    /// Files ordered by path.
    pub files: Vec<Found>,
    /// Files and folders passed over by name or because they could not be read, with the first few paths of each reason.
    pub skipped: SkipCounts,
    /// Folders that were entered, the workspace's own (an empty path) included.
    pub folders: Vec<String>,
    /// Whether it was cancelled; the files are then only a part.
    pub cancelled: bool,
    /// Time that it took.
    pub took: Duration,
}

/// What a walk keeps to.
#[derive(Clone, Debug)]
pub struct WalkRules {
    /// Threads; at least 1.
    pub threads: usize,
    /// Whether hidden files and folders are walked (`.git` never is).
    pub hidden: bool,
    /// Whether .gitignore, .ignore and .conexusignore are kept.
    pub ignore_files: bool,
    /// Largest file in bytes.
    pub max_file_bytes: u64,
    /// A folder that is never entered although it lies in the workspace: the index itself, or that of all indexes.
    pub index_dir: Option<PathBuf>,
    /// Globs, as in .gitignore, of what is left out beyond the ignore files.
    pub exclude: Vec<String>,
    /// Folders outside of the workspace that are walked as well.
    pub sources: Vec<Source>,
}

/// A folder outside of the workspace. What is found in it has its absolute path.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its path as the index writes it.
    prefix: String,
    folder: PathBuf,
    prose_only: bool,
}

impl Source {
    /// The folders of a user's sources that are indexed.
    fn all(sources: &Sources) -> Vec<Self> {
        let source = |(prefix, folder): (String, &SourceFolder)| Self {
            prefix,
            folder: folder.path.clone(),
            prose_only: folder.kind == SourceKind::Documentation,
        };
        sources.roots().map(source).collect()
    }

    /// The path below the folder of a path in the index; empty is the folder itself.
    fn inside<'a>(&self, path: &'a str) -> Option<&'a str> {
        let rest = path.strip_prefix(&*self.prefix)?;
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
    }

    fn outside(&self, path: &str) -> String {
        if path.is_empty() { self.prefix.clone() } else { format!("{}/{path}", self.prefix) }
    }
}

impl WalkRules {
    /// The rules of a workspace under these settings.
    pub fn of(location: &Location, settings: &Settings) -> Self {
        Self {
            threads: settings.analysis_threads(),
            hidden: settings.hidden,
            ignore_files: settings.ignore_files,
            max_file_bytes: settings.max_file_bytes,
            index_dir: Some(match (&settings.index_dir, location.index_dir.parent()) {
                // The indexes of other workspaces lie there too.
                (IndexDir::Below(_), Some(all)) if !location.root.starts_with(all) => all.to_owned(),
                _ => location.index_dir.clone(),
            }),
            exclude: settings.exclude.clone(),
            sources: Source::all(&settings.sources),
        }
    }
}

/// Checks the globs of [`WalkRules::exclude`] before any walk; the error is the first bad one's.
pub fn check_exclude(globs: &[String]) -> Result<(), ignore::Error> {
    let mut overrides = ignore::overrides::OverrideBuilder::new("");
    globs.iter().try_for_each(|glob| overrides.add(&format!("!{glob}")).map(drop))
}

/// Parts below which more than one thread does not pay.
const FEW_PARTS: usize = 64;

/// Folders that no rule can bring in.
const NEVER: &[&str] = &[".git", ".hg", ".svn", ".jj"];

/// Walks a workspace. Unreadable folders are counted, not fatal; links are not followed, so circles cannot occur.
pub fn walk(root: &Path, rules: &WalkRules, cancel: &AtomicBool) -> Result<Walk, ignore::Error> {
    let started = Instant::now();
    let mut walk = run(root, rules, None, Top::Workspace, cancel)?;
    for source in &rules.sources {
        add_source(&mut walk, source, rules, None, cancel)?;
    }
    walk.took = started.elapsed();
    Ok(walk)
}

/// Adds what lies in a folder outside of the workspace. One that is not there holds nothing.
fn add_source(
    walk: &mut Walk,
    source: &Source,
    rules: &WalkRules,
    parts: Option<Arc<BTreeSet<String>>>,
    cancel: &AtomicBool,
) -> Result<(), ignore::Error> {
    // A link in its place leads elsewhere than the user said.
    if !source.folder.canonicalize().is_ok_and(|real| real == source.folder && real.is_dir()) {
        return Ok(());
    }
    let found = run(&source.folder, rules, parts, Top::Source, cancel)?;
    let wanted = |path: &str| !source.prose_only || roles::is_prose(path);
    let files = found.files.into_iter().filter(|file| wanted(&file.path));
    walk.files.extend(files.map(|file| Found { path: source.outside(&file.path), ..file }));
    walk.folders.extend(found.folders.iter().map(|folder| source.outside(folder)));
    walk.skipped.merge(found.skipped);
    walk.cancelled |= found.cancelled;
    walk.files.sort_unstable();
    walk.folders.sort_unstable();
    Ok(())
}

/// What a walk begins at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Top {
    Workspace,
    /// A folder that the user named: what lies above it has no say.
    Source,
}

/// Walks parts of a workspace: what a whole walk finds at the given workspace-relative paths and below them. It reads
/// the folders on the way to them and no others.
pub fn walk_parts(
    root: &Path,
    rules: &WalkRules,
    parts: &[String],
    cancel: &AtomicBool,
) -> Result<Walk, ignore::Error> {
    let mut parts: BTreeSet<String> = parts.iter().cloned().collect();
    if parts.contains("") {
        return walk(root, rules, cancel);
    }
    parts.retain(|part| !part.is_empty());
    let of_sources: Vec<_> = rules
        .sources
        .iter()
        .map(|source| parts.iter().filter_map(|part| source.inside(part).map(str::to_owned)).collect::<BTreeSet<_>>())
        .collect();
    let mut walk = run(root, rules, Some(Arc::new(parts)), Top::Workspace, cancel)?;
    for (source, inside) in rules.sources.iter().zip(of_sources).filter(|(_, inside)| !inside.is_empty()) {
        let whole = inside.contains("");
        add_source(&mut walk, source, rules, (!whole).then(|| Arc::new(inside)), cancel)?;
    }
    Ok(walk)
}

/// Whether a path is one of the parts, lies below one, or leads to one.
fn concerns(parts: &BTreeSet<String>, path: &str) -> bool {
    let below = std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(folder, _)| folder));
    below.into_iter().any(|path| parts.contains(path))
        || parts
            .range::<str, _>((Bound::Excluded(path), Bound::Unbounded))
            .take_while(|part| part.starts_with(path))
            .any(|part| part.as_bytes().get(path.len()) == Some(&b'/'))
}

fn run(
    root: &Path,
    rules: &WalkRules,
    parts: Option<Arc<BTreeSet<String>>>,
    top_is: Top,
    cancel: &AtomicBool,
) -> Result<Walk, ignore::Error> {
    let walking = Walking { root, rules, parts, top_is, cancel, gathered: Mutex::default() };
    let repositories = walking.from(root, git::is_in_repository(root))?;
    repositories.iter().try_for_each(|repository| walking.from(repository, true).map(drop))?;
    let mut walk = walking.gathered.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    walk.files.sort_unstable();
    walk.folders.sort_unstable();
    walk.cancelled = cancel.load(Ordering::Relaxed);
    Ok(walk)
}

/// A walk on its way.
struct Walking<'a> {
    root: &'a Path,
    rules: &'a WalkRules,
    parts: Option<Arc<BTreeSet<String>>>,
    top_is: Top,
    cancel: &'a AtomicBool,
    gathered: Mutex<Walk>,
}

impl Walking<'_> {
    /// Walks from a folder. In a repository `.gitignore` files hold as they do for git: none of them crosses into another
    /// repository. In a workspace that is in none they hold too, but the repositories in it are left out and returned.
    fn from(&self, start: &Path, in_repository: bool) -> Result<Vec<PathBuf>, ignore::Error> {
        let Self { root, rules, cancel, .. } = *self;
        let mut overrides = ignore::overrides::OverrideBuilder::new(root);
        for glob in &rules.exclude {
            overrides.add(&format!("!{glob}"))?;
        }
        let parts = self.parts.clone();
        let threads =
            if parts.as_ref().is_some_and(|parts| parts.len() < FEW_PARTS) { 1 } else { rules.threads.max(1) };
        let (top, index_dir) = (root.to_owned(), rules.index_dir.clone());
        let apart = rules.ignore_files && !in_repository && self.top_is == Top::Workspace;
        let repositories = Arc::new(Mutex::new(Vec::new()));
        let found = Arc::clone(&repositories);
        let walker = ignore::WalkBuilder::new(start)
            .threads(threads)
            .hidden(!rules.hidden)
            .ignore(rules.ignore_files)
            .git_ignore(rules.ignore_files)
            .git_global(rules.ignore_files)
            .git_exclude(rules.ignore_files)
            .parents(rules.ignore_files && self.top_is == Top::Workspace)
            .require_git(in_repository)
            .follow_links(false)
            .add_custom_ignore_filename(if rules.ignore_files { ".conexusignore" } else { ".conexusignore.off" })
            .overrides(overrides.build()?)
            .filter_entry(move |entry| {
                let name = entry.file_name().to_str().unwrap_or("");
                let concerned = parts.as_ref().is_none_or(|parts| {
                    entry.depth() == 0
                        || to_slashes(entry.path().strip_prefix(&top).unwrap_or(entry.path()))
                            .is_some_and(|path| concerns(parts, &path))
                });
                let wanted = concerned && !NEVER.contains(&name) && index_dir.as_deref() != Some(entry.path());
                let is_folder = entry.depth() > 0 && entry.file_type().is_some_and(|kind| kind.is_dir());
                if wanted && apart && is_folder && git::is_top(entry.path()) {
                    found.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(entry.path().to_owned());
                    return false;
                }
                wanted
            })
            .build_parallel();
        walker.run(|| {
            let mut local = LocalWalk { root, rules, walk: Walk::default(), gathered: &self.gathered };
            Box::new(move |entry| {
                if cancel.load(Ordering::Relaxed) {
                    return ignore::WalkState::Quit;
                }
                local.visit(entry);
                ignore::WalkState::Continue
            })
        });
        Ok(std::mem::take(&mut repositories.lock().unwrap_or_else(std::sync::PoisonError::into_inner)))
    }
}

/// One thread's share of a walk; handed over when the thread ends.
struct LocalWalk<'a> {
    root: &'a Path,
    rules: &'a WalkRules,
    walk: Walk,
    gathered: &'a Mutex<Walk>,
}

impl LocalWalk<'_> {
    fn visit(&mut self, entry: Result<ignore::DirEntry, ignore::Error>) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                self.walk.skipped.add(Skip::Unreadable, &error.to_string());
                return;
            }
        };
        let Some(kind) = entry.file_type() else { return };
        let relative = entry.path().strip_prefix(self.root).unwrap_or(entry.path());
        if kind.is_dir() {
            self.walk.folders.extend(to_slashes(relative));
            return;
        }
        let Some(path) = to_slashes(relative) else {
            self.walk.skipped.add(Skip::Special, &relative.to_string_lossy());
            return;
        };
        let judged = if kind.is_file() {
            judge(&path, || entry.metadata().ok(), self.rules.max_file_bytes)
        } else {
            Err(Skip::Special)
        };
        match judged {
            Ok((size, modified_ns)) => self.walk.files.push(Found { path, size, modified_ns }),
            Err(skip) => self.walk.skipped.add(skip, &path),
        }
    }
}

impl Drop for LocalWalk<'_> {
    fn drop(&mut self) {
        let mut gathered = self.gathered.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        gathered.files.append(&mut self.walk.files);
        gathered.folders.append(&mut self.walk.folders);
        gathered.skipped.merge(std::mem::take(&mut self.walk.skipped));
    }
}

/// Whether a file may be indexed as far as its name tells.
pub(crate) fn judge_name(path: &str) -> Result<(), Skip> {
    if content::is_secret_name(path) {
        Err(Skip::Secret)
    } else if content::is_lock_name(path) {
        Err(Skip::Lock)
    } else if content::is_binary_name(path) {
        Err(Skip::Binary)
    } else {
        Ok(())
    }
}

/// Whether a file or a folder that it is in is hidden by its name.
pub fn is_hidden(path: &str) -> bool {
    path.split('/').any(|name| name.starts_with('.'))
}

/// Whether a file at a workspace-relative path may be indexed as far as name, kind and size tell.
pub fn may_be_indexed(root: &Path, rules: &WalkRules, path: &str) -> bool {
    judge(path, || std::fs::symlink_metadata(root.join(path)).ok(), rules.max_file_bytes).is_ok()
}

/// Size and time of a file that may be indexed, or why it may not. A secret is not even looked at.
fn judge(
    path: &str,
    metadata: impl FnOnce() -> Option<std::fs::Metadata>,
    max_file_bytes: u64,
) -> Result<(u64, i64), Skip> {
    judge_name(path)?;
    let metadata = metadata().ok_or(Skip::Unreadable)?;
    if !metadata.is_file() {
        return Err(Skip::Special);
    }
    if metadata.len() > max_file_bytes {
        return Err(Skip::TooLarge);
    }
    Ok((metadata.len(), changed_ns(&metadata)))
}

/// Time of the last change in nanoseconds since 1970; 0 when unknown. On Unix that of the inode counts too, as it does for
/// git: `mv`, `tar` and `rsync` give a file another content under a time that they were told, but nobody sets this one. So
/// a new owner, mode or link costs reading the file once more.
pub fn changed_ns(metadata: &std::fs::Metadata) -> i64 {
    let modified = metadata.modified().ok().and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
    let modified = modified.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
    #[cfg(unix)]
    let modified = {
        use std::os::unix::fs::MetadataExt;
        modified.max(metadata.ctime().saturating_mul(1_000_000_000).saturating_add(metadata.ctime_nsec()))
    };
    modified
}

/// A relative path with `/`; `None` when a part is not valid Unicode.
pub fn to_slashes(relative: &Path) -> Option<String> {
    let mut path = String::with_capacity(relative.as_os_str().len());
    for part in relative.components() {
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(part.as_os_str().to_str()?);
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn a_file_to_come_is_judged_like_one_that_is_there(
            top in "(!?/?[xy*.]{1,3}/?\n){0,3}",
            inner in "(!?/?[xy*.]{1,3}/?\n){0,3}",
            own in "(!?/?[xy*.]{1,3}/?\n){0,1}",
            above in "(!?/?[xy*.]{1,3}/?\n){0,2}",
            repositories in proptest::collection::vec(proptest::sample::select(vec!["..", ".", "x"]), 0..3),
            hidden: bool,
            path in "(\\.?[xy]{1,2}/){0,2}\\.?[xy]{1,2}",
        ) {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let root = folder.path().canonicalize().expect("it exists").join("w");
            fs::create_dir_all(root.join("x")).expect("a folder");
            let files =
                [(".gitignore", &top), ("x/.gitignore", &inner), (".conexusignore", &own), ("../.gitignore", &above)];
            for (file, text) in files {
                fs::write(root.join(file), text).expect("a file");
            }
            for repository in repositories {
                fs::create_dir_all(root.join(repository).join(".git")).expect("a folder");
            }
            let rules = WalkRules { hidden, ..rules() };
            let expected = would_find(&root, &rules, &path);
            let file = root.join(&path);
            if fs::create_dir_all(file.parent().expect("a parent")).is_ok() && fs::write(&file, "x").is_ok() {
                let walk = walk(&root, &rules, &AtomicBool::new(false)).expect("a walk");
                let found = walk.files.iter().any(|found| found.path == path);
                prop_assert_eq!(expected, found, "{}", path);
            }
        }
    }

    fn rules() -> WalkRules {
        WalkRules {
            threads: 2,
            hidden: false,
            ignore_files: true,
            max_file_bytes: 100,
            index_dir: None,
            exclude: vec!["skipme/".to_owned()],
            sources: Vec::new(),
        }
    }

    /// Files in braces are tops of repositories; each case says what is found from which folder.
    #[test]
    fn rules_of_git_do_not_cross_into_another_repository() {
        for (tops, root, expected) in [
            // In no repository each `.gitignore` holds, wherever it lies.
            (&[][..], "outer", &["inner/src.rs"][..]),
            (&[], "outer/inner", &["src.rs"]),
            // One that is around a repository says nothing of it.
            (&["outer/inner"], "outer/inner", &["build/b.rs", "src.rs"]),
            (&["outer/inner"], "outer/inner/build", &["b.rs"]),
            (&["outer", "outer/inner"], "outer/inner", &["build/b.rs", "src.rs"]),
            // Nor of a nested one or a submodule, whether what is around it is a repository or not.
            (&["outer/inner"], "outer", &["inner/build/b.rs", "inner/src.rs"]),
            (&["outer", "outer/inner"], "outer", &["inner/build/b.rs", "inner/src.rs"]),
            (&["outer/inner"], "", &["outer/inner/build/b.rs", "outer/inner/src.rs"]),
            // Within a repository it does.
            (&["outer"], "outer", &["inner/src.rs"]),
            (&["outer"], "outer/inner", &["src.rs"]),
        ] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let top = folder.path().canonicalize().expect("it exists");
            for (file, text) in [
                ("outer/.gitignore", "build/\n*.txt\n"),
                ("outer/.ignore", "drafts/\n"),
                ("outer/notes.txt", "x"),
                ("outer/inner/.gitignore", "*.log\n"),
                ("outer/inner/src.rs", "x"),
                ("outer/inner/a.log", "x"),
                ("outer/inner/build/b.rs", "x"),
                // Not git's: it holds for all below it.
                ("outer/inner/drafts/d.rs", "x"),
            ] {
                let path = top.join(file);
                fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
                fs::write(path, text).expect("a file");
            }
            for repository in tops {
                fs::create_dir_all(top.join(repository).join(".git")).expect("a folder");
            }
            let root = top.join(root);
            let never = AtomicBool::new(false);
            let found = walk(&root, &rules(), &never).expect("a walk");
            let paths: Vec<_> = found.files.iter().map(|found| found.path.as_str()).collect();
            assert_eq!(paths, expected, "{tops:?} from {}", root.display());
            for file in &found.files {
                let part = walk_parts(&root, &rules(), std::slice::from_ref(&file.path), &never).expect("a walk");
                assert_eq!(part.files, std::slice::from_ref(file), "{tops:?} from {}", root.display());
                assert!(part.folders.iter().all(|folder| found.folders.contains(folder)), "{:?}", part.folders);
                assert!(would_find(&root, &rules(), &file.path), "{tops:?} from {}: {}", root.display(), file.path);
            }
            for lost in
                ["inner/new/build/b.rs", "new.txt"].iter().filter(|_| *tops == ["outer"] && root.ends_with("outer"))
            {
                assert!(!would_find(&root, &rules(), lost), "{lost}");
            }
        }
    }

    #[test]
    fn ignore_rules_secrets_and_limits() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path();
        for (path, text) in [
            (".gitignore", "target/\n*.log\n"),
            (".conexusignore", "drafts\n"),
            ("src/lib.rs", "fn a() {}"),
            ("src/größe\nneu.rs", "fn b() {}"),
            ("target/out.rs", "x"),
            ("a.log", "x"),
            ("drafts/a.rs", "x"),
            ("skipme/a.rs", "x"),
            (".hidden/a.rs", "x"),
            (".env", "TOKEN=1"),
            ("Cargo.lock", "x"),
            ("big.rs", &"x".repeat(101)),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(root, root.join("src/circle")).expect("a link");
        let walk = walk(root, &rules(), &AtomicBool::new(false)).expect("a walk");
        let paths: Vec<_> = walk.files.iter().map(|found| found.path.as_str()).collect();
        assert_eq!(paths, ["src/größe\nneu.rs", "src/lib.rs"]);
        let folders: Vec<_> = walk.folders.iter().map(String::as_str).collect();
        assert_eq!(folders, ["", "src"]);
        for (part, expected) in [
            ("src", &["src/größe\nneu.rs", "src/lib.rs"][..]),
            ("src/lib.rs", &["src/lib.rs"]),
            ("src/li", &[]),
            ("target/out.rs", &[]),
            ("a.log", &[]),
            ("drafts/a.rs", &[]),
            ("skipme/a.rs", &[]),
            (".hidden/a.rs", &[]),
            (".env", &[]),
            ("src/circle/src/lib.rs", &[]),
            ("gone", &[]),
            ("", &["src/größe\nneu.rs", "src/lib.rs"]),
        ] {
            let walk = walk_parts(root, &rules(), &[part.to_owned()], &AtomicBool::new(false)).expect("a walk");
            let paths: Vec<_> = walk.files.iter().map(|found| found.path.as_str()).collect();
            assert_eq!(paths, expected, "{part}");
        }
        for (new, expected) in [
            ("src/new.rs", true),
            ("new/deep/file.rs", true),
            ("src/new.log", false),
            ("target/new.rs", false),
            ("new/target/new.rs", false),
            ("drafts/new.rs", false),
            ("new/drafts", false),
            ("skipme/new.rs", false),
            (".hidden/new.rs", false),
            ("src/.new.rs", false),
        ] {
            assert_eq!(would_find(root, &rules(), new), expected, "{new}");
        }
        let reasons: Vec<_> = walk.skipped.iter().map(|(skip, count, _)| (skip, count)).collect();
        assert!(reasons.contains(&(Skip::TooLarge, 1)) && reasons.contains(&(Skip::Lock, 1)), "{reasons:?}");
    }
}
