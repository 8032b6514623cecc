//! Reading the catalog.

use conexus_core::{BlobId, FileAnalysis, Language};
use rusqlite::{OptionalExtension, Params, Row, Rows};
use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::schema::{Catalog, State};
use crate::codec::{FileReferences, Heads, decode_analysis};
use crate::store::ListedRow;
use crate::{
    Error, FileFlags, FileStat, ListedFile, MissingVectors, ModelStamp, Result, StoreSettings, VectorBlock, VectorShare,
};

/// Names of languages that are kept for the life of the process at most; there are some hundreds in the world.
const MOST_LANGUAGES: usize = 4096;

/// A live file.
#[derive(Clone, Debug)]
pub(crate) struct FileRow {
    pub(crate) path: Arc<str>,
    pub(crate) blob: BlobId,
    pub(crate) language: Language,
    pub(crate) stat: FileStat,
    pub(crate) flags: FileFlags,
    pub(crate) vector_key: u64,
    pub(crate) first_slot: u32,
    pub(crate) generation: u64,
    pub(crate) heads: Arc<Heads>,
}

/// Vectors of a live file.
#[derive(Debug)]
pub(crate) struct VectorRow {
    pub(crate) first_slot: u32,
    pub(crate) rows: Vec<i8>,
    pub(crate) scales: Vec<f32>,
}

const FILES: &str = "SELECT f.path, b.hash, b.language, f.size, f.mtime_ns, f.flags, f.vector_key, f.first_slot,
    f.slots, f.generation, b.heads FROM file f JOIN blob b ON b.id = f.blob";

impl Catalog {
    pub(crate) fn state(&self) -> Result<State> {
        (self.connection)
            .prepare_cached("SELECT epoch, generation, next_slot FROM state WHERE id = 1")
            .and_then(|mut statement| {
                statement.query_row([], |row| {
                    Ok(State {
                        epoch: row.get::<_, i64>(0)? as u64,
                        generation: row.get::<_, i64>(1)? as u64,
                        next_slot: row.get(2)?,
                    })
                })
            })
            .map_err(|error| self.failed(error))
    }

    /// Files that were committed after a generation; 0 gives all.
    pub(crate) fn files_after(&self, generation: u64) -> Result<Vec<FileRow>> {
        let (sql, bound) = if generation == 0 {
            (FILES.to_owned(), None)
        } else {
            (format!("{FILES} WHERE f.generation > ?1"), Some(generation.cast_signed()))
        };
        let mut statement = self.connection.prepare_cached(&sql).map_err(|error| self.failed(error))?;
        let rows = statement.query(rusqlite::params_from_iter(bound)).map_err(|error| self.failed(error))?;
        self.collect(rows)
    }

    /// All live files, without what they hold.
    pub(crate) fn list_files(&self) -> Result<Vec<ListedRow>> {
        self.list("SELECT path, size, mtime_ns, first_slot, slots, generation FROM file", (), |row| {
            let stat = FileStat { size: row.get::<_, i64>(1)? as u64, mtime_ns: row.get(2)? };
            Ok(ListedRow {
                file: ListedFile { path: row.get_ref(0)?.as_str()?.into(), stat },
                first_slot: row.get(3)?,
                slots: row.get(4)?,
                generation: row.get::<_, i64>(5)? as u64,
            })
        })
    }

    fn collect(&self, mut rows: Rows<'_>) -> Result<Vec<FileRow>> {
        let mut files = Vec::new();
        while let Some(row) = rows.next().map_err(|error| self.failed(error))? {
            let (file, slots) = file_row(row).map_err(|error| self.failed(error))?;
            let Some(file) = file.filter(|file| file.heads.chunk_count() == slots) else {
                return Err(self.unusable("an analysis in it is damaged"));
            };
            files.push(file);
        }
        Ok(files)
    }

