//! Where the files of the user are that other programs read, and how those start this one.

use std::path::PathBuf;

use anyhow::{Context, Result};

/// Where the files of a user are.
pub(super) struct Surroundings {
    pub(super) home: PathBuf,
    /// How an editor or an assistant starts the program.
    pub(super) program: String,
}

impl Surroundings {
    pub(super) fn of_user() -> Result<Self> {
        let home = std::env::home_dir().filter(|home| home.is_absolute());
        Ok(Self { home: home.context("no home folder is known, set HOME")?, program: program() })
    }

    /// `$XDG_CONFIG_HOME` or `~/.config`, where most editors look on macOS too; on Windows `%APPDATA%`.
    pub(super) fn configuration(&self) -> PathBuf {
        if cfg!(windows) {
            folder("APPDATA").unwrap_or_else(|| self.home.join("AppData/Roaming"))
        } else {
            folder("XDG_CONFIG_HOME").unwrap_or_else(|| self.home.join(".config"))
        }
    }

    /// Where Visual Studio Code looks: `~/Library/Application Support` on macOS, else as above.
    pub(super) fn application_support(&self) -> PathBuf {
        if cfg!(target_os = "macos") { self.home.join("Library/Application Support") } else { self.configuration() }
    }

    /// `$XDG_DATA_HOME` or `~/.local/share`; on Windows `%LOCALAPPDATA%`.
    pub(super) fn data(&self) -> PathBuf {
        if cfg!(windows) {
            folder("LOCALAPPDATA").unwrap_or_else(|| self.home.join("AppData/Local"))
        } else {
            folder("XDG_DATA_HOME").unwrap_or_else(|| self.home.join(".local/share"))
        }
    }
}

/// The folder that a variable names, where it names one.
pub(super) fn folder(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|folder| folder.is_absolute())
}

/// How others start this program: by its name when that finds this very file, else by its path.
fn program() -> String {
    const NAME: &str = "conexus";
    let Ok(own) = std::env::current_exe().and_then(|path| path.canonicalize()) else { return NAME.to_owned() };
    let file = format!("{NAME}{}", std::env::consts::EXE_SUFFIX);
    let found = std::env::var_os("PATH")
        .and_then(|folders| {
            std::env::split_paths(&folders).map(|folder| folder.join(&file)).find(|path| path.is_file())
        })
        .and_then(|path| path.canonicalize().ok());
    if found.as_ref() == Some(&own) { NAME.to_owned() } else { own.to_string_lossy().into_owned() }
}
