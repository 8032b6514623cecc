//! Changes of files that belong to the user, such as an editor's settings: planned, shown, then written whole.
//!
//! Nothing is written before every change of a command is planned, so a file that cannot be understood leaves all of
//! them as they were. A change keeps what it is not about: comments, order, line ends, permissions, and a link that
//! leads to the file. Whoever runs the same command twice changes nothing the second time.

mod blocks;
mod json;
mod package;
mod toml;

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};

pub(crate) use blocks::add_block;
pub(crate) use json::{has_json, json, set_json};
pub(crate) use package::package;
pub(crate) use toml::{edit_toml, is_entry};

use super::output::Output;

/// A larger file is not somebody's settings.
const LIMIT_BYTES: u64 = 16 << 20;

/// The name of the program, and of what is ours in the files of others.
pub(crate) const NAME: &str = "conexus";

/// What a file shall hold, and what its owner has to know of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) text: String,
    pub(crate) remark: Option<String>,
}

impl Edit {
    /// The text as it is. What is ours in it was changed by its owner; where that starts another program it is told with
    /// the name of the part and the program that was meant.
    pub(crate) fn kept(text: &str, another: Option<(&str, &str)>) -> Self {
        let remark = another.map(|(part, program)| {
            format!("{part} of {NAME} was changed by hand and starts another program than {program}: it stays as it is")
        });
        Self { text: text.to_owned(), remark }
    }
}

impl From<String> for Edit {
    fn from(text: String) -> Self {
        Self { text, remark: None }
    }
}

/// What an entry starts whose strings these are: the path that names our program, else what the `PATH` finds.
fn starts<'a>(mut strings: impl Iterator<Item = &'a str>) -> &'a str {
    let is_ours = |path: &Path| path.is_absolute() && path.file_stem().is_some_and(|stem| stem == NAME);
    let is_program = |path: &Path| path.extension().is_none_or(|extension| extension == "exe");
    strings.find(|string| is_ours(Path::new(string)) && is_program(Path::new(string))).unwrap_or(NAME)
}

/// What a planned file is to hold.
#[derive(Debug)]
pub(crate) struct Change {
    /// As the user knows it.
    path: PathBuf,
    /// The bytes that are there; `None` when there is no file.
    before: Option<Vec<u8>>,
    after: Vec<u8>,
    /// The folder of a package of ours that it belongs to.
    package: Option<PathBuf>,
    /// Whether there is something in it that is the user's.
    is_theirs: bool,
    remark: Option<String>,
}

/// What to do with planned changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carry {
    /// Write them, each beside a backup of what was there.
    Out,
    /// Show them as a diff and write nothing.
    Back,
}

impl Change {
    /// Plans a change of a text file. `edit` is given the text with `\n` as its line ends, empty when there is no file,
    /// and returns what the file shall hold.
    pub(crate) fn plan<E: Into<Edit>>(path: &Path, edit: impl FnOnce(&str) -> Result<E>) -> Result<Self> {
        let before = read(path)?;
        let layout = Layout::of(before.as_deref().unwrap_or_default());
        let text = layout.read(before.as_deref().unwrap_or_default());
        let text = text.with_context(|| format!("{} is left as it is", path.display()))?;
        let Edit { text: after, remark } =
            edit(&text).with_context(|| format!("{} is left as it is", path.display()))?.into();
        let after = if after == text { before.clone().unwrap_or_default() } else { layout.write(&after) };
        Ok(Self { path: path.to_owned(), before, after, package: None, is_theirs: true, remark })
    }

    /// The folder of the package that it belongs to, when nothing in it is the user's: nobody wants to read it.
    fn own_folder(&self) -> Option<&Path> {
        self.package.as_deref().filter(|_| !self.is_theirs)
    }

    /// Whether the file would be another one.
    pub(crate) fn is_needed(&self) -> bool {
        self.before.as_deref() != Some(&self.after) && !(self.before.is_none() && self.after.is_empty())
    }

    /// The change as a unified diff; empty when none is needed.
    pub(crate) fn diff(&self) -> String {
        let name = self.path.display().to_string();
        let before = String::from_utf8_lossy(self.before.as_deref().unwrap_or_default());
        let after = String::from_utf8_lossy(&self.after);
        let from = if self.before.is_some() { name.as_str() } else { "/dev/null" };
        similar::TextDiff::from_lines(&*before, &*after).unified_diff().header(from, &name).to_string()
    }

    /// Writes the file and returns where the backup of what was there lies. The file is the old one or the new one at
    /// any moment.
    fn write(&self) -> Result<Option<PathBuf>> {
        let what = || format!("cannot write {}", self.path.display());
        let target = follow(&self.path).with_context(what)?;
        let folder = target.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).with_context(what)?;
        if read(&self.path)? != self.before {
            bail!("{} has changed meanwhile, run the command again", self.path.display());
        }
        let mut file = new_file(folder).with_context(what)?;
        file.write_all(&self.after).with_context(what)?;
        let mut backup = None;
        if let Some(before) = &self.before {
            let permissions = fs::metadata(&target).with_context(what)?.permissions();
            file.as_file().set_permissions(permissions.clone()).with_context(what)?;
            if self.is_theirs {
                backup = back_up(&target, before, permissions).with_context(what)?;
            }
        }
        file.as_file().sync_all().with_context(what)?;
        file.persist(&target).map_err(|error| error.error).with_context(what)?;
        Ok(backup)
    }
}

