//! Opening the catalog: pragmas, tables, versions.

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::hash::{BuildHasher, Hasher};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::{Error, Result, StoreSettings};

pub(crate) const FILE: &str = "catalog.sqlite";
/// "Cnxs" in ASCII.
const APPLICATION: i32 = 0x436e_7873;
/// Version of the tables; any other is rebuilt.
const VERSION: i32 = 1;
/// Bytes of a page. Analyses are some kilobytes each and all of them are read on opening: with pages of 4 KiB that took
/// 27 ms of processor time for 13,653 files (31 MB), with these 19 ms (2026-11-21).
const PAGE: i32 = 16 << 10;
/// How long a reader waits for the owner's checkpoint and the other way round.
const BUSY: Duration = Duration::from_secs(5);
/// Bytes of the log from which on it is moved into the file. A log that was moved is cut to half of it.
pub(super) const LONG_LOG: u64 = 8 << 20;
/// How a reader opens it.
const READING: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);
/// Statements kept prepared per connection; there are fewer.
const STATEMENTS: usize = 48;

const TABLES: &str = "
CREATE TABLE state(
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    next_slot INTEGER NOT NULL,
    analyser_version INTEGER NOT NULL
);
CREATE TABLE model(
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    dimension INTEGER NOT NULL,
    UNIQUE(name, dimension)
);
CREATE TABLE blob(
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    language TEXT NOT NULL,
    heads BLOB NOT NULL,
    UNIQUE(hash, language)
);
CREATE TABLE refs(
    blob INTEGER PRIMARY KEY,
    data BLOB NOT NULL
);
CREATE TABLE vector(
    blob INTEGER NOT NULL,
    model INTEGER NOT NULL,
    key INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    data BLOB NOT NULL,
    UNIQUE(blob, model, key)
);
CREATE INDEX vector_generation ON vector(generation);
CREATE TABLE file(
    path TEXT PRIMARY KEY,
    blob INTEGER NOT NULL,
    vector_key INTEGER NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    first_slot INTEGER NOT NULL,
    slots INTEGER NOT NULL,
    generation INTEGER NOT NULL
);
CREATE INDEX file_blob ON file(blob);
CREATE INDEX file_generation ON file(generation);
CREATE TABLE retired(
    first_slot INTEGER PRIMARY KEY,
    generation INTEGER NOT NULL
);
";

/// Where the catalog stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Random; another one says that slots were given out anew.
    pub(crate) epoch: u64,
    /// Grows by one with each commit.
    pub(crate) generation: u64,
    /// The first slot that was never given out.
    pub(crate) next_slot: u32,
}

/// A connection to the catalog.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    /// Whether a transaction of a bulk load is open.
    pub(super) open_transaction: bool,
    /// Moves the log into the file.
    pub(super) checkpoint: Option<JoinHandle<()>>,
}

impl Catalog {
    /// Opens the catalog for its owner, and makes it when there is none. The flag says that it was made.
    pub(crate) fn open(folder: &Path, settings: &StoreSettings) -> Result<(Self, bool)> {
        let path = folder.join(FILE);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut catalog = Self::connect(path, flags, settings)?;
        let created = catalog.is_empty_file()?;
        if created {
            catalog.connection.pragma_update(None, "page_size", PAGE).map_err(|error| catalog.failed(error))?;
        }
        catalog.prepare_for_writing().map_err(|error| catalog.failed(error))?;
        if created {
            catalog.create(settings)?;
        }
        catalog.check(settings)?;
        Ok((catalog, created))
    }

    /// Opens the catalog for a reader beside its owner.
    pub(crate) fn open_for_reading(folder: &Path, settings: &StoreSettings) -> Result<Self> {
        let path = folder.join(FILE);
        if !path.is_file() {
            return Err(Error::NotFound { path: folder.to_path_buf() });
        }
        let catalog = Self::connect(path, READING, settings)?;
        match catalog.check(settings) {
            // A folder that cannot be written has no shared memory for the log; without a log none is needed.
            Err(Error::Catalog { .. } | Error::ReadOnly { .. }) if !folder.join(format!("{FILE}-wal")).exists() => {
                Self::open_immutable(folder, settings)
            }
            Err(error) => Err(error),
            Ok(()) => Ok(catalog),
        }
    }

    /// Opens the catalog to read it, for who holds the lock; `None` when a log beside it holds more than its file.
    pub(crate) fn open_at_rest(folder: &Path, settings: &StoreSettings) -> Result<Option<Self>> {
        let holds = |suffix: &str| folder.join(format!("{FILE}{suffix}")).metadata().is_ok_and(|log| log.len() > 0);
        if holds("-wal") || holds("-journal") { Ok(None) } else { Self::open_immutable(folder, settings).map(Some) }
    }

    /// Without locks and without files beside it: nobody may write meanwhile.
    fn open_immutable(folder: &Path, settings: &StoreSettings) -> Result<Self> {
        let path = folder.join(FILE);
        let uri = format!("file:{}?immutable=1", escape(&path));
        let catalog = Self::connect_to(&uri, path, READING | OpenFlags::SQLITE_OPEN_URI, settings)?;
        catalog.check(settings)?;
        Ok(catalog)
    }

