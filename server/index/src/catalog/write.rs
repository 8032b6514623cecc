//! Changing the catalog. A change is a transaction; a bulk load is one long transaction with a savepoint per batch.
//!
//! Rows are inserted, or updated where they exist, by two statements. One statement that may do either (`REPLACE`, `ON
//! CONFLICT DO UPDATE`) has to be undone by itself when it fails half-way, and for that SQLite copies every page that it
//! touches into a file: 240 MB for a load of 10,886 files (2026-11-22). Here the change around it is undone as a whole.

use conexus_core::{BlobId, Language};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Params};

use super::load::join_vectors;
use super::schema::{Catalog, LONG_LOG, State, random};
use crate::codec::Heads;
use crate::{FileFlags, FileStat, ModelStamp, Result, VectorBlock};

/// A row of the table of files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewFile<'a> {
    pub(crate) path: &'a str,
    /// Number of the stored analysis.
    pub(crate) blob: i64,
    pub(crate) stat: FileStat,
    pub(crate) flags: FileFlags,
    pub(crate) vector_key: u64,
    pub(crate) first_slot: u32,
    pub(crate) slots: u32,
    pub(crate) generation: u64,
}

impl Catalog {
    /// Runs a change as a whole: after an error nothing of it is kept.
    pub(crate) fn change<T>(&mut self, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let (begin, keep, undo) = if self.open_transaction {
            ("SAVEPOINT batch", "RELEASE batch", "ROLLBACK TO batch; RELEASE batch")
        } else {
            ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
        };
        self.execute(begin, ())?;
        let result = work(self).and_then(|value| self.execute(keep, ()).map(|_| value));
        if result.is_err() {
            // A full disk makes SQLite roll back by itself; then there is nothing left to undo.
            if let Err(error) = self.connection.execute_batch(undo) {
                tracing::debug!(%error, "rollback");
            }
            if self.connection.is_autocommit() {
                self.open_transaction = false;
            }
        }
        result
    }

    /// Opens the transaction of a bulk load.
    pub(crate) fn begin_bulk(&mut self) -> Result<()> {
        if !self.open_transaction {
            self.execute("BEGIN IMMEDIATE", ())?;
            self.open_transaction = true;
        }
        Ok(())
    }

    /// Commits the transaction of a bulk load, if one is open.
    pub(crate) fn commit_bulk(&mut self) -> Result<()> {
        if std::mem::take(&mut self.open_transaction)
            && let Err(error) = self.execute("COMMIT", ())
        {
            let _ = self.connection.execute_batch("ROLLBACK");
            return Err(error);
        }
        Ok(())
    }

