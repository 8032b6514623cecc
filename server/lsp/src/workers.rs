//! Work that takes longer than a moment, away from the tasks that serve.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use conexus_engine::priority::{Yields, yield_to_typing};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tower_lsp::jsonrpc::{Error, Result};

/// Somebody types from an edit on for this long: as long as between two keys of a slow typist.
const TYPING: Duration = Duration::from_secs(1);

/// Threads for answering requests, bounded so that a burst of requests does not start hundreds.
pub(crate) struct Workers {
    slow: Arc<Semaphore>,
    /// How many of them compute while somebody types.
    slow_while_typing: Arc<Semaphore>,
    last_edit: Mutex<Option<Instant>>,
    /// Whose threads yield to those that follow typing; none where threads cannot be started, and all are alike.
    yielding: Option<Runtime>,
    /// For what is asked while somebody types: it is quick and must not queue behind what is slow.
    quick: Arc<Semaphore>,
}

impl Drop for Workers {
    fn drop(&mut self) {
        // A runtime that is dropped would wait for its threads, which a task must not.
        if let Some(yielding) = self.yielding.take() {
            yielding.shutdown_background();
        }
    }
}

/// How much of the machine some work may take from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As much as any program that somebody waits for.
    Waited,
    /// What others leave.
    Yielding,
}

/// Tells the work that nobody waits for it any more: the request was cancelled and its future dropped.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Workers {
    /// As many as there are cores for what may be slow, half of them while somebody types: an edit needs two cores for a
    /// moment, one that parses and one that finds. Twice as many for what is quick: part of that waits for a change to be
    /// analysed.
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get).max(2);
        let yielding = Builder::new_current_thread()
            .thread_name("slow requests")
            .max_blocking_threads(cores)
            .on_thread_start(|| yield_to_typing(Yields::SlowRequest))
            .build()
            .inspect_err(|error| tracing::warn!(%error, "slow requests do not yield to typing"))
            .ok();
        Self {
            slow: Arc::new(Semaphore::new(cores)),
            slow_while_typing: Arc::new(Semaphore::new(cores / 2)),
            last_edit: Mutex::default(),
            yielding,
            quick: Arc::new(Semaphore::new(2 * cores)),
        }
    }

    /// A document was edited.
    pub(crate) fn edited(&self) {
        *self.last_edit.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// How long somebody is still taken to be typing.
    fn typing(&self) -> Option<Duration> {
        let last = *self.last_edit.lock().unwrap_or_else(PoisonError::into_inner);
        TYPING.checked_sub(last?.elapsed()).filter(|left| !left.is_zero())
    }

    /// Waits for a turn while somebody types, and no longer than that. Nothing is waited for but work that computes, so
    /// this ends.
    async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let mut turn = pin!(Arc::clone(&self.slow_while_typing).acquire_owned());
        while let Some(left) = self.typing() {
            if let Ok(turn) = timeout(left, &mut turn).await {
                return turn.ok();
            }
        }
        None
    }

    /// Runs some work. A panic in it is an internal error of the request alone.
    pub(crate) async fn run<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&AtomicBool) -> T + Send + 'static,
    {
        let turn = self.turn().await;
        self.run_until_edited(Pace::Yielding, move |cancel| {
            let _turn = turn;
            work(cancel)
        })
        .await
    }

    /// Runs work that the next edit ends anyway, so that it takes no turn from those who type.
    pub(crate) async fn run_until_edited<T, W>(&self, pace: Pace, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&AtomicBool) -> T + Send + 'static,
    {
        let yielding = self.yielding.as_ref().map(Runtime::handle);
        run(&self.slow, yielding.filter(|_| pace == Pace::Yielding), work).await
    }

    /// Runs work that takes milliseconds, beside whatever is slow.
    pub(crate) async fn run_quick<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&AtomicBool) -> T + Send + 'static,
    {
        run(&self.quick, None, work).await
    }
}

