//! Running other programs: with their output shown, kept, or hidden behind a progress line; each within a time limit.
//! Not here: which programs. Unix only.
//!
//! Every child leads a process group of its own, and a signal to us is passed on to it. So Ctrl-C reaches everything a
//! command started exactly once, and a command that hangs can be ended with all its children.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often a hidden command says that it is still alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long output may go on after its program ended: a grandchild that keeps the pipe open must not hold us.
const OUTPUT_GRACE: Duration = Duration::from_secs(5);
/// Lines of a failed command's log that are shown.
const TAIL_LINES: usize = 15;
/// At most this many children run at once (collector and one client of it).
const SLOTS: usize = 4;

/// Receivers of signals: a process (positive), a group (negative), or nobody (0).
static RECEIVERS: [AtomicI32; SLOTS] = [const { AtomicI32::new(0) }; SLOTS];
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on SIGINT, SIGTERM and SIGHUP go to the children; we end when they have.
pub fn forward_signals() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: the handler touches atomics and calls kill(2), which are allowed in signal handlers.
        unsafe { libc::signal(signal, on_signal as *const () as libc::sighandler_t) };
    }
}

extern "C" fn on_signal(signal: libc::c_int) {
    INTERRUPTED.store(true, Ordering::Relaxed);
    for receiver in &RECEIVERS {
        let pid = receiver.load(Ordering::Relaxed);
        if pid != 0 {
            // SAFETY: plain system call; a pid that is gone only yields an error.
            unsafe { libc::kill(pid, signal) };
        }
    }
}

/// Whether the user asked us to stop.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// A child that receives our signals. Who drops it ends it.
pub struct Running {
    child: Child,
    slot: Option<&'static AtomicI32>,
}

/// Who gets the signals: a build is ended whole; a collector stops its own children in order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Signals {
    Group,
    Leader,
}

impl Running {
    pub fn start(command: &mut Command, signals: Signals) -> Result<Running> {
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", display(command)))?;
        let pid = child.id() as i32;
        let receiver = if signals == Signals::Group { -pid } else { pid };
        let free = |slot: &&AtomicI32| {
            slot.compare_exchange(0, receiver, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        };
        let slot = RECEIVERS.iter().find(free);
        Ok(Running { child, slot })
    }

    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }

    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits at most `limit`, calling `on_beat` every now and then; `None` when the time is over.
    fn wait_within(
        mut self,
        limit: Duration,
        mut on_beat: impl FnMut(Duration),
    ) -> Result<Option<ExitStatus>> {
        let started = Instant::now();
        let group = self.child.id() as i32;
        let (send, receive) = mpsc::channel();
        let waiter = thread::spawn(move || {
            let status = self.wait();
            // The receiver only goes away after a time-out, when nobody asks any more.
            let _ = send.send(status);
        });
        loop {
            let left = limit.saturating_sub(started.elapsed());
            match receive.recv_timeout(left.min(HEARTBEAT)) {
                Ok(status) => return Ok(Some(status?)),
                Err(RecvTimeoutError::Disconnected) => bail!("lost track of a child process"),
                Err(RecvTimeoutError::Timeout) if started.elapsed() < limit => {
                    on_beat(started.elapsed());
                }
                Err(RecvTimeoutError::Timeout) => {
                    // SAFETY: the leader is unreaped until the waiter returns, so the group is still ours.
                    unsafe { libc::kill(-group, libc::SIGKILL) };
                    let _ = waiter.join();
                    return Ok(None);
                }
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if let Some(slot) = self.slot {
            slot.store(0, Ordering::Relaxed);
        }
    }
}

/// Standard output of a short command, trimmed; `None` when it cannot be started or fails.
pub fn capture(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Runs with the output shown as it comes.
pub fn show(command: &mut Command) -> Result<()> {
    let status = Running::start(command, Signals::Group)?.wait()?;
    if !status.success() {
        bail!("{} ended with {status}", display(command));
    }
    Ok(())
}

/// Runs with the output shown and kept. Standard output and error share one pipe, so their order is kept too.
/// Answers whether the command succeeded, and what it said.
pub fn tee(command: &mut Command, limit: Duration) -> Result<(bool, String)> {
    let (mut reader, writer) = io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let running = Running::start(command, Signals::Group)?;
    // The command holds writing ends too; without this the reader would never see the end.
    command.stdout(Stdio::null()).stderr(Stdio::null());

    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut chunk = [0; 8192];
        while let Ok(length @ 1..) = reader.read(&mut chunk) {
            let _ = io::stdout().write_all(&chunk[..length]);
            let _ = io::stdout().flush();
            if send.send(chunk[..length].to_vec()).is_err() {
                break;
            }
        }
    });
    let status = running.wait_within(limit, |_| ())?;
    let mut kept = Vec::new();
    let ended = Instant::now();
    while let Ok(chunk) = receive.recv_timeout(OUTPUT_GRACE.saturating_sub(ended.elapsed())) {
        kept.extend(chunk);
    }
    if status.is_none() {
        println!(
            "xtask: {} was ended after {} s",
            display(command),
            limit.as_secs()
        );
    }
    let text = String::from_utf8_lossy(&kept).into_owned();
    Ok((status.is_some_and(|status| status.success()), text))
}

/// Runs with the output in a file; says now and then that it is still busy. On failure the end of that file is the error.
pub fn hide(command: &mut Command, log: &Path, limit: Duration) -> Result<()> {
    if let Some(dir) = log.parent() {
        fs::create_dir_all(dir)?;
    }
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    command.stdout(file.try_clone()?).stderr(file);
    let running = Running::start(command, Signals::Group)?;
    let status = running.wait_within(limit, |elapsed| {
        let last = tail(log, 1).unwrap_or_default();
        println!("           … {:>4} s  {}", elapsed.as_secs(), last.trim());
    })?;
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!(
            "{} ended with {status}; its last lines (all of it: {}):\n{}",
            display(command),
            log.display(),
            tail(log, TAIL_LINES)?
        ),
        None => bail!(
            "{} took longer than {} s; log: {}",
            display(command),
            limit.as_secs(),
            log.display()
        ),
    }
}

