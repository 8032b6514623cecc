//! What names are asked for: stale documentation, unused and undocumented symbols, changes that no test reaches.

use conexus_check::Rule;
use conexus_testkit::{Repository, Workspace};

use crate::findings;

#[test]
fn documentation_of_what_is_gone_is_stale() {
    let repository = Repository::init(Workspace::of(
        "
//- src/client.rs
/// Sends.
pub struct Client;
impl Client {
    pub fn send_request(&self) {}
    pub fn open_channel(&self) {}
}
//- src/old_name.rs
pub fn helper_function() {}
/// Stays as it is, so that git sees that the file was moved.
pub fn first_that_stays(left: u32, right: u32) -> u32 {
    left.wrapping_mul(right)
}
pub fn second_that_stays(left: u32, right: u32) -> u32 {
    left.wrapping_add(right)
}
//- docs/guide.md
Call `Client::send_request()` and `Client::open_channel`; see [the code](../src/old_name.rs) and `src/old_name.rs`.
Use `helper_function`, `std::mem::swap_things`, `NeverWasHere`, `cargo_run` and `src/never.rs`.
```
`inside_a_block`
```
//- CHANGELOG.md
`helper_function` is gone, see `src/old_name.rs`.
",
    ));
    assert_eq!(findings(Rule::StaleReference, &repository, None), Vec::<String>::new());
    repository.git(&["mv", "src/old_name.rs", "src/new_name.rs"]);
    repository.commit("move");
    repository.write(
        "src/client.rs",
        "/// Sends, unlike `helper_function`.\npub struct Client;\nimpl Client {\n    pub fn send_requests(&self) {}\n    pub fn open_channel(&self) {}\n}\n",
    );
    let moved = String::from_utf8(repository.read("src/new_name.rs")).expect("text");
    repository.write("src/new_name.rs", moved.replace("helper_function", "other"));
    repository.commit("rename");
    let stale = [
        "docs/guide.md:1 the documentation names the symbol `send_request`, which does not exist any more [send_request -> send_requests]",
        "docs/guide.md:1 the documentation names the file `../src/old_name.rs`, which does not exist any more [../src/old_name.rs -> ../src/new_name.rs]",
        "docs/guide.md:1 the documentation names the file `src/old_name.rs`, which does not exist any more [src/old_name.rs -> src/new_name.rs]",
        "docs/guide.md:2 the documentation names the symbol `helper_function`, which does not exist any more",
        "src/client.rs:1 the documentation names the symbol `helper_function`, which does not exist any more",
    ];
    assert_eq!(findings(Rule::StaleReference, &repository, None), stale);
    // What tells of what was names it on purpose.
    let guide = String::from_utf8(repository.read("docs/guide.md")).expect("text");
    repository.write(
        "docs/guide.md",
        format!("{guide}\nIt was moved from `src/old_name.rs`, once `helper_function`.\n\n#### `src/old_name.rs`\n"),
    );
    assert_eq!(findings(Rule::StaleReference, &repository, None), stale);
    repository.write("docs/guide.md", guide);
    // Seen from before both changes, each of them made documentation stale elsewhere.
    assert_eq!(findings(Rule::StaleReference, &repository, Some("HEAD~2")), stale);
}

#[test]
fn symbols_that_nothing_mentions_are_unused() {
    let workspace = Workspace::of(
        "
//- src/lib.rs
fn forgotten_helper() {}
fn used_helper() {}
pub fn exported() { used_helper() }
#[no_mangle]
fn called_from_c() {}
impl std::fmt::Display for Thing { fn fmt_nowhere(&self) {} }
struct Thing;
const _UNUSED_ON_PURPOSE: u32 = 1;
#[cfg(test)]
mod tests { fn helper_of_tests() {} }
//- app/views.py
def _lost_function():
    return 1

class Base:
    def _hook_of_framework(self):
        return _kept()

def _kept():
    return Base
//- app/dynamic.py
def _visit_node():
    return 1

def run(name):
    return getattr(_kept, name)
//- main.go
package main

func main() { kept() }
func kept() {}
func orphan() {}
func Exported() {}
//- A.java
class A {
    private void nobodyCalls() {}
    @Scheduled
    private void everyMinute() {}
    private void calledInside() { this.calledInside(); new A(); }
}
",
    );
    assert_eq!(
        findings(Rule::UnusedSymbol, &workspace, None),
        [
            "A.java:2 nothing in the repository mentions the method `nobodyCalls`",
            "app/views.py:1 nothing in the repository mentions the function `_lost_function`",
            "main.go:5 nothing in the repository mentions the function `orphan`",
            "src/lib.rs:1 nothing in the repository mentions the function `forgotten_helper`",
        ]
    );
    workspace.write(
        "lib/parts.cpp",
        "class Parts {\n protected:\n  void forSubclasses();\n public:\n  static int anybodyCalls() { return 1; }\n  enum State { OPEN, SHUT };\n \
         private:\n  void nobodyAtAll();\n};\nstatic void __attribute__((constructor)) atStart() {}\n",
    );
    workspace.write("lib/parts.h", "static inline int anybodyWhoIncludes(void) { return 1; }\n");
    workspace.write("lib/Intent.swift", "struct OpenIntent: AppIntent {\n    func performIt() {}\n}\n");
    workspace.write("docs/manual/Sample.java", "class Sample { private void shownToReaders() {} }\n");
    let found = findings(Rule::UnusedSymbol, &workspace, None);
    let of_parts: Vec<_> = found.iter().filter(|line| !line.starts_with(['A', 'a', 'm', 's'])).collect();
    assert_eq!(of_parts, ["lib/parts.cpp:8 nothing in the repository mentions the method `nobodyAtAll`"]);
    workspace.write("README.md", "`forgotten_helper` is used by people");
    assert!(!findings(Rule::UnusedSymbol, &workspace, None).concat().contains("forgotten_helper"));
}

#[test]
fn public_symbols_without_documentation() {
    let workspace = Workspace::of(
        "
//- src/lib.rs
/// Documented.
pub fn documented() {}
pub fn bare() {}
fn private() {}
pub struct Bare;
impl Bare { pub fn member(&self) {} }
impl Clone for Bare { fn clone(&self) -> Self { Bare } }
mod inner { pub fn hidden() {} }
",
    );
    assert_eq!(
        findings(Rule::UndocumentedPublic, &workspace, None),
        [
            "src/lib.rs:3 the public function `bare` has no documentation",
            "src/lib.rs:5 the public struct `Bare` has no documentation",
            "src/lib.rs:6 the public method `member` has no documentation",
        ]
    );
}

#[test]
fn changes_that_no_test_reaches() {
    let repository = Repository::init(Workspace::of(
        "
//- src/lib.rs
pub fn tested_thing() -> u32 { 1 }
pub fn lonely_thing() -> u32 { 2 }
pub fn unchanged_thing() -> u32 { 3 }
//- tests/it.rs
use library::tested_thing;
#[test]
fn it_works() { assert_eq!(tested_thing(), 1); }
",
    ));
    let text = "pub fn tested_thing() -> u32 { 10 }\npub fn lonely_thing() -> u32 { 20 }\npub fn unchanged_thing() -> u32 { 3 }\n";
    repository.write("src/lib.rs", text);
    assert_eq!(
        findings(Rule::UntestedChange, &repository, Some("HEAD")),
        ["src/lib.rs:2 `lonely_thing` was changed and no test reaches it"]
    );
}
