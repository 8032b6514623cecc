//! Signals by which somebody asks this process to end.

use std::io;

/// SIGINT, or what stands for it.
const INTERRUPT: i32 = 2;

/// Waits until the process is asked to end, by SIGINT, SIGTERM or what stands for them: the number of the signal. From the
/// call on, within a runtime, these no longer end the process by themselves.
#[cfg(unix)]
pub(crate) fn asked_to_end() -> io::Result<impl Future<Output = i32> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => INTERRUPT,
            _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
        }
    })
}

#[cfg(not(unix))]
pub(crate) fn asked_to_end() -> io::Result<impl Future<Output = i32> + Send> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
        INTERRUPT
    })
}

/// Calls `act` with the number of the signal, on a thread of its own, when the process is asked to end by SIGINT, SIGTERM or
/// what stands for them. When this returns, these no longer end the process by themselves.
pub fn when_asked_to_end(act: impl FnOnce(i32) + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let asked = {
        let _within = runtime.enter();
        asked_to_end()?
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || act(runtime.block_on(asked)))?;
    Ok(())
}
