//! Runs git for as long as somebody waits for what it says.

use std::{
    io::Read,
    process::{Command, Stdio},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

/// How soon it is noticed that nobody waits any more.
pub(super) const LOOK: Duration = Duration::from_millis(20);
/// Bytes that are handed over at once, and how many such pieces may lie between git and its reader.
const PIECE: usize = 1 << 16;
const PIECES: usize = 16;

/// How a run of git ended.
pub(super) struct Ended {
    /// It came to its end by itself, and was content.
    pub(super) is_good: bool,
    /// It was killed: its time was over, or nobody waited any more.
    pub(super) is_cut: bool,
    /// What it said against it, where the command has its standard error piped.
    pub(super) complaint: String,
}

/// Runs a command and hands over what it prints, piece by piece, until it ends by itself. It is killed at the deadline and
/// when nobody waits any more. `None` when it cannot be started.
pub(super) fn read(
    command: &mut Command,
    deadline: Option<Instant>,
    cancel: &AtomicBool,
    each: &mut dyn FnMut(&[u8]),
) -> Option<Ended> {
    let mut child = command.stdout(Stdio::piped()).spawn().ok()?;
    let mut stdout = child.stdout.take()?;
    let stderr = child.stderr.take();
    let (sender, receiver) = mpsc::sync_channel(PIECES);
    let reader = std::thread::spawn(move || {
        let mut buffer = vec![0; PIECE];
        while let Ok(read @ 1..) = stdout.read(&mut buffer) {
            if sender.send(buffer[..read].to_vec()).is_err() {
                return;
            }
        }
    });
    let complaints = stderr.map(|mut stderr| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).trim().to_owned()
        })
    });
    let is_cut = loop {
        let left = deadline.map_or(LOOK, |deadline| deadline.saturating_duration_since(Instant::now()));
        match receiver.recv_timeout(left.min(LOOK)) {
            Ok(piece) => each(&piece),
            Err(mpsc::RecvTimeoutError::Disconnected) => break false,
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
        if cancel.load(Ordering::Relaxed) || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            break true;
        }
    };
    if is_cut {
        // What was read is used; it is of no matter how git takes its end.
        let _ = child.kill();
    }
    let is_good = child.wait().is_ok_and(|status| status.success()) && !is_cut;
    drop(receiver);
    let _ = reader.join();
    let complaint = complaints.and_then(|complaints| complaints.join().ok()).unwrap_or_default();
    Some(Ended { is_good, is_cut, complaint })
}

/// What a command prints; `None` when it fails, and when nobody waits any more.
pub(super) fn output(command: &mut Command, cancel: &AtomicBool) -> Option<Vec<u8>> {
    let mut output = Vec::new();
    let ended = read(command, None, cancel, &mut |piece| output.extend_from_slice(piece))?;
    ended.is_good.then_some(output)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_with_its_time_and_with_whoever_waits() {
        let never = AtomicBool::new(false);
        let endless = || {
            let mut command = Command::new("sh");
            command.args(["-c", "echo begun; exec sleep 600"]);
            command
        };
        let started = Instant::now();
        let mut said = Vec::new();
        let soon = Instant::now() + Duration::from_millis(300);
        let ended =
            read(&mut endless(), Some(soon), &never, &mut |piece| said.extend_from_slice(piece)).expect("it starts");
        assert!(ended.is_cut && !ended.is_good);
        assert_eq!(said, b"begun\n");
        let cancel = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(100));
                cancel.store(true, Ordering::Relaxed);
            });
            assert_eq!(output(&mut endless(), &cancel), None);
        });
        assert!(started.elapsed() < Duration::from_mins(1), "{:?}", started.elapsed());
    }

    #[test]
    fn what_is_said_is_handed_over_whole() {
        let never = AtomicBool::new(false);
        let mut command = Command::new("sh");
        // More than a pipe holds, on both of its ends.
        command.args(["-c", "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; echo no >&2; exit 3"]);
        let mut count = 0;
        let ended =
            read(command.stderr(Stdio::piped()), None, &never, &mut |piece| count += piece.len()).expect("it starts");
        assert!(!ended.is_good && !ended.is_cut && ended.complaint.ends_with("no"), "{}", ended.complaint.len());
        assert_eq!(count, 300_000);
        assert_eq!(output(Command::new("echo").arg("x"), &never).as_deref(), Some(&b"x\n"[..]));
        assert_eq!(output(&mut Command::new("/no/such/program"), &never), None);
    }
}
