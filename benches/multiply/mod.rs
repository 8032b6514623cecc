//! Large workspaces out of real ones: variants of the same trees whose words differ by a seeded rule.
//!
//! Plain copies make thousands of chunks that score alike, which no real workspace has. Here every variant after the
//! first replaces two fifths of the words that identifiers, comments and paths are made of by other words of the same
//! trees that are about as frequent, always the same word by the same one. The most frequent words, keywords among
//! them, stay, so that the code parses as before; lengths, the distribution of words and the shape of the code stay too.

use std::{collections::HashMap, path::Path, sync::atomic::AtomicBool};

use conexus_engine::walk;

/// The most frequent words, which stay: the keywords of all languages are among them.
const KEPT: usize = 500;
/// Words are replaced by one of this many neighbours in the order of frequency; a power of two.
const NEIGHBOURS: usize = 64;
/// How many words in a hundred are replaced.
const REPLACED: u64 = 40;

/// Writes `copies` variants of all trees into a folder.
pub(crate) fn multiply(folders: &[std::path::PathBuf], copies: usize, into: &Path) {
    let rules = walk::WalkRules {
        threads: 2,
        hidden: false,
        ignore_files: true,
        max_file_bytes: 2 << 20,
        index_dir: None,
        exclude: Vec::new(),
        sources: Vec::new(),
    };
    let trees: Vec<_> = (folders.iter())
        .map(|folder| (folder, walk::walk(folder, &rules, &AtomicBool::new(false)).unwrap().files))
        .collect();
    let mut frequencies: HashMap<String, usize> = HashMap::new();
    for (folder, files) in &trees {
        for found in files {
            let Ok(text) = std::fs::read_to_string(folder.join(&found.path)) else { continue };
            for word in words(&text).filter_map(|(word, is_word)| is_word.then_some(word)) {
                match frequencies.get_mut(&*word.to_ascii_lowercase()) {
                    Some(count) => *count += 1,
                    None => drop(frequencies.insert(word.to_ascii_lowercase(), 1)),
                }
            }
        }
    }
    let mut order: Vec<(String, usize)> = frequencies.into_iter().collect();
    order.sort_unstable_by(|(a, left), (b, right)| right.cmp(left).then_with(|| a.cmp(b)));
    let ranks: HashMap<&str, usize> = order.iter().enumerate().map(|(rank, (word, _))| (word.as_str(), rank)).collect();
    for copy in 0..copies {
        let other = |word: &str| -> Option<&str> {
            let place = ranks.get(word)?.checked_sub(KEPT).filter(|_| copy > 0)?;
            let seed = hash(word, copy as u64);
            let neighbour = place ^ (1 + (seed >> 8) as usize % (NEIGHBOURS - 1));
            let chosen = seed % 100 < REPLACED;
            order.get(KEPT + neighbour).filter(|_| chosen).map(|(word, _)| word.as_str())
        };
        for (folder, files) in &trees {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            for found in files {
                let (stem, extension) = match found.path.rsplit_once('.') {
                    Some((stem, extension)) if !extension.contains('/') => (stem, format!(".{extension}")),
                    _ => (found.path.as_str(), String::new()),
                };
                let target = into.join(format!("variant{copy}/{name}/{}{extension}", rewrite(stem, &other)));
                std::fs::create_dir_all(target.parent().unwrap()).unwrap();
                match std::fs::read_to_string(folder.join(&found.path)) {
                    Ok(text) => std::fs::write(target, rewrite(&text, &other)).unwrap(),
                    Err(_) => drop(std::fs::copy(folder.join(&found.path), target).unwrap()),
                }
            }
        }
    }
}

/// A text with some words replaced, each in the case that it had.
fn rewrite<'a>(text: &str, other: &impl Fn(&str) -> Option<&'a str>) -> String {
    let mut written = String::with_capacity(text.len());
    for (part, is_word) in words(text) {
        match is_word.then(|| other(&part.to_ascii_lowercase())).flatten() {
            None => written.push_str(part),
            Some(word) if part.bytes().all(|byte| byte.is_ascii_uppercase()) => {
                written.push_str(&word.to_ascii_uppercase());
            }
            Some(word) if part.as_bytes()[0].is_ascii_uppercase() => {
                written.push_str(&word[..1].to_ascii_uppercase());
                written.push_str(&word[1..]);
            }
            Some(word) => written.push_str(word),
        }
    }
    written
}

/// A text cut into words, which are three letters or more and end where the case goes up, and what is between them.
fn words(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        let letter = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphabetic);
        let upper = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_uppercase);
        if start >= bytes.len() {
            return None;
        }
        if !letter(start) {
            while at < bytes.len() && !letter(at) {
                at += 1;
            }
            return Some((&text[start..at], false));
        }
        at += 1;
        if upper(start) && upper(at) {
            while upper(at) {
                at += 1;
            }
            // The last capital begins the next word: `HTTPServer`.
            at -= usize::from(letter(at));
        } else {
            while letter(at) && !upper(at) {
                at += 1;
            }
        }
        Some((&text[start..at], at - start >= 3))
    })
}

/// FNV-1a of a word and a seed, mixed once more.
fn hash(word: &str, seed: u64) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = word.bytes().chain(seed.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325, step);
    (hash ^ (hash >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 7
}
