//! The thin process between a client and the server: it passes messages on, and starts another server when one crashes.
//!
//! A grammar is C code, and a crash in it ends its process. So `conexus lsp` is two processes: this one holds no index and
//! parses nothing but the envelope of each message, and what it needs to bring another server to where the last one was
//! (`known`). Threads pass the messages, one for each way, since a runtime would add its own hops to every keystroke.
//!
//! The server ends with its client: its input is closed when the client's is, and when this process ends in whatever way.

mod known;
mod process;

use std::{
    io::{self, Read, Write},
    pin::Pin,
    process::{ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::io::{AsyncRead, ReadBuf};

use crate::framing::{Frame, FrameReader, framed};
pub use process::end_with_parent;

use known::{Crash, FromServer, Known, Pass, Runs};
use process::{Death, death};

/// Crashes within [`CRASH_WINDOW`] after which no other server is started: then the client's own rules for servers that
/// end apply. Editors give up after as many or fewer.
const MOST_CRASHES: usize = 5;
const CRASH_WINDOW: Duration = Duration::from_mins(3);
/// Exit code when no other server is started.
const GAVE_UP: u8 = 2;

/// What the two directions share. Whoever takes several locks takes them in this order.
struct Shared {
    /// The input of the server that runs.
    server: Mutex<Option<ChildStdin>>,
    known: Mutex<Known>,
    client: Mutex<Box<dyn Write + Send>>,
}

/// How the client's side ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    /// It said `exit`.
    Exit,
    /// Its stream ended.
    Closed,
}

/// Stands between the client on standard input and output and servers that `server` starts, until one of them ends.
/// Returns the exit code.
pub fn run(server: impl FnMut() -> Command) -> io::Result<u8> {
    relay(io::stdin(), Box::new(io::stdout()), server)
}

fn relay(
    input: impl Read + Send + Unpin + 'static,
    output: Box<dyn Write + Send>,
    mut server: impl FnMut() -> Command,
) -> io::Result<u8> {
    let shared = Arc::new(Shared { server: Mutex::default(), known: Mutex::default(), client: Mutex::new(output) });
    let (left, has_left) = channel();
    let mut from_client = Some((input, left));
    let mut crashes: Vec<Instant> = Vec::new();
    loop {
        let mut child = server().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        shared.restart(input);
        if let Some((input, left)) = from_client.take() {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("from client".to_owned())
                .spawn(move || shared.read_client(input, &left))?;
        }
        if let Some(output) = output {
            shared.read_server(output);
        }
        let status = child.wait()?;
        let signal = match death(status) {
            Death::Ended(code) => return Ok(code),
            Death::Crashed(signal) => signal,
        };
        tracing::error!(signal, "the server crashed");
        let crash = shared.crashed();
        shared.tell(&crash.messages);
        if crash.is_over {
            return Ok(after_the_end(&has_left));
        }
        crashes.retain(|crash| crash.elapsed() < CRASH_WINDOW);
        crashes.push(Instant::now());
        if crashes.len() >= MOST_CRASHES {
            shared.tell(&[known::gave_up(crashes.len(), CRASH_WINDOW, &signal)]);
            return Ok(GAVE_UP);
        }
        shared.tell(&[known::started_again(&signal)]);
    }
}

/// The exit code when a server crashed after it was asked to shut down, or after the client left.
fn after_the_end(has_left: &Receiver<Left>) -> u8 {
    match has_left.recv() {
        Ok(Left::Exit) => 0,
        Ok(Left::Closed) | Err(_) => 1,
    }
}

impl Shared {
    fn server(&self) -> MutexGuard<'_, Option<ChildStdin>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings a new server to where the last one was and sends it what comes from now on.
    fn restart(&self, input: Option<ChildStdin>) {
        let mut server = self.server();
        let Some(mut input) = input else { return };
        let replayed = self.known().replay();
        // It fails when this one has crashed as well, which its end tells.
        let written = replayed.iter().try_for_each(|message| input.write_all(&framed(message)));
        if let Err(error) = written {
            tracing::warn!(%error, "the server does not read");
        }
        *server = (!self.known().has_left()).then_some(input);
    }

    /// From now on messages of the client wait for another server.
    fn crashed(&self) -> Crash {
        let mut server = self.server();
        drop(server.take());
        self.known().crashed()
    }

    fn read_client(&self, input: impl Read + Unpin, left: &Sender<Left>) {
        let mut said_exit = false;
        each_frame(input, |frame| {
            let body = match frame {
                Frame::Message(body) => body,
                Frame::Malformed(why) => return self.tell(&[known::malformed(&why)]),
            };
            let mut server = self.server();
            let runs = if server.is_some() { Runs::Yes } else { Runs::No };
            let pass = self.known().client_says(&body, runs);
            said_exit |= pass == Pass::Exit;
            let body = match pass {
                Pass::AsIs | Pass::Exit => body,
                Pass::Other(changed) => changed,
                Pass::Nothing => return,
            };
            if let Some(input) = &mut *server {
                // A server that has crashed is told again what it must know.
                let _ = input.write_all(&framed(&body)).and_then(|()| input.flush());
            }
        });
        let mut server = self.server();
        self.known().left();
        // The server ends when its input does.
        drop(server.take());
        let _ = left.send(if said_exit { Left::Exit } else { Left::Closed });
    }

    /// Until the server's output ends.
    fn read_server(&self, output: ChildStdout) {
        each_frame(output, |frame| match frame {
            Frame::Message(body) => {
                let pass = self.known().server_says(&body);
                match pass {
                    FromServer::AsIs => self.tell(&[body]),
                    FromServer::Other(changed) => self.tell(&[changed]),
                    FromServer::Answer(body) => {
                        // A server reads whether or not its output is read, so this does not wait.
                        if let Some(input) = &mut *self.server() {
                            let _ = input.write_all(&framed(&body));
                        }
                    }
                    FromServer::Nothing => {}
                }
            }
            Frame::Malformed(why) => tracing::error!(why, "the server wrote what is no message"),
        });
    }

    /// Writes messages to the client. An error means that it is gone, which its input tells.
    fn tell(&self, messages: &[Vec<u8>]) {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        for message in messages {
            let _ = client.write_all(&framed(message));
        }
        let _ = client.flush();
    }
}

/// Hands over each message of a stream until it ends.
fn each_frame(stream: impl Read + Unpin, mut take: impl FnMut(Frame)) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else { return };
    runtime.block_on(async {
        let mut frames = FrameReader::new(Blocking(stream));
        loop {
            match frames.next().await {
                Ok(Some(frame)) => take(frame),
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "a stream cannot be read");
                    return;
                }
            }
        }
    });
}

/// A stream that is read where it is polled, on a thread that has nothing else to do.
struct Blocking<R>(R);

impl<R: Read + Unpin> AsyncRead for Blocking<R> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.0.read(buffer.initialize_unfilled()) {
                Ok(read) => {
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}
