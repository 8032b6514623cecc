//! What two paths say of the code in them: two versions of one thing, or counterparts that stand beside each other on
//! purpose.

/// Whether two paths differ in the version that they name alone, as `api/v1/pods.go` and `api/v2beta1/pods.go`: what was
/// published stays as it is.
///
/// So do two lines of development that are kept beside each other in one tree, as Subversion has `trunk` and `branches`.
pub(super) fn are_versions(left: &str, right: &str) -> bool {
    let of_two_lines = matches!((line_of(left), line_of(right)), (Some(own), Some(other)) if own != other);
    of_two_lines || differ_in_version(left, right)
}

/// The folder of the line of development that a file belongs to.
fn line_of(path: &str) -> Option<&str> {
    let (first, rest) = path.split_once('/')?;
    match first {
        "trunk" => Some(first),
        // `branches/releases/5.3.1/`
        "branches" | "tags" => {
            let (name, below) = rest.split_once('/')?;
            let group = matches!(name, "releases" | "features").then(|| below.split_once('/')).flatten();
            let length = group.map_or(name.len(), |(own, _)| name.len() + 1 + own.len());
            Some(&path[..first.len() + 1 + length])
        }
        _ => None,
    }
}

fn differ_in_version(left: &str, right: &str) -> bool {
    left != right
        && left.split('/').count() == right.split('/').count()
        && left
            .split('/')
            .zip(right.split('/'))
            .all(|(own, other)| own == other || without_version(own) == without_version(other))
}

/// A part of a path without the version at its end: `styleguide-20180523`, `Sonarr.Api.V3` and `esptool_v3.2.py`.
fn without_version(part: &str) -> (&str, &str) {
    let is_extension =
        |end: &str| (1..=5).contains(&end.len()) && end.starts_with(|first: char| first.is_ascii_alphabetic());
    let (stem, extension) = match part.rsplit_once('.') {
        Some((stem, end)) if is_extension(end) && !is_version(end) => (stem, end),
        _ => (part, ""),
    };
    if is_version(stem) {
        return ("", extension);
    }
    let starts = stem.match_indices(['-', '_', '.']).map(|(at, _)| at);
    let cut = starts.into_iter().find(|&at| is_version(&stem[at + 1..]));
    (cut.map_or(stem, |at| &stem[..at]), extension)
}

/// Digits of a date: `20180523`.
const DATE: usize = 6;

/// Whether a word is a version: `v2`, `V2beta1`, `3.2`, `20180523`.
fn is_version(word: &str) -> bool {
    let plain = word.strip_prefix(['v', 'V']).unwrap_or(word);
    let number = plain.trim_end_matches(|last: char| last.is_ascii_alphanumeric() && !last.is_ascii_digit());
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let marked = plain.len() < word.len() || number.contains(['.', '-']) || digits >= DATE;
    let words = ["alpha", "beta", "preview", "rc"];
    let mut rest = plain.to_ascii_lowercase();
    for known in words {
        rest = rest.replace(known, ".");
    }
    marked
        && rest.starts_with(|first: char| first.is_ascii_digit())
        && rest.chars().all(|letter| letter.is_ascii_digit() || matches!(letter, '.' | '-' | '_'))
}

/// Folders in which two counterparts may differ.
const MOST_OTHER_FOLDERS: usize = 2;
/// File names that say nothing about what a file is for: two of them are no counterparts.
const PLAIN_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc", "shared", "functions", "lib"];

/// Whether two files are counterparts: of one name, below folders that stand beside each other, as one driver for each
/// board, one plug-in beside the other. The name may repeat that of the folder: `arm/arm_clock.c` and `mips/mips_clock.c`.
pub(super) fn are_counterparts(left: &str, right: &str) -> bool {
    let (left, right) = (left.to_lowercase(), right.to_lowercase());
    let (own, other): (Vec<&str>, Vec<&str>) = (left.split('/').collect(), right.split('/').collect());
    let (Some((own_file, own_folders)), Some((other_file, other_folders))) = (own.split_last(), other.split_last())
    else {
        return false;
    };
    let apart: Vec<(&str, &str)> = own_folders
        .iter()
        .zip(other_folders)
        .filter(|(own, other)| own != other)
        .map(|(own, other)| (*own, *other))
        .collect();
    if own_folders.len() != other_folders.len() || !(1..=MOST_OTHER_FOLDERS).contains(&apart.len()) {
        return false;
    }
    let (mut own, mut other) = ((*own_file).to_owned(), (*other_file).to_owned());
    for (here, there) in apart {
        own = own.replace(here, "*");
        other = other.replace(there, "*");
    }
    let stem = own_file.split('.').next().unwrap_or_default();
    own == other && !PLAIN_NAMES.contains(&stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_tell_versions_and_counterparts() {
        for (left, right, versions, counterparts) in [
            ("api/v1/pods.go", "api/v2beta1/pods.go", true, true),
            ("src/Sonarr.Api.V3/Tags.cs", "src/Sonarr.Api.V5/Tags.cs", true, true),
            ("guide-20180523/style.js", "guide-20220203/style.js", true, true),
            ("tools/flash.py", "tools/flash_v3.2.py", true, false),
            ("trunk/web/js/cell.js", "branches/releases/5.2.0/js/cell.js", true, false),
            ("branches/releases/5.2.0/a.js", "branches/releases/5.3.0/b.js", true, false),
            ("tags/old/a.js", "tags/old/b.js", false, false),
            ("src/tags/a.js", "trunk/b.js", false, false),
            ("src/sha256.c", "src/sha512.c", false, false),
            ("src/client-h1.js", "src/client-h2.js", false, false),
            ("boards/arm/clock.c", "boards/mips/clock.c", false, true),
            ("boards/arm/arm_clock.c", "boards/mips/mips_clock.c", false, true),
            ("a/b/c/clock.c", "d/e/f/clock.c", false, false),
            ("app/users/utils.py", "app/orders/utils.py", false, false),
            ("src/a.c", "src/b.c", false, false),
            ("src/a.c", "src/a.c", false, false),
        ] {
            assert_eq!(
                (are_versions(left, right), are_counterparts(left, right)),
                (versions, counterparts),
                "{left} {right}"
            );
        }
    }
}