async fn run<T, W>(permits: &Arc<Semaphore>, threads: Option<&Handle>, work: W) -> Result<T>
where
    T: Send + 'static,
    W: FnOnce(&AtomicBool) -> T + Send + 'static,
{
    let permit = Arc::clone(permits).acquire_owned().await.map_err(|_| Error::internal_error())?;
    let cancel = CancelOnDrop(Arc::new(AtomicBool::new(false)));
    let flag = Arc::clone(&cancel.0);
    let span = tracing::Span::current();
    let work = move || {
        let _permit = permit;
        span.in_scope(|| work(&flag))
    };
    let task = match threads {
        Some(threads) => threads.spawn_blocking(work),
        None => tokio::task::spawn_blocking(work),
    };
    task.await.map_err(|error| {
        tracing::error!(%error, "a request's work panicked; the session goes on");
        Error::internal_error()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::mpsc, time::Duration};

    #[tokio::test]
    async fn dropped_work_is_told() {
        let workers = Workers::new();
        let (started, is_started) = mpsc::channel();
        let (told, is_told) = mpsc::channel();
        let work = workers.run(move |cancel| {
            started.send(()).expect("the test listens");
            while !cancel.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            told.send(()).expect("the test listens");
        });
        {
            let mut work = Box::pin(work);
            assert!(futures_util::poll!(&mut work).is_pending());
            is_started.recv_timeout(Duration::from_secs(20)).expect("it starts");
        }
        is_told.recv_timeout(Duration::from_secs(20)).expect("it ends");
    }

    #[tokio::test]
    async fn quick_work_does_not_wait_for_slow_work() {
        let workers = Arc::new(Workers::new());
        let ended = Arc::new(AtomicBool::new(false));
        let slow: Vec<_> = (0..100)
            .map(|_| {
                let (workers, ended) = (Arc::clone(&workers), Arc::clone(&ended));
                tokio::spawn(async move {
                    let wait = move |_: &AtomicBool| {
                        while !ended.load(Ordering::Relaxed) {
                            std::thread::sleep(Duration::from_millis(1));
                        }
                    };
                    workers.run(wait).await
                })
            })
            .collect();
        while workers.slow.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(workers.run_quick(|_| 1).await.expect("an answer"), 1);
        ended.store(true, Ordering::Relaxed);
        for slow in slow {
            slow.await.expect("no panic").expect("an answer");
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn slow_work_yields_to_quick_work() {
        let workers = Workers::new();
        let nice = |_: &AtomicBool| rustix::process::getpriority_process(None).expect("a thread knows its priority");
        let (slow, quick) = (workers.run(nice).await, workers.run_quick(nice).await);
        let own = nice(&AtomicBool::new(false));
        assert_eq!(quick.expect("an answer"), own);
        assert!(slow.expect("an answer") > own.min(9));
    }

    /// The most of that many slow works that computed at once.
    async fn most_at_once(workers: &Arc<Workers>, works: usize) -> usize {
        let counts = Arc::new(Mutex::new((0_usize, 0_usize)));
        let all: Vec<_> = (0..works)
            .map(|_| {
                let (workers, counts) = (Arc::clone(workers), Arc::clone(&counts));
                tokio::spawn(async move {
                    let work = move |_: &AtomicBool| {
                        let count = |more: bool| {
                            let mut counts = counts.lock().expect("no panic");
                            counts.0 = if more { counts.0 + 1 } else { counts.0 - 1 };
                            counts.1 = counts.1.max(counts.0);
                        };
                        count(true);
                        std::thread::sleep(Duration::from_millis(5));
                        count(false);
                    };
                    workers.run(work).await
                })
            })
            .collect();
        for work in all {
            work.await.expect("no panic").expect("an answer");
        }
        counts.lock().expect("no panic").1
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn half_of_the_cores_are_left_to_who_types() {
        let cores = std::thread::available_parallelism().expect("cores").get().max(2);
        let workers = Arc::new(Workers::new());
        let typing = Arc::new(AtomicBool::new(true));
        let typist = tokio::spawn({
            let (workers, typing) = (Arc::clone(&workers), Arc::clone(&typing));
            async move {
                while typing.load(Ordering::Relaxed) {
                    workers.edited();
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        });
        while workers.typing().is_none() {
            tokio::task::yield_now().await;
        }
        let most = most_at_once(&workers, 40).await;
        assert!((1..=cores / 2).contains(&most), "{most} computed while somebody typed");
        typing.store(false, Ordering::Relaxed);
        typist.await.expect("no panic");
    }

    /// Whoever waits for a turn does so for as long as somebody types and no longer, whatever has the turn.
    #[tokio::test]
    async fn the_end_of_typing_ends_the_wait_for_a_turn() {
        let workers = Workers::new();
        let all = workers.slow_while_typing.available_permits() as u32;
        let taken = Arc::clone(&workers.slow_while_typing).acquire_many_owned(all).await.expect("open");
        workers.edited();
        let started = Instant::now();
        assert_eq!(workers.run(|_| 1).await.expect("an answer"), 1);
        assert!(started.elapsed() * 2 >= TYPING, "it waited for its turn");
        drop(taken);
        workers.edited();
        assert_eq!(workers.run(|_| 2).await.expect("an answer"), 2);
        assert_eq!(workers.slow_while_typing.available_permits() as u32, all, "turns come back");
    }

    #[tokio::test]
    async fn a_panic_stays_inside() {
        let workers = Workers::new();
        for _ in 0..100 {
            workers.edited();
            let error = workers.run(|_| panic!("as the test wants it")).await.map(|(): ()| ()).expect_err("an error");
            assert_eq!(error.code.code(), -32603);
        }
        assert_eq!(workers.run(|_| 1).await.expect("the permits came back"), 1);
    }
}
