//! What a check is asked to do: one validated value.

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{Baseline, Error, Selection, suppress::PathRules};

/// Gives what is to be looked for in a folder; an error is a sentence for the user.
pub type ChecksOf = Arc<dyn Fn(&Path) -> Result<CheckSettings, String> + Send + Sync>;

/// What is looked for in a folder, as its settings say.
pub struct CheckSettings {
    /// Rules and their options; without the findings that are known.
    pub options: Options,
    /// File of the findings that are known; it need not be there.
    pub baseline: PathBuf,
}

/// What to check, and how strictly.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The rules that run.
    pub selection: Selection,
    /// Files and folders whose findings are wanted, workspace-relative with `/`; empty is all of them. Whatever is
    /// wanted, it is compared with the whole workspace.
    pub paths: Vec<String>,
    /// Findings are wanted for what differs from this git revision alone.
    pub changed_since: Option<String>,
    /// Whether git's history is read beside that change; `stale-reference` asks it what was here once.
    pub history: bool,
    /// Rules that find nothing below paths, each with a glob in the syntax of `.gitignore`.
    pub per_path_ignore: Vec<(String, Selection)>,
    /// Findings that are known.
    pub baseline: Option<Baseline>,
    /// Whether comments that ignore nothing are looked for: that reads every file.
    pub report_unused: bool,
    /// Options of `duplicate-code` and `reinvented`.
    pub duplicates: DuplicateOptions,
    /// Options of `unused-symbol`.
    pub unused: UnusedOptions,
    /// Threads; at least 1.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            selection: Selection::default(),
            paths: Vec::new(),
            changed_since: None,
            history: true,
            per_path_ignore: Vec::new(),
            baseline: None,
            report_unused: false,
            duplicates: DuplicateOptions::default(),
            unused: UnusedOptions::default(),
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }
}

/// What counts as the same code.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DuplicateOptions {
    /// Tokens that the body of a function must have to be looked at: words, literals, operators and brackets.
    pub min_tokens: usize,
    /// Share of the tokens that must agree, names and literals left open.
    pub min_similarity: f32,
    /// Whether tests are looked at.
    pub tests: bool,
}

impl Default for DuplicateOptions {
    fn default() -> Self {
        Self { min_tokens: 60, min_similarity: 0.8, tests: false }
    }
}

/// When a symbol counts as unused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnusedOptions {
    /// How sure it must be. A private symbol is unused with 0.95, one of the package with 0.85, where the language says
    /// nothing with 0.5, a public one with 0.3.
    pub min_confidence: f32,
}

impl Default for UnusedOptions {
    fn default() -> Self {
        Self { min_confidence: 0.8 }
    }
}

const TOKENS: RangeInclusive<usize> = 20..=10_000;
const SIMILARITY: RangeInclusive<f32> = 0.7..=1.0;
const CONFIDENCE: RangeInclusive<f32> = 0.0..=1.0;

impl Options {
    /// Refuses values that make no sense; the message names the setting.
    pub fn validate(&self) -> crate::Result<()> {
        PathRules::new(&self.per_path_ignore)?;
        let out_of_range = |setting: &'static str, value: String, low: String, high: String| {
            Err(Error::Option { setting, value, low, high })
        };
        if !TOKENS.contains(&self.duplicates.min_tokens) {
            let (low, high) = (TOKENS.start().to_string(), TOKENS.end().to_string());
            return out_of_range("check.duplicate_code.min_tokens", self.duplicates.min_tokens.to_string(), low, high);
        }
        if !SIMILARITY.contains(&self.duplicates.min_similarity) {
            let (low, high) = (SIMILARITY.start().to_string(), SIMILARITY.end().to_string());
            let value = self.duplicates.min_similarity.to_string();
            return out_of_range("check.duplicate_code.min_similarity", value, low, high);
        }
        if !CONFIDENCE.contains(&self.unused.min_confidence) {
            let (low, high) = (CONFIDENCE.start().to_string(), CONFIDENCE.end().to_string());
            let value = self.unused.min_confidence.to_string();
            return out_of_range("check.unused_symbol.min_confidence", value, low, high);
        }
        Ok(())
    }
}
