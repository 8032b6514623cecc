//! The built program, run with a home, caches and settings of its own.

use std::{
    ffi::OsStr,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How long one run may take before the test fails.
const DEADLINE: Duration = Duration::from_mins(5);

/// Variables that a program needs from its surroundings; all others are withheld.
const INHERITED: &[&str] = &["PATH", "SystemRoot", "TEMP", "TMP", "TMPDIR", "LLVM_PROFILE_FILE"];

/// A program and the folders it may take for its user's.
pub struct Program {
    file: PathBuf,
    home: TempDir,
}

impl Program {
    /// A program with a home in which nothing lies yet. Tests of the root package pass `env!("CARGO_BIN_EXE_conexus")`.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        let home = tempfile::Builder::new().prefix("conexus-home-").tempdir().expect("a temporary folder");
        std::fs::create_dir(home.path().join("user")).expect("a folder in the temporary folder");
        Self { file: file.into(), home }
    }

    /// Runs another file of the program from now on.
    pub fn set_file(&mut self, file: impl Into<PathBuf>) {
        self.file = file.into();
    }

    /// The folder below which lie its home, caches and settings.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A command that runs in a folder and knows only the home of this value.
    pub fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.file);
        command.current_dir(folder).env_clear().stdin(Stdio::null());
        for name in INHERITED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        for (name, folder) in [
            ("HOME", "user"),
            ("USERPROFILE", "user"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_DATA_HOME", "data"),
            ("LOCALAPPDATA", "cache"),
            ("APPDATA", "config"),
        ] {
            command.env(name, self.home.path().join(folder));
        }
        command
    }

    /// Runs it in a folder to its end.
    #[track_caller]
    pub fn run<I: AsRef<OsStr>>(&self, folder: &Path, arguments: impl IntoIterator<Item = I>) -> Run {
        let mut command = self.command(folder);
        command.args(arguments);
        run(command)
    }

    /// Starts it in a folder; it runs beside the test.
    #[track_caller]
    pub fn start<I: AsRef<OsStr>>(&self, folder: &Path, arguments: impl IntoIterator<Item = I>) -> Running {
        let mut command = self.command(folder);
        command.args(arguments);
        start(command)
    }
}

/// Runs a command to its end, with what it prints captured.
#[track_caller]
pub fn run(command: Command) -> Run {
    start(command).wait()
}

/// Starts a command with what it prints captured.
#[track_caller]
pub fn start(mut command: Command) -> Running {
    let line = format!("{command:?}");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("starting {line}: {error}"));
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    Running { line, child, stdout: Some(stdout), stderr: Some(stderr), started: Instant::now() }
}

/// A program that runs beside the test; killed when the value is dropped.
pub struct Running {
    line: String,
    child: Child,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
    started: Instant,
}

impl Running {
    /// Ends it without a chance to clean up: SIGKILL, or TerminateProcess on Windows.
    pub fn kill(mut self) -> Run {
        // An error means that it ended by itself in time.
        let _ = self.child.kill();
        self.wait()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the state of a child").is_some()
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(mut self) -> Run {
        let mut pause = Duration::from_micros(200);
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the state of a child") {
                break status;
            }
            assert!(self.started.elapsed() < DEADLINE, "{} has not ended after {DEADLINE:?}", self.line);
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        };
        let took = self.started.elapsed();
        let text = |handle: Option<JoinHandle<Vec<u8>>>| {
            let bytes = handle.map(|handle| handle.join().expect("a reader does not panic")).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let (stdout, stderr) = (text(self.stdout.take()), text(self.stderr.take()));
        Run { line: std::mem::take(&mut self.line), status, stdout, stderr, took }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What a killed process had written so far is what there is.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// A run that has ended.
#[derive(Debug)]
pub struct Run {
    line: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed, as text.
    pub stdout: String,
    /// What it said beside.
    pub stderr: String,
    /// From start to end.
    pub took: Duration,
}

impl Run {
    /// Demands an exit code. A failure shows all that was printed.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self}");
        self.expect_no_panic()
    }

    /// Demands one of several exit codes.
    #[track_caller]
    pub fn expect_any(self, codes: &[i32]) -> Self {
        assert!(self.status.code().is_some_and(|code| codes.contains(&code)), "{self}");
        self.expect_no_panic()
    }

    /// Demands that nothing in it panicked, also not where the panic was survived.
    #[track_caller]
    pub fn expect_no_panic(self) -> Self {
        assert!(!self.stderr.contains("panicked at"), "{self}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON: {error}\n{self}"))
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, status, stdout, stderr, took } = self;
        write!(formatter, "{line}\n{status} after {took:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell() -> Program {
        Program::new("/bin/sh")
    }

    #[test]
    fn a_run_knows_nothing_of_its_surroundings() {
        let program = shell();
        let run = program.run(Path::new("/"), ["-c", "echo $HOME; echo $CARGO_MANIFEST_DIR >&2; exit 3"]).expect(3);
        assert_eq!(run.stdout.trim(), program.home().join("user").to_string_lossy());
        assert_eq!(run.stderr, "\n");
    }

    #[test]
    fn a_killed_program_leaves_what_it_printed() {
        let running = shell().start(Path::new("/"), ["-c", "echo begun; exec sleep 100"]);
        std::thread::sleep(Duration::from_millis(50));
        let run = running.kill();
        assert_eq!(run.status.code(), None);
        assert!(run.stdout.is_empty() || run.stdout == "begun\n");
    }

    #[test]
    #[should_panic(expected = "panicked at")]
    fn a_survived_panic_is_a_failure() {
        shell().run(Path::new("/"), ["-c", "echo \"thread 'main' panicked at x.rs\" >&2"]).expect(0);
    }
}
