//! Small disks that can be filled: tmpfs, in a mount namespace of this process alone, so that nothing stays behind whatever happens.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::FallocateFlags;

/// Leaves the machine's mount table. Call it before any thread exists. False where that is not permitted.
pub fn enter_own_namespace() -> bool {
    // SAFETY: plain system calls; this process has one thread.
    unsafe {
        let (uid, gid) = (libc::getuid(), libc::getgid());
        if libc::unshare(libc::CLONE_NEWNS) != 0 {
            if libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS) != 0 {
                return false;
            }
            // The same user inside as outside.
            let mapped = fs::write("/proc/self/setgroups", "deny")
                .and_then(|()| fs::write("/proc/self/uid_map", format!("{uid} {uid} 1")))
                .and_then(|()| fs::write("/proc/self/gid_map", format!("{gid} {gid} 1")));
            if mapped.is_err() {
                return false;
            }
        }
        libc::mount(
            c"none".as_ptr(),
            c"/".as_ptr(),
            std::ptr::null(),
            libc::MS_REC | libc::MS_PRIVATE,
            std::ptr::null(),
        ) == 0
    }
}

/// Puts a file system of `bytes` at `dir`.
pub fn mount(dir: &Path, bytes: u64) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let target = std::ffi::CString::new(dir.as_os_str().as_encoded_bytes())?;
    let options = std::ffi::CString::new(format!("size={bytes}"))?;
    // SAFETY: all three are strings that live until the call returns.
    let outcome = unsafe {
        libc::mount(
            c"tmpfs".as_ptr(),
            target.as_ptr(),
            c"tmpfs".as_ptr(),
            0,
            options.as_ptr().cast(),
        )
    };
    match outcome {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Takes all space of the disk of `dir` but `free_bytes`, until it is dropped.
pub struct Ballast {
    path: std::path::PathBuf,
}

impl Ballast {
    pub fn fill(dir: &Path, free_bytes: u64) -> io::Result<Ballast> {
        let path = dir.join("ballast");
        let file = fs::File::create(&path)?;
        let ballast = Ballast { path };
        let mut step = 16 * 1024 * 1024;
        let mut size = 0;
        loop {
            let stat = rustix::fs::statvfs(dir)?;
            let free = stat.f_bavail * stat.f_frsize;
            if free <= free_bytes || step < 4096 {
                return Ok(ballast);
            }
            let more = step.min(free - free_bytes).max(4096);
            match rustix::fs::fallocate(&file, FallocateFlags::empty(), size, more) {
                Ok(()) => size += more,
                Err(_) => step /= 2,
            }
        }
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path); // the disk goes with the process
    }
}
