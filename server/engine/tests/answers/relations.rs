//! Callers, callees, tests and similar code, in five languages.

use conexus_core::Notice;
use conexus_engine::{Related, RelationKind, RelationKinds, Target};

use super::{GO_ON, Indexed, STOP};

fn related(indexed: &Indexed, target: &str) -> Related {
    let target = Target::Symbol(target.to_owned());
    indexed.snapshot().related(&target, RelationKinds::ALL, 20, &GO_ON).unwrap()
}

/// Names of the relations of one kind, each with its container and `?` when it is less than an even chance.
fn of(related: &Related, kind: RelationKind) -> String {
    let mut names: Vec<String> = related
        .of(kind)
        .map(|relation| {
            let doubt = if relation.confidence < 0.5 { "?" } else { "" };
            format!("{doubt}{} {}", relation.name, relation.container)
        })
        .collect();
    names.sort();
    names.join(", ")
}

#[track_caller]
fn check(fixture: &str, target: &str, expected: [(RelationKind, &str); 3]) {
    let indexed = Indexed::of(fixture);
    let related = related(&indexed, target);
    for (kind, names) in expected {
        let reasons: Vec<_> =
            related.of(kind).map(|one| format!("{} {:.2}: {}", one.name, one.confidence, one.reason)).collect();
        assert_eq!(of(&related, kind), names, "{} of {target}: {reasons:#?}", kind.name());
    }
}

use RelationKind::{Callee, Caller, Test};

const RUST: &str = r"
//- src/lib.rs
pub mod cache;
pub mod store;
//- src/cache.rs
use crate::store::{Store, load_all};

pub struct Cache {
    store: Store,
}

impl Cache {
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    pub fn refill(&mut self) -> usize {
        let rows = load_all(&self.store);
        self.trim(rows)
    }

    fn trim(&self, rows: usize) -> usize {
        rows.min(10)
    }
}
//- src/store.rs
pub struct Store;

impl Store {
    pub fn new() -> Self {
        Store
    }
}

pub fn load_all(store: &Store) -> usize {
    count_rows(store, 0)
}

