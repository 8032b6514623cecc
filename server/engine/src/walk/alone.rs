//! What the rules of a walk say of one path alone, without walking all that is above it.

use std::{path::Path, sync::atomic::AtomicBool};

use super::{NEVER, WalkRules, walk_parts};
use crate::git;

/// Whether a walk would find a file at a path where there is none yet, such as that of an unsaved buffer.
pub(crate) fn would_find(root: &Path, rules: &WalkRules, path: &str) -> bool {
    let ancestors: Vec<&str> =
        std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(folder, _)| folder)).collect();
    let is_folder = |path: &str| std::fs::symlink_metadata(root.join(path)).is_ok_and(|metadata| metadata.is_dir());
    let existing = ancestors.iter().skip(1).position(|folder| is_folder(folder)).map_or(ancestors.len(), |at| at + 1);
    let folder = ancestors.get(existing).copied().unwrap_or("");
    let entered = folder.is_empty()
        || walk_parts(root, rules, &[folder.to_owned()], &AtomicBool::new(false))
            .is_ok_and(|walk| walk.folders.iter().any(|found| found == folder));
    // What does not exist holds no ignore file: those of the folders above decide on each name.
    entered && ancestors[..existing].iter().all(|new| passes(root, rules, new, *new != path))
}

/// Whether the rules pass one entry whose folder they pass. In the order of the walk: a whitelisted name may be hidden.
fn passes(root: &Path, rules: &WalkRules, path: &str, is_folder: bool) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut excludes = ignore::overrides::OverrideBuilder::new(root);
    let globs = rules.exclude.iter().try_for_each(|glob| excludes.add(&format!("!{glob}")).map(drop));
    let excluded = globs.and_then(|()| excludes.build()).is_ok_and(|all| all.matched(path, is_folder).is_ignore());
    if excluded || NEVER.contains(&name) {
        return false;
    }
    let hidden = name.starts_with('.') && !rules.hidden;
    if !rules.ignore_files {
        return !hidden;
    }
    let target = root.join(path);
    let judge = |matcher: &ignore::gitignore::Gitignore| match matcher.matched(&target, is_folder) {
        ignore::Match::None => None,
        found => Some(found.is_whitelist()),
    };
    let folders = || target.ancestors().skip(1);
    let top = folders().find(|folder| git::is_top(folder));
    let by_files = [".conexusignore", ".ignore", ".gitignore"].iter().find_map(|&file| {
        // What lies above a repository is no concern of git.
        let above =
            folders().take_while(|folder| file != ".gitignore" || top.is_none_or(|top| folder.starts_with(top)));
        above
            .map(|folder| folder.join(file))
            .find_map(|file| file.is_file().then(|| judge(&ignore::gitignore::Gitignore::new(file).0)).flatten())
    });
    let by_git = || {
        let exclude = git::excludes(top?)?;
        let mut matcher = ignore::gitignore::GitignoreBuilder::new(top?);
        // A file that is not there excludes nothing.
        let _ = matcher.add(exclude);
        judge(&matcher.build().ok()?)
    };
    let by_user = || judge(&ignore::gitignore::Gitignore::global().0);
    by_files.or_else(by_git).or_else(by_user).unwrap_or(!hidden)
}
