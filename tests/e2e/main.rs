//! The built program, end to end: one test binary that links once.

mod bad_input;
mod check;
mod check_formats;
mod check_samples;
mod check_terminal;
mod cli_search;
mod crash;
mod damage;
mod eval;
mod golden;
mod grammar_crash;
mod index_places;
mod lsp;
mod master_property;
mod mcp;
mod memory;
mod models;
mod queries;
mod search_terminal;
mod setup;
mod support;
mod unchanged;
mod wide_folders;
