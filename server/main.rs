//! Conexus: arguments to front ends; no logic.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
