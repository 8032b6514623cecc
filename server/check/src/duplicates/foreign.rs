//! Code of others that is kept in a workspace, as its names, licences, banners and notices tell.
//!
//! Folders that are called so (`vendor`) are known to the engine's roles; here is what lies elsewhere. Whoever copies a
//! library keeps its licence beside it and the notices in its files, so both name who wrote it.

use std::collections::{HashMap, HashSet};

use conexus_engine::FileEntry;

use super::{reach::is_manifest, units::family};
use crate::scope::Scope;

/// Bytes at the beginning of a file in which it says whose it is.
const HEAD_BYTES: usize = 2_000;
/// Bytes of a licence that are read: the notice stands before its text or, under some, behind it.
const LICENCE_BYTES: usize = 64 << 10;
/// Files of a project of which at most one in so many names anybody tell nothing of their own writers.
const RARE: usize = 10;
/// Whoever is named by at least one in so many files is one of those who write the project.
const OWN: usize = 10;
/// Fewest files of a folder whose notices together speak for it.
const LEAST_FILES: usize = 3;

/// What the licences of a workspace say.
pub(super) struct Foreign<'a> {
    /// Folders with a licence of their own that are no package: libraries, where their language has no packages.
    licensed: HashSet<&'a str>,
    /// Those whose licence names others than that of the workspace.
    of_others: HashSet<&'a str>,
    /// Whom the licence of the workspace names.
    own: HashSet<String>,
}

impl<'a> Foreign<'a> {
    /// Reads the licences. What holds most of the code is the product, wherever its licence lies.
    pub(super) fn read(scope: &Scope<'a>) -> Self {
        let (mut licences, mut packages) = (Vec::new(), HashSet::new());
        for file in scope.snapshot.index().files() {
            let (folder, name) = file.path().rsplit_once('/').unwrap_or(("", file.path()));
            if is_licence(name) {
                licences.push((folder, file));
            } else if is_manifest(file.path()) {
                packages.insert(folder);
            }
        }
        let named =
            |file: &FileEntry| scope.source(file).map_or_else(Vec::new, |source| holders(&source.text, LICENCE_BYTES));
        let (roots, inner): (Vec<_>, Vec<_>) = licences.into_iter().partition(|(folder, _)| folder.is_empty());
        let mut own: HashSet<String> = roots.into_iter().flat_map(|(_, file)| named(file)).collect();
        // They wrote the text of the licence.
        own.remove("free software");
        let inner: Vec<_> = inner.into_iter().filter(|(folder, _)| !packages.contains(folder)).collect();
        let mut licensed: HashSet<&str> = inner.iter().map(|(folder, _)| *folder).collect();
        let most_c = of_most_code(scope, &licensed, is_c);
        let most = of_most_code(scope, &licensed, |file| file.symbol_count() > 0);
        let of_others = inner
            .iter()
            .filter(|(folder, _)| !own.is_empty() && !most.contains(folder))
            .filter(|(_, file)| {
                let named = named(file);
                !named.is_empty() && named.iter().all(|holder| !own.contains(holder))
            })
            .map(|(folder, _)| *folder)
            .collect();
        licensed.retain(|folder| !most_c.contains(folder));
        Self { licensed, of_others, own }
    }

    /// Whether a file lies in a library of others.
    pub(super) fn holds(&self, file: &FileEntry) -> bool {
        let is_below = |folders: &HashSet<&str>| folders_of(file.path()).any(|folder| folders.contains(folder));
        is_below(&self.of_others) || is_c(file) && is_below(&self.licensed)
    }

    /// Which of the files are of others by those whom they name, one path and its holders for each.
    ///
    /// A file is, when nearly no file names anybody or most name the same, and it names others alone; a folder is, when its files
    /// name whom none outside of it names.
    pub(super) fn by_notice(&self, files: &[(&str, &[String])]) -> Vec<bool> {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for holder in files.iter().flat_map(|(_, holders)| *holders) {
            *counts.entry(holder).or_default() += 1;
        }
        let all = files.len();
        let named = files.iter().filter(|(_, holders)| !holders.is_empty()).count();
        let most = counts.values().copied().max().unwrap_or_default();
        let is_own = |holder: &String| self.own.contains(holder) || counts[holder.as_str()] * OWN >= all;
        let is_of_others = |holders: &[String]| !holders.is_empty() && !holders.iter().any(is_own);
        if named * RARE <= all || most * 2 > all {
            return files.iter().map(|(_, holders)| is_of_others(holders)).collect();
        }
        let mut folders: HashMap<&str, Folder<'_>> = HashMap::new();
        for (path, holders) in files {
            for name in folders_of(path) {
                let folder = folders.entry(name).or_default();
                folder.files += 1;
                folder.named += usize::from(!holders.is_empty());
                for holder in *holders {
                    *folder.holders.entry(holder).or_default() += 1;
                }
            }
        }
        folders.retain(|_, folder| {
            folder.named >= LEAST_FILES
                && 2 * folder.files < all
                && 5 * folder.named >= 4 * folder.files
                && folder
                    .holders
                    .iter()
                    .all(|(holder, &inside)| inside == counts[holder] && !self.own.contains(*holder))
        });
        files.iter().map(|(path, _)| folders_of(path).any(|folder| folders.contains_key(folder))).collect()
    }
}