/// Carries planned changes out and says what was done, or shows what would be.
pub(crate) fn carry_out(changes: &[Change], carry: Carry, output: &mut Output) -> Result<()> {
    let mut files = Vec::new();
    for change in changes.iter().filter(|change| change.is_needed()) {
        let backup = match carry {
            Carry::Out => change.write()?,
            Carry::Back => None,
        };
        files.push((change, backup));
    }
    let remarks: Vec<_> = changes
        .iter()
        .filter_map(|change| Some(format!("{}: {}", change.path.display(), change.remark.as_ref()?)))
        .collect();
    if output.is_json() {
        let files = files.iter().map(|(change, backup)| {
            let diff = change.own_folder().is_none().then(|| change.diff());
            serde_json::json!({ "path": change.path, "backup": backup, "diff": diff })
        });
        let files: Vec<_> = files.collect();
        return output.json(&serde_json::json!({ "written": carry == Carry::Out, "files": files, "remarks": remarks }));
    }
    if files.is_empty() && remarks.is_empty() {
        writeln!(output, "Everything is as it should be, nothing was changed.")?;
    }
    let mut own: BTreeMap<&Path, usize> = BTreeMap::new();
    for folder in files.iter().filter_map(|(change, _)| change.own_folder()) {
        *own.entry(folder).or_default() += 1;
    }
    for (folder, count) in own {
        let (wrote, files) =
            (if carry == Carry::Out { "Wrote" } else { "Would write" }, if count == 1 { "file" } else { "files" });
        writeln!(output, "{wrote} {count} {files} of the package below {}", folder.display())?;
    }
    for (change, backup) in files.iter().filter(|(change, _)| change.own_folder().is_none()) {
        match (carry, backup) {
            (Carry::Back, _) => write!(output, "{}", change.diff())?,
            (Carry::Out, None) => writeln!(output, "Wrote {}", change.path.display())?,
            (Carry::Out, Some(backup)) => {
                writeln!(output, "Wrote {}, what was there is in {}", change.path.display(), backup.display())?;
            }
        }
    }
    for remark in remarks {
        writeln!(output, "{remark}")?;
    }
    Ok(())
}

/// How the characters of a text lie in its file.
struct Layout {
    has_mark: bool,
    has_carriage_returns: bool,
}

const MARK: &[u8] = b"\xef\xbb\xbf";

impl Layout {
    fn of(bytes: &[u8]) -> Self {
        // A file with both kinds of line ends is kept as it is, byte for byte, outside of what is changed.
        let mut lines = bytes.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n")).peekable();
        let has_carriage_returns = lines.peek().is_some() && lines.all(|line| line.ends_with(b"\r\n"));
        Self { has_mark: bytes.starts_with(MARK), has_carriage_returns }
    }

    fn read(&self, bytes: &[u8]) -> Result<String> {
        let bytes = if self.has_mark { &bytes[MARK.len()..] } else { bytes };
        let text = std::str::from_utf8(bytes).map_err(|_| anyhow!("it is not text in UTF-8"))?;
        Ok(if self.has_carriage_returns { text.replace("\r\n", "\n") } else { text.to_owned() })
    }

    fn write(&self, text: &str) -> Vec<u8> {
        let text = if self.has_carriage_returns { text.replace('\n', "\r\n") } else { text.to_owned() };
        if self.has_mark { [MARK, text.as_bytes()].concat() } else { text.into_bytes() }
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let what = || format!("cannot read {}", path.display());
    match fs::metadata(path) {
        // A link that leads nowhere is one that the user means to fill.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(what),
        Ok(metadata) if !metadata.is_file() => bail!("{} is not a file", path.display()),
        Ok(metadata) if metadata.len() > LIMIT_BYTES => bail!("{} is larger than 16 MiB", path.display()),
        Ok(_) => fs::read(path).map(Some).with_context(what),
    }
}

/// The file behind a path: a link is written through, as people who keep their settings in a repository want it.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..32 {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links"))
}

/// A file beside the one it will replace, with the permissions of a new file.
pub(crate) fn new_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".conexus-").suffix(".new");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Keeps what a file held under a name of its own beside it, unless a backup holds it already.
fn back_up(target: &Path, before: &[u8], permissions: fs::Permissions) -> io::Result<Option<PathBuf>> {
    for number in 1_u32.. {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(if number == 1 { ".conexus-backup".to_owned() } else { format!(".conexus-backup-{number}") });
        let path = target.with_file_name(name);
        match fs::OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                // What only the user may read must not be readable in its backup for a moment either.
                file.set_permissions(permissions)?;
                file.write_all(before)?;
                file.sync_all()?;
                return Ok(Some(path));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if fs::read(&path).is_ok_and(|held| held == before) {
                    return Ok(Some(path));
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
