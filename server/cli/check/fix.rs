//! `--fix`: edits of findings carried out on disk, and `--diff`: what they would change.

use std::{io::Write, path::Path, sync::Arc};

use anyhow::{Context, Result};
use conexus_check::{FilePlan, Finding, FixPlan, Unfixed, plan_fixes};

use super::counted;
use crate::cli::{
    edit_config::new_file,
    output::{self, Output, Style, printable},
};

/// Carries out what can be carried out together, and tells what was left. Returns the numbers of the mended findings.
///
/// Every file is the old one or the new one at any moment; nothing is put in place before all of it is written.
pub(super) fn apply(root: &Path, findings: &[Finding], quiet: bool) -> Result<Vec<usize>> {
    let plan = plan_fixes(findings, |path| text_of(&root.join(path)));
    let mut staged = Vec::new();
    for (path, edits) in &plan.files {
        let target = root.join(&**path);
        let what = || format!("cannot fix {}", target.display());
        let (_, after) = mended(&target, edits)?;
        let mut file = new_file(target.parent().unwrap_or(root)).with_context(what)?;
        file.write_all(after.as_bytes()).with_context(what)?;
        let permissions = std::fs::metadata(&target).with_context(what)?.permissions();
        file.as_file().set_permissions(permissions).with_context(what)?;
        file.as_file().sync_all().with_context(what)?;
        staged.push((file, target));
    }
    let count = staged.len();
    for (file, target) in staged {
        let what = || format!("cannot fix {}", target.display());
        file.persist(&target).map_err(|error| error.error).with_context(what)?;
    }
    if !quiet {
        tell(findings, &plan, &format!("{} fixed in {}", plan.mended.len(), counted(count as u64, "file")));
    }
    Ok(plan.mended)
}

/// Writes what `apply` would change as unified diffs with the paths of the workspace, which `git apply` takes. Returns
/// whether there is something.
pub(super) fn show(root: &Path, findings: &[Finding], quiet: bool, output: &mut Output) -> Result<bool> {
    let plan = plan_fixes(findings, |path| text_of(&root.join(path)));
    for (path, edits) in &plan.files {
        let (before, after) = mended(&root.join(&**path), edits)?;
        let difference = similar::TextDiff::from_lines(&*before, after.as_str());
        let (from, to) = (format!("a/{path}"), format!("b/{path}"));
        let shown = difference.unified_diff().header(&from, &to).to_string();
        for line in shown.split_inclusive('\n') {
            output.write_all(styled(output, line).as_bytes())?;
        }
    }
    if !quiet {
        tell(
            findings,
            &plan,
            &format!("{} would be fixed in {}", plan.mended.len(), counted(plan.files.len() as u64, "file")),
        );
    }
    Ok(!plan.files.is_empty())
}

/// The line of a diff in the colours of git, on a terminal with control characters made visible.
fn styled(output: &Output, line: &str) -> String {
    if !output.is_styled() {
        return line.to_owned();
    }
    let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
    let style = match line.as_bytes() {
        [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => Style::Name,
        [b'+', ..] => Style::Added,
        [b'-', ..] => Style::Removed,
        [b'@', ..] => Style::Faint,
        _ => return printable(line).into_owned() + end,
    };
    output.styled(style, &printable(line)) + end
}

/// The text of a file before and after its edits.
fn mended(target: &Path, edits: &FilePlan) -> Result<(Arc<str>, String)> {
    let what = || format!("cannot fix {}", target.display());
    let text = text_of(target).map_err(anyhow::Error::msg).with_context(what)?;
    let after = edits.apply(&text).context("the file changed meanwhile, run the command again").with_context(what)?;
    Ok((text, after))
}

/// The text of a file that is written as it is read. A link is not followed: it may lead out of the workspace.
fn text_of(path: &Path) -> Result<Arc<str>, String> {
    let metadata = std::fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is no file".to_owned());
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map(Arc::from).map_err(|_| "it is not UTF-8".to_owned())
}

fn tell(findings: &[Finding], plan: &FixPlan, sum: &str) {
    for (number, why) in &plan.left {
        let place = &findings[*number].place;
        let why = match why {
            Unfixed::Overlaps => "its fix touches another one, run --fix again".to_owned(),
            Unfixed::Changed(path) => format!("{} changed meanwhile, run --fix again", printable(path)),
            Unfixed::Unwritable(path, why) => format!("{}: {why}", printable(path)),
        };
        output::note(&format!("not fixed: {}:{}: {why}", printable(&place.path), place.start.line + 1));
    }
    output::note(sum);
}

#[cfg(test)]
mod tests {
    use super::*;
    use conexus_check::{Edit, Place, Position, Rule, Severity};
    use conexus_core::Span;

    fn finding(path: &str, at: usize, expected: &str, replacement: &str) -> Finding {
        let start = Position { line: 0, column: 0 };
        let span = Span::new(at, at + expected.len());
        let edit = Edit { path: path.into(), span, expected: expected.into(), replacement: replacement.into() };
        Finding {
            rule: Rule::StaleReference,
            custom: None,
            severity: Severity::Warning,
            place: Place { path: path.into(), span, start, end: start, last_line: start.line },
            message: String::new(),
            related: Vec::new(),
            help: None,
            fix: Some(vec![edit]),
            fingerprint: "0".into(),
            confidence: 1.0,
        }
    }

    #[test]
    fn files_are_mended_and_keep_what_they_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let write = |name: &str, bytes: &[u8]| std::fs::write(root.join(name), bytes).expect("a file");
        write("a.md", "\u{feff}größe one\r\ntwo two\r\n".as_bytes());
        write("latin.md", b"gr\xf6\xdfe one");
        let at = "\u{feff}größe ".len();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(root.join("a.md"), PermissionsExt::from_mode(0o640)).expect("set");
            std::os::unix::fs::symlink("a.md", root.join("link.md")).expect("a link");
        }
        let findings = [
            finding("a.md", at, "one", "1"),
            finding("a.md", at + 5, "two", "zwei"),
            finding("a.md", at + 9, "zwo", "2"),
            finding("latin.md", 6, "one", "1"),
            finding("link.md", at, "one", "1"),
            finding("gone.md", 0, "one", "1"),
        ];
        assert_eq!(apply(root, &findings, true).expect("it works"), [0, 1]);
        let text = std::fs::read_to_string(root.join("a.md")).expect("text");
        assert_eq!(text, "\u{feff}größe 1\r\nzwei two\r\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(root.join("a.md")).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o640);
        }
        let names = std::fs::read_dir(root).expect("a folder").count();
        assert_eq!(names, if cfg!(unix) { 3 } else { 2 }, "no file is left over");
    }
}