/// What the notices of the files below a folder say together.
#[derive(Default)]
struct Folder<'a> {
    files: usize,
    /// Those that name somebody.
    named: usize,
    /// In how many of them each is named.
    holders: HashMap<&'a str, usize>,
}

/// Those of some folders that hold at least half of some files.
fn of_most_code<'a>(
    scope: &Scope<'a>,
    folders: &HashSet<&'a str>,
    counts: impl Fn(&FileEntry) -> bool,
) -> HashSet<&'a str> {
    if folders.is_empty() {
        return HashSet::new();
    }
    let mut below: HashMap<&str, usize> = HashMap::new();
    let mut files = 0;
    for file in scope.snapshot.index().files().filter(|file| counts(file)) {
        files += 1;
        for folder in folders_of(file.path()).filter(|folder| folders.contains(folder)) {
            *below.entry(folder).or_default() += 1;
        }
    }
    folders.iter().copied().filter(|folder| 2 * below.get(folder).copied().unwrap_or_default() >= files).collect()
}

fn is_c(file: &FileEntry) -> bool {
    family(file.language()) == "c"
}

/// The folders that a file lies in, from the inner one on.
fn folders_of(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').rev().map(|(at, _)| &path[..at])
}

/// Whether a file is the text of a licence by its name, and no code about licences.
fn is_licence(name: &str) -> bool {
    // Few names of a workspace get further.
    if !name.starts_with(['l', 'L', 'c', 'C']) {
        return false;
    }
    let name = name.to_ascii_lowercase();
    let (stem, extension) = name.split_once('.').unwrap_or((&name, ""));
    let is_named =
        |known: &str| stem.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']));
    let is_text = matches!(
        extension,
        "" | "txt" | "md" | "rst" | "html" | "lib" | "lesser" | "gpl" | "lgpl" | "mit" | "bsd" | "apache"
    );
    is_text && ["license", "licence", "copying"].into_iter().any(is_named)
}

/// Whom the beginning of a file names as those who hold its copyright, each by two words at most.
pub(super) fn holders_of_file(text: &str) -> Vec<String> {
    holders(text, HEAD_BYTES)
}

fn holders(text: &str, most: usize) -> Vec<String> {
    let head = &text[..text.floor_char_boundary(most)];
    let mut holders: Vec<String> = head.lines().filter_map(holder).collect();
    holders.sort_unstable();
    holders.dedup();
    holders
}

/// Words of a notice that name nobody.
const NO_NAMES: &[&str] = &["c", "copyright", "by", "the", "present", "today", "now"];
/// Words behind which no name goes on, and those of which companies have one or another.
const ENDS: &[&str] = &[
    "all", "and", "co", "company", "corp", "corporation", "gmbh", "inc", "incorporated", "limited", "llc", "ltd",
    "under",
];

/// Whom a line of a notice names: `Copyright (c) 1995-2017 Jean-loup Gailly` is `jean loup`.
fn holder(line: &str) -> Option<String> {
    let line = line.trim_start_matches(|first: char| !first.is_alphanumeric() && !matches!(first, '(' | '©'));
    // `V5.18 3 Sep 2012  (c) 2000-2012 John Lim`
    let behind_sign = || {
        let (_, rest) = line.split_once("(c) ").or_else(|| line.split_once("(C) "))?;
        let is_year =
            (rest.starts_with("19") || rest.starts_with("20")) && rest.bytes().take(4).all(|it| it.is_ascii_digit());
        is_year.then_some(rest)
    };
    let rest = after(line, "copyright")
        .or_else(|| after(line, "spdx-filecopyrighttext:"))
        .or_else(|| line.strip_prefix('©'))
        .or_else(|| after(line, "(c) copyright"))
        .or_else(|| after(line, "licensed to"))
        .or_else(behind_sign)?;
    let rest = rest.trim_start_matches([':', ' ', '\t']);
    let is_begun = |first: char| {
        first.is_ascii_digit() || first.is_uppercase() || matches!(first, '(' | '©') || rest.starts_with("the ")
    };
    if !rest.starts_with(is_begun) {
        return None;
    }
    let rest = rest.split(['<', '@', '"', ';', '=']).next().unwrap_or_default();
    let words = rest.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut name = Vec::new();
    for word in words.map(str::to_lowercase) {
        if word.starts_with(|first: char| first.is_ascii_digit()) || NO_NAMES.contains(&word.as_str()) {
            continue;
        }
        if ENDS.contains(&word.as_str()) {
            break;
        }
        name.push(word);
        if name.len() == 2 {
            break;
        }
    }
    (!name.is_empty()).then(|| name.join(" "))
}

/// What follows a word, written in whatever case, at the beginning of a line.
fn after<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let (first, rest) = line.split_at_checked(word.len())?;
    (first.eq_ignore_ascii_case(word) && !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
        .then_some(rest)
}

