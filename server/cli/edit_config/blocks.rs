//! A block of lines between two markers, in a file whose language we do not parse.

use anyhow::{Result, bail};

use super::{Edit, NAME, starts};

/// The text with the lines that start a program in a block at its end. A block that is there names the program from now
/// on; one that its owner has changed stays as it is, and a remark tells when it starts another program. `comment` begins
/// a comment in the file's language, such as `--`; paths stand in the lines as JSON strings.
pub(crate) fn add_block(text: &str, comment: &str, program: &str, lines: impl Fn(&str) -> String) -> Result<Edit> {
    let begin = format!("{comment} >>> conexus >>>");
    let end = format!("{comment} <<< conexus <<<");
    let begins = starts_of(text, &begin);
    let ends = starts_of(text, &end);
    let ours = |program: &str| format!("{}\n", lines(program).trim_end());
    match (begins.as_slice(), ends.as_slice()) {
        ([], []) => {
            let gap = match text {
                "" => "",
                text if text.ends_with("\n\n") => "",
                text if text.ends_with('\n') => "\n",
                _ => "\n\n",
            };
            Ok(format!("{text}{gap}{begin}\n{}{end}\n", ours(program)).into())
        }
        (&[begin], &[end]) if begin < end => {
            let begin = begin + text[begin..].find('\n').map_or(0, |length| length + 1);
            let found = &text[begin..end];
            let strings = strings(found);
            if strings.iter().map(String::as_str).chain([NAME]).any(|named| ours(named) == found) {
                return Ok(format!("{}{}{}", &text[..begin], ours(program), &text[end..]).into());
            }
            let is_another = starts(strings.iter().map(String::as_str)) != program;
            Ok(Edit::kept(text, is_another.then_some(("its block", program))))
        }
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

/// What stands in double quotes, as JSON reads it.
fn strings(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(quote) = rest.find('"') {
        rest = &rest[quote..];
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        let read = stream.next();
        let length = stream.byte_offset();
        match read {
            Some(Ok(string)) => {
                found.push(string);
                rest = &rest[length..];
            }
            _ => rest = &rest[1..],
        }
    }
    found
}