    /// Paths of all files with their first slots.
    pub(crate) fn paths(&self) -> Result<HashSet<(Arc<str>, u32)>> {
        let paths = self.list("SELECT path, first_slot FROM file", (), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(paths.into_iter().collect())
    }

    /// First slots of file versions that tantivy may still hold.
    pub(crate) fn retired(&self) -> Result<Vec<u32>> {
        self.list("SELECT first_slot FROM retired", (), |row| row.get(0))
    }

    pub(super) fn list<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        (self.connection)
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_map(values, read)?.collect())
            .map_err(|error| self.failed(error))
    }

    pub(crate) fn heads(&self, blob: BlobId, language: Language) -> Result<Option<(i64, Heads)>> {
        let found: Option<(i64, Vec<u8>)> = (self.connection)
            .prepare_cached("SELECT id, heads FROM blob WHERE hash = ?1 AND language = ?2")
            .and_then(|mut statement| {
                statement.query_row((blob.0, language.name()), |row| Ok((row.get(0)?, row.get(1)?))).optional()
            })
            .map_err(|error| self.failed(error))?;
        let Some((id, bytes)) = found else { return Ok(None) };
        match Heads::new(&bytes) {
            Ok(heads) => Ok(Some((id, heads))),
            Err(_) => Err(self.unusable("an analysis in it is damaged")),
        }
    }

    /// Whether a content is known, and whether with vectors of that model and key.
    pub(crate) fn knows(&self, blob: BlobId, language: Language, vectors: Option<(i64, u64)>) -> Result<(bool, bool)> {
        let (model, key) = vectors.map_or((-1, 0), |(model, key)| (model, key.cast_signed()));
        (self.connection)
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM vector v WHERE v.blob = b.id AND v.model = ?3 AND v.key = ?4)
                 FROM blob b WHERE b.hash = ?1 AND b.language = ?2",
            )
            .and_then(|mut statement| {
                statement.query_row((blob.0, language.name(), model, key), |row| row.get(0)).optional()
            })
            .map(|found: Option<bool>| (found.is_some(), found.unwrap_or(false)))
            .map_err(|error| self.failed(error))
    }

    pub(crate) fn analysis(&self, blob: BlobId, language: Language) -> Result<Option<FileAnalysis>> {
        let Some((id, heads)) = self.heads(blob, language)? else { return Ok(None) };
        let Some(references) = self.references_of(id)? else {
            return Err(self.unusable("references of an analysis are missing"));
        };
        Ok(Some(decode_analysis(language, &heads, &references)))
    }

    fn references_of(&self, id: i64) -> Result<Option<FileReferences>> {
        let bytes: Option<Vec<u8>> = (self.connection)
            .prepare_cached("SELECT data FROM refs WHERE blob = ?1")
            .and_then(|mut statement| statement.query_row([id], |row| row.get(0)).optional())
            .map_err(|error| self.failed(error))?;
        let decoded = bytes.map(|bytes| FileReferences::decode(&bytes)).transpose();
        decoded.map_err(|_| self.unusable("the references of an analysis are damaged"))
    }

    pub(crate) fn references(&self, blob: BlobId, language: Language) -> Result<Option<FileReferences>> {
        let id: Option<i64> = (self.connection)
            .prepare_cached("SELECT id FROM blob WHERE hash = ?1 AND language = ?2")
            .and_then(|mut statement| statement.query_row((blob.0, language.name()), |row| row.get(0)).optional())
            .map_err(|error| self.failed(error))?;
        id.map_or(Ok(None), |id| self.references_of(id))
    }

    /// The number under which vectors of a model are stored; `None` when there are none yet.
    pub(crate) fn model(&self, model: &ModelStamp) -> Result<Option<i64>> {
        (self.connection)
            .prepare_cached("SELECT id FROM model WHERE name = ?1 AND dimension = ?2")
            .and_then(|mut statement| {
                statement.query_row((&model.id, (model.dimension as u64).cast_signed()), |row| row.get(0)).optional()
            })
            .map_err(|error| self.failed(error))
    }

    /// Calls `found` with the vectors of each live file that, or whose vectors, came after a generation.
    pub(crate) fn vectors_after(
        &self,
        model: i64,
        dimension: usize,
        generation: Option<u64>,
        mut found: impl FnMut(VectorRow),
    ) -> Result<()> {
        let failed = |error| self.failed(error);
        let (sql, bound) = match generation {
            None => (
                "SELECT f.first_slot, f.slots, v.data FROM file f
                 JOIN vector v ON v.blob = f.blob AND v.key = f.vector_key AND v.model = ?1 WHERE f.slots > 0",
                vec![model],
            ),
            Some(generation) => (
                "SELECT f.first_slot, f.slots, v.data FROM file f
                 JOIN vector v ON v.blob = f.blob AND v.key = f.vector_key AND v.model = ?1
                 WHERE f.slots > 0 AND f.generation > ?2
                 UNION ALL
                 SELECT f.first_slot, f.slots, v.data FROM vector v INDEXED BY vector_generation
                 CROSS JOIN file f ON f.blob = v.blob AND f.vector_key = v.key
                 WHERE v.generation > ?2 AND v.model = ?1 AND f.slots > 0 AND f.generation <= ?2",
                vec![model, generation.cast_signed()],
            ),
        };
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let mut rows = statement.query(rusqlite::params_from_iter(bound)).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let (first_slot, slots): (u32, u32) = (row.get(0).map_err(failed)?, row.get(1).map_err(failed)?);
            let data = row.get_ref(2).and_then(|data| Ok(data.as_blob()?)).map_err(failed)?;
            let Some((rows, scales)) = split_vectors(data, slots as usize, dimension) else {
                return Err(self.unusable("vectors in it are damaged"));
            };
            found(VectorRow { first_slot, rows, scales });
        }
        Ok(())
    }

    /// The vectors of one content.
    pub(crate) fn vectors_of(&self, blob: i64, model: i64, key: u64) -> Result<Option<Vec<u8>>> {
        (self.connection)
            .prepare_cached("SELECT data FROM vector WHERE blob = ?1 AND model = ?2 AND key = ?3")
            .and_then(|mut statement| {
                statement.query_row((blob, model, key.cast_signed()), |row| row.get(0)).optional()
            })
            .map_err(|error| self.failed(error))
    }

    /// How many live chunks have vectors of a model.
    pub(crate) fn vector_share(&self, model: &ModelStamp) -> Result<VectorShare> {
        let model = self.model(model)?;
        (self.connection)
            .prepare_cached(
                "SELECT ifnull(sum(f.slots) FILTER (WHERE EXISTS (SELECT 1 FROM vector v
                     WHERE v.blob = f.blob AND v.model = ?1 AND v.key = f.vector_key)), 0), ifnull(sum(f.slots), 0)
                 FROM file f",
            )
            .and_then(|mut statement| {
                statement.query_row([model], |row| {
                    Ok(VectorShare { have: row.get::<_, i64>(0)? as u64, all: row.get::<_, i64>(1)? as u64 })
                })
            })
            .map_err(|error| self.failed(error))
    }

    /// Live contents without vectors of a model.
    pub(crate) fn missing_vectors(&self, model: i64, limit: usize) -> Result<Vec<MissingVectors>> {
        self.list(
            "SELECT min(f.path), b.hash, b.language, f.vector_key, f.slots
             FROM file f JOIN blob b ON b.id = f.blob
             WHERE f.slots > 0 AND NOT EXISTS
                 (SELECT 1 FROM vector v WHERE v.blob = f.blob AND v.model = ?1 AND v.key = f.vector_key)
             GROUP BY f.blob, f.vector_key LIMIT ?2",
            (model, i64::try_from(limit).unwrap_or(i64::MAX)),
            |row| {
                Ok(MissingVectors {
                    path: row.get(0)?,
                    blob: BlobId(row.get(1)?),
                    language: language(row.get_ref(2)?.as_str()?),
                    vector_key: row.get::<_, i64>(3)? as u64,
                    chunks: row.get(4)?,
                })
            },
        )
    }
}

