//! The binary `vitalscope`: parses, dispatches, reports. What a command does lives in [`collector::cli`].

/// A beacon is many small texts that live for a millisecond on several threads. The system's allocator took a quarter of the time
/// of taking one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    collector::cli::main()
}
