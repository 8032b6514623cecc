//! Parsing a suspect in a process of its own.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::Subject;

/// Time for a trial, several times that of a parse and a query together: a grammar that does not come back is as bad as
/// one that crashes.
const TIME: Duration = Duration::from_secs(10);

/// Whether parsing a text, and running a query over it, ends well in another process.
pub(super) fn survives(program: &Path, subject: &Subject<'_>, query: Option<&str>) -> bool {
    let mut command = Command::new(program);
    command.arg("try-to-parse").arg("--language").arg(subject.language.name());
    if let Some(query) = query {
        command.arg("--query").arg(query);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(windows)]
    {
        // Without a window of its own.
        const CREATE_NO_WINDOW: u32 = 0x0800_0000;
        std::os::windows::process::CommandExt::creation_flags(&mut command, CREATE_NO_WINDOW);
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            tracing::warn!(%error, program = %program.display(), "nothing can be tried, so what is suspected is set aside");
            return false;
        }
    };
    if let Some(mut input) = child.stdin.take() {
        // It reads all of it before it parses; an error is seen in its end.
        let _ = input.write_all(subject.text.as_bytes());
    }
    let started = Instant::now();
    let mut pause = Duration::from_micros(500);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if started.elapsed() < TIME => std::thread::sleep(pause),
            Ok(None) | Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
        }
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}