fn file_row(row: &Row<'_>) -> rusqlite::Result<(Option<FileRow>, u32)> {
    let slots = row.get(8)?;
    let Ok(heads) = Heads::new(row.get_ref(10)?.as_blob()?) else { return Ok((None, slots)) };
    let file = FileRow {
        path: row.get(0)?,
        blob: BlobId(row.get(1)?),
        language: language(row.get_ref(2)?.as_str()?),
        stat: FileStat { size: row.get::<_, i64>(3)? as u64, mtime_ns: row.get(4)? },
        flags: FileFlags(row.get(5)?),
        vector_key: row.get::<_, i64>(6)? as u64,
        first_slot: row.get(7)?,
        generation: row.get::<_, i64>(9)? as u64,
        heads: Arc::new(heads),
    };
    Ok((Some(file), slots))
}

/// The language of a stored name. Each name is kept once for the life of the process.
pub(super) fn language(name: &str) -> Language {
    static NAMES: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.iter().find(|known| **known == name) {
        return Language::named(known);
    }
    if names.len() >= MOST_LANGUAGES {
        return Language::TEXT;
    }
    let kept: &'static str = Box::leak(name.into());
    names.push(kept);
    Language::named(kept)
}

/// Rows and scales as stored: all rows, then all scales little-endian.
pub(crate) fn split_vectors(data: &[u8], count: usize, dimension: usize) -> Option<(Vec<i8>, Vec<f32>)> {
    let (rows, scales) = data.split_at_checked(count.checked_mul(dimension)?)?;
    if scales.len() != count * 4 {
        return None;
    }
    let rows = rows.iter().map(|&byte| byte.cast_signed()).collect();
    let scales = scales.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect();
    Some((rows, scales))
}

pub(super) fn join_vectors(block: &VectorBlock) -> Vec<u8> {
    let mut data = Vec::with_capacity(block.rows.len() + block.scales.len() * 4);
    data.extend(block.rows.iter().map(|value| value.cast_unsigned()));
    data.extend(block.scales.iter().flat_map(|scale| scale.to_le_bytes()));
    data
}

/// A second connection, for what snapshots read from the catalog when asked. It is opened at its first use.
#[derive(Debug)]
pub(crate) struct Reader {
    folder: std::path::PathBuf,
    settings: StoreSettings,
    catalog: Mutex<Option<Catalog>>,
}

impl Reader {
    pub(crate) fn new(folder: &Path, settings: &StoreSettings) -> Self {
        Self { folder: folder.to_path_buf(), settings: settings.clone(), catalog: Mutex::new(None) }
    }

    pub(crate) fn references(&self, blob: BlobId, language: Language) -> Result<Option<FileReferences>> {
        let mut catalog = self.catalog.lock().unwrap_or_else(PoisonError::into_inner);
        if catalog.is_none() {
            *catalog = Some(Catalog::open_for_reading(&self.folder, &self.settings)?);
        }
        match &*catalog {
            Some(catalog) => catalog.references(blob, language),
            None => Err(Error::NotFound { path: self.folder.clone() }),
        }
    }
}
