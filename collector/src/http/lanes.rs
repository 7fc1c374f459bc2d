//! Where the connections of strangers are served: a few threads for each core, each with an event loop of its own.
//!
//! A connection stays on the lane that it was given, so the short steps of a beacon (bytes came, the disk has it, bytes go) happen on one
//! thread, and to wake the next one is a push onto that thread's own list. In a shared pool each wake-up looks for a worker that sleeps,
//! and often finds one whose core is taken while another core idles: a tenth fewer beacons a second.

use std::io;
use std::num::NonZero;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Lanes for each core. With one, a lane beside another busy thread has a core too little while its twin idles, and the scheduler cannot
/// halve a thread; the smaller the pieces, the more evenly they lie. Beyond this there was nothing more to gain.
const LANES_PER_CORE: usize = 3;
/// Each has some memory of its own, and long before this many the disk is what decides.
const MAX_LANES: usize = 32;

/// Threads that serve connections. They end, with the connections they have left, when this is dropped.
#[derive(Debug)]
pub struct Lanes {
    lanes: Vec<Lane>,
    next: usize,
}

#[derive(Debug)]
struct Lane {
    handle: Handle,
    /// Its thread waits for this to go away; none where somebody else drives the loop.
    _running: Option<oneshot::Sender<()>>,
}

impl Lanes {
    /// As many as suit this machine.
    ///
    /// # Errors
    /// The system refuses a thread or an event loop.
    pub fn for_all_cores() -> io::Result<Lanes> {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Lanes::start((cores * LANES_PER_CORE).min(MAX_LANES))
    }

    fn start(count: usize) -> io::Result<Lanes> {
        let lanes = (0..count).map(Lane::start);
        Ok(Lanes {
            lanes: lanes.collect::<io::Result<_>>()?,
            next: 0,
        })
    }

    /// The runtime of the caller as the only lane.
    pub fn here() -> Lanes {
        let lane = Lane {
            handle: Handle::current(),
            _running: None,
        };
        Lanes {
            lanes: vec![lane],
            next: 0,
        }
    }

    /// Where the next connection goes: each lane in turn.
    pub fn take_turn(&mut self) -> &Handle {
        let lane = &self.lanes[self.next];
        self.next = (self.next + 1) % self.lanes.len();
        &lane.handle
    }
}

impl Lane {
    fn start(number: usize) -> io::Result<Lane> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (running, ended) = oneshot::channel();
        thread::Builder::new()
            .name(format!("lane-{number}"))
            .spawn(move || {
                let _ = runtime.block_on(ended); // an error says that nobody needs it any more
                runtime.shutdown_background();
            })?;
        Ok(Lane {
            handle,
            _running: Some(running),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lanes_take_turns_and_end_with_what_they_have_left() {
        let mut lanes = Lanes::start(2).expect("threads");
        let mut names = Vec::new();
        for _ in 0..4 {
            let name = lanes.take_turn().spawn(async {
                let thread = thread::current();
                thread.name().map(str::to_owned)
            });
            names.push(name.await.expect("it runs").expect("it has a name"));
        }
        assert_eq!(names, ["lane-0", "lane-1", "lane-0", "lane-1"]);

        let left = lanes.take_turn().spawn(std::future::pending::<()>());
        drop(lanes);
        assert!(left.await.expect_err("it cannot end").is_cancelled());
    }

    #[tokio::test]
    async fn a_lane_may_be_where_one_is() {
        let here = thread::current().id();
        let mut lanes = Lanes::here();
        for _ in 0..2 {
            let there = lanes.take_turn().spawn(async { thread::current().id() });
            assert_eq!(there.await.expect("it runs"), here);
        }
    }
}
