//! Lets threads whose work can wait yield to those that somebody waits for while typing.

/// What a thread does that yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yields {
    /// It keeps the index up to the disk.
    Indexing,
    /// It answers what may take long.
    SlowRequest,
}

impl Yields {
    /// As `nice` counts: a thread that yields by 5 gets a third of a core that another wants too, by 10 a tenth.
    #[cfg(target_os = "linux")]
    fn nice(self) -> i32 {
        match self {
            Self::Indexing => 5,
            Self::SlowRequest => 10,
        }
    }
}

/// The calling thread yields from now on, and so do threads that it starts; it cannot be taken back. Where a thread has
/// no priority of its own (outside of Linux a process has one) nothing happens.
pub fn yield_to_typing(work: Yields) {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, work.nice()) {
        tracing::debug!(%error, ?work, "a thread keeps its priority");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = work;
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn one_thread_yields_and_not_the_others() {
        let nice = || rustix::process::getpriority_process(None).expect("a thread knows its priority");
        let before = nice();
        for work in [Yields::Indexing, Yields::SlowRequest] {
            let yielded = std::thread::spawn(move || {
                yield_to_typing(work);
                nice()
            });
            assert!(yielded.join().expect("no panic") > before.min(work.nice() - 1));
        }
        assert_eq!(nice(), before);
    }
}
