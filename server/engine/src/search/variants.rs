//! Variants: files that stand beside others of the same purpose, for another platform or an older version. Where a query
//! names neither, the file for this machine's platform and the newest version are meant.
//!
//! A name alone says little, so a file is a variant only when the other one exists: `win/pipe.c` beside `unix/`,
//! `open_windows.go` beside `open_unix.go`, `v3/errors.ts` beside `v4/`. Each is one look-up among the sorted paths.

use conexus_index::IndexSnapshot;

/// What another file is preferred to this one for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    OtherPlatform,
    OlderVersion,
}

/// Systems whose code is told apart by names of files and folders. Phones, browsers and architectures are left out: what
/// is written for them is a part of its own more often than a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Platform {
    Windows,
    Apple,
    Linux,
    /// All but Windows.
    Unix,
    /// Those of Berkeley, of which Apple's is one.
    Bsd,
    /// Seldom the machine that a workspace is on.
    Rare,
}

/// Ordered by name.
const PLATFORMS: &[(&str, Platform)] = &[
    ("aix", Platform::Rare),
    ("bsd", Platform::Bsd),
    ("cygwin", Platform::Rare),
    ("darwin", Platform::Apple),
    ("dragonfly", Platform::Bsd),
    ("freebsd", Platform::Bsd),
    ("fuchsia", Platform::Rare),
    ("haiku", Platform::Rare),
    ("hpux", Platform::Rare),
    ("hurd", Platform::Rare),
    ("ibmi", Platform::Rare),
    ("illumos", Platform::Rare),
    ("linux", Platform::Linux),
    ("mac", Platform::Apple),
    ("macos", Platform::Apple),
    ("macosx", Platform::Apple),
    ("netbsd", Platform::Bsd),
    ("openbsd", Platform::Bsd),
    ("os2", Platform::Rare),
    ("os390", Platform::Rare),
    ("osx", Platform::Apple),
    ("plan9", Platform::Rare),
    ("posix", Platform::Unix),
    ("qnx", Platform::Rare),
    ("solaris", Platform::Rare),
    ("sunos", Platform::Rare),
    ("unix", Platform::Unix),
    ("vms", Platform::Rare),
    ("win", Platform::Windows),
    ("win32", Platform::Windows),
    ("win64", Platform::Windows),
    ("windows", Platform::Windows),
    ("winrt", Platform::Windows),
    ("zos", Platform::Rare),
];

/// Shortest and longest of these names.
const LENGTHS: std::ops::RangeInclusive<usize> = 3..=9;

impl Platform {
    fn named(word: &str) -> Option<Self> {
        if !LENGTHS.contains(&word.len()) {
            return None;
        }
        let wanted = || word.bytes().map(|byte| byte.to_ascii_lowercase());
        let at = PLATFORMS.binary_search_by(|(name, _)| name.bytes().cmp(wanted())).ok()?;
        Some(PLATFORMS[at].1)
    }

    /// Whether its code runs on the machine that this program was built for.
    const fn is_here(self) -> bool {
        match self {
            Self::Windows => cfg!(windows),
            Self::Apple => cfg!(target_vendor = "apple"),
            Self::Linux => cfg!(target_os = "linux"),
            Self::Unix => cfg!(unix),
            Self::Bsd => cfg!(all(unix, not(target_os = "linux"))),
            Self::Rare => false,
        }
    }
}

/// What a query says of variants; one that it names is not passed over for another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    platform: bool,
    version: bool,
}

impl Named {
    pub(super) fn by(words: &[String]) -> Self {
        Self {
            platform: words.iter().any(|word| Platform::named(word).is_some()),
            version: words.iter().any(|word| version(word).is_some()),
        }
    }
}

/// How a file is passed over for one that stands beside it.
pub(super) fn variant(snapshot: &IndexSnapshot, path: &str, named: Named) -> Option<Variant> {
    let exists = |prefix: &str| snapshot.files_below(prefix).next().is_some();
    if !named.platform && is_for_other_platform(path, exists) {
        return Some(Variant::OtherPlatform);
    }
    (!named.version && is_older_version(path, exists)).then_some(Variant::OlderVersion)
}