/// The command as one would type it.
pub fn display(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

fn tail(log: &Path, count: usize) -> io::Result<String> {
    let text = String::from_utf8_lossy(&fs::read(log)?).into_owned();
    let mut last = VecDeque::with_capacity(count);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if last.len() == count {
            last.pop_front();
        }
        last.push_back(line);
    }
    Ok(Vec::from(last).join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn tee_keeps_both_streams_in_order_and_the_verdict() {
        let (ok, text) = tee(
            &mut shell("echo one; echo two >&2; echo three; exit 3"),
            Duration::from_secs(20),
        )
        .unwrap();
        assert!(!ok);
        assert_eq!(text, "one\ntwo\nthree\n");
    }

    #[test]
    fn a_hanging_command_is_ended_with_its_children() {
        let started = Instant::now();
        let (ok, text) = tee(
            &mut shell("echo begun; sleep 60 & wait"),
            Duration::from_millis(300),
        )
        .unwrap();
        assert!(!ok);
        assert_eq!(text, "begun\n");
        assert!(started.elapsed() < OUTPUT_GRACE, "the pipe stayed open");
    }

    #[test]
    fn a_failed_hidden_command_shows_the_end_of_its_log() {
        let log = std::env::temp_dir().join(format!("xtask-hide-{}.log", std::process::id()));
        let error = hide(
            &mut shell("seq 1 40; exit 1"),
            &log,
            Duration::from_secs(20),
        )
        .unwrap_err()
        .to_string();
        fs::remove_file(&log).unwrap();
        assert!(error.contains("\n26\n27\n"), "{error}");
        assert!(!error.contains("\n25\n"), "{error}");
    }

    #[test]
    fn capture_answers_only_for_success() {
        assert_eq!(capture(&mut shell("echo ' x '")), Some("x".to_owned()));
        assert_eq!(capture(&mut shell("echo x; exit 1")), None);
        assert_eq!(capture(&mut Command::new("no-such-program-here")), None);
    }
}
