//! Subcommands: each parses its arguments, calls one part of the library and prints.

/// Parses the command line and runs it.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