fn count_rows(store: &Store, depth: usize) -> usize {
    if depth > 3 { depth } else { count_rows(store, depth + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads() {
        assert_eq!(load_all(&Store::new()), 4);
    }
}
//- tests/refilling.rs
use fixture::{cache::Cache, store::Store};

fn filled() -> Cache {
    let mut cache = Cache::new(Store::new());
    cache.refill();
    cache
}

#[test]
fn a_cache_can_be_filled() {
    filled();
}
";

#[test]
fn rust() {
    check(
        RUST,
        "load_all",
        [
            (Caller, "loads tests, refill Cache"),
            (Callee, "Store src/store.rs, count_rows src/store.rs"),
            (Test, "loads tests"),
        ],
    );
    check(
        RUST,
        "Cache::refill",
        [
            (Caller, "filled tests/refilling.rs"),
            (Callee, "load_all src/store.rs, trim Cache"),
            (Test, "a_cache_can_be_filled tests/refilling.rs"),
        ],
    );
    // A recursive function is among its own callers.
    check(
        RUST,
        "count_rows",
        [
            (Caller, "count_rows src/store.rs, load_all src/store.rs"),
            (Callee, "Store src/store.rs, count_rows src/store.rs"),
            (Test, "loads tests"),
        ],
    );
    // Two constructors of one name are told apart by the type that is named.
    check(
        RUST,
        "Store::new",
        [
            (Caller, "filled tests/refilling.rs, loads tests"),
            (Callee, ""),
            (Test, "a_cache_can_be_filled tests/refilling.rs, loads tests"),
        ],
    );
}

const PYTHON: &str = r"
//- shop/prices.py
from shop.tax import add_tax


class Price:
    def total(self):
        return self.rounded(add_tax(self.amount))

    def rounded(self, value):
        return round(value, 2)


def total(rows):
    return sum(rows)
//- shop/tax.py
def add_tax(amount):
    return amount * 1.2
//- shop/other.py
def add_tax(amount):
    return amount


def unrelated():
    return add_tax(1)
//- shop/report.py
from shop.prices import Price, total


def report(rows):
    total = len(rows)
    price = Price()
    return price.total() + total


def sums(rows):
    return total(rows)
//- tests/test_prices.py
from shop.prices import Price


def test_price_total():
    assert Price().total() == 1.2
";

#[test]
fn python() {
    // Imported from one of two modules that define it.
    check(
        PYTHON,
        "tax.add_tax",
        [(Caller, "total Price"), (Callee, ""), (Test, "?test_price_total tests/test_prices.py")],
    );
    check(PYTHON, "other.add_tax", [(Caller, "?total Price, unrelated shop/other.py"), (Callee, ""), (Test, "")]);
    // A method and a function of one name.
    check(
        PYTHON,
        "Price.total",
        [
            (Caller, "report shop/report.py, test_price_total tests/test_prices.py"),
            (Callee, "add_tax shop/tax.py, rounded Price"),
            (Test, "test_price_total tests/test_prices.py"),
        ],
    );
}

const TYPESCRIPT: &str = r#"
//- src/queue.ts
import { delay } from "./timing";

export class JobQueue {
  private jobs: string[] = [];

  enqueue(job: string): void {
    this.jobs.push(job);
    this.schedule();
  }

  private schedule(): void {
    delay(10);
  }
}
//- src/timing.ts
export function delay(milliseconds: number): number {
  return milliseconds;
}
//- src/worker.ts
import { JobQueue } from "./queue";
import * as timing from "./timing";

export const start = (queue: JobQueue): void => {
  queue.enqueue("first");
  timing.delay(1);
};
//- src/queue.test.ts
import { JobQueue } from "./queue";

describe("JobQueue", () => {
  it("takes a job", () => {
    const queue = new JobQueue();
    queue.enqueue("a");
  });
});
"#;

#[test]
fn typescript() {
    check(TYPESCRIPT, "delay", [(Caller, "schedule JobQueue, start src/worker.ts"), (Callee, ""), (Test, "")]);
    check(
        TYPESCRIPT,
        "JobQueue.enqueue",
        [
            (Caller, "start src/worker.ts, takes a job JobQueue"),
            (Callee, "schedule JobQueue"),
            (Test, "takes a job JobQueue"),
        ],
    );
}

const GO: &str = r#"
//- server/handler.go
package server

import "example.com/app/storage"

type Handler struct {
	store *storage.Store
}

func (h *Handler) Serve(key string) string {
	return h.render(h.store.Lookup(key))
}

func (h *Handler) render(value string) string {
	return escape(value)
}
//- server/escape.go
package server

func escape(value string) string {
	return value
}
//- storage/store.go
package storage

type Store struct{}

func Open(path string) *Store {
	return &Store{}
}

func (s *Store) Lookup(key string) string {
	return key
}
//- storage/store_test.go
package storage

import "testing"

func TestLookup(t *testing.T) {
	store := Open("x")
	if store.Lookup("a") != "a" {
		t.Fatal()
	}
}
//- main.go
package main

import "example.com/app/storage"

func main() {
	storage.Open("data")
}
"#;

#[test]
fn go() {
    check(GO, "escape", [(Caller, "render Handler"), (Callee, ""), (Test, "")]);
    check(
        GO,
        "storage.Open",
        [
            (Caller, "TestLookup storage/store_test.go, main main.go"),
            (Callee, "Store storage/store.go"),
            (Test, "TestLookup storage/store_test.go"),
        ],
    );
    check(
        GO,
        "Store.Lookup",
        [
            (Caller, "Serve Handler, TestLookup storage/store_test.go"),
            (Callee, ""),
            (Test, "TestLookup storage/store_test.go"),
        ],
    );
    // Two types of one folder have the method; its receiver tells which is meant.
    let fixture = format!(
        "{GO}//- server/other.go\npackage server\n\ntype Other struct{{}}\n\nfunc (o *Other) render(value string) string {{\n\treturn value\n}}\n"
    );
    check(&fixture, "Handler.render", [(Caller, "Serve Handler"), (Callee, "escape server/escape.go"), (Test, "")]);
    check(&fixture, "Other.render", [(Caller, ""), (Callee, ""), (Test, "")]);
    check(GO, "Handler.Serve", [(Caller, ""), (Callee, "Lookup Store, render Handler"), (Test, "")]);
}

const JAVA: &str = r"
//- src/main/java/app/Basket.java
package app;

public class Basket extends Container {
    public int total() {
        return sum() + Money.round(3);
    }

    private int sum() {
        return 1;
    }
}
//- src/main/java/app/Container.java
package app;

public class Container {
    protected int size() {
        return 0;
    }
}
//- src/main/java/app/Money.java
package app;

public class Money {
    public static int round(int value) {
        return value;
    }
}
//- src/main/java/app/Shop.java
package app;

public class Shop {
    public int sell(Basket basket) {
        return basket.total() + new Basket().size();
    }
}
//- src/test/java/app/BasketTest.java
package app;

class BasketTest {
    @Test
    void totals() {
        assertEquals(4, new Basket().total());
    }
}
";

#[test]
fn java() {
    check(
        JAVA,
        "Basket.total",
        [
            (Caller, "sell Shop, totals BasketTest"),
            (Callee, "Money src/main/java/app/Money.java, round Money, sum Basket"),
            (Test, "totals BasketTest"),
        ],
    );
    check(JAVA, "Money.round", [(Caller, "total Basket"), (Callee, ""), (Test, "?totals BasketTest")]);
    check(JAVA, "Container", [(Caller, "Basket src/main/java/app/Basket.java"), (Callee, ""), (Test, "")]);
}

#[test]
fn names_that_every_program_has_are_doubted() {
    let fixture = r#"
//- a.py
class Registry:
    def get(self, name):
        return name
//- b.py
def lookup(settings):
    return settings.get("x")
//- c.py
from a import Registry


def find(registry: Registry):
    return registry.get("x")
"#;
    check(fixture, "Registry.get", [(Caller, "find c.py"), (Callee, ""), (Test, "")]);
}

#[test]
fn parameters_and_variants_are_no_definitions_of_the_name() {
    let fixture = r"
//- src/signal.py
def receiver(signal):
    return signal


def connect(receiver):
    return print(receiver)


def bound(signals):
    receiver = signals
    return print(receiver)
//- src/ready.rs
pub struct Ready;
//- src/task.rs
use std::task::{Poll, ready};

fn poll(count: u32) -> Poll<u32> {
    Poll::Ready(count)
}
";
    check(fixture, "receiver", [(Caller, ""), (Callee, ""), (Test, "")]);
    check(fixture, "Ready", [(Caller, ""), (Callee, ""), (Test, "")]);
}

#[test]
fn names_beyond_ascii_are_related() {
    let fixture = "\n//- a.py\ndef größe_ändern(wert):\n    return wert\n\n\ndef verdoppeln(wert):\n    return größe_ändern(wert * 2)\n";
    check(fixture, "größe_ändern", [(Caller, "verdoppeln a.py"), (Callee, ""), (Test, "")]);
}

#[test]
fn an_ambiguous_name_lists_its_candidates() {
    let indexed = Indexed::of(PYTHON);
    let related = related(&indexed, "total");
    // By a bare name the function is meant, which needs nothing before it.
    assert_eq!(&*related.target.unwrap().container, "shop/prices.py");
    let others: Vec<_> = related.candidates.iter().map(|other| &*other.container).collect();
    assert_eq!(others, ["Price"]);
}

#[test]
fn a_target_is_a_place_or_a_file_too() {
    let indexed = Indexed::of(RUST);
    let snapshot = indexed.snapshot();
    let text = snapshot.text("src/store.rs").unwrap().text;
    let offset = text.find("depth > 3").unwrap() as u32;
    let at = Target::At { path: "src/store.rs".into(), offset };
    let only = RelationKinds::of(&[Caller]);
    let found = snapshot.related(&at, only, 20, &GO_ON).unwrap();
    assert_eq!(&*found.target.as_ref().unwrap().name, "count_rows");
    assert!(found.relations.iter().all(|relation| relation.kind == Caller));
    let caller = found.of(Caller).find(|relation| &*relation.name == "load_all").unwrap();
    assert_eq!(caller.focus.slice(&text), "count_rows");
    assert_eq!(caller.focus_line as usize, text[..caller.focus.start as usize].matches('\n').count());
    let found = snapshot.related(&Target::File("src/store.rs".into()), RelationKinds::ALL, 20, &GO_ON).unwrap();
    assert_eq!(found.target, None);
    assert!(of(&found, Caller).contains("refill Cache"), "{}", of(&found, Caller));
    assert!(snapshot.related(&Target::File("gone.rs".into()), only, 20, &GO_ON).is_err());
}

#[test]
fn what_is_not_there_is_said() {
    let indexed = Indexed::of(RUST);
    for name in ["no_such_name", "", "::", "\0", "💥"] {
        let found = related(&indexed, name);
        assert!(found.target.is_none() && found.notices.contains(&Notice::NoMatch), "{name:?}");
    }
    let target = Target::Symbol("load_all".into());
    let limited = indexed.snapshot().related(&target, RelationKinds::ALL, 1, &GO_ON).unwrap();
    assert!(limited.more.contains(Caller) && !limited.more.contains(RelationKind::Reuse));
    assert_eq!(limited.of(Caller).count(), 1);
    indexed.snapshot().related(&target, RelationKinds::ALL, 20, &STOP).unwrap();
}

#[test]
fn a_helper_that_does_the_same_is_offered() {
    let body = |name: &str, rows: &str| {
        format!(
            "def {name}({rows}, separator, encoding):\n    \"\"\"Joins the rows of a table as comma separated text.\"\"\"\n    lines = []\n    for row in {rows}:\n        cells = [str(cell).strip() for cell in row]\n        lines.append(separator.join(cells))\n    text = \"\\n\".join(lines)\n    return text.encode(encoding)\n"
        )
    };
    let fixture = format!(
        "\n//- export.py\n{}\n//- report.py\n{}\n//- other.py\ndef connect(socket, address):\n    socket.bind(address)\n    return socket\n",
        body("rows_to_csv", "rows"),
        body("table_as_text", "table")
    );
    let indexed = Indexed::of(&fixture);
    assert_eq!(of(&related(&indexed, "table_as_text"), RelationKind::Reuse), "rows_to_csv export.py");
    assert_eq!(of(&related(&indexed, "connect"), RelationKind::Reuse), "");
}
