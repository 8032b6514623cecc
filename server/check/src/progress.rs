//! How far a check is, for whoever waits for it.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use crate::Rule;

/// How far a check is. The check writes it, other threads read it as often as they like.
#[derive(Debug, Default)]
pub struct Progress {
    stage: Mutex<Option<Stage>>,
    done: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
struct Stage {
    rule: Rule,
    what: &'static str,
    total: u64,
}

/// What a check is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The rule that runs.
    pub rule: Rule,
    /// What of its work, such as "comparing functions".
    pub what: &'static str,
    /// Items that are done, at most `total`.
    pub done: u64,
    /// Items that there are.
    pub total: u64,
}

impl Progress {
    /// What is being done; nothing before the first step.
    pub fn now(&self) -> Option<Step> {
        let Stage { rule, what, total } = (*self.stage.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(Step { rule, what, done: self.done.load(Ordering::Relaxed).min(total), total })
    }

    pub(crate) fn begin(&self, rule: Rule, what: &'static str, total: usize) {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        *stage = Some(Stage { rule, what, total: total as u64 });
        self.done.store(0, Ordering::Relaxed);
    }

    pub(crate) fn advance(&self, items: usize) {
        self.done.fetch_add(items as u64, Ordering::Relaxed);
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rule, what, done, total } = self;
        write!(formatter, "{}: {what}, {done} of {total}", rule.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_of_the_step_that_runs() {
        let progress = Progress::default();
        assert_eq!(progress.now(), None);
        progress.begin(Rule::DuplicateCode, "comparing functions", 20);
        progress.advance(16);
        assert_eq!(progress.now().expect("a step").to_string(), "duplicate-code: comparing functions, 16 of 20");
        progress.advance(16);
        assert_eq!(progress.now().expect("a step").done, 20);
        progress.begin(Rule::UnusedSymbol, "looking for mentions", 3);
        assert_eq!(progress.now().expect("a step").done, 0);
    }
}
