//! The audit log: one JSON document per line for each call of a tool and each refused request. Only the user can read
//! the file; a thread of its own writes it, so that no answer waits for the disk.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    sync::mpsc::{Sender, channel},
};

use serde_json::{Value, json};

use crate::{Error, Result};

/// Longest text of arguments that is kept.
const ARGUMENT_BYTES: usize = 2_000;

/// Where lines go. They are all written when the last clone is gone.
#[derive(Clone, Debug)]
pub struct Audit {
    lines: Sender<String>,
}

impl Audit {
    /// Opens the file, at its end.
    pub fn open(path: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file: File = options.open(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        let (lines, received) = channel::<String>();
        let name = path.to_owned();
        let write = move || {
            for line in received {
                if let Err(error) = file.write_all(line.as_bytes()) {
                    tracing::error!(%error, path = %name.display(), "the audit log cannot be written");
                }
            }
        };
        let started = std::thread::Builder::new().name("audit".to_owned()).spawn(write);
        started.map_err(|source| Error::File { path: path.to_owned(), source })?;
        Ok(Self { lines })
    }

    /// Adds a line with the time and these fields.
    pub(crate) fn add(&self, mut fields: Value) {
        fields["time"] = json!(jiff::Timestamp::now().to_string());
        // The thread ends with the last sender only.
        let _ = self.lines.send(format!("{fields}\n"));
    }
}

/// Arguments as the log keeps them: whole, or as a text that is cut and whose secrets are masked.
pub(crate) fn shown(arguments: &Value) -> Value {
    let text = arguments.to_string();
    let (text, secrets) = conexus_engine::redaction::redact(text);
    if text.len() <= ARGUMENT_BYTES && secrets == 0 {
        return arguments.clone();
    }
    json!(&text[..text.floor_char_boundary(ARGUMENT_BYTES)])
}