    /// Undoes the transaction of a bulk load, if one is open.
    pub(crate) fn rollback_bulk(&mut self) {
        if std::mem::take(&mut self.open_transaction)
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::debug!(%error, "rollback");
        }
    }

    /// Runs reads that see one state.
    pub(crate) fn reading<T>(&self, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        self.execute("BEGIN", ())?;
        let result = work(self);
        let ended = self.execute("COMMIT", ());
        result.and_then(|value| ended.map(|_| value))
    }

    /// Whether the transaction of a bulk load is open.
    pub(crate) fn is_bulk(&self) -> bool {
        self.open_transaction
    }

    fn execute(&self, sql: &str, values: impl Params) -> Result<usize> {
        (self.connection)
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(values))
            .map_err(|error| self.failed(error))
    }

    pub(crate) fn set_state(&self, state: State) -> Result<()> {
        self.execute(
            "UPDATE state SET epoch = ?1, generation = ?2, next_slot = ?3 WHERE id = 1",
            (state.epoch.cast_signed(), state.generation.cast_signed(), state.next_slot),
        )?;
        Ok(())
    }

    /// Stores an analysis and returns its number.
    pub(crate) fn put_blob(&self, blob: BlobId, language: Language, heads: &Heads, references: &[u8]) -> Result<i64> {
        let known: Option<i64> = (self.connection)
            .prepare_cached("SELECT id FROM blob WHERE hash = ?1 AND language = ?2")
            .and_then(|mut statement| statement.query_row((blob.0, language.name()), |row| row.get(0)).optional())
            .map_err(|error| self.failed(error))?;
        let id = if let Some(id) = known {
            self.execute("UPDATE blob SET heads = ?2 WHERE id = ?1", (id, heads.bytes()))?;
            id
        } else {
            let row = (blob.0, language.name(), heads.bytes());
            self.execute("INSERT INTO blob(hash, language, heads) VALUES (?1, ?2, ?3)", row)?;
            self.connection.last_insert_rowid()
        };
        self.execute("INSERT OR REPLACE INTO refs(blob, data) VALUES (?1, ?2)", (id, references))?;
        Ok(id)
    }

    /// Adds a file; the version before it has been removed.
    pub(crate) fn put_file(&self, file: &NewFile<'_>) -> Result<()> {
        self.execute(
            "INSERT INTO file(path, blob, vector_key, size, mtime_ns, flags, first_slot, slots, generation)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            (
                file.path,
                file.blob,
                file.vector_key.cast_signed(),
                file.stat.size.cast_signed(),
                file.stat.mtime_ns,
                file.flags.0,
                file.first_slot,
                file.slots,
                file.generation.cast_signed(),
            ),
        )?;
        Ok(())
    }

    /// Changes what the file system says of a file.
    pub(crate) fn touch_file(&self, path: &str, stat: FileStat, flags: FileFlags) -> Result<()> {
        self.execute(
            "UPDATE file SET size = ?2, mtime_ns = ?3, flags = ?4 WHERE path = ?1",
            (path, stat.size.cast_signed(), stat.mtime_ns, flags.0),
        )?;
        Ok(())
    }

    pub(crate) fn remove_file(&self, path: &str) -> Result<()> {
        self.execute("DELETE FROM file WHERE path = ?1", [path])?;
        Ok(())
    }

    /// Notes that tantivy has to forget a file version.
    pub(crate) fn retire(&self, first_slot: u32, generation: u64) -> Result<()> {
        self.execute(
            "INSERT OR REPLACE INTO retired(first_slot, generation) VALUES (?1, ?2)",
            (first_slot, generation.cast_signed()),
        )?;
        Ok(())
    }

    /// Forgets what tantivy has forgotten.
    pub(crate) fn forget_retired(&self, generation: u64) -> Result<()> {
        self.execute("DELETE FROM retired WHERE generation <= ?1", [generation.cast_signed()])?;
        Ok(())
    }

    /// The number of a model, given now if it has none.
    pub(crate) fn put_model(&self, model: &ModelStamp) -> Result<i64> {
        if let Some(id) = self.model(model)? {
            return Ok(id);
        }
        self.execute(
            "INSERT INTO model(name, dimension) VALUES (?1, ?2)",
            (&model.id, (model.dimension as u64).cast_signed()),
        )?;
        Ok(self.connection.last_insert_rowid())
    }

    pub(crate) fn put_vectors(
        &self,
        blob: i64,
        model: i64,
        key: u64,
        generation: u64,
        block: &VectorBlock,
    ) -> Result<()> {
        let (key, generation, data) = (key.cast_signed(), generation.cast_signed(), join_vectors(block));
        let row = rusqlite::params![blob, model, key, generation, data];
        let update = "UPDATE vector SET generation = ?4, data = ?5 WHERE blob = ?1 AND model = ?2 AND key = ?3";
        if self.execute(update, row)? == 0 {
            self.execute("INSERT INTO vector(blob, model, key, generation, data) VALUES (?1, ?2, ?3, ?4, ?5)", row)?;
        }
        Ok(())
    }

    /// Gives out all slots anew in the order of paths, under a new epoch. Tantivy and vector files are void after it.
    pub(crate) fn renumber(&mut self) -> Result<()> {
        let state = self.state()?;
        self.change(|catalog| {
            let files: Vec<(i64, u32)> = catalog
                .list("SELECT rowid, slots FROM file ORDER BY path", (), |row| Ok((row.get(0)?, row.get(1)?)))?;
            let mut next_slot = 0;
            for (id, slots) in files {
                catalog.execute("UPDATE file SET first_slot = ?2 WHERE rowid = ?1", (id, next_slot))?;
                next_slot += slots;
            }
            catalog.execute("DELETE FROM retired", ())?;
            catalog.set_state(State { epoch: random(), generation: state.generation + 1, next_slot })
        })
    }

    /// Deletes analyses and vectors that no live file uses, oldest first, until they take at most as many bytes as
    /// `budget` says when it is told how many they take. With a model, vectors of all others count as unused.
    pub(crate) fn prune(&mut self, budget: impl Fn(u64) -> u64, model: Option<i64>) -> Result<u64> {
        let unused_vectors =
            "SELECT v.rowid, length(v.data) FROM vector v WHERE v.model <> ifnull(?1, v.model) OR NOT EXISTS
            (SELECT 1 FROM file f WHERE f.blob = v.blob AND f.vector_key = v.key) ORDER BY v.rowid";
        let unused_blobs = "SELECT b.id, length(b.heads) + ifnull((SELECT length(data) FROM refs WHERE blob = b.id), 0)
            FROM blob b WHERE ?1 IS ?1 AND NOT EXISTS (SELECT 1 FROM file f WHERE f.blob = b.id) ORDER BY b.id";
        self.change(|catalog| {
            let list = |sql: &str| -> Result<Vec<(i64, i64)>> {
                catalog.list(sql, [model], |row| Ok((row.get(0)?, row.get(1)?)))
            };
            let (vectors, blobs) = (list(unused_vectors)?, list(unused_blobs)?);
            let mut left: u64 = vectors.iter().chain(&blobs).map(|&(_, bytes)| bytes as u64).sum();
            let before = left;
            let budget = budget(left);
            for (id, bytes) in vectors {
                if left > budget {
                    catalog.execute("DELETE FROM vector WHERE rowid = ?1", [id])?;
                    left -= bytes as u64;
                }
            }
            for (id, bytes) in blobs {
                if left > budget {
                    catalog.execute("DELETE FROM vector WHERE blob = ?1", [id])?;
                    catalog.execute("DELETE FROM refs WHERE blob = ?1", [id])?;
                    catalog.execute("DELETE FROM blob WHERE id = ?1", [id])?;
                    left -= bytes as u64;
                }
            }
            Ok(before - left)
        })
    }

    /// Bytes of the pages in use; pages that were freed are used again before the file grows.
    pub(crate) fn used_bytes(&self) -> Result<u64> {
        let pragma = |name: &str| {
            let number = self.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
            number.map(i64::unsigned_abs).map_err(|error| self.failed(error))
        };
        Ok(pragma("page_count")?.saturating_sub(pragma("freelist_count")?) * pragma("page_size")?)
    }

    /// Moves the log into the file, so that the next open reads one file.
    pub(crate) fn checkpoint(&mut self) {
        self.join_checkpoint();
        checkpoint(&self.connection, "TRUNCATE");
    }

    /// Moves a long log into the file on another thread and beside commits.
    pub(crate) fn checkpoint_behind(&mut self) {
        let log = self.path.with_extension("sqlite-wal");
        if std::fs::metadata(log).map_or(0, |meta| meta.len()) >= LONG_LOG {
            self.start_checkpoint();
        }
    }

    /// The same with a log of any length, unless that is under way.
    pub(crate) fn start_checkpoint(&mut self) {
        if self.checkpoint.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        self.join_checkpoint();
        let path = self.path.clone();
        let work = move || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            match Connection::open_with_flags(path, flags) {
                Ok(connection) => checkpoint(&connection, "PASSIVE"),
                Err(error) => tracing::debug!(%error, "checkpoint"),
            }
        };
        self.checkpoint = std::thread::Builder::new().name("checkpoint".into()).spawn(work).ok();
    }

    /// Acts as a disk of that many pages.
    #[cfg(test)]
    pub(crate) fn limit_pages(&self, pages: Option<u32>) {
        let sql = format!("PRAGMA max_page_count = {}", pages.unwrap_or(u32::MAX));
        self.connection.query_row(&sql, [], |_| Ok(())).expect("a pragma");
    }

    fn join_checkpoint(&mut self) {
        if let Some(thread) = self.checkpoint.take() {
            let _ = thread.join();
        }
    }
}

fn checkpoint(connection: &Connection, mode: &str) {
    let outcome: rusqlite::Result<i64> =
        connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get(0));
    if let Err(error) = outcome {
        tracing::debug!(%error, "checkpoint");
    }
}

impl Drop for Catalog {
    /// Nothing of this index is touched once its owner is gone.
    fn drop(&mut self) {
        self.join_checkpoint();
    }
}
