//! How processes end, and that a server does not outlive the process that started it.

use std::{process::ExitStatus, time::Duration};

/// How a server ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Death {
    /// By itself, or since somebody asked it to: with this exit code.
    Ended(u8),
    /// Of this.
    Crashed(String),
}

/// Signals by which somebody asks a process to end: SIGHUP, SIGINT, SIGTERM. SIGKILL is not among them: it is how the
/// system ends a process that takes too much memory.
#[cfg(unix)]
const ASKED: [i32; 3] = [1, 2, 15];

/// How a server ended. On Unix each other signal is a crash.
#[cfg(unix)]
pub(super) fn death(status: ExitStatus) -> Death {
    use std::os::unix::process::ExitStatusExt;

    match status.signal() {
        Some(signal) if ASKED.contains(&signal) => Death::Ended(128 + signal as u8),
        // In words, as the system has them: "signal: 11 (SIGSEGV)".
        Some(_) => Death::Crashed(status.to_string().split(" (core").next().unwrap_or_default().to_owned()),
        None => Death::Ended(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
    }
}

/// How a server ended. On Windows exceptions are exit codes such as 0xC0000005, an access violation.
#[cfg(not(unix))]
pub(super) fn death(status: ExitStatus) -> Death {
    const EXCEPTION: u32 = 0xC000_0000;
    /// What is given when a terminal is closed or Ctrl-C is pressed.
    const CONTROL_C: u32 = 0xC000_013A;
    match status.code().map(i32::cast_unsigned) {
        Some(code) if code >= EXCEPTION && code != CONTROL_C => Death::Crashed(format!("exception {code:#x}")),
        code => Death::Ended(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
    }
}

/// How often the parent is looked for.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long the session may take to end by itself: its input has ended with the parent.
const IN_ORDER: Duration = Duration::from_secs(10);

/// In the server: ends this process some seconds after the parent is gone, also when a grammar hangs. Where the system
/// does not tell the parent, the end of the input has to do.
pub fn end_with_parent(parent: u32) {
    let watch = move || {
        while is_parent(parent) {
            std::thread::sleep(INTERVAL);
        }
        std::thread::sleep(IN_ORDER);
        tracing::warn!("the process that started this one is gone, and the session did not end by itself");
        std::process::exit(1);
    };
    if let Err(error) = std::thread::Builder::new().name("parent".to_owned()).spawn(watch) {
        tracing::warn!(%error, "the parent is not watched");
    }
}

#[cfg(unix)]
fn is_parent(id: u32) -> bool {
    std::os::unix::process::parent_id() == id
}

#[cfg(not(unix))]
fn is_parent(_: u32) -> bool {
    true
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn crashes_are_told_from_ends() {
        for (script, expected) in [
            ("exit 0", Death::Ended(0)),
            ("exit 3", Death::Ended(3)),
            ("kill -TERM $$", Death::Ended(143)),
            ("kill -SEGV $$", Death::Crashed("signal: 11 (SIGSEGV)".to_owned())),
            ("kill -ABRT $$", Death::Crashed("signal: 6 (SIGABRT)".to_owned())),
            ("kill -KILL $$", Death::Crashed("signal: 9 (SIGKILL)".to_owned())),
        ] {
            let status = Command::new("sh").args(["-c", script]).status().expect("a shell");
            assert_eq!(death(status), expected, "{script}");
        }
    }
}
