//! For tests alone: workspaces from fixture text, git repositories, random edits, and the built program run in isolation.
//!
//! Everything here panics when something outside the test's subject fails: a test that cannot write its fixture has
//! nothing to report.

mod edits;
mod git;
mod lsp;
mod program;
mod random;
mod wait;
mod workspace;

pub use edits::{Edit, Pick, character_boundary, edits, picks, typed_over, typed_texts};
pub use git::Repository;
pub use lsp::{LspClient, file_uri};
pub use program::{Program, Run, Running, run, start};
pub use random::check_random;
pub use wait::{wait_for, wait_until};
pub use workspace::Workspace;
