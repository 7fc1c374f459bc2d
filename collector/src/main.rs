//! The binary `vitalscope`: parses, dispatches, reports. What a command does lives in [`collector::cli`].

fn main() -> std::process::ExitCode {
    collector::cli::main()
}
