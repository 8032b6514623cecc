//! For tests alone: workspaces from fixture text, git repositories, random edits, and the built program run in isolation.
//!
//! Everything here panics when something outside the test's subject fails: a test that cannot write its fixture has
//! nothing to report.

mod edits;
mod endpoint;
mod git;
mod lsp;
mod program;
mod random;
mod tiny_transformer;
mod wait;
mod workspace;

pub use edits::{Edit, Pick, character_boundary, edits, picks, typed_over, typed_texts};
pub use endpoint::Endpoint;
pub use git::Repository;
pub use lsp::{LspClient, file_uri};
pub use program::{Program, Run, Running, run, start};
pub use random::check_random;
pub use tiny_transformer::TinyTransformer;
pub use wait::{wait_for, wait_until};
pub use workspace::Workspace;

/// A function in Rust that is long enough to be told from others when it stands twice.
pub const PARSE_DURATION: &str = r#"/// Reads a duration such as `90s` or `5m`.
pub fn parse_duration(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().ok()?;
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    number.checked_mul(factor)
}
"#;

/// The same function under other names, as somebody writes it who does not know of it.
pub fn duration_copied() -> String {
    let copied = PARSE_DURATION.split_inclusive('\n').skip(1).collect::<String>();
    [
        ("pub fn parse_duration", "pub fn read_pause"),
        ("text", "input"),
        ("split", "at"),
        ("at_at", "split_at"),
        ("letter", "c"),
        ("number", "count"),
        ("unit", "suffix"),
        ("factor", "seconds"),
    ]
    .iter()
    .fold(copied, |copied, (from, to)| copied.replace(from, to))
}
