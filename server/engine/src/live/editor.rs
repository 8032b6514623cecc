//! What a live workspace may ask of the editor that shows it.

use std::{
    ops::Range,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

/// An editor. Its methods wait for the person or the program, so they are called on threads that may wait. The error is a
/// sentence for the one who asked.
pub trait Editor: Send + Sync {
    /// Shows lines of a file, numbered from 0.
    fn show(&self, file: &Path, lines: Range<u32>, patience: Patience<'_>) -> Result<(), String>;

    /// Proposes edits of one file, as one change that can be undone; `label` says what it is for. They are refused when the
    /// editor has another text than the one that they are for, secrets masked.
    fn propose(
        &self,
        file: &Path,
        text: &Arc<str>,
        edits: &[LineEdit],
        label: &str,
        patience: Patience<'_>,
    ) -> Result<(), String>;
}

/// How long an answer is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience<'a> {
    /// At most.
    pub time: Duration,
    /// No longer once this is set.
    pub cancel: &'a AtomicBool,
}

/// New text for whole lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineEdit {
    /// The lines that go, numbered from 0; an empty range inserts before its start.
    pub lines: Range<u32>,
    /// What comes in their place, with its line ends. Behind a last line without one, a line end comes before it.
    pub text: String,
}
