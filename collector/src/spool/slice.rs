//! How soon the writing thread gets a core. It works for some hundred microseconds and everybody waits for it; with a slice as long
//! as everyone's it only runs when those who wait have nothing left to do, and then the other cores idle through the sync.

use std::mem;

/// Of a core, before another may have it. About what encoding and writing a round takes.
const SLICE_NS: u64 = 100_000;

/// Asks the scheduler for short slices for the calling thread. Needs no right; kernels before 6.12 ignore it, and so may we.
#[cfg(target_os = "linux")]
pub fn ask_for_short_slices() {
    const THIS_THREAD: libc::pid_t = 0;
    let size = mem::size_of::<libc::sched_attr>() as u32;
    // SAFETY: plain integers, for which zero is a value.
    let mut attributes: libc::sched_attr = unsafe { mem::zeroed() };
    // SAFETY: the kernel writes at most `size` bytes, which is what is there.
    let read = unsafe {
        libc::syscall(
            libc::SYS_sched_getattr,
            THIS_THREAD,
            &mut attributes,
            size,
            0,
        )
    };
    // Only ordinary scheduling: where an operator chose another, the run time means something else.
    if read != 0 || attributes.sched_policy != libc::SCHED_OTHER as u32 {
        return;
    }
    attributes.size = size;
    attributes.sched_runtime = SLICE_NS;
    // SAFETY: it is only read.
    unsafe { libc::syscall(libc::SYS_sched_setattr, THIS_THREAD, &attributes, 0) };
}

#[cfg(not(target_os = "linux"))]
pub fn ask_for_short_slices() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_slice_is_what_was_asked_for_and_the_rest_stays() {
        let attributes = || {
            let size = mem::size_of::<libc::sched_attr>() as u32;
            // SAFETY: as above.
            let mut attributes: libc::sched_attr = unsafe { mem::zeroed() };
            // SAFETY: as above.
            let read =
                unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &mut attributes, size, 0) };
            assert_eq!(read, 0);
            attributes
        };
        let before = attributes();
        ask_for_short_slices();
        let after = attributes();
        assert_eq!(after.sched_nice, before.sched_nice);
        assert_eq!(after.sched_policy, before.sched_policy);
        // Before 6.12 there is none to ask for.
        assert!([0, SLICE_NS].contains(&after.sched_runtime));
    }
}