/// Whether a folder or the file is named for a platform that is not here, and what is named alike for one that is here
/// exists.
fn is_for_other_platform(path: &str, exists: impl Fn(&str) -> bool) -> bool {
    let mut start = 0;
    path.split('/').any(|component| {
        let before = &path[..start];
        start += component.len() + 1;
        let is_file = start > path.len();
        // What follows a name: the rest of the path below a folder, an extension after a file's.
        let (stem, after) =
            if is_file { (component.split('.').next().unwrap_or(component), '.') } else { (component, '/') };
        let Some((front, word, back)) = platform_word(stem) else { return false };
        Platform::named(word).is_some_and(|platform| !platform.is_here())
            && PLATFORMS
                .iter()
                .filter(|(_, platform)| platform.is_here())
                .any(|(name, _)| exists(&format!("{before}{front}{name}{back}{after}")))
    })
}

/// The first or last word of a name if it is a platform's, with what stands before and after it.
fn platform_word(stem: &str) -> Option<(&str, &str, &str)> {
    let last = stem.rfind(['_', '-']).map_or(0, |at| at + 1);
    let first = stem.find(['_', '-']).unwrap_or(stem.len());
    [(last, stem.len()), (0, first)]
        .into_iter()
        .find(|&(start, end)| Platform::named(&stem[start..end]).is_some())
        .map(|(start, end)| (&stem[..start], &stem[start..end], &stem[end..]))
}

/// Versions ahead that are looked for.
const AHEAD: u32 = 8;

/// Whether a folder is named for a version and one for a later version stands beside it.
fn is_older_version(path: &str, exists: impl Fn(&str) -> bool) -> bool {
    let Some((folders, _)) = path.rsplit_once('/') else { return false };
    let mut start = 0;
    folders.split('/').any(|folder| {
        let before = &path[..start];
        start += folder.len() + 1;
        let Some((number, is_final)) = version(folder) else { return false };
        let first = if is_final { number + 1 } else { number };
        (first..=number + AHEAD).any(|later| exists(&format!("{before}v{later}/")))
    })
}

/// The number of `v2` or `v2beta1`, and whether it is a final version.
fn version(word: &str) -> Option<(u32, bool)> {
    let rest = word.strip_prefix(['v', 'V'])?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let number = rest[..digits].parse().ok().filter(|&number| number < 1_000)?;
    let suffix = &rest[digits..];
    let is_word = suffix.starts_with(|first: char| first.is_ascii_lowercase());
    (suffix.is_empty() || is_word).then_some((number, suffix.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: &[&str] = &[
        "api/v1/get.go", "api/v1beta1/get.go", "api/v2/get.go", "src/aix.c", "src/haiku.c", "src/linux.c",
        "src/bsd-address.c", "src/unix/pipe.c", "src/win/pipe.c", "file/open_unix.go", "file/open_windows.go",
        "file/lock_windows.go", "ui/windows/frame.c", "only/v1/get.go",
    ];

    fn exists(prefix: &str) -> bool {
        PATHS.iter().any(|path| path.starts_with(prefix))
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn files_for_other_platforms_need_one_for_this_beside_them() {
        let other: Vec<_> = PATHS.iter().copied().filter(|path| is_for_other_platform(path, exists)).collect();
        assert_eq!(other, ["src/aix.c", "src/haiku.c", "src/win/pipe.c", "file/open_windows.go"]);
    }

    #[test]
    fn every_platform_is_found_by_its_name() {
        for &(name, platform) in PLATFORMS {
            assert_eq!(Platform::named(&name.to_uppercase()), Some(platform), "{name}");
        }
        assert_eq!((Platform::named("window"), Platform::named("x")), (None, None));
    }

    #[test]
    fn folders_of_older_versions_need_a_later_one_beside_them() {
        let older: Vec<_> = PATHS.iter().copied().filter(|path| is_older_version(path, exists)).collect();
        assert_eq!(older, ["api/v1/get.go", "api/v1beta1/get.go"]);
    }

    #[test]
    fn a_query_may_name_what_it_means() {
        for (words, platform, version) in [
            (&["pipe", "windows"][..], true, false),
            (&["v3", "errors"], false, true),
            (&["window", "viewer", "valid"], false, false),
        ] {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            let named = Named::by(&words);
            assert_eq!((named.platform, named.version), (platform, version), "{words:?}");
        }
    }
}