    fn connect(path: PathBuf, flags: OpenFlags, settings: &StoreSettings) -> Result<Self> {
        let name = path.to_string_lossy().into_owned();
        match Self::connect_to(&name, path, flags, settings) {
            Ok(catalog) => Ok(catalog),
            Err(Error::Catalog { path, source }) if path.parent().is_some_and(|folder| !folder.is_dir()) => {
                Err(Error::Io { path, source: std::io::Error::other(source) })
            }
            Err(error) => Err(error),
        }
    }

    fn connect_to(name: &str, path: PathBuf, flags: OpenFlags, settings: &StoreSettings) -> Result<Self> {
        let open = || {
            let connection = Connection::open_with_flags(name, flags)?;
            connection.busy_timeout(BUSY)?;
            connection.set_prepared_statement_cache_capacity(STATEMENTS);
            connection.pragma_update(
                None,
                "cache_size",
                -((settings.catalog_cache as u64 / 1024).max(64).cast_signed()),
            )?;
            Ok(connection)
        };
        match open() {
            Ok(connection) => Ok(Self { connection, path, open_transaction: false, checkpoint: None }),
            Err(error) => Err(Error::catalog(&path, error)),
        }
    }

    fn is_empty_file(&self) -> Result<bool> {
        let tables: i64 = (self.connection)
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(|error| self.failed(error))?;
        let version = self.pragma("user_version")?;
        let application = self.pragma("application_id")?;
        if application != APPLICATION && (tables > 0 || application != 0) {
            return Err(self.foreign());
        }
        Ok(tables == 0 && version == 0)
    }

    fn prepare_for_writing(&self) -> rusqlite::Result<()> {
        self.connection.pragma_update(None, "journal_mode", "WAL")?;
        // A power failure may lose the last generations, never damage the file; a killed process loses nothing.
        self.connection.pragma_update(None, "synchronous", "NORMAL")?;
        self.connection.pragma_update(None, "journal_size_limit", (LONG_LOG / 2).cast_signed())?;
        // Moving the log into the file syncs to disk, tens of milliseconds: `checkpoint_behind` does it elsewhere.
        self.connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        Ok(())
    }

    fn create(&mut self, settings: &StoreSettings) -> Result<()> {
        let epoch = random();
        let make = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            transaction.execute_batch(TABLES)?;
            transaction.execute(
                "INSERT INTO state(id, epoch, generation, next_slot, analyser_version) VALUES (1, ?1, 0, 0, ?2)",
                (epoch.cast_signed(), settings.analyser_version),
            )?;
            transaction.pragma_update(None, "application_id", APPLICATION)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
            transaction.commit()
        };
        make(&mut self.connection).map_err(|error| self.failed(error))
    }

    fn check(&self, settings: &StoreSettings) -> Result<()> {
        if self.pragma("application_id")? != APPLICATION {
            return Err(self.foreign());
        }
        let version = self.pragma("user_version")?;
        if version != VERSION {
            return Err(self.unusable(&format!("it has format {version}, this program writes {VERSION}")));
        }
        let analyser: Option<u32> = (self.connection)
            .query_row("SELECT analyser_version FROM state WHERE id = 1", [], |row| row.get(0))
            .optional()
            .map_err(|error| self.failed(error))?;
        match analyser {
            Some(analyser) if analyser == settings.analyser_version => Ok(()),
            Some(analyser) => Err(self.unusable(&format!(
                "its files were analysed by version {analyser}, this program has {}",
                settings.analyser_version
            ))),
            None => Err(self.unusable("its state is missing")),
        }
    }

    fn pragma(&self, name: &str) -> Result<i32> {
        self.connection.pragma_query_value(None, name, |row| row.get(0)).map_err(|error| self.failed(error))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn failed(&self, error: rusqlite::Error) -> Error {
        Error::catalog(&self.path, error)
    }

    pub(super) fn unusable(&self, reason: &str) -> Error {
        Error::Unusable { path: self.path.clone(), reason: reason.to_owned() }
    }

    fn foreign(&self) -> Error {
        let folder = self.path.parent().unwrap_or(&self.path);
        Error::Foreign { path: folder.to_path_buf(), holds: FILE.to_owned() }
    }
}

/// Who made the catalog of a folder, as far as its first bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    /// This program, in whatever version.
    Conexus,
    /// Another program: a healthy database of its own.
    Other,
    /// There is none, it is damaged, or all that it holds is still in its log.
    Unknown,
}

/// Reads who made the catalog of a folder, without SQLite, which would write beside it. The places of the fields are
/// those of <https://www.sqlite.org/fileformat2.html>.
pub(crate) fn maker(folder: &Path) -> Maker {
    let mut head = [0; 108];
    let read = std::fs::File::open(folder.join(FILE)).and_then(|mut file| file.read_exact(&mut head));
    if read.is_err() || !head.starts_with(b"SQLite format 3\0") {
        return Maker::Unknown;
    }
    let application = i32::from_be_bytes([head[68], head[69], head[70], head[71]]);
    // The schema: a tree whose only page is a leaf without cells.
    let is_empty = head[100] == 0x0d && head[103..105] == [0, 0];
    match application {
        APPLICATION => Maker::Conexus,
        0 if is_empty => Maker::Unknown,
        _ => Maker::Other,
    }
}

/// A number that no earlier catalog had.
pub(super) fn random() -> u64 {
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    if let Ok(now) = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
        hasher.write_u128(now.as_nanos());
    }
    // SQLite's integers are signed.
    hasher.finish() >> 1
}

fn escape(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}
