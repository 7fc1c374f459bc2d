//! What runs in the child process: the engine, until standard input ends. The parent holds the other end of that pipe and
//! writes nothing, so the child's input ends when the parent does, however it ends: no orphan keeps the data folder.

use std::ffi::{CString, c_char, c_int, c_void};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

/// The hidden subcommand by which the binary runs itself.
pub const SUBCOMMAND: &str = "__clickhouse-child";
pub const LIBRARY: &str = "library";
pub const EXECUTABLE: &str = "executable";

/// The library's entry point: a whole clickhouse-local with a command line, in this process.
type QueryCommandLine = unsafe extern "C" fn(argc: c_int, argv: *mut *mut c_char) -> *mut c_void;
type ResultError = unsafe extern "C" fn(result: *mut c_void) -> *const c_char;

/// Runs the engine; `arguments` are `library|executable`, its path, and its command line. Call it before any thread or runtime
/// exists. Never returns: the engine's destructors must not run while its threads do.
pub fn main(arguments: &[String]) -> ! {
    let [kind, path, rest @ ..] = arguments else {
        eprintln!("{SUBCOMMAND} is started by vitalscope itself");
        exit(2);
    };
    let outcome = match kind.as_str() {
        LIBRARY => run_library(Path::new(path), rest),
        _ => run_executable(Path::new(path), rest),
    };
    if let Err(error) = outcome {
        eprintln!("{error:#}");
        exit(1);
    }
    exit(0);
}

fn run_library(path: &Path, arguments: &[String]) -> anyhow::Result<()> {
    end_with_input(|| ());
    // The engine reads the program's name from the first argument.
    let arguments = std::iter::once("clickhouse")
        .chain(arguments.iter().map(String::as_str))
        .map(CString::new)
        .collect::<Result<Vec<_>, _>>()?;
    let mut pointers: Vec<*mut c_char> = arguments
        .iter()
        .map(|argument| argument.as_ptr().cast_mut())
        .chain(std::iter::once(std::ptr::null_mut()))
        .collect();
    // SAFETY: the file is the vendor's library, named by the administrator or installed by our own tool; the two signatures are
    // those of its header; `arguments` outlives the call, and argv ends with a null as C wants it.
    unsafe {
        let library = libloading::Library::new(path)?;
        let run: libloading::Symbol<'_, QueryCommandLine> = library.get(b"chdb_query_cmdline\0")?;
        let error: libloading::Symbol<'_, ResultError> = library.get(b"chdb_result_error\0")?;
        let result = run(arguments.len() as c_int, pointers.as_mut_ptr());
        let message = if result.is_null() {
            std::ptr::null()
        } else {
            error(result)
        };
        // It only comes back when it could not start, or the query that keeps it alive was ended.
        if !message.is_null() {
            anyhow::bail!("{}", std::ffi::CStr::from_ptr(message).to_string_lossy());
        }
    }
    anyhow::bail!("the engine returned")
}

fn run_executable(path: &Path, arguments: &[String]) -> anyhow::Result<()> {
    let mut command = Command::new(path);
    command.arg("local").args(arguments).stdin(Stdio::null());
    die_with_parent(&mut command);
    let mut engine = command.spawn()?;
    let pid = engine.id();
    end_with_input(move || kill(pid));
    let status = engine.wait()?;
    anyhow::bail!("the engine ended: {status}")
}

/// Ends this process when its input does.
fn end_with_input(before: impl Fn() + Send + 'static) {
    std::thread::spawn(move || {
        let mut scratch = [0u8; 64];
        while matches!(std::io::stdin().read(&mut scratch), Ok(count) if count > 0) {}
        before();
        exit(0);
    });
}

/// A kill -9 of this process reaches the engine below it too. Called on the main thread, which lives as long as the process.
fn die_with_parent(command: &mut Command) {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::process::CommandExt;
        // SAFETY: prctl is async-signal-safe and touches no memory of ours.
        unsafe {
            command.pre_exec(|| {
                if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) == 0 {
                    Ok(())
                } else {
                    Err(std::io::Error::last_os_error())
                }
            });
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = command;
}

fn kill(pid: u32) {
    // SAFETY: a plain system call; the process is our child and not yet reaped, so the id is its own.
    unsafe {
        libc::kill(pid as libc::pid_t, libc::SIGKILL);
    }
}

/// Ends at once, without running C++ destructors under live threads. Every acknowledged insert is on disk already.
fn exit(code: i32) -> ! {
    // SAFETY: does not return, runs nothing.
    unsafe { libc::_exit(code) }
}
