//! A block of lines between two markers, in a file whose language we do not parse.

use anyhow::{Result, bail};

/// The text with these lines in a block at its end. A block that is there stays as it is: what its owner has changed in
/// it is meant. `comment` begins a comment in the file's language, such as `--`.
pub(crate) fn add_block(text: &str, comment: &str, lines: &str) -> Result<String> {
    let begin = format!("{comment} >>> conexus >>>");
    let end = format!("{comment} <<< conexus <<<");
    let block = format!("{begin}\n{}\n{end}\n", lines.trim_end());
    let begins = starts_of(text, &begin);
    let ends = starts_of(text, &end);
    match (begins.as_slice(), ends.as_slice()) {
        ([], []) => {
            let gap = match text {
                "" => "",
                text if text.ends_with("\n\n") => "",
                text if text.ends_with('\n') => "\n",
                _ => "\n\n",
            };
            Ok(format!("{text}{gap}{block}"))
        }
        (&[begin], &[end]) if begin < end => Ok(text.to_owned()),
        _ => bail!("its lines {begin:?} and {end:?} are not one pair: remove what is left of them"),
    }
}

/// Where the lines begin that hold nothing but the marker.
fn starts_of(text: &str, marker: &str) -> Vec<usize> {
    let mut start = 0;
    let mut found = Vec::new();
    for line in text.split_inclusive('\n') {
        if line.trim() == marker {
            found.push(start);
        }
        start += line.len();
    }
    found
}
