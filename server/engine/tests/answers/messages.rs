//! What a compiler, a test or a program said is answered with the lines that it names, then with what it says in words.

use conexus_core::Query;

use super::{GO_ON, Indexed};

const FIXTURE: &str = r#"
//- shop/cart.py
def add(cart, item):
    """Puts an item into the cart."""
    if item.price < 0:
        raise ValueError(f"the price of {item.name} must not be negative")
    cart.items.append(item)


def total(cart):
    return sum(item.price for item in cart.items)
//- shop/main.py
from shop import cart


def run(items):
    basket = cart.new()
    for item in items:
        cart.add(basket, item)
    print(cart.total(basket))
//- src/lines.rs
/// The line of an offset.
pub fn line_of(starts: &[u32], offset: u32) -> usize {
    starts.partition_point(|&start| start <= offset) - 1
}

/// The text of a line.
pub fn text_of<'a>(text: &'a str, starts: &[u32], line: usize) -> &'a str {
    assert!(line < starts.len(), "no such line in this text");
    &text[starts[line] as usize..]
}
//- src/main/java/com/shop/Order.java
package com.shop;

class Order {
    long total() {
        return lines.stream().mapToLong(Line::price).sum();
    }

    void close() {
        if (closed) throw new IllegalStateException("closed twice");
        closed = true;
    }
}
//- web/load.js
export async function load(path) {
  const answer = await fetch(path);
  return answer.json();
}

export function retry(times, action) {
  return action().catch((error) => (times > 0 ? retry(times - 1, action) : Promise.reject(error)));
}
//- tests/lines.rs
#[test]
fn lines_of_offsets() {
    assert_eq!(line_of(&[0, 5, 11], 5), 1);
}
"#;

#[test]
fn messages_find_their_places() {
    let indexed = Indexed::of(FIXTURE);
    for (text, expected) in [
        ("thread 'main' panicked at src/lines.rs:8:5:\nno such line in this text", "src/lines.rs text_of"),
        ("thread 'main' panicked at src/lines.rs:3:5:\nattempt to subtract with overflow", "src/lines.rs line_of"),
        ("src/lines.rs:3", "src/lines.rs line_of"),
        ("src/lines.rs:3:17", "src/lines.rs line_of"),
        ("error[E0308]: mismatched types\n  --> src/lines.rs:2:50\n   |", "src/lines.rs line_of"),
        ("lines_of_offsets failed at tests/lines.rs:3:5", "tests/lines.rs lines_of_offsets"),
        (
            "Traceback (most recent call last):\n  File \"/srv/shop/main.py\", line 7, in run\n    cart.add(basket, item)\n  \
             File \"/srv/shop/cart.py\", line 4, in add\nValueError: the price of tea must not be negative",
            "shop/cart.py add",
        ),
        ("ValueError: the price of 3 apples must not be negative", "shop/cart.py add"),
        (
            "java.lang.IllegalStateException: closed twice\n\tat com.shop.Order.close(Order.java:9)",
            "src/main/java/com/shop/Order.java close",
        ),
        ("TypeError: answer is undefined\n    at load (/opt/site/web/load.js:3:10)", "web/load.js load"),
        ("web/load.js(7,3): error TS2554: Expected 1 arguments, but got 2.", "web/load.js retry"),
        ("where is the price summed up, see shop/cart.py:9", "shop/cart.py total"),
    ] {
        let answer = indexed.snapshot().search(&Query::new(text), &GO_ON).unwrap();
        let first = answer.hits.first().map(|hit| format!("{} {}", hit.path, hit.name));
        assert_eq!(first.as_deref(), Some(expected), "{text}");
    }
}
