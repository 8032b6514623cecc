//! A person who types: one edit after the other, in a document that is mostly made of real code.

use serde_json::{Value, json};

use crate::session::marker;

/// What is typed again and again, each time with another name.
const TYPED: &str = r#"/// Waits until a worker is free and hands the job over; the oldest job goes first.
pub(crate) async fn hand_over_NUMBER(queue: &mut Vec<Job>, workers: &[Worker]) -> Result<usize, Error> {
    let mut handed = 0;
    while let Some(job) = queue.pop() {
        let free = workers.iter().filter(|worker| worker.is_idle()).min_by_key(|worker| worker.load());
        match free {
            Some(worker) => {
                worker.send(job).await.map_err(|error| Error::new(ErrorKind::BrokenPipe, error))?;
                handed += 1;
            }
            None if queue.len() > LIMIT_NUMBER => {
                return Err(Error::other("no worker is free and the queue is full"));
            }
            None => {
                queue.push(job);
                tokio::task::yield_now().await;
            }
        }
    }
    Ok(handed)
}

"#;
/// A mistake is made and taken back every so many edits.
const MISTAKE_EVERY: usize = 17;
/// Lines are pasted every so many edits, and taken out again in between.
const PASTE_EVERY: usize = 80;
/// Lines of a paste.
const PASTED: usize = 200;

/// A document with a cursor.
pub(crate) struct Document {
    /// The text when it is opened.
    pub(crate) text: String,
    /// Line of the definition that has another name after each edit.
    marker_line: usize,
    marker_length: usize,
    /// The lines that were typed, which follow the marker.
    lines: Vec<String>,
    line: usize,
    column: usize,
    /// What is still to be typed of this function.
    rest: std::vec::IntoIter<char>,
    rounds: usize,
    edits: usize,
    mistaken: bool,
    paste: String,
    is_pasted: bool,
}

impl Document {
    /// A document of real code of about that many lines, with a place to type in the middle.
    pub(crate) fn new(code: &str, wanted: usize) -> Self {
        let code: Vec<&str> = code.lines().take(wanted).collect();
        // Between two items.
        let end_of_item =
            |from: usize| (from..code.len()).find(|&line| code[line] == "}").map_or(code.len(), |at| at + 1);
        let middle = end_of_item(code.len() / 2);
        let from = end_of_item(code.len() / 4);
        let paste = code[from..end_of_item(from + PASTED - 1)].join("\n") + "\n";
        let first = format!("fn {}() {{}}", marker(0));
        let parts = [&code[..middle], &["", &first, "", ""], &code[middle..]].concat();
        Self {
            text: parts.join("\n") + "\n",
            marker_line: middle + 1,
            marker_length: marker(0).len(),
            lines: vec![String::new()],
            line: 0,
            column: 0,
            rest: Vec::new().into_iter(),
            rounds: 0,
            edits: 0,
            mistaken: false,
            paste,
            is_pasted: false,
        }
    }

    /// The next edit as changes of the document, which end with the new name of the marker, and the number of the edit.
    pub(crate) fn edit(&mut self) -> (Value, usize) {
        self.edits += 1;
        let typed = self.typed();
        let at = |character: usize| json!({ "line": self.marker_line, "character": character });
        let renamed =
            json!({ "range": { "start": at(3), "end": at(3 + self.marker_length) }, "text": marker(self.edits) });
        (json!([typed, renamed]), self.edits)
    }

    /// One change of what is typed.
    fn typed(&mut self) -> Value {
        if self.edits.is_multiple_of(PASTE_EVERY) {
            self.is_pasted = !self.is_pasted;
            // Behind the marker and before what is typed, at the beginning of a line.
            let (from, lines) = (self.marker_line + 1, self.paste.lines().count());
            return if self.is_pasted {
                change([from, 0, from, 0], &self.paste)
            } else {
                change([from, 0, from + lines, 0], "")
            };
        }
        if self.mistaken {
            self.mistaken = false;
            self.column -= 1;
            self.lines[self.line].remove(self.column);
            return self.change(self.column, self.column + 1, "");
        }
        if self.edits.is_multiple_of(MISTAKE_EVERY) {
            self.mistaken = true;
            return self.insert('q');
        }
        loop {
            let Some(next) = self.rest.next() else {
                self.rounds += 1;
                let text = TYPED.replace("NUMBER", &format!("{:03}", self.rounds));
                self.rest = text.chars().collect::<Vec<_>>().into_iter();
                continue;
            };
            let behind = self.lines[self.line][self.column..].chars().next();
            if next == '\n' {
                if let Some(change) = self.line_break() {
                    return change;
                }
            } else if behind == Some(next) && matches!(next, '}' | ')' | ']' | '"') {
                // The editor has closed it; the cursor passes over.
                self.column += 1;
            } else {
                return self.insert(next);
            }
        }
    }

    /// A character, with what closes it as editors put it in.
    fn insert(&mut self, character: char) -> Value {
        let closing = match character {
            '(' => ")",
            '[' => "]",
            '{' => "}",
            '"' => "\"",
            _ => "",
        };
        let text = format!("{character}{closing}");
        self.lines[self.line].insert_str(self.column, &text);
        self.column += 1;
        self.change(self.column - 1, self.column - 1, &text)
    }

    /// A line break with the indentation of the next line; `None` when the cursor only goes down to a closing brace that
    /// is there already.
    fn line_break(&mut self) -> Option<Value> {
        let indent = self.rest.as_slice().iter().take_while(|&&character| character == ' ').count();
        self.rest.by_ref().take(indent).for_each(drop);
        let closes = self.rest.as_slice().first() == Some(&'}');
        if closes && self.lines.get(self.line + 1).is_some_and(|line| line.trim_start().starts_with('}')) {
            self.line += 1;
            self.column = indent;
            return None;
        }
        let behind = self.lines[self.line].split_off(self.column);
        let column = self.column;
        let mut text = format!("\n{}", " ".repeat(indent));
        let mut added = vec![" ".repeat(indent)];
        if behind.starts_with('}') {
            let outer = " ".repeat(indent.saturating_sub(4));
            text = format!("{text}\n{outer}");
            added.push(format!("{outer}{behind}"));
        } else {
            added[0].push_str(&behind);
        }
        let change = self.change(column, column, &text);
        self.lines.splice(self.line + 1..=self.line, added);
        self.line += 1;
        self.column = indent;
        Some(change)
    }

    /// A change on the cursor's line.
    fn change(&self, from: usize, to: usize, text: &str) -> Value {
        let pasted = if self.is_pasted { self.paste.lines().count() } else { 0 };
        let line = self.marker_line + 1 + pasted + self.line;
        change([line, from, line, to], text)
    }
}

fn change([line, from, to_line, to]: [usize; 4], text: &str) -> Value {
    let range = json!({ "start": { "line": line, "character": from }, "end": { "line": to_line, "character": to } });
    json!({ "range": range, "text": text })
}
