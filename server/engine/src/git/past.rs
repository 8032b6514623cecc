//! What a repository had once: files that were moved or deleted, words that were removed.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    io::{BufRead, BufReader},
    path::Path,
    sync::mpsc,
    time::{Duration, Instant},
};

use conexus_core::words;

use super::command;

/// Files that were moved or deleted, as far back as there was time to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past {
    renamed: HashMap<String, String>,
    gone: HashSet<String>,
}

impl Past {
    /// Whether a file was once at a path, and was moved or deleted.
    pub fn had(&self, path: &str) -> bool {
        self.gone.contains(path)
    }

    /// Where a file is now that was once at a path, over any number of moves; the path itself need not exist any more.
    pub fn now(&self, path: &str) -> Option<&str> {
        let mut at = self.renamed.get(path)?;
        // A file may have been moved in a circle.
        for _ in 0..16 {
            match self.renamed.get(at) {
                Some(next) if next != path => at = next,
                _ => break,
            }
        }
        Some(at)
    }
}

/// Reads which files were moved or deleted, newest commit first, for at most that time. Nothing without a repository.
pub fn past(folder: &Path, time: Duration) -> Past {
    let mut past = Past::default();
    let arguments =
        ["log", "--relative", "--diff-filter=DR", "--find-renames", "--name-status", "--format=", "--no-color", "-z"];
    let mut fields: Vec<String> = Vec::new();
    lines(folder, &arguments, b'\0', time, &mut |field| {
        fields.push(field.trim_matches('\n').to_owned());
        let wanted = if fields[0].starts_with('R') { 3 } else { 2 };
        if fields.len() == wanted {
            // The newest commit that moved a path says where it went.
            if let [_, from, to] = fields.as_slice() {
                past.renamed.entry(from.clone()).or_insert_with(|| to.clone());
            }
            past.gone.insert(fields[1].clone());
            fields.clear();
        }
    });
    past
}

/// Which of some words stood in lines that were removed, as far back as there is time to look.
pub fn removed_words(folder: &Path, wanted: &BTreeSet<String>, time: Duration) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let arguments =
        ["log", "--relative", "--patch", "--unified=0", "--no-color", "--no-ext-diff", "--no-textconv", "--format="];
    lines(folder, &arguments, b'\n', time, &mut |line| {
        if let Some(removed) = line.strip_prefix('-') {
            for word in words::identifiers(removed).filter(|word| wanted.contains(*word)) {
                found.insert(word.to_owned());
            }
        }
    });
    found
}

/// Runs git and hands over what it prints piece by piece, for at most that time.
fn lines(folder: &Path, arguments: &[&str], end: u8, time: Duration, each: &mut dyn FnMut(&str)) {
    let deadline = Instant::now() + time;
    let Ok(mut child) = command(folder).args(arguments).stdout(std::process::Stdio::piped()).spawn() else { return };
    let Some(stdout) = child.stdout.take() else { return };
    let (sender, receiver) = mpsc::sync_channel::<Vec<Vec<u8>>>(64);
    let reader = std::thread::spawn(move || {
        let mut pieces = BufReader::with_capacity(1 << 16, stdout).split(end).map_while(Result::ok);
        loop {
            let batch: Vec<_> = pieces.by_ref().take(256).collect();
            if batch.is_empty() || sender.send(batch).is_err() {
                return;
            }
        }
    });
    while let Ok(batch) = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        for piece in &batch {
            each(&String::from_utf8_lossy(piece));
        }
    }
    // What was read is used; it is of no matter how git takes its end.
    let _ = child.kill();
    let _ = child.wait();
    drop(receiver);
    let _ = reader.join();
}
