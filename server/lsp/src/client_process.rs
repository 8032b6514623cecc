//! The process of the client: when it is gone, so is the reason to run.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;

/// How often it is looked for. The end of the stream tells of most deaths at once; this is for a client whose pipe
/// another process still holds open.
const INTERVAL: Duration = Duration::from_secs(1);

/// Tells when a process is gone, from a task of its own.
pub(crate) fn watch(id: i32, gone: Arc<Notify>) {
    tokio::spawn(async move {
        while is_running(id) {
            tokio::time::sleep(INTERVAL).await;
        }
        tracing::info!(id, "the client's process is gone");
        gone.notify_one();
    });
}

/// Whether a process runs. Only a clear no is a no.
#[cfg(unix)]
fn is_running(id: i32) -> bool {
    // 0 and negative numbers mean groups of processes.
    let Some(id) = (id > 0).then(|| rustix::process::Pid::from_raw(id)).flatten() else { return true };
    !matches!(rustix::process::test_kill_process(id), Err(rustix::io::Errno::SRCH))
}

/// On other systems the end of the stream has to tell.
#[cfg(not(unix))]
fn is_running(_: i32) -> bool {
    true
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn processes_come_and_go() {
        assert!(is_running(std::process::id().cast_signed()));
        assert!(is_running(0) && is_running(-1), "no process, so nothing is known");
        let mut child = std::process::Command::new("true").spawn().expect("a child");
        let id = child.id().cast_signed();
        child.wait().expect("it ends");
        assert!(!is_running(id));
    }
}
