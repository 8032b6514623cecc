//! How long something may compute: what a text is found to hold must not depend on what else the machine does.

use std::{
    cell::Cell,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use cpu_time::ThreadTime;

/// Processor time that the calling thread may spend.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    time: Duration,
    /// The processor time is asked for only when as much time has passed at all: that takes a call of the system.
    began: Instant,
    spent: ThreadTime,
}

impl Budget {
    /// It counts from now on.
    pub(crate) fn of(time: Duration) -> Self {
        Self { time, began: Instant::now(), spent: ThreadTime::now() }
    }

    /// Processor time since then.
    fn used(&self) -> Duration {
        self.spent.elapsed()
    }

    /// Whether to go on, for the callbacks of the parser.
    pub(crate) fn check(&self) -> ControlFlow<()> {
        if self.began.elapsed() >= self.time && self.used() >= self.time {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// When a text is not parsed to its end although there is time left: because something else waits.
#[derive(Clone, Copy)]
pub struct GiveUp<'a> {
    /// Processor time that the parser has in any case.
    pub after: Duration,
    /// Asked from then on, every few microseconds.
    pub when: &'a dyn Fn() -> bool,
}

impl GiveUp<'_> {
    /// Nothing else waits.
    pub const NEVER: GiveUp<'static> = GiveUp { after: Duration::MAX, when: &|| false };
}

/// A [`GiveUp`] while a text is parsed.
pub(crate) struct Patience<'a> {
    least: Budget,
    give_up: GiveUp<'a>,
    is_over: Cell<bool>,
}

impl<'a> Patience<'a> {
    /// It counts from now on.
    pub(crate) fn of(give_up: GiveUp<'a>) -> Self {
        Self { least: Budget::of(give_up.after), give_up, is_over: Cell::new(false) }
    }

    /// Whether to go on; once it is over it stays so.
    pub(crate) fn check(&self) -> ControlFlow<()> {
        if !self.is_over() && self.least.check().is_break() && (self.give_up.when)() {
            self.is_over.set(true);
        }
        if self.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.get()
    }

    /// Processor time since it counts.
    pub(crate) fn used(&self) -> Duration {
        self.least.used()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_costs_nothing_and_computing_does() {
        let time = Duration::from_millis(50);
        let budget = Budget::of(time);
        std::thread::sleep(3 * time);
        assert_eq!(budget.check(), ControlFlow::Continue(()), "other threads had the processor");
        let long = Instant::now();
        while budget.check().is_continue() {
            assert!(long.elapsed() < Duration::from_mins(1), "it never ends");
            std::hint::spin_loop();
        }
        assert_eq!(Budget::of(Duration::ZERO).check(), ControlFlow::Break(()));
    }
}
