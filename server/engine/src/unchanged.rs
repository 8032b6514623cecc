//! A look at whether an index is up to date that does not open it: the walk's sizes and times against those that the
//! catalog lists. Opening reads all names of all symbols, which costs more than the walk.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use conexus_core::Generation;
use conexus_embed::EmbedderSettings;
use conexus_index::{Listing, Store};

use crate::{
    Embedding, Host, IndexReport, Location, Progress, Result, Settings, content,
    crashes::Crashes,
    indexing::stat,
    live::Activity,
    models::Models,
    standing::Standing,
    walk::{self, Walk, WalkRules},
};

/// What came of a look.
#[derive(Debug)]
pub enum Looked {
    /// Every file is as it was, and the index has nothing to do.
    Unchanged {
        /// What [`Host::index`] would say.
        report: IndexReport,
        /// The state of the index.
        generation: Generation,
    },
    /// Something differs, or may; with the walk that found it, for [`Host::index_from`].
    Changed(Walk),
    /// The index has to be opened to know more: there is none, another process owns it, or it has something to do itself.
    Unknown,
}

impl Host {
    /// Looks whether the index of a workspace is up to date, without opening it. While it looks it owns the index. A file
    /// that changed within the clock's grain before it was indexed, an ignore file or a setting that brings other files
    /// in, vectors that are missing, and what a killed process has left: none of them is [`Looked::Unchanged`].
    pub fn look(location: &Location, settings: &Settings) -> Result<Looked> {
        let started = Instant::now();
        if !location.has_index() || !has_instant_model(settings) || Crashes::has_dead(settings.crashes_dir(location)) {
            return Ok(Looked::Unknown);
        }
        let store_settings = Self::store_settings(location, settings);
        let models = Models::open(&settings.embedding, &location.index_dir, &store_settings)?;
        let store_settings = models.store_settings(&store_settings);
        let rules = WalkRules::of(location, settings);
        let stop = AtomicBool::new(false);
        let (walk, listing) = std::thread::scope(|scope| {
            let walker = scope.spawn(|| walk::walk(&location.root, &rules, &stop));
            let listing = Store::list(&location.index_dir, &store_settings);
            match &listing {
                Some(listing) => {
                    let activity = Activity::Running(Progress::Walking);
                    Standing { activity, ends: true, ..Standing::DETACHED }.tell(listing.voice());
                }
                None => stop.store(true, Ordering::Relaxed),
            }
            (walker.join().expect("walking does not panic"), listing)
        });
        let (Some(listing), walk) = (listing, walk?) else { return Ok(Looked::Unknown) };
        let mut report = IndexReport::of(&walk, settings);
        if !is_same(&walk, &listing, &location.root, settings, &mut report) {
            return Ok(Looked::Changed(walk));
        }
        report.files = listing.files.len() as u64;
        report.chunks = listing.chunks;
        report.elapsed = started.elapsed();
        Ok(Looked::Unchanged { report, generation: listing.generation })
    }
}

/// Whether vectors are made where the text is, so that none is made behind everything else.
fn has_instant_model(settings: &Settings) -> bool {
    match &settings.embedding {
        Embedding::Off => true,
        Embedding::Model(model) => matches!(model, EmbedderSettings::Builtin | EmbedderSettings::StaticFile { .. }),
    }
}

/// Whether a walk found what is listed. What it found beside that, and what turns out to be no text, is passed over once
/// more, as each run does.
fn is_same(walk: &Walk, listing: &Listing, root: &Path, settings: &Settings, report: &mut IndexReport) -> bool {
    let mut listed = listing.files.iter().peekable();
    let mut unlisted = Vec::new();
    for found in &walk.files {
        match listed.next_if(|file| *file.path == *found.path) {
            Some(file) if file.stat == stat(found) => {}
            Some(_) => return false,
            None => unlisted.push(found),
        }
    }
    if listed.next().is_some() {
        return false;
    }
    unlisted.iter().all(|found| match content::read(&root.join(&found.path), settings.max_file_bytes) {
        Ok(_) => false,
        Err(skip) => {
            report.skipped.add(skip, &found.path);
            true
        }
    })
}