/// Bytes at the beginning of a file in which a library says what it is.
const BANNER_BYTES: usize = 1_200;

/// Whether a file of JavaScript is a library of others that was put here: by its name, or by its banner, a comment with a
/// version and a licence.
pub(super) fn is_library(path: &str, text: &str) -> bool {
    let (_, name) = path.rsplit_once('/').unwrap_or(("", path));
    if ![".js", ".cjs", ".mjs"].iter().any(|ending| name.ends_with(ending)) {
        return false;
    }
    let known = ["jquery.", "jquery-", "bootstrap.", "bootstrap-", "modernizr", "select2."];
    if known.iter().any(|known| name.to_ascii_lowercase().starts_with(known)) {
        return true;
    }
    let head = &text[..text.floor_char_boundary(BANNER_BYTES)];
    let Some((banner, _)) =
        head.trim_start().strip_prefix("/*").map(|rest| rest.split_once("*/").unwrap_or((rest, "")))
    else {
        return false;
    };
    let is_version = |word: &str| {
        let word = word.trim_start_matches(['v', 'V']).trim_end_matches(|last: char| !last.is_ascii_alphanumeric());
        let mut numbers = word.split('.');
        let first =
            numbers.next().is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
        first
            && numbers.clone().count() >= 2
            && numbers.all(|part| part.starts_with(|first: char| first.is_ascii_digit()))
    };
    banner.to_ascii_lowercase().contains("licen") && banner.split_whitespace().any(is_version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_name_their_holders() {
        for (line, named) in [
            (" * Copyright (C) 1995-2017 Jean-loup Gailly and Mark Adler", Some("jean loup")),
            ("# Copyright 2014 The Kubernetes Authors. All rights reserved.", Some("kubernetes authors")),
            ("// Copyright The Prometheus Authors", Some("prometheus authors")),
            ("// Copyright (c) Microsoft Corporation. All rights reserved.", Some("microsoft")),
            ("Copyright 2019 Google LLC", Some("google")),
            ("/* (c) Copyright 2011, 2012 by Ada Lovelace <ada@example.org> */", Some("ada lovelace")),
            ("// SPDX-FileCopyrightText: 2022 Ada Lovelace", Some("ada lovelace")),
            ("-- © 2020-present Example, Inc.", Some("example")),
            ("V5.18 3 Sep 2012  (c) 2000-2012 John Lim (jlim#example.org).", Some("john lim")),
            ("list(c) 20 times", None),
            ("// Licensed to the Apache Software Foundation (ASF) under one", Some("apache software")),
            ("   Copyright [yyyy] [name of copyright owner]", None),
            ("// See the COPYRIGHT file at the top-level directory", None),
            ("// The above copyright notice and this permission notice shall be included", None),
            (" * copyright notice and this list of conditions", None),
            ("let copyright = read_copyright();", None),
            ("copyright: \"Example\",", None),
            ("COPYRIGHT_HOLDER = 1", None),
            ("", None),
        ] {
            assert_eq!(holder(line).as_deref(), named, "{line}");
        }
    }

    /// Each case: whom the licence of the workspace names, files as how many of which folder name whom, and which of these are of
    /// others.
    #[test]
    fn files_are_of_others_by_what_they_and_the_rest_say() {
        type Part = (usize, &'static str, &'static str, bool);
        let cases: &[(&str, &[&str], &[Part])] = &[
            ("nobody names anybody", &[], &[(40, "src", "", false), (2, "src/json", "ada lovelace", true)]),
            (
                "and they are whom the licence names",
                &["ada lovelace"],
                &[(40, "src", "", false), (2, "src", "ada lovelace", false)],
            ),
            (
                "most name the same",
                &[],
                &[(30, "src", "us all", false), (9, "lib", "", false), (2, "src", "ada lovelace", true)],
            ),
            ("two companies", &[], &[(30, "src", "us all", false), (8, "new", "them too", false)]),
            (
                "each names its writer",
                &[],
                &[
                    (9, "a", "x", false),
                    (9, "b", "y", false),
                    (9, "a", "y", false),
                    (5, "c", "z", true),
                    (2, "d", "w", false),
                    (9, "e", "", false),
                ],
            ),
        ];
        for (what, own, parts) in cases {
            let foreign = Foreign {
                licensed: HashSet::new(),
                of_others: HashSet::new(),
                own: own.iter().map(|&holder| holder.to_owned()).collect(),
            };
            let files: Vec<(String, Vec<String>)> = parts
                .iter()
                .flat_map(|&(count, folder, holder, _)| {
                    (0..count).map(move |at| {
                        let holders = if holder.is_empty() { Vec::new() } else { vec![holder.to_owned()] };
                        (format!("{folder}/file{at}.c"), holders)
                    })
                })
                .collect();
            let files: Vec<(&str, &[String])> =
                files.iter().map(|(path, holders)| (path.as_str(), &**holders)).collect();
            let expected: Vec<bool> =
                parts.iter().flat_map(|&(count, .., of_others)| std::iter::repeat_n(of_others, count)).collect();
            assert_eq!(foreign.by_notice(&files), expected, "{what}");
        }
    }
}
