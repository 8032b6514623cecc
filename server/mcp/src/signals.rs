//! Signals by which somebody asks this process to end.

use std::io;

/// SIGINT, or what stands for it.
const INTERRUPT: i32 = 2;

/// Waits until the process is asked to end, by SIGINT, SIGTERM or what stands for them: the number of the signal.
#[cfg(unix)]
pub(crate) async fn asked_to_end() -> io::Result<i32> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.map(|()| INTERRUPT),
        _ = terminate.recv() => Ok(SignalKind::terminate().as_raw_value()),
    }
}

#[cfg(not(unix))]
pub(crate) async fn asked_to_end() -> io::Result<i32> {
    tokio::signal::ctrl_c().await.map(|()| INTERRUPT)
}

/// Blocks the thread until the process is asked to end, by SIGINT, SIGTERM or what stands for them: the number of the
/// signal. These no longer end the process by themselves.
pub fn wait_for_signal() -> io::Result<i32> {
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(asked_to_end())
}
