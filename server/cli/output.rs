//! Where answers go: stdout, buffered, coloured only where that is wanted.

use std::io::{self, BufWriter, IsTerminal, Write};

use anyhow::Result;

use super::arguments::Color;

/// The answer of a command.
pub(crate) struct Output {
    writer: BufWriter<io::Stdout>,
    color: bool,
    json: bool,
}

/// A style of text on a terminal, as ANSI codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// A path.
    Path,
    /// A line number or another thing in the background.
    Faint,
    /// A name.
    Name,
    /// Text that matches the query.
    Match,
    /// A line that a diff adds.
    Added,
    /// A line that a diff removes.
    Removed,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Path => "35",
            Self::Faint => "2",
            Self::Name => "1",
            Self::Match => "1;31",
            Self::Added => "32",
            Self::Removed => "31",
        }
    }
}

impl Output {
    /// Writes to stdout.
    pub(crate) fn stdout(json: bool, color: Color) -> Self {
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        };
        Self { writer: BufWriter::new(io::stdout()), color, json }
    }

    /// The text in a style, when colours are on.
    pub(crate) fn styled(&self, style: Style, text: &str) -> String {
        if self.is_styled() { format!("\x1b[{}m{text}\x1b[0m", style.code()) } else { text.to_owned() }
    }

    /// Whether colours are on.
    pub(crate) fn is_styled(&self) -> bool {
        self.color && !self.json
    }

    /// Whether the answer is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Writes a JSON document and a line break.
    pub(crate) fn json(&mut self, value: &serde_json::Value) -> Result<()> {
        serde_json::to_writer_pretty(&mut self.writer, value)?;
        writeln!(self.writer)?;
        Ok(())
    }

    /// Writes what is buffered.
    pub(crate) fn finish(&mut self) -> Result<()> {
        Ok(self.writer.flush()?)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Text of a repository with control characters made visible, so that a file name or a line of code cannot steer the terminal.
pub(crate) fn printable(text: &str) -> std::borrow::Cow<'_, str> {
    if text.chars().any(|character| character.is_control() && character != '\t') {
        text.chars()
            .map(|character| match character {
                '\t' => character,
                '\0'..='\x1f' => char::from_u32(0x2400 + character as u32).unwrap_or('\u{fffd}'),
                character if character.is_control() => '\u{fffd}',
                character => character,
            })
            .collect::<String>()
            .into()
    } else {
        text.into()
    }
}

/// Whether an error only says that nobody reads the answer any more.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|error| error.io_error_kind() == Some(io::ErrorKind::BrokenPipe))
    })
}

/// Tells an error on stderr.
pub(crate) fn error(error: &anyhow::Error) {
    let _ = writeln!(io::stderr(), "conexus: {error:#}");
}

/// Tells something on stderr.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "conexus: {text}");
}
